//! Progress of a stage, reported without knowing about terminals.

use std::time::Duration;

/// The unit that a progress bar counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Bytes, shown in binary multiples.
    Bytes,
    /// Photos.
    Photos,
    /// Files.
    Files,
    /// Batches of training.
    Batches,
    /// Steps of the optimiser.
    Steps,
}

/// Receives progress. The program draws bars or prints lines; tests use [`Silent`].
pub trait Progress: Sync {
    /// Begins a task of `total` units; it ends when the bar is dropped.
    fn bar(&self, what: &str, total: u64, unit: Unit) -> Box<dyn Bar>;

    /// Prints one line that belongs in the log of the run: an epoch's result, say.
    fn line(&self, text: &str);
}

/// A task in progress; may be advanced from several threads.
pub trait Bar: Send + Sync {
    /// Counts `n` more units.
    fn advance(&self, n: u64);

    /// Counts `n` units that an earlier run has done: they do not count for the rate.
    fn skip(&self, n: u64);

    /// Shows a message at the end of the bar: the loss, say. Parts between two spaces may be left out where room is short,
    /// the last ones first.
    fn set_message(&self, message: &str);

    /// Says how long all that the task is a part of will take from now on: all epochs of a training, not this one. `None`
    /// if there is no telling yet.
    fn set_time_left(&self, _left: Option<Duration>) {}
}

/// Discards progress.
pub struct Silent;

impl Progress for Silent {
    fn bar(&self, _what: &str, _total: u64, _unit: Unit) -> Box<dyn Bar> {
        Box::new(Silent)
    }

    fn line(&self, _text: &str) {}
}

impl Bar for Silent {
    fn advance(&self, _n: u64) {}

    fn skip(&self, _n: u64) {}

    fn set_message(&self, _message: &str) {}
}
