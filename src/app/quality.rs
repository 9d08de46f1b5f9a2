//! What a reader of a dataset must know of the capture it was made from.

use crate::report::{bytes_in_words, counted, thousands};
use crate::store::Quality;

/// What of the capture is not in the dataset, or odd in it.
pub fn quality_warnings(quality: &Quality, repaired: bool) -> Vec<String> {
    let mut warnings = Vec::new();
    for damage in &quality.damage {
        let way_on = if repaired { "" } else { " (--repair lets pcapfix try)" };
        warnings.push(format!("damaged: {damage}; what is whole was ingested{way_on}"));
    }
    if quality.cut_packets > 0 {
        let packets = counted(quality.cut_packets, "packet was", "packets were");
        warnings.push(format!("{packets} captured only in part (snapshot length); what was cut off is missing"));
    }
    if quality.gaps > 0 {
        let stretches = counted(quality.gaps, "stretch of an SMB connection is", "stretches of SMB connections are");
        let missing = bytes_in_words(quality.gap_bytes);
        warnings.push(format!("{stretches} not in the capture ({missing})"));
    }
    if quality.unreadable_bytes > 0 {
        let bytes = bytes_in_words(quality.unreadable_bytes);
        warnings.push(format!("{bytes} on ports of SMB could not be read as messages"));
    }
    if quality.undecrypted_messages > 0 {
        let messages = counted(quality.undecrypted_messages, "sealed message", "sealed messages");
        let remedy = "give --nt-password-file, --keytab or --session-key to open them";
        warnings.push(format!("{messages} stayed closed; {remedy}"));
    }
    if quality.compressed_messages > 0 {
        let messages = counted(quality.compressed_messages, "compressed message", "compressed messages");
        warnings.push(format!("{messages} could not be read"));
    }
    if !quality.anomalies.is_empty() {
        let kinds: Vec<_> =
            quality.anomalies.iter().map(|(kind, number)| format!("{} {kind}", thousands(*number))).collect();
        let rows = quality.anomalies.values().sum();
        let anomalies = counted(rows, "anomaly", "anomalies");
        warnings.push(format!("{anomalies} in operations: {}", kinds.join(", ")));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_in_words_that_fit_its_number() {
        assert!(quality_warnings(&Quality::default(), false).is_empty());
        let one = Quality {
            cut_packets: 1,
            gaps: 1,
            gap_bytes: 1,
            unreadable_bytes: 1,
            undecrypted_messages: 1,
            compressed_messages: 1,
            anomalies: [("truncated".to_owned(), 1)].into(),
            ..Quality::default()
        };
        let several = Quality {
            cut_packets: 2,
            gaps: 2000,
            gap_bytes: 2000,
            unreadable_bytes: 17,
            undecrypted_messages: 2,
            compressed_messages: 2,
            anomalies: [("no_response".to_owned(), 1200), ("truncated".to_owned(), 1)].into(),
            damage: vec!["x".to_owned()],
            ..Quality::default()
        };
        assert_eq!(
            quality_warnings(&one, false),
            [
                "1 packet was captured only in part (snapshot length); what was cut off is missing",
                "1 stretch of an SMB connection is not in the capture (1 byte)",
                "1 byte on ports of SMB could not be read as messages",
                "1 sealed message stayed closed; give --nt-password-file, --keytab or --session-key to open them",
                "1 compressed message could not be read",
                "1 anomaly in operations: 1 truncated",
            ]
        );
        assert_eq!(
            quality_warnings(&several, false),
            [
                "damaged: x; what is whole was ingested (--repair lets pcapfix try)",
                "2 packets were captured only in part (snapshot length); what was cut off is missing",
                "2,000 stretches of SMB connections are not in the capture (2.0 KiB)",
                "17 bytes on ports of SMB could not be read as messages",
                "2 sealed messages stayed closed; give --nt-password-file, --keytab or --session-key to open them",
                "2 compressed messages could not be read",
                "1,201 anomalies in operations: 1,200 no_response, 1 truncated",
            ]
        );
    }
}
