//! A table of the user's own, CSV or Parquet, with a row per photo: its file name and its labels.

mod csv_rows;
mod normalised_names;
mod parquet_rows;

use std::collections::{BTreeMap, BTreeSet};

use marque_contracts::counts::counted;
use marque_contracts::schema::{Layout, MODEL_YEARS};
use marque_contracts::{Digest, Progress, Unit};
use marque_formats::{AnnotationRow, AnnotationTable, Crop, RejectedRow};
use normalised_names::NormalisedNames;
use rayon::prelude::*;

use super::{Destination, Imported, Source, photo_path, split_words};
use crate::distribution::Distribution;
use crate::expected_file::ExpectedFile;
use crate::settings::Table;
use crate::source_folder::SourceFolder;
use crate::verify::verify;
use crate::warnings::warn_once;
use crate::{Error, digests};

/// Columns of a box: pixels counted from 0, the ends excluded.
const BOX: [&str; 4] = ["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2"];

/// Columns of the label table that an own column of the same name does not replace.
const NOT_SHOWN: [&str; 7] = ["x1", "y1", "x2", "y2", "width", "height", "digest"];

pub(super) struct TableSource<'a> {
    pub(super) table: &'a Table,
    pub(super) files: &'a [ExpectedFile],
}

/// A table as it was read: all text, nulls where cells are empty.
struct RawTable {
    columns: Vec<String>,
    /// For each row, where it is ("line 7") and its cells.
    rows: Vec<(String, Vec<Option<String>>)>,
    /// What is wrong with single rows.
    problems: Vec<String>,
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
            let filled = self.rows.iter().find_map(|(place, cells)| Some((place, cells.get(i)?.as_deref()?)));
            match filled {
                None => {}
                Some(_) if i == 0 || name == "__index_level_0__" => {
                    warn_once(
                        "a column without a name is left out: it is taken for the index of pandas".to_owned(),
                    );
                }
                Some(_) if numbered => continue,
                Some((place, cell)) => {
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
        let distributions = Distribution::all(self.files);
        if !distributions.is_empty() && !distributions.iter().any(Distribution::is_complete) {
            return Err(Error::Missing { distributions, offline: false, partial_copy: None });
        }
        let path = &self.table.table;
        if !path.is_file() {
            return Err(self.wrong("there is no such file"));
        }
        let photos = &self.table.photos;
        // The table's own folder may be named by nothing at all.
        if !photos.as_os_str().is_empty() && !photos.is_dir() {
            let reason = "there is no such folder, in which the file names of the table would start";
            return Err(Error::Layout {
                path: photos.clone(),
                wanted: "a folder of photos",
                reason: reason.to_owned(),
            });
        }
        let parquet = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("parquet"));
        let raw = if parquet { parquet_rows::read(path)? } else { csv_rows::read(path)? };
        self.annotations(raw)
    }

    fn wrong(&self, reason: impl Into<String>) -> Error {
        let wanted = "a table with a row per photo";
        Error::Layout { path: self.table.table.clone(), wanted, reason: reason.into() }
    }

    /// Checks every row; all that is wrong is reported together.
    fn annotations(&self, raw: RawTable) -> Result<Matched, Error> {
        if raw.columns.is_empty() && !raw.problems.is_empty() {
            return Err(Error::Rows { table: self.table.table.clone(), problems: raw.problems });
        }
        let columns = self.columns(&raw)?;
        let mut problems = raw.problems;
        let mut rows = Vec::with_capacity(raw.rows.len());
        let mut taken: BTreeMap<String, String> = BTreeMap::new();
        for (place, cells) in raw.rows {
            match columns.row(&cells) {
                Err(reason) => problems.push(format!("{place}: {reason}")),
                Ok(row) => match taken.insert(row.file_name.clone(), place.clone()) {
                    Some(before) => {
                        problems.push(format!("{place}: {} is in {before} already", row.file_name))
                    }
                    None => rows.push((place, row)),
                },
            }
        }
        if !problems.is_empty() {
            return Err(Error::Rows { table: self.table.table.clone(), problems });
        }
        if rows.is_empty() {
            return Err(self.wrong("there is no row in it"));
        }
        let absent = self.absent(&rows);
        let missing: BTreeSet<_> = absent.iter().map(|row| row.file_name.as_str()).collect();
        let there =
            rows.into_iter().map(|(_, row)| row).filter(|row| !missing.contains(row.file_name.as_str()));
        let mut rows: Vec<_> = there.collect();
        rows.sort_by(|a, b| a.file_name.cmp(&b.file_name));
        let mut annotations =
            AnnotationTable { columns: columns.labels.into_iter().map(|(_, name)| name).collect(), rows };
        whole_numbers(&mut annotations);
        Ok(Matched { annotations, absent })
    }

    fn columns(&self, raw: &RawTable) -> Result<Columns, Error> {
        let names = &raw.columns;
        let unnamed = raw.unnamed().map_err(|reason| self.wrong(reason))?;
        let shown = || {
            let named = (0..names.len()).filter(|i| !unnamed.contains(i)).map(|i| names[i].as_str());
            named.collect::<Vec<_>>().join(", ")
        };
        let mut seen = BTreeSet::new();
        for (_, name) in names.iter().enumerate().filter(|(i, _)| !unnamed.contains(i)) {
            if !seen.insert(name) {
                return Err(self.wrong(format!("the column {name} is there twice")));
            }
        }
        let position = |wanted: &str| names.iter().position(|name| name == wanted);
        let file_column = &self.table.file_column;
        let Some(file) = position(file_column) else {
            let one = if names.len() == 1 {
                " (what stands between columns: commas, semicolons or tabs)"
            } else {
                ""
            };
            let reason = format!(
                "there is no column {file_column}; columns: {}{one}. dataset.file_column says which column holds the file names",
                shown()
            );
            return Err(self.wrong(reason));
        };
        let sides = BOX.map(position);
        let sides = match (sides.iter().flatten().count(), sides) {
            (0, _) => None,
            (_, [Some(x1), Some(y1), Some(x2), Some(y2)]) => Some([x1, y1, x2, y2]),
            _ => return Err(self.wrong(format!("a box takes all of the columns {}", BOX.join(", ")))),
        };
        let fixed = |i: usize| {
            i == file || unnamed.contains(&i) || AnnotationTable::FIXED_COLUMNS.contains(&names[i].as_str())
        };
        let labels: Vec<_> = (0..names.len()).filter(|i| !fixed(*i)).map(|i| (i, names[i].clone())).collect();
        for (_, name) in labels.iter().filter(|(_, name)| NOT_SHOWN.contains(&name.as_str())) {
            warn_once(format!(
                "the column {name} can be used by heads, but is not in the label table, which has one of its own of \
                 this name{}",
                if name.len() == 2 { "; a box is bbox_x1, bbox_y1, bbox_x2, bbox_y2" } else { "" }
            ));
        }
        Ok(Columns {
            file,
            split: position("split"),
            class: position("class_name"),
            year: position("year"),
            sides,
            labels,
        })
    }

    /// Rows whose photos are not there.
    fn absent(&self, rows: &[(String, AnnotationRow)]) -> Vec<RejectedRow> {
        let folder = SourceFolder(&self.table.photos);
        let mut absent: Vec<_> =
            rows.par_iter().filter(|(_, row)| !folder.contains(&row.file_name)).collect();
        absent.sort_by(|(_, a), (_, b)| a.file_name.cmp(&b.file_name));
        let names = match absent.is_empty() {
            true => NormalisedNames::default(),
            false => NormalisedNames::below(&self.table.photos),
        };
        let rejected = |(place, row): &(String, AnnotationRow)| {
            let similar = names.of(&row.file_name).map_or_else(String::new, |name| {
                format!(", but there is {name}, which differs in letter case or in the form of its accents")
            });
            RejectedRow {
                reason: format!(
                    "{place}: there is no photo {}{similar}",
                    folder.path(&row.file_name).display()
                ),
                file_name: row.file_name.clone(),
            }
        };
        absent.into_iter().map(rejected).collect()
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
    fn row(&self, cells: &[Option<String>]) -> Result<AnnotationRow, String> {
        let cell = |i: usize| cells.get(i).and_then(Option::as_deref);
        let name = cell(self.file).ok_or("there is no file name")?;
        let file_name = below(name).ok_or_else(|| {
            format!("{name} does not lie below the folder of photos: file names start there, without `..`")
        })?;
        let split = self.split.and_then(cell);
        let split = split.map(|word| split_words::parse(word).ok_or_else(|| split_words::unknown(word)));
        // `labels` reads years; here line and file are known.
        if let Some(text) = self.year.and_then(cell) {
            let year = text.strip_suffix(".0").unwrap_or(text).parse().ok();
            if year.is_none_or(|year: i64| !MODEL_YEARS.contains(&year)) {
                let (first, last) = (MODEL_YEARS.start(), MODEL_YEARS.end());
                return Err(format!("the year {text:?} is not a number from {first} to {last}"));
            }
        }
        Ok(AnnotationRow {
            file_name,
            split: split.transpose()?,
            class_name: self.class.and_then(cell).map(str::to_owned),
            crop: self.crop(cell)?,
            values: self.labels.iter().map(|(i, _)| cell(*i).map(str::to_owned)).collect(),
        })
    }

    fn crop<'a>(&self, cell: impl Fn(usize) -> Option<&'a str>) -> Result<Option<Crop>, String> {
        let Some(positions) = self.sides else { return Ok(None) };
        let cells = positions.map(cell);
        if cells.iter().all(Option::is_none) {
            return Ok(None);
        }
        let mut sides = [0; 4];
        for ((side, cell), name) in sides.iter_mut().zip(cells).zip(BOX) {
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
        let decimals = |text: &str| {
            let digits = text.strip_suffix(".0")?;
            let number = digits.strip_prefix('-').unwrap_or(digits);
            (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then(|| digits.to_owned())
        };
        let some_empty = cells().any(Option::is_none);
        if !some_empty || !cells().flatten().all(|text| decimals(text).is_some()) {
            continue;
        }
        for cell in table.rows.iter_mut().filter_map(|row| row.values.get_mut(column)) {
            *cell = cell.as_deref().and_then(decimals);
        }
    }
}

/// A file name of the user's as a path below the folder of photos; `None` if it leads elsewhere.
fn below(name: &str) -> Option<String> {
    let name = name.replace('\\', "/");
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "." => {}
            "" | ".." => return None,
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
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
