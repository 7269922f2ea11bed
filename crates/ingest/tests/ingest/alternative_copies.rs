//! Alternative copies: complete copies of the data set that are none of the distributions that the settings name.

use marque_contracts::Silent;
use marque_ingest::{Download, Error, FetchSettings};
use marque_settings::{Document, Reader};

use crate::project::{Project, photo, tar_gz, zip_of};

/// Two distributions with addresses where nobody answers.
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
    Reader::new(&document).section("fetch", FetchSettings::read)
}

/// What downloading would say; it may not touch the network.
fn fetched(project: &Project, dataset: &str) -> Result<usize, Error> {
    let stage = project.stage(dataset);
    Download::new(&offline(), &Silent).fetch_dataset(stage.settings()).map(|files| files.len())
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
fn a_complete_copy_of_any_layout_is_read_in_place_of_the_distributions() {
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
    let layouts = [
        (torchvision, "as torchvision lays it out, "),
        (kaggle, "as Kaggle nests it, "),
        (zip, "packed, "),
        (all_in_one, "packed, "),
    ];
    for (files, layout) in layouts {
        let project = Project::new();
        for (name, content) in &files {
            project.write(&format!("downloads/{name}"), content);
        }
        // Files of others lie in such folders too.
        project.write("downloads/notes.zip", &zip_of(&[("notes.txt", b"mine".to_vec())]));
        assert_eq!(fetched(&project, DATASET).unwrap(), 0, "{layout}");
        let said = project.stage(DATASET).alternative_copy().unwrap();
        assert!(said.starts_with(layout), "{said}");
        project.succeeds(DATASET);
        assert_eq!(project.names().len(), 2, "{layout}");
    }
}

#[test]
fn a_part_of_a_copy_is_named_and_not_taken() {
    let project = Project::new();
    let files = copy("stanford_cars/cars_train/", "stanford_cars/cars_test/", "stanford_cars/devkit/");
    for (name, content) in files.iter().filter(|(name, _)| !name.contains("cars_test")) {
        project.write(&format!("downloads/{name}"), content);
    }
    project.fails(
        DATASET,
        &["the data set is missing", "a part of a copy is there: ", "downloads/stanford_cars/cars_train"],
    );
    let error = fetched(&project, DATASET).unwrap_err().to_string();
    assert!(error.contains("it lacks photos in cars_test"), "{error}");
    assert!(project.stage(DATASET).alternative_copy().is_none());
}

#[test]
fn archives_of_an_interrupted_download_are_not_taken_for_a_copy() {
    let project = Project::new();
    project
        .write("downloads/cars_train.tgz", &tar_gz(&[("cars_train/1.jpg", photo(1))]))
        .write("downloads/cars_test.tgz", &tar_gz(&[("cars_test/1.jpg", photo(1))]))
        .write("downloads/car_devkit.tgz", &tar_gz(&[("devkit/cars_meta.mat", b"x".to_vec())]));
    let with_addresses = DATASET.replace(
        "name = \"cars_test_annos_withlabels.mat\"",
        "name = \"cars_test_annos_withlabels.mat\"\nbytes = 3\nurls = [\"http://127.0.0.1:1/x.mat\"]",
    );
    let error = fetched(&project, &with_addresses).unwrap_err().to_string();
    assert!(error.contains("cars_test_annos_withlabels.mat  3 bytes"), "{error}");
}

#[test]
fn a_folder_with_a_lone_readme_is_not_an_unpacked_distribution() {
    let project = Project::new();
    project.write("downloads/stanford-cars/README.md", b"# Stanford Cars");
    project.fails(
        DATASET,
        &["the data set is missing", "downloads/stanford-cars is there, but what belongs in it is not"],
    );
    assert!(matches!(fetched(&project, DATASET), Err(Error::Missing { .. })));
    // The devkit and the photos make it one, whatever else is in it.
    for (name, content) in copy("cars_train/", "cars_test/", "devkit/") {
        project.write(&format!("downloads/stanford-cars/{name}"), &content);
    }
    assert_eq!(fetched(&project, DATASET).unwrap(), 0);
    assert!(project.stage(DATASET).alternative_copy().is_none());
    project.succeeds(DATASET);
}

#[test]
fn what_is_known_of_files_that_a_copy_takes_is_compared() {
    let project = Project::new();
    for (name, content) in copy("cars_train/cars_train/", "cars_test/cars_test/", "car_devkit/") {
        project.write(&format!("downloads/{name}"), &content);
    }
    project.write("downloads/cars_train.tgz", &tar_gz(&[("cars_train/1.jpg", photo(7))]));
    project.fails(
        DATASET,
        &["cars_train.tgz is not the published file: its md5 is", "no address is known of the published one"],
    );
}
