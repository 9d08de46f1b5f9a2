//! Thresholds: conditions under which a run has failed, as `p99(READ)>50ms`.

use std::fmt;
use std::str::FromStr;

use super::latency::Percentiles;
use super::outcome::Class;
use super::summary::{CommandSummary, RunSummary};
use super::threshold_parse::{self, ThresholdError};
use crate::model::Command;

/// A condition under which a run has failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// As it was typed.
    pub text: String,
    /// What is measured.
    pub metric: Metric,
    /// Of which command; None for all.
    pub command: Option<Command>,
    /// How it is compared.
    pub relation: Relation,
    /// With what.
    pub limit: Limit,
}

/// What is measured of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Steps of a class, by its name.
    Class(&'static str),
    /// Steps that diverged by themselves.
    Diverged,
    /// Steps that diverged in what a noise model covers.
    Noise,
    /// All steps, without the engine's own.
    Steps,
    /// Steps sent more than 2 ms after they were due.
    Late,
    /// A percentile of the target's latencies.
    Latency(Rank),
    /// Requests a second.
    OpsPerSecond,
    /// Payload of READs and WRITEs a second.
    BytesPerSecond,
    /// How long the run took.
    Elapsed,
}

/// A percentile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Rank {
    P50,
    P90,
    P99,
    P999,
    Max,
}

/// The names of metrics beside those of classes.
pub(super) const METRICS: [(&str, Metric); 13] = [
    ("diverged", Metric::Diverged),
    ("noise", Metric::Noise),
    ("steps", Metric::Steps),
    ("late", Metric::Late),
    ("p50", Metric::Latency(Rank::P50)),
    ("p90", Metric::Latency(Rank::P90)),
    ("p99", Metric::Latency(Rank::P99)),
    ("p99.9", Metric::Latency(Rank::P999)),
    ("p999", Metric::Latency(Rank::P999)),
    ("max", Metric::Latency(Rank::Max)),
    ("ops/s", Metric::OpsPerSecond),
    ("bytes/s", Metric::BytesPerSecond),
    ("elapsed", Metric::Elapsed),
];

impl Metric {
    /// The metric of a name.
    pub fn parse(name: &str) -> Option<Self> {
        let class = || Class::NAMES.into_iter().find(|class| *class == name).map(Self::Class);
        METRICS.iter().find(|(known, _)| *known == name).map(|(_, metric)| *metric).or_else(class)
    }

    /// Whether it can be told by command.
    pub(super) fn by_command(self) -> bool {
        matches!(self, Self::Class(_) | Self::Diverged | Self::Noise | Self::Steps | Self::Latency(_))
    }
}

/// How a measured value is compared with the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Relation {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
    Unequal,
}

impl Relation {
    fn holds(self, measured: f64, limit: f64) -> bool {
        match self {
            Self::Less => measured < limit,
            Self::AtMost => measured <= limit,
            Self::More => measured > limit,
            Self::AtLeast => measured >= limit,
            Self::Equal => measured == limit,
            Self::Unequal => measured != limit,
        }
    }
}

/// What a metric is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// A plain number: steps, requests a second, bytes a second.
    Number(f64),
    /// Of the steps, in percent.
    Percent(f64),
    /// A time in nanoseconds.
    Time(f64),
    /// So many times what was captured.
    TimesCaptured(f64),
}

/// What became of a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// The condition does not hold.
    Passed,
    /// It holds, or what it is about was to be measured and could not be.
    Failed,
    /// The run has no step of that kind.
    NothingToJudge,
}

/// A threshold and what a run came to.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Judged {
    /// As it was typed.
    pub expression: String,
    /// What became of it.
    pub judgement: Judgement,
    /// What was measured, for people.
    pub observed: String,
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        threshold_parse::parse(text)
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// A measured value in the unit of the limit, and for people.
struct Measured {
    value: f64,
    limit: f64,
    text: String,
}

impl Threshold {
    /// Judges a run.
    pub fn judge(&self, summary: &RunSummary) -> Judged {
        let judged = |judgement, observed: String| Judged { expression: self.text.clone(), judgement, observed };
        let of_command = self.command.map(|command| {
            let name = command.to_string();
            (summary.commands.iter().find(|known| known.command == name), name)
        });
        let command = match &of_command {
            Some((None, name)) => return judged(Judgement::NothingToJudge, format!("the run has no {name}")),
            Some((Some(command), _)) => Some(*command),
            None => None,
        };
        match self.measure(summary, command) {
            Some(Measured { value, limit, text }) if self.relation.holds(value, limit) => {
                judged(Judgement::Failed, text)
            }
            Some(Measured { text, .. }) => judged(Judgement::Passed, text),
            None => judged(Judgement::Failed, "nothing was measured".to_owned()),
        }
    }

    fn measure(&self, summary: &RunSummary, command: Option<&CommandSummary>) -> Option<Measured> {
        let steps = command.map_or(summary.steps - summary.own - summary.not_selected(), |command| command.steps);
        let class = |name: &str| {
            let classes = command.map_or(&summary.classes, |command| &command.classes);
            classes.get(name).copied().unwrap_or(0)
        };
        match self.metric {
            Metric::Class(name) => self.count(class(name), steps),
            Metric::Diverged => self.count(command.map_or(summary.diverged(), |command| command.diverged), steps),
            Metric::Noise => self.count(command.map_or(summary.noise, |command| command.noise), steps),
            Metric::Steps => self.count(steps, steps),
            Metric::Late => self.count(summary.late, steps),
            Metric::Latency(rank) => {
                let (was, is) = match command {
                    Some(command) => (command.captured_latency, command.replayed_latency),
                    None => (summary.captured_latency, summary.replayed_latency),
                };
                self.time(rank.of(&is?), was.map(|was| rank.of(&was)))
            }
            Metric::Elapsed => {
                let nanoseconds = |time: std::time::Duration| time.as_secs_f64() * 1e9;
                self.time(nanoseconds(summary.elapsed), Some(nanoseconds(summary.captured_elapsed)))
            }
            Metric::OpsPerSecond => {
                let seconds = summary.captured_elapsed.as_secs_f64();
                self.rate(summary.ops_per_second(), "requests", summary.sent as f64 / seconds)
            }
            Metric::BytesPerSecond => {
                let bytes = (summary.bytes_read + summary.bytes_written) as f64;
                let captured = summary.captured_elapsed.as_secs_f64();
                self.rate(bytes / summary.elapsed.as_secs_f64(), "bytes", bytes / captured)
            }
        }
    }

    fn count(&self, count: usize, steps: usize) -> Option<Measured> {
        match self.limit {
            Limit::Percent(limit) => {
                let value = if steps == 0 { return None } else { 100.0 * count as f64 / steps as f64 };
                Some(Measured { value, limit, text: format!("{value:.2} % ({count} of {steps})") })
            }
            Limit::Number(limit) => Some(Measured { value: count as f64, limit, text: count.to_string() }),
            _ => None,
        }
    }

    fn time(&self, value: f64, captured: Option<f64>) -> Option<Measured> {
        let shown = |nanoseconds: f64| format!("{:.3} ms", nanoseconds / 1e6);
        match self.limit {
            Limit::Time(limit) => Some(Measured { value, limit, text: shown(value) }),
            Limit::TimesCaptured(limit) => {
                let captured = captured.filter(|captured| *captured > 0.0)?;
                let text = format!("{:.2}x ({}, captured {})", value / captured, shown(value), shown(captured));
                Some(Measured { value: value / captured, limit, text })
            }
            _ => None,
        }
    }

    fn rate(&self, value: f64, of: &str, captured: f64) -> Option<Measured> {
        match self.limit {
            Limit::Number(limit) if value.is_finite() => {
                Some(Measured { value, limit, text: format!("{value:.0} {of}/s") })
            }
            Limit::TimesCaptured(limit) if value.is_finite() && captured.is_finite() && captured > 0.0 => {
                let text = format!("{:.2}x ({value:.0} {of}/s, captured {captured:.0})", value / captured);
                Some(Measured { value: value / captured, limit, text })
            }
            _ => None,
        }
    }
}

impl Rank {
    fn of(self, percentiles: &Percentiles) -> f64 {
        let nanoseconds = match self {
            Self::P50 => percentiles.p50_ns,
            Self::P90 => percentiles.p90_ns,
            Self::P99 => percentiles.p99_ns,
            Self::P999 => percentiles.p999_ns,
            Self::Max => percentiles.max_ns,
        };
        nanoseconds as f64
    }
}
