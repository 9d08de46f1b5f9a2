//! `smbreplay smb1`: what was done over SMB1, to look at.

use anstyle::AnsiColor;

use crate::app::{self, Smb1Activity, Smb1File, Smb1Login, Smb1Operation, Smb1Request};
use crate::cli::args::{Smb1Args, Smb1Part};
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Format, Output};
use crate::cli::shown;
use crate::cli::terminal::Terminal;
use crate::model::{Timestamp, path};

/// Runs it.
pub fn run(args: &Smb1Args) -> Result<ExitStatus, Failure> {
    let request = Smb1Request { file: args.file.clone(), ports: args.port.clone(), tshark: args.tshark.clone() };
    let report = app::smb1(&request, &Terminal::default())?;
    print(&report.activity, args)?;
    Ok(if report.partial { ExitStatus::Unreadable } else { ExitStatus::Done })
}

fn print(activity: &Smb1Activity, args: &Smb1Args) -> Result<(), Failure> {
    let mut output = Output::paged(!args.no_pager);
    match (args.format, args.show) {
        (Format::Json, None) => output.json(activity)?,
        (Format::Json, Some(Smb1Part::Logins)) => output.json(&activity.logins)?,
        (Format::Json, Some(Smb1Part::Files)) => output.json(&activity.files)?,
        (Format::Json, Some(Smb1Part::Operations)) => output.json(&activity.operations)?,
        (Format::Ndjson, Some(Smb1Part::Logins)) => output.json_lines(&activity.logins)?,
        (Format::Ndjson, Some(Smb1Part::Files)) => output.json_lines(&activity.files)?,
        (Format::Ndjson, _) => output.json_lines(&activity.operations)?,
        (format, Some(Smb1Part::Logins)) => output = logins(output, format, &activity.logins)?,
        (format, Some(Smb1Part::Files)) => output = files(output, format, &activity.files)?,
        (format @ Format::Csv, None) | (format, Some(Smb1Part::Operations)) => {
            output = operations(output, format, &activity.operations)?;
        }
        (Format::Table, None) => {
            if !activity.logins.is_empty() {
                output = logins(output, Format::Table, &activity.logins)?;
                output.line("")?;
            }
            if !activity.files.is_empty() {
                output = files(output, Format::Table, &activity.files)?;
                output.line("")?;
            }
            let count = shown::counted(activity.operations.len() as u64, "operation", "operations");
            output.line(&format!("{count}, none replayable; --show operations lists them"))?;
        }
    }
    output.flush()?;
    Ok(())
}

fn logins(output: Output, format: Format, logins: &[Smb1Login]) -> Result<Output, Failure> {
    let columns = vec![
        Column::number("frame"),
        Column::text("client"),
        Column::text("server"),
        Column::text("user"),
        Column::text("domain"),
        Column::text("workstation"),
        Column::text("status"),
    ];
    let mut table = output.table(format, columns);
    for login in logins {
        let cell = |text: &Option<String>| text.as_ref().map_or_else(Cell::empty, |text| text.clone().into());
        let guest = if login.guest { " (guest)" } else { "" };
        table.row(vec![
            login.frame.into(),
            login.client.clone().into(),
            login.server.clone().into(),
            cell(&login.user),
            cell(&login.domain),
            cell(&login.workstation),
            status(login.status.as_deref(), false, guest),
        ])?;
    }
    Ok(table.finish()?)
}

fn files(output: Output, format: Format, files: &[Smb1File]) -> Result<Output, Failure> {
    let columns = vec![
        Column::text("share"),
        Column::text("name"),
        Column::number("opens"),
        Column::number("failed"),
        Column::number("reads"),
        Column::number("read"),
        Column::number("writes"),
        Column::number("written"),
        Column::number("closes"),
        Column::number("first"),
        Column::number("last"),
        Column::text("users"),
        Column::text("what"),
    ];
    let mut table = output.table(format, columns);
    for file in files {
        let share = file.share.as_deref().unwrap_or_default();
        table.row(vec![
            Cell::new(share).shown(path::share_name(share)),
            shown::path(Some(&file.path), None),
            file.opens.into(),
            file.failed.into(),
            file.reads.into(),
            Cell::new(file.bytes_read).shown(shown::bytes(file.bytes_read)),
            file.writes.into(),
            Cell::new(file.bytes_written).shown(shown::bytes(file.bytes_written)),
            file.closes.into(),
            file.frames.0.into(),
            file.frames.1.into(),
            file.users.clone().into(),
            what(file).into(),
        ])?;
    }
    Ok(table.finish()?)
}

fn what(file: &Smb1File) -> String {
    let renamed = file.renamed_to.iter().map(|to| format!("renamed to {to}"));
    renamed.chain(file.deleted.then(|| "deleted".to_owned())).collect::<Vec<_>>().join(", ")
}

fn operations(output: Output, format: Format, operations: &[Smb1Operation]) -> Result<Output, Failure> {
    let columns = vec![
        Column::number("frame"),
        Column::number("time"),
        Column::number("latency"),
        Column::text("user"),
        Column::text("command"),
        Column::text("share"),
        Column::text("path"),
        Column::text("status"),
        Column::number("bytes"),
    ];
    let mut table = output.table(format, columns);
    let start = operations.first().map(Smb1Operation::time).unwrap_or_default();
    for operation in operations {
        table.row(row(operation, start))?;
    }
    Ok(table.finish()?)
}

fn row(operation: &Smb1Operation, start: Timestamp) -> Vec<Cell> {
    let share = operation.share.as_deref().unwrap_or_default();
    let subject = match (&operation.path, &operation.new_path, &operation.pattern) {
        (Some(old), Some(new), _) => format!("{old} -> {new}"),
        (Some(path), ..) => path.clone(),
        (None, _, Some(pattern)) => format!("[{pattern}]"),
        (None, ..) => String::new(),
    };
    vec![
        operation.frame.into(),
        Cell::new(operation.time().to_string()).shown(shown::seconds(operation.time().since(start))),
        match operation.latency_ns {
            Some(latency) => Cell::new(latency).shown(shown::nanoseconds(latency)),
            None => Cell::empty().shown("-"),
        },
        operation.user.as_ref().map_or_else(Cell::empty, |user| user.clone().into()),
        operation.command.clone().into(),
        Cell::new(share).shown(path::share_name(share)),
        subject.into(),
        status(operation.status.as_deref(), operation.failed, ""),
        operation.bytes.map_or_else(Cell::empty, |bytes| Cell::new(bytes).shown(shown::count(bytes))),
    ]
}

fn status(name: Option<&str>, failed: bool, note: &str) -> Cell {
    match name {
        Some(name) => {
            let cell = Cell::new(name).shown(format!("{}{note}", name.trim_start_matches("STATUS_")));
            if failed { cell.color(AnsiColor::Red) } else { cell }
        }
        None => Cell::empty().shown("no answer").color(AnsiColor::Yellow),
    }
}
