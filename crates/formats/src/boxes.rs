//! `boxes.parquet`: where in each photo its box is, in shares of its sides.

use std::path::Path;

use marque_contracts::schema::Rectangle;

use crate::Error;
use crate::table::{Column, Columns, Table};

const EDGES: [&str; 4] = ["left", "top", "right", "bottom"];

/// Where the box of a photo is.
#[derive(Clone, PartialEq, Debug)]
pub struct BoxRow {
    /// Name of the photo.
    pub file_name: String,
    /// The box; `None` if the photo has none.
    pub rectangle: Option<Rectangle>,
}

impl BoxRow {
    /// Writes the table.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(rows: &[Self], path: &Path) -> Result<(), Error> {
        let table = Table::new().with_text("file_name", rows.iter().map(|row| row.file_name.as_str()));
        let edge = |edge: usize| rows.iter().map(move |row| Some(row.rectangle?.edges()[edge])).collect();
        let table = (0..4).fold(table, |table, i| table.with(EDGES[i], Column::Number(edge(i))));
        table.write(path)
    }

    /// Reads the table.
    ///
    /// # Errors
    /// If the file is not such a table.
    pub fn read(path: &Path) -> Result<Vec<Self>, Error> {
        let table = Table::read(path)?;
        let columns = Columns { table: &table, path };
        let names = columns.text("file_name")?;
        let [left, top, right, bottom] = EDGES.map(|edge| columns.optional_numbers(edge));
        let (left, top, right, bottom) = (left?, top?, right?, bottom?);
        let rectangle =
            |i: usize| Some(Rectangle { left: left[i]?, top: top[i]?, right: right[i]?, bottom: bottom[i]? });
        let rows = names.into_iter().enumerate();
        Ok(rows.map(|(i, name)| Self { file_name: name.to_owned(), rectangle: rectangle(i) }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("boxes.parquet");
        let rectangle = Rectangle { left: 0.1, top: 0.25, right: 0.75, bottom: 1.0 };
        let row = |name: &str, rectangle| BoxRow { file_name: name.to_owned(), rectangle };
        let rows = [row("a.jpg", Some(rectangle)), row("b.jpg", None)];
        BoxRow::write(&rows, &path).unwrap();
        assert_eq!(BoxRow::read(&path).unwrap(), rows);
    }
}
