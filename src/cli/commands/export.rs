//! `smbreplay export`: operations in the names and the shape that other programs know.

use crate::app::{self, ExportRequest, ExportShape, ExportTo};
use crate::cli::args::{ExportArgs, ExportTarget, ZeekFormatArg, ZeekLogArg};
use crate::cli::config::Config;
use crate::cli::datasets::captures;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::filter;
use crate::cli::output::Output;
use crate::cli::terminal::Terminal;
use crate::report::ZeekLog;

/// Runs it.
pub fn run(args: &ExportArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let zeek_only = args.log.is_some() || args.format != ZeekFormatArg::Tsv;
    if args.to != ExportTarget::Zeek && zeek_only {
        return Err(Failure::message(ExitStatus::Usage, "--log and --format are for --to zeek"));
    }
    if args.to == ExportTarget::Parquet && args.out.is_none() {
        return Err(Failure::message(ExitStatus::Usage, "--to parquet needs a file").remedy("-o FILE names it"));
    }
    let request = ExportRequest {
        captures: captures(config, &args.captures)?,
        session: args.session.clone(),
        commands: app::parse_commands(&args.command)?,
        path: filter::path(args.path.as_deref())?,
        shape: shape(args),
    };
    let terminal = Terminal::default();
    match &args.out {
        Some(path) => app::export(&request, ExportTo::Path(path.clone()), &terminal)?,
        None => app::export(&request, ExportTo::Writer(&mut Output::stdout()), &terminal)?,
    }
    Ok(ExitStatus::Done)
}

fn shape(args: &ExportArgs) -> ExportShape {
    match args.to {
        ExportTarget::Zeek => ExportShape::Zeek {
            log: args.log.map(|log| match log {
                ZeekLogArg::SmbFiles => ZeekLog::Files,
                ZeekLogArg::SmbMapping => ZeekLog::Mapping,
                ZeekLogArg::Ntlm => ZeekLog::Ntlm,
                ZeekLogArg::DceRpc => ZeekLog::DceRpc,
            }),
            json: args.format == ZeekFormatArg::Json,
        },
        ExportTarget::Ocsf => ExportShape::Ocsf,
        ExportTarget::Ecs => ExportShape::Ecs,
        ExportTarget::Csv => ExportShape::Csv,
        ExportTarget::Parquet => ExportShape::Parquet,
    }
}
