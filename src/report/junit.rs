//! A run's report as JUnit XML, for CI: a case for each command, and one for each divergence.

use std::fmt::Write;

use super::replay_table::verdict_line;
use crate::replay::{Row, RunReport};

/// The XML document.
pub fn junit_xml(report: &RunReport) -> String {
    let summary = &report.summary;
    let failures = report.divergences.len() + summary.root_causes.len();
    let others = [summary.not_reached(), summary.not_selected()];
    let skipped = summary.not_replayable.len() + others.iter().filter(|number| **number > 0).count();
    let tests = summary.commands.len() + failures + skipped;
    let seconds = summary.elapsed.as_secs_f64();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String does not fail.
    let _ = writeln!(
        xml,
        "<testsuites name=\"smbreplay\" tests=\"{tests}\" failures=\"{failures}\" skipped=\"{skipped}\" time=\"{seconds:.3}\">\n\
         \x20 <testsuite name=\"replay on {}\" tests=\"{tests}\" failures=\"{failures}\" skipped=\"{skipped}\" time=\"{seconds:.3}\">",
        escaped(&report.target.to_string())
    );
    for command in &summary.commands {
        let counts = format!("{} of {} as captured", command.matching, command.steps);
        let _ = writeln!(
            xml,
            "    <testcase classname=\"command\" name=\"{}\"><system-out>{counts}</system-out></testcase>",
            escaped(&command.command)
        );
    }
    for row in &report.divergences {
        divergence(&mut xml, row);
    }
    for cause in &summary.root_causes {
        let name = format!("{} skipped because of op {} ({})", cause.skipped, cause.row.op_index, cause.row.command);
        let message = format!("frame {}: what depends on it was not sent", cause.row.frame);
        failure(&mut xml, "skipped", &name, "skipped", &message, "");
    }
    for (reason, number) in &summary.not_replayable {
        skip(&mut xml, "not_replayable", &format!("{number} not replayable: {reason}"));
    }
    if summary.not_selected() > 0 {
        skip(&mut xml, "not_selected", &format!("{} not selected", summary.not_selected()));
    }
    if summary.not_reached() > 0 {
        skip(&mut xml, "not_reached", &format!("{} not reached", summary.not_reached()));
    }
    let _ = writeln!(
        xml,
        "    <system-out>{}</system-out>\n  </testsuite>\n</testsuites>",
        escaped(&verdict_line(report))
    );
    xml
}

fn divergence(xml: &mut String, row: &Row) {
    let path = row.path.as_deref().unwrap_or_default();
    let name = format!("op {} frame {} {} {path}", row.op_index, row.frame, row.command);
    let lines: Vec<_> = row
        .findings
        .iter()
        .map(|finding| format!("{}: captured {}, observed {}", finding.subject, finding.expected, finding.observed))
        .collect();
    let first = lines.first().cloned().unwrap_or_else(|| row.class.name().to_owned());
    failure(xml, "divergence", name.trim_end(), row.class.name(), &first, &lines.join("\n"));
}

fn failure(xml: &mut String, class: &str, name: &str, kind: &str, message: &str, text: &str) {
    let _ = writeln!(
        xml,
        "    <testcase classname=\"{class}\" name=\"{}\">\n      <failure type=\"{kind}\" message=\"{}\">{}</failure>\n    \
         </testcase>",
        escaped(name),
        escaped(message),
        escaped(text)
    );
}

fn skip(xml: &mut String, class: &str, name: &str) {
    let _ = writeln!(xml, "    <testcase classname=\"{class}\" name=\"{}\"><skipped/></testcase>", escaped(name));
}

/// Text in XML 1.0. Characters that it cannot hold at all become U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' | '\r' => {
                let _ = write!(out, "&#{};", u32::from(character));
            }
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
