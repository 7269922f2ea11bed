//! `marque init`: from photos and tables of every kind to a configuration that is understood at once.

use std::path::Path;

use marque_fixtures::server::{Reply, Server};

use crate::named_weights::mirrored;
use crate::project::{Called, Project};
use crate::published::publish;
use crate::sources::{photo, rows, write};

/// A folder without a configuration.
fn bare() -> Project {
    let project = Project::new("");
    std::fs::remove_file(project.path("pipeline.toml")).unwrap();
    project
}

/// 48 photos and a table with columns of all kinds; two rows have no photo, and a photo has no row.
fn own(photos: &str, table: &str) -> Project {
    let project = bare();
    let mut csv = String::from("id;Foto;Marke;extras;Preis;year;note;empty\n");
    for i in 0..48_u32 {
        let name = format!("Wagen {i:02}.jpg");
        if i >= 2 {
            write(&project, &format!("{photos}/{name}"), &photo(i));
        }
        let make = ["Audi", "BMW", "Fiat"][i as usize % 3];
        let extras = ["roof|alloys", "none", "", "alloys"][i as usize % 4];
        let note = format!("number {i} of a long list of cars that somebody has seen");
        csv.push_str(&format!("A{i};{name};{make};{extras};{}.5;{};{note};\n", 900 + i * 37, 2001 + i % 14));
    }
    write(&project, &format!("{photos}/without row.jpg"), &photo(99));
    write(&project, &format!("{photos}/notes.txt"), b"no photo");
    write(&project, table, csv.as_bytes());
    project
}

fn pipeline(project: &Project) -> String {
    std::fs::read_to_string(project.path("pipeline.toml")).unwrap()
}

#[track_caller]
fn says(called: &Called, parts: &[&str]) {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(words(&called.stdout).contains(part), "{part:?} is not in\n{}", called.stdout);
    }
    assert!(called.stdout.lines().all(|line| line.chars().count() <= 80), "{}", called.stdout);
}

#[test]
fn a_table_and_its_photos_become_a_configuration_that_runs() {
    let project = own("my photos", "my cars.csv");
    let called = project.call(&["init", "my photos", "my cars.csv"]).succeeded();
    says(
        &called,
        &[
            "46 photos in my photos, named in the column Foto of my cars.csv",
            "48 × 32 pixels",
            "2 rows have no photo and will be left out: Wagen 00.jpg, Wagen 01.jpg",
            "1 file is no photo: notes.txt",
            "1 photo is in no row of the table: without row.jpg",
            "marke column Marke 3 0 Fiat 34.8%",
            "extras column extras 2 tags 12 alloys 67.6%",
            "era years 2, up to 2007 0",
            "no head of id: nearly every photo has another value, as ids have",
            "no head of Preis: it holds numbers, from 974.5 to 2639.5, which are no classes",
            "no head of note: nearly every photo has another value",
            "no head of empty: all its cells are empty",
            "pipeline.toml is written.",
            "from ImageNet's weights, which the first run downloads (87.3 MB)",
            "next: marque run",
        ],
    );
    let text = pipeline(&project);
    for line in [
        "# Written by `marque init 'my photos' 'my cars.csv'`.",
        "table = \"my cars.csv\"",
        "file_column = \"Foto\"",
        "path = \"my photos\"",
        "weights = \"resnet34\"",
        "size = 64",
        "column = \"Marke\"",
        "breaks = [2007]",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    let labelled = project.call(&["run", "labels"]).succeeded();
    assert_eq!(labelled.ran(), ["ingest", "labels"]);
    assert_eq!(rows(&project, "select count(*) as n from labels where marke = 'BMW'"), ["15"]);
    // Nothing is downloaded by a test: what is missing is said.
    let offline = project.call(&["run", "--offline"]).failed(4, "1 file is missing");
    assert!(
        offline.stderr.contains("downloads/resnet34-b627a593.pth  87,319,819 bytes"),
        "{}",
        offline.stderr
    );
}

#[test]
fn more_missing_photos_than_usual_are_allowed_for_and_said() {
    let project = own("photos", "cars.csv");
    for i in 2..7 {
        std::fs::remove_file(project.path(&format!("photos/Wagen {i:02}.jpg"))).unwrap();
    }
    project.call(&["init", "photos", "cars.csv"]).succeeded();
    let text = pipeline(&project);
    assert!(text.contains("max_rejected = 0.17    # 15% of the photos are missing"), "{text}");
    project.call(&["run", "ingest"]).succeeded();
}

#[test]
fn the_path_of_the_readme_leads_to_a_trained_model() {
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let block = readme.split("```console\n").find(|block| block.starts_with("$ marque init ")).unwrap();
    let mut commands = block.split("```").next().unwrap().lines().filter_map(|line| {
        line.split('#').next().unwrap_or_default().trim().strip_prefix("$ marque ").map(str::to_owned)
    });
    let project = bare();
    let mut csv = String::from("file_name,brand,colour\n");
    for i in 0..24_u32 {
        write(&project, &format!("photos/{i}.jpg"), &photo(i));
        csv.push_str(&format!("{i}.jpg,{},red\n", ["Audi", "BMW"][i as usize % 2]));
    }
    write(&project, "cars.csv", csv.as_bytes());
    let init = commands.next().unwrap();
    project.call(&init.split(' ').collect::<Vec<_>>()).succeeded();
    // The published weights of another backbone, from a mirror of this test's own.
    project.edit("weights = \"resnet34\"", "weights = \"resnet18\"");
    let weights =
        std::fs::read(Project::finished().path("data/train/current/model/model.safetensors")).unwrap();
    let content = weights.clone();
    let server = Server::start(move |request, _| Reply::file(&content, "\"v1\"", request));
    mirrored(&project, &weights, &server);
    let run = commands.next().unwrap();
    let run: Vec<_> = run.split(' ').chain(["--set", "train.epochs=1"]).collect();
    let called = project.call(&run).succeeded();
    assert_eq!(called.ran(), ["ingest", "labels", "preprocess", "train", "evaluate"], "{}", called.stdout);
    assert!(
        called.stdout.contains("downloads/resnet18-f37072fd.pth was downloaded from"),
        "{}",
        called.stdout
    );
}

#[test]
fn a_configuration_that_is_there_is_not_written_over() {
    let project = own("photos", "cars.csv");
    std::fs::write(project.path("pipeline.toml"), "# mine\n").unwrap();
    project.call(&["init", "photos", "cars.csv"]).failed(2, "pipeline.toml is there already");
    assert_eq!(pipeline(&project), "# mine\n");
    let called = project.call(&["init", "photos", "cars.csv", "--output", "runs/a b.toml"]).succeeded();
    says(&called, &["next: marque run --config 'runs/a b.toml'"]);
    // Its paths start at its own folder, and the photos lie elsewhere.
    project.call(&["run", "labels", "--config", "runs/a b.toml"]).succeeded();
    project.call(&["init", "photos", "cars.csv", "--force"]).succeeded();
    assert!(pipeline(&project).contains("[[heads]]"));
}

#[test]
fn folders_of_classes_are_heads_by_name_and_by_parts_of_names() {
    let project = bare();
    for (class, name) in
        ["Audi TT Coupe 2012", "Audi A4 Sedan 2008", "Fiat Panda SUV 2012"].iter().enumerate()
    {
        for i in 0..8_u32 {
            write(&project, &format!("cars/all/{name}/{i}.jpg"), &photo(i + 8 * class as u32));
        }
    }
    write(&project, "cars/stray.jpg", &photo(77));
    write(&project, "cars/all/Thumbs.db", b"no photo");
    let called = project.call(&["init", "cars"]).succeeded();
    says(
        &called,
        &[
            "24 photos in cars, each in the folder of its class",
            "1 photo lies in no folder of a class and will be left out: stray.jpg",
            "1 file is no photo: all/Thumbs.db",
            "photos lie several folders deep",
            "brand makes in class names 2",
            "type words in class names 3",
            "era years in class names 2, up to 2008",
            "class column class_name 3 0",
        ],
    );
    project.call(&["run", "labels"]).succeeded();
    let brands = rows(&project, "select brand, count(*) as n from labels group by brand order by brand");
    assert_eq!(brands, ["Audi 16", "Fiat 8"]);
    assert_eq!(rows(&project, "select count(*) as n from labels where class = 'Audi TT Coupe 2012'"), ["8"]);
}

#[test]
fn parquet_with_photos_and_published_copies_are_recognised() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/hugging-face");
    let fixture = fixture.canonicalize().unwrap();
    let project = bare();
    let called = project.call(&["init", fixture.to_str().unwrap()]).succeeded();
    says(&called, &["9 photos in the Parquet files of", "class names are in the column label", "extras"]);
    assert!(pipeline(&project).contains("source = \"hugging-face\""));
    project.call(&["run", "labels"]).succeeded();

    let project = bare();
    publish(&project.path("downloads"));
    let called = project.call(&["init", "downloads"]).succeeded();
    says(&called, &["a copy of Stanford Cars, packed"]);
    let text = pipeline(&project);
    assert!(text.contains("source = \"published\"\npath = \"downloads\""), "{text}");
    assert!(text.contains("name = \"brand\"\nrule = \"make\"\nmin_images = 1000"), "{text}");
    // The drawn copy has fewer photos than the published one.
    project.call(&["run", "labels", "--set", "heads.0.min_images=1"]).succeeded();
}

#[test]
fn a_table_among_its_photos_is_found() {
    let project = own("photos", "photos/labels.csv");
    let called = project.call(&["init", "photos"]).succeeded();
    says(&called, &["the table labels.csv in the folder says what the photos show", "column Marke"]);
    project.call(&["run", "labels"]).succeeded();
    // A table alone has its photos beside it.
    project.call(&["init", "photos/labels.csv", "--force"]).succeeded();
    project.call(&["run", "labels"]).succeeded();
}

#[test]
fn what_leads_nowhere_says_why() {
    let project = bare();
    std::fs::create_dir(project.path("empty")).unwrap();
    project.call(&["init", "empty"]).failed(4, "there is no photo in empty");
    project.call(&["init", "nowhere"]).failed(4, "there is no such folder or file");
    for i in 0..5 {
        write(&project, &format!("flat/{i}.jpg"), &photo(i));
    }
    project.call(&["init", "flat"]).failed(4, "nothing says what its 5 photos show: name a table too");
    write(&project, "book.csv", b"PK\x03\x04 a workbook");
    project.call(&["init", "flat", "book.csv"]).failed(4, "it is a workbook of a spreadsheet program");
    write(&project, "other.csv", b"who,what\nme,that\n");
    let called = project.call(&["init", "flat", "other.csv"]);
    called.failed(
        4,
        "none of its columns names files below flat (columns: who, what; its first row is me, that)",
    );
    let table = (0..5).map(|i| format!("{i}.jpg,id-{i},Audi\n")).collect::<String>();
    write(&project, "same.csv", format!("file_name,id,brand\n{table}").as_bytes());
    let called = project.call(&["init", "flat", "same.csv"]).failed(4, "no column makes a head");
    assert!(called.stderr.contains("brand: it says Audi of every photo"), "{}", called.stderr);
    assert!(!project.path("pipeline.toml").exists());
}
