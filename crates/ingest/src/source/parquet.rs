//! Parquet files with embedded photos, as Hugging Face keeps data sets: a column of structs with the bytes and
//! the path of each photo, class labels as integers whose names are in the schema's metadata, and one or more
//! files per split, which their names tell.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use marque_contracts::counts::counted;
use marque_contracts::schema::{Layout, Split};
use marque_contracts::{Digest, Progress, Unit};
use marque_formats::{
    AnnotationRow, AnnotationTable, ExternalBatch, ExternalColumn, ExternalKind, ExternalTable, RejectedRow,
};

use super::{Destination, Imported, Source, photo_path, split_words};
use crate::distribution::Distribution;
use crate::expected_file::ExpectedFile;
use crate::settings::HuggingFace;
use crate::source_folder::{SourceFolder, is_hidden, is_photo};
use crate::verify::verify;
use crate::warnings::warn_once;
use crate::{Error, digests};

/// Photos read from Parquet at a time: what is in memory at once.
const BATCH: usize = 32;

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
        let distributions = Distribution::all(self.files);
        if !distributions.is_empty() {
            let Some(complete) = distributions.iter().find(|distribution| distribution.is_complete()) else {
                return Err(Error::Missing { distributions, offline: false, partial_copy: None });
            };
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
            return Err(self.wrong(folder, "there is no such folder"));
        }
        let names = SourceFolder(folder).files()?;
        let parquet = names.into_iter().filter(|name| name.ends_with(".parquet") && !is_hidden(name));
        let files: Vec<_> = parquet.map(|name| (name.clone(), folder.join(name))).collect();
        if files.is_empty() { Err(self.wrong(folder, "there is no .parquet file in it")) } else { Ok(files) }
    }

    fn wrong(&self, path: &Path, reason: impl Into<String>) -> Error {
        let wanted = "a data set in Parquet files with embedded photos";
        Error::Layout { path: path.to_owned(), wanted, reason: reason.into() }
    }

    /// Which column is what.
    fn columns(&self, path: &Path, table: &[ExternalColumn]) -> Result<Columns, Error> {
        let images: Vec<_> = (0..table.len()).filter(|i| table[*i].kind == ExternalKind::Photos).collect();
        let image = match (&self.source.image_column, images.as_slice()) {
            (None, [only]) => *only,
            (Some(name), images) => match images.iter().find(|i| table[**i].name == *name) {
                Some(position) => *position,
                None => {
                    let reason =
                        format!("image_column = {name:?} does not contain photos; columns: {}", names(table));
                    return Err(self.wrong(path, reason));
                }
            },
            (None, []) => {
                let reason = format!("no column is a struct of bytes and path; columns: {}", names(table));
                return Err(self.wrong(path, reason));
            }
            (None, _) => {
                let reason =
                    format!("several columns hold photos; set image_column to one of: {}", names(table));
                return Err(self.wrong(path, reason));
            }
        };
        for column in table {
            if let ExternalKind::Unknown(kind) = &column.kind {
                warn_once(format!("the column {} is left out: it is of type {kind}", column.name));
            }
        }
        let texts: Vec<_> = (0..table.len()).filter(|i| table[*i].kind == ExternalKind::Text).collect();
        let class = self.class_column(path, table, &texts)?;
        let split = texts.iter().copied().find(|i| table[*i].name == "split");
        let fixed = |i: usize| AnnotationTable::FIXED_COLUMNS.contains(&table[i].name.as_str());
        for i in texts.iter().copied().filter(|i| fixed(*i) && Some(*i) != class && Some(*i) != split) {
            warn_once(format!(
                "the column {} is left out: marque has a column of this name; rename it to use it",
                table[i].name
            ));
        }
        let labels = texts.into_iter().filter(|i| Some(*i) != class && !fixed(*i));
        let labels = labels.map(|i| (i, table[i].name.clone())).collect();
        Ok(Columns { image, class, split, labels })
    }

    /// The column with class names: the one that is set, the only class label, or one that is called so.
    fn class_column(
        &self,
        path: &Path,
        table: &[ExternalColumn],
        texts: &[usize],
    ) -> Result<Option<usize>, Error> {
        let called = |name: &str| texts.iter().copied().find(|i| table[*i].name == name);
        if let Some(name) = &self.source.class_column {
            let reason = || format!("there is no class_column = {name:?}; columns: {}", names(table));
            return called(name).map(Some).ok_or_else(|| self.wrong(path, reason()));
        }
        let labels: Vec<_> = texts.iter().copied().filter(|i| table[*i].class_names.is_some()).collect();
        Ok(match labels.as_slice() {
            [only] => Some(*only),
            _ => called("class_name").or_else(|| called("label")),
        })
    }
}

fn names(table: &[ExternalColumn]) -> String {
    table.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
}

/// Positions of the columns.
struct Columns {
    image: usize,
    class: Option<usize>,
    split: Option<usize>,
    /// Label columns, with their names.
    labels: Vec<(usize, String)>,
}

impl Source for ParquetSource<'_> {
    fn digests(&self, progress: &dyn Progress) -> Result<BTreeMap<String, Digest>, Error> {
        let (names, paths): (Vec<_>, Vec<_>) = self.find()?.into_iter().unzip();
        Ok(names.into_iter().zip(digests::of_files(&paths, progress)?).collect())
    }

    fn import(&self, to: &Destination<'_>) -> Result<Imported, Error> {
        let files = self.find()?;
        for expected in self.files.iter().filter(|file| files.iter().any(|(_, path)| *path == file.path)) {
            verify(expected, to.progress)?;
        }
        let mut reading = Reading {
            to,
            rows: Vec::new(),
            table: None,
            taken: BTreeSet::new(),
            problems: Vec::new(),
            rejected: Vec::new(),
        };
        for (name, path) in &files {
            self.read(name, path, &mut reading)?;
            if !reading.problems.is_empty() {
                return Err(Error::Rows { table: path.clone(), problems: reading.problems });
            }
        }
        let Reading { mut rows, table, rejected, .. } = reading;
        let Some(table) = table else { return Err(Error::Empty { place: self.source.path.clone() }) };
        let columns = self.columns(&self.source.path, &table)?;
        rows.sort_by(|a, b| a.file_name.cmp(&b.file_name));
        let class = columns.class.map_or("none", |i| &table[i].name);
        let labels: Vec<_> = columns.labels.into_iter().map(|(_, name)| name).collect();
        let description = format!(
            "{}, photos in {}, class names in {class}, other label columns: {}",
            counted(files.len() as u64, "Parquet file", "Parquet files"),
            table[columns.image].name,
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
    /// Columns of the first file, which all others must have.
    table: Option<Vec<ExternalColumn>>,
    /// Names that photos have already.
    taken: BTreeSet<String>,
    /// What is wrong with single rows of the file that is read.
    problems: Vec<String>,
    /// Rows without a photo.
    rejected: Vec<RejectedRow>,
}

impl ParquetSource<'_> {
    fn read(&self, name: &str, path: &Path, reading: &mut Reading<'_>) -> Result<(), Error> {
        let table = ExternalTable::open(path, BATCH)?;
        let columns = self.columns(path, table.columns())?;
        if reading.table.get_or_insert_with(|| table.columns().to_vec()) != table.columns() {
            return Err(self.wrong(path, "its columns or class names are not those of the file before it"));
        }
        let bar = reading.to.progress.bar(&format!("read {name}"), table.rows(), Unit::Photos);
        let stem = name.strip_suffix(".parquet").unwrap_or(name);
        let part = Part { split: split_words::of_path(name), stem, name };
        if let (None, None, Some(word)) = (part.split, columns.split, split_words::word_of_part(name)) {
            let what = split_words::unknown(word);
            return Err(self.wrong(path, format!("{what}: rename it, or move it to another folder")));
        }
        let mut first = 0;
        for batch in table {
            let batch = batch?;
            self.read_batch(&batch, first, &part, &columns, reading)?;
            first += batch.rows();
            bar.advance(batch.rows() as u64);
        }
        Ok(())
    }

    fn read_batch(
        &self,
        batch: &ExternalBatch,
        first: usize,
        part: &Part<'_>,
        columns: &Columns,
        reading: &mut Reading<'_>,
    ) -> Result<(), Error> {
        let read =
            columns.class.into_iter().chain(columns.split).chain(columns.labels.iter().map(|(i, _)| *i));
        for column in read {
            reading.problems.extend(problems(batch, first, column));
        }
        let labels: Vec<_> = columns.labels.iter().map(|(i, _)| batch.texts(*i)).collect();
        let classes = columns.class.map(|i| batch.texts(i));
        let splits = columns.split.map(|i| batch.texts(i));
        for (row, photo_here) in batch.photos(columns.image).into_iter().enumerate() {
            let Some((content, path)) = photo_here else {
                reading.rejected.push(RejectedRow {
                    file_name: format!("{}-rows/{:07}", part.stem, first + row),
                    reason: format!(
                        "there are no bytes of a photo in row {} of {}",
                        first + row + 1,
                        part.name
                    ),
                });
                continue;
            };
            let name = part.photo_name(first + row, path.as_deref(), content, &reading.taken);
            fs_err::write(reading.to.path(&photo_path(&name))?, content)?;
            reading.taken.insert(name.clone());
            let word = splits.as_ref().and_then(|splits| splits[row].as_deref());
            let split = word.and_then(split_words::parse);
            if let (Some(word), None) = (word, split) {
                reading.problems.push(format!("row {}: {}", first + row + 1, split_words::unknown(word)));
            }
            reading.rows.push(AnnotationRow {
                file_name: name,
                split: split.or(part.split),
                class_name: classes.as_ref().and_then(|classes| classes[row].clone()),
                crop: None,
                values: labels.iter().map(|values| values[row].clone()).collect(),
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
