//! From `pipeline.toml` to stages.

use std::path::{Path, PathBuf};

use marque_contracts::Stage;
use marque_evaluate::Evaluate;
use marque_ingest::{FetchSettings, Ingest};
use marque_labels::Labels;
use marque_network::Precision;
use marque_preprocess::Preprocess;
use marque_settings::{Document, Reader};
use marque_store::Store;
use marque_train::{Features, Train};

use crate::error::Error;

/// The whole configuration, resolved.
pub(crate) struct Configuration {
    /// Folder of the store.
    pub(crate) store: PathBuf,
    /// The stages, in the order in which they run.
    pub(crate) stages: Vec<Box<dyn Stage>>,
    /// Where photos and annotations come from.
    pub(crate) dataset: marque_ingest::Settings,
    /// How files are downloaded, and which beside the data set's.
    pub(crate) fetch: FetchSettings,
    /// How to train.
    pub(crate) train: marque_train::Settings,
    /// Number of threads; 0 for one per core.
    threads: usize,
}

impl Configuration {
    /// Reads the file, applies the command line's changes, and reports everything that is wrong at once.
    pub(crate) fn load(file: &Path, set: &[String]) -> Result<Self, Error> {
        let mut document = Document::load(file)?;
        set.iter().try_for_each(|pair| document.set(pair))?;
        let mut reader = Reader::new(&document);
        let default_store = file.parent().unwrap_or(Path::new("")).join("data");
        let store = reader.section("store", |section| section.optional_path("path")).unwrap_or(default_store);
        let (threads, precision) = reader.section("runtime", |section| {
            let threads = section.count("threads", 0, 0..=1024);
            let words = [&[("auto", Precision::fastest())], &Precision::WORDS[..]].concat();
            (threads, section.choice("precision", Precision::default(), &words))
        });
        let ingest = reader.section("dataset", marque_ingest::Settings::read);
        let fetch = reader.section("fetch", FetchSettings::read);
        let labels = marque_labels::Settings::read(&mut reader);
        let preprocess = reader.section("preprocess", marque_preprocess::Settings::read);
        let mut train = reader.section("train", marque_train::Settings::read);
        let mut evaluate = reader.section("evaluate", marque_evaluate::Settings::read);
        (train.precision, evaluate.precision) = (precision, precision);
        let declared: Vec<_> = labels.heads.iter().map(|head| (head.name.as_str(), head.kind)).collect();
        for (key, message) in train.size_misfits(preprocess.size) {
            reader.report(key, &message);
        }
        for (key, message) in train.misfits(&declared) {
            reader.report(&key, &message);
        }
        reader.finish()?;
        let dataset = ingest.clone();
        let mut stages: Vec<Box<dyn Stage>> = vec![
            Box::new(Ingest::new(ingest)),
            Box::new(Labels::new(labels)),
            Box::new(Preprocess::new(preprocess)),
        ];
        if let Some(features) = Features::new(&train) {
            stages.push(Box::new(features));
        }
        stages.push(Box::new(Train::new(train.clone())));
        stages.push(Box::new(Evaluate::new(evaluate)));
        Ok(Self { store, stages, dataset, fetch, train, threads })
    }

    /// Starts the threads that all stages share.
    pub(crate) fn start_threads(&self) -> Result<(), Error> {
        Ok(rayon::ThreadPoolBuilder::new().num_threads(self.threads).build_global()?)
    }

    /// The store, only to look into.
    pub(crate) fn open_store(&self) -> Result<Store, Error> {
        Ok(Store::open_to_read(&self.store)?)
    }

    /// Position of a stage by its name.
    pub(crate) fn position(&self, name: &str) -> Result<usize, Error> {
        let found = self.stages.iter().position(|stage| stage.name() == name);
        found.ok_or_else(|| Error::NoSuchStage(name.to_owned()))
    }
}
