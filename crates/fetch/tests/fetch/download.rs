//! A download in a folder of its own, and a server that behaves.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use marque_contracts::{Digest, Silent};
use marque_fetch::{Checksum, Error, Fetched, Fetcher, Policy, ProblemKind, RemoteFile};
use marque_fixtures::server::{Reply, Server};

pub(crate) const NAME: &str = "cars.tgz";
pub(crate) const TAG: &str = "\"v1\"";

pub(crate) fn content() -> Vec<u8> {
    (0..200_000_u32).map(|i| ((i * i) >> 7) as u8).collect()
}

pub(crate) fn md5(bytes: &[u8]) -> Checksum {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    std::fs::write(&path, bytes).unwrap();
    let wrong = Checksum::parse("md5", &"0".repeat(32)).unwrap();
    let mismatch = Checksum::check(&[wrong], &path, &|_| {}).unwrap().unwrap_err();
    Checksum::parse("md5", &mismatch.found).unwrap()
}

/// A download into a folder of its own that waits in no time.
pub(crate) struct Download {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) file: RemoteFile,
    pub(crate) policy: Policy,
    pub(crate) waits: Arc<Mutex<Vec<Duration>>>,
}

impl Download {
    pub(crate) fn new(urls: impl IntoIterator<Item = String>) -> Self {
        let bytes = content();
        let file = RemoteFile {
            name: NAME.to_owned(),
            urls: urls.into_iter().collect(),
            checksums: vec![md5(&bytes)],
            bytes: Some(bytes.len() as u64),
        };
        let policy = Policy { attempts: 3, stall: Duration::from_secs(20), ..Policy::default() };
        Self { folder: tempfile::tempdir().unwrap(), file, policy, waits: Arc::default() }
    }

    pub(crate) fn from(server: &Server) -> Self {
        Self::new([server.url(NAME)])
    }

    /// A file of which nothing is published.
    pub(crate) fn unpublished(mut self) -> Self {
        (self.file.checksums, self.file.bytes) = (Vec::new(), None);
        self
    }

    pub(crate) fn path(&self, ending: &str) -> PathBuf {
        self.folder.path().join(format!("{NAME}{ending}"))
    }

    pub(crate) fn with_partial(self, bytes: &[u8], origin: &str) -> Self {
        std::fs::write(self.path(".partial"), bytes).unwrap();
        std::fs::write(self.path(".partial.origin"), origin).unwrap();
        self
    }

    pub(crate) fn run(&self) -> Result<Fetched, Error> {
        let waits = Arc::clone(&self.waits);
        let fetcher = Fetcher::new(self.policy.clone())
            .unwrap()
            .with_sleep(move |wait| waits.lock().unwrap().push(wait));
        fetcher.fetch(&self.file, self.folder.path(), &Silent)
    }

    /// Runs, and checks that the file is there, and nothing else but what `also` names.
    #[track_caller]
    pub(crate) fn succeeds(&self, also: &[&str]) -> Fetched {
        let fetched = self.run().unwrap();
        assert_eq!(std::fs::read(&fetched.path).unwrap(), content());
        assert_eq!(fetched.blake3, Digest::of_bytes(&content()));
        assert_eq!(fetched.bytes, content().len() as u64);
        let mut expected = vec![NAME.to_owned()];
        expected.extend(also.iter().map(|ending| format!("{NAME}{ending}")));
        assert_eq!(names(self.folder.path()), expected);
        fetched
    }

    #[track_caller]
    pub(crate) fn fails(&self) -> Vec<ProblemKind> {
        assert!(!self.path("").exists());
        let error = self.run().unwrap_err();
        assert!(!self.path("").exists(), "nothing unverified may stand under the name");
        assert!(error.to_string().starts_with("cars.tgz could not be downloaded:\n    http"), "{error}");
        match error {
            Error::Failed { problems, .. } => problems.into_iter().map(|problem| problem.kind).collect(),
            other => panic!("{other}"),
        }
    }
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub(crate) fn good() -> Server {
    Server::start(|request, _| Reply::file(&content(), TAG, request))
}
