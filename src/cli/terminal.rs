//! The user at the terminal, as use cases see them: bars and warnings on stderr, questions with their answers, and ^C.

use std::io::{BufRead, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressStyle};

use super::failure::Failure;
use super::interrupt::listen;
use super::shown;
use crate::app::{Answer, CancelToken, Events, Progress, Question, Warning};

/// The user.
#[derive(Default)]
pub(super) struct Terminal {
    cancel: CancelToken,
    bar: Mutex<Option<ProgressBar>>,
}

impl Terminal {
    /// One whose ^C ends the work; without this it ends the program.
    pub(super) fn with_interrupt() -> Result<Self, Failure> {
        let terminal = Self::default();
        listen(&terminal.cancel)?;
        Ok(terminal)
    }

    /// Takes the bar off the screen.
    pub(super) fn clear(&self) {
        if let Some(bar) = self.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Events for Terminal {
    fn progress(&self, progress: &Progress) {
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        let Progress::Ingest { bytes, total, pdus, sessions } = *progress;
        let bar = bar.get_or_insert_with(|| bytes_bar(total));
        bar.set_position(bytes);
        bar.set_message(format!("{} PDUs, {} sessions", shown::count(pdus), shown::count(sessions)));
    }

    fn warning(&self, warning: &Warning) {
        tracing::warn!("{warning}");
    }

    fn confirm(&self, question: &Question<'_>) -> Answer {
        if !std::io::stdin().is_terminal() {
            return Answer::NobodyToAsk;
        }
        anstream::eprint!("{}\nGo on? [y/N] ", question.intent);
        let _ = std::io::stderr().flush();
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        let yes = read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
        if yes { Answer::Yes } else { Answer::No }
    }

    fn cancel(&self) -> CancelToken {
        self.cancel.clone()
    }
}

/// A bar over bytes, which only a terminal sees.
fn bytes_bar(total: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total);
    let template = "{bar:30} {percent:>3}% of {total_bytes}, {binary_bytes_per_sec}, {eta} left  {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}
