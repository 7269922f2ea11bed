//! What changes the result, and which settings are refused.

use marque_contracts::Stage;
use marque_ingest::Settings;
use marque_settings::{Document, Reader};

use crate::project::{Project, TABLE, own_photos, photo};

#[test]
fn the_same_files_give_the_same_bytes_and_other_files_other_sources() {
    let project = own_photos();
    project.write("cars.csv", b"file_name,colour\n0.jpg,red\n1.jpg,\n");
    project.succeeds(TABLE);
    let content = |project: &Project| {
        let names = [
            "photos.parquet",
            "duplicates.parquet",
            "rejected.parquet",
            "metadata/table.parquet",
            "dataset.json",
        ];
        names.map(|name| std::fs::read(project.path("output").join(name)).unwrap())
    };
    let before = content(&project);
    project.succeeds(TABLE);
    assert_eq!(content(&project), before);
    let sources = || project.stage(TABLE).sources().unwrap();
    let unchanged = sources();
    assert_eq!(sources(), unchanged);
    project.write("photos/2.jpg", b"not in the table");
    assert_eq!(sources(), unchanged);
    project.write("photos/1.jpg", &photo(9));
    assert_ne!(sources(), unchanged);
    let settings = |dataset: &str| Stage::settings(&project.stage(dataset));
    let elsewhere = TABLE.replace("photos", "elsewhere");
    assert_eq!(settings(TABLE), settings(&elsewhere), "paths are no settings");
    assert_ne!(settings(TABLE), settings(&format!("{TABLE}\nmax_rejected = 0.0")));
}

#[test]
fn settings_that_cannot_work_are_named_with_what_is_allowed() {
    let problems = |dataset: &str| {
        let document = Document::parse("p.toml", &format!("[dataset]\n{dataset}")).unwrap();
        let mut reader = Reader::new(&document);
        Settings::read(&mut reader);
        reader.finish().unwrap_err().to_string()
    };
    let cases = [
        (
            "source = \"kaggle\"",
            "must be one of \"sample\", \"published\", \"hugging-face\", \"folders\", \"table\"",
        ),
        ("source = \"published\"", "dataset.path: a published data set needs the folder"),
        ("source = \"hugging-face\"", "dataset.path: source = \"hugging-face\" needs the folder"),
        ("source = \"folders\"", "dataset.path: source = \"folders\" needs the folder"),
        ("source = \"table\"", "dataset.table: source = \"table\" needs a CSV or Parquet file"),
        ("max_rejected = 2", "dataset.max_rejected = 2: must be a number from 0 to 1"),
        ("tabel = \"x\"", "dataset.tabel is not a known key; did you mean `table`?"),
        (
            "[[dataset.files]]\nname = \"a\"\n[[dataset.files]]\nname = \"a\"\nbytes = 3",
            "dataset.files.1.name: \"a\" is there twice: each file once",
        ),
        ("[[dataset.files]]\nname = \"a/b\"", "dataset.files.0.name: must be a file name without a folder"),
        ("[[dataset.files]]\nname = \"a\"\nmd5 = \"12\"", "dataset.files.0.md5: must be 32 hex digits"),
        ("[[dataset.files]]\nname = \"a\"\nsha256 = \"12\"", "must be 64 hex digits, or the first 8 or more"),
        ("[[dataset.files]]\nname = \"a\"\nurls = [\"ftp://x\"]", "does not begin with https:// or http://"),
        ("[[dataset.files]]\nname = \"a\"\nurls = [\"http://x\"]", "give md5, sha256, or at least bytes"),
    ];
    for (dataset, message) in cases {
        let found = problems(dataset);
        assert!(found.contains(message), "{message:?} is not in\n{found}");
    }
}
