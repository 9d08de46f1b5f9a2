//! `smbreplay export`: operations in the names and the shape that other programs know.

mod logins;

use std::collections::BTreeMap;
use std::path::Path;

use globset::GlobMatcher;
use logins::NtlmLogins;

use crate::app::chosen_sessions;
use crate::cli::args::{ExportArgs, ExportTarget, ZeekFormatArg, ZeekLogArg};
use crate::cli::captures::{Chosen, chosen};
use crate::cli::config::Config;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::filter;
use crate::cli::output::{Cell, Column, Format, Output, OutputError};
use crate::cli::replacing::ReplacingFile;
use crate::model::{Command, Operation, SessionEntry, TreeId};
use crate::report::{
    Origin, ShareKind, ZeekFormat, ZeekLog, ZeekRow, ZeekWriter, ecs_document, file_row, mapping_row, ntlm_row,
    ocsf_event, rpc_row,
};
use crate::store::{CAPTURE_COLUMN, FlatFile, Projection, flat_columns, rows_of};

/// What gives the row of an operation in a log, if it has one there.
type RowOf = fn(&Operation, Option<ShareKind>) -> Option<ZeekRow>;

/// Operations that are turned to columns at once.
const BATCH: usize = 1024;

/// Runs it.
pub fn run(args: &ExportArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let zeek_only = args.log.is_some() || args.format != ZeekFormatArg::Tsv;
    if args.to != ExportTarget::Zeek && zeek_only {
        return Err(Failure::message(ExitStatus::Usage, "--log and --format are for --to zeek"));
    }
    if args.to == ExportTarget::Parquet && args.out.is_none() {
        return Err(Failure::message(ExitStatus::Usage, "--to parquet needs a file").remedy("-o FILE names it"));
    }
    let export = Export {
        captures: chosen(config, &args.captures)?,
        session: args.session.as_deref(),
        commands: filter::commands(&args.command)?,
        path: args.path.as_ref().map(|path| filter::paths("--path", path)).transpose()?,
    };
    match args.to {
        ExportTarget::Zeek => export.zeek(args)?,
        ExportTarget::Ocsf => export.events(args.out.as_deref(), ocsf_event)?,
        ExportTarget::Ecs => export.events(args.out.as_deref(), ecs_document)?,
        ExportTarget::Csv => to(args.out.as_deref(), |output| export.csv(output))?,
        ExportTarget::Parquet => export.parquet(args.out.as_deref().unwrap_or(Path::new("")))?,
    }
    Ok(ExitStatus::Done)
}

/// What is exported.
struct Export<'a> {
    captures: Vec<Chosen>,
    session: Option<&'a str>,
    commands: Vec<Command>,
    path: Option<GlobMatcher>,
}

impl Export<'_> {
    /// Hands on the operations that were asked for, each with where it is from.
    fn each(
        &self,
        projection: Projection,
        mut take: impl FnMut(Operation, Origin<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for Chosen { capture, dataset } in &self.captures {
            for session in chosen_sessions(dataset, self.session)? {
                let mut trees = BTreeMap::new();
                for operation in dataset.operations(session, projection)? {
                    let operation = operation?;
                    let share_kind = kind_of(&operation, &mut trees);
                    if self.takes(&operation) {
                        take(operation, Origin { capture, session, share_kind })?;
                    }
                }
            }
        }
        Ok(())
    }

    fn takes(&self, operation: &Operation) -> bool {
        let command = self.commands.is_empty() || self.commands.contains(&operation.command);
        let path = |glob: &GlobMatcher| {
            let paths = [operation.path.as_deref(), operation.new_path.as_deref()];
            paths.into_iter().flatten().any(|path| glob.is_match(path.replace('\\', "/")))
        };
        command && self.path.as_ref().is_none_or(path)
    }

    fn events(
        &self,
        out: Option<&Path>,
        event: fn(&Operation, Origin<'_>) -> Option<serde_json::Value>,
    ) -> Result<(), Failure> {
        to(out, |mut output| {
            self.each(Projection::PdusOf(&[Command::TreeConnect]), |operation, origin| {
                match event(&operation, origin) {
                    Some(event) => Ok(output.line(&event.to_string())?),
                    None => Ok(()),
                }
            })?;
            Ok(output.flush()?)
        })
    }

    fn csv(&self, output: Output) -> Result<(), Failure> {
        let columns: Vec<_> = flat_columns().collect();
        let names = columns.iter().copied().chain([&CAPTURE_COLUMN]).map(|column| Column::text(column.name));
        let mut table = output.table(Format::Csv, names.collect());
        self.in_batches(|capture, operations| {
            let rows = rows_of(operations, &columns).map_err(|error| Failure::new(ExitStatus::Unreadable, error))?;
            for row in rows {
                table.row(row.into_iter().map(Cell::new).chain([Cell::new(capture)]).collect())?;
            }
            Ok(())
        })?;
        table.finish()?;
        Ok(())
    }

    fn parquet(&self, out: &Path) -> Result<(), Failure> {
        let fail = |error| Failure::new(ExitStatus::Unreadable, error);
        let place = ReplacingFile::create(out)?;
        let mut file = FlatFile::create(place.file()?).map_err(fail)?;
        self.in_batches(|capture, operations| file.push(capture, operations).map_err(fail))?;
        file.finish().map_err(fail)?;
        place.finish()
    }

    /// Hands on runs of operations of a capture.
    fn in_batches(&self, mut take: impl FnMut(&str, &[Operation]) -> Result<(), Failure>) -> Result<(), Failure> {
        let mut waiting: Vec<Operation> = Vec::with_capacity(BATCH);
        let mut of = String::new();
        self.each(Projection::WithoutPdus, |operation, origin| {
            if waiting.len() == BATCH || origin.capture != of {
                take(&of, &waiting)?;
                waiting.clear();
                origin.capture.clone_into(&mut of);
            }
            waiting.push(operation);
            Ok(())
        })?;
        take(&of, &waiting)
    }

    fn zeek(&self, args: &ExportArgs) -> Result<(), Failure> {
        let format = |alone: bool| match args.format {
            ZeekFormatArg::Tsv => ZeekFormat::Tsv,
            ZeekFormatArg::Json => ZeekFormat::Json { path: !alone },
        };
        let named = args.log.map(|log| match log {
            ZeekLogArg::SmbFiles => ZeekLog::Files,
            ZeekLogArg::SmbMapping => ZeekLog::Mapping,
            ZeekLogArg::Ntlm => ZeekLog::Ntlm,
            ZeekLogArg::DceRpc => ZeekLog::DceRpc,
        });
        match (named, &args.out) {
            (Some(log), out) => to(out.as_deref(), |output| self.zeek_log(log, format(true), output).map(drop)),
            (None, Some(folder)) => {
                std::fs::create_dir_all(folder).map_err(|error| {
                    Failure::message(ExitStatus::Unreadable, format!("{}: cannot be made: {error}", folder.display()))
                })?;
                ZeekLog::ALL.into_iter().try_for_each(|log| {
                    let file = folder.join(format!("{}.log", log.name()));
                    to(Some(&file), |output| self.zeek_log(log, format(true), output).map(drop))
                })
            }
            (None, None) => {
                let mut output = Output::stdout();
                for log in ZeekLog::ALL {
                    output = self.zeek_log(log, format(false), output)?;
                }
                Ok(())
            }
        }
    }

    fn zeek_log(&self, log: ZeekLog, format: ZeekFormat, output: Output) -> Result<Output, Failure> {
        let begun = self.captures.iter().map(|capture| capture.dataset.beginning()).min().unwrap_or_default();
        let ended = self.captures.iter().map(|capture| capture.dataset.ending()).max().unwrap_or_default();
        let mut writer = ZeekWriter::begin(output, log, format, begun).map_err(OutputError::from)?;
        match log {
            ZeekLog::Files | ZeekLog::Mapping | ZeekLog::DceRpc => {
                let (row, bodies): (RowOf, &'static [Command]) = match log {
                    ZeekLog::Files => (file_row, &[Command::Create, Command::SetInfo, Command::TreeConnect]),
                    ZeekLog::DceRpc => (|operation, _| rpc_row(operation), &[]),
                    _ => (mapping_row, &[Command::TreeConnect]),
                };
                self.each(Projection::PdusOf(bodies), |operation, origin| {
                    match row(&operation, origin.share_kind) {
                        Some(row) => Ok(writer.row(&row).map_err(OutputError::from)?),
                        None => Ok(()),
                    }
                })?;
            }
            ZeekLog::Ntlm => {
                let mut of: Option<(String, SessionEntry)> = None;
                let mut logins = NtlmLogins::default();
                let mut rows = Vec::new();
                self.each(Projection::PdusOf(&[Command::SessionSetup]), |operation, origin| {
                    let same = of.as_ref().is_some_and(|(capture, session)| {
                        capture == origin.capture && session.file == origin.session.file
                    });
                    if !same {
                        rows.extend(logins.end());
                        of = Some((origin.capture.to_owned(), origin.session.clone()));
                    }
                    rows.extend(logins.add(&operation));
                    Ok(())
                })?;
                rows.extend(logins.end());
                for (begun, connection, login) in &rows {
                    writer.row(&ntlm_row(*begun, connection, login)).map_err(OutputError::from)?;
                }
            }
        }
        let mut output = writer.end(ended).map_err(OutputError::from)?;
        output.flush()?;
        Ok(output)
    }
}

/// What the share of an operation is: what its TREE_CONNECT was told, else what the name tells.
fn kind_of(operation: &Operation, trees: &mut BTreeMap<TreeId, ShareKind>) -> Option<ShareKind> {
    if let Some(kind) = ShareKind::told_by(operation) {
        trees.insert(operation.tree_id, kind);
    }
    let share = operation.share.as_deref()?;
    trees.get(&operation.tree_id).copied().or_else(|| ShareKind::of_name(share))
}

/// Writes to a file, or to standard output.
fn to(out: Option<&Path>, write: impl FnOnce(Output) -> Result<(), Failure>) -> Result<(), Failure> {
    let Some(out) = out else { return write(Output::stdout()) };
    let place = ReplacingFile::create(out)?;
    write(Output::to(place.file()?))?;
    place.finish()
}
