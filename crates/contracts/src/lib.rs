//! What the stages agree on, and nothing else: content digests, fingerprints, manifests, the artifact
//! store, the [`Stage`] trait, and the names of the files that pass between stages.
//!
//! It reads and writes the store's own bookkeeping (`data/store.json`, `data/lock`, and in each artifact
//! `manifest.json`); what is inside an artifact is the stages' business. It knows neither tensors nor
//! tables, so that every crate can afford to depend on it.

pub mod counts;
mod digest;
pub mod durable;
mod failure;
mod fingerprint;
mod housekeeping;
mod lock;
mod manifest;
mod progress;
pub mod schema;
mod stage;
mod store;

pub use digest::{Digest, Key};
pub use failure::{Failure, FailureKind};
pub use fingerprint::{Difference, Fingerprint};
pub use housekeeping::Sorted;
pub use lock::{Holder, StoreLock};
pub use manifest::{Damage, DamageKind, FileRecord, MANIFEST, Manifest};
pub use progress::{Bar, Progress, Silent, Unit};
pub use stage::{Input, Job, Stage, Summary};
pub use store::{Artifact, STORE_FORMAT, Store, StoreError, WorkFolder};
