//! Shards of pixels and features, and the index of pixels.
//!
//! A shard is a safetensors file with one tensor, whose first axis counts photos: `pixels`, uint8, of shape `[photos,
//! height, width, 3]` (RGB), or `features`, f16, of shape `[photos, views, …]`. `index.parquet` says for each photo,
//! sorted by name, in which shard it lies and at which row.
//!
//! [`ShardWriter`] takes photos in any order and from several threads, and keeps none in memory. [`ShardReader`] maps
//! shards into memory, so that threads read them at once without locks or copies. What a header says is checked
//! against the file before anything is read by it. A map assumes that its file stays as long as it was: one that is
//! cut while it is open ends the program with SIGBUS, as for any map. Finished artifacts are never written again, and
//! `marque` hashes them before a stage reads them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use fs_err::File;
use fs_err::os::unix::fs::FileExt;
use marque_contracts::durable::temporary;
use memmap2::Mmap;
use safetensors::tensor::{Dtype, SafeTensors};

use crate::Error;
use crate::table::{Columns, Table};

/// What a shard holds of each photo.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ShardKind {
    /// Its pixels, uint8, of shape `[height, width, 3]`.
    Pixels,
    /// Activations of the backbone, f16 in little-endian order, of shape `[views, …]`, or pooled ones, `[features]`.
    Features,
}

impl ShardKind {
    fn tensor(self) -> &'static str {
        match self {
            Self::Pixels => "pixels",
            Self::Features => "features",
        }
    }

    fn dtype(self) -> Dtype {
        match self {
            Self::Pixels => Dtype::U8,
            Self::Features => Dtype::F16,
        }
    }

    fn allows(self, photo: &[usize]) -> bool {
        match self {
            Self::Pixels => matches!(photo, [_, _, 3]),
            Self::Features => !photo.is_empty(),
        }
    }

    /// Bytes of a photo of this shape; `None` if there cannot be so many.
    fn bytes(self, photo: &[usize]) -> Option<usize> {
        let values = photo.iter().try_fold(1_usize, |values, size| values.checked_mul(*size))?;
        values.checked_mul(self.dtype().bitsize() / 8)
    }
}

/// Size of the photos in a shard, in pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Geometry {
    /// Height in pixels.
    pub height: usize,
    /// Width in pixels.
    pub width: usize,
}

impl Geometry {
    /// Bytes of one photo: three a pixel.
    pub fn bytes(self) -> usize {
        self.height * self.width * 3
    }

    /// Shape of one photo.
    pub fn shape(self) -> [usize; 3] {
        [self.height, self.width, 3]
    }
}

/// Where a photo's pixels are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IndexRow {
    /// Name of the photo.
    pub file_name: String,
    /// Number of the shard.
    pub shard: u32,
    /// Row in the shard.
    pub row: u32,
}

impl IndexRow {
    /// Writes the table.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(rows: &[Self], path: &Path) -> Result<(), Error> {
        Table::new()
            .with_text("file_name", rows.iter().map(|row| row.file_name.as_str()))
            .with_integers("shard", rows.iter().map(|row| row.shard))
            .with_integers("row", rows.iter().map(|row| row.row))
            .write(path)
    }

    /// Reads the table.
    ///
    /// # Errors
    /// If the file is not such a table.
    pub fn read(path: &Path) -> Result<Vec<Self>, Error> {
        let table = Table::read(path)?;
        let columns = Columns { table: &table, path };
        let (shards, rows) = (columns.integers("shard")?, columns.integers("row")?);
        let names = columns.text("file_name")?.into_iter().zip(shards.into_iter().zip(rows));
        Ok(names.map(|(name, (shard, row))| Self { file_name: name.to_owned(), shard, row }).collect())
    }
}

/// Where shard `number` of a folder is.
pub fn shard_path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("{number:05}.safetensors"))
}

/// Writes one shard, photo by photo, in any order and from several threads.
///
/// It is written under a temporary name and renamed by [`ShardWriter::finish`]: a file with a shard's name is complete,
/// which resuming after an interruption relies on.
pub struct ShardWriter {
    file: File,
    path: PathBuf,
    unfinished: PathBuf,
    photos: usize,
    /// Bytes of one photo.
    bytes: usize,
    /// Where the first photo begins in the file.
    offset: u64,
    written: AtomicUsize,
}

impl ShardWriter {
    /// Begins shard `number` in `folder`, of so many photos, each a tensor of shape `photo`.
    ///
    /// # Errors
    /// If photos of that size cannot be, or the file cannot be written.
    pub fn create(
        folder: &Path,
        number: u32,
        kind: ShardKind,
        photos: usize,
        photo: &[usize],
    ) -> Result<Self, Error> {
        let path = shard_path(folder, number);
        let unfinished = temporary(&path);
        let bytes = kind.bytes(photo).ok_or_else(|| Error::shard(&path, "its photos are too large"))?;
        let length = bytes.checked_mul(photos).ok_or_else(|| Error::shard(&path, "it is too large"))?;
        let header = header(kind, &[&[photos], photo].concat(), length);
        let file = File::create(&unfinished)?;
        file.write_all_at(&header, 0)?;
        let offset = header.len() as u64;
        Ok(Self { file, path, unfinished, photos, bytes, offset, written: AtomicUsize::new(0) })
    }

    /// Writes the photo of one row, once.
    ///
    /// # Errors
    /// If there is no such row, `photo` is not a whole photo, or the file cannot be written.
    pub fn write(&self, row: usize, photo: &[u8]) -> Result<(), Error> {
        let Self { photos, bytes, .. } = *self;
        if row >= photos || photo.len() != bytes {
            let reason = format!("row {row} of {photos} got {} bytes instead of {bytes}", photo.len());
            return Err(Error::shard(&self.path, reason));
        }
        let place = self.offset + row as u64 * bytes as u64;
        self.file.write_all_at(photo, place)?;
        self.written.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Flushes the shard to disk and moves it to its place.
    ///
    /// # Errors
    /// If photos are missing, or the file system refuses.
    pub fn finish(self) -> Result<PathBuf, Error> {
        let written = self.written.into_inner();
        if written != self.photos {
            return Err(Error::shard(&self.path, format!("it got {written} of its {} photos", self.photos)));
        }
        // Before the name is: else a power cut could leave a whole-looking shard of zeros.
        self.file.sync_data()?;
        fs_err::rename(&self.unfinished, &self.path)?;
        Ok(self.path)
    }
}

/// The safetensors header of a shard: its length, and JSON with spaces up to a multiple of 8.
fn header(kind: ShardKind, shape: &[usize], length: usize) -> Vec<u8> {
    let shape: Vec<_> = shape.iter().map(usize::to_string).collect();
    let mut json = format!(
        r#"{{"{}":{{"dtype":"{:?}","shape":[{}],"data_offsets":[0,{length}]}}}}"#,
        kind.tensor(),
        kind.dtype(),
        shape.join(",")
    );
    json.extend(std::iter::repeat_n(' ', json.len().next_multiple_of(8) - json.len()));
    [&(json.len() as u64).to_le_bytes(), json.as_bytes()].concat()
}

/// Reads photos out of the shards of a folder through memory maps; cheap to share between threads.
pub struct ShardReader {
    /// Shape of one photo.
    shape: Vec<usize>,
    /// Number of the first of the shards.
    first: u32,
    shards: Vec<Shard>,
}

struct Shard {
    map: Mmap,
    /// Where the first photo begins in the map.
    offset: usize,
    photos: usize,
    /// Bytes of one photo, at least 1.
    bytes: usize,
}

impl ShardReader {
    /// Opens the first `count` shards of a folder.
    ///
    /// # Errors
    /// If one is missing, is not a shard of that kind, or they differ in shape of photos.
    pub fn open(folder: &Path, kind: ShardKind, count: u32) -> Result<Self, Error> {
        let mut shape = None;
        let mut shards = Vec::new();
        for number in 0..count {
            let path = shard_path(folder, number);
            let (shard, found) = Shard::open(&path, kind)?;
            if *shape.get_or_insert_with(|| found.clone()) != found {
                return Err(Error::shard(&path, "its photos have another size than those of shard 0"));
            }
            shards.push(shard);
        }
        let shape = shape.ok_or_else(|| Error::shard(folder, "there is no shard"))?;
        Ok(Self { shape, first: 0, shards })
    }

    /// Opens the shards that an index speaks of, and checks that they hold every row of it.
    ///
    /// # Errors
    /// As [`ShardReader::open`], or if the index names a row that is not there.
    pub fn open_indexed(folder: &Path, kind: ShardKind, index: &[IndexRow]) -> Result<Self, Error> {
        let last = index.iter().map(|row| row.shard).max();
        let reader = Self::open(folder, kind, last.map_or(0, |last| last.saturating_add(1)))?;
        for row in index {
            let photos = reader.shards.get(row.shard as usize).map_or(0, |shard| shard.photos);
            if row.row as usize >= photos {
                let reason = format!("the index wants row {}, there are {photos}", row.row);
                return Err(Error::shard(&shard_path(folder, row.shard), reason));
            }
        }
        Ok(reader)
    }

    /// Opens shard `number` of a folder of pixels alone; [`ShardReader::photo`] then knows rows of that shard only.
    ///
    /// # Errors
    /// If there is no such shard or it is not whole.
    pub fn open_shard(folder: &Path, number: u32) -> Result<Self, Error> {
        let (shard, shape) = Shard::open(&shard_path(folder, number), ShardKind::Pixels)?;
        Ok(Self { shape, first: number, shards: vec![shard] })
    }

    /// Shape of one photo: `[height, width, 3]` of pixels, `[views, …]` or `[features]` of features.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Size of the photos, of shards of pixels.
    pub fn geometry(&self) -> Geometry {
        Geometry { height: self.shape[0], width: self.shape[1] }
    }

    /// The bytes of a photo. Of pixels: rows from the top, RGB, three bytes a pixel.
    ///
    /// # Errors
    /// [`Error::NoPhoto`] if there is no such row.
    pub fn photo(&self, row: &IndexRow) -> Result<&[u8], Error> {
        let missing = || Error::NoPhoto { file_name: row.file_name.clone(), shard: row.shard };
        self.find(row).ok_or_else(missing)
    }

    fn find(&self, row: &IndexRow) -> Option<&[u8]> {
        let shard = self.shards.get(row.shard.checked_sub(self.first)? as usize)?;
        if row.row as usize >= shard.photos {
            return None;
        }
        let start = shard.offset + row.row as usize * shard.bytes;
        shard.map.get(start..start + shard.bytes)
    }
}

impl Shard {
    /// A shard, and the shape of its photos.
    fn open(path: &Path, kind: ShardKind) -> Result<(Self, Vec<usize>), Error> {
        let file = File::open(path)?;
        // SAFETY: files in an artifact are never written again once it is finished; the store replaces
        // whole folders. A file that someone else truncates meanwhile raises SIGBUS, as for any map.
        let map =
            unsafe { Mmap::map(&file) }.map_err(|source| Error::Map { path: path.to_owned(), source })?;
        let tensors = SafeTensors::deserialize(&map).map_err(|e| Error::shard(path, e.to_string()))?;
        let view = tensors.tensor(kind.tensor()).map_err(|e| Error::shard(path, e.to_string()))?;
        let (dtype, shape) = (view.dtype(), view.shape());
        let Some((&photos, photo)) = shape.split_first().filter(|(_, photo)| kind.allows(photo)) else {
            return Err(Error::shard(path, format!("`{}` has the shape {shape:?}", kind.tensor())));
        };
        if dtype != kind.dtype() {
            return Err(Error::shard(path, format!("`{}` is {dtype:?}", kind.tensor())));
        }
        // That the data are as long as the shape says, and inside the file, safetensors has checked.
        let bytes = kind.bytes(photo).filter(|bytes| *bytes > 0);
        let bytes = bytes.ok_or_else(|| Error::shard(path, "its photos have no values"))?;
        let offset = view.data().as_ptr() as usize - map.as_ptr() as usize;
        let photo = photo.to_vec();
        Ok((Self { offset, photos, bytes, map }, photo))
    }
}
