//! A data set of the user's own, an annotation table: the artifact of `ingest`, and room for that of `labels`.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use marque_contracts::schema::{Dataset, Head, Layout, ingest, labels};
use marque_contracts::{Digest, Failure, Job, Silent, Stage, Summary};
use marque_formats::{
    AnnotationRow, AnnotationTable, CellValue, Column, DuplicateKind, DuplicateRow, PhotoRow, Table,
};
use marque_labels::{Labels, Settings};
use marque_settings::{Document, Reader};
use tempfile::TempDir;

/// What `ingest` would have left, and room for the output.
pub(crate) struct Bench {
    folder: TempDir,
}

impl Bench {
    pub(crate) fn new(columns: &[&str], rows: Vec<AnnotationRow>) -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        fs_err::create_dir_all(bench.input(ingest::METADATA)).unwrap();
        fs_err::create_dir_all(bench.output("")).unwrap();
        let photos: Vec<_> = rows.iter().map(|row| photo(&row.file_name)).collect();
        PhotoRow::write(&photos, &bench.input(ingest::PHOTO_TABLE)).unwrap();
        let dataset = Dataset { layout: Layout::Table, photos: rows.len() as u64 };
        fs_err::write(bench.input(ingest::DATASET), serde_json::to_vec(&dataset).unwrap()).unwrap();
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        AnnotationTable { columns, rows }.write(&bench.input(ingest::ANNOTATION_TABLE)).unwrap();
        bench.write_duplicates(&[]);
        bench
    }

    pub(crate) fn input(&self, file: &str) -> PathBuf {
        self.folder.path().join("in").join(file)
    }

    pub(crate) fn output(&self, file: &str) -> PathBuf {
        self.folder.path().join("out").join(file)
    }

    /// Groups of names, each with its kind.
    pub(crate) fn write_duplicates(&self, groups: &[(DuplicateKind, &[&str])]) {
        let row = |group: usize, kind, name: &str| DuplicateRow {
            group: group as u32,
            kind,
            file_name: name.to_owned(),
            digest: match kind {
                DuplicateKind::Identical => Digest::of_bytes(&[group as u8]),
                DuplicateKind::Near => Digest::of_bytes(name.as_bytes()),
            },
            hash: group as u64,
        };
        let rows: Vec<_> = groups
            .iter()
            .enumerate()
            .flat_map(|(group, (kind, names))| names.iter().map(move |name| row(group, *kind, name)))
            .collect();
        DuplicateRow::write(&rows, &self.input(ingest::DUPLICATE_TABLE)).unwrap();
    }

    pub(crate) fn run(&self, configuration: &str) -> Result<Summary, Failure> {
        let document = Document::parse("pipeline.toml", configuration).unwrap();
        let mut reader = Reader::new(&document);
        let settings = Settings::read(&mut reader);
        reader.finish().unwrap();
        let inputs = BTreeMap::from([(ingest::STAGE.to_owned(), self.folder.path().join("in"))]);
        Labels::new(settings).run(&Job::new(inputs, &self.output(""), &Silent))
    }

    pub(crate) fn heads(&self) -> Vec<Head> {
        serde_json::from_slice(&fs_err::read(self.output(labels::HEADS)).unwrap()).unwrap()
    }

    pub(crate) fn table(&self, table: &str) -> Table {
        Table::read(&self.output(table)).unwrap()
    }

    /// A column of a table as text, nulls as "-".
    pub(crate) fn column(&self, table: &str, name: &str) -> Vec<String> {
        let table = self.table(table);
        let column = table.column(name).expect(name);
        let or_dash = |value: Option<String>| value.unwrap_or("-".to_owned());
        match column {
            Column::Text(values) => values.iter().cloned().map(or_dash).collect(),
            Column::Integer(values) => values.iter().map(|v| or_dash(v.map(|v| v.to_string()))).collect(),
            Column::Flag(values) => values.iter().map(|v| or_dash(v.map(|v| v.to_string()))).collect(),
            Column::TextList(values) => {
                values.iter().map(|v| or_dash(v.as_ref().map(|v| format!("[{}]", v.join(","))))).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn splits(&self) -> BTreeMap<String, String> {
        let names = self.column(labels::LABEL_TABLE, "file_name");
        names.into_iter().zip(self.column(labels::LABEL_TABLE, "split")).collect()
    }
}

pub(crate) fn photo(name: &str) -> PhotoRow {
    let digest = Digest::of_bytes(name.as_bytes());
    PhotoRow { file_name: name.to_owned(), bytes: 1000, digest, width: 640, height: 480 }
}

/// A row without split, class name or box. An empty value is null.
pub(crate) fn row(name: &str, values: &[&str]) -> AnnotationRow {
    let values = values.iter().map(|value| (!value.is_empty()).then(|| CellValue::from(*value))).collect();
    AnnotationRow { file_name: name.to_owned(), values, ..AnnotationRow::default() }
}

pub(crate) fn numbered(count: usize, values: impl Fn(usize) -> Vec<&'static str>) -> Vec<AnnotationRow> {
    (0..count).map(|i| row(&format!("{i:03}.jpg"), &values(i))).collect()
}

pub(crate) const COLOUR: &str = "[[heads]]\nname = \"colour\"\nrule = \"column\"\n";
pub(crate) const TAGS: &str = "[[heads]]\nname = \"extras\"\nrule = \"column\"\nkind = \"tags\"\n";
