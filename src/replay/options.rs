//! What the user decides about a replay, as values.

use std::sync::Arc;
use std::time::Duration;

use super::noise::NoiseModel;
use super::threshold::Threshold;

/// What a step waits for before it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ordering {
    /// Every operation whose response the client had seen before it sent this one: the captured concurrency, no more and
    /// no less.
    #[default]
    Captured,
    /// Only what it truly depends on: session, tree, open, path with its parents, byte range.
    Resource,
    /// Everything before it.
    Serial,
}

impl Ordering {
    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Captured => "captured",
            Self::Resource => "resource",
            Self::Serial => "serial",
        }
    }
}

/// When a step is sent, once what it waits for is done.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Pacing {
    /// At once.
    #[default]
    Asap,
    /// At its captured time from the start of the capture.
    Captured,
    /// As long after what it waited for as the captured client took.
    Think,
    /// The captured timeline, this many times as fast.
    Scaled(f64),
}

/// The pacing is none of `asap captured think xN`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no pacing; there are asap, captured, think and xN (x2.5: two and a half times as fast)")]
pub struct UnknownPacing(String);

impl std::str::FromStr for Pacing {
    type Err = UnknownPacing;

    fn from_str(text: &str) -> Result<Self, UnknownPacing> {
        match text {
            "asap" => Ok(Self::Asap),
            "captured" => Ok(Self::Captured),
            "think" => Ok(Self::Think),
            _ => text
                .strip_prefix('x')
                .and_then(|factor| factor.parse().ok())
                .filter(|factor: &f64| factor.is_finite() && *factor > 0.0)
                .map(Self::Scaled)
                .ok_or_else(|| UnknownPacing(text.to_owned())),
        }
    }
}

impl std::fmt::Display for Pacing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Asap => f.pad("asap"),
            Self::Captured => f.pad("captured"),
            Self::Think => f.pad("think"),
            Self::Scaled(factor) => write!(f, "x{factor}"),
        }
    }
}

/// What happens to the rest of a run when the server drops a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConnectionLoss {
    /// The other connections go on.
    #[default]
    Continue,
    /// The run ends there.
    Stop,
}

/// How a run goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// What a step waits for.
    pub ordering: Ordering,
    /// When it is sent then.
    pub pacing: Pacing,
    /// No pause of the captured timeline is longer than this.
    pub max_gap: Option<Duration>,
    /// How long a step waits for its answer, beyond the time that the captured server took for it.
    pub step_timeout: Duration,
    /// How long a captured break is waited for once everything that the client had seen before it has happened.
    pub break_timeout: Duration,
    /// When the server drops a connection.
    pub on_connection_loss: OnConnectionLoss,
    /// Send nothing that could change the server.
    pub read_only: bool,
    /// How many copies of the workload run at once, each in a folder of its own when there are several.
    pub clones: u32,
    /// How many times they do, one after another.
    pub iterations: u32,
    /// Keep the bytes of every response in the outcomes.
    pub keep_responses: bool,
    /// What differs between runs by itself; what it covers does not count as diverging.
    pub noise: Option<Arc<NoiseModel>>,
    /// When the run has failed; if there are none, when anything diverged or was skipped.
    pub thresholds: Vec<Threshold>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ordering: Ordering::default(),
            pacing: Pacing::default(),
            max_gap: None,
            step_timeout: Duration::from_secs(30),
            break_timeout: Duration::from_secs(5),
            on_connection_loss: OnConnectionLoss::default(),
            read_only: false,
            clones: 1,
            iterations: 1,
            keep_responses: false,
            noise: None,
            thresholds: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pacings_parse_as_they_are_written() {
        for text in ["asap", "captured", "think", "x2.5"] {
            assert_eq!(text.parse::<Pacing>().map(|pacing| pacing.to_string()), Ok(text.to_owned()));
        }
        for text in ["x0", "x-1", "xinf", "fast", "2"] {
            assert!(text.parse::<Pacing>().is_err(), "{text}");
        }
    }
}
