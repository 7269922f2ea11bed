//! Downloads: addresses in order, tries again, several files at a time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fs_err::File;
use marque_contracts::Progress;
use ureq::Agent;

use crate::checksum::Hasher;
use crate::client::client;
use crate::lock::DownloadLock;
use crate::partial::{DownloadPaths, tidy};
use crate::transfer::{Outcome, Transfer};
use crate::{Error, Fetched, Policy, Problem, ProblemKind, RemoteFile};

/// A try that received this many bytes more does not count against an address: it works, only not for long.
const MIN_PROGRESS: u64 = 1 << 20;

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

    /// Waits by `sleep` instead of sleeping: for tests of the waits.
    pub fn with_sleep(mut self, sleep: impl Fn(Duration) + Send + Sync + 'static) -> Self {
        self.sleep = Box::new(sleep);
        self
    }

    /// Downloads one file into `folder`, which is created if it is missing. A file that is already there under this
    /// name is replaced. Another program that is downloading the same file is waited for.
    ///
    /// # Errors
    /// [`Error::Failed`] if no address gives the file; otherwise if the file system refuses.
    pub fn fetch(&self, file: &RemoteFile, folder: &Path, progress: &dyn Progress) -> Result<Fetched, Error> {
        fs_err::create_dir_all(folder)?;
        let paths = DownloadPaths::new(folder, &file.name);
        let tell = |holder: &str| {
            progress.line(&format!("{} is being downloaded by {holder} already; waiting for it", file.name));
        };
        let lock = DownloadLock::acquire(&paths.lock, &tell)?;
        if lock.waited
            && let Some(fetched) = downloaded_meanwhile(file, &paths.complete)?
        {
            return Ok(fetched);
        }
        let mut problems = Vec::new();
        for url in &file.urls {
            let transfer =
                Transfer { agent: &self.agent, policy: &self.policy, file, url, paths: &paths, progress };
            match self.try_address(&transfer)? {
                Ok(fetched) => return Ok(fetched),
                Err(problem) => {
                    match problem.kind {
                        // A later mirror may have it, but this one has another file under its name.
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
        let (mut attempts, mut farthest) = (0, transfer.paths.length());
        loop {
            attempts += 1;
            match transfer.run()? {
                Outcome::Complete { bytes, blake3, resumed } => {
                    let path = transfer.paths.complete.clone();
                    return Ok(Ok(Fetched { path, bytes, blake3, url: Some(url), resumed }));
                }
                Outcome::Failed(kind) => return Ok(Err(Problem { url, kind, attempts })),
                Outcome::Retry { kind, wait } => {
                    let length = transfer.paths.length();
                    if length >= farthest + MIN_PROGRESS {
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

    /// Downloads several files into `folder`, [`Policy::parallel`] at a time; one that fails does not stop the
    /// others. The results are in the order of `files`.
    pub fn fetch_all(
        &self,
        files: &[RemoteFile],
        folder: &Path,
        progress: &dyn Progress,
    ) -> Vec<Result<Fetched, Error>> {
        tidy(folder);
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

/// The file that another program has downloaded meanwhile, if it is the published one.
fn downloaded_meanwhile(file: &RemoteFile, path: &Path) -> Result<Option<Fetched>, Error> {
    let mut content = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut hasher = Hasher::new(&file.checksums);
    let bytes = hasher.read(&mut content, &|_| {})?;
    let blake3 = hasher.blake3();
    let matches =
        file.bytes.is_none_or(|expected| expected == bytes) && hasher.compare(&file.checksums).is_ok();
    Ok(matches.then(|| Fetched { path: path.to_owned(), bytes, blake3, url: None, resumed: 0 }))
}
