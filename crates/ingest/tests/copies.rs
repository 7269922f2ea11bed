//! Whole copies of the data set that are none of the editions that the settings name.

mod place;

use marque_contracts::Silent;
use marque_ingest::{Download, Error, FetchSettings};
use marque_settings::{Document, Reader};
use place::{Place, photo, tar_gz, zip_of};

/// Two editions with addresses where nobody answers.
const DATASET: &str = r#"
    source = "published"
    path = "downloads"
    [[dataset.files]]
    edition = "fastai"
    name = "stanford-cars.tgz"
    bytes = 1957803273
    urls = ["http://127.0.0.1:1/stanford-cars.tgz"]
    [[dataset.files]]
    edition = "original"
    name = "cars_train.tgz"
    md5 = "065e5b463ae28d29e77c1b4b166cfe61"
    [[dataset.files]]
    edition = "original"
    name = "car_devkit.tgz"
    [[dataset.files]]
    edition = "original"
    name = "cars_test.tgz"
    [[dataset.files]]
    edition = "original"
    name = "cars_test_annos_withlabels.mat"
"#;

fn offline() -> FetchSettings {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pipeline.toml");
    std::fs::write(&path, "[fetch]\noffline = true\n").unwrap();
    let document = Document::load(&path).unwrap();
    FetchSettings::read(&mut Reader::new(&document))
}

/// What downloading would say; it may not touch the network.
fn brought(place: &Place, dataset: &str) -> Result<usize, Error> {
    let stage = place.stage(dataset);
    Download::new(&offline(), &Silent).bring_dataset(stage.settings()).map(|came| came.len())
}

/// Names of a copy's files in the folders of those that pass it on.
fn copy(train: &str, test: &str, devkit: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![(format!("{train}00001.jpg"), photo(1)), (format!("{test}00001.jpg"), photo(2))];
    for name in ["cars_meta.mat", "cars_train_annos.mat"] {
        files.push((format!("{devkit}{name}"), name.as_bytes().to_vec()));
    }
    files
}

#[test]
fn a_whole_copy_of_any_layout_stands_in_for_the_editions() {
    let torchvision = copy("stanford_cars/cars_train/", "stanford_cars/cars_test/", "stanford_cars/devkit/");
    let kaggle = copy("cars_train/cars_train/", "cars_test/cars_test/", "car_devkit/devkit/");
    let named: Vec<_> = kaggle.iter().map(|(name, content)| (name.as_str(), content.clone())).collect();
    let zip = vec![("archive.zip".to_owned(), zip_of(&named))];
    let all_in_one = vec![
        (
            "own/car_ims.tgz".to_owned(),
            tar_gz(&[("car_ims/000001.jpg", photo(1)), ("car_ims/2.jpg", photo(2))]),
        ),
        ("own/cars_annos.mat".to_owned(), b"all".to_vec()),
    ];
    let manners = [
        (torchvision, "as torchvision lays it out, "),
        (kaggle, "as Kaggle nests it, "),
        (zip, "packed, "),
        (all_in_one, "packed, "),
    ];
    for (files, manner) in manners {
        let place = Place::new();
        for (name, content) in &files {
            place.write(&format!("downloads/{name}"), content);
        }
        // Files of others lie in such folders too.
        place.write("downloads/notes.zip", &zip_of(&[("notes.txt", b"mine".to_vec())]));
        assert_eq!(brought(&place, DATASET).unwrap(), 0, "{manner}");
        let said = place.stage(DATASET).taken_instead().unwrap();
        assert!(said.starts_with(manner), "{said}");
        place.succeeds(DATASET);
        assert_eq!(place.names().len(), 2, "{manner}");
    }
}

#[test]
fn a_part_of_a_copy_is_named_and_not_taken() {
    let place = Place::new();
    let files = copy("stanford_cars/cars_train/", "stanford_cars/cars_test/", "stanford_cars/devkit/");
    for (name, content) in files.iter().filter(|(name, _)| !name.contains("cars_test")) {
        place.write(&format!("downloads/{name}"), content);
    }
    place.fails(
        DATASET,
        &["the data set is missing", "a part of a copy is there: ", "downloads/stanford_cars/cars_train"],
    );
    let error = brought(&place, DATASET).unwrap_err().to_string();
    assert!(error.contains("it lacks photos in cars_test"), "{error}");
    assert!(place.stage(DATASET).taken_instead().is_none());
}

#[test]
fn archives_of_a_download_that_broke_off_are_not_taken_for_a_copy() {
    let place = Place::new();
    place
        .write("downloads/cars_train.tgz", &tar_gz(&[("cars_train/1.jpg", photo(1))]))
        .write("downloads/cars_test.tgz", &tar_gz(&[("cars_test/1.jpg", photo(1))]))
        .write("downloads/car_devkit.tgz", &tar_gz(&[("devkit/cars_meta.mat", b"x".to_vec())]));
    let with_addresses = DATASET.replace(
        "name = \"cars_test_annos_withlabels.mat\"",
        "name = \"cars_test_annos_withlabels.mat\"\nbytes = 3\nurls = [\"http://127.0.0.1:1/x.mat\"]",
    );
    let error = brought(&place, &with_addresses).unwrap_err().to_string();
    assert!(error.contains("cars_test_annos_withlabels.mat  3 bytes"), "{error}");
}

#[test]
fn a_folder_with_a_lone_readme_is_no_unpacked_edition() {
    let place = Place::new();
    place.write("downloads/stanford-cars/README.md", b"# Stanford Cars");
    place.fails(
        DATASET,
        &["the data set is missing", "downloads/stanford-cars is there, but what belongs in it is not"],
    );
    assert!(matches!(brought(&place, DATASET), Err(Error::Missing { .. })));
    // The devkit and the photos make it one, whatever else is in it.
    for (name, content) in copy("cars_train/", "cars_test/", "devkit/") {
        place.write(&format!("downloads/stanford-cars/{name}"), &content);
    }
    assert_eq!(brought(&place, DATASET).unwrap(), 0);
    assert!(place.stage(DATASET).taken_instead().is_none());
    place.succeeds(DATASET);
}

#[test]
fn what_is_known_of_files_that_a_copy_takes_is_compared() {
    let place = Place::new();
    for (name, content) in copy("cars_train/cars_train/", "cars_test/cars_test/", "car_devkit/") {
        place.write(&format!("downloads/{name}"), &content);
    }
    place.write("downloads/cars_train.tgz", &tar_gz(&[("cars_train/1.jpg", photo(7))]));
    place.fails(
        DATASET,
        &["cars_train.tgz is not the published file: its md5 is", "no address is known of the published one"],
    );
}
