//! What stages share, and nothing else: the [`Stage`] trait and its [`Job`], the names of the files that pass between
//! stages ([`schema`]), content digests, durable writes, JSON records, failures, progress, numbers and names in messages.
//!
//! It reads files to hash them and writes what [`durable`] is told to. It knows neither tensors nor tables nor the
//! store, so that every crate can afford to depend on it.

pub mod counts;
mod digest;
pub mod disk;
pub mod durable;
mod failure;
mod finished_files;
mod guard;
pub mod json;
mod printable;
mod progress;
pub mod schema;
mod stage;

pub use digest::Digest;
pub use failure::{Failure, FailureKind};
pub use finished_files::FinishedFiles;
pub use guard::guarded;
pub use printable::printable;
pub use progress::{Bar, Progress, Silent, Unit};
pub use stage::{Input, Job, RESUME, Stage, Summary};
