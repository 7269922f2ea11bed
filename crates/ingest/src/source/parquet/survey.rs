//! The labels of Parquet files with embedded photos, without the photos.

use marque_contracts::{Progress, Unit};
use marque_formats::{AnnotationRow, AnnotationTable, ExternalTable, RejectedRow};

use super::columns::{self, Columns};
use super::{BATCH, ParquetSource, problems};
use crate::Error;
use crate::settings::HuggingFace;
use crate::source::photo_sizes::PhotoSizes;
use crate::source::split_words;

/// What was found in the files.
pub(in crate::source) struct Surveyed {
    pub(in crate::source) annotations: AnnotationTable,
    /// Rows without a photo.
    pub(in crate::source) left_out: Vec<RejectedRow>,
    pub(in crate::source) sizes: PhotoSizes,
    /// The column of class names.
    pub(in crate::source) class: Option<String>,
}

/// Reads all rows, and the headers of some photos.
pub(in crate::source) fn survey(source: &HuggingFace, progress: &dyn Progress) -> Result<Surveyed, Error> {
    let files = ParquetSource { source, files: &[] }.find()?;
    let columns = columns::of_files(source, &files)?;
    let tables = files.iter().map(|(_, path)| Ok::<u64, Error>(ExternalTable::open(path, BATCH)?.rows()));
    let total = tables.sum::<Result<u64, Error>>()?;
    let step = PhotoSizes::step(total as usize);
    let bar = progress.bar("look at photos", total, Unit::Photos);
    let (mut rows, mut left_out, mut sizes) = (Vec::new(), Vec::new(), PhotoSizes::default());
    for (name, path) in &files {
        let table = ExternalTable::open(path, BATCH)?;
        let positions = columns.positions(path, table.columns())?;
        let (of_file, mut first) = (split_words::of_path(name), 0);
        for batch in table {
            let batch = batch?;
            let labels: Vec<_> = positions.labels.iter().map(|i| i.map(|i| batch.values(i))).collect();
            let classes = positions.class.map(|i| batch.texts(i));
            let splits = positions.split.map(|i| batch.texts(i));
            let known = positions.labels.iter().copied().flatten().chain(positions.class);
            let wrong: Vec<_> = known.flat_map(|column| problems(&batch, first, column)).collect();
            if !wrong.is_empty() {
                return Err(Error::Rows { table: path.clone(), problems: wrong });
            }
            for (row, photo) in batch.photos(positions.image).into_iter().enumerate() {
                let file_name = format!("{name}, row {}", first + row + 1);
                let Some((content, _)) = photo else {
                    left_out.push(RejectedRow { file_name, reason: "there is no photo in it".to_owned() });
                    continue;
                };
                if rows.len().is_multiple_of(step) {
                    sizes.add(&file_name, content);
                }
                let text = |column: &Option<Vec<Option<String>>>| column.as_ref()?.get(row)?.clone();
                rows.push(AnnotationRow {
                    file_name,
                    split: text(&splits).and_then(|word| split_words::parse(&word)).or(of_file),
                    class_name: text(&classes),
                    crop: None,
                    values: labels.iter().map(|column| column.as_ref()?.get(row)?.clone()).collect(),
                });
            }
            first += batch.rows();
            bar.advance(batch.rows() as u64);
        }
    }
    let Columns { class, labels, .. } = columns;
    let annotations = AnnotationTable { columns: labels, rows };
    Ok(Surveyed { annotations, left_out, sizes, class })
}
