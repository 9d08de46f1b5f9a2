//! The text of a threshold: `METRIC [(COMMAND)] RELATION NUMBER [UNIT]`.

use std::fmt;

use super::outcome::Class;
use super::threshold::{Limit, METRICS, Metric, Relation, Threshold};
use crate::model::Command;

/// A text that is no threshold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThresholdError {
    text: String,
    /// Characters before what is wrong.
    before: usize,
    what: String,
}

impl ThresholdError {
    /// The column where it goes wrong, from 1.
    pub fn column(&self) -> usize {
        self.before + 1
    }
}

impl std::error::Error for ThresholdError {}

impl fmt::Display for ThresholdError {
    /// What is wrong, then the text with a mark below the place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { text, before, what } = self;
        write!(f, "column {}: {what}\n  {text}\n  {:before$}^", self.column(), "")
    }
}

/// A text that is read from its beginning to its end.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip_spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// What fits from here on.
    fn take(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    fn wrong(&self, at: usize, what: impl Into<String>) -> ThresholdError {
        let before = self.text[..at].chars().count();
        ThresholdError { text: self.text.to_owned(), before, what: what.into() }
    }
}

/// Reads a threshold.
pub(super) fn parse(text: &str) -> Result<Threshold, ThresholdError> {
    let mut reader = Reader { text, at: 0 };
    reader.skip_spaces();
    let metric = metric(&mut reader)?;
    reader.skip_spaces();
    let command = command(&mut reader, metric)?;
    reader.skip_spaces();
    let relation = relation(&mut reader)?;
    reader.skip_spaces();
    let limit = limit(&mut reader, metric)?;
    reader.skip_spaces();
    if !reader.rest().is_empty() {
        return Err(reader.wrong(reader.at, "nothing more is expected here"));
    }
    Ok(Threshold { text: text.trim().to_owned(), metric, command, relation, limit })
}

fn metric(reader: &mut Reader<'_>) -> Result<Metric, ThresholdError> {
    let start = reader.at;
    let name = reader.take(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '/'));
    Metric::parse(&name.to_ascii_lowercase()).ok_or_else(|| {
        let named = METRICS.iter().map(|(name, _)| *name).filter(|name| *name != "p999");
        let known: Vec<_> = named.chain(Class::NAMES).collect();
        let said =
            if name.is_empty() { "a metric is expected".to_owned() } else { format!("there is no metric {name}") };
        reader.wrong(start, format!("{said}; there are {}", known.join(", ")))
    })
}

fn command(reader: &mut Reader<'_>, metric: Metric) -> Result<Option<Command>, ThresholdError> {
    let open = reader.at;
    if !reader.eat("(") {
        return Ok(None);
    }
    if !metric.by_command() {
        return Err(reader.wrong(open, "this metric is about the whole run, not about a command"));
    }
    reader.skip_spaces();
    let start = reader.at;
    let name = reader.take(|c| c.is_ascii_alphanumeric() || c == '_');
    let command = Command::parse(name).ok_or_else(|| {
        reader.wrong(start, format!("{name:?} is no command of SMB2; READ or TREE_CONNECT are some"))
    })?;
    reader.skip_spaces();
    match reader.eat(")") {
        true => Ok(Some(command)),
        false => Err(reader.wrong(reader.at, "a closing ) is expected")),
    }
}

fn relation(reader: &mut Reader<'_>) -> Result<Relation, ThresholdError> {
    const RELATIONS: [(&str, Relation); 7] = [
        ("<=", Relation::AtMost),
        (">=", Relation::AtLeast),
        ("==", Relation::Equal),
        ("!=", Relation::Unequal),
        ("<", Relation::Less),
        (">", Relation::More),
        ("=", Relation::Equal),
    ];
    let found = RELATIONS.into_iter().find(|(text, _)| reader.eat(text));
    found.map(|(_, relation)| relation).ok_or_else(|| reader.wrong(reader.at, "one of < <= > >= == != is expected"))
}

fn limit(reader: &mut Reader<'_>, metric: Metric) -> Result<Limit, ThresholdError> {
    let start = reader.at;
    let digits = reader.take(|c| c.is_ascii_digit() || c == '.');
    let number: f64 = digits.parse().map_err(|_| reader.wrong(start, "a number is expected"))?;
    reader.skip_spaces();
    let at = reader.at;
    let unit = reader.take(|c| c.is_alphabetic() || c == '%');
    let (limit, units) = match metric {
        Metric::Latency(_) | Metric::Elapsed => {
            let times = time_unit(unit).map(|factor| Limit::Time(number * factor));
            let several = (unit == "x").then_some(Limit::TimesCaptured(number));
            (times.or(several), "ns, us, ms, s, min, or x for times the captured value")
        }
        Metric::OpsPerSecond => {
            let plain = unit.is_empty().then_some(Limit::Number(number));
            let several = (unit == "x").then_some(Limit::TimesCaptured(number));
            (plain.or(several), "none, or x for times the captured value")
        }
        Metric::BytesPerSecond => {
            let bytes = byte_unit(unit).map(|factor| Limit::Number(number * factor));
            let several = (unit == "x").then_some(Limit::TimesCaptured(number));
            (bytes.or(several), "B, kB, KiB, MB, MiB, GB, GiB, or x for times the captured value")
        }
        _ => {
            let plain = unit.is_empty().then_some(Limit::Number(number));
            let percent = (unit == "%").then_some(Limit::Percent(number));
            (plain.or(percent), "none, or % of the steps")
        }
    };
    limit.ok_or_else(|| {
        let said = if unit.is_empty() { "a unit is missing".to_owned() } else { format!("{unit} is no unit for it") };
        reader.wrong(at, format!("{said}; the units here are: {units}"))
    })
}

/// Nanoseconds of a unit.
fn time_unit(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1.0,
        "us" | "µs" | "μs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "min" => 60e9,
        _ => return None,
    })
}

fn byte_unit(unit: &str) -> Option<f64> {
    Some(match unit {
        "" | "B" => 1.0,
        "kB" => 1e3,
        "KiB" => 1024.0,
        "MB" => 1e6,
        "MiB" => 1024.0 * 1024.0,
        "GB" => 1e9,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::threshold::Rank;
    use super::*;

    #[test]
    fn thresholds_read_as_they_are_written() {
        let parsed = |text: &str| {
            let threshold: Threshold = text.parse().unwrap_or_else(|error| panic!("{error}"));
            (threshold.metric, threshold.command, threshold.relation, threshold.limit)
        };
        assert_eq!(parsed("status>0"), (Metric::Class("status"), None, Relation::More, Limit::Number(0.0)));
        assert_eq!(
            parsed("p99(READ)>50ms"),
            (Metric::Latency(Rank::P99), Some(Command::Read), Relation::More, Limit::Time(50e6))
        );
        assert_eq!(
            parsed(" P99.9 ( tree_connect ) >= 1.5 x "),
            (Metric::Latency(Rank::P999), Some(Command::TreeConnect), Relation::AtLeast, Limit::TimesCaptured(1.5))
        );
        assert_eq!(parsed("match<99%"), (Metric::Class("match"), None, Relation::Less, Limit::Percent(99.0)));
        assert_eq!(parsed("ops/s<1000"), (Metric::OpsPerSecond, None, Relation::Less, Limit::Number(1000.0)));
        assert_eq!(parsed("bytes/s<10MiB").3, Limit::Number(10_485_760.0));
        assert_eq!(parsed("elapsed>2min").3, Limit::Time(120e9));
        assert_eq!(parsed("max!=3µs"), (Metric::Latency(Rank::Max), None, Relation::Unequal, Limit::Time(3e3)));
    }

    #[test]
    fn errors_point_at_the_column() {
        for (text, column, says) in [
            ("", 1, "a metric is expected"),
            ("p98>5ms", 1, "there is no metric p98; there are diverged, noise"),
            ("p99(REED)>5ms", 5, "\"REED\" is no command"),
            ("ops/s(READ)<5", 6, "about the whole run"),
            ("p99(READ>5ms", 9, "a closing )"),
            ("p99(READ) 5ms", 11, "one of <"),
            ("p99>ms", 5, "a number"),
            ("p99>5", 6, "a unit is missing"),
            ("p99>5%", 6, "% is no unit for it"),
            ("status>5ms", 9, "ms is no unit"),
            ("status>5 6", 10, "nothing more"),
            ("status>1.2.3", 8, "a number"),
        ] {
            let error = text.parse::<Threshold>().unwrap_err();
            assert_eq!(error.column(), column, "{text}: {error}");
            assert!(error.to_string().contains(says), "{error}");
        }
        let shown = "p99(REED)>5ms".parse::<Threshold>().unwrap_err().to_string();
        assert!(shown.ends_with("\n  p99(REED)>5ms\n      ^"), "{shown}");
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_a_panic(text in "\\PC{0,24}") {
            let _ = text.parse::<Threshold>().map_err(|error| error.to_string());
        }
    }
}
