//! `labels.parquet`: a row per photo with everything known about it, sorted by name.
//!
//! For each head there is a text column with the class (`brand`) and an int64 column with its id
//! (`brand_id`); both are null where the label is not known. A head with tags, several classes a photo or
//! none, has a column of lists of text and one of lists of int64: null where nothing is known, empty where
//! the photo is known to have none. After these come the data set's own label columns, as text. The schema carries the class names in the form
//! that Hugging Face `datasets` reads as `ClassLabel`, for tags `Sequence(ClassLabel)`: a JSON text under the key `huggingface` of the Arrow
//! schema's metadata (see `Features.arrow_schema` in that library).

use std::path::Path;

use marque_contracts::Digest;
use marque_contracts::schema::Split;
use serde_json::{Map, Value, json};

use crate::Error;
use crate::crops::{Crop, read_crops, with_crops};
use crate::frame::{Column, Columns, Frame};

/// One photo.
#[derive(Clone, PartialEq, Debug)]
pub struct LabelRow {
    /// Name of the photo.
    pub file_name: String,
    /// Which part of the data it belongs to.
    pub split: Split,
    /// Class name as published: "BMW X5 SUV 2007".
    pub class_name: Option<String>,
    /// Make: "BMW".
    pub make: Option<String>,
    /// Model: "X5".
    pub model: Option<String>,
    /// Body: "SUV".
    pub body: Option<String>,
    /// Model year.
    pub year: Option<i64>,
    /// Box of the car.
    pub crop: Option<Crop>,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Digest of the file.
    pub digest: Digest,
    /// Class id per head, in the order of [`LabelTable::heads`]; `None` where it is not known.
    pub labels: Vec<Option<i64>>,
}

/// The table.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LabelTable {
    /// Name and classes of each head, in order.
    pub heads: Vec<(String, Vec<String>)>,
    /// A row per photo.
    pub rows: Vec<LabelRow>,
}

/// A head with tags: several classes per photo, or none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TagColumn {
    /// Name of the head.
    pub name: String,
    /// Its classes; the position is the class id.
    pub classes: Vec<String>,
    /// Class ids of each photo, ascending, in the order of the table's rows; `None` where it is not known.
    pub rows: Vec<Option<Vec<i64>>>,
}

impl TagColumn {
    /// Reads the tags of the head `name` from a label table.
    ///
    /// # Errors
    /// If the table has no such head with tags, or an id is not one of the classes.
    pub fn read(path: &Path, name: &str, classes: &[String]) -> Result<Self, Error> {
        let frame = Frame::read(path)?;
        let column = format!("{name}_id");
        let rows = Columns { frame: &frame, path }.integer_lists(&column)?.to_vec();
        for id in rows.iter().flatten().flatten() {
            check_id(Some(*id), classes.len(), &column, path)?;
        }
        Ok(Self { name: name.to_owned(), classes: classes.to_vec(), rows })
    }

    /// The columns of names and of ids.
    fn columns(&self, path: &Path) -> Result<(Column, Column), Error> {
        for id in self.rows.iter().flatten().flatten() {
            check_id(Some(*id), self.classes.len(), &self.name, path)?;
        }
        let name = |id: &i64| self.classes.get(usize::try_from(*id).ok()?).cloned();
        let names = |ids: &Vec<i64>| ids.iter().filter_map(name).collect();
        let names = self.rows.iter().map(|ids| ids.as_ref().map(names)).collect();
        Ok((Column::TextList(names), Column::IntegerList(self.rows.clone())))
    }
}

/// What a label table can have beside the columns of [`LabelTable`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LabelExtras {
    /// Heads with tags, in order.
    pub tags: Vec<TagColumn>,
    /// The data set's own label columns: name, and a value per row of the table.
    pub columns: Vec<(String, Vec<Option<String>>)>,
}

impl LabelTable {
    /// Columns that every label table has; no head may take one of these names.
    pub const FIXED_COLUMNS: [&str; 14] = [
        "file_name",
        "split",
        "class_name",
        "make",
        "model",
        "body",
        "year",
        "x1",
        "y1",
        "x2",
        "y2",
        "width",
        "height",
        "digest",
    ];

    /// Writes the table.
    ///
    /// # Errors
    /// If a row's labels do not fit the heads, or the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        self.write_with(&LabelExtras::default(), path)
    }

    /// Writes the table with heads with tags and columns of the data set's own.
    ///
    /// # Errors
    /// If a row's labels do not fit the heads, the extras do not fit the rows, or the file cannot be written.
    pub fn write_with(&self, extras: &LabelExtras, path: &Path) -> Result<(), Error> {
        let rows = &self.rows;
        let text = |pick: fn(&LabelRow) -> &Option<String>| {
            Column::Text(rows.iter().map(|row| pick(row).clone()).collect())
        };
        let mut frame = Frame::new()
            .with_text("file_name", rows.iter().map(|row| row.file_name.as_str()))
            .with_text("split", rows.iter().map(|row| row.split.as_str()));
        let mut ids = Vec::with_capacity(self.heads.len());
        for (position, (name, classes)) in self.heads.iter().enumerate() {
            let column = self.ids(position, classes.len(), name, path)?;
            let class = |id: &Option<i64>| id.and_then(|id| classes.get(usize::try_from(id).ok()?).cloned());
            frame = frame.with(name, Column::Text(column.iter().map(class).collect()));
            ids.push((format!("{name}_id"), Column::Integer(column)));
        }
        for head in &extras.tags {
            let (names, column) = head.columns(path)?;
            frame = frame.with(&head.name, names);
            ids.push((format!("{}_id", head.name), column));
        }
        frame = frame
            .with("class_name", text(|row| &row.class_name))
            .with("make", text(|row| &row.make))
            .with("model", text(|row| &row.model))
            .with("body", text(|row| &row.body))
            .with("year", Column::Integer(rows.iter().map(|row| row.year).collect()));
        frame = with_crops(frame, rows.iter().map(|row| row.crop))
            .with_integers("width", rows.iter().map(|row| row.width))
            .with_integers("height", rows.iter().map(|row| row.height))
            .with_text("digest", rows.iter().map(|row| row.digest.to_string()));
        for (name, column) in ids {
            frame = frame.with(&name, column);
        }
        for (name, values) in &extras.columns {
            frame = frame.with(name, Column::Text(values.clone()));
        }
        let features = self.features(&extras.tags, &frame);
        frame.with_metadata("huggingface", features).write(path)
    }

    /// Reads the table with the columns of the named heads.
    ///
    /// # Errors
    /// If the file is not such a table, or an id is not one of the classes.
    pub fn read(path: &Path, heads: &[(String, Vec<String>)]) -> Result<Self, Error> {
        let frame = Frame::read(path)?;
        let columns = Columns { frame: &frame, path };
        let names = columns.text("file_name")?;
        let splits = columns.text("split")?;
        let texts = ["class_name", "make", "model", "body"].map(|name| columns.optional_text(name));
        let [class_names, makes, models, bodies] = texts;
        let (class_names, makes, models, bodies) = (class_names?, makes?, models?, bodies?);
        let years = columns.optional_integers("year")?;
        let crops = read_crops(&columns)?;
        let (widths, heights) = (columns.integers::<u32>("width")?, columns.integers::<u32>("height")?);
        let digests = columns.text("digest")?;
        let mut labels = vec![Vec::with_capacity(heads.len()); frame.rows()];
        for (name, classes) in heads {
            let column = format!("{name}_id");
            for (row, id) in labels.iter_mut().zip(columns.optional_integers(&column)?) {
                check_id(*id, classes.len(), &column, path)?;
                row.push(*id);
            }
        }
        let mut rows = Vec::with_capacity(frame.rows());
        for (i, labels) in labels.into_iter().enumerate() {
            let split = Split::parse(splits[i])
                .ok_or_else(|| Error::column(path, "split", format!("has {:?}: no such split", splits[i])))?;
            let digest = digests[i]
                .parse()
                .map_err(|reason| Error::column(path, "digest", format!("has {reason}")))?;
            rows.push(LabelRow {
                file_name: names[i].to_owned(),
                split,
                class_name: class_names[i].clone(),
                make: makes[i].clone(),
                model: models[i].clone(),
                body: bodies[i].clone(),
                year: years[i],
                crop: crops[i],
                width: widths[i],
                height: heights[i],
                digest,
                labels,
            });
        }
        Ok(Self { heads: heads.to_vec(), rows })
    }

    fn ids(
        &self,
        position: usize,
        classes: usize,
        name: &str,
        path: &Path,
    ) -> Result<Vec<Option<i64>>, Error> {
        self.rows
            .iter()
            .map(|row| {
                let id = row
                    .labels
                    .get(position)
                    .copied()
                    .ok_or_else(|| Error::column(path, name, "has no value for a row"))?;
                check_id(id, classes, name, path)?;
                Ok(id)
            })
            .collect()
    }

    fn features(&self, tags: &[TagColumn], frame: &Frame) -> String {
        let value = |dtype: &str| json!({"dtype": dtype, "_type": "Value"});
        let sequence = |feature: Value| json!({"feature": feature, "_type": "Sequence"});
        let class_label = |classes: &[String]| json!({"names": classes, "_type": "ClassLabel"});
        let mut features = Map::new();
        for (name, column) in frame.columns() {
            let feature = match column {
                Column::TextList(_) => sequence(value("string")),
                Column::IntegerList(_) => sequence(value("int64")),
                _ => value(column.type_name()),
            };
            features.insert(name.clone(), feature);
        }
        for (name, classes) in &self.heads {
            features.insert(format!("{name}_id"), class_label(classes));
        }
        for head in tags {
            features.insert(format!("{}_id", head.name), sequence(class_label(&head.classes)));
        }
        json!({"info": {"features": Value::Object(features)}}).to_string()
    }
}

fn check_id(id: Option<i64>, classes: usize, column: &str, path: &Path) -> Result<(), Error> {
    match id {
        Some(id) if usize::try_from(id).map_or(true, |id| id >= classes) => {
            Err(Error::column(path, column, format!("has id {id}, but there are {classes} classes")))
        }
        _ => Ok(()),
    }
}
