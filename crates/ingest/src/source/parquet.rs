//! Parquet files with embedded photos, as Hugging Face keeps data sets: a column of structs with the bytes and
//! the path of each photo, class labels as integers whose names are in the schema's metadata, and one or more
//! files per split, which their names tell.

mod columns;
mod survey;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use marque_contracts::counts::counted;
use marque_contracts::schema::{Layout, Split};
use marque_contracts::{Digest, Progress, Unit};
use marque_formats::{AnnotationRow, AnnotationTable, ExternalBatch, ExternalTable, RejectedRow};

use columns::{Columns, Positions};
pub(super) use survey::{Surveyed, survey};

use super::{Destination, Imported, Source, complete_distribution, photo_path, split_words};
use crate::expected_file::ExpectedFile;
use crate::settings::HuggingFace;
use crate::source_folder::{SourceFolder, is_hidden, is_photo};
use crate::verify::verify;
use crate::{Error, digests};

/// Photos read from Parquet at a time: what is in memory at once.
const BATCH: usize = 32;

/// What the files should be.
const WANTED: &str = "a data set in Parquet files with embedded photos";

/// Bytes that a file's name may have in common file systems.
const LONGEST_NAME: usize = 255;

pub(super) struct ParquetSource<'a> {
    pub(super) source: &'a HuggingFace,
    pub(super) files: &'a [ExpectedFile],
}

impl ParquetSource<'_> {
    /// The Parquet files, by their paths below the folder, sorted, and what is known of them.
    fn find(&self) -> Result<Vec<(String, PathBuf)>, Error> {
        let folder = &self.source.path;
        if let Some(complete) = complete_distribution(self.files)? {
            let mut files: Vec<_> =
                complete.files.iter().map(|file| (file.name().to_owned(), file.path.clone())).collect();
            files.sort();
            return Ok(files);
        }
        if folder.is_file() {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Ok(vec![(name, folder.clone())]);
        }
        if !folder.is_dir() {
            return Err(wrong(folder, "there is no such folder"));
        }
        let names = SourceFolder(folder).files()?;
        let parquet = names.into_iter().filter(|name| name.ends_with(".parquet") && !is_hidden(name));
        let files: Vec<_> = parquet.map(|name| (name.clone(), folder.join(name))).collect();
        if files.is_empty() { Err(wrong(folder, "there is no .parquet file in it")) } else { Ok(files) }
    }
}

fn wrong(path: &Path, reason: impl Into<String>) -> Error {
    Error::Layout { path: path.to_owned(), wanted: WANTED, reason: reason.into() }
}

impl Source for ParquetSource<'_> {
    fn digests(&self, progress: &dyn Progress) -> Result<BTreeMap<String, Digest>, Error> {
        let (names, paths): (Vec<_>, Vec<_>) = self.find()?.into_iter().unzip();
        Ok(names.into_iter().zip(digests::of_files(&paths, progress)?).collect())
    }

    fn label_columns(&self) -> Result<Vec<String>, Error> {
        Ok(columns::of_files(self.source, &self.find()?)?.labels)
    }

    fn import(&self, to: &Destination<'_>) -> Result<Imported, Error> {
        let files = self.find()?;
        for expected in self.files.iter().filter(|file| files.iter().any(|(_, path)| *path == file.path)) {
            verify(expected, to.progress)?;
        }
        let columns = columns::of_files(self.source, &files)?;
        let mut reading = Reading {
            to,
            rows: Vec::new(),
            taken: BTreeSet::new(),
            problems: Vec::new(),
            rejected: Vec::new(),
        };
        for (name, path) in &files {
            self.read(name, path, &columns, &mut reading)?;
            if !reading.problems.is_empty() {
                return Err(Error::Rows { table: path.clone(), problems: reading.problems });
            }
        }
        let Reading { mut rows, rejected, .. } = reading;
        rows.sort_by(|a, b| a.file_name.cmp(&b.file_name));
        let Columns { image, class, labels } = columns;
        let description = format!(
            "{}, photos in {image}, class names in {}, other label columns: {}",
            counted(files.len() as u64, "Parquet file", "Parquet files"),
            class.as_deref().unwrap_or("none"),
            if labels.is_empty() { "none".to_owned() } else { labels.join(", ") },
        );
        let annotations = Some(AnnotationTable { columns: labels, rows });
        Ok(Imported { layout: Layout::Table, annotations, description, rejected })
    }
}

/// What has been read so far.
struct Reading<'a> {
    to: &'a Destination<'a>,
    rows: Vec<AnnotationRow>,
    /// Names that photos have already.
    taken: BTreeSet<String>,
    /// What is wrong with single rows of the file that is read.
    problems: Vec<String>,
    /// Rows without a photo.
    rejected: Vec<RejectedRow>,
}

impl ParquetSource<'_> {
    fn read(
        &self,
        name: &str,
        path: &Path,
        columns: &Columns,
        reading: &mut Reading<'_>,
    ) -> Result<(), Error> {
        let table = ExternalTable::open(path, BATCH)?;
        let positions = columns.positions(path, table.columns())?;
        let bar = reading.to.progress.bar(&format!("read {name}"), table.rows(), Unit::Photos);
        let stem = name.strip_suffix(".parquet").unwrap_or(name);
        let part = Part { split: split_words::of_path(name), stem, name };
        if let (None, None, Some(word)) = (part.split, positions.split, split_words::word_of_part(name)) {
            let what = split_words::unknown(word);
            return Err(wrong(path, format!("{what}: rename it, or move it to another folder")));
        }
        let mut first = 0;
        for batch in table {
            let batch = batch?;
            reading.add(&batch, first, &part, &positions)?;
            first += batch.rows();
            bar.advance(batch.rows() as u64);
        }
        Ok(())
    }
}

impl Reading<'_> {
    /// Adds the photos of a batch whose first row is the row `first` of its file.
    fn add(
        &mut self,
        batch: &ExternalBatch,
        first: usize,
        part: &Part<'_>,
        columns: &Positions,
    ) -> Result<(), Error> {
        let labels = columns.labels.iter().copied().flatten();
        for column in columns.class.into_iter().chain(columns.split).chain(labels) {
            self.problems.extend(problems(batch, first, column));
        }
        let labels: Vec<_> = columns.labels.iter().map(|i| i.map(|i| batch.values(i))).collect();
        let classes = columns.class.map(|i| batch.texts(i));
        let splits = columns.split.map(|i| batch.texts(i));
        for (row, photo_here) in batch.photos(columns.image).into_iter().enumerate() {
            let Some((content, path)) = photo_here else {
                self.rejected.push(RejectedRow {
                    file_name: format!("{}-rows/{:07}", part.stem, first + row),
                    reason: format!(
                        "there are no bytes of a photo in row {} of {}",
                        first + row + 1,
                        part.name
                    ),
                });
                continue;
            };
            let name = part.photo_name(first + row, path.as_deref(), content, &self.taken);
            fs_err::write(self.to.path(&photo_path(&name))?, content)?;
            self.taken.insert(name.clone());
            let word = splits.as_ref().and_then(|splits| splits[row].as_deref());
            let split = word.and_then(split_words::parse);
            if let (Some(word), None) = (word, split) {
                self.problems.push(format!("row {}: {}", first + row + 1, split_words::unknown(word)));
            }
            self.rows.push(AnnotationRow {
                file_name: name,
                split: split.or(part.split),
                class_name: classes.as_ref().and_then(|classes| classes[row].clone()),
                crop: None,
                values: labels.iter().map(|values| values.as_ref()?[row].clone()).collect(),
            });
        }
        Ok(())
    }
}

/// What is wrong with cells of a column. `first` is the row at which the batch begins.
pub(super) fn problems(batch: &ExternalBatch, first: usize, column: usize) -> Vec<String> {
    let name = &batch.column(column).name;
    let problem = |(row, what)| format!("row {}: {name} {what}", first + row + 1);
    batch.problems(column).into_iter().map(problem).collect()
}

/// One Parquet file.
struct Part<'a> {
    split: Option<Split>,
    /// Its path below the folder, and the same without the ending.
    name: &'a str,
    stem: &'a str,
}

impl Part<'_> {
    /// The name that a photo gets: the last part of its own path in a folder for the split, or, where that is taken,
    /// missing or not a valid file name, the number of its row in a folder for the file.
    fn photo_name(&self, row: usize, path: Option<&str>, content: &[u8], taken: &BTreeSet<String>) -> String {
        let own = path
            .and_then(|path| path.rsplit(['/', '\\']).next())
            .filter(|name| is_photo(name) && name.len() <= LONGEST_NAME && !name.contains(char::is_control));
        let split = self.split.map_or("photos", Split::as_str);
        let named = own.map(|own| format!("{split}/{own}")).filter(|name| !taken.contains(name));
        named.unwrap_or_else(|| {
            let format = image::guess_format(content).ok();
            let extension = format.and_then(|format| format.extensions_str().first()).unwrap_or(&"bin");
            format!("{}-rows/{row:07}.{extension}", self.stem)
        })
    }
}
