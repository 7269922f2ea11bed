//! Stanford Cars in every layout in which it is passed on.

use marque_contracts::Stage;
use marque_contracts::schema::{Layout, ingest};

use crate::project::{Project, photo, tar_gz, zip_of};

/// What the stage does with annotation files is to carry them on.
fn annotation(name: &str) -> Vec<u8> {
    format!("contents of {name}").into_bytes()
}

const TRAIN_AND_TEST: [&str; 3] = ["cars_test/00001.jpg", "cars_train/00001.jpg", "cars_train/00002.jpg"];

#[track_caller]
fn is_stanford_cars(project: &Project, test_labels: bool) {
    assert_eq!(project.layout(), Layout::StanfordCars);
    assert_eq!(project.names(), TRAIN_AND_TEST);
    let metadata = |name: &str| project.path("output/metadata").join(name);
    assert_eq!(std::fs::read(metadata("cars_meta.mat")).unwrap(), annotation("cars_meta.mat"));
    assert!(metadata("cars_train_annos.mat").exists());
    assert_eq!(metadata("cars_test_annos_withlabels.mat").exists(), test_labels);
    assert!(!metadata("README.txt").exists());
}

fn devkit(prefix: &str) -> Vec<(String, Vec<u8>)> {
    let names = ["README.txt", "cars_meta.mat", "cars_train_annos.mat", "cars_test_annos.mat"];
    names.iter().map(|name| (format!("{prefix}{name}"), annotation(name))).collect()
}

fn borrowed(members: &[(String, Vec<u8>)]) -> Vec<(&str, Vec<u8>)> {
    members.iter().map(|(name, content)| (name.as_str(), content.clone())).collect()
}

#[test]
fn the_publication_is_read_packed_and_unpacked() {
    let project = Project::new();
    let train = [("cars_train/00001.jpg", photo(1)), ("cars_train/00002.jpg", photo(2))];
    project
        .write("downloads/cars_train.tgz", &tar_gz(&train))
        .write("downloads/cars_test.tgz", &tar_gz(&[("cars_test/00001.jpg", photo(3))]))
        .write("downloads/car_devkit.tgz", &tar_gz(&borrowed(&devkit("devkit/"))))
        .write("downloads/cars_test_annos_withlabels.mat", b"labels")
        .write("downloads/notes.txt", b"mine")
        .write("downloads/other.tgz", b"somebody else's");
    let summary = project.succeeds("source = \"published\"\npath = \"downloads\"");
    is_stanford_cars(&project, true);
    assert!(summary.line.starts_with("3 photos"), "{}", summary.line);
    let found = summary.notes["found"].as_str().unwrap();
    assert_eq!(found, "Stanford Cars: cars_train and cars_test with the devkit and the test labels");

    // The same in folders, as torchvision lays them out, one of them still packed.
    let unpacked = Project::new();
    unpacked
        .write("stanford_cars/cars_train.tgz", &tar_gz(&train))
        .write("stanford_cars/cars_train/00001.jpg", b"not looked at: the archive wins")
        .write("stanford_cars/cars_test/00001.jpg", &photo(3))
        .write("stanford_cars/cars_test_annos_withlabels.mat", b"labels");
    for (name, content) in devkit("stanford_cars/devkit/") {
        unpacked.write(&name, &content);
    }
    unpacked.succeeds("source = \"published\"\npath = \".\"");
    is_stanford_cars(&unpacked, true);
    for table in [ingest::PHOTO_TABLE, ingest::DATASET] {
        let read = |project: &Project| std::fs::read(project.path("output").join(table)).unwrap();
        assert_eq!(read(&project), read(&unpacked), "{table}");
    }
}

#[test]
fn kaggles_nested_folders_are_read_from_a_zip() {
    let project = Project::new();
    let mut members = devkit("devkit/");
    for (name, number) in [("cars_train/cars_train/00001.jpg", 1), ("cars_train/cars_train/00002.jpg", 2)] {
        members.push((name.to_owned(), photo(number)));
    }
    members.push(("cars_test/cars_test/00001.jpg".to_owned(), photo(3)));
    members.push(("__MACOSX/cars_test/._00001.jpg".to_owned(), b"junk".to_vec()));
    project.write("archive.zip", &zip_of(&borrowed(&members)));
    project.succeeds("source = \"published\"\npath = \"archive.zip\"");
    is_stanford_cars(&project, false);
    // The same beside other files, found by itself, and with the labels as browsers save them.
    project.write("cars_test_annos_withlabels (1).mat", b"labels");
    project.write("downloads/archive.zip", &zip_of(&borrowed(&members)));
    project.succeeds("source = \"published\"\npath = \"downloads\"");
    is_stanford_cars(&project, false);
}

#[test]
fn fastais_archive_of_everything_is_read() {
    let project = Project::new();
    let mut members = devkit("stanford-cars/devkit/");
    members.push(("stanford-cars/cars_test_annos_withlabels.mat".to_owned(), b"labels".to_vec()));
    for (i, name) in TRAIN_AND_TEST.iter().enumerate() {
        members.push((format!("stanford-cars/{name}"), photo(i as u32)));
    }
    project.write("stanford-cars.tgz", &tar_gz(&borrowed(&members)));
    project.succeeds("source = \"published\"\npath = \".\"");
    is_stanford_cars(&project, true);
}

#[test]
fn car_ims_is_read() {
    let project = Project::new();
    project
        .write("car_ims.tgz", &tar_gz(&[("car_ims/000001.jpg", photo(1)), ("car_ims/000002.jpg", photo(2))]))
        .write("cars_annos.mat", b"all of it");
    let summary = project.succeeds("source = \"published\"\npath = \".\"");
    assert_eq!(project.layout(), Layout::CarIms);
    assert_eq!(project.names(), ["car_ims/000001.jpg", "car_ims/000002.jpg"]);
    assert_eq!(summary.notes["found"], "Stanford Cars: car_ims with cars_annos.mat");
}

#[test]
fn a_copy_that_lacks_something_is_told_what() {
    let project = Project::new();
    project.write("x/cars_train/00001.jpg", &photo(1)).write("x/cars_meta.mat", b"");
    project.fails(
        "source = \"published\"\npath = \"x\"",
        &[
            "x is not a copy of Stanford Cars",
            "cars_train_annos.mat",
            "found: photos in cars_train, cars_meta.mat",
        ],
    );
    project.fails(
        "source = \"published\"\npath = \"nowhere\"",
        &["2 files are missing", "nowhere/cars_train.tgz", "nowhere/car_devkit.tgz"],
    );
}

#[test]
fn different_files_for_one_place_are_refused_and_the_same_taken_once() {
    let photos = || tar_gz(&[("cars_train/00001.jpg", photo(1))]);
    let packed = |name: &str, content: &[u8]| zip_of(&[(name, content.to_vec())]);
    let dataset = "source = \"published\"\npath = \".\"";
    // Files with the class names, where the first holds `new`; and how the message names both.
    type Files = fn(&dyn Fn(&str, &[u8]) -> Vec<u8>, &[u8]) -> Vec<(&'static str, Vec<u8>)>;
    let cases: [(&str, Files, [&str; 2]); 5] = [
        (
            "two folders",
            |_, other| {
                vec![("backup/cars_meta.mat", other.to_vec()), ("devkit/cars_meta.mat", b"new".to_vec())]
            },
            ["backup/cars_meta.mat", "devkit/cars_meta.mat"],
        ),
        (
            "a second download",
            |_, other| vec![("cars_meta (1).mat", other.to_vec()), ("cars_meta.mat", b"new".to_vec())],
            ["cars_meta (1).mat", "cars_meta.mat"],
        ),
        (
            "an archive and a folder",
            |packed, other| {
                let archive = packed("devkit/cars_meta.mat", b"new");
                vec![("car_devkit.tgz", archive), ("other/cars_meta.mat", other.to_vec())]
            },
            ["devkit/cars_meta.mat in ", "other/cars_meta.mat"],
        ),
        (
            "two archives of one name",
            |packed, other| {
                let (one, two) = (packed("devkit/cars_meta.mat", b"new"), packed("x/cars_meta.mat", other));
                vec![("a/car_devkit.tgz", one), ("b/car_devkit.tgz", two)]
            },
            ["a/car_devkit.tgz", "x/cars_meta.mat in "],
        ),
        (
            "photos",
            |_, other| {
                let other = photo(if other == b"new" { 5 } else { 6 });
                let meta = ("cars_meta.mat", b"new".to_vec());
                vec![meta, ("x/cars_test/1.jpg", photo(5)), ("y/cars_test/1.jpg", other)]
            },
            ["x/cars_test/1.jpg", "y/cars_test/1.jpg"],
        ),
    ];
    for (what, files, names) in cases {
        for content in [&b"new"[..], b"old"] {
            let project = Project::new();
            project.write("cars_train.tgz", &photos()).write("cars_train_annos.mat", b"train");
            for (name, content) in files(&packed, content) {
                project.write(name, &content);
            }
            if content == b"new" {
                project.succeeds(dataset);
                assert_eq!(
                    std::fs::read(project.path("output/metadata/cars_meta.mat")).unwrap(),
                    b"new",
                    "{what}"
                );
            } else {
                project.fails(dataset, &["are different files, and both belong at", names[0], names[1]]);
            }
        }
    }
    // In one archive.
    let members = [("a/cars_train/1.jpg", photo(1)), ("b/cars_train/1.jpg", photo(2))];
    let project = Project::new();
    project.write("cars.zip", &zip_of(&members));
    project.fails(
        "source = \"published\"\npath = \"cars.zip\"",
        &["a/cars_train/1.jpg and b/cars_train/1.jpg in it belong in one place, and are different files"],
    );
}

#[test]
fn each_archive_counts_even_if_another_has_its_name() {
    let project = Project::new();
    let devkit = |content: &[u8]| zip_of(&[("devkit/cars_meta.mat", content.to_vec())]);
    project.write("cars_train.tgz", &tar_gz(&[("cars_train/00001.jpg", photo(1))]));
    project.write("a/car_devkit.tgz", &devkit(b"one")).write("b/car_devkit.tgz", &devkit(b"two"));
    let digests = || project.stage("source = \"published\"\npath = \".\"").sources().unwrap();
    let before = digests();
    assert_eq!(before.len(), 3);
    project.write("a/car_devkit.tgz", &devkit(b"three"));
    assert_ne!(digests(), before);
}

#[test]
fn of_several_distributions_the_first_complete_one_is_read() {
    let dataset = r#"
        source = "published"
        path = "downloads"
        [[dataset.files]]
        edition = "all in one"
        name = "stanford-cars.tgz"
        bytes = 1957803273
        md5 = "9045d6673c9ced0889f41816f6bf2f9f"
        urls = ["https://example.org/stanford-cars.tgz"]
        [[dataset.files]]
        edition = "newer"
        name = "car_ims.tgz"
        [[dataset.files]]
        edition = "newer"
        name = "cars_annos.mat"
        bytes = 9
    "#;
    let project = Project::new();
    let error = [
        "the data set is missing:\n  either the edition \"all in one\":\n    ",
        "downloads/stanford-cars.tgz  1,957,803,273 bytes\n      md5 9045d6673c9ced0889f41816f6bf2f9f\n      \
         https://example.org/stanford-cars.tgz\n  or the edition \"newer\":\n    ",
        "downloads/car_ims.tgz\n    ",
        "downloads/cars_annos.mat  9 bytes",
    ];
    project.fails(dataset, &error);
    // A distribution may be there unpacked; files that belong to none are left alone.
    project
        .write("downloads/car_ims/000001.jpg", &photo(1))
        .write("downloads/cars_annos.mat", b"all of it")
        .write("downloads/cars_train/00001.jpg", &photo(2));
    project.succeeds(dataset);
    assert_eq!((project.layout(), project.names()), (Layout::CarIms, vec!["car_ims/000001.jpg".to_owned()]));
    project.write("downloads/cars_annos.mat", b"all of it and more");
    project.fails(dataset, &["cars_annos.mat is not the published file: it has 18 bytes, expected 9"]);
    project.write("downloads/stanford-cars.tgz", b"<html>");
    project.fails(dataset, &["stanford-cars.tgz is not the published file: it has 6 bytes"]);
}

#[test]
fn a_file_with_another_checksum_is_not_let_through() {
    let project = Project::new();
    project.write("car_ims.tgz", &tar_gz(&[("car_ims/1.jpg", photo(1))]));
    let md5 = "0".repeat(32);
    let dataset = format!(
        "source = \"published\"\npath = \".\"\n[[dataset.files]]\nname = \"car_ims.tgz\"\nmd5 = \"{md5}\""
    );
    project.fails(
        &dataset,
        &["car_ims.tgz is not the published file: its md5 is ", &md5, "hint: it is incomplete"],
    );
    assert!(!project.path("output/photos").exists());
}

#[test]
fn an_empty_folder_is_no_part_of_the_data_set() {
    let project = Project::new();
    std::fs::create_dir_all(project.path("downloads/cars_train/inside")).unwrap();
    let dataset = "source = \"published\"\npath = \"downloads\"";
    project
        .fails(dataset, &["cars_train.tgz\n      the folder ", "downloads/cars_train is there, but empty"]);
    let listed = format!("{dataset}\n[[dataset.files]]\nname = \"cars_train.tgz\"\nbytes = 7");
    project.fails(&listed, &["1 file is missing", "downloads/cars_train is there, but empty"]);
    project.write("downloads/cars_train/inside/00001.jpg", &photo(1));
    project
        .write("downloads/devkit/cars_meta.mat", b"a")
        .write("downloads/devkit/cars_train_annos.mat", b"b");
    project.succeeds(dataset);
    std::fs::remove_dir_all(project.path("downloads/cars_train")).unwrap();
    std::fs::create_dir_all(project.path("downloads/cars_train")).unwrap();
    project.fails(dataset, &["found: cars_meta.mat, cars_train_annos.mat, an empty folder "]);
}
