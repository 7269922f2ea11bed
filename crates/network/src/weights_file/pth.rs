//! PyTorch's files since 1.6: zip archives of a pickle, which describes the tensors, and of their storages.

use std::collections::BTreeMap;
use std::io::{self, BufReader, Read};
use std::path::Path;

use fs_err::File;
use half::{bf16, f16};
use zip::ZipArchive;
use zip::result::ZipError;

use super::pickle::Pickle;
use super::tensors::{Place, tensors};

/// Most bytes of a pickle, of which every one may make a value. That of a checkpoint of ResNet50 with an optimiser has
/// some 100,000.
const LARGEST_PICKLE: u64 = 16 << 20;

/// Most bytes between a tensor's first and last value: ten times what the largest convolution of ResNet50 has.
const LARGEST_TENSOR: usize = 1 << 27;

/// Most bytes of a storage after a tensor that are read for the checksum alone.
const LARGEST_STORAGE: u64 = 1 << 30;

/// Why an archive cannot be read.
pub(super) enum Fault {
    /// The file system refused.
    Io(io::Error),
    /// It is damaged, or not what is read.
    Content(String),
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self::Content(reason)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // What the unpacking libraries call damage.
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
                Self::Content(error.to_string())
            }
            io::ErrorKind::Other if error.raw_os_error().is_none() => Self::Content(error.to_string()),
            _ => Self::Io(error),
        }
    }
}

impl From<ZipError> for Fault {
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::Io(error) => error.into(),
            other => Self::Content(other.to_string()),
        }
    }
}

/// An archive with the places of its tensors.
pub(super) struct Archive {
    zip: ZipArchive<BufReader<File>>,
    /// What the names of all members begin with.
    folder: String,
    tensors: BTreeMap<String, Place>,
}

impl Archive {
    pub(super) fn open(path: &Path) -> Result<Self, Fault> {
        let mut zip = ZipArchive::new(BufReader::new(File::open(path)?))?;
        let names: Vec<String> = zip.file_names().flatten().map(Into::into).collect();
        let mut pickles = names.iter().filter_map(|name| {
            let folder = name.strip_suffix("data.pkl")?;
            (folder.is_empty() || folder.ends_with('/')).then_some(folder)
        });
        let folder = match (pickles.next(), pickles.next()) {
            (Some(only), None) => only.to_owned(),
            (None, _) => {
                let reason = "there is no data.pkl in it, so that PyTorch has not written it";
                return Err(reason.to_owned().into());
            }
            (Some(_), Some(_)) => return Err("there are several data.pkl in it".to_owned().into()),
        };
        let order = format!("{folder}byteorder");
        if names.contains(&order) {
            let mut text = String::new();
            zip.by_name(&order)?.take(16).read_to_string(&mut text)?;
            if text.trim() == "big" {
                let reason = "its numbers have the highest byte first; save it again on another machine";
                return Err(reason.to_owned().into());
            }
        }
        let mut pickle = Vec::new();
        zip.by_name(&format!("{folder}data.pkl"))?.take(LARGEST_PICKLE + 1).read_to_end(&mut pickle)?;
        if pickle.len() as u64 > LARGEST_PICKLE {
            return Err(format!("its data.pkl has more than {LARGEST_PICKLE} bytes").into());
        }
        let tensors = tensors(&Pickle::read(&pickle)?)?;
        Ok(Self { zip, folder, tensors })
    }

    /// Names and shapes.
    pub(super) fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.tensors.iter().map(|(name, place)| (name.as_str(), place.shape.as_slice()))
    }

    /// Shape and values of a tensor, the last axis fastest.
    pub(super) fn read(&mut self, name: &str) -> Result<(Vec<usize>, Vec<f32>), Fault> {
        let place = self.tensors.get(name).ok_or_else(|| "there is no such tensor".to_owned())?;
        let kind = Kind::of(&place.kind)
            .ok_or_else(|| format!("it is of the type {}, expected f32, f16 or bf16", place.kind))?;
        let width = kind.width();
        let count = checked_product(&place.shape).ok_or_else(too_large)?;
        if count == 0 {
            return Ok((place.shape.clone(), Vec::new()));
        }
        let mut steps = place.shape.iter().zip(&place.strides);
        let last = steps
            .try_fold(0_usize, |last, (length, stride)| last.checked_add((length - 1).checked_mul(*stride)?));
        let bytes = last.and_then(|last| last.checked_add(1)?.checked_mul(width));
        let bytes = bytes.filter(|bytes| *bytes <= LARGEST_TENSOR).ok_or_else(too_large)?;
        let start = (place.offset as u64).checked_mul(width as u64).ok_or_else(too_large)?;
        let mut storage = self.zip.by_name(&format!("{}data/{}", self.folder, place.storage))?;
        io::copy(&mut storage.by_ref().take(start), &mut io::sink())?;
        let mut content = Vec::new();
        storage.by_ref().take(bytes as u64).read_to_end(&mut content)?;
        if content.len() < bytes {
            return Err("its storage ends before its values do".to_owned().into());
        }
        // To the end, where the checksum is compared.
        io::copy(&mut storage.take(LARGEST_STORAGE), &mut io::sink()).map_err(|error| match error.into() {
            Fault::Content(reason) => Fault::Content(format!(
                "{reason}: it is damaged, or was saved without checksums; load it in PyTorch and save it again"
            )),
            fault => fault,
        })?;
        let values = Strided { shape: &place.shape, strides: &place.strides };
        Ok((
            place.shape.clone(),
            values.positions(count).map(|at| kind.value(&content[at * width..])).collect(),
        ))
    }
}

fn too_large() -> String {
    "it is larger than any tensor of a ResNet".to_owned()
}

fn checked_product(shape: &[usize]) -> Option<usize> {
    let product = shape.iter().try_fold(1_usize, |product, length| product.checked_mul(*length));
    product.filter(|count| *count <= LARGEST_TENSOR)
}

/// Values that lie in memory in any order: channels last, transposed, a part of something larger.
struct Strided<'a> {
    shape: &'a [usize],
    strides: &'a [usize],
}

impl Strided<'_> {
    /// Where the elements lie, the last axis fastest.
    fn positions(&self, count: usize) -> impl Iterator<Item = usize> {
        let mut index = vec![0; self.shape.len()];
        let mut at = 0_usize;
        (0..count).map(move |_| {
            let here = at;
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                // The stride of an axis of one element may be anything, and is taken back at once.
                at = at.wrapping_add(self.strides[axis]);
                if index[axis] < self.shape[axis] {
                    break;
                }
                at = at.wrapping_sub(self.strides[axis].wrapping_mul(index[axis]));
                index[axis] = 0;
            }
            here
        })
    }
}

/// Types of values that are read.
#[derive(Clone, Copy)]
enum Kind {
    F64,
    F32,
    F16,
    Bf16,
}

impl Kind {
    /// By the name of a storage ("Half") or of a type ("float16").
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "Double" | "float64" => Self::F64,
            "Float" | "float32" => Self::F32,
            "Half" | "float16" => Self::F16,
            "BFloat16" | "bfloat16" => Self::Bf16,
            _ => return None,
        })
    }

    /// Bytes of a value.
    fn width(self) -> usize {
        match self {
            Self::F64 => 8,
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// The value that begins here.
    fn value(self, bytes: &[u8]) -> f32 {
        match (self, bytes) {
            (Self::F64, [a, b, c, d, e, f, g, h, ..]) => {
                f64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]) as f32
            }
            (Self::F32, [a, b, c, d, ..]) => f32::from_le_bytes([*a, *b, *c, *d]),
            (Self::F16, [a, b, ..]) => f16::from_le_bytes([*a, *b]).to_f32(),
            (Self::Bf16, [a, b, ..]) => bf16::from_le_bytes([*a, *b]).to_f32(),
            _ => 0.0,
        }
    }
}
