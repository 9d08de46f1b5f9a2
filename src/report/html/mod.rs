//! What happened in a capture, or what a replay came to, as one HTML file that needs no network and no program but a browser.
//!
//! Everything is counted here and by `analyse`; the page draws and sorts. Its data are JSON in a block that no browser runs, and
//! its scripts set text only, so that nothing that stood in a capture can become markup. A policy in the page lets run
//! what has the hashes of these files and nothing else, and load nothing.

mod capture_page;
mod divergence_groups;
mod facts;
mod ladder;
mod page;
mod run_page;
mod step_files;

pub use capture_page::CapturePage;
pub use facts::{Fact, PageFacts};
pub use run_page::RunPage;
