//! Reading weights, from this crate's checkpoints and from what others trained.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::pickle::PthTensors;
use candle_core::safetensors::{BufferedSafetensors, Load};
use candle_core::{DType, Device, Tensor, Var};

use crate::load_report::{LoadReport, MisShaped};
use crate::network::Network;
use crate::save::file_shape;
use crate::{Error, Result, names};

impl Network {
    /// Sets all parameters and running statistics from a checkpoint. Nothing is changed unless everything
    /// fits.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Format`] if the file is not a weights file; [`Error::Mismatch`] if a tensor
    /// is missing, unknown or of another shape.
    pub fn load(&self, path: &Path) -> Result<()> {
        let file = WeightsFile::open(path)?;
        let variables: Vec<_> = self.named_variables().collect();
        let report = file.compare(&variables, names::is_count);
        if !report.is_complete() {
            return Err(Error::Mismatch { path: path.to_owned(), report: Box::new(report) });
        }
        file.assign(&variables, &report)
    }

    /// Sets what a file of pretrained weights has for the backbone, and reports the rest: heads keep their
    /// values. The file's classifier (`fc.*`), heads and batch counts are expected leftovers and not
    /// reported.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Format`] if the file is not a weights file or nothing in it fits.
    pub fn load_backbone(&self, path: &Path) -> Result<LoadReport> {
        let file = WeightsFile::open(path)?;
        let variables: Vec<_> =
            self.named_variables().filter(|(name, _)| !name.starts_with(names::HEADS)).collect();
        let report = file.compare(&variables, names::is_leftover);
        if report.loaded.is_empty() {
            let reason = format!("nothing in it fits the backbone: {report}");
            let reason = match &file.content {
                Content::Pth(_) if file.shapes.is_empty() => {
                    "there is no dictionary of tensors in it; save the module's `state_dict()`".to_owned()
                }
                _ => reason,
            };
            return Err(Error::Format { path: path.to_owned(), reason });
        }
        file.assign(&variables, &report)?;
        Ok(report)
    }
}

/// A file of named tensors, read on demand.
struct WeightsFile<'a> {
    path: &'a Path,
    content: Content,
    /// What all names of the network begin with in the file: `module.` in checkpoints of PyTorch's DataParallel.
    prefix: String,
    /// By the name without the prefix.
    shapes: BTreeMap<String, Vec<usize>>,
}

enum Content {
    Safetensors(BufferedSafetensors),
    Pth(PthTensors),
}

impl<'a> WeightsFile<'a> {
    /// Tells the format by the first bytes: `.pth` files are zip archives.
    fn open(path: &'a Path) -> Result<Self> {
        let bytes = fs_err::read(path)?;
        let refuse = |reason: String| Error::Format { path: path.to_owned(), reason };
        if bytes.starts_with(b"PK\x03\x04") {
            drop(bytes);
            return Self::open_pth(path).map_err(|error| refuse(format!("PyTorch archive: {error}")));
        }
        if bytes.starts_with(&[0x80]) && bytes.get(1).is_some_and(|&protocol| protocol < 6) {
            let reason = "it is in PyTorch's format of before 1.6; load it in PyTorch and save it again";
            return Err(refuse(reason.to_owned()));
        }
        let content = BufferedSafetensors::new(bytes)
            .map_err(|error| refuse(format!("neither a PyTorch archive nor safetensors ({error})")))?;
        let shapes =
            content.tensors().into_iter().map(|(name, view)| (name, view.shape().to_vec())).collect();
        Ok(Self::new(path, Content::Safetensors(content), shapes))
    }

    /// Reads the tensors of a state dictionary, which may lie one level down in a training checkpoint.
    fn open_pth(path: &'a Path) -> candle_core::Result<Self> {
        let mut tensors = PthTensors::new(path, None)?;
        for key in ["state_dict", "model_state_dict", "model"] {
            if !tensors.tensor_infos().is_empty() {
                break;
            }
            // Fails where there is no such key; the next may do.
            if let Ok(found) = PthTensors::new(path, Some(key)) {
                tensors = found;
            }
        }
        let shapes = tensors
            .tensor_infos()
            .iter()
            .map(|(name, info)| (name.clone(), info.layout.dims().to_vec()))
            .collect();
        Ok(Self::new(path, Content::Pth(tensors), shapes))
    }

    fn new(path: &'a Path, content: Content, shapes: BTreeMap<String, Vec<usize>>) -> Self {
        let prefix = prefix(&shapes);
        let strip = |(name, shape): (String, _)| match name.strip_prefix(&prefix) {
            Some(rest) => (rest.to_owned(), shape),
            None => (name, shape),
        };
        let shapes = shapes.into_iter().map(strip).collect();
        Self { path, content, prefix, shapes }
    }

    /// What of the file fits which variable. Names for which `ignore` holds are not unexpected.
    fn compare(&self, variables: &[(&str, &Var)], ignore: impl Fn(&str) -> bool) -> LoadReport {
        let mut report = LoadReport::default();
        let expected: BTreeMap<&str, Vec<usize>> =
            variables.iter().map(|(name, var)| (*name, file_shape(var))).collect();
        for (&name, expected) in &expected {
            match self.shapes.get(name) {
                None => report.missing.push(name.to_owned()),
                Some(found) if found != expected => report.mis_shaped.push(MisShaped {
                    name: name.to_owned(),
                    expected: expected.clone(),
                    found: found.clone(),
                }),
                Some(_) => report.loaded.push(name.to_owned()),
            }
        }
        let unknown =
            self.shapes.keys().filter(|name| !expected.contains_key(name.as_str()) && !ignore(name));
        report.unexpected = unknown.cloned().collect();
        report
    }

    /// Sets the variables that the report lists as loaded, after all of them have been read.
    fn assign(&self, variables: &[(&str, &Var)], report: &LoadReport) -> Result<()> {
        let loaded = |name: &str| report.loaded.binary_search_by(|loaded| loaded.as_str().cmp(name)).is_ok();
        let mut values = Vec::new();
        for (name, var) in variables.iter().filter(|(name, _)| loaded(name)) {
            values.push((var, self.read(name)?));
        }
        for (var, value) in values {
            var.set(&value)?;
        }
        Ok(())
    }

    /// A tensor as f32 in this crate's layout.
    fn read(&self, name: &str) -> Result<Tensor> {
        let refuse = |reason: String| Error::Format { path: self.path.to_owned(), reason };
        let name = &format!("{}{name}", self.prefix);
        let tensor = match &self.content {
            Content::Safetensors(file) => file.get(name).and_then(|view| view.load(&Device::Cpu)),
            Content::Pth(file) => file.get(name).and_then(|tensor| {
                tensor.ok_or_else(|| candle_core::Error::Msg("gone since the file was opened".to_owned()))
            }),
        };
        let tensor = tensor.map_err(|error| refuse(format!("tensor {name}: {error}")))?;
        if !matches!(tensor.dtype(), DType::F32 | DType::F16 | DType::BF16 | DType::F64) {
            return Err(refuse(format!("tensor {name} is {:?}, expected f32, f16 or bf16", tensor.dtype())));
        }
        let tensor = tensor.to_dtype(DType::F32)?;
        let tensor = match tensor.rank() {
            4 => tensor.permute((2, 3, 1, 0))?.contiguous()?,
            _ => tensor.contiguous()?,
        };
        let finite =
            marque_kernels::read("loading", "a weight", &tensor)?.iter().all(|value| value.is_finite());
        if !finite {
            return Err(refuse(format!("tensor {name} has values that are not finite")));
        }
        Ok(tensor)
    }
}

/// What stands before the names of the stem, where that is not nothing.
fn prefix(shapes: &BTreeMap<String, Vec<usize>>) -> String {
    let has_stem = |prefix: &str| {
        ["conv1.weight", "bn1.weight", "bn1.running_mean"]
            .iter()
            .all(|name| shapes.contains_key(&format!("{prefix}{name}")))
    };
    let candidates = shapes.keys().filter_map(|name| name.strip_suffix("conv1.weight"));
    // Blocks have layers of these names too, but none is called just `layer1.0.`.
    let mut prefixes = candidates.filter(|prefix| !prefix.contains("layer") && has_stem(prefix));
    prefixes.next().unwrap_or_default().to_owned()
}
