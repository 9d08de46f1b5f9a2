//! `smbreplay lifecycle`: the story of a session.

use std::io::BufRead;

use crate::analyse::{Lifecycle, StoryPart, StoryPoint, wire_points};
use crate::cli::args::LifecycleArgs;
use crate::cli::config::Config;
use crate::cli::datasets::{choose_session, open};
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Format, Output};
use crate::cli::shown;
use crate::dissect::wire_event;
use crate::model::{SessionEntry, Timestamp, WireEvent};
use crate::store::{Dataset, Projection};
use crate::tools::{Ending, Input, Keys, Profile, Tool, ToolError, Tshark};

/// Runs it.
pub fn run(args: &LifecycleArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let dataset = open(config, &args.trace)?;
    let session = choose_session(&dataset, config, args.session.as_deref())?;
    let user = shown::user(&session.login);
    let mut story = Lifecycle::default();
    for operation in dataset.operations(session, Projection::PdusOf(Lifecycle::BODIES))? {
        story.add(&operation?, &user);
    }
    let mut points = story.finish();
    points.extend(of_the_wire(&dataset, session, args)?);
    // What a packet says of TCP comes before what it carries.
    points.sort_by_key(|point| (point.frame, point.part != StoryPart::Arp && point.part != StoryPart::Tcp));
    print(&points, dataset.beginning(), args)?;
    Ok(ExitStatus::Done)
}

/// ARP and TCP: from the capture by tshark, else the ends of connections that the dataset knows.
fn of_the_wire(dataset: &Dataset, session: &SessionEntry, args: &LifecycleArgs) -> Result<Vec<StoryPoint>, Failure> {
    let manifest = dataset.manifest();
    let capture = dataset.place().capture();
    let why_not = if args.no_tshark {
        None
    } else if manifest.capture.paths.len() != 1 {
        Some("the dataset is of several capture files, and tshark counts the frames of each anew".to_owned())
    } else if !capture.is_file() {
        Some(format!("{} is not there any more", capture.display()))
    } else {
        let tshark = Tshark::new(Tool::Tshark.locate(None)?, Profile::new(&Keys::default())?);
        let server = session.server.rsplit_once(':').map_or("", |(address, _)| address);
        return Ok(wire_points(&events(&tshark, dataset, session)?, server));
    };
    if let Some(why_not) = why_not {
        tracing::warn!("no ARP and no TCP handshake: {why_not}");
    }
    let ends = manifest.connection_ends.iter().filter(|end| session.tcp_streams.contains(&end.tcp_stream));
    Ok(ends
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

fn events(tshark: &Tshark, dataset: &Dataset, session: &SessionEntry) -> Result<Vec<WireEvent>, Failure> {
    let ports = dataset.manifest().ports();
    let command = tshark.wire_events_command(dataset.place().capture(), &ports, &session.tcp_streams);
    let mut child = command.spawn(Input::Null)?;
    let mut events = Vec::new();
    if let Some(output) = child.take_output() {
        for line in output.lines() {
            let run = |source| ToolError::Run { path: tshark.located().path.clone(), source };
            events.extend(wire_event(&line.map_err(run)?));
        }
    }
    if let Ending::Partial { messages } = child.finish()? {
        tracing::warn!("tshark read the capture only in part: {}", messages.join(" "));
    }
    Ok(events)
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
