//! A folder with a user's files, and the stage's results from them.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::PathBuf;

use flate2::{Compression, write::GzEncoder};
use image::{ImageFormat, Rgb, RgbImage};
use marque_contracts::schema::{Dataset, Layout, ingest};
use marque_contracts::{Job, Silent, Stage, Summary};
use marque_formats::{AnnotationTable, DuplicateRow, PhotoRow, RejectedRow};
use marque_ingest::{Ingest, Settings};
use marque_settings::{Document, Reader};
use tempfile::TempDir;

/// A JPEG photo that looks different for each `number`.
pub(crate) fn photo(number: u32) -> Vec<u8> {
    encode(&picture(number, 96, 64), ImageFormat::Jpeg)
}

pub(crate) fn picture(number: u32, width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (f64::from(x) / f64::from(width), f64::from(y) / f64::from(height));
        let n = f64::from(number) + 1.0;
        let wave = |f: f64| (127.0 + 120.0 * (f * 6.3).sin()) as u8;
        Rgb([wave(x * n * 0.7 + y), wave(y * (n * 0.37 + 0.5)), wave((x - y) * n * 0.23)])
    })
}

pub(crate) fn encode(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A folder with the user's files, and what the stage made of them.
pub(crate) struct Project {
    folder: TempDir,
}

impl Project {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.folder.path().join(inside)
    }

    pub(crate) fn write(&self, inside: &str, bytes: &[u8]) -> &Self {
        let path = self.path(inside);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        self
    }

    /// The stage with `[dataset]` as given; relative paths start in this folder.
    pub(crate) fn stage(&self, dataset: &str) -> Ingest {
        let file = self.path("pipeline.toml");
        std::fs::write(&file, format!("[dataset]\n{dataset}\n")).unwrap();
        let document = Document::load(&file).unwrap();
        let mut reader = Reader::new(&document);
        let settings = reader.section("dataset", Settings::read);
        reader.finish().unwrap_or_else(|problems| panic!("{problems}"));
        Ingest::new(settings)
    }

    pub(crate) fn run(&self, dataset: &str) -> Result<Summary, String> {
        let output = self.path("output");
        let _ = std::fs::remove_dir_all(&output);
        std::fs::create_dir(&output).unwrap();
        let stage = self.stage(dataset);
        stage.sources().map_err(|e| e.to_string())?;
        let whole = |failure: marque_contracts::Failure| {
            format!("{failure}\nhint: {}", failure.hint().unwrap_or_default())
        };
        stage.run(&Job::new(BTreeMap::new(), &output, &Silent)).map_err(whole)
    }

    #[track_caller]
    pub(crate) fn succeeds(&self, dataset: &str) -> Summary {
        let summary = self.run(dataset).unwrap_or_else(|error| panic!("{error}"));
        assert!(!self.path("output/staging").exists());
        summary
    }

    #[track_caller]
    pub(crate) fn fails(&self, dataset: &str, messages: &[&str]) {
        let error = self.run(dataset).unwrap_err();
        for message in messages {
            assert!(error.contains(message), "{message:?} is not in\n{error}");
        }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let rows = PhotoRow::read(&self.path("output").join(ingest::PHOTO_TABLE)).unwrap();
        rows.into_iter().map(|row| row.file_name).collect()
    }

    pub(crate) fn layout(&self) -> Layout {
        let text = std::fs::read_to_string(self.path("output").join(ingest::DATASET)).unwrap();
        serde_json::from_str::<Dataset>(&text).unwrap().layout
    }

    pub(crate) fn annotations(&self) -> AnnotationTable {
        assert_eq!(self.layout(), Layout::Table);
        AnnotationTable::read(&self.path("output").join(ingest::ANNOTATION_TABLE)).unwrap()
    }

    pub(crate) fn duplicates(&self) -> Vec<DuplicateRow> {
        DuplicateRow::read(&self.path("output").join(ingest::DUPLICATE_TABLE)).unwrap()
    }

    pub(crate) fn rejected(&self) -> Vec<RejectedRow> {
        RejectedRow::read(&self.path("output").join(ingest::REJECTED_TABLE)).unwrap()
    }
}

pub(crate) fn tar_gz(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (name, content) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap()
}

pub(crate) fn zip_of(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A project with four photos in `photos/`.
pub(crate) fn own_photos() -> Project {
    let project = Project::new();
    for i in 0..4 {
        project.write(&format!("photos/{i}.jpg"), &photo(i));
    }
    project
}

/// The table `cars.csv` of these photos.
pub(crate) const TABLE: &str = "source = \"table\"\ntable = \"cars.csv\"\npath = \"photos\"";

/// Photos of the folder `cars/`, by class.
pub(crate) const FOLDERS: &str = "source = \"folders\"\npath = \"cars\"";
