//! What of a capture is replayed.

use crate::app;
use crate::cli::args::{ReplayArgs, TimeArg};
use crate::cli::config::Config;
use crate::cli::datasets::choose_session;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::filter;
use crate::model::{SessionEntry, SessionId, Timestamp};
use crate::replay::Selection;
use crate::store::Dataset;

/// The selection that was typed.
pub(super) fn selection(args: &ReplayArgs, config: &Config, dataset: &Dataset) -> Result<Selection, Failure> {
    let time = |given: Option<TimeArg>| given.map(|given| point(given, dataset)).transpose();
    let (from, to) = (time(args.from)?, time(args.to)?);
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        return Err(Failure::message(ExitStatus::Usage, "--from is not before --to: there is nothing between them"));
    }
    let mut sessions = Vec::new();
    for name in &args.sessions {
        sessions.push(key(choose_session(dataset, config, Some(name))?)?);
    }
    Ok(Selection {
        from,
        to,
        paths: args.path.iter().map(|glob| filter::paths("--path", glob)).collect::<Result<_, _>>()?,
        commands: app::parse_commands(&args.command)?,
        users: args.user.clone(),
        sessions,
    })
}

fn point(given: TimeArg, dataset: &Dataset) -> Result<Timestamp, Failure> {
    match given {
        TimeArg::At(time) => Ok(time),
        TimeArg::Since(duration) => {
            let first = dataset.manifest().capture.first_time.as_deref();
            let first = first.and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok()?.timestamp_nanos_opt());
            let first = first.ok_or_else(|| {
                Failure::message(ExitStatus::Unreadable, "the dataset does not say when its capture begins")
                    .remedy("give --from and --to as RFC 3339 times")
            })?;
            let nanoseconds = i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
            Ok(Timestamp(first.saturating_add(nanoseconds)))
        }
    }
}

fn key(session: &SessionEntry) -> Result<(std::net::SocketAddr, SessionId), Failure> {
    let id = u64::from_str_radix(session.id.trim_start_matches("0x"), 16);
    let server = session.server.parse();
    match (server, id) {
        (Ok(server), Ok(id)) => Ok((server, SessionId(id))),
        _ => {
            let text = format!("session {} of {} cannot be told apart", session.id, session.server);
            Err(Failure::message(ExitStatus::Unreadable, text))
        }
    }
}
