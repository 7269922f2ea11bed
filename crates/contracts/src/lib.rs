//! What stages share, and nothing else: the [`Stage`] trait and its [`Job`], the names of the files that pass between
//! stages ([`schema`]), content digests, durable writes, JSON records, failures, progress, and counts in messages.
//!
//! It reads files to hash them and writes what [`durable`] is told to. It knows neither tensors nor tables nor the
//! store, so that every crate can afford to depend on it.

pub mod counts;
mod digest;
pub mod durable;
mod failure;
mod guard;
pub mod json;
mod progress;
pub mod schema;
mod stage;

pub use digest::Digest;
pub use failure::{Failure, FailureKind};
pub use guard::guarded;
pub use progress::{Bar, Progress, Silent, Unit};
pub use stage::{Input, Job, Stage, Summary};
