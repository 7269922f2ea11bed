//! The pixels once more, as tar archives that the Python package `webdataset` and its kin read.
//!
//! Files of an archive that share their name up to the first point are one sample. Here a sample's name is the photo's
//! number in `index.parquet`, eight digits; `NNNNNNNN.png` holds its pixels as the shard has them, without loss, and
//! `NNNNNNNN.json` its `file_name`, its `split`, and for each head its class and class id, lists of them for tags; null where
//! the label is not known. A photo that `labels` has left out for a duplicate has neither split nor labels.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::Path;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use marque_contracts::durable::write_atomic_with;
use marque_contracts::json::read as read_json;
use marque_contracts::schema::{Head, HeadKind, labels};
use marque_formats::{Geometry, IndexRow, LabelRow, LabelTable, ShardReader};
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::Error;

/// Folder of the archives.
pub(crate) const FOLDER: &str = "webdataset/";

/// Photos encoded at a time: enough for all threads, little enough for any memory.
const AT_A_TIME: usize = 64;

/// The JSON records of the photos, by their names.
pub(crate) struct Records(BTreeMap<String, Value>);

impl Records {
    /// Reads them from the result of `labels`.
    pub(crate) fn read(labelled: &Path) -> Result<Self, Error> {
        let heads: Vec<Head> = read_json(&labelled.join(labels::HEADS))?;
        let table = LabelTable::read(&labelled.join(labels::LABEL_TABLE), &heads)?;
        let record = |row: LabelRow| {
            let mut record = json!({ "file_name": row.file_name, "split": row.split });
            for (head, label) in heads.iter().zip(&row.labels) {
                let mut classes = label.ids().iter().map(|id| json!(head.classes[*id]));
                let (name, id) = match head.kind {
                    HeadKind::Single => (json!(classes.next()), json!(label.class())),
                    HeadKind::Tags if label.is_known() => {
                        (json!(classes.collect::<Vec<_>>()), json!(label.tags()))
                    }
                    HeadKind::Tags => (Value::Null, Value::Null),
                };
                record[&head.name] = name;
                record[format!("{}_id", head.name)] = id;
            }
            (row.file_name, record)
        };
        Ok(Self(table.rows.into_iter().map(record).collect()))
    }

    fn of(&self, file_name: &str) -> String {
        let record = self.0.get(file_name);
        record.map_or_else(|| json!({ "file_name": file_name }).to_string(), Value::to_string)
    }
}

/// Writes the archive of one shard. `first` is the number of the shard's first photo.
pub(crate) fn export(
    path: &Path,
    shards: &Path,
    records: &Records,
    number: u32,
    rows: &[IndexRow],
    first: usize,
) -> Result<(), Error> {
    let reader = ShardReader::open_shard(shards, number)?;
    write_atomic_with(path, |file| {
        let mut archive = tar::Builder::new(BufWriter::new(file));
        for (rows, first) in rows.chunks(AT_A_TIME).zip((first..).step_by(AT_A_TIME)) {
            let picture = |row: &IndexRow| encode(reader.photo(row)?, reader.geometry(), &row.file_name);
            let pictures: Vec<_> = rows.par_iter().map(picture).collect::<Result<_, Error>>()?;
            for ((row, picture), place) in rows.iter().zip(&pictures).zip(first..) {
                let record = records.of(&row.file_name);
                append(&mut archive, &format!("{place:08}.png"), picture)?;
                append(&mut archive, &format!("{place:08}.json"), record.as_bytes())?;
            }
        }
        Ok(archive.into_inner()?.flush()?)
    })
}

fn encode(pixels: &[u8], geometry: Geometry, file_name: &str) -> Result<Vec<u8>, Error> {
    let mut png = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::Adaptive);
    encoder
        .write_image(pixels, geometry.width as u32, geometry.height as u32, ExtendedColorType::Rgb8)
        .map_err(|source| Error::Encode { file_name: file_name.to_owned(), source })?;
    Ok(png)
}

/// Appends a file without owner and time, so that archives of the same photos are the same.
fn append(archive: &mut tar::Builder<impl Write>, name: &str, data: &[u8]) -> std::io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_size(data.len() as u64);
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_entry_type(tar::EntryType::Regular);
    archive.append_data(&mut header, name, data)
}
