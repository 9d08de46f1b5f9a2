//! From PDUs and operations to facts: pairing, opens and their paths, summaries. Pure functions over `model`.

mod activity;
mod byte_ranges;
mod connection;
mod contents;
mod facts;
mod files;
mod findings;
mod latency_sketch;
mod lifecycle;
mod local_name;
mod opens;
mod pairing;
mod requests;
mod responses;
mod rpc_calls;
mod session_totals;
mod session_window;
mod smb1;
mod statistics;
#[cfg(test)]
mod testing;
mod trees_and_opens;

pub use activity::{
    CommandHeat, Distribution, Distributions, HeatMap, HeatMapReport, NamedCounts, OperationPoints, PointsReport,
    TimeSeries, TimeSeriesReport, TimedOperation,
};
pub use byte_ranges::ByteRanges;
pub use contents::{ContentStep, Contents, FileVersion};
pub use files::{FileActivity, files_of};
pub use findings::{Finding, FindingKind, Findings};
pub use latency_sketch::{LatencySketch, LatencySummary};
pub use lifecycle::{Lifecycle, StoryPart, StoryPoint, wire_points};
pub use local_name::{local_path, versioned};
pub use opens::{FailedOpen, FileFate, Open, OpenEnd, Opens, Point};
pub use pairing::{PairedOperation, Pairing, PairingCounts, SessionSlot};
pub use session_totals::SessionTotals;
pub use session_window::WindowLimits;
pub use smb1::{Smb1Activity, Smb1File, Smb1Login, Smb1Operation, smb1_activity};
pub use statistics::{
    ErrorCount, GroupBy, GroupSummary, QueueDepth, SessionTime, SizeCount, SlowOperation, Statistics,
    StatisticsReport, TransferSummary, WorkingSet,
};
