//! Shards of pixels and their index.
//!
//! A shard is a safetensors file with one tensor `pixels`, uint8, of shape `[photos, height, width, 3]`
//! (RGB). `index.parquet` says for each photo, sorted by name, in which shard it lies and at which row.
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
use memmap2::Mmap;
use safetensors::tensor::{Dtype, SafeTensors};

use crate::Error;
use crate::table::{Columns, Table};

const TENSOR: &str = "pixels";

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

    fn checked_bytes(self) -> Option<usize> {
        self.height.checked_mul(self.width)?.checked_mul(3)
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
    folder.join(shard_name(number))
}

/// Name of a shard's file, by its number.
fn shard_name(number: u32) -> String {
    format!("{number:05}.safetensors")
}

/// Writes one shard, photo by photo, in any order and from several threads.
///
/// It is written under a temporary name and renamed by [`ShardWriter::finish`]: a file with a shard's name is complete,
/// which resuming after an interruption relies on.
pub struct ShardWriter {
    file: File,
    path: PathBuf,
    beside: PathBuf,
    geometry: Geometry,
    photos: usize,
    /// Where the pixels begin in the file.
    offset: u64,
    written: AtomicUsize,
}

impl ShardWriter {
    /// Begins shard `number` in `folder`, of so many photos.
    ///
    /// # Errors
    /// If photos of that size cannot be, or the file cannot be written.
    pub fn create(folder: &Path, number: u32, geometry: Geometry, photos: usize) -> Result<Self, Error> {
        let path = shard_path(folder, number);
        let beside = folder.join(format!("{}.tmp", shard_name(number)));
        let length = geometry.checked_bytes().and_then(|bytes| bytes.checked_mul(photos));
        let length = length.ok_or_else(|| Error::shard(&path, "its photos are too large"))?;
        let header = header(geometry, photos, length);
        let file = File::create(&beside)?;
        file.write_all_at(&header, 0)?;
        let offset = header.len() as u64;
        Ok(Self { file, path, beside, geometry, photos, offset, written: AtomicUsize::new(0) })
    }

    /// Writes the photo of one row, once.
    ///
    /// # Errors
    /// If there is no such row, `pixels` is not a whole photo, or the file cannot be written.
    pub fn write(&self, row: usize, pixels: &[u8]) -> Result<(), Error> {
        let bytes = self.geometry.bytes();
        if row >= self.photos || pixels.len() != bytes {
            let reason =
                format!("row {row} of {} got {} bytes instead of {bytes}", self.photos, pixels.len());
            return Err(Error::shard(&self.path, reason));
        }
        let place = self.offset + row as u64 * bytes as u64;
        self.file.write_all_at(pixels, place)?;
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
        fs_err::rename(&self.beside, &self.path)?;
        Ok(self.path)
    }
}

/// The safetensors header of a shard: its length, and JSON with spaces up to a multiple of 8.
fn header(geometry: Geometry, photos: usize, length: usize) -> Vec<u8> {
    let Geometry { height, width } = geometry;
    let mut json = format!(
        r#"{{"{TENSOR}":{{"dtype":"U8","shape":[{photos},{height},{width},3],"data_offsets":[0,{length}]}}}}"#
    );
    json.extend(std::iter::repeat_n(' ', json.len().next_multiple_of(8) - json.len()));
    [&(json.len() as u64).to_le_bytes(), json.as_bytes()].concat()
}

/// Writes shard `number` into `folder`. `pixels` holds whole photos, one after the other.
///
/// # Errors
/// If `pixels` is not a whole number of photos, or the file cannot be written.
pub fn write_shard(folder: &Path, number: u32, geometry: Geometry, pixels: &[u8]) -> Result<PathBuf, Error> {
    let photos = pixels.len() / geometry.bytes().max(1);
    let writer = ShardWriter::create(folder, number, geometry, photos)?;
    if photos * geometry.bytes() != pixels.len() {
        let reason = format!("{} bytes are no whole number of photos", pixels.len());
        return Err(Error::shard(&shard_path(folder, number), reason));
    }
    for (row, photo) in pixels.chunks_exact(geometry.bytes().max(1)).enumerate() {
        writer.write(row, photo)?;
    }
    writer.finish()
}

/// Reads photos out of the shards of a folder through memory maps; cheap to share between threads.
pub struct ShardReader {
    geometry: Geometry,
    /// Number of the first of the shards.
    first: u32,
    shards: Vec<Shard>,
}

struct Shard {
    map: Mmap,
    /// Where the pixels begin in the map.
    offset: usize,
    photos: usize,
}

impl ShardReader {
    /// Opens the first `count` shards of a folder.
    ///
    /// # Errors
    /// If one is missing, is not a shard, or they differ in size of photos.
    pub fn open(folder: &Path, count: u32) -> Result<Self, Error> {
        let mut geometry = None;
        let mut shards = Vec::new();
        for number in 0..count {
            let path = shard_path(folder, number);
            let (shard, found) = Shard::open(&path)?;
            if *geometry.get_or_insert(found) != found {
                return Err(Error::shard(&path, "its photos have another size than those of shard 0"));
            }
            shards.push(shard);
        }
        let geometry = geometry.ok_or_else(|| Error::shard(folder, "there is no shard"))?;
        Ok(Self { geometry, first: 0, shards })
    }

    /// Opens the shards that an index speaks of, and checks that they hold every row of it.
    ///
    /// # Errors
    /// As [`ShardReader::open`], or if the index names a row that is not there.
    pub fn open_indexed(folder: &Path, index: &[IndexRow]) -> Result<Self, Error> {
        let last = index.iter().map(|row| row.shard).max();
        let reader = Self::open(folder, last.map_or(0, |last| last.saturating_add(1)))?;
        for row in index {
            let photos = reader.shards.get(row.shard as usize).map_or(0, |shard| shard.photos);
            if row.row as usize >= photos {
                let reason = format!("the index wants row {}, there are {photos}", row.row);
                return Err(Error::shard(&shard_path(folder, row.shard), reason));
            }
        }
        Ok(reader)
    }

    /// Opens shard `number` of a folder alone; [`ShardReader::pixels`] then knows rows of that shard only.
    ///
    /// # Errors
    /// If there is no such shard or it is not whole.
    pub fn open_shard(folder: &Path, number: u32) -> Result<Self, Error> {
        let (shard, geometry) = Shard::open(&shard_path(folder, number))?;
        Ok(Self { geometry, first: number, shards: vec![shard] })
    }

    /// Size of the photos.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// A photo's pixels: rows from the top, RGB, three bytes a pixel.
    ///
    /// # Errors
    /// [`Error::NoPixels`] if there is no such row.
    pub fn pixels(&self, row: &IndexRow) -> Result<&[u8], Error> {
        let missing = || Error::NoPixels { file_name: row.file_name.clone(), shard: row.shard };
        self.find(row).ok_or_else(missing)
    }

    fn find(&self, row: &IndexRow) -> Option<&[u8]> {
        let shard = self.shards.get(row.shard.checked_sub(self.first)? as usize)?;
        if row.row as usize >= shard.photos {
            return None;
        }
        let size = self.geometry.bytes();
        let start = shard.offset + row.row as usize * size;
        shard.map.get(start..start + size)
    }
}

impl Shard {
    fn open(path: &Path) -> Result<(Self, Geometry), Error> {
        let file = File::open(path)?;
        // SAFETY: files in an artifact are never written again once it is finished; the store replaces
        // whole folders. A file that someone else truncates meanwhile raises SIGBUS, as for any map.
        let map =
            unsafe { Mmap::map(&file) }.map_err(|source| Error::Map { path: path.to_owned(), source })?;
        let tensors = SafeTensors::deserialize(&map).map_err(|e| Error::shard(path, e.to_string()))?;
        let view = tensors.tensor(TENSOR).map_err(|e| Error::shard(path, e.to_string()))?;
        let (Dtype::U8, &[photos, height, width, 3]) = (view.dtype(), view.shape()) else {
            let reason = format!("`{TENSOR}` is {:?} of shape {:?}", view.dtype(), view.shape());
            return Err(Error::shard(path, reason));
        };
        // That the data are as long as the shape says, and inside the file, safetensors has checked.
        let geometry = Geometry { height, width };
        if geometry.checked_bytes().is_none_or(|bytes| bytes == 0) {
            return Err(Error::shard(path, "its photos have no pixels"));
        }
        let offset = view.data().as_ptr() as usize - map.as_ptr() as usize;
        Ok((Self { offset, photos, map }, geometry))
    }
}
