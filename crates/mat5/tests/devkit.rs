//! The published annotations.

use std::io::Read;

use flate2::read::{GzDecoder, ZlibDecoder};
use marque_fixtures::published;
use marque_mat5::{Value, read, write};

/// A file of the devkit archive.
fn devkit(name: &str) -> Vec<u8> {
    let archive = published("stanford-cars-train/car_devkit.tgz");
    let file = fs_err::File::open(&archive).unwrap();
    for entry in tar::Archive::new(GzDecoder::new(file)).entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap().ends_with(name) {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            return bytes;
        }
    }
    panic!("no {name} in {}", archive.display());
}

#[test]
#[ignore = "reads stanford-cars-train/car_devkit.tgz: make test-all"]
fn class_names() {
    let bytes = devkit("cars_meta.mat");
    let variables = read(&bytes).unwrap();
    assert_eq!(variables[0].name, "class_names");
    let Value::Cell(names) = &variables[0].value else { panic!("not a cell array") };
    assert_eq!(names.dims, [1, 196]);
    assert_eq!(names.items[0].as_text(), Some("AM General Hummer SUV 2000"));
    assert_eq!(names.items[195].as_text(), Some("smart fortwo Convertible 2012"));
    let written = write(&variables).unwrap();
    assert!(decompressed(&written) == decompressed(&bytes));
}

#[test]
#[ignore = "reads stanford-cars-train/car_devkit.tgz: make test-all"]
fn annotations() {
    let bytes = devkit("cars_train_annos.mat");
    let variables = read(&bytes).unwrap();
    assert_eq!(variables[0].name, "annotations");
    let Value::Struct(array) = &variables[0].value else { panic!("not a struct array") };
    assert_eq!(array.dims, [1, 8144]);
    assert_eq!(array.fields, ["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname"]);
    let number = |field| array.get(0, field).and_then(Value::as_f64);
    let first = ["bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class"].map(number);
    assert_eq!(first, [39.0, 116.0, 569.0, 375.0, 14.0].map(Some));
    assert_eq!(array.get(8143, "fname").and_then(Value::as_text), Some("08144.jpg"));
    let classes = (0..8144).map(|row| array.get(row, "class").and_then(Value::as_f64));
    assert!(classes.into_iter().all(|class| matches!(class, Some(1.0..=196.0))));

    let written = write(&variables).unwrap();
    assert_eq!(read(&written).unwrap(), variables);
    // Compressors differ; below them, MATLAB's bytes and ours are the same.
    assert!(decompressed(&written) == decompressed(&bytes));
}

/// What the first variable of a file decompresses to.
fn decompressed(file: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    ZlibDecoder::new(&file[136..]).read_to_end(&mut plain).unwrap();
    plain
}
