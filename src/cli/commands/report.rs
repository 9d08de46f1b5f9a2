//! `smbreplay report`: a page for browsers about a capture or a replay.

use std::fs;
use std::path::{Path, PathBuf};

use crate::app::chosen_sessions;
use crate::cli::args::ReportArgs;
use crate::cli::config::Config;
use crate::cli::datasets::open;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::pages;
use crate::cli::runs::choose_run;
use crate::store::{HTML_REPORT, RUN_REPORT, RUN_RESULTS};

/// Runs it.
pub fn run(args: &ReportArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let (page, place) = match &args.run {
        Some(name) => of_run(name, args, config)?,
        None => of_capture(args, config)?,
    };
    let mut output = Output::stdout();
    match &args.html {
        Some(path) if path == Path::new("-") => output.bytes(page.as_bytes())?,
        path => {
            let path = path.as_ref().unwrap_or(&place);
            write(path, &page)?;
            output.line(&path.display().to_string())?;
        }
    }
    output.flush()?;
    Ok(ExitStatus::Done)
}

fn of_capture(args: &ReportArgs, config: &Config) -> Result<(String, PathBuf), Failure> {
    let dataset = open(config, &args.trace)?;
    let page = pages::of_capture(&dataset, args.session.as_deref())?;
    let file = match chosen_sessions(&dataset, args.session.as_deref())?.as_slice() {
        [one] if args.session.is_some() => one.file.replace(".parquet", ".html"),
        _ => HTML_REPORT.to_owned(),
    };
    Ok((page, dataset.place().folder().join(file)))
}

fn of_run(name: &str, args: &ReportArgs, config: &Config) -> Result<(String, PathBuf), Failure> {
    let folder = choose_run(name, || Ok(open(config, &args.trace)?.place().clone()))?;
    let report = folder.join(RUN_REPORT);
    let json = fs::read_to_string(&report)
        .map_err(|error| Failure::message(ExitStatus::Unreadable, format!("{}: {error}", report.display())))?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    Ok((pages::of_run(&name, &folder.join(RUN_RESULTS), &json)?, folder.join(HTML_REPORT)))
}

/// Writes the file whole: who has the page open does not read half of the next one.
fn write(path: &Path, page: &str) -> Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".part-{}", std::process::id()));
    let part = path.with_file_name(name);
    let written = fs::write(&part, page).and_then(|()| fs::rename(&part, path));
    written.map_err(|error| {
        // It may be there or not; the first error is the one to tell.
        let _ = fs::remove_file(&part);
        Failure::message(ExitStatus::Unreadable, format!("{}: {error}", path.display()))
            .remedy("-o FILE puts the page elsewhere")
    })
}
