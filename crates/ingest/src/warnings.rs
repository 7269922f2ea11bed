//! Warnings that are logged once in a run of the program: sources are looked at several times.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

static LOGGED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Logs a warning, unless it was logged before.
pub(crate) fn warn_once(text: String) {
    let mut logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    if !logged.contains(&text) {
        tracing::warn!("{text}");
        logged.insert(text);
    }
}
