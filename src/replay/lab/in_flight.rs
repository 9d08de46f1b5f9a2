//! Many requests at a time, and no more than so many.

use std::future::Future;

use tokio::sync::watch;
use tokio::task::JoinSet;

/// How many files are worked on at a time.
pub(super) const IN_FLIGHT: usize = 64;

/// Does the work for each item, up to [`IN_FLIGHT`] at a time, until `stop` turns true; what has begun is finished. `done` gets the
/// results as they come.
pub(super) async fn each<T, R, F>(
    items: impl IntoIterator<Item = T>,
    stop: &watch::Receiver<bool>,
    mut work: impl FnMut(T) -> F,
    mut done: impl FnMut(R),
) where
    R: Send + 'static,
    F: Future<Output = R> + Send + 'static,
{
    let mut items = items.into_iter();
    let mut tasks = JoinSet::new();
    loop {
        while tasks.len() < IN_FLIGHT && !*stop.borrow() {
            match items.next() {
                Some(item) => drop(tasks.spawn(work(item))),
                None => break,
            }
        }
        match tasks.join_next().await {
            Some(Ok(result)) => done(result),
            // A task that panicked has no result; nobody else cancels them.
            Some(Err(_)) => {}
            None => return,
        }
    }
}
