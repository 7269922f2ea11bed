//! Shards of pixels and their index.
//!
//! A shard is a safetensors file with one tensor `pixels`, uint8, of shape `[photos, height, width, 3]`
//! (RGB). `index.parquet` says for each photo, sorted by name, in which shard it lies and at which row.

use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::Error;
use crate::frame::{Columns, Frame};

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
        Frame::new()
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
        let frame = Frame::read(path)?;
        let columns = Columns { frame: &frame, path };
        let (shards, rows) = (columns.integers("shard")?, columns.integers("row")?);
        let names = columns.text("file_name")?.into_iter().zip(shards.into_iter().zip(rows));
        Ok(names.map(|(name, (shard, row))| Self { file_name: name.to_owned(), shard, row }).collect())
    }
}

/// Name of a shard's file, by its number.
fn shard_name(number: u32) -> String {
    format!("{number:05}.safetensors")
}

/// Writes shard `number` into `folder`. `pixels` holds whole photos, one after the other.
///
/// # Errors
/// If `pixels` is not a whole number of photos, or the file cannot be written.
pub fn write_shard(folder: &Path, number: u32, geometry: Geometry, pixels: &[u8]) -> Result<PathBuf, Error> {
    let path = folder.join(shard_name(number));
    let photos = pixels.len() / geometry.bytes().max(1);
    let shape = vec![photos, geometry.height, geometry.width, 3];
    let view = TensorView::new(Dtype::U8, shape, pixels).map_err(|e| Error::shard(&path, e.to_string()))?;
    // Beside first, renamed then: a shard that is there is a whole one, which is what resuming relies on.
    let beside = folder.join(format!("{}.tmp", shard_name(number)));
    safetensors::serialize_to_file([(TENSOR, view)], None, &beside)
        .map_err(|e| Error::shard(&path, e.to_string()))?;
    std::fs::rename(&beside, &path).map_err(|e| Error::io("rename", &path, e))?;
    Ok(path)
}

/// Reads photos out of the shards of a folder through memory maps; cheap to share between threads.
pub struct ShardReader {
    geometry: Geometry,
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
        let mut shards = Vec::with_capacity(count as usize);
        for number in 0..count {
            let path = folder.join(shard_name(number));
            let (shard, found) = Shard::open(&path)?;
            if *geometry.get_or_insert(found) != found {
                return Err(Error::shard(&path, "its photos have another size than those of shard 0"));
            }
            shards.push(shard);
        }
        let geometry = geometry.ok_or_else(|| Error::shard(folder, "there is no shard"))?;
        Ok(Self { geometry, shards })
    }

    /// Opens the shards that an index speaks of, and checks that they hold every row of it.
    ///
    /// # Errors
    /// As [`ShardReader::open`], or if the index names a row that is not there.
    pub fn open_indexed(folder: &Path, index: &[IndexRow]) -> Result<Self, Error> {
        let count = index.iter().map(|row| row.shard + 1).max().unwrap_or(0);
        let reader = Self::open(folder, count)?;
        for row in index {
            let photos = reader.shards[row.shard as usize].photos;
            if row.row as usize >= photos {
                let reason = format!("the index wants row {}, there are {photos}", row.row);
                return Err(Error::shard(&folder.join(shard_name(row.shard)), reason));
            }
        }
        Ok(reader)
    }

    /// Size and number of the photos in shard `number` of a folder.
    ///
    /// # Errors
    /// If there is no such shard or it is not whole.
    pub fn open_one(folder: &Path, number: u32) -> Result<(Geometry, usize), Error> {
        let (shard, geometry) = Shard::open(&folder.join(shard_name(number)))?;
        Ok((geometry, shard.photos))
    }

    /// Size of the photos.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// A photo's pixels: rows from the top, RGB, three bytes a pixel. `None` if there is no such row.
    pub fn pixels(&self, row: &IndexRow) -> Option<&[u8]> {
        let shard = self.shards.get(row.shard as usize)?;
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
        let file = File::open(path).map_err(|e| Error::io("open", path, e))?;
        // SAFETY: files in an artifact are never written again once it is finished; the store replaces
        // whole folders. A file that someone else truncates meanwhile raises SIGBUS, as for any map.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| Error::io("map", path, e))?;
        let tensors = SafeTensors::deserialize(&map).map_err(|e| Error::shard(path, e.to_string()))?;
        let view = tensors.tensor(TENSOR).map_err(|e| Error::shard(path, e.to_string()))?;
        let (Dtype::U8, &[photos, height, width, 3]) = (view.dtype(), view.shape()) else {
            let reason = format!("`{TENSOR}` is {:?} of shape {:?}", view.dtype(), view.shape());
            return Err(Error::shard(path, reason));
        };
        let offset = view.data().as_ptr() as usize - map.as_ptr() as usize;
        Ok((Self { offset, photos, map }, Geometry { height, width }))
    }
}
