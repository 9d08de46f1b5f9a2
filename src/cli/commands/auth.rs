//! `smbreplay auth`: who logged in and how, and what stands out.

use serde::Serialize;

use crate::analyse::{Finding, Findings};
use crate::app::chosen_sessions;
use crate::cli::args::AuthArgs;
use crate::cli::config::Config;
use crate::cli::datasets::open;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Format, Output};
use crate::dissect::{LoginMessage, login_message};
use crate::model::{Command, NtStatus, Operation, Part};
use crate::store::{Dataset, Projection};

/// A message of a login.
#[derive(Serialize)]
struct Login {
    session: String,
    frame: u64,
    time: String,
    from_client: bool,
    client: String,
    server: String,
    #[serde(flatten)]
    message: LoginMessage,
    /// Of a response.
    status: Option<String>,
    failed: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    logins: &'a [Login],
    findings: &'a [Finding],
}

/// Bodies that logins and findings are in.
const BODIES: &[Command] = &[Command::SessionSetup, Command::SetInfo];

/// Runs it.
pub fn run(args: &AuthArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let dataset = open(config, &args.trace)?;
    let (logins, findings) = gather(&dataset, args.session.as_deref())?;
    let mut output = Output::paged(!args.no_pager);
    match args.format {
        Format::Json if args.findings => output.json(&findings)?,
        Format::Json => output.json(&Report { logins: &logins, findings: &findings })?,
        Format::Ndjson => {
            if !args.findings {
                output.json_lines(&logins)?;
            }
            output.json_lines(&findings)?;
        }
        Format::Csv if args.findings => output = findings_table(output, Format::Csv, &findings)?,
        Format::Csv => output = logins_table(output, Format::Csv, &logins)?,
        Format::Table => {
            if !args.findings {
                output = logins_table(output, Format::Table, &logins)?;
                output.line("")?;
            }
            if findings.is_empty() {
                output.line("nothing stands out")?;
            } else {
                output = findings_table(output, Format::Table, &findings)?;
            }
        }
    }
    output.flush()?;
    Ok(ExitStatus::Done)
}

fn gather(dataset: &Dataset, session: Option<&str>) -> Result<(Vec<Login>, Vec<Finding>), Failure> {
    let (mut logins, mut findings) = (Vec::new(), Findings::default());
    if session.is_none() {
        findings.smb1(dataset.manifest().quality.smb1_messages);
    }
    for session in chosen_sessions(dataset, session)? {
        findings.begin_session(session);
        for operation in dataset.operations(session, Projection::PdusOf(BODIES))? {
            let operation = operation?;
            findings.add(&operation);
            if operation.command == Command::SessionSetup {
                logins.extend(operation.request.as_ref().map(|part| login(&session.id, &operation, part, true)));
                logins.extend(operation.response.as_ref().map(|part| login(&session.id, &operation, part, false)));
            }
        }
    }
    logins.sort_by_key(|login| login.frame);
    Ok((logins, findings.finish()))
}

fn login(session: &str, operation: &Operation, part: &Part, from_client: bool) -> Login {
    let status = operation.status.filter(|_| !from_client);
    Login {
        session: session.to_owned(),
        frame: part.frame,
        time: part.time.to_string(),
        from_client,
        client: operation.connection.client.to_string(),
        server: operation.connection.server.to_string(),
        message: login_message(&part.pdu).unwrap_or_default(),
        status: status.map(|status| status.to_string()),
        failed: status.is_some_and(NtStatus::is_error),
    }
}

fn logins_table(output: Output, format: Format, logins: &[Login]) -> Result<Output, Failure> {
    let columns = vec![
        Column::number("frame"),
        Column::text("session"),
        Column::text("from"),
        Column::text("message"),
        Column::text("user"),
        Column::text("workstation"),
        Column::text("target"),
        Column::text("version"),
        Column::text("flags"),
        Column::text("status"),
    ];
    let mut table = output.table(format, columns);
    for login in logins {
        let message = &login.message;
        let text = |text: &Option<String>| text.clone().map_or_else(Cell::empty, Cell::new);
        let user = match (&message.user, &message.domain) {
            (Some(user), Some(domain)) => Cell::new(format!("{domain}\\{user}")),
            (user, domain) => text(if user.is_some() { user } else { domain }),
        };
        let kind: Vec<_> = [message.mechanism, message.message].into_iter().flatten().collect();
        let kind = match message.ntlmv2 {
            Some(true) => format!("{} v2", kind.join(" ")),
            Some(false) => format!("{} v1", kind.join(" ")),
            None => kind.join(" "),
        };
        // People want to know how the session is protected; programs get all.
        let telling = ["SIGN", "SEAL", "KEY_EXCH", "128", "56", "ANONYMOUS", "LM_KEY"];
        let protection: Vec<_> = message.flags.iter().copied().filter(|flag| telling.contains(flag)).collect();
        let status = match &login.status {
            Some(status) if login.failed => Cell::new(status.clone()).color(anstyle::AnsiColor::Red),
            Some(status) => Cell::new(status.clone()),
            None => Cell::empty(),
        };
        let from = if login.from_client { &login.client } else { &login.server };
        let targets: Vec<_> = message.target_info.iter().map(|(what, name)| format!("{what} {name}")).collect();
        table.row(vec![
            login.frame.into(),
            login.session.clone().into(),
            from.clone().into(),
            kind.into(),
            user,
            text(&message.workstation),
            Cell::new(targets).shown(message.target.clone().unwrap_or_default()),
            text(&message.version),
            Cell::new(message.flags.clone()).shown(protection.join(" ")),
            status,
        ])?;
    }
    Ok(table.finish()?)
}

fn findings_table(output: Output, format: Format, findings: &[Finding]) -> Result<Output, Failure> {
    let columns = vec![
        Column::text("stands out"),
        Column::number("count"),
        Column::number("frame"),
        Column::text("session"),
        Column::text("what"),
    ];
    let mut table = output.table(format, columns);
    for finding in findings {
        table.row(vec![
            finding.kind.name().into(),
            finding.count.into(),
            finding.frame.map_or_else(Cell::empty, Cell::new),
            finding.session.clone().map_or_else(Cell::empty, Cell::new),
            finding.text.clone().into(),
        ])?;
    }
    Ok(table.finish()?)
}
