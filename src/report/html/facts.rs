//! What stands at the head of a page.

use serde::Serialize;

/// What a page is about, as its maker knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PageFacts {
    /// The name of the capture, of the run.
    pub title: String,
    /// What else is known of it.
    pub facts: Vec<Fact>,
    /// What a reader must know before believing the figures: parts that could not be read, damage. One sentence each.
    pub warnings: Vec<String>,
}

/// One of these things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// What it is.
    pub name: &'static str,
    /// Its value, for people.
    pub value: String,
}

impl PageFacts {
    /// A page about something.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// Adds what is known. What has no text is left out.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.facts.push(Fact { name, value });
        }
        self
    }
}
