//! From `pipeline.toml` to stages.

use std::path::{Path, PathBuf};

use marque_contracts::Stage;
use marque_contracts::schema::{Split, evaluate, features, train};
use marque_evaluate::Evaluate;
use marque_ingest::{ExpectedFile, FetchSettings, Ingest, SourceSettings};
use marque_labels::{Labels, SplitSource};
use marque_network::Precision;
use marque_preprocess::Preprocess;
use marque_settings::{Document, Reader, Reference, Resolved};
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
    /// The heads, and how photos are split.
    pub(crate) labels: marque_labels::Settings,
    /// How files are downloaded, and which beside the data set's.
    pub(crate) fetch: FetchSettings,
    /// How to train.
    pub(crate) train: marque_train::Settings,
    /// How to measure, and so how to answer.
    pub(crate) evaluate: marque_evaluate::Settings,
    /// Number of threads; 0 for one per core.
    threads: usize,
}

impl Configuration {
    /// Reads the file, applies the command line's changes, and reports everything that is wrong at once.
    pub(crate) fn load(file: &Path, set: &[String]) -> Result<Self, Error> {
        let (configuration, resolved) = Self::resolve(file, set)?;
        for warning in &resolved.warnings {
            tracing::warn!("{warning}");
        }
        Ok(configuration)
    }

    /// The same, with every key, its value and where that came from.
    pub(crate) fn resolve(file: &Path, set: &[String]) -> Result<(Self, Resolved), Error> {
        let mut document = Document::load(file)?;
        set.iter().try_for_each(|pair| document.set(pair))?;
        let mut reader = Reader::new(&document);
        let configuration = Self::read(&mut reader);
        let resolved = reader.finish()?;
        Ok((configuration, resolved))
    }

    /// Whether a text would be a configuration of this name that has no problems.
    pub(crate) fn check(file: &Path, text: &str) -> Result<(), Error> {
        let document = Document::parse(&file.display().to_string(), text)?;
        let mut reader = Reader::new(&document);
        Self::read(&mut reader);
        reader.finish()?;
        Ok(())
    }

    /// Every key there is.
    pub(crate) fn reference() -> Reference {
        let document = Document::empty();
        let mut reader = Reader::recording(&document);
        Self::read(&mut reader);
        reader.reference()
    }

    fn read(reader: &mut Reader<'_>) -> Self {
        let store = reader.section("store", &[], "where results are", |section| {
            section.key("path", "folder of the store").path("data")
        });
        let stages = &[features::STAGE, train::STAGE, evaluate::STAGE];
        let (threads, precision) = reader.section("runtime", stages, "how to compute", |section| {
            let threads = section.key("threads", "0 for one per core; changes no result").count(0, 0..=1024);
            let words = [&Precision::WORDS[..], &[("auto", Precision::fastest())]].concat();
            let about = "what networks compute with: \"bf16\" takes half the memory and is two to three \
                         times as fast on CPUs with AMX or AVX512_BF16; \"auto\" is bf16 on those, else f32";
            (threads, section.key("precision", about).choice(Precision::default(), &words))
        });
        let ingest = marque_ingest::Settings::read(reader);
        let mut fetch = FetchSettings::read(reader);
        let labels = marque_labels::Settings::read(reader);
        let preprocess = marque_preprocess::Settings::read(reader, ingest.max_decode_bytes);
        let train = marque_train::Settings::read(reader, precision, &fetch.folder);
        expect_published_weights(&train, &mut fetch);
        let predict = marque_predict::Settings::read(reader);
        let evaluate =
            marque_evaluate::Settings::read(reader, predict.clone(), precision, ingest.max_decode_bytes);
        report_conflicts(&labels, &preprocess, &train, reader);
        report_without_validation(&labels, &train, &evaluate, reader);
        let dataset = ingest.clone();
        let drawn = matches!(dataset.source, SourceSettings::Sample(_));
        let mut stages: Vec<Box<dyn Stage>> = vec![
            Box::new(Ingest::new(ingest)),
            Box::new(Labels::new(labels.clone())),
            Box::new(Preprocess::new(preprocess)),
        ];
        if let Some(features) = Features::new(&train) {
            stages.push(Box::new(features));
        }
        stages.push(Box::new(Train::new(train.clone()).on_drawn_photos(drawn)));
        let auxiliary = train.heads.iter().filter(|(_, head)| head.auxiliary);
        let auxiliary = auxiliary.map(|(name, _)| name.clone()).collect();
        stages.push(Box::new(Evaluate::new(evaluate.clone()).without_heads(auxiliary)));
        Self { store, stages, dataset, labels, fetch, train, evaluate, threads }
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

/// Adds the weights that are known by name to the files that are downloaded. What `[[fetch.files]]` says of the same place
/// counts instead: another mirror, say.
fn expect_published_weights(train: &marque_train::Settings, fetch: &mut FetchSettings) {
    let (Some(published), Some(path)) = (train.published, &train.weights) else { return };
    if fetch.files.iter().all(|file| file.path != *path) {
        let (bytes, sha256) = (published.bytes, published.sha256);
        fetch.files.push(ExpectedFile::published(path.clone(), bytes, sha256, published.url()));
    }
}

/// Notes what needs validation photos where there are none for certain: where splits are drawn, and none for them.
fn report_without_validation(
    labels: &marque_labels::Settings,
    train: &marque_train::Settings,
    evaluate: &marque_evaluate::Settings,
    reader: &mut Reader<'_>,
) {
    if labels.split == SplitSource::Official || labels.validation > 0.0 {
        return;
    }
    for (key, message) in train.validation_conflicts() {
        reader.report(&key, &message);
    }
    if evaluate.split == Split::Validation {
        let message = "measures on validation photos, but labels.validation = 0 holds none out";
        reader.report("evaluate.split", message);
    }
}

/// Notes what of `[train]` conflicts with other sections.
fn report_conflicts(
    labels: &marque_labels::Settings,
    preprocess: &marque_preprocess::Settings,
    train: &marque_train::Settings,
    reader: &mut Reader<'_>,
) {
    let heads: Vec<_> = labels.heads.iter().map(|head| (head.name.as_str(), head.kind)).collect();
    let conflicts = train.size_conflicts(preprocess.size).into_iter().chain(train.head_conflicts(&heads));
    for (key, message) in conflicts {
        reader.report(&key, &message);
    }
}
