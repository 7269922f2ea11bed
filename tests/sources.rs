//! Sources of photos other than the published copies, from the user's files to the label tables, through the program.

use std::io::{Cursor, Write};
use std::path::Path;

use image::{ImageFormat, Rgb, RgbImage};
use marque_formats::{AnnotationTable, CellValue};

use crate::project::Project;

/// Heads that fit any source with class names.
const HEADS: &str = r#"
[[heads]]
name = "era"
rule = "year"
breaks = [2009]
"#;

pub(crate) fn project(dataset: &str) -> Project {
    Project::new(&format!("[dataset]\n{dataset}\n{HEADS}"))
}

pub(crate) fn photo(number: u32) -> Vec<u8> {
    let picture = RgbImage::from_fn(48, 32, |x, y| {
        let wave = |f: f64| (127.0 + 120.0 * (f * f64::from(number + 1) * 0.11).sin()) as u8;
        Rgb([wave(f64::from(x)), wave(f64::from(y)), wave(f64::from(x) - f64::from(y))])
    });
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

pub(crate) fn write(project: &Project, name: &str, bytes: &[u8]) {
    let path = project.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

/// The rows that a query gives, with single spaces between columns.
#[track_caller]
pub(crate) fn rows(project: &Project, sql: &str) -> Vec<String> {
    let called = project.call(&["sql", sql]).succeeded();
    called.stdout.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// Photos by split, for [`rows`].
pub(crate) const BY_SPLIT: &str = "select split, count(*) as n from labels group by split order by split";

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
    let table = AnnotationTable::read(&project.path("data/ingest/current/metadata/table.parquet")).unwrap();
    let text = |text: &str| Some(CellValue::from(text));
    let list = |tags: &[&str]| Some(CellValue::List(tags.iter().map(|tag| (*tag).to_owned()).collect()));
    let row = |name: &str| table.rows.iter().find(|row| row.file_name == name).unwrap();
    assert_eq!(table.columns, ["colour", "doors", "extras"]);
    assert_eq!(row("train/00000.jpg").values, [text("red"), text("3"), list(&[])]);
    assert_eq!(row("test/00008.jpg").values, [text("red"), text("5"), list(&["roof", "alloys"])]);
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
    let frame = marque_formats::Table::new()
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
fn photos_and_three_columns_become_a_model_with_the_few_lines_of_the_readme() {
    let configuration = shown_in_the_readme();
    assert_eq!(configuration.lines().filter(|line| !line.is_empty()).count(), 14, "{configuration}");
    let project = Project::new(&configuration);
    // In place of torchvision's, which are not downloaded here, those of another training.
    let trained = Project::finished();
    let pretrained = trained.path("data/train/current/model/model.safetensors");
    std::fs::copy(pretrained, project.path("own.safetensors")).unwrap();
    let mut csv = String::from("file_name,brand,colour\n");
    for i in 0..40 {
        write(&project, &format!("photos/{i}.jpg"), &photo(i));
        let (brand, colour) = (["Audi", "BMW"][i as usize % 2], ["red", "", "blue"][i as usize % 3]);
        csv.push_str(&format!("{i}.jpg,{brand},{colour}\n"));
    }
    std::fs::write(project.path("cars.csv"), csv).unwrap();
    let set = ["train.weights=own.safetensors", "train.epochs=1", "preprocess.size=32"];
    let set: Vec<_> = set.iter().flat_map(|pair| ["--set", pair]).collect();
    let called = project.call(&[&["run"], &set[..]].concat()).succeeded();
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
    let shown = &readme[readme.find("An empty cell is an unknown label").unwrap()..];
    let block = |fence: &str| {
        let start = shown.find(fence).unwrap() + fence.len();
        &shown[start..][..shown[start..].find("```").unwrap()]
    };
    let (table, configuration) = (block("```\n"), block("```toml\n"));
    let project = Project::new(configuration);
    // Any weights of torchvision's names do: those of another training.
    let trained = Project::finished();
    let pretrained = trained.path("data/train/current/model/model.safetensors");
    std::fs::copy(pretrained, project.path("own.safetensors")).unwrap();
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

#[test]
fn the_store_beside_the_photos_is_no_input() {
    let project = project("source = \"folders\"\npath = \".\"");
    for i in 0..6 {
        write(&project, &format!("BMW X5 SUV 2007/{i}.jpg"), &photo(i));
        write(&project, &format!("Fiat 500 Abarth 2012/{i}.jpg"), &photo(i + 10));
    }
    for ran in [&["ingest", "labels"][..], &[], &[]] {
        let called = project.call(&["run", "labels"]).succeeded();
        assert_eq!(called.ran(), ran, "{}", called.stdout);
        assert_eq!(rows(&project, "select count(*) as n from photos"), ["12"]);
    }
    let inside = ["run", "labels", "--set", "dataset.path=data/ingest/current/photos"];
    project.call(&inside).failed(4, "marque's own store of results, and nothing of that is read as input");
}

#[test]
fn files_that_are_not_taken_are_counted() {
    let folders = project("source = \"folders\"\npath = \"cars\"");
    for (name, number) in [("cars/A 2008/1.jpg", 1), ("cars/B 2012/2.jpg", 2), ("cars/.old/3.jpg", 3)] {
        write(&folders, name, &photo(number));
    }
    write(&folders, "cars/B 2012/notes.txt", b"mine");
    write(&folders, "cars/A 2008/._1.jpg", b"of macOS");
    write(&folders, "cars/A 2008/.DS_Store", b"of macOS");
    let said = folders.call(&["run", "ingest"]).succeeded().stdout;
    assert!(
        said.contains("2 files are passed over, hidden or no photos by name and content, such as .old/3.jpg"),
        "{said}"
    );
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/hugging-face");
    let parquet = project("source = \"hugging-face\"\npath = \"cars\"");
    for (part, name) in [("train", "cars/train.parquet"), ("test", "cars/test.pq")] {
        let content = std::fs::read(fixture.join(format!("{part}-00000-of-00001.parquet"))).unwrap();
        write(&parquet, name, &content);
    }
    write(&parquet, "cars/README.md", b"about it");
    let said = parquet.call(&["run", "ingest"]).succeeded().stdout;
    for part in [
        "1 file is Parquet by content, though not by name, and taken, such as test.pq",
        "1 file is passed over, hidden or no Parquet by name and content, such as README.md",
    ] {
        assert!(said.contains(part), "{part:?} is not in\n{said}");
    }
}
