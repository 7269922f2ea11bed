//! Published copies of Stanford Cars in all their layouts, from archives and folders to the label tables, through the
//! program.

use std::io::Write;
use std::path::Path;

use marque_mat5::{Cell, Struct, Value, Variable};
use marque_sample::Sample;

use crate::project::Project;
use crate::sources::{BY_SPLIT, photo, project, rows, write};

/// The published files of a small sample.
pub(crate) fn publish(folder: &Path) {
    let sample = Sample { train_photos: 12, test_photos: 4, width: 96, height: 72, ..Sample::default() };
    marque_sample::write(&sample, folder, &|_, _| {}).unwrap();
}

fn unpack(archive: &Path, into: &Path) {
    let file = std::fs::File::open(archive).unwrap();
    tar::Archive::new(flate2::read::GzDecoder::new(file)).unpack(into).unwrap();
}

#[test]
fn published_archives_are_read_where_they_lie() {
    let project = project("source = \"published\"\npath = \"downloads\"");
    publish(&project.path("downloads"));
    let called = project.call(&["run", "labels"]).succeeded();
    assert!(
        called.stdout.contains("cars_train and cars_test with the devkit and the test labels"),
        "{}",
        called.stdout
    );
    assert_eq!(rows(&project, BY_SPLIT), ["test 4", "train 11", "validation 1"]);
    assert!(project.call(&["run", "labels"]).succeeded().ran().is_empty());
}

#[test]
fn torchvisions_folder_and_kaggles_nested_one_give_what_the_archives_give() {
    let archives = project("source = \"published\"\npath = \"downloads\"");
    publish(&archives.path("downloads"));
    archives.call(&["run", "labels"]).succeeded();
    for (train, test) in [("cars_train", "cars_test"), ("cars_train/cars_train", "cars_test/cars_test")] {
        let folders = project("source = \"published\"\npath = \"data set\"");
        let root = folders.path("data set/stanford_cars");
        let above = |folder: &str| root.join(folder).parent().unwrap().to_owned();
        unpack(&archives.path("downloads/cars_train.tgz"), &above(train));
        unpack(&archives.path("downloads/cars_test.tgz"), &above(test));
        unpack(&archives.path("downloads/car_devkit.tgz"), &root);
        let labels = "cars_test_annos_withlabels.mat";
        std::fs::copy(archives.path("downloads").join(labels), root.join(labels)).unwrap();
        folders.call(&["run", "labels"]).succeeded();
        assert_eq!(folders.content("ingest"), archives.content("ingest"), "{train}");
        assert_eq!(folders.content("labels"), archives.content("labels"), "{train}");
    }
}

/// A project with the published archives, one with `ingest` done, and the folder that they unpack to.
fn unpacked_publication() -> Project {
    let archives = project("source = \"published\"\npath = \"downloads\"");
    publish(&archives.path("downloads"));
    archives.call(&["run", "ingest"]).succeeded();
    let root = archives.path("unpacked");
    for archive in ["cars_train.tgz", "cars_test.tgz", "car_devkit.tgz"] {
        unpack(&archives.path("downloads").join(archive), &root);
    }
    let labels = "cars_test_annos_withlabels.mat";
    std::fs::copy(archives.path("downloads").join(labels), root.join(labels)).unwrap();
    archives
}

/// A zip archive of the files below `folder`, each under the name that `name` gives it.
fn zip_folder(folder: &Path, zip: &Path, name: Placed<'_>) {
    let mut writer = zip::ZipWriter::new(std::fs::File::create(zip).unwrap());
    let mut folders = vec![folder.to_owned()];
    while let Some(inside) = folders.pop() {
        for entry in std::fs::read_dir(inside).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let below = path.strip_prefix(folder).unwrap().to_str().unwrap();
            writer.start_file(name(below), zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(&std::fs::read(&path).unwrap()).unwrap();
        }
    }
    writer.finish().unwrap();
}

/// Where a copy has a file of the publication.
type Placed<'a> = &'a dyn Fn(&str) -> String;

/// The place of a file in Kaggle's copy.
fn nested(name: &str) -> String {
    match name.split_once('/') {
        Some((folder @ ("cars_train" | "cars_test"), photo)) => format!("{folder}/{folder}/{photo}"),
        Some((_, file)) => format!("car_devkit/devkit/{file}"),
        None => name.to_owned(),
    }
}

#[test]
fn fastais_archive_of_everything_is_read_from_a_zip_or_a_tar() {
    let archives = unpacked_publication();
    let root = archives.path("unpacked");
    let one = project("source = \"published\"\npath = \"downloads\"");
    std::fs::create_dir(one.path("downloads")).unwrap();
    let file = std::fs::File::create(one.path("downloads/stanford-cars.tgz")).unwrap();
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(file, flate2::Compression::fast()));
    tar.append_dir_all("stanford-cars", &root).unwrap();
    tar.into_inner().unwrap().finish().unwrap();
    one.call(&["run", "ingest"]).succeeded();
    assert_eq!(one.content("ingest"), archives.content("ingest"));

    let plain = project("source = \"published\"\npath = \"cars.tar\"");
    let mut tar = tar::Builder::new(std::fs::File::create(plain.path("cars.tar")).unwrap());
    tar.append_dir_all(".", &root).unwrap();
    tar.into_inner().unwrap().flush().unwrap();
    plain.call(&["run", "ingest"]).succeeded();
    assert_eq!(plain.content("ingest"), archives.content("ingest"));

    let zipped = project("source = \"published\"\npath = \"cars.zip\"");
    zip_folder(&root, &zipped.path("cars.zip"), &|name| format!("stanford-cars/{name}"));
    zipped.call(&["run", "ingest"]).succeeded();
    assert_eq!(zipped.content("ingest"), archives.content("ingest"));
}

#[test]
fn kaggles_zip_is_read_where_it_lies_and_beside_the_labels_that_it_lacks() {
    let archives = unpacked_publication();
    let labels = "cars_test_annos_withlabels.mat";
    let (from, root) = (archives.path("unpacked").join(labels), archives.path("unpacked"));
    let beside = project("source = \"published\"\npath = \"downloads\"");
    std::fs::create_dir(beside.path("downloads")).unwrap();
    std::fs::rename(from, beside.path("downloads").join(labels)).unwrap();
    zip_folder(&root, &beside.path("downloads/archive.zip"), &nested);
    let called = beside.call(&["run", "ingest"]).succeeded();
    assert_eq!(beside.content("ingest"), archives.content("ingest"));
    // The sample has annotations of its own, and nobody knows a checksum of the zip.
    assert!(called.stdout.contains("unverified, as no checksum is known: archive.zip"), "{}", called.stdout);
    assert!(
        called.stderr.contains("cars_meta.mat is not the published file: its md5 is"),
        "{}",
        called.stderr
    );
}

#[test]
fn the_shipped_configuration_takes_any_whole_copy_without_the_network() {
    let archives = unpacked_publication();
    let root = archives.path("unpacked");
    let copies: [(&str, Placed<'_>); 2] = [
        ("as torchvision lays it out, downloads/stanford_cars/cars_train", &|name| {
            format!("stanford_cars/{name}")
        }),
        ("as Kaggle nests it, downloads/cars_train/cars_train", &nested),
    ];
    for (said, name) in copies {
        let project = Project::new("");
        write(&project, "configs/stanford-cars.toml", include_bytes!("../configs/stanford-cars.toml"));
        let zip = project.path("copy.zip");
        // The labels of the sample's test photos are not the published ones, whose checksum is known.
        std::fs::remove_file(root.join("cars_test_annos_withlabels.mat")).ok();
        zip_folder(&root, &zip, name);
        zip::ZipArchive::new(std::fs::File::open(&zip).unwrap())
            .unwrap()
            .extract(project.path("downloads"))
            .unwrap();
        let arguments = ["--offline", "--config", "configs/stanford-cars.toml"];
        let called = project.call(&[&["run", "ingest"][..], &arguments].concat()).succeeded();
        assert!(called.stdout.contains(&format!("Stanford Cars is there {said}")), "{}", called.stdout);
        assert!(
            called.stdout.contains("unverified, as no checksum is known: photos in folders"),
            "{}",
            called.stdout
        );
        // The weights are another matter.
        let called = project.call(&[&["fetch"][..], &arguments].concat()).failed(4, "resnet34-b627a593.pth");
        assert!(!called.stderr.contains("stanford-cars.tgz"), "{}", called.stderr);
    }
}

#[test]
fn car_ims_with_its_one_file_of_annotations_is_read() {
    let project = project("source = \"published\"\npath = \"downloads\"");
    std::fs::create_dir(project.path("downloads")).unwrap();
    let file = std::fs::File::create(project.path("downloads/car_ims.tgz")).unwrap();
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(file, flate2::Compression::fast()));
    let fields = ["relative_im_path", "bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "test"];
    let mut annotations = Struct::new(fields);
    for i in 0..10_u32 {
        let (name, bytes) = (format!("car_ims/{:06}.jpg", i + 1), photo(i));
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, &name, bytes.as_slice()).unwrap();
        let row = [1.0, 1.0, 48.0, 32.0, f64::from(i % 2 + 1), f64::from(u8::from(i >= 8))].map(Value::from);
        annotations.push(std::iter::once(Value::from(name.as_str())).chain(row)).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap();
    let names = Cell::row(["BMW X5 SUV 2007", "Fiat 500 Abarth 2012"].map(Value::from));
    let variables = [Variable::new("annotations", annotations), Variable::new("class_names", names)];
    std::fs::write(project.path("downloads/cars_annos.mat"), marque_mat5::write(&variables).unwrap())
        .unwrap();
    let called = project.call(&["run", "labels"]).succeeded();
    assert!(called.stdout.contains("Stanford Cars: car_ims with cars_annos.mat"), "{}", called.stdout);
    assert_eq!(rows(&project, BY_SPLIT), ["test 2", "train 7", "validation 1"]);
    let eras = rows(&project, "select era, count(*) as n from labels group by era order by era");
    assert_eq!(eras, ["2009 and earlier 5", "2010 and later 5"]);
}
