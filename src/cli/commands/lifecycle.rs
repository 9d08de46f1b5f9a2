//! `smbreplay lifecycle`: the story of a session.

use crate::app::{self, LifecycleRequest, StoryPoint, TsharkUse};
use crate::cli::args::LifecycleArgs;
use crate::cli::config::{Config, Key};
use crate::cli::datasets::trace;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Format, Output};
use crate::cli::shown;
use crate::cli::terminal::Terminal;
use crate::model::Timestamp;

/// Runs it.
pub fn run(args: &LifecycleArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let request = LifecycleRequest {
        trace: trace(config, &args.trace)?,
        session: config.text(Key::SessionId, args.session.as_deref())?,
        tshark: if args.no_tshark { TsharkUse::Without } else { TsharkUse::Found },
    };
    let story = app::lifecycle(&request, &Terminal::default())?;
    print(&story.points, story.beginning, args)?;
    Ok(ExitStatus::Done)
}

fn print(points: &[StoryPoint], start: Timestamp, args: &LifecycleArgs) -> Result<(), Failure> {
    let mut output = Output::paged(!args.no_pager);
    match args.format {
        Format::Json => output.json(&points)?,
        Format::Ndjson => output.json_lines(points)?,
        format @ (Format::Table | Format::Csv) => {
            let columns = vec![
                Column::number("frame"),
                Column::number("time"),
                Column::text("part"),
                Column::text("what"),
                Column::text("display filter"),
            ];
            let mut table = output.table(format, columns);
            for point in points {
                table.row(vec![
                    point.frame.into(),
                    Cell::new(point.time.to_string()).shown(shown::seconds(point.time.since(start))),
                    point.part.name().into(),
                    point.text.clone().into(),
                    point.display_filter.clone().into(),
                ])?;
            }
            output = table.finish()?;
        }
    }
    output.flush()?;
    Ok(())
}
