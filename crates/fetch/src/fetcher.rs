//! Files from lists of addresses.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use marque_contracts::{Digest, Progress};
use ureq::Agent;

use crate::checksum::Hasher;
use crate::claim::Claim;
use crate::client::client;
use crate::partial::Place;
use crate::transfer::{Outcome, Transfer};
use crate::{Checksum, Error, Policy, Problem, ProblemKind};

/// A try that came this many bytes farther does not count against an address: it works, only not for long.
const GOOD_PIECE: u64 = 1 << 20;

/// A published file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RemoteFile {
    /// Name to save it under, without folder.
    pub name: String,
    /// Addresses, best first.
    pub urls: Vec<String>,
    /// Published checksums; all have to fit.
    pub checksums: Vec<Checksum>,
    /// Published size in bytes.
    pub bytes: Option<u64>,
}

/// A file that came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// BLAKE3 digest of its content.
    pub blake3: Digest,
    /// The address that gave it; `None` if another program brought it while this one waited for that.
    pub url: Option<String>,
    /// Bytes of it that were there before the last transfer.
    pub resumed: u64,
}

/// Downloads files.
pub struct Fetcher {
    agent: Agent,
    policy: Policy,
    sleep: Box<dyn Fn(Duration) + Send + Sync>,
}

impl Fetcher {
    /// With this policy, and the proxy and certificates that the environment names.
    ///
    /// # Errors
    /// If `SSL_CERT_FILE` names certificates that cannot be used.
    pub fn new(policy: Policy) -> Result<Self, Error> {
        Ok(Self { agent: client(&policy)?, policy, sleep: Box::new(std::thread::sleep) })
    }

    /// Waits through `sleep` instead of sleeping: for tests, that look at waits and do not wait.
    pub fn with_sleep(mut self, sleep: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        self.sleep = Box::new(sleep);
        self
    }

    /// Brings one file into `folder`, which is made if it is missing. A file that is already there under this
    /// name is replaced. Where another program is bringing the same file, it is waited for.
    ///
    /// # Errors
    /// [`Error::Failed`] if no address gives the file; otherwise if the file system refuses.
    pub fn fetch(&self, file: &RemoteFile, folder: &Path, progress: &dyn Progress) -> Result<Fetched, Error> {
        std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
        let place = Place::new(folder, &file.name);
        let tell = |holder: &str| {
            progress.line(&format!("{} is being downloaded by {holder} already; waiting for it", file.name));
        };
        let claim = Claim::take(&place.lock, &tell)?;
        if claim.waited
            && let Some(fetched) = brought(file, &place.whole)?
        {
            return Ok(fetched);
        }
        let mut problems = Vec::new();
        for url in &file.urls {
            let transfer =
                Transfer { agent: &self.agent, policy: &self.policy, file, url, place: &place, progress };
            match self.try_address(&transfer)? {
                Ok(fetched) => return Ok(fetched),
                Err(problem) => {
                    match problem.kind {
                        // A later mirror may have it, but somebody hands out another file under this name.
                        ProblemKind::Checksum { .. } | ProblemKind::Length { .. } => {
                            tracing::warn!("{}: {problem}", file.name);
                        }
                        _ => tracing::info!("{}: {problem}", file.name),
                    }
                    problems.push(problem);
                }
            }
        }
        Err(Error::Failed { name: file.name.clone(), problems })
    }

    fn try_address(&self, transfer: &Transfer<'_>) -> Result<Result<Fetched, Problem>, Error> {
        let (name, url) = (&transfer.file.name, transfer.url.to_owned());
        let (mut attempts, mut farthest) = (0, transfer.place.length());
        loop {
            attempts += 1;
            match transfer.run()? {
                Outcome::Whole { bytes, blake3, resumed } => {
                    let path = transfer.place.whole.clone();
                    return Ok(Ok(Fetched { path, bytes, blake3, url: Some(url), resumed }));
                }
                Outcome::Hopeless(kind) => return Ok(Err(Problem { url, kind, attempts })),
                Outcome::Again { kind, wait } => {
                    let length = transfer.place.length();
                    if length >= farthest + GOOD_PIECE {
                        (attempts, farthest) = (0, length);
                    }
                    if attempts >= self.policy.attempts {
                        return Ok(Err(Problem { url, kind, attempts }));
                    }
                    let wait = wait.unwrap_or_else(|| self.policy.wait(name, attempts.max(1)));
                    tracing::warn!("{name}: {kind}; trying again in {:.1} s", wait.as_secs_f64());
                    (self.sleep)(wait);
                }
            }
        }
    }

    /// Brings several files into `folder`, [`Policy::parallel`] at a time; one that fails does not stop the
    /// others. The results are in the order of `files`.
    pub fn fetch_all(
        &self,
        files: &[RemoteFile],
        folder: &Path,
        progress: &dyn Progress,
    ) -> Vec<Result<Fetched, Error>> {
        let next = AtomicUsize::new(0);
        let results = Mutex::new(BTreeMap::new());
        let work = || {
            loop {
                let position = next.fetch_add(1, Ordering::Relaxed);
                let Some(file) = files.get(position) else { break };
                let result = self.fetch(file, folder, progress);
                results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(position, result);
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..self.policy.parallel.clamp(1, files.len().max(1)) {
                scope.spawn(work);
            }
        });
        results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).into_values().collect()
    }
}

/// The file that another program has brought meanwhile, if it is the published one.
fn brought(file: &RemoteFile, path: &Path) -> Result<Option<Fetched>, Error> {
    let io = |e| Error::io("read", path, e);
    let mut content = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other.map_err(io)?,
    };
    let mut hasher = Hasher::new(&file.checksums);
    let bytes = hasher.read(&mut content, &|_| {}).map_err(io)?;
    let blake3 = hasher.blake3();
    let fits = file.bytes.is_none_or(|expected| expected == bytes) && hasher.compare(&file.checksums).is_ok();
    Ok(fits.then(|| Fetched { path: path.to_owned(), bytes, blake3, url: None, resumed: 0 }))
}
