//! Reading weights, from this crate's checkpoints and from what others trained.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use candle_core::{Device, Tensor, Var};

use crate::config::NetworkConfig;
use crate::file_layout::to_memory;
use crate::load_report::{LoadReport, MisShaped};
use crate::network::Network;
use crate::save::file_shape;
use crate::weights_file::WeightsFile;
use crate::{Error, Result, names};

impl Network {
    /// Sets all parameters and running statistics from a checkpoint. Nothing is changed unless everything
    /// fits.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Format`] if the file is not a weights file; [`Error::Mismatch`] if a tensor
    /// is missing, unknown or of another shape.
    pub fn load(&self, path: &Path) -> Result<()> {
        let mut file = WeightsFile::open(path)?;
        let variables: Vec<_> = self.named_variables().collect();
        let report = compare(&file, "", &shapes(&variables), names::is_count);
        if !report.is_complete() {
            return Err(Error::Mismatch { path: path.to_owned(), report: Box::new(report) });
        }
        assign(&mut file, path, &variables, &report)
    }

    /// Sets what a file of pretrained weights has for the backbone, and reports the rest: heads keep their
    /// values. The names may have a prefix, which is found; if the file holds several networks, `prefix` says which
    /// one, and may leave out the beginning that the dictionaries of a checkpoint give it (`state_dict.`). The file's
    /// classifier (`fc.*`), heads and batch counts are expected leftovers and not reported, nor is what lies outside
    /// of the prefix.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Format`] if the file is not a weights file or nothing in it fits; [`Error::Prefix`] if
    /// it holds several networks, or none under `prefix`.
    pub fn load_backbone(&self, path: &Path, prefix: Option<&str>) -> Result<LoadReport> {
        let mut file = WeightsFile::open(path)?;
        let variables: Vec<_> =
            self.named_variables().filter(|(name, _)| !name.starts_with(names::HEADS)).collect();
        let report = compare_backbone(&file, path, prefix, &shapes(&variables))?;
        assign(&mut file, path, &variables, &report)?;
        Ok(report)
    }
}

impl NetworkConfig {
    /// What [`Network::load_backbone`] would report of a file, by names and shapes: no network is built, and no values
    /// are read.
    ///
    /// # Errors
    /// As there, but for damaged values.
    pub fn compare_backbone(&self, path: &Path, prefix: Option<&str>) -> Result<LoadReport> {
        let architecture = self.architecture();
        let blocks = architecture.stages.iter().flatten();
        let convolutions = blocks.flat_map(|block| block.branch.iter().chain(&block.downsample));
        let mut expected = BTreeMap::new();
        for spec in std::iter::once(&architecture.stem).chain(convolutions) {
            let weight = vec![spec.outputs, spec.inputs, spec.kernel, spec.kernel];
            expected.insert(format!("{}.weight", spec.name), weight);
            for kind in ["weight", "bias", "running_mean", "running_var"] {
                expected.insert(format!("{}.{kind}", spec.norm), vec![spec.outputs]);
            }
        }
        let expected = expected.iter().map(|(name, shape)| (name.as_str(), shape.clone())).collect();
        compare_backbone(&WeightsFile::open(path)?, path, prefix, &expected)
    }
}

/// The shapes that variables have in files, by name.
fn shapes<'a>(variables: &[(&'a str, &Var)]) -> BTreeMap<&'a str, Vec<usize>> {
    variables.iter().map(|(name, var)| (*name, file_shape(var))).collect()
}

/// What of a file of pretrained weights fits a backbone's variables of these shapes, in the network that `prefix` chooses.
///
/// # Errors
/// As [`Network::load_backbone`].
fn compare_backbone(
    file: &WeightsFile<'_>,
    path: &Path,
    prefix: Option<&str>,
    expected: &BTreeMap<&str, Vec<usize>>,
) -> Result<LoadReport> {
    let names = expected.keys().copied().collect();
    let found = chosen(&file.prefixes(&names), prefix).map_err(|prefixes| Error::Prefix {
        path: path.to_owned(),
        prefix: prefix.map(str::to_owned),
        prefixes,
    })?;
    let report = compare(file, &found, expected, names::is_leftover);
    if report.loaded.is_empty() {
        let reason = match file.shapes().is_empty() && file.is_pth() {
            true => "there is no dictionary of tensors in it; save the module's `state_dict()`".to_owned(),
            false => format!("nothing in it fits the backbone: {report}"),
        };
        return Err(Error::Format { path: path.to_owned(), reason });
    }
    Ok(report)
}

/// The prefix that is asked for, or the only one; else those there are.
fn chosen(prefixes: &[&str], wanted: Option<&str>) -> std::result::Result<String, Vec<String>> {
    let matching: Vec<&str> = match wanted {
        None => prefixes.to_vec(),
        Some(wanted) => {
            let wanted = wanted.strip_suffix('.').unwrap_or(wanted);
            let whole = |prefix: &&&str| prefix.strip_suffix('.').unwrap_or(prefix) == wanted;
            let end = |prefix: &&&str| {
                let before = prefix.strip_suffix('.').and_then(|prefix| prefix.strip_suffix(wanted));
                !wanted.is_empty() && before.is_some_and(|before| before.ends_with('.'))
            };
            match prefixes.iter().find(whole) {
                Some(prefix) => vec![*prefix],
                None => prefixes.iter().filter(end).copied().collect(),
            }
        }
    };
    match (matching.as_slice(), wanted) {
        ([only], _) => Ok((*only).to_owned()),
        // Nothing fits under any name: what is missing says more.
        ([], None) => Ok(String::new()),
        _ => Err(prefixes.iter().map(|prefix| (*prefix).to_owned()).collect()),
    }
}

/// What of the file, below a prefix, fits the variables of these shapes. Names for which `ignore` holds are not
/// unexpected.
fn compare(
    file: &WeightsFile<'_>,
    prefix: &str,
    expected: &BTreeMap<&str, Vec<usize>>,
    ignore: impl Fn(&str) -> bool,
) -> LoadReport {
    let there: BTreeMap<&str, &Vec<usize>> =
        file.shapes().iter().filter_map(|(name, shape)| Some((name.strip_prefix(prefix)?, shape))).collect();
    let mut report = LoadReport {
        prefix: prefix.to_owned(),
        outside: file.shapes().len() - there.len(),
        ..LoadReport::default()
    };
    for (&name, expected) in expected {
        match there.get(name) {
            None => report.missing.push(name.to_owned()),
            Some(found) if *found != expected => report.mis_shaped.push(MisShaped {
                name: name.to_owned(),
                expected: expected.clone(),
                found: found.to_vec(),
            }),
            Some(_) => report.loaded.push(name.to_owned()),
        }
    }
    let unknown: BTreeSet<_> =
        there.into_keys().filter(|name| !expected.contains_key(name) && !ignore(name)).collect();
    report.unexpected = unknown.into_iter().map(str::to_owned).collect();
    report
}

/// Sets the variables that the report lists as loaded, after all of them have been read.
fn assign(
    file: &mut WeightsFile<'_>,
    path: &Path,
    variables: &[(&str, &Var)],
    report: &LoadReport,
) -> Result<()> {
    let loaded = |name: &str| report.loaded.binary_search_by(|loaded| loaded.as_str().cmp(name)).is_ok();
    let mut values = Vec::new();
    for (name, var) in variables.iter().filter(|(name, _)| loaded(name)) {
        values.push((var, read(file, path, &format!("{}{name}", report.prefix))?));
    }
    for (var, value) in values {
        var.set(&value)?;
    }
    Ok(())
}

/// A tensor in this crate's layout, finite.
fn read(file: &mut WeightsFile<'_>, path: &Path, name: &str) -> Result<Tensor> {
    let tensor = file.read(name)?.contiguous()?;
    let values = marque_kernels::read("loading", "a weight", &tensor)?;
    match values.iter().all(|value| value.is_finite()) {
        true => match *tensor.dims() {
            [outputs, inputs, kh, kw] => {
                let values = to_memory(&values, [outputs, inputs, kh, kw]);
                Ok(Tensor::from_vec(values, (kh, kw, inputs, outputs), &Device::Cpu)?)
            }
            _ => Ok(tensor.clone()),
        },
        false => Err(Error::Format {
            path: path.to_owned(),
            reason: format!("tensor {name} has values that are not finite"),
        }),
    }
}
