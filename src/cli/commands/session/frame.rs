//! The operations that a frame is a part of, in full.

use std::collections::BTreeSet;
use std::io::BufRead;

use serde_json::Value;

use crate::cli::args::SessionArgs;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Format, Output, OutputError};
use crate::model::{Operation, SessionEntry};
use crate::report::{operation_detail_json, write_operation_detail};
use crate::store::Dataset;
use crate::tools::{Input, Keys, Profile, Tool, ToolError, Tshark};

/// Shows them.
pub(super) fn show(dataset: &Dataset, session: &SessionEntry, frame: u64, args: &SessionArgs) -> Result<(), Failure> {
    if args.format == Format::Csv {
        let failure = Failure::message(ExitStatus::Usage, "an operation in full is no row of CSV");
        return Err(failure.remedy("--format table, json or ndjson"));
    }
    let operations: Vec<Operation> = dataset.operations_at_frame(session, frame)?.collect::<Result<_, _>>()?;
    if operations.is_empty() {
        let text = format!("frame {frame} completes no message of session {}", session.id);
        let remedy = "`smbreplay session ID` shows the frames; a message in several packets is in its last one";
        return Err(Failure::message(ExitStatus::Usage, text).remedy(remedy));
    }
    let dissected = if args.dissect { Some(dissected(dataset, &operations)?) } else { None };
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

/// tshark's own text of every frame of the operations.
fn dissected(dataset: &Dataset, operations: &[Operation]) -> Result<Vec<String>, Failure> {
    let manifest = dataset.manifest();
    if manifest.capture.paths.len() != 1 {
        let text = "the dataset is of several capture files, and tshark counts the frames of each anew";
        return Err(Failure::message(ExitStatus::Usage, text).remedy("mergecap makes one file of them"));
    }
    let capture = dataset.place().capture();
    if !capture.is_file() {
        let text = format!("{}: the capture is not there any more, and only it has the frames", capture.display());
        return Err(Failure::message(ExitStatus::Unreadable, text));
    }
    let tshark = Tshark::new(Tool::Tshark.locate(None)?, Profile::new(&Keys::default())?);
    let ports: Vec<u16> = manifest.ports();
    let frames: BTreeSet<u64> = operations.iter().flat_map(Operation::parts).map(|part| part.frame).collect();
    let mut lines = Vec::new();
    for frame in frames {
        let mut child = tshark.verbose_frame_command(capture, &ports, frame).spawn(Input::Null)?;
        lines.push(String::new());
        if let Some(output) = child.take_output() {
            for line in output.lines() {
                let run = |source| ToolError::Run { path: tshark.located().path.clone(), source };
                lines.push(line.map_err(run)?);
            }
        }
        child.finish()?;
    }
    Ok(lines)
}
