//! The embedded data set, drawn in the published layout and then read as such.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use marque_contracts::{Digest, Progress, Unit};
use marque_sample::Sample;

use super::published::Published;
use super::{Destination, Found, Source};
use crate::Error;

/// Folder for the archives of the sample while they are unpacked.
const DRAWN: &str = "drawn";

pub(super) struct Drawn<'a> {
    pub(super) sample: &'a Sample,
}

impl Source for Drawn<'_> {
    fn digests(&self, _progress: &dyn Progress) -> Result<BTreeMap<String, Digest>, Error> {
        Ok(BTreeMap::new())
    }

    fn bring(&self, to: &Destination<'_>) -> Result<Found, Error> {
        let folder = to.output.join(DRAWN);
        std::fs::create_dir_all(&folder).map_err(|e| Error::io("create", &folder, e))?;
        let total = u64::from(self.sample.train_photos) + u64::from(self.sample.test_photos);
        let bar = to.progress.bar("draw the sample", total, Unit::Photos);
        let shown = AtomicU64::new(0);
        let tell = |done: u64, _total: u64| {
            let before = shown.fetch_max(done, Ordering::Relaxed);
            bar.advance(done.saturating_sub(before));
        };
        marque_sample::write(self.sample, &folder, &tell)?;
        let found = Published { path: &folder, files: &[] }.take_all(to)?;
        std::fs::remove_dir_all(&folder).map_err(|e| Error::io("delete", &folder, e))?;
        Ok(Found { what: "the embedded sample".to_owned(), ..found })
    }
}
