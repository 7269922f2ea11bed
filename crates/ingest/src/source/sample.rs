//! The embedded data set, drawn in the published layout and then read as such.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use marque_contracts::{Digest, Progress, Unit};
use marque_sample::Sample;
use serde_json::{Value, json};

use super::published::PublishedSource;
use super::{Destination, Imported, Source};
use crate::Error;

/// Folder for the archives of the sample while they are unpacked.
const ARCHIVES: &str = "drawn";

pub(super) struct SampleSource<'a> {
    pub(super) sample: &'a Sample,
}

impl Source for SampleSource<'_> {
    fn settings(&self) -> Value {
        json!({
            "source": "sample",
            "drawing_version": marque_sample::VERSION,
            "seed": self.sample.seed,
            "train_photos": self.sample.train_photos,
            "test_photos": self.sample.test_photos,
            "width": self.sample.width,
            "height": self.sample.height,
        })
    }

    fn digests(&self, _progress: &dyn Progress) -> Result<BTreeMap<String, Digest>, Error> {
        Ok(BTreeMap::new())
    }

    fn import(&self, to: &Destination<'_>) -> Result<Imported, Error> {
        let folder = to.output.join(ARCHIVES);
        let total = u64::from(self.sample.train_photos) + u64::from(self.sample.test_photos);
        let bar = to.progress.bar("draw the sample", total, Unit::Photos);
        let shown = AtomicU64::new(0);
        let tell = |done: u64, _total: u64| {
            let before = shown.fetch_max(done, Ordering::Relaxed);
            bar.advance(done.saturating_sub(before));
        };
        marque_sample::write(self.sample, &folder, &tell)?;
        let imported = PublishedSource { path: &folder, files: &[] }.import_all(to)?;
        fs_err::remove_dir_all(&folder)?;
        Ok(Imported { description: "the embedded sample".to_owned(), ..imported })
    }
}
