//! The artifact store: finished results by key, the record of what each depends on, which are stale, and bringing
//! stages up to date.
//!
//! **Reads and writes** the store's bookkeeping: `data/store.json`, `data/lock`, per stage the link `current`, and in
//! each artifact `manifest.json`. What else is in an artifact is the stages' business, which it knows only through the
//! [`Stage`](marque_contracts::Stage) trait. Only the program depends on it.
//!
//! A stage is *fresh* when the [`Key`] of its [`Fingerprint`] (settings, version of its code, and the *content* of what
//! it reads) names the current result, and all files of that result are there with their sizes. If an earlier result has
//! that key, it is *cached*: it is hashed and, if whole, restored. Otherwise the stage is *stale* and runs. Before it
//! runs, the files that it will read are hashed, and a damaged one makes the stage that wrote it run first; one that cannot
//! be read is an error, as nothing is known of what it holds.

mod assess;
mod error;
mod files;
mod fingerprint;
mod housekeeping;
mod key;
mod listing;
mod lock;
mod manifest;
mod reason;
mod run;
mod store;

pub use assess::{Assessment, State, assess};
pub use error::{RunError, StoreError};
pub use files::{Damage, DamageKind, FileRecord, MANIFEST};
pub use fingerprint::{Difference, Field, Fingerprint, shown};
pub use housekeeping::Inventory;
pub use key::Key;
pub use lock::{Holder, StoreLock};
pub use manifest::{Manifest, STORE_FORMAT};
pub use reason::Reason;
pub use run::{Observer, Outcome, Request, run};
pub use store::{Artifact, RECORD, Store, WorkFolder};
