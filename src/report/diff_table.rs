//! How two runs differ, as text for the terminal.

use std::io::{self, Write};

use comfy_table::Cell;

use super::figures::{count, duration, one_line};
use super::replay_table::{LONGEST, path, print, right, table};
use crate::model::RunEntry;
use crate::replay::{CommandChange, RunDiff, StepDiff};

/// Writes both runs (name and entry), the first `most` differences, latencies by command, and the verdict in a line.
pub fn write_diff_table(
    runs: [(&str, &RunEntry); 2],
    summary: &RunDiff,
    differences: &[StepDiff],
    most: usize,
    out: &mut impl Write,
) -> io::Result<()> {
    for (letter, (name, entry)) in ["a", "b"].iter().zip(runs) {
        let RunEntry { target, user, ordering, pacing, verdict, .. } = entry;
        let user = one_line(user, LONGEST);
        writeln!(out, "{letter}: {name}: {target} as {user}, {verdict}; ordering {ordering}, pacing {pacing}")?;
    }
    writeln!(out)?;
    steps(differences, most, out)?;
    commands(&summary.commands, out)?;
    let mut parts = vec![format!("{} of {} differ", summary.differing, count(summary.steps, "step"))];
    let fields: Vec<_> = summary.fields.iter().map(|(field, number)| format!("{field} {number}")).collect();
    if !fields.is_empty() {
        parts.push(fields.join(", "));
    }
    for (number, side) in [(summary.only_in_a, "a"), (summary.only_in_b, "b")] {
        if number > 0 {
            parts.push(format!("{number} only in {side}"));
        }
    }
    let verdict = if summary.differs() { "DIFFERENT" } else { "no difference" };
    writeln!(out, "{verdict}: {}", parts.join("; "))
}

fn steps(differences: &[StepDiff], most: usize, out: &mut impl Write) -> io::Result<()> {
    if differences.is_empty() {
        return Ok(());
    }
    let mut table = table(&["op", "frame", "command", "path", "what", "a", "b"]);
    for step in differences.iter().take(most) {
        let about = step.path.as_deref().map_or(String::new(), path);
        let mut first = [step.op_index.to_string(), step.frame.to_string(), step.command.clone(), about];
        for field in &step.fields {
            let values = [&field.field, &field.a, &field.b].map(|text| one_line(text, LONGEST));
            table.add_row(first.iter().chain(&values).map(Cell::new));
            first = Default::default();
        }
    }
    print(&table, out)?;
    let left = differences.len().saturating_sub(most);
    if left > 0 {
        writeln!(out, "… and {} more; --format ndjson has all of them\n", count(left, "step"))?;
    }
    Ok(())
}

fn commands(commands: &[CommandChange], out: &mut impl Write) -> io::Result<()> {
    if commands.is_empty() {
        return Ok(());
    }
    let mut table = table(&["command", "steps", "differ", "p50 a", "p50 b", "change", "p99 a", "p99 b", "change"]);
    for command in commands {
        let mut cells = vec![Cell::new(&command.command), right(command.steps), right(command.differing)];
        if let (Some(a), Some(b)) = (command.a, command.b) {
            for (was, is) in [(a.p50_ns, b.p50_ns), (a.p99_ns, b.p99_ns)] {
                cells.extend([right(duration(was)), right(duration(is)), right(change(was, is))]);
            }
        }
        table.add_row(cells);
    }
    print(&table, out)
}

/// `+12 %`; beyond three times as much, `4.2x`.
fn change(was: u64, is: u64) -> String {
    if was == 0 {
        return String::new();
    }
    let factor = is as f64 / was as f64;
    if factor >= 3.0 { format!("{factor:.1}x") } else { format!("{:+.0} %", 100.0 * (factor - 1.0)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_as_people_say_them() {
        assert_eq!([change(100, 112), change(100, 40), change(10, 42)], ["+12 %", "-60 %", "4.2x"]);
    }

    #[test]
    fn two_runs_that_differ_say_where_and_how_much() {
        let entry = |target: &str| RunEntry {
            target: target.into(),
            user: "u".into(),
            verdict: "agreed".into(),
            ordering: "captured".into(),
            pacing: "asap".into(),
            ..RunEntry::default()
        };
        let (a, b) = (entry("10.0.0.1:445"), entry("10.0.0.2:445"));
        let field = |field: &str, a: &str, b: &str| crate::replay::FieldDiff {
            field: field.into(),
            a: a.into(),
            b: b.into(),
        };
        let differences = [StepDiff {
            session_id: "0x1".into(),
            op_index: 7,
            frame: 107,
            command: "READ".into(),
            path: Some("a\u{1b}.txt".into()),
            fields: vec![field("class", "match", "data"), field("hash", "00", "ff")],
        }];
        let summary = RunDiff {
            steps: 10,
            differing: 1,
            fields: [("class".to_owned(), 1), ("hash".to_owned(), 1)].into(),
            ..RunDiff::default()
        };
        let mut out = Vec::new();
        write_diff_table([("A1", &a), ("B1", &b)], &summary, &differences, 20, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let expected = "\
a: A1: 10.0.0.1:445 as u, agreed; ordering captured, pacing asap
b: B1: 10.0.0.2:445 as u, agreed; ordering captured, pacing asap

 op  frame  command  path         what   a      b
 7   107    READ     a\\u{1b}.txt  class  match  data
                                  hash   00     ff

DIFFERENT: 1 of 10 steps differ; class 1, hash 1
";
        assert_eq!(text, expected);
    }
}
