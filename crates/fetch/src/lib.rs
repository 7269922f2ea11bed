//! Downloads published files: data sets and pretrained weights, from mirrors that may fail.
//!
//! It **reads** addresses over HTTP(S) and **writes** files into a folder. A [`Fetcher`] takes a list of
//! [`RemoteFile`]s and
//!
//! - goes through the addresses of each in order, and on to the next for what cannot be mended,
//! - tries again what may be a passing trouble, after waits that double and vary ([`Policy`]), or as long as
//!   the server asks for in `Retry-After`,
//! - goes on where a broken transfer ended (HTTP Range), and begins anew where the server cannot,
//! - hashes what it writes while it writes it, in constant memory,
//! - lets nothing through whose length or checksum is not the published one: such a file is kept aside as
//!   `NAME.rejected`.
//!
//! A file appears under its name only once it is whole and verified; until then it is `NAME.partial`, with the
//! address it comes from in `NAME.partial.origin`.
//!
//! `ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY` and `SSL_CERT_FILE` are respected; of several proxies the first
//! of these counts, for all addresses. A proxy is asked to connect through (`CONNECT`), for `http://` addresses as well:
//! one that only forwards requests will not do. One that cannot be understood is an error.

mod checksum;
mod claim;
mod client;
mod error;
mod fetcher;
mod partial;
mod policy;
mod transfer;

pub use checksum::{Checksum, Mismatch};
pub use error::{Error, Problem, ProblemKind};
pub use fetcher::{Fetched, Fetcher, RemoteFile};
pub use partial::set_aside;
pub use policy::Policy;
