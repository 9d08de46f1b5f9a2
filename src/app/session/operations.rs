//! The operations of a session, one by one.

use super::filter::OperationFilter;
use crate::app::cancel::CancelToken;
use crate::app::error::DatasetError;
use crate::app::events::Events;
use crate::app::find::{TraceRequest, choose_session};
use crate::model::{Operation, SessionEntry, Timestamp};
use crate::store::{Dataset, OperationReader, Projection};

/// Which operations of a session.
#[derive(Clone, Debug, Default)]
pub struct SessionRequest {
    /// The capture.
    pub trace: TraceRequest,
    /// The session; it can be left out if there is only one.
    pub session: Option<String>,
    /// Which of its operations.
    pub filter: OperationFilter,
}

impl SessionRequest {
    /// The dataset and the session in it.
    pub(super) fn open(&self) -> Result<(Dataset, SessionEntry), DatasetError> {
        let dataset = self.trace.open()?;
        let session = choose_session(&dataset, self.session.as_deref())?.clone();
        Ok((dataset, session))
    }
}

/// Iterates over the operations of a session in the order of their requests. They are read as they are asked for.
pub struct SessionOperations {
    reader: OperationReader,
    filter: OperationFilter,
    cancel: CancelToken,
    beginning: Option<Timestamp>,
    ended: bool,
}

impl SessionOperations {
    pub(super) fn new(reader: OperationReader, filter: OperationFilter, cancel: CancelToken) -> Self {
        Self { reader, filter, cancel, beginning: None, ended: false }
    }

    /// The time of the session's first operation, wanted or not; zero as long as none has been read.
    pub fn beginning(&self) -> Timestamp {
        self.beginning.unwrap_or_default()
    }

    fn read(&mut self) -> Result<Option<Operation>, DatasetError> {
        for operation in self.reader.by_ref() {
            if self.cancel.is_cancelled() {
                return Err(DatasetError::Cancelled);
            }
            let operation = operation?;
            self.beginning = self.beginning.or(operation.first_time());
            let beginning = self.beginning.unwrap_or_default();
            if self.filter.takes(&operation, beginning) {
                return Ok(Some(operation));
            }
            if self.filter.is_past(&operation, beginning) {
                break;
            }
        }
        Ok(None)
    }
}

impl Iterator for SessionOperations {
    type Item = Result<Operation, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.read().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Reads the operations of a session, without the bytes of their messages.
///
/// ```
/// use smbreplay::app::{self, IngestRequest, OperationFilter, Quiet, SessionRequest, TraceRequest};
///
/// let folder = tempfile::tempdir()?;
/// let capture = "fixtures/quickstart/capture.pcapng";
/// app::ingest(&IngestRequest::of(capture).with_output(folder.path()).without_tshark(), &Quiet)?;
///
/// let trace = TraceRequest::of(capture).with_output(folder.path());
/// let filter = OperationFilter { commands: app::parse_commands(&["create".to_owned()])?, ..OperationFilter::default() };
/// let request = SessionRequest { trace, session: Some("1".to_owned()), filter };
/// let mut creates = 0;
/// for operation in app::session_operations(&request, &Quiet)? {
///     assert_eq!(operation?.command.to_string(), "CREATE");
///     creates += 1;
/// }
/// assert!(creates > 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The dataset or the session is not there, or cannot be read.
pub fn session_operations(request: &SessionRequest, events: &dyn Events) -> Result<SessionOperations, DatasetError> {
    let (dataset, session) = request.open()?;
    let reader = dataset.operations(&session, Projection::WithoutPdus)?;
    Ok(SessionOperations::new(reader, request.filter.clone(), events.cancel()))
}
