//! The story of a session.

use super::error::{DatasetError, ErrorKind, UseCaseError};
use super::events::{Events, Warning, WhyNoWire};
use super::find::{TraceRequest, choose_session};
use super::reading::operations;
use super::tshark_lines::{Reading, each_line};
use super::tshark_use::TsharkUse;
use crate::analyse::{Lifecycle, StoryPart, StoryPoint, wire_points};
use crate::dissect::wire_event;
use crate::model::{SessionEntry, Timestamp, WireEvent};
use crate::store::{Dataset, Projection};
use crate::tools::{Keys, Profile, ToolError, Tshark};

/// Whose story.
#[derive(Clone, Debug, Default)]
pub struct LifecycleRequest {
    /// The capture.
    pub trace: TraceRequest,
    /// The session; it can be left out if there is only one.
    pub session: Option<String>,
    /// The tshark that finds ARP and the handshakes of TCP in the capture; without it they are left out.
    pub tshark: TsharkUse,
}

/// The story of a session.
#[derive(Clone, Debug)]
pub struct Story {
    /// The time of the capture's first packet.
    pub beginning: Timestamp,
    /// What happened, in the order of the frames.
    pub points: Vec<StoryPoint>,
}

/// A story that cannot be told.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LifecycleError {
    /// The dataset or the session.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// tshark is missing, or failed.
    #[error(transparent)]
    Tool(#[from] ToolError),
}

impl UseCaseError for LifecycleError {
    fn kind(&self) -> ErrorKind {
        match self {
            Self::Dataset(error) => error.kind(),
            Self::Tool(error) => error.into(),
        }
    }
}

/// Tells the story of a session: how it was set up, what it did, how it ended, each with the frame and a display filter.
///
/// ```
/// use smbreplay::app::{self, IngestRequest, LifecycleRequest, Quiet, StoryPart, TraceRequest, TsharkUse};
///
/// let folder = tempfile::tempdir()?;
/// let capture = "fixtures/quickstart/capture.pcapng";
/// app::ingest(&IngestRequest::of(capture).with_output(folder.path()).without_tshark(), &Quiet)?;
///
/// let trace = TraceRequest::of(capture).with_output(folder.path());
/// let request = LifecycleRequest { trace, session: Some("1".to_owned()), tshark: TsharkUse::Without };
/// let story = app::lifecycle(&request, &Quiet)?;
/// assert!(story.points.is_sorted_by_key(|point| point.frame));
/// # assert!(story.points.iter().any(|point| point.part != StoryPart::Tcp));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The dataset or the session is not there, or cannot be read; tshark is missing or fails.
pub fn lifecycle(request: &LifecycleRequest, events: &dyn Events) -> Result<Story, LifecycleError> {
    let dataset = request.trace.open()?;
    let session = choose_session(&dataset, request.session.as_deref())?;
    let user = session.login.account();
    let mut story = Lifecycle::default();
    for operation in operations(&dataset, session, Projection::PdusOf(Lifecycle::BODIES), &events.cancel())? {
        story.add(&operation?, &user);
    }
    let mut points = story.finish();
    points.extend(of_the_wire(&dataset, session, &request.tshark, events)?);
    // What a packet says of TCP comes before what it carries.
    points.sort_by_key(|point| (point.frame, point.part != StoryPart::Arp && point.part != StoryPart::Tcp));
    Ok(Story { beginning: dataset.beginning(), points })
}

/// ARP and TCP: from the capture by tshark, else the ends of connections that the dataset knows.
fn of_the_wire(
    dataset: &Dataset,
    session: &SessionEntry,
    tshark: &TsharkUse,
    events: &dyn Events,
) -> Result<Vec<StoryPoint>, LifecycleError> {
    if *tshark != TsharkUse::Without {
        match why_no_wire(dataset) {
            Some(why) => events.warning(&Warning::NoWireEvents(why)),
            None => {
                if let Some(located) = tshark.locate()? {
                    let tshark = Tshark::new(located, Profile::new(&Keys::default())?);
                    let server = session.server.rsplit_once(':').map_or("", |(address, _)| address);
                    return Ok(wire_points(&wire_events(&tshark, dataset, session, events)?, server));
                }
            }
        }
    }
    let ends = &dataset.manifest().connection_ends;
    Ok(ends
        .iter()
        .filter(|end| session.tcp_streams.contains(&end.tcp_stream))
        .map(|end| StoryPoint {
            frame: end.frame,
            time: Timestamp(end.time_ns),
            part: StoryPart::Tcp,
            text: "FIN or RST: the connection ends".to_owned(),
            display_filter: format!(
                "tcp.stream == {} && (tcp.flags.fin == 1 || tcp.flags.reset == 1)",
                end.tcp_stream
            ),
        })
        .collect())
}

/// Why tshark has nothing to look at.
fn why_no_wire(dataset: &Dataset) -> Option<WhyNoWire> {
    let capture = dataset.place().capture();
    if dataset.manifest().capture.paths.len() != 1 {
        Some(WhyNoWire::SeveralFiles)
    } else if !capture.is_file() {
        Some(WhyNoWire::CaptureGone(capture.to_owned()))
    } else {
        None
    }
}

fn wire_events(
    tshark: &Tshark,
    dataset: &Dataset,
    session: &SessionEntry,
    events: &dyn Events,
) -> Result<Vec<WireEvent>, LifecycleError> {
    let ports = dataset.manifest().ports();
    let command = tshark.wire_events_command(dataset.place().capture(), &ports, &session.tcp_streams);
    let mut found = Vec::new();
    match each_line(tshark, command, events, |line| found.extend(wire_event(line)))? {
        Reading::Whole => {}
        Reading::Partial(messages) => events.warning(&Warning::PartlyRead { messages }),
        Reading::Cancelled => return Err(DatasetError::Cancelled.into()),
    }
    Ok(found)
}
