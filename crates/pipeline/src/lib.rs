//! Decides which stages are stale, says why, and runs them.
//!
//! It reads and writes the artifact store through `marque-contracts` and knows stages only as the
//! [`Stage`](marque_contracts::Stage) trait: what they do is theirs.
//!
//! A stage is fresh when the key of its fingerprint (its settings, its code's version, and the *content* of
//! what it reads) names the current result and that result's files are all there. If an older result has
//! that key it is hashed again and, if it is whole, taken back into use; otherwise the stage runs. Before it runs,
//! the files it will read are hashed again: a damaged one makes the stage that wrote it run first. The files of a
//! fresh result that nothing reads are looked at only for presence and size.

mod assess;
mod error;
mod reason;
mod run;

pub use assess::{Assessment, State, assess};
pub use error::Error;
pub use reason::Reason;
pub use run::{Observer, Outcome, Request, run};
