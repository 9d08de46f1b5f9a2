//! Values that a table cuts, in full below it.

use std::io::{self, Write};

use super::figures::one_line;
use crate::replay::Row;

/// A hostile capture may hold names of any length.
const LONGEST: usize = 2_000;

/// Values of differences that are longer than a table shows, each once, with where it is seen first.
#[derive(Debug, Default)]
pub(super) struct WholeValues(Vec<(String, String, usize)>);

impl WholeValues {
    /// Takes in the differences of a row that is shown; a table shows `shown` characters of a value.
    pub(super) fn add(&mut self, row: &Row, shown: usize) {
        for finding in &row.findings {
            for (side, text) in [("captured", &finding.expected), ("observed", &finding.observed)] {
                if text.chars().nth(shown).is_none() {
                    continue;
                }
                let text = one_line(text, LONGEST);
                match self.0.iter_mut().find(|(_, known, _)| *known == text) {
                    Some((_, _, more)) => *more += 1,
                    None => {
                        let place = format!("op {}, frame {}, {}, {side}", row.op_index, row.frame, finding.subject);
                        self.0.push((one_line(&place, LONGEST), text, 0));
                    }
                }
            }
        }
    }

    /// A line for each.
    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        for (place, text, more) in &self.0 {
            let again = if *more > 0 { format!(" (and {more} more)") } else { String::new() };
            writeln!(out, "{place}{again}: {text}")?;
        }
        if self.0.is_empty() { Ok(()) } else { writeln!(out) }
    }
}
