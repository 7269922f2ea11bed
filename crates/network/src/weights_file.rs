//! Files of weights, as this crate and others write them: safetensors, and what `torch.save` makes.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use candle_core::safetensors::{BufferedSafetensors, Load};
use candle_core::{DType, Device, Tensor};
use fs_err::File;
use marque_contracts::guarded;

use crate::{Error, Result};

mod pickle;
mod pth;
mod tensors;

use pth::{Archive, Fault};

/// A file of named tensors, read on demand.
pub struct WeightsFile<'a> {
    path: &'a Path,
    content: Content,
    shapes: BTreeMap<String, Vec<usize>>,
}

/// What names of a file begin with.
pub(crate) struct Prefixes<'a> {
    pub(crate) prefixes: Vec<&'a str>,
    /// Most names that go on as expected under one prefix.
    pub(crate) most: usize,
}

enum Content {
    Safetensors(BufferedSafetensors),
    Pth(Archive),
}

impl<'a> WeightsFile<'a> {
    /// Reads names and shapes. The format is told by the first bytes.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::Format`] if it is not a weights file.
    pub fn open(path: &'a Path) -> Result<Self> {
        let refuse = |reason: String| Error::Format { path: path.to_owned(), reason };
        let mut start = Vec::new();
        File::open(path)?.take(512).read_to_end(&mut start)?;
        if start.starts_with(b"PK\x03\x04") {
            let archive = guarded(|| Archive::open(path)).map_err(refuse)?;
            let archive = archive.map_err(|fault| in_archive(fault, refuse))?;
            let shapes = archive.shapes().map(|(name, shape)| (name.to_owned(), shape.to_vec())).collect();
            return Ok(Self { path, content: Content::Pth(archive), shapes });
        }
        if let Some(reason) = not_read(&start) {
            return Err(refuse(reason.to_owned()));
        }
        let bytes = fs_err::read(path)?;
        let content = guarded(|| BufferedSafetensors::new(bytes)).map_err(refuse)?;
        let content = content
            .map_err(|error| refuse(format!("neither a PyTorch archive nor safetensors ({error})")))?;
        let shapes =
            content.tensors().into_iter().map(|(name, view)| (name, view.shape().to_vec())).collect();
        Ok(Self { path, content: Content::Safetensors(content), shapes })
    }

    /// Whether it is what `torch.save` writes.
    pub(crate) fn is_pth(&self) -> bool {
        matches!(self.content, Content::Pth(_))
    }

    /// Shapes by name, in PyTorch's layout.
    pub fn shapes(&self) -> &BTreeMap<String, Vec<usize>> {
        &self.shapes
    }

    /// What names of the file begin with that go on as the `expected` ones: `module.`, `state_dict.backbone.`, nothing.
    /// Several, if the file holds several networks; those of which at least half as many tensors are there as of the
    /// one that has most.
    pub(crate) fn prefixes(&self, expected: &BTreeSet<String>) -> Prefixes<'_> {
        let mut fitting: BTreeMap<&str, usize> = BTreeMap::new();
        for name in self.shapes.keys() {
            let starts = std::iter::once(0).chain(name.match_indices('.').map(|(dot, _)| dot + 1));
            for start in starts.filter(|start| expected.contains(&name[*start..])) {
                *fitting.entry(&name[..start]).or_default() += 1;
            }
        }
        // Blocks have layers of the same names as the stem has, but fewer.
        let most = fitting.values().copied().max().unwrap_or(0);
        let prefixes = fitting.into_iter().filter(|(_, count)| count * 2 >= most).map(|(prefix, _)| prefix);
        Prefixes { prefixes: prefixes.collect(), most }
    }

    /// A tensor as f32, in PyTorch's layout.
    ///
    /// # Errors
    /// [`Error::Format`] if there is no such tensor, or it is damaged or of another type than f64, f32, f16 and bf16.
    pub fn read(&mut self, name: &str) -> Result<Tensor> {
        let path = self.path;
        let refuse = |reason: String| Error::Format { path: path.to_owned(), reason };
        let of_tensor = |reason: String| refuse(format!("tensor {name}: {reason}"));
        let tensor = match &mut self.content {
            Content::Safetensors(file) => {
                let tensor = guarded(|| file.get(name).and_then(|view| view.load(&Device::Cpu)));
                tensor.map_err(of_tensor)?.map_err(|error| of_tensor(error.to_string()))?
            }
            Content::Pth(archive) => {
                let values = guarded(|| archive.read(name)).map_err(of_tensor)?;
                let (shape, values) = values.map_err(|fault| match fault {
                    Fault::Io(error) => Error::Io(error),
                    Fault::Content(reason) => of_tensor(reason),
                })?;
                Tensor::from_vec(values, shape, &Device::Cpu)?
            }
        };
        if !matches!(tensor.dtype(), DType::F32 | DType::F16 | DType::BF16 | DType::F64) {
            return Err(refuse(format!("tensor {name} is {:?}, expected f32, f16 or bf16", tensor.dtype())));
        }
        Ok(tensor.to_dtype(DType::F32)?)
    }
}

fn in_archive(fault: Fault, refuse: impl Fn(String) -> Error) -> Error {
    match fault {
        Fault::Io(error) => Error::Io(error),
        Fault::Content(reason) => refuse(format!("PyTorch archive: {reason}")),
    }
}

/// What a file is that may hold weights, but is not read, by its first bytes.
fn not_read(start: &[u8]) -> Option<&'static str> {
    if start.starts_with(&[0x80]) && start.get(1).is_some_and(|protocol| *protocol < 6) {
        return Some("it is in PyTorch's format of before 1.6; load it in PyTorch and save it again");
    }
    if start.get(257..262) == Some(b"ustar") {
        return Some(
            "it is a tar archive, PyTorch's format of before 0.1.9 or something packed; load it in PyTorch and save it \
             again, or unpack it",
        );
    }
    // The version of the format, then who has written it.
    if matches!(start, [0x08, _, 0x12, ..]) {
        return Some("it is an ONNX model; weights are read from safetensors and .pth");
    }
    let beginnings: [(&[u8], &str); 2] = [
        (b"\x1f\x8b", "it is compressed with gzip; unpack it"),
        (
            b"\x89HDF\r\n\x1a\n",
            "it is an HDF5 file, as Keras writes them; weights are read from safetensors and .pth",
        ),
    ];
    beginnings.into_iter().find(|(beginning, _)| start.starts_with(beginning)).map(|(_, what)| what)
}
