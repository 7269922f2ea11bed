//! `marque predict`: answers about photos, in each of its forms, and what it says where there is none.

use marque_formats::{Column, Table};
use serde_json::Value;

use crate::project::Project;

const PHOTO: &str = "data/ingest/current/photos/cars_test/00001.jpg";

/// A folder with two photos and a file that is none, and a table of them with the box of one.
fn folder(project: &Project) {
    let photos = project.path("photos");
    std::fs::create_dir_all(photos.join("more")).unwrap();
    std::fs::copy(project.path(PHOTO), photos.join("a.jpg")).unwrap();
    std::fs::copy(project.path(&PHOTO.replace("00001", "00002")), photos.join("more/b.jpg")).unwrap();
    std::fs::write(photos.join("list.txt"), "no photo").unwrap();
    std::fs::write(photos.join(".DS_Store"), "hidden").unwrap();
    let cache = photos.join("cache");
    std::fs::create_dir(&cache).unwrap();
    std::fs::write(cache.join("c.jpg"), "of a cache").unwrap();
    let tag = "Signature: 8a477f597d28d172789f06886806bc55\n";
    std::fs::write(cache.join("CACHEDIR.TAG"), tag).unwrap();
    let table = "file_name,bbox_x1,bbox_y1,bbox_x2,bbox_y2\na.jpg,10,10,120,100\nmore/b.jpg,,,,\n";
    std::fs::write(photos.join("cars.csv"), table).unwrap();
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn every_form_tells_the_same_answers() {
    let project = Project::finished();
    folder(&project);
    let called = project.call(&["predict", "photos", "--json", "--top", "2"]);
    assert_eq!(called.code, Some(4), "{}", called.stderr);
    assert!(called.stderr.contains("2 photos have no answer"), "{}", called.stderr);
    let answers = lines(&called.stdout);
    let photos: Vec<_> = answers.iter().map(|answer| answer["photo"].as_str().unwrap()).collect();
    assert_eq!(photos, ["photos/a.jpg", "photos/cars.csv", "photos/list.txt", "photos/more/b.jpg"]);
    assert!(answers[2]["error"].as_str().unwrap().contains("JPEG"), "{}", answers[2]);
    let brand = &answers[0]["heads"]["brand"];
    assert_eq!(brand["top"].as_array().map(Vec::len), Some(2));
    assert_eq!(brand["top"][0]["class"], brand["answer"]);
    assert_eq!(answers[0]["box"]["from"], "found", "the sample's photos have boxes to learn from");

    let csv = project.call(&["predict", "photos", "--csv"]).stdout;
    let csv: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(csv[0][..3], ["photo", "brand", "brand_probability"]);
    assert_eq!((csv[1][0], csv[1][1]), ("photos/a.jpg", brand["answer"].as_str().unwrap()));

    let called = project.call(&["predict", "photos", "--parquet", "answers.parquet"]);
    assert_eq!(called.code, Some(4));
    let table = Table::read(&project.path("answers.parquet")).unwrap();
    let Some(Column::Text(brands)) = table.column("brand") else { panic!("a column of brands") };
    assert_eq!((brands.len(), brands[0].as_deref()), (4, brand["answer"].as_str()));
    let Some(Column::Number(probabilities)) = table.column("brand_probability") else {
        panic!("probabilities")
    };
    // The reader of JSON may be off by the last bit.
    let [table, json] = [probabilities[0], brand["probability"].as_f64()].map(Option::unwrap);
    assert!((table - json).abs() < 1e-15, "{table} {json}");
    assert!(!project.path("answers.parquet.parts").exists());

    let shown = project.call(&["predict", PHOTO]).succeeded().stdout;
    assert!(shown.starts_with("photo") && shown.contains("brand") && shown.lines().count() == 2, "{shown}");
}

#[test]
fn where_the_network_looked_is_a_picture_beside_the_answers() {
    let project = Project::finished();
    folder(&project);
    let plain = project.call(&["predict", "photos", "--json"]);
    let called = project.call(&["predict", "photos", "--json", "--explain", "looked.png"]);
    assert_eq!((called.code, &called.stdout), (Some(4), &plain.stdout), "{}", called.stderr);
    // Two photos, each as it was seen and with an answer of three heads.
    let (width, height) = image::image_dimensions(project.path("looked.png")).unwrap();
    assert_eq!((width, height), (4 * (256 + 10) + 10, 2 * (256 + 2 * 16 + 20) + 10));
    for (out, reason) in
        [("looked.gif", "ends neither with .png nor with .jpg"), ("no/looked.png", "there is no folder no")]
    {
        project.call(&["predict", PHOTO, "--explain", out]).failed(2, reason);
    }
}

/// The photos of the test split are answered as `evaluate` has measured them, to the bit.
#[test]
fn answers_are_those_that_were_measured() {
    let project = Project::finished();
    let boxes = Table::read(&project.path("data/labels/current/labels.parquet")).unwrap();
    let measured = Table::read(&project.path("data/evaluate/current/predictions.parquet")).unwrap();
    let (Some(Column::Text(names)), Some(Column::Text(measured_names))) =
        (boxes.column("file_name"), measured.column("file_name"))
    else {
        panic!("names of files")
    };
    let side = |column: &str, row: usize| match boxes.column(column) {
        Some(Column::Integer(values)) => values[row].unwrap(),
        _ => panic!("no column {column}"),
    };
    let mut list = "file_name,bbox_x1,bbox_y1,bbox_x2,bbox_y2\n".to_owned();
    for name in measured_names.iter().flatten() {
        let row = names.iter().position(|known| known.as_ref() == Some(name)).unwrap();
        let sides = ["x1", "y1", "x2", "y2"].map(|column| side(column, row).to_string());
        list += &format!("data/ingest/current/photos/{name},{}\n", sides.join(","));
    }
    std::fs::write(project.path("test.csv"), list).unwrap();
    project.call(&["predict", "test.csv", "--parquet", "answers.parquet"]).succeeded();
    let answers = Table::read(&project.path("answers.parquet")).unwrap();
    for head in ["brand", "type", "era"] {
        let column = format!("{head}_probability");
        assert_eq!(answers.column(&column), measured.column(&column), "{head}");
        let (found, expected) = (answers.column(head), measured.column(&format!("{head}_predicted")));
        assert_eq!(found, expected);
    }
}

#[test]
fn a_model_folder_answers_elsewhere_and_without_a_configuration() {
    let project = Project::finished();
    let here = project.call(&["predict", PHOTO, "--json"]).succeeded().stdout;
    project.call(&["export", "--folder", "published"]).succeeded();
    let elsewhere = Project::new("");
    std::fs::remove_file(elsewhere.path("pipeline.toml")).unwrap();
    std::fs::rename(project.path("published"), elsewhere.path("model")).unwrap();
    std::fs::create_dir_all(elsewhere.path(PHOTO).parent().unwrap()).unwrap();
    std::fs::copy(project.path(PHOTO), elsewhere.path(PHOTO)).unwrap();
    let there = elsewhere.call(&["predict", "--model", "model", PHOTO, "--json"]).succeeded().stdout;
    assert_eq!(there, here);
}

#[test]
fn boxes_and_photos_come_as_people_have_them() {
    let project = Project::finished();
    folder(&project);
    let boxed = |arguments: &[&str]| {
        let called = project.call(&[&["predict", "--json"], arguments].concat()).succeeded();
        lines(&called.stdout)
    };
    let given = boxed(&["photos/a.jpg", "--box", "10,10,120,100"]);
    assert_eq!(given[0]["box"]["from"], "given");
    let listed = boxed(&["photos/cars.csv"]);
    assert_eq!((&listed[0]["heads"], &listed[0]["box"]), (&given[0]["heads"], &given[0]["box"]));
    assert_eq!(listed[1]["box"]["from"], "found");
    // As spreadsheets write tables, and as pandas does.
    let spreadsheet = "\u{feff}file_name;bbox_x1;bbox_y1;bbox_x2;bbox_y2\r\n\"a.jpg\";10;10.0;120;100\r\n";
    std::fs::write(project.path("photos/sheet.csv"), spreadsheet).unwrap();
    let mut frame = Table::new().with("file_name", Column::Text(vec![Some("a.jpg".to_owned())]));
    for (name, side) in [("bbox_x1", 10), ("bbox_y1", 10), ("bbox_x2", 120), ("bbox_y2", 100)] {
        frame = frame.with(name, Column::Integer(vec![Some(side)]));
    }
    frame.write(&project.path("photos/frame.parquet")).unwrap();
    for table in ["photos/sheet.csv", "photos/frame.parquet"] {
        let listed = boxed(&[table]);
        assert_eq!((listed.len(), &listed[0]["heads"]), (1, &given[0]["heads"]), "{table}");
        assert_eq!(listed[0]["box"]["from"], "given");
    }
    let piped =
        |line: &str| project.shell(line).env("MARQUE", env!("CARGO_BIN_EXE_marque")).output().unwrap();
    let photo = piped("\"$MARQUE\" predict - --json < photos/a.jpg");
    let named = piped("ls photos/*.jpg | \"$MARQUE\" predict - --json");
    let heads = |out: &std::process::Output| lines(&String::from_utf8_lossy(&out.stdout))[0]["heads"].clone();
    assert_eq!(heads(&photo), heads(&named));
}

#[test]
fn what_cannot_be_answered_is_told_before_anything_is() {
    let project = Project::finished();
    folder(&project);
    std::fs::write(project.path("names.csv"), "name\na.jpg\n").unwrap();
    std::fs::write(project.path("boxes.csv"), "file_name,bbox_x1,bbox_y1,bbox_x2,bbox_y2\na.jpg,1,2,x,4\n")
        .unwrap();
    for (arguments, code, said) in [
        (&["missing.jpg", "gone.jpg"][..], 4, "gone.jpg"),
        (&["names.csv"], 4, "there is no column file_name; columns: name"),
        (&["boxes.csv"], 4, "line 2: bbox_x2 = x is not a whole number of pixels"),
        (&["photos", "--box", "1,2,3,4"], 2, "--box is for one photo"),
        (&["photos/a.jpg", "--box", "4,3,2,1"], 2, "left, top, right, bottom"),
        (&["photos/a.jpg", "--target-precision", "95"], 2, "such as 0.95"),
        (&["photos/a.jpg", "--model", "nowhere"], 4, "config.json"),
        (&["photos/a.jpg", "--json", "--csv"], 2, "cannot be used with"),
    ] {
        let called = project.call(&[&["predict"], arguments].concat());
        assert_eq!(called.code, Some(code), "{arguments:?}: {}", called.stderr);
        assert!(called.stderr.contains(said) && called.stdout.is_empty(), "{arguments:?}: {}", called.stderr);
    }
    let untrained = Project::new(crate::project::PIPELINE);
    let called = untrained.call(&["predict", "pipeline.toml"]);
    assert!(called.stderr.contains("run `marque run train` first"), "{}", called.stderr);
}

/// A table that an interrupted run has begun goes on after its parts, and is that of a run in one go.
#[test]
fn an_interrupted_table_goes_on_where_it_was() {
    let project = Project::finished();
    let photos = "data/ingest/current/photos/cars_train";
    project.call(&["predict", photos, "--parquet", "whole.parquet"]).succeeded();
    // As if the run had ended after the photos of one part: the parts of a shorter run of the same photos.
    let mut child = project.command(&["predict", photos, "--parquet", "again.parquet"]).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    let _ = child.kill();
    child.wait().unwrap();
    project.call(&["predict", photos, "--parquet", "again.parquet"]).succeeded();
    let read = |name: &str| std::fs::read(project.path(name)).unwrap();
    assert_eq!(read("again.parquet"), read("whole.parquet"));
}

/// Most memory that a call of the program takes, in KiB.
#[cfg(target_os = "linux")]
fn peak_memory(project: &Project, arguments: &[&str]) -> u64 {
    let mut child = project.command(arguments).stdout(std::process::Stdio::null()).spawn().unwrap();
    let mut peak = 0;
    while child.try_wait().unwrap().is_none() {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let read = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = read.unwrap_or(0).max(peak);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(child.wait().unwrap().success());
    peak
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "takes a minute or two"]
fn a_folder_of_twenty_thousand_photos_takes_no_more_memory_than_one_of_two_thousand() {
    let project = Project::finished();
    let (few, many) = (project.path("few"), project.path("many"));
    for (folder, photos) in [(&few, 2_000), (&many, 20_000)] {
        std::fs::create_dir(folder).unwrap();
        for photo in 0..photos {
            std::fs::hard_link(project.path(PHOTO), folder.join(format!("{photo:05}.jpg"))).unwrap();
        }
    }
    let peak = |folder| peak_memory(&project, &["predict", folder, "--parquet", "answers.parquet"]);
    let [few, many] = ["few", "many"].map(peak);
    assert!(many < few + few / 5, "{many} KiB after {few} KiB");
}
