//! The operations that a frame is a part of, in full.

use serde_json::Value;

use crate::app::{self, FrameRequest, TraceRequest};
use crate::cli::args::SessionArgs;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Format, Output, OutputError};
use crate::cli::terminal::Terminal;
use crate::model::Operation;
use crate::report::{operation_detail_json, write_operation_detail};

/// Shows them.
pub(super) fn show(
    trace: TraceRequest,
    session: Option<String>,
    frame: u64,
    args: &SessionArgs,
) -> Result<(), Failure> {
    if args.format == Format::Csv {
        let failure = Failure::message(ExitStatus::Usage, "an operation in full is no row of CSV");
        return Err(failure.remedy("--format table, json or ndjson"));
    }
    let request = FrameRequest { trace, session, frame, dissect: args.dissect };
    let detail = app::session_frame(&request, &Terminal::default())?;
    let (operations, dissected) = (detail.operations, detail.dissection);
    if args.format != Format::Table {
        return print_json(&operations, dissected, args.format);
    }
    let mut output = Output::paged(!args.no_pager);
    for (number, operation) in operations.iter().enumerate() {
        if number > 0 {
            output.line("")?;
        }
        write_operation_detail(operation, &mut output).map_err(OutputError::from)?;
    }
    for line in dissected.unwrap_or_default() {
        output.line(&line)?;
    }
    output.flush()?;
    Ok(())
}

fn print_json(operations: &[Operation], dissected: Option<Vec<String>>, format: Format) -> Result<(), Failure> {
    let mut output = Output::stdout();
    let mut values: Vec<Value> = operations.iter().map(operation_detail_json).collect();
    if let (Some(lines), Some(Value::Object(first))) = (dissected, values.first_mut()) {
        first.insert("tshark".into(), lines.join("\n").into());
    }
    if format == Format::Json {
        output.line(&format!("{:#}", Value::Array(values)))?;
    } else {
        for value in &values {
            output.line(&value.to_string())?;
        }
    }
    output.flush()?;
    Ok(())
}
