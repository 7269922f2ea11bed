//! A table of the user's own, CSV or Parquet, with a row per photo: its file name and its labels.

mod csv_rows;
mod file_names;
mod format;
mod parquet_rows;
mod photo_rows;
mod survey;

use std::collections::{BTreeMap, BTreeSet};

use marque_contracts::counts::counted;
use marque_contracts::schema::{Layout, MODEL_YEARS, model_year};
use marque_contracts::{Digest, Progress, Unit};
use marque_formats::{AnnotationRow, AnnotationTable, CellValue, Crop, RejectedRow};
use marque_settings::nearest;
use rayon::prelude::*;

use file_names::{FileNames, Found};
use format::Format;
pub use photo_rows::{PhotoRow, photo_rows};
pub(super) use survey::{Surveyed, survey};

use super::{Destination, Imported, Source, column_names, complete_distribution, photo_path, split_words};
use crate::expected_file::ExpectedFile;
use crate::settings::Table;
use crate::source_folder::SourceFolder;
use crate::verify::verify;
use crate::warnings::warn_once;
use crate::{Error, digests};

/// What the table should be.
const WANTED: &str = "a table with a row per photo";

/// What to do where the column with file names is not there.
const WHICH_COLUMN: &str = ". dataset.file_column says which column holds the file names";

pub(super) struct TableSource<'a> {
    pub(super) table: &'a Table,
    pub(super) files: &'a [ExpectedFile],
}

/// A table as it was read: nulls where cells are empty.
#[derive(Default)]
struct RawTable {
    columns: Vec<String>,
    /// Positions of the columns that hold lists; the others hold text.
    lists: BTreeSet<usize>,
    /// For each row, where it is ("line 7") and its cells.
    rows: Vec<(String, Vec<Option<CellValue>>)>,
    /// What is wrong with single rows.
    problems: Vec<String>,
    /// Whether it is Parquet, in which nothing stands between columns.
    parquet: bool,
}

impl RawTable {
    /// Positions of columns without a name: those that hold nothing, as spreadsheets leave them at the ends of lines,
    /// and an index, as pandas puts it before the others.
    fn unnamed(&self) -> Result<BTreeSet<usize>, String> {
        let mut unnamed = BTreeSet::new();
        for (i, name) in self.columns.iter().enumerate() {
            let numbered = name.strip_prefix("Unnamed: ").is_some_and(|number| number == i.to_string());
            if !(name.is_empty() || numbered || name == "__index_level_0__") {
                continue;
            }
            let filled = self.rows.iter().find_map(|(place, cells)| Some((place, cells.get(i)?.as_ref()?)));
            match filled {
                None => {}
                Some(_) if i == 0 || name == "__index_level_0__" => {
                    warn_once(
                        "a column without a name is left out: it is taken for the index of pandas".to_owned(),
                    );
                }
                Some(_) if numbered => continue,
                Some((place, cell)) => {
                    let cell = cell.texts().join(", ");
                    return Err(format!("column {} has no name, but holds {cell:?} in {place}", i + 1));
                }
            }
            unnamed.insert(i);
        }
        Ok(unnamed)
    }
}

/// The number of rows that are read from text of comma-separated values, and what is wrong with others. For fuzzing.
///
/// # Errors
/// Why there is no table in it.
pub fn rows_of_csv(text: &[u8]) -> Result<(usize, Vec<String>), String> {
    csv_rows::parse(text).map(|raw| (raw.rows.len(), raw.problems))
}

/// The rows whose photos are there, and the others.
struct Matched {
    annotations: AnnotationTable,
    absent: Vec<RejectedRow>,
}

impl TableSource<'_> {
    fn read(&self) -> Result<Matched, Error> {
        let raw = self.raw()?;
        let columns = self.columns(&raw, WHICH_COLUMN)?;
        self.annotations(raw, columns)
    }

    fn raw(&self) -> Result<RawTable, Error> {
        complete_distribution(self.files)?;
        let path = &self.table.table;
        if !path.is_file() {
            return Err(self.wrong("there is no such file"));
        }
        let mut raw = match format::of(path)? {
            Format::Text => csv_rows::read(path)?,
            Format::Parquet => parquet_rows::read(path)?,
            Format::Unread(what) => return Err(self.wrong(what)),
        };
        if raw.columns.is_empty() && !raw.problems.is_empty() {
            return Err(Error::Rows { table: path.clone(), problems: raw.problems });
        }
        raw.columns = column_names(path, WANTED, raw.columns.iter().map(String::as_str))?;
        Ok(raw)
    }

    fn wrong(&self, reason: impl Into<String>) -> Error {
        Error::Layout { path: self.table.table.clone(), wanted: WANTED, reason: reason.into() }
    }

    /// The folder in which file names start. The table's own may be named by nothing at all.
    fn file_names(&self) -> Result<FileNames<'_>, Error> {
        let photos = &self.table.photos;
        if !photos.as_os_str().is_empty() && !photos.is_dir() {
            let reason = "there is no such folder, in which the file names of the table would start";
            return Err(Error::Layout {
                path: photos.clone(),
                wanted: "a folder of photos",
                reason: reason.to_owned(),
            });
        }
        Ok(FileNames::below(photos)?)
    }

    /// Checks every row; all that is wrong is reported together.
    fn annotations(&self, raw: RawTable, columns: Columns) -> Result<Matched, Error> {
        let names = self.file_names()?;
        let mut problems = raw.problems;
        let mut parsed = Vec::with_capacity(raw.rows.len());
        for (place, cells) in raw.rows {
            match columns.row(&cells, &names) {
                Err(reason) => problems.push(format!("{place}: {reason}")),
                Ok(row) => parsed.push((place, row)),
            }
        }
        let found: Vec<_> = parsed.par_iter().map(|(_, row)| names.find(&row.file_name)).collect();
        let (mut rows, mut absent, mut spelled) = (Vec::with_capacity(parsed.len()), Vec::new(), Vec::new());
        let mut taken: BTreeMap<String, String> = BTreeMap::new();
        for ((place, mut row), found) in parsed.into_iter().zip(found) {
            let missing = match found {
                Found::File => None,
                Found::Spelled(name) => {
                    spelled.push(format!("{} for {name}", row.file_name));
                    row.file_name = name;
                    None
                }
                Found::None(reason) => Some(reason),
            };
            if let Some(before) = taken.insert(row.file_name.clone(), place.clone()) {
                problems.push(format!("{place}: {} is in {before} already", row.file_name));
            } else if let Some(reason) = missing {
                absent.push(RejectedRow { file_name: row.file_name, reason: format!("{place}: {reason}") });
            } else {
                rows.push(row);
            }
        }
        if !problems.is_empty() {
            return Err(Error::Rows { table: self.table.table.clone(), problems });
        }
        if rows.is_empty() && absent.is_empty() {
            return Err(self.wrong("there is no row in it"));
        }
        if let [first, ..] = spelled.as_slice() {
            warn_once(format!(
                "{}: {} spelled in another form than the file, in accents, spaces or characters that are not seen, and \
                 taken for it, such as {first}",
                self.table.table.display(),
                counted(spelled.len() as u64, "file name is", "file names are")
            ));
        }
        absent.sort_by(|a, b| a.file_name.cmp(&b.file_name));
        rows.sort_by(|a, b| a.file_name.cmp(&b.file_name));
        let columns = columns.labels.into_iter().map(|(_, name)| name).collect();
        let mut annotations = AnnotationTable { columns, rows };
        whole_numbers(&mut annotations);
        Ok(Matched { annotations, absent })
    }

    /// The columns by their names; `which` says more where the one with file names is not there.
    fn columns(&self, raw: &RawTable, which: &str) -> Result<Columns, Error> {
        let names = &raw.columns;
        let unnamed = raw.unnamed().map_err(|reason| self.wrong(reason))?;
        let position = |wanted: &str| names.iter().position(|name| name == wanted);
        let file_column = &self.table.file_column;
        let Some(file) = position(file_column) else {
            let named = (0..names.len()).filter(|i| !unnamed.contains(i)).map(|i| names[i].as_str());
            let named: Vec<_> = named.collect();
            let guess = nearest(file_column, named.iter().copied())
                .map_or(String::new(), |name| format!(" (did you mean {name}?)"));
            let one = if names.len() == 1 && !raw.parquet {
                " (what stands between columns: commas, semicolons or tabs)"
            } else {
                ""
            };
            let reason =
                format!("there is no column {file_column}{guess}; columns: {}{one}{which}", named.join(", "));
            return Err(self.wrong(reason));
        };
        let sides = Crop::COLUMNS.map(position);
        let sides = match (sides.iter().flatten().count(), sides) {
            (0, _) => None,
            (_, [Some(x1), Some(y1), Some(x2), Some(y2)]) => Some([x1, y1, x2, y2]),
            _ => {
                return Err(
                    self.wrong(format!("a box takes all of the columns {}", Crop::COLUMNS.join(", ")))
                );
            }
        };
        let fixed = |i: usize| {
            i == file || unnamed.contains(&i) || AnnotationTable::FIXED_COLUMNS.contains(&names[i].as_str())
        };
        if let Some(i) = raw.lists.iter().find(|i| fixed(**i)) {
            return Err(self.wrong(format!("the column {} holds lists, and not a value a photo", names[*i])));
        }
        let labels = (0..names.len()).filter(|i| !fixed(*i)).map(|i| (i, names[i].clone())).collect();
        Ok(Columns {
            file,
            split: position("split"),
            class: position("class_name"),
            year: position("year"),
            sides,
            labels,
        })
    }
}

/// Positions of the columns.
struct Columns {
    file: usize,
    split: Option<usize>,
    class: Option<usize>,
    year: Option<usize>,
    sides: Option<[usize; 4]>,
    labels: Vec<(usize, String)>,
}

impl Columns {
    fn row(&self, cells: &[Option<CellValue>], names: &FileNames<'_>) -> Result<AnnotationRow, String> {
        let cell = |i: usize| match cells.get(i)?.as_ref()? {
            CellValue::Text(text) => Some(text.as_str()),
            CellValue::List(_) => None,
        };
        let name = cell(self.file).ok_or("there is no file name")?;
        let file_name = names.path_below(name).ok_or_else(|| {
            format!("{name} does not lie below the folder of photos, where file names start")
        })?;
        let split = self.split.and_then(cell);
        let split = split.map(|word| split_words::parse(word).ok_or_else(|| split_words::unknown(word)));
        // `labels` reads years; here line and file are known.
        if let Some(text) = self.year.and_then(cell).filter(|text| model_year(text).is_none()) {
            let (first, last) = (MODEL_YEARS.start(), MODEL_YEARS.end());
            return Err(format!("the year {text:?} is not a number from {first} to {last}"));
        }
        Ok(AnnotationRow {
            file_name,
            split: split.transpose()?,
            class_name: self.class.and_then(cell).map(str::to_owned),
            crop: self.crop(cell)?,
            values: self.labels.iter().map(|(i, _)| cells.get(*i)?.clone()).collect(),
        })
    }

    fn crop<'a>(&self, cell: impl Fn(usize) -> Option<&'a str>) -> Result<Option<Crop>, String> {
        let Some(positions) = self.sides else { return Ok(None) };
        let cells = positions.map(cell);
        if cells.iter().all(Option::is_none) {
            return Ok(None);
        }
        let mut sides = [0; 4];
        for ((side, cell), name) in sides.iter_mut().zip(cells).zip(Crop::COLUMNS) {
            let text = cell.ok_or_else(|| format!("{name} is empty, other sides of the box are not"))?;
            let pixels = whole(text).and_then(|digits| digits.parse().ok());
            *side = pixels.ok_or_else(|| format!("{name} = {text} is not a whole number of pixels"))?;
        }
        let [x1, y1, x2, y2] = sides;
        if x1 >= x2 || y1 >= y2 {
            return Err(format!("the box {x1}, {y1} to {x2}, {y2} is empty"));
        }
        Ok(Some(Crop { x1, y1, x2, y2 }))
    }
}

/// A whole number without the decimals that spreadsheets and pandas give it: 12 for 12.0.
fn whole(text: &str) -> Option<&str> {
    match text.trim().split_once('.') {
        None => Some(text.trim()),
        Some((digits, decimals)) => decimals.bytes().all(|b| b == b'0').then_some(digits),
    }
}

/// Takes off the decimals of numbers that are all whole. pandas keeps whole numbers as decimals once one of them is
/// missing, and writes 3 as `3.0`; a column without empty cells is what somebody meant.
fn whole_numbers(table: &mut AnnotationTable) {
    for column in 0..table.columns.len() {
        let cells = || table.rows.iter().filter_map(|row| row.values.get(column));
        let decimals = |cell: &CellValue| {
            let CellValue::Text(text) = cell else { return None };
            let digits = text.strip_suffix(".0")?;
            let number = digits.strip_prefix('-').unwrap_or(digits);
            (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then(|| digits.into())
        };
        let some_empty = cells().any(Option::is_none);
        if !some_empty || !cells().flatten().all(|cell| decimals(cell).is_some()) {
            continue;
        }
        for cell in table.rows.iter_mut().filter_map(|row| row.values.get_mut(column)) {
            *cell = cell.as_ref().and_then(decimals);
        }
    }
}

impl Source for TableSource<'_> {
    fn digests(&self, progress: &dyn Progress) -> Result<BTreeMap<String, Digest>, Error> {
        let table = self.read()?.annotations;
        let names: Vec<_> = table.rows.iter().map(|row| row.file_name.as_str()).collect();
        let photos = SourceFolder(&self.table.photos).digest(&names, progress)?;
        let table = digests::of_files(std::slice::from_ref(&self.table.table), progress)?;
        let photos = ("photos".to_owned(), photos);
        Ok(table.into_iter().map(|digest| ("table".to_owned(), digest)).chain([photos]).collect())
    }

    fn label_columns(&self) -> Result<Vec<String>, Error> {
        Ok(self.columns(&self.raw()?, WHICH_COLUMN)?.labels.into_iter().map(|(_, name)| name).collect())
    }

    fn import(&self, to: &Destination<'_>) -> Result<Imported, Error> {
        for file in self.files.iter().filter(|file| file.path.is_file()) {
            verify(file, to.progress)?;
        }
        let Matched { annotations: table, absent } = self.read()?;
        let bar = to.progress.bar("copy photos", table.rows.len() as u64, Unit::Files);
        for row in &table.rows {
            to.copy(&self.table.photos.join(&row.file_name), &photo_path(&row.file_name))?;
            bar.advance(1);
        }
        let labels = if table.columns.is_empty() { "none".to_owned() } else { table.columns.join(", ") };
        let rows = table.rows.len() + absent.len();
        let rows = counted(rows as u64, "row", "rows");
        let description = format!("a table of {rows}, label columns: {labels}");
        Ok(Imported { layout: Layout::Table, annotations: Some(table), description, rejected: absent })
    }
}
