//! Points in time as people type them.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, NaiveTime, TimeDelta};

use crate::model::Timestamp;

/// A point in time, absolute or by the beginning of what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// RFC 3339.
    At(Timestamp),
    /// A time of day in UTC; on the day of the beginning, or the next if that is earlier.
    TimeOfDay(NaiveTime),
    /// Nanoseconds after the beginning.
    After(i64),
}

impl Moment {
    /// The point itself.
    pub fn from(self, beginning: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::After(nanoseconds) => Timestamp(beginning.0.saturating_add(nanoseconds)),
            Self::TimeOfDay(time) => {
                let mut at = beginning.utc().date_naive().and_time(time).and_utc();
                // To the second: who copies a time that was shown without its fraction means that second.
                if at.timestamp() < beginning.utc().timestamp() {
                    at += TimeDelta::days(1);
                }
                at.timestamp_nanos_opt().map_or(beginning, Timestamp)
            }
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(time) = DateTime::parse_from_rfc3339(text)
            && let Some(nanoseconds) = time.timestamp_nanos_opt()
        {
            return Ok(Self::At(Timestamp(nanoseconds)));
        }
        if let Ok(time) = NaiveTime::parse_from_str(text, "%H:%M:%S%.f") {
            return Ok(Self::TimeOfDay(time));
        }
        let after = parse_seconds(text).ok().and_then(|after| i64::try_from(after.as_nanos()).ok());
        after.map(Self::After).ok_or_else(|| {
            "a time is expected: 2026-11-22T02:32:13.5Z, 02:32:13.5 (UTC), or seconds from the beginning: 12.5, 250ms"
                .to_owned()
        })
    }
}

/// Seconds with a fraction; `ms` or `s` may stand behind them.
///
/// # Errors
/// What is no such number, in words.
pub fn parse_seconds(text: &str) -> Result<Duration, String> {
    let (number, unit) = match text.strip_suffix("ms") {
        Some(number) => (number, 0.001),
        None => (text.strip_suffix('s').unwrap_or(text), 1.0),
    };
    let value: Result<f64, _> = number.trim().parse();
    value
        .ok()
        .and_then(|value| Duration::try_from_secs_f64(value * unit).ok())
        .ok_or_else(|| "a number of seconds is expected: 5, 0.25, 250ms".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_absolute_of_the_day_or_after_the_beginning() {
        let beginning: Moment = "2026-11-22T23:59:58.5Z".parse().unwrap();
        let beginning = beginning.from(Timestamp(0));
        let since = |text: &str| text.parse::<Moment>().unwrap().from(beginning).since(beginning);
        assert_eq!(since("1.5"), 1_500_000_000);
        assert_eq!(since("20ms"), 20_000_000);
        assert_eq!(since("23:59:59"), 500_000_000);
        assert_eq!(since("23:59:58"), -500_000_000);
        assert_eq!(since("00:00:01"), 2_500_000_000);
        assert_eq!(since("2026-11-23T01:00:00+01:00"), 1_500_000_000);
        assert!("yesterday".parse::<Moment>().is_err());
    }
}
