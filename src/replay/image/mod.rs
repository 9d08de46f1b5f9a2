//! The initial image: what the shares held before the capture began, inferred from the operations of its sessions.
//!
//! [`Inference`] is a pure function of operations. It keeps the shares as they are at each point of the capture, as far as it
//! shows them; what an answer shows of something that no replayed operation has changed yet was so from the beginning.

mod asking;
mod changing;
mod extents;
mod fact;
mod finish;
mod infer;
mod opening;
mod others;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod scene;
mod stream;
#[cfg(test)]
mod tests;
mod world;

pub use infer::{Inference, infer};
