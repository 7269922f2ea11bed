//! `labels.parquet`: a row per photo with everything known about it, sorted by name.
//!
//! For each head there is a text column with the class (`brand`) and an int64 column with its id (`brand_id`); both are
//! null where the label is not known. A head with tags has a column of lists of text and one of lists of int64 instead:
//! null where the label is not known, empty where the photo is known to have no tags. After these come the data set's
//! own label columns, as text or lists of text. The schema carries the class names in the form that Hugging Face `datasets` reads as
//! `ClassLabel`, for tags `Sequence(ClassLabel)`: a JSON text under the key `huggingface` of the Arrow schema's metadata
//! (see `Features.arrow_schema` in that library).

use std::path::Path;

use marque_contracts::Digest;
use marque_contracts::schema::{Head, HeadKind, Label, Split};
use serde_json::{Map, Value, json};

use crate::crops::{Crop, SIDES, read_crops, with_crops};
use crate::table::{Column, Columns, Table};
use crate::{CellValue, Error};

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
    /// A label per head, in the order of [`LabelTable::heads`].
    pub labels: Vec<Label>,
}

/// The table.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LabelTable {
    /// The heads, in order; of these the table holds names and classes.
    pub heads: Vec<Head>,
    /// A row per photo.
    pub rows: Vec<LabelRow>,
    /// The data set's own label columns: name, and a value per row.
    pub columns: Vec<(String, Vec<Option<CellValue>>)>,
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
        SIDES[0],
        SIDES[1],
        SIDES[2],
        SIDES[3],
        "width",
        "height",
        DIGEST,
    ];

    /// Writes the table: names of classes of the single-label heads, of the multi-label heads, the fixed columns, class
    /// ids in the same order, the data set's own columns.
    ///
    /// # Errors
    /// If a row's labels do not fit the heads, a column has more or fewer values than there are rows, or the file
    /// cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let rows = &self.rows;
        let text = |pick: fn(&LabelRow) -> &Option<String>| {
            Column::Text(rows.iter().map(|row| pick(row).clone()).collect())
        };
        let mut table = Table::new()
            .with_text("file_name", rows.iter().map(|row| row.file_name.as_str()))
            .with_text("split", rows.iter().map(|row| row.split.as_str()));
        let mut ids = Vec::with_capacity(self.heads.len());
        for kind in [HeadKind::Single, HeadKind::Tags] {
            for (position, head) in self.heads.iter().enumerate().filter(|(_, head)| head.kind == kind) {
                let (names, id) = self.label_columns(position, head, path)?;
                table = table.with(&head.name, names);
                ids.push((id_column(head), id));
            }
        }
        table = table
            .with("class_name", text(|row| &row.class_name))
            .with("make", text(|row| &row.make))
            .with("model", text(|row| &row.model))
            .with("body", text(|row| &row.body))
            .with("year", Column::Integer(rows.iter().map(|row| row.year).collect()));
        table = with_crops(table, SIDES, rows.iter().map(|row| row.crop))
            .with_integers("width", rows.iter().map(|row| row.width))
            .with_integers("height", rows.iter().map(|row| row.height))
            .with_text(DIGEST, rows.iter().map(|row| row.digest.to_string()));
        for (name, column) in ids {
            table = table.with(&name, column);
        }
        for (name, values) in &self.columns {
            table = table.with(name, CellValue::column(values.iter().cloned()));
        }
        let features = self.features(&table);
        table.with_metadata("huggingface", features).write(path)
    }

    /// The columns of class names and of class ids of a head.
    fn label_columns(&self, position: usize, head: &Head, path: &Path) -> Result<(Column, Column), Error> {
        let mut labels = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            let label = row.labels.get(position);
            let label = label.ok_or_else(|| Error::column(path, &head.name, "has no value for a row"))?;
            check_ids(label.ids().iter().map(|id| *id as i64), head, &head.name, path)?;
            labels.push(label);
        }
        let name = |id: &usize| head.classes[*id].clone();
        Ok(match head.kind {
            HeadKind::Single => {
                let classes = labels.iter().map(|label| label.class());
                let names = classes.clone().map(|class| class.as_ref().map(name)).collect();
                (Column::Text(names), Column::Integer(classes.map(|id| id.map(|id| id as i64)).collect()))
            }
            HeadKind::Tags => {
                let tags = labels.iter().map(|label| label.tags());
                let names = tags.clone().map(|tags| tags.map(|ids| ids.iter().map(name).collect()));
                let ids = tags.map(|tags| tags.map(|ids| ids.iter().map(|id| *id as i64).collect()));
                (Column::TextList(names.collect()), Column::IntegerList(ids.collect()))
            }
        })
    }

    /// Reads the table with the labels of these heads, the file once for all of them.
    ///
    /// # Errors
    /// If the file is not such a table, or an id is not one of the classes.
    pub fn read(path: &Path, heads: &[Head]) -> Result<Self, Error> {
        let table = Table::read(path)?;
        let columns = Columns { table: &table, path };
        let names = columns.text("file_name")?;
        let splits = columns.parsed("split", Split::parse)?;
        let texts = ["class_name", "make", "model", "body"].map(|name| columns.optional_text(name));
        let [class_names, makes, models, bodies] = texts;
        let (class_names, makes, models, bodies) = (class_names?, makes?, models?, bodies?);
        let years = columns.optional_integers("year")?;
        let crops = read_crops(&columns, SIDES)?;
        let (widths, heights) = (columns.integers::<u32>("width")?, columns.integers::<u32>("height")?);
        let digests = columns.parsed(DIGEST, |text| text.parse().ok())?;
        let mut labels = vec![Vec::with_capacity(heads.len()); table.rows()];
        for head in heads {
            let of_head = read_labels(&columns, head)?;
            labels.iter_mut().zip(of_head).for_each(|(labels, label)| labels.push(label));
        }
        let row = |(i, labels): (usize, Vec<Label>)| LabelRow {
            file_name: names[i].to_owned(),
            split: splits[i],
            class_name: class_names[i].clone(),
            make: makes[i].clone(),
            model: models[i].clone(),
            body: bodies[i].clone(),
            year: years[i],
            crop: crops[i],
            width: widths[i],
            height: heights[i],
            digest: digests[i],
            labels,
        };
        let rows = labels.into_iter().enumerate().map(row).collect();
        Ok(Self { heads: heads.to_vec(), rows, columns: own_columns(&table) })
    }

    /// The `features` of Hugging Face `datasets`, as JSON.
    fn features(&self, table: &Table) -> String {
        let value = |dtype: &str| json!({"dtype": dtype, "_type": "Value"});
        let sequence = |feature: Value| json!({"feature": feature, "_type": "Sequence"});
        let mut features = Map::new();
        for (name, column) in table.columns() {
            let feature = match column {
                Column::TextList(_) => sequence(value("string")),
                Column::IntegerList(_) => sequence(value("int64")),
                _ => value(column.type_name()),
            };
            features.insert(name.clone(), feature);
        }
        for head in &self.heads {
            let classes = json!({"names": head.classes, "_type": "ClassLabel"});
            let feature = match head.kind {
                HeadKind::Single => classes,
                HeadKind::Tags => sequence(classes),
            };
            features.insert(id_column(head), feature);
        }
        json!({"info": {"features": Value::Object(features)}}).to_string()
    }
}

/// The last of the fixed columns; class ids and the data set's own columns follow.
const DIGEST: &str = "digest";

fn id_column(head: &Head) -> String {
    format!("{}_id", head.name)
}

fn read_labels(columns: &Columns<'_>, head: &Head) -> Result<Vec<Label>, Error> {
    let column = id_column(head);
    Ok(match head.kind {
        HeadKind::Single => {
            let ids = columns.optional_integers(&column)?;
            check_ids(ids.iter().flatten().copied(), head, &column, columns.path)?;
            ids.iter().map(|id| Label::from(id.map(|id| id as usize))).collect()
        }
        HeadKind::Tags => {
            let lists = columns.integer_lists(&column)?;
            check_ids(lists.iter().flatten().flatten().copied(), head, &column, columns.path)?;
            let ids = |list: &Vec<i64>| list.iter().map(|id| *id as usize).collect::<Vec<_>>();
            lists.iter().map(|list| Label::from(list.as_ref().map(ids))).collect()
        }
    })
}

/// The data set's own label columns: texts, and lists of them, after the fixed columns.
fn own_columns(table: &Table) -> Vec<(String, Vec<Option<CellValue>>)> {
    let after = table.columns().iter().skip_while(|(name, _)| name != DIGEST).skip(1);
    after.filter_map(|(name, column)| Some((name.clone(), CellValue::of_column(column)?))).collect()
}

fn check_ids(ids: impl Iterator<Item = i64>, head: &Head, column: &str, path: &Path) -> Result<(), Error> {
    let classes = head.classes.len();
    let is_class = |id: &i64| usize::try_from(*id).is_ok_and(|id| id < classes);
    match ids.into_iter().find(|id| !is_class(id)) {
        Some(id) => Err(Error::column(path, column, format!("has id {id}, but there are {classes} classes"))),
        None => Ok(()),
    }
}
