//! The sessions of a capture.

use anstyle::AnsiColor;

use crate::app::SessionList;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Format, Output};
use crate::cli::shown;
use crate::model::{SessionEntry, path};

/// The sessions: a table for people; for programs the objects of the metadata, which hold more.
pub(super) fn list(list: &SessionList, format: Format) -> Result<(), Failure> {
    match format {
        Format::Json | Format::Ndjson => {
            let mut output = Output::stdout();
            if format == Format::Json {
                output.json(&list.sessions)?;
            } else {
                output.json_lines(&list.sessions)?;
            }
            output.flush()?;
        }
        Format::Table | Format::Csv => {
            let columns = vec![
                Column::number("no"),
                Column::text("session"),
                Column::text("client"),
                Column::text("server"),
                Column::text("dialect"),
                Column::text("user"),
                Column::text("shares"),
                Column::number("operations"),
                Column::number("errors"),
                Column::number("read"),
                Column::number("written"),
                Column::text("notes"),
            ];
            let mut table = Output::stdout().table(format, columns);
            for (i, session) in list.sessions.iter().enumerate() {
                table.row(session_row(i + 1, session))?;
            }
            table.finish()?;
        }
    }
    Ok(())
}

fn session_row(number: usize, session: &SessionEntry) -> Vec<Cell> {
    let errors: u64 = session.errors.values().sum();
    let user = match session.login.account() {
        user if user.is_empty() => Cell::empty().shown("-"),
        user => Cell::new(user),
    };
    let mut notes = Vec::new();
    if session.encryption {
        notes.push("sealed".to_owned());
    } else if session.signing {
        notes.push("signed".to_owned());
    }
    if session.login.guest {
        notes.push("guest".to_owned());
    }
    if session.login.anonymous {
        notes.push("anonymous".to_owned());
    }
    if session.undecrypted > 0 {
        notes.push(format!("{} closed", session.undecrypted));
    }
    if session.unpaired > 0 {
        notes.push(format!("{} unpaired", session.unpaired));
    }
    if session.tcp_streams.len() > 1 {
        notes.push(format!("{} connections", session.tcp_streams.len()));
    }
    let shares: Vec<_> = session.shares.iter().map(|share| path::share_name(share)).collect();
    vec![
        Cell::new(number),
        Cell::new(session.id.clone()),
        Cell::new(session.client.clone()),
        Cell::new(session.server.clone()),
        session.dialect.map_or_else(|| Cell::empty().shown("-"), |dialect| Cell::new(dialect.to_string())),
        user,
        Cell::new(session.shares.join(" ")).shown(if shares.is_empty() { "-".to_owned() } else { shares.join(" ") }),
        Cell::new(session.operations).shown(shown::count(session.operations)),
        match errors {
            0 => Cell::new(0),
            errors => Cell::new(errors).color(AnsiColor::Yellow),
        },
        Cell::new(session.bytes_read).shown(shown::bytes(session.bytes_read)),
        Cell::new(session.bytes_written).shown(shown::bytes(session.bytes_written)),
        Cell::new(notes.join(", ")),
    ]
}
