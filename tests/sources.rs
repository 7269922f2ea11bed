//! Every source of photos, from the user's files to the label tables, through the program.

use std::io::{Cursor, Write};
use std::path::Path;

use image::{ImageFormat, Rgb, RgbImage};
use marque_mat5::{Cell, Struct, Value, Variable};
use marque_sample::Sample;

use crate::project::Project;

/// Heads that fit any source with class names.
const HEADS: &str = r#"
[[heads]]
name = "era"
rule = "year"
breaks = [2009]
"#;

fn project(dataset: &str) -> Project {
    Project::new(&format!("[dataset]\n{dataset}\n{HEADS}"))
}

fn photo(number: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(48, 32, |x, y| {
        let wave = |f: f64| (127.0 + 120.0 * (f * f64::from(number + 1) * 0.11).sin()) as u8;
        Rgb([wave(f64::from(x)), wave(f64::from(y)), wave(f64::from(x) - f64::from(y))])
    });
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

fn write(project: &Project, name: &str, bytes: &[u8]) {
    let path = project.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// The published files of a small sample.
pub(crate) fn publish(folder: &Path) {
    let sample = Sample { train_photos: 12, test_photos: 4, width: 96, height: 72, ..Sample::default() };
    marque_sample::write(&sample, folder, &|_, _| {}).unwrap();
}

fn unpack(archive: &Path, into: &Path) {
    let file = std::fs::File::open(archive).unwrap();
    tar::Archive::new(flate2::read::GzDecoder::new(file)).unpack(into).unwrap();
}

#[track_caller]
fn rows(project: &Project, sql: &str) -> Vec<String> {
    let called = project.call(&["sql", sql]).succeeded();
    called.stdout.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

const BY_SPLIT: &str = "select split, count(*) as n from labels group by split order by split";

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

#[test]
fn hugging_face_parquet_is_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/hugging-face");
    let dataset = format!("source = \"hugging-face\"\npath = {:?}", folder.canonicalize().unwrap());
    let project = project(&dataset);
    let called = project.call(&["run", "labels"]).succeeded();
    assert!(
        called.stdout.contains(
            "2 Parquet files, photos in image, class names in label, other label columns: colour, doors, extras"
        ),
        "{}",
        called.stdout
    );
    let names = rows(&project, "select file_name, width, height from photos order by file_name");
    assert_eq!(names.len(), 9);
    assert_eq!((names[0].as_str(), names[8].as_str()), ("test/00006.jpg 40 30", "train/00005.jpg 40 30"));
    let classes = rows(
        &project,
        "select class_name, count(*) as n from labels where class_name is not null group by class_name order by class_name",
    );
    assert_eq!(classes, ["Audi TT RS Coupe 2012 3", "BMW X5 SUV 2007 3", "Fiat 500 Abarth 2012 2"]);
    assert_eq!(rows(&project, "select count(*) as n from labels where split = 'test'"), ["3"]);
    let table =
        marque_formats::AnnotationTable::read(&project.path("data/ingest/current/metadata/table.parquet"));
    let table = table.unwrap();
    let text = |text: &str| Some(text.to_owned());
    let row = |name: &str| table.rows.iter().find(|row| row.file_name == name).unwrap();
    assert_eq!(table.columns, ["colour", "doors", "extras"]);
    assert_eq!(row("train/00000.jpg").values, [text("red"), text("3"), text("none")]);
    assert_eq!(row("test/00008.jpg").values, [text("red"), text("5"), text("roof|alloys")]);
    assert_eq!(row("train/00004.jpg").class_name, None);
}

#[test]
fn a_folder_per_class_is_read() {
    let project = project("source = \"folders\"\npath = \"cars\"");
    for i in 0..6 {
        write(&project, &format!("cars/BMW X5 SUV 2007/{i}.jpg"), &photo(i));
        write(&project, &format!("cars/Fiat 500 Abarth 2012/{i}.jpg"), &photo(i + 10));
    }
    let called = project.call(&["run", "labels"]).succeeded();
    assert!(called.stdout.contains("2 class folders"), "{}", called.stdout);
    let eras = rows(&project, "select era, count(*) as n from labels group by era order by era");
    assert_eq!(eras, ["2009 and earlier 6", "2010 and later 6"]);
    // A photo that is added makes the stage run again; one that is touched does not.
    write(&project, "cars/BMW X5 SUV 2007/0.jpg", &photo(0));
    assert!(project.call(&["run", "ingest"]).succeeded().ran().is_empty());
    write(&project, "cars/BMW X5 SUV 2007/7.jpg", &photo(7));
    assert_eq!(project.call(&["run", "ingest"]).succeeded().ran(), ["ingest"]);
}

#[test]
fn photos_and_a_table_of_ones_own_are_read() {
    let project = project("source = \"table\"\ntable = \"cars.csv\"\npath = \"photos\"");
    let mut csv = String::from("file_name,class_name,colour\n");
    for i in 0..8 {
        write(&project, &format!("photos/{i}.jpg"), &photo(i));
        csv.push_str(&format!("{i}.jpg,BMW X5 SUV {},{}\n", 2005 + i, if i % 2 == 0 { "red" } else { "" }));
    }
    std::fs::write(project.path("cars.csv"), &csv).unwrap();
    project.call(&["run", "labels"]).succeeded();
    assert_eq!(rows(&project, "select count(*) as n from labels where era = '2009 and earlier'"), ["5"]);
    // What is wrong with the table is said all at once, and the old result stays.
    std::fs::write(project.path("cars.csv"), format!("{csv}0.jpg,x,y\n../1.jpg,x,y\n")).unwrap();
    let called = project.call(&["run", "labels"]).failed(4, "cars.csv has 2 rows that cannot be used");
    assert!(called.stderr.contains("line 10: 0.jpg is in line 2 already"), "{}", called.stderr);
    assert!(called.stderr.contains("line 11: ../1.jpg does not lie below the folder"), "{}", called.stderr);
    std::fs::write(project.path("cars.csv"), format!("{csv}9.jpg,x,y\n")).unwrap();
    let called = project.call(&["run", "labels"]).failed(4, "1 of 9 photos cannot be used");
    assert!(called.stderr.contains("9.jpg: line 10: there is no photo photos/9.jpg"), "{}", called.stderr);
    assert_eq!(rows(&project, "select count(*) as n from labels"), ["8"]);
}

#[test]
fn a_parquet_table_and_its_photos_are_read() {
    let project = project("source = \"table\"\ntable = \"listings/cars.parquet\"");
    let numbers = 0..8_u32;
    for i in numbers.clone() {
        write(&project, &format!("listings/{i}.jpg"), &photo(i));
    }
    let names: Vec<_> = numbers.clone().map(|i| format!("{i}.jpg")).collect();
    let classes: Vec<_> = numbers.map(|i| format!("BMW X5 SUV {}", 2005 + i)).collect();
    let frame = marque_formats::Frame::new()
        .with_text("file_name", names.iter().map(String::as_str))
        .with_text("class_name", classes.iter().map(String::as_str));
    frame.write(&project.path("listings/cars.parquet")).unwrap();
    let called = project.call(&["run", "labels"]).succeeded();
    assert!(called.stdout.contains("a table of 8 rows"), "{}", called.stdout);
    assert_eq!(rows(&project, "select count(*) as n from labels where era = '2009 and earlier'"), ["5"]);
}

/// The configuration that the README shows for photos of one's own.
fn shown_in_the_readme() -> String {
    let readme = include_str!("../README.md");
    let own = &readme[readme.find("## Your own photos").unwrap()..];
    let start = own.find("```toml\n").unwrap() + "```toml\n".len();
    own[start..][..own[start..].find("```").unwrap()].to_owned()
}

#[test]
fn photos_and_three_columns_become_a_model_with_the_ten_lines_of_the_readme() {
    let configuration = shown_in_the_readme();
    assert_eq!(configuration.lines().count(), 10, "{configuration}");
    let project = Project::new(&configuration);
    let mut csv = String::from("file_name,brand,colour\n");
    for i in 0..40 {
        write(&project, &format!("photos/{i}.jpg"), &photo(i));
        let (brand, colour) = (["Audi", "BMW"][i as usize % 2], ["red", "", "blue"][i as usize % 3]);
        csv.push_str(&format!("{i}.jpg,{brand},{colour}\n"));
    }
    std::fs::write(project.path("cars.csv"), csv).unwrap();
    let called = project.call(&["run", "--set", "train.epochs=1", "--set", "preprocess.size=32"]).succeeded();
    assert_eq!(called.ran().len(), 5, "{}", called.stdout);
    let text = std::fs::read_to_string(project.path("data/train/current/model/config.json")).unwrap();
    for word in ["brand", "Audi", "BMW", "colour", "blue", "red"] {
        assert!(text.contains(&format!("\"{word}\"")), "{word} is not in {text}");
    }
    assert!(project.path("data/evaluate/current/report.html").exists());
}

#[test]
fn missing_labels_and_tags_are_fine_tuned_on_as_the_readme_shows() {
    let readme = include_str!("../README.md");
    let shown = &readme[readme.find("To fine-tune pretrained weights on").unwrap()..];
    let block = |fence: &str| {
        let start = shown.find(fence).unwrap() + fence.len();
        &shown[start..][..shown[start..].find("```").unwrap()]
    };
    let (table, configuration) = (block("```\n"), block("```toml\n"));
    let project = Project::new(configuration);
    // Any weights of torchvision's names do: those of another training.
    let trained = Project::finished();
    let pretrained = trained.path("data/train/current/model/model.safetensors");
    std::fs::copy(pretrained, project.path("resnet18.safetensors")).unwrap();
    let rows: Vec<_> = table.lines().skip(1).collect();
    let mut csv = format!("{}\n", table.lines().next().unwrap());
    for i in 0..45_usize {
        write(&project, &format!("photos/{i}.jpg"), &photo(i as u32));
        let (_, labels) = rows[i % rows.len()].split_once(',').unwrap();
        csv.push_str(&format!("{i}.jpg,{labels}\n"));
    }
    std::fs::write(project.path("cars.csv"), csv).unwrap();
    let called = project.call(&["run", "--set", "train.epochs=3", "--set", "preprocess.size=32"]).succeeded();
    assert_eq!(called.ran().len(), 5, "{}", called.stdout);
    let metrics = std::fs::read_to_string(project.path("data/evaluate/current/metrics.json")).unwrap();
    for word in ["Audi", "BMW", "roof", "alloys", "average_precision"] {
        assert!(metrics.contains(word), "{word} is not in {metrics}");
    }
}

#[test]
fn broken_photos_are_left_out_and_listed() {
    let project = project("source = \"folders\"\npath = \"cars\"\nmax_rejected = 0.2");
    for i in 0..9 {
        write(&project, &format!("cars/BMW X5 SUV 2007/{i}.jpg"), &photo(i));
    }
    write(&project, "cars/BMW X5 SUV 2007/cut.jpg", &photo(9)[..300]);
    write(&project, "cars/BMW X5 SUV 2007/twin of 3.jpg", &photo(3));
    let called = project.call(&["run", "ingest"]).succeeded();
    assert!(
        called.stdout.contains("1 file left out, 2 photos in 1 group of duplicates"),
        "{}",
        called.stdout
    );
    assert!(called.stderr.contains("cut.jpg is left out: the JPEG data end before"), "{}", called.stderr);
    let strict = project.call(&["run", "ingest", "--set", "dataset.max_rejected=0"]);
    strict.failed(4, "1 of 11 photos cannot be used");
}

#[test]
fn archives_that_mean_harm_are_refused() {
    let project = project("source = \"folders\"\npath = \"cars.zip\"");
    let mut writer = zip::ZipWriter::new(std::fs::File::create(project.path("cars.zip")).unwrap());
    writer.start_file("A/../../../escaped.jpg", zip::write::SimpleFileOptions::default()).unwrap();
    writer.write_all(&photo(1)).unwrap();
    writer.finish().unwrap();
    project
        .call(&["run", "ingest"])
        .failed(4, "refused to unpack cars.zip: the path \"A/../../../escaped.jpg\" leads out of it");
}
