//! `tshark -T ek`: newline-delimited JSON to records, in chunks of any size.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use bytes::Bytes;
use chrono::DateTime;

use super::ek_field::{EkField, EkFields};
use super::{ek_repair, ek_visitor};
use crate::model::Timestamp;

/// What tshark printed of one frame, or of one record of the PDU feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EkRecord {
    /// Number of the frame; of the feed: the row.
    pub frame: u64,
    /// Its time.
    pub time: Timestamp,
    /// Whether the capture kept only the beginning of the frame.
    pub cut: bool,
    /// Who sent it.
    pub source: Option<SocketAddr>,
    /// To whom.
    pub destination: Option<SocketAddr>,
    /// Wireshark's number of the TCP conversation.
    pub tcp_stream: Option<u32>,
    /// SMB1 messages, whole.
    pub smb1: Vec<Bytes>,
    /// SMB2 messages, in order.
    pub messages: Vec<EkMessage>,
    /// Fields of the layers beside SMB2.
    pub fields: EkFields,
}

/// One SMB2 message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EkMessage {
    /// The message from its `ProtocolId` on; a chained one ends where the next begins. Empty when tshark ran without `-x`.
    pub bytes: Bytes,
    /// What was decrypted or decompressed from it.
    pub inner: Vec<EkMessage>,
    /// Its fields, also those of logins within.
    pub fields: EkFields,
}

/// Something else than EK JSON.
#[derive(Debug, thiserror::Error)]
pub enum EkError {
    /// A line is no JSON, or not as tshark writes it.
    #[error("line {line} of tshark's output cannot be read")]
    Json {
        /// The line, from 1.
        line: u64,
        /// Why.
        source: serde_json::Error,
    },
    /// A record lacks a field, or it has a value that cannot be.
    #[error("line {line} of tshark's output has no readable {field}")]
    Field {
        /// The line, from 1.
        line: u64,
        /// The field's name in Wireshark.
        field: &'static str,
    },
}

/// Reads records from chunks of tshark's output.
#[derive(Debug, Default)]
pub struct EkParser {
    buffer: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to where there is no line end.
    searched: usize,
    lines: u64,
    ended: bool,
}

impl EkParser {
    /// A parser that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// No more bytes will come: a last line without its end counts.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The next record of what was pushed; None when more bytes are needed. After an error the line is skipped.
    pub fn next_record(&mut self) -> Option<Result<EkRecord, EkError>> {
        loop {
            let line = self.next_line()?;
            let number = self.lines;
            let layers = match ek_visitor::layers(&self.buffer[line]) {
                Ok(Some(layers)) => layers,
                // An index line, or an empty one.
                Ok(None) => continue,
                Err(source) => return Some(Err(EkError::Json { line: number, source })),
            };
            let record = record_of(layers);
            return Some(record.map_err(|field| EkError::Field { line: number, field }));
        }
    }

    fn next_line(&mut self) -> Option<std::ops::Range<usize>> {
        let start = self.start;
        while let Some(at) = memchr::memchr(b'\n', &self.buffer[self.searched..]) {
            let end = self.searched + at;
            match ek_repair::goes_on(&self.buffer[start..end], &self.buffer[end + 1..]) {
                None if !self.ended => return None,
                Some(true) => self.searched = end + 1,
                None | Some(false) => {
                    self.start = end + 1;
                    self.searched = end + 1;
                    self.lines += 1;
                    return Some(start..end);
                }
            }
        }
        self.searched = self.buffer.len();
        if !self.ended || start == self.buffer.len() {
            return None;
        }
        self.start = self.buffer.len();
        self.lines += 1;
        Some(start..self.buffer.len())
    }
}

/// The layers of a record as the visitor collects them.
#[derive(Debug, Default)]
pub(super) struct Layers {
    pub(super) smb1: Vec<Bytes>,
    pub(super) smb2: EkMessage,
}

fn record_of(layers: Layers) -> Result<EkRecord, &'static str> {
    let Layers { smb1, smb2: EkMessage { inner, fields, .. } } = layers;
    let frame = number(&fields, EkField::FrameNumber).ok_or("frame.number")?;
    let time = fields.first(EkField::FrameTimeEpoch).and_then(time_of).ok_or("frame.time_epoch")?;
    let socket = |v4, v6, port| {
        let address: IpAddr = fields.last(v4).or(fields.last(v6))?.parse().ok()?;
        Some(SocketAddr::new(address, number(&fields, port)?))
    };
    let length = |field| number::<u64>(&fields, field);
    Ok(EkRecord {
        frame,
        time,
        cut: length(EkField::FrameCapturedLength) < length(EkField::FrameLength),
        source: socket(EkField::Ipv4Source, EkField::Ipv6Source, EkField::TcpSourcePort),
        destination: socket(EkField::Ipv4Destination, EkField::Ipv6Destination, EkField::TcpDestinationPort),
        tcp_stream: number(&fields, EkField::TcpStream),
        smb1,
        messages: inner,
        fields,
    })
}

fn number<T: FromStr>(fields: &EkFields, field: EkField) -> Option<T> {
    fields.last(field)?.parse().ok()
}

/// `1795314733.705029000` as tshark 4.0 prints it, or `2026-11-22T02:32:13.705029000Z` as others do.
/// The time of a record; what is beyond all times, in a damaged capture, is the last, as for our own reader.
pub(super) fn time_of(text: &str) -> Option<Timestamp> {
    if text.contains('T') {
        let time = DateTime::parse_from_rfc3339(text).ok()?;
        let beyond = if time.timestamp() > 0 { i64::MAX } else { i64::MIN };
        return Some(Timestamp(time.timestamp_nanos_opt().unwrap_or(beyond)));
    }
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = seconds.parse::<i64>().ok()?.saturating_mul(1_000_000_000);
    let nanoseconds: i64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    Some(Timestamp(whole.saturating_add(if seconds.starts_with('-') { -nanoseconds } else { nanoseconds })))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_time_beyond_all_times_is_the_last_and_costs_no_record() {
        assert_eq!(time_of("11928415263.387950000"), Some(Timestamp(i64::MAX)));
        assert_eq!(time_of("2348-01-01T00:00:00.5Z"), Some(Timestamp(i64::MAX)));
        assert_eq!(time_of("1.5"), Some(Timestamp(1_500_000_000)));
    }

    const STREAM: &str = concat!(
        r#"{"index":{"_index":"packets-2026-11-22","_type":"doc"}}"#,
        "\n",
        r#"{"timestamp":"1","layers":{"frame":{"frame_frame_time_epoch":"1795314733.705029001","frame_frame_number":"4"},"#,
        r#""eth":{"filtered":"eth"},"ip":{"ip_ip_src":"127.0.0.1","ip_ip_dst":"127.0.0.2"},"#,
        r#""tcp":{"tcp_tcp_srcport":"50000","tcp_tcp_dstport":"445","tcp_tcp_stream":"7","text":"a","text":"b"},"#,
        r#""smb2_raw":"fe534d42","smb2":{"text":["x","y"],"smb2_smb2_ses_flags_guest":true,"gss-api":{"#,
        r#""ntlmssp":{"ntlmssp_ntlmssp_auth_username":"an\u00e4\\é","ntlmssp_ntlmssp_string_length":"1","#,
        r#""ntlmssp_ntlmssp_string_length":"2","ntlmssp_ntlmssp_auth_domain":"NULL"}}}}}"#,
        "\n",
        r#"{"index":{"_index":"packets-2026-11-22","_type":"doc"}}"#,
        "\n",
        r#"{"layers":{"frame":{"frame_frame_time_epoch":"2026-11-22T02:32:13.705029001Z","frame_frame_number":5},"#,
        r#""ipv6":[{"ipv6_ipv6_src":"::1","ipv6_ipv6_dst":"::2"},{"ipv6_ipv6_src":"::3","ipv6_ipv6_dst":"::4"}],"#,
        r#""tcp":{"tcp_tcp_srcport":"445","tcp_tcp_dstport":"50000","tcp_tcp_stream":"7"},"#,
        r#""smb2_raw":["fd534d42","fe534d4201"],"smb2":[{"smb2_raw":["fe534d4202","fe534d4203"],"smb2":[{},"#,
        r#"{"smb2_smb2_ses_flags_null":"1"}]},{"smb2_smb2_ses_flags_null":false}],"smb_raw":"ff534d4272"}}"#,
    );

    fn read(chunks: &[&[u8]]) -> Vec<EkRecord> {
        let mut parser = EkParser::new();
        let mut records = Vec::new();
        for chunk in chunks {
            parser.push(chunk);
            while let Some(record) = parser.next_record() {
                records.push(record.expect("a record"));
            }
        }
        parser.end();
        while let Some(record) = parser.next_record() {
            records.push(record.expect("a record"));
        }
        records
    }

    #[test]
    fn records_hold_addresses_messages_and_what_is_nested_in_them() {
        let records = read(&[STREAM.as_bytes()]);
        let [first, second] = &records[..] else { panic!("{records:?}") };
        assert_eq!((first.frame, first.time, first.tcp_stream), (4, Timestamp(1_795_314_733_705_029_001), Some(7)));
        assert_eq!(first.source.map(|a| a.to_string()).as_deref(), Some("127.0.0.1:50000"));
        assert_eq!(first.messages[0].bytes, &b"\xFESMB"[..]);
        assert_eq!(first.messages[0].fields.text(EkField::NtlmUser), Some("anä\\é"));
        assert_eq!(first.messages[0].fields.text(EkField::NtlmDomain), None);
        assert!(first.messages[0].fields.is_true(EkField::SessionIsGuest));
        assert_eq!(second.time, first.time);
        assert_eq!(second.source.map(|a| a.to_string()).as_deref(), Some("[::3]:445"));
        let inner: Vec<_> = second.messages[0].inner.iter().map(|message| message.bytes[4]).collect();
        assert_eq!(inner, [2, 3]);
        assert!(second.messages[0].inner[1].fields.is_true(EkField::SessionIsNull));
        assert_eq!(second.messages[1].bytes, &b"\xFESMB\x01"[..]);
        assert!(!second.messages[1].fields.is_true(EkField::SessionIsNull));
        assert_eq!(second.smb1, [&b"\xFFSMB\x72"[..]]);
    }

    #[test]
    fn a_field_printed_twice_in_one_object_is_there_twice() {
        let line = br#"{"layers":{"frame":{"frame_frame_time_epoch":"1.5","frame_frame_number":"1"},
            "smb2":{"ntlmssp_ntlmssp_auth_domain":"A","x":0,"ntlmssp_ntlmssp_auth_domain":["B","C"]}}}"#;
        let line: Vec<u8> = line.iter().copied().filter(|byte| *byte != b'\n').collect();
        let records = read(&[&line]);
        let domains: Vec<_> = records[0].messages[0].fields.all(EkField::NtlmDomain).collect();
        assert_eq!(domains, ["A", "B", "C"]);
        assert_eq!(records[0].time, Timestamp(1_500_000_000));
    }

    #[test]
    fn names_that_are_not_utf_8_do_not_stop_the_rest() {
        let line = b"{\"layers\":{\"frame\":{\"frame_frame_time_epoch\":\"1\",\"frame_frame_number\":\"1\"},\
            \"smb2_raw\":\"fe534d42\",\"smb2\":{\"smb2_smb2_filename\":\"lone \xED\xA0\x80\"}}}";
        assert_eq!(read(&[line])[0].messages[0].bytes, &b"\xFESMB"[..]);
    }

    #[test]
    fn garbage_in_times_is_read_past() {
        for garbage in [&b"{f\xC3~"[..], b"\x17\x08\x7f", b"a\"b", b"\\", b"x\ny", b"\n{", b"", b"\x00\x01"] {
            let mut line = br#"{"layers":{"frame":{"frame_frame_time_epoch":"1","frame_frame_number":"1"},"#.to_vec();
            line.extend(br#""smb2_raw":"fe534d42","smb2":{"smb2_smb2_create_time":"60056-05-28T05:36:"#);
            line.extend(garbage);
            line.extend(b".955161500Z\",\"smb2_smb2_ses_flags_null\":\"1\"}}}\n");
            let records = read(&[&line, &line[..40], &line[40..]]);
            assert_eq!(records.len(), 2, "{garbage:?}");
            assert!(records.iter().all(|record| record.messages[0].fields.is_true(EkField::SessionIsNull)));
        }
    }

    #[test]
    fn a_broken_line_is_an_error_that_names_it_and_the_next_is_read() {
        let mut parser = EkParser::new();
        parser.push(b"{\"index\":{}}\n{\"layers\":{\"frame\":\n{\"layers\":{\"frame\":{}}}\n");
        parser.push(b"{\"layers\":{\"frame\":{\"frame_frame_time_epoch\":\"1\",\"frame_frame_number\":\"1\"}}}\n");
        let mut next = || parser.next_record().expect("a line");
        assert!(matches!(next(), Err(EkError::Json { line: 2, .. })));
        assert!(matches!(next(), Err(EkError::Field { line: 3, field: "frame.number" })));
        assert!(next().is_ok());
        assert!(parser.next_record().is_none());
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_records(cuts: Vec<prop::sample::Index>) {
            let bytes = STREAM.as_bytes();
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<_> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
            prop_assert_eq!(read(&chunks), read(&[bytes]));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>, json in "[\\[\\]{}\":,0-9a-z_]*") {
            for input in [&bytes[..], json.as_bytes()] {
                let mut parser = EkParser::new();
                parser.push(input);
                parser.end();
                while parser.next_record().is_some() {}
            }
        }
    }
}
