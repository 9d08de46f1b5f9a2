//! `smbreplay auth`: who logged in and how, and what stands out.

use crate::app::{self, AuthRequest, Finding, Login};
use crate::cli::args::AuthArgs;
use crate::cli::config::Config;
use crate::cli::datasets::trace;
use crate::cli::exit_status::ExitStatus;
use crate::cli::failure::Failure;
use crate::cli::output::{Cell, Column, Format, Output};
use crate::cli::terminal::Terminal;

/// Runs it.
pub fn run(args: &AuthArgs, config: &Config) -> Result<ExitStatus, Failure> {
    let request = AuthRequest { trace: trace(config, &args.trace)?, session: args.session.clone() };
    let report = app::auth(&request, &Terminal::default())?;
    let (logins, findings) = (&report.logins, &report.findings);
    let mut output = Output::paged(!args.no_pager);
    match args.format {
        Format::Json if args.findings => output.json(findings)?,
        Format::Json => output.json(&report)?,
        Format::Ndjson => {
            if !args.findings {
                output.json_lines(logins)?;
            }
            output.json_lines(findings)?;
        }
        Format::Csv if args.findings => output = findings_table(output, Format::Csv, findings)?,
        Format::Csv => output = logins_table(output, Format::Csv, logins)?,
        Format::Table => {
            if !args.findings {
                output = logins_table(output, Format::Table, logins)?;
                output.line("")?;
            }
            if findings.is_empty() {
                output.line("nothing stands out")?;
            } else {
                output = findings_table(output, Format::Table, findings)?;
            }
        }
    }
    output.flush()?;
    Ok(ExitStatus::Done)
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
