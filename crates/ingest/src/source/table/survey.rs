//! Which column of a table names the photos, and the folder in which these names start.

use std::cmp::Reverse;
use std::path::Path;

use marque_formats::{AnnotationTable, CellValue, RejectedRow};

use super::{Matched, RawTable, TableSource};
use crate::Error;
use crate::settings::Table;

/// A table whose file names were found.
pub(in crate::source) struct Surveyed {
    pub(in crate::source) table: Table,
    /// The rows whose photos are there.
    pub(in crate::source) annotations: AnnotationTable,
    /// The others.
    pub(in crate::source) absent: Vec<RejectedRow>,
}

/// Rows that are looked at to find the column.
const ROWS: usize = 1000;

/// Names of columns that are likely to hold file names, the likeliest first.
const LIKELY: [&str; 10] =
    ["file_name", "filename", "file", "path", "image", "photo", "image_path", "img", "picture", "name"];

/// Reads a table whose photos are below a folder, or beside the table.
pub(in crate::source) fn survey(path: &Path, photos: &Path) -> Result<Surveyed, Error> {
    let table = |file_column: String, photos: &Path| Table {
        table: path.to_owned(),
        photos: photos.to_owned(),
        file_column,
    };
    let unknown = table(String::new(), photos);
    let raw = TableSource { table: &unknown, files: &[] }.raw()?;
    let beside = path.parent().unwrap_or(Path::new(""));
    let above = photos.parent().unwrap_or(Path::new(""));
    let Some((file_column, folder)) = find(&raw, &[photos, beside, above]) else {
        return Err(TableSource { table: &unknown, files: &[] }.wrong(none_found(&raw, photos)));
    };
    let table = table(file_column, folder);
    let Matched { annotations, absent } = TableSource { table: &table, files: &[] }.read()?;
    Ok(Surveyed { table, annotations, absent })
}

/// How good a column is: rows that have a file, then the folder, then the column's name.
type Rank = (usize, Reverse<usize>, Reverse<usize>);

/// The column and the folder by which most rows have a file; of equal ones the likeliest name and the first folder.
fn find<'a>(raw: &RawTable, folders: &[&'a Path]) -> Option<(String, &'a Path)> {
    let step = raw.rows.len().div_ceil(ROWS).max(1);
    let mut best: Option<(Rank, String, &'a Path)> = None;
    for (folder_rank, folder) in folders.iter().enumerate() {
        for (column, name) in raw.columns.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
            let is_there = |name: &str| !name.is_empty() && folder.join(name.replace('\\', "/")).is_file();
            let rows = raw.rows.iter().step_by(step);
            let hits = rows.filter(|(_, cells)| text(cells, column).is_some_and(is_there)).count();
            let likely = LIKELY.iter().position(|known| known.eq_ignore_ascii_case(name));
            let rank = (hits, Reverse(folder_rank), Reverse(likely.unwrap_or(LIKELY.len())));
            if hits > 0 && best.as_ref().is_none_or(|(before, ..)| rank > *before) {
                best = Some((rank, name.clone(), *folder));
            }
        }
    }
    best.map(|(_, column, folder)| (column, folder))
}

/// The text in a row's cell.
fn text(cells: &[Option<CellValue>], column: usize) -> Option<&str> {
    match cells.get(column)?.as_ref()? {
        CellValue::Text(text) => Some(text),
        CellValue::List(_) => None,
    }
}

fn none_found(raw: &RawTable, photos: &Path) -> String {
    let named: Vec<_> = raw.columns.iter().filter(|name| !name.is_empty()).map(String::as_str).collect();
    let first = raw.rows.first().map(|(_, cells)| {
        let cells: Vec<_> = cells.iter().flatten().map(|cell| cell.texts().join(" ")).collect();
        format!("; its first row is {}", cells.join(", "))
    });
    let folder = if photos.as_os_str().is_empty() { Path::new(".") } else { photos };
    format!(
        "none of its columns names files below {} (columns: {}{}); a file's name is its path from there on, with its \
         ending",
        folder.display(),
        named.join(", "),
        first.unwrap_or_default()
    )
}
