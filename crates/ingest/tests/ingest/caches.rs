//! Stores of results and other caches are no input, of whatever source.

use std::os::unix::fs::symlink;

use marque_contracts::Stage;

use crate::project::{Project, photo, tar_gz, zip_of};

const TAG: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55\n# a comment\n";

/// A store of results as marque leaves it, with photos, annotations and tables of its own.
fn add_store(project: &Project, folder: &str) {
    project
        .write(&format!("{folder}/CACHEDIR.TAG"), TAG)
        .write(&format!("{folder}/store.json"), b"{\"format\":1}")
        .write(&format!("{folder}/ingest/3f0c/photos/A/1.jpg"), &photo(70))
        .write(&format!("{folder}/ingest/3f0c/photos/cars_train/00009.jpg"), &photo(71))
        .write(&format!("{folder}/ingest/3f0c/metadata/cars_meta.mat"), b"old")
        .write(&format!("{folder}/ingest/3f0c/photos.parquet"), b"PAR1 not really")
        .write(&format!("{folder}/ingest/3f0c/stanford-cars.tgz"), b"not an archive");
}

/// A project for each source, with `[dataset]` as it would be: all of them read the folder itself.
fn sources() -> Vec<(&'static str, Project, &'static str)> {
    let folders = Project::new();
    folders.write("cars/A/1.jpg", &photo(1)).write("cars/B/2.jpg", &photo(2));
    let published = Project::new();
    published.write("cars_train.tgz", &tar_gz(&[("cars_train/00001.jpg", photo(1))]));
    published.write("devkit/cars_meta.mat", b"new").write("devkit/cars_train_annos.mat", b"new");
    let parquet = Project::new();
    for part in ["train", "test"] {
        let fixture = format!(
            "{}/../../tests/fixtures/hugging-face/{part}-00000-of-00001.parquet",
            env!("CARGO_MANIFEST_DIR")
        );
        parquet.write(&format!("{part}-00000-of-00001.parquet"), &std::fs::read(fixture).unwrap());
    }
    let table = Project::new();
    table.write("A/1.jpg", &photo(1)).write("cars.csv", b"file_name\nA/1.jpg\n");
    vec![
        ("folders", folders, "source = \"folders\"\npath = \".\""),
        ("published", published, "source = \"published\"\npath = \".\""),
        ("parquet", parquet, "source = \"hugging-face\"\npath = \".\""),
        ("table", table, "source = \"table\"\ntable = \"cars.csv\"\npath = \".\""),
    ]
}

#[test]
fn a_store_below_the_source_changes_nothing() {
    for (source, project, dataset) in sources() {
        let before = project.stage(dataset).sources().unwrap();
        project.succeeds(dataset);
        let names = project.names();
        std::fs::remove_dir_all(project.path("output")).unwrap();
        add_store(&project, "data");
        add_store(&project, "deeper/inside/results");
        project.write("elsewhere/CACHEDIR.TAG", TAG).write("elsewhere/A/7.jpg", &photo(7));
        symlink("data/ingest/3f0c/photos", project.path("linked")).unwrap();
        std::fs::create_dir_all(project.path("C")).unwrap();
        symlink("../data/ingest/3f0c/photos/A/1.jpg", project.path("C/1.jpg")).unwrap();
        assert_eq!(project.stage(dataset).sources().unwrap(), before, "{source}");
        project.succeeds(dataset);
        assert_eq!(project.names(), names, "{source}");
    }
}

#[test]
fn a_folder_without_the_signature_is_no_cache() {
    let project = Project::new();
    project.write("A/1.jpg", &photo(1)).write("B/2.jpg", &photo(2)).write("B/CACHEDIR.TAG", b"mine");
    project.succeeds("source = \"folders\"\npath = \".\"");
    assert_eq!(project.names(), ["A/1.jpg", "B/2.jpg"]);
}

#[test]
fn a_source_inside_a_store_or_a_cache_is_refused() {
    let project = Project::new();
    add_store(&project, "data");
    project.write("cache/CACHEDIR.TAG", TAG).write("cache/A/1.jpg", &photo(1));
    project.write("data/cars.csv", b"file_name\n1.jpg\n").write("photos/1.jpg", &photo(1));
    symlink("data/ingest", project.path("link")).unwrap();
    for (dataset, message) in [
        ("source = \"folders\"\npath = \"data\"", "data is marque's own store of results"),
        ("source = \"folders\"\npath = \"data/ingest/3f0c/photos\"", "3f0c/photos lies in "),
        ("source = \"folders\"\npath = \"link\"", "link lies in "),
        ("source = \"folders\"\npath = \"cache\"", "cache is a cache, as its file CACHEDIR.TAG says"),
        ("source = \"hugging-face\"\npath = \"data/ingest/3f0c/photos.parquet\"", "lies in "),
        ("source = \"published\"\npath = \"data/ingest/3f0c/stanford-cars.tgz\"", "lies in "),
        ("source = \"table\"\ntable = \"data/cars.csv\"\npath = \"photos\"", "data/cars.csv lies in "),
    ] {
        project.fails(dataset, &[message, "nothing of that is read as input"]);
    }
    // What others keep below a cache may be named.
    project.write("cache/cars/A/1.jpg", &photo(1));
    project.succeeds("source = \"folders\"\npath = \"cache/cars\"");
}

#[test]
fn rows_of_a_table_do_not_reach_into_a_store() {
    let project = Project::new();
    add_store(&project, "data");
    project.write("1.jpg", &photo(1));
    project.write("cars.csv", b"file_name\n1.jpg\ndata/ingest/3f0c/photos/A/1.jpg\n");
    let dataset = "source = \"table\"\ntable = \"cars.csv\"\nmax_rejected = 0.5";
    project.succeeds(dataset);
    assert_eq!(project.names(), ["1.jpg"]);
    assert!(project.rejected()[0].reason.contains("1.jpg lies in a store of results"));
}

#[test]
fn a_store_that_was_packed_with_the_photos_is_left_out() {
    let members = [
        ("cars/A/1.jpg", photo(1)),
        ("cars/data/A/2.jpg", photo(2)),
        ("cars/data/CACHEDIR.TAG", TAG.to_vec()),
        ("cars/B/CACHEDIR.TAG", b"mine".to_vec()),
        ("cars/B/3.jpg", photo(3)),
    ];
    let project = Project::new();
    project.write("cars.zip", &zip_of(&members)).write("cars.tgz", &tar_gz(&members));
    for archive in ["cars.zip", "cars.tgz"] {
        project.succeeds(&format!("source = \"folders\"\npath = \"{archive}\""));
        assert_eq!(project.names(), ["cars/A/1.jpg", "cars/B/3.jpg"]);
    }
}

#[test]
fn a_store_whose_tag_was_taken_away_is_known_by_its_record() {
    let project = Project::new();
    project.write("A/1.jpg", &photo(1)).write("B/2.jpg", &photo(2));
    add_store(&project, "data");
    std::fs::remove_file(project.path("data/CACHEDIR.TAG")).unwrap();
    // A file of this name alone makes no store.
    project.write("B/store.json", b"{\"format\":1,\"shop\":\"B\"}");
    project.succeeds("source = \"folders\"\npath = \".\"");
    assert_eq!(project.names(), ["A/1.jpg", "B/2.jpg"]);
}
