//! The stage `features`: computes the activations of frozen parts of the backbone, shard by shard.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{Device, Tensor};
use half::f16;
use half::slice::HalfFloatSliceExt;
use marque_augment::Policy;
use marque_contracts::counts::counted;
use marque_contracts::durable::create_folder;
use marque_contracts::schema::{features, preprocess, train};
use marque_contracts::{Digest, Failure, FinishedFiles, Input, Job, Stage, Summary, Unit, json};
use marque_formats::{IndexRow, ShardKind, ShardReader, ShardWriter, shard_path};
use marque_kernels::NUMERICS_VERSION;
use marque_network::{Backbone, BottleneckStride, HeadConfig, Network};
use rayon::prelude::*;
use serde::Serialize;
use serde_json::{Value, json};

use super::reader::Record;
use super::view::{crops, draw_view, views};
use crate::augmentation::Augmentation;
use crate::initial_network::{load_backbone, network_config, weights_source};
use crate::{Error, Settings};

/// Views that pass through the backbone at once.
const BATCH: usize = 64;

/// The stage that keeps the activations of frozen parts, for configurations that ask for it.
pub struct Features {
    settings: Settings,
}

impl Features {
    /// The stage with the settings of training; `None` if these do not ask for it.
    pub fn new(settings: &Settings) -> Option<Self> {
        (settings.cached_parts() > 0).then(|| Self { settings: settings.clone() })
    }

    fn compute(&self, job: &Job<'_>) -> Result<Summary, Error> {
        let settings = &self.settings;
        let pixels = job.input(preprocess::STAGE);
        let index = IndexRow::read(&pixels.join(preprocess::INDEX))?;
        let shards = ShardReader::open_indexed(&pixels.join(preprocess::SHARDS), ShardKind::Pixels, &index)?;
        let size = shards.geometry().height;
        let config = network_config(settings, size, vec![HeadConfig::new("none", ["none"])]);
        let network = Network::new(&config, settings.seed)?.with_precision(settings.precision);
        load_backbone(&network, settings)?;
        let finished = FinishedFiles::open(job.output())?;
        let folder = job.output().join(features::FEATURES);
        create_folder(&folder)?;
        let mut by_shard: BTreeMap<u32, Vec<(usize, &IndexRow)>> = BTreeMap::new();
        for (position, row) in index.iter().enumerate() {
            by_shard.entry(row.shard).or_default().push((position, row));
        }
        let extractor = Extractor { settings, network, shards, policy: settings.policy(Some(size))?, size };
        let bar = job.progress().bar("compute features", index.len() as u64, Unit::Photos);
        for (shard, mut rows) in by_shard.iter().map(|(shard, rows)| (*shard, rows.clone())) {
            rows.sort_by_key(|(_, row)| row.row);
            if rows.iter().enumerate().any(|(at, (_, row))| row.row as usize != at) {
                return Err(Error::Data(format!(
                    "the index does not list every photo of shard {shard} once"
                )));
            }
            let name = shard_path(Path::new(features::FEATURES), shard).display().to_string();
            match finished.get::<()>(&name) {
                Some(()) => bar.skip(rows.len() as u64),
                None => {
                    extractor.write(&rows, &folder, shard, |photos| bar.advance(photos as u64))?;
                    finished.note(&name, ())?;
                }
            }
        }
        let files = by_shard.len() as u32;
        let record = Record { parts: settings.cached_parts(), views: views(settings), files };
        json::write(&job.output().join(features::RECORD), &record)?;
        Ok(Summary {
            line: format!(
                "{}, {} each, {} frozen",
                counted(index.len() as u64, "photo", "photos"),
                counted(record.views as u64, "view", "views"),
                counted(record.parts as u64, "part", "parts"),
            ),
            notes: BTreeMap::from([("photos".to_owned(), json!(index.len()))]),
        })
    }
}

struct Extractor<'a> {
    settings: &'a Settings,
    network: Network,
    shards: ShardReader,
    policy: Policy,
    size: usize,
}

impl Extractor<'_> {
    /// Writes the activations of some photos, in the order given, rounded to half precision.
    fn write(
        &self,
        rows: &[(usize, &IndexRow)],
        folder: &Path,
        shard: u32,
        done: impl Fn(usize),
    ) -> Result<(), Error> {
        let at_once = BATCH.div_ceil(views(self.settings));
        let mut writer = None;
        for (batch, photos) in rows.chunks(at_once).enumerate() {
            let images = self.images(photos)?;
            let output = self.network.prefix_eval(&images, self.settings.cached_parts())?;
            let writer = match &writer {
                Some(writer) => writer,
                None => {
                    let shape = [&[views(self.settings)], &output.dims()[1..]].concat();
                    let begun = ShardWriter::create(folder, shard, ShardKind::Features, rows.len(), &shape)?;
                    writer.insert(begun)
                }
            };
            let values = output.flatten_all()?.to_vec1::<f32>()?;
            let mut halves = vec![f16::ZERO; values.len()];
            halves.convert_from_f32_slice(&values);
            let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
            for (row, photo) in (batch * at_once..).zip(bytes.chunks_exact(bytes.len() / photos.len())) {
                writer.write(row, photo)?;
            }
            done(photos.len());
        }
        if let Some(writer) = writer {
            writer.finish()?;
        }
        Ok(())
    }

    /// All views of some photos, `[photos × views, size, size, 3]`.
    fn images(&self, rows: &[(usize, &IndexRow)]) -> Result<Tensor, Error> {
        let (views, photo) = (views(self.settings), self.size * self.size * 3);
        let mut images = vec![0.0; rows.len() * views * photo];
        images.par_chunks_exact_mut(views * photo).zip(rows).try_for_each(|(out, (position, row))| {
            let pixels = self.shards.photo(row)?;
            for (view, out) in out.chunks_exact_mut(photo).enumerate() {
                let draw = draw_view(self.settings, &self.policy, self.size, *position, view)?;
                self.policy.render(&draw, pixels, self.size, out)?;
            }
            Ok::<_, Error>(())
        })?;
        let shape = (rows.len() * views, self.size, self.size, 3);
        Ok(Tensor::from_vec(images, shape, &Device::Cpu)?)
    }
}

/// What of the settings changes the features: heads, losses and the optimiser do not; what is drawn does only where
/// something is.
#[derive(Serialize)]
struct FeatureFingerprint<'a> {
    backbone: Backbone,
    bottleneck_stride: BottleneckStride,
    norm_eps: f64,
    mean: [f64; 3],
    std: [f64; 3],
    freeze: &'a [&'static str],
    cache_crops: usize,
    flip: bool,
    #[serde(flatten)]
    augmentation: Option<&'a Augmentation>,
    seed: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weights_prefix: Option<&'a str>,
}

impl<'a> FeatureFingerprint<'a> {
    fn of(settings: &'a Settings) -> Self {
        let drawn = crops(settings) > 1;
        Self {
            backbone: settings.backbone,
            bottleneck_stride: settings.bottleneck_stride,
            norm_eps: settings.norm_eps,
            mean: settings.mean,
            std: settings.std,
            freeze: &settings.freeze.parts[..settings.cached_parts()],
            cache_crops: crops(settings),
            flip: settings.augmentation.flip,
            augmentation: drawn.then_some(&settings.augmentation),
            seed: (drawn || settings.weights.is_none()).then_some(settings.seed),
            weights_prefix: settings.weights_prefix.as_deref(),
        }
    }
}

impl Stage for Features {
    fn name(&self) -> &'static str {
        features::STAGE
    }

    fn version(&self) -> u32 {
        4 + 100 * NUMERICS_VERSION
    }

    fn settings(&self) -> Value {
        let precision = self.settings.precision;
        json!({ train::STAGE: FeatureFingerprint::of(&self.settings), "runtime": { "precision": precision } })
    }

    fn inputs(&self) -> Vec<Input> {
        vec![Input { stage: preprocess::STAGE, files: &[preprocess::SHARDS, preprocess::INDEX] }]
    }

    fn sources(&self) -> Result<BTreeMap<String, Digest>, Failure> {
        weights_source(&self.settings)
    }

    fn resumable(&self) -> bool {
        true
    }

    fn resumes_from(&self, work: &Path) -> Option<String> {
        let finished = FinishedFiles::count(work, features::FEATURES);
        (finished > 0).then(|| format!("after {}", counted(finished, "shard", "shards")))
    }

    fn run(&self, job: &Job<'_>) -> Result<Summary, Failure> {
        Ok(self.compute(job)?)
    }
}
