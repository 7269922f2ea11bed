//! One file of activations: safetensors, written as they are computed and read in place.

use fs_err::os::unix::fs::FileExt;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use fs_err::File;
use half::f16;
use half::slice::HalfFloatSliceExt;
use safetensors::tensor::Dtype;
use serde::{Deserialize, Serialize};

use crate::Error;

/// What a safetensors file begins with, after its length.
#[derive(Serialize, Deserialize)]
struct Header {
    features: TensorInfo,
}

#[derive(Serialize, Deserialize)]
struct TensorInfo {
    dtype: Dtype,
    shape: Vec<usize>,
    data_offsets: [usize; 2],
}

/// Bytes of a value.
const BYTES: usize = 2;

/// Path of the file unfinished shard `number`.
pub(super) fn path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:05}.safetensors"))
}

/// Writes a file value by value, so that no file has to fit into memory.
pub(super) struct Writer {
    unfinished: PathBuf,
    path: PathBuf,
    out: BufWriter<File>,
    missing: usize,
}

impl Writer {
    /// Begins a file with a tensor of this shape.
    pub(super) fn new(path: PathBuf, shape: &[usize]) -> Result<Self, Error> {
        let unfinished = path.with_extension("tmp");
        let values: usize = shape.iter().product();
        let data_offsets = [0, values * BYTES];
        let features = TensorInfo { dtype: Dtype::F16, shape: shape.to_vec(), data_offsets };
        let mut header = serde_json::to_string(&Header { features }).map_err(io::Error::from)?;
        // The values begin at a multiple of eight.
        header.push_str(&" ".repeat(header.len().next_multiple_of(8) - header.len()));
        let mut out = BufWriter::new(File::create(&unfinished)?);
        out.write_all(&(header.len() as u64).to_le_bytes())?;
        out.write_all(header.as_bytes())?;
        Ok(Self { unfinished, path, out, missing: values })
    }

    /// Appends values, rounded to half precision.
    pub(super) fn push(&mut self, values: &[f32]) -> Result<(), Error> {
        let mut halves = vec![f16::ZERO; values.len()];
        halves.convert_from_f32_slice(values);
        let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
        self.missing = self.missing.saturating_sub(values.len());
        Ok(self.out.write_all(&bytes)?)
    }

    /// Puts the file into its place.
    pub(super) fn finish(self) -> Result<(), Error> {
        let Self { unfinished, path, out, missing } = self;
        if missing > 0 {
            return Err(Error::features(&path, format!("{missing} values were not computed")));
        }
        let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        // Before the name is: else a power cut could leave a whole-looking file of zeros.
        file.sync_data()?;
        Ok(fs_err::rename(&unfinished, &path)?)
    }
}

/// A file to read from. It is opened anew for each photo: there may be more of them than a process may keep open.
pub(super) struct Reader {
    path: PathBuf,
    /// Where the values begin.
    start: u64,
    /// Photos, views, and the shape of one view.
    shape: Vec<usize>,
}

impl Reader {
    pub(super) fn open(path: PathBuf) -> Result<Self, Error> {
        let file = File::open(&path)?;
        let size = file.metadata()?.len();
        let mut length = [0; 8];
        file.read_exact_at(&mut length, 0)?;
        let start = u64::from_le_bytes(length).saturating_add(8);
        if start > size {
            return Err(Error::features(&path, "its header is longer than the file"));
        }
        let mut header = vec![0; start as usize];
        file.read_exact_at(&mut header, 0)?;
        let not_features = |reason: String| Error::features(&path, reason);
        let header: Header = serde_json::from_slice(&header[8..]).map_err(|e| not_features(e.to_string()))?;
        let TensorInfo { dtype, shape, data_offsets } = header.features;
        let values = shape.iter().try_fold(1_usize, |values, size| values.checked_mul(*size));
        let bytes = values.and_then(|values| values.checked_mul(BYTES));
        if dtype != Dtype::F16 || shape.len() < 3 || bytes.is_none_or(|bytes| data_offsets != [0, bytes]) {
            return Err(not_features(format!("`features` is {dtype:?} of shape {shape:?}")));
        }
        if size != start.saturating_add(data_offsets[1] as u64) {
            return Err(not_features(format!("it has {size} bytes")));
        }
        Ok(Self { shape, path, start })
    }

    /// Shape of one view.
    pub(super) fn view_shape(&self) -> &[usize] {
        &self.shape[2..]
    }

    /// Photos and views in it.
    pub(super) fn photos_and_views(&self) -> (usize, usize) {
        (self.shape[0], self.shape[1])
    }

    /// Appends one view of a photo to `out`.
    pub(super) fn read(&self, photo: usize, view: usize, out: &mut Vec<f32>) -> Result<(), Error> {
        let (photos, views) = self.photos_and_views();
        if photo >= photos || view >= views {
            return Err(Error::features(&self.path, format!("it has no view {view} of photo {photo}")));
        }
        let len: usize = self.view_shape().iter().product();
        let mut bytes = vec![0; len * BYTES];
        let at = ((photo * views + view) * len * BYTES) as u64;
        File::open(&self.path)?.read_exact_at(&mut bytes, self.start + at)?;
        out.extend(bytes.as_chunks().0.iter().map(|bytes| f16::from_le_bytes(*bytes).to_f32()));
        Ok(())
    }
}
