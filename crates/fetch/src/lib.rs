//! Downloads published files: data sets and pretrained weights, from mirrors that may fail.
//!
//! It **reads** addresses over HTTP(S) and **writes** files into a folder. A [`Fetcher`] takes a list of
//! [`RemoteFile`]s and
//!
//! - tries the addresses of each in order, the next one after a permanent failure,
//! - tries again after a temporary failure, with exponential backoff and jitter ([`Policy`]), or after the time that the
//!   server asks for in `Retry-After`,
//! - resumes an interrupted transfer (HTTP Range), and starts again where the server cannot,
//! - hashes what it writes while it writes it, in constant memory,
//! - accepts nothing whose length or checksum is not the published one: such a file is set aside as `NAME.rejected`.
//!
//! A file appears under its name only once it is complete and verified; until then it is `NAME.partial`, with the
//! address it comes from in `NAME.partial.origin`.
//!
//! `ALL_PROXY`, `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY` and `SSL_CERT_FILE` are respected; of several proxies the first
//! of these counts, for all addresses. A proxy is asked to connect through (`CONNECT`), for `http://` addresses as well:
//! one that only forwards requests will not do. One that cannot be understood is an error.

mod checksum;
mod client;
mod error;
mod fetcher;
mod lock;
mod partial;
mod policy;
mod remote_file;
mod transfer;

pub use checksum::{Checksum, Mismatch};
pub use error::{Error, Problem, ProblemKind};
pub use fetcher::Fetcher;
pub use partial::set_aside;
pub use policy::Policy;
pub use remote_file::{Fetched, RemoteFile};
