//! A run's report as JUnit XML, for CI: a case for each command, one for each divergence, one for each threshold; divergences that follow
//! from what the target negotiated otherwise are one case for each such difference. It fails
//! where the run does: with thresholds these alone are failures, and what diverged is told in cases that pass.

use std::fmt::Write;

use super::replay_table::verdict_line;
use super::target_differences::{consequence, following};
use crate::replay::{Judgement, Row, RunReport};

/// The XML document.
pub fn junit_xml(report: &RunReport) -> String {
    let summary = &report.summary;
    let cases = cases(report);
    let failures = cases.iter().filter(|case| matches!(case.result, Result::Failed { .. })).count();
    let skipped = cases.iter().filter(|case| matches!(case.result, Result::Skipped)).count();
    let (tests, seconds) = (cases.len(), summary.elapsed.as_secs_f64());
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String does not fail.
    let _ = writeln!(
        xml,
        "<testsuites name=\"smbreplay\" tests=\"{tests}\" failures=\"{failures}\" skipped=\"{skipped}\" time=\"{seconds:.3}\">\n\
         \x20 <testsuite name=\"replay on {}\" tests=\"{tests}\" failures=\"{failures}\" skipped=\"{skipped}\" time=\"{seconds:.3}\">",
        escaped(&report.target.to_string())
    );
    cases.iter().for_each(|case| case.write(&mut xml));
    let _ = writeln!(
        xml,
        "    <system-out>{}</system-out>\n  </testsuite>\n</testsuites>",
        escaped(&verdict_line(report))
    );
    xml
}

/// A test case.
struct Case {
    class: &'static str,
    name: String,
    result: Result,
}

enum Result {
    Passed { told: String },
    Failed { kind: &'static str, message: String, text: String },
    Skipped,
}

impl Case {
    fn write(&self, xml: &mut String) {
        let _ = write!(xml, "    <testcase classname=\"{}\" name=\"{}\">", self.class, escaped(&self.name));
        let _ = match &self.result {
            Result::Passed { told } => writeln!(xml, "<system-out>{}</system-out></testcase>", escaped(told)),
            Result::Skipped => writeln!(xml, "<skipped/></testcase>"),
            Result::Failed { kind, message, text } => writeln!(
                xml,
                "\n      <failure type=\"{kind}\" message=\"{}\">{}</failure>\n    </testcase>",
                escaped(message),
                escaped(text)
            ),
        };
    }
}

fn cases(report: &RunReport) -> Vec<Case> {
    let summary = &report.summary;
    let mut cases = Vec::new();
    let mut add = |class, name, result| cases.push(Case { class, name, result });
    // What counts, as far as the exit status goes.
    let counts = report.thresholds.is_empty();
    let judged = |counts: bool, kind, message: String, text: String| match counts {
        true => Result::Failed { kind, message, text },
        false => Result::Passed { told: if text.is_empty() { message } else { text } },
    };
    for command in &summary.commands {
        let told = format!("{} of {} as captured", command.matching, command.steps);
        add("command", command.command.clone(), Result::Passed { told });
    }
    for threshold in &report.thresholds {
        let result = match threshold.judgement {
            Judgement::Failed => judged(true, "threshold", format!("observed {}", threshold.observed), String::new()),
            Judgement::Passed => Result::Passed { told: format!("observed {}", threshold.observed) },
            Judgement::NothingToJudge => Result::Skipped,
        };
        add("threshold", threshold.expression.clone(), result);
    }
    for tally in &summary.target_differences {
        let text: Vec<_> = following(report, tally).into_iter().map(in_a_line).collect();
        let result = match (consequence(tally), text.is_empty()) {
            (Some(message), false) => judged(counts, "target", message, text.join("\n")),
            (Some(message), true) => Result::Passed { told: message },
            (None, _) => Result::Passed { told: "nothing follows from it".to_owned() },
        };
        add("target", format!("target differs: {}", tally.difference), result);
    }
    // Those that follow from a difference are told with it.
    for row in report.divergences.iter().filter(|row| row.cause.is_none() || row.noise) {
        let (name, message, text) = divergence(row);
        let class = if row.noise { "noise" } else { "divergence" };
        add(class, name, judged(counts && !row.noise, row.class.name(), message, text));
    }
    for cause in &summary.root_causes {
        let name = format!("{} skipped because of op {} ({})", cause.skipped, cause.row.op_index, cause.row.command);
        let message = format!("frame {}: what depends on it was not sent", cause.row.frame);
        add("skipped", name, judged(counts, "skipped", message, String::new()));
    }
    for (reason, number) in &summary.not_replayable {
        add("not_replayable", format!("{number} not replayable: {reason}"), Result::Skipped);
    }
    if summary.not_selected() > 0 {
        add("not_selected", format!("{} not selected", summary.not_selected()), Result::Skipped);
    }
    if summary.not_reached() > 0 {
        add("not_reached", format!("{} not reached", summary.not_reached()), Result::Skipped);
    }
    cases
}

/// A divergence among others.
fn in_a_line(row: &Row) -> String {
    let (name, _, text) = divergence(row);
    format!("{name}: {}", text.replace('\n', "; "))
}

/// Name, message and text of a divergence.
fn divergence(row: &Row) -> (String, String, String) {
    let path = row.path.as_deref().unwrap_or_default();
    let name = format!("op {} frame {} {} {path}", row.op_index, row.frame, row.command);
    let lines: Vec<_> = row
        .findings
        .iter()
        .map(|finding| format!("{}: captured {}, observed {}", finding.subject, finding.expected, finding.observed))
        .collect();
    let first = lines.first().cloned().unwrap_or_else(|| row.class.name().to_owned());
    (name.trim_end().to_owned(), first, lines.join("\n"))
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
