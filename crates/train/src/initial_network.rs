//! The network before its first step: configuration, label hierarchy, pretrained weights.

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::schema::features;
use marque_contracts::{Digest, Failure, Job};
use marque_network::{HeadConfig, LoadReport, Network, NetworkConfig, Precision};

use crate::data::Data;
use crate::features::FeatureReader;
use crate::hierarchy::{head_config, label_hierarchy};
use crate::{Error, Settings};

/// The network before its first step, and the cached features that it reads in place of photos, if it does.
pub(crate) fn initial_network(
    settings: &Settings,
    data: &Data,
    job: &Job<'_>,
) -> Result<(Network, Option<FeatureReader>), Error> {
    let stored = data.geometry().height;
    if let Some((key, message)) = settings.size_conflicts(stored).first() {
        return Err(Error::Settings(format!("{key} {message}")));
    }
    if settings.precision == Precision::Bf16 && marque_kernels::bf16_unit().is_none() {
        tracing::warn!("this CPU has no unit for bf16: runtime.precision = \"f32\" would be faster here");
    }
    let heads = data.heads.iter().map(head_config).collect();
    let config = network_config(settings, stored, heads);
    let hierarchy = label_hierarchy(settings, &data.heads, &data.train)?;
    let config = NetworkConfig { hierarchy, ..config };
    let network = Network::new(&config, settings.seed)?.with_precision(settings.precision);
    load_backbone(&network, settings)?;
    let features = match settings.cached_parts() {
        0 => None,
        _ => Some(FeatureReader::open(job.input(features::STAGE))?),
    };
    Ok((network, features))
}

/// A network of the configured backbone for photos of `size` pixels.
pub(crate) fn network_config(settings: &Settings, size: usize, heads: Vec<HeadConfig>) -> NetworkConfig {
    NetworkConfig {
        bottleneck_stride: settings.bottleneck_stride,
        norm_eps: settings.norm_eps,
        zero_init_residual: settings.weights.is_none(),
        dropout: settings.dropout as f32,
        mean: settings.mean.map(|x| x as f32),
        std: settings.std.map(|x| x as f32),
        ..NetworkConfig::new(settings.backbone, size, heads)
    }
}

/// The content of the pretrained weights, by the key that names them.
pub(crate) fn weights_source(settings: &Settings) -> Result<BTreeMap<String, Digest>, Failure> {
    let Some(path) = &settings.weights else { return Ok(BTreeMap::new()) };
    let digest = Digest::of_file(path).map_err(Error::from)?;
    Ok(BTreeMap::from([("weights".to_owned(), digest)]))
}

/// Loads pretrained weights, if any are configured: all of the backbone or none.
pub(crate) fn load_backbone(network: &Network, settings: &Settings) -> Result<(), Error> {
    let Some(path) = &settings.weights else { return Ok(()) };
    let report = network.load_backbone(path, settings.weights_prefix.as_deref())?;
    check_report(&report, path, settings)?;
    let mut from = path.display().to_string();
    if !report.prefix.is_empty() {
        from = format!("{from}, those under {:?}; {} others are left out", report.prefix, report.outside);
    }
    tracing::info!("{} weights from {from}", report.loaded.len());
    Ok(())
}

/// Whether the names and shapes of pretrained weights, if any are configured and there, are those of the backbone.
pub(crate) fn check_weights(settings: &Settings) -> Result<(), Error> {
    let Some(path) = settings.weights.as_deref().filter(|path| path.exists()) else { return Ok(()) };
    // Heads and size are no part of it.
    let config = network_config(settings, 1, Vec::new());
    check_report(&config.compare_backbone(path, settings.weights_prefix.as_deref())?, path, settings)
}

fn check_report(report: &LoadReport, path: &Path, settings: &Settings) -> Result<(), Error> {
    if report.is_complete() {
        return Ok(());
    }
    Err(Error::Weights {
        path: path.to_owned(),
        backbone: settings.backbone.name().to_owned(),
        problem: report.to_string(),
    })
}
