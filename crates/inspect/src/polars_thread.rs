//! Where Polars answers: with a stack for queries of many terms, and with its panics as errors.

use std::thread;

use marque_contracts::guarded;

use crate::Error;

/// Bytes of the stack, taken only as far as they are used.
const STACK: usize = 256 << 20;

/// Calls Polars with what a user has written: a query, or a condition, as `what` says.
pub(crate) fn with_polars<T: Send>(what: &'static str, call: impl FnOnce() -> T + Send) -> Result<T, Error> {
    let failed = |reason: String| Error::Query { what, reason };
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, || guarded(call));
        let thread = thread.map_err(|error| failed(format!("there is no thread to answer it: {error}")))?;
        let answer = thread.join().unwrap_or_else(|_| Err("the thread that answers it panicked".to_owned()));
        answer.map_err(|panic| failed(format!("Polars cannot answer it ({panic})")))
    })
}
