//! Looking into the tables.

use crate::project::{PIPELINE, Project};

#[test]
fn tables_can_be_asked_in_sql() {
    let project = Project::finished();
    let sql = "select type, count(*) as n from labels group by type order by n desc, type";
    let called = project.call(&["sql", sql]).succeeded();
    let counts: u64 = called
        .stdout
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().last().unwrap().parse::<u64>().unwrap())
        .sum();
    assert_eq!(counts, 72, "{}", called.stdout);
    let joined = "select count(*) as n from labels join predictions on labels.file_name = predictions.file_name \
                  where labels.brand = predictions.brand";
    let called = project.call(&["sql", joined]).succeeded();
    assert_eq!(called.stdout.lines().nth(1).map(str::trim), Some("16"), "{}", called.stdout);
    project.call(&["sql", "select nothing from labels"]).failed(2, "there is no column `nothing`");
}

#[test]
fn answers_can_be_json() {
    let project = Project::finished();
    let sql = "select type, count(*) as n from labels group by type order by type";
    let called = project.call(&["sql", sql, "--json"]).succeeded();
    let rows: Vec<serde_json::Value> = serde_json::from_str(&called.stdout).unwrap();
    assert_eq!(rows.iter().map(|row| row["n"].as_u64().unwrap()).sum::<u64>(), 72);
    let called = project.call(&["inspect", "labels", "--json", "--where", "brand = 'Ford'"]).succeeded();
    let summary: serde_json::Value = serde_json::from_str(&called.stdout).unwrap();
    let ford =
        &summary["heads"][0]["classes"].as_array().unwrap().iter().find(|c| c["name"] == "Ford").unwrap();
    assert_eq!(summary["rows"], ford["all"]);
    let called = project.call(&["inspect", "photos", "--json", "--limit", "3"]).succeeded();
    let rows: Vec<serde_json::Value> = serde_json::from_str(&called.stdout).unwrap();
    assert_eq!(rows.len(), 3);
    assert!(rows[0]["brand"].is_string(), "the labels stand beside the photos: {}", rows[0]);
}

#[test]
fn every_table_can_be_inspected() {
    let project = Project::finished();
    let tables = [
        "labels",
        "classes",
        "weights",
        "leaks",
        "crops",
        "photos",
        "duplicates",
        "rejected",
        "index",
        "history",
        "predictions",
    ];
    for table in tables {
        let called = project.call(&["inspect", table]).succeeded();
        assert!(called.stdout.lines().count() > 2, "{table}: {}", called.stdout);
        for line in called.stdout.lines() {
            assert!(line.chars().count() <= 80, "{table}: {line}");
        }
        project.call(&["sql", &format!("select count(*) from {table}")]).succeeded();
    }
    let labels = project.call(&["inspect"]).succeeded();
    assert!(labels.stdout.starts_with("72 rows, 45 train, 11 validation, 16 test"), "{}", labels.stdout);
    let ford = project.call(&["inspect", "--head", "era", "--where", "brand = 'Ford'"]).succeeded();
    assert!(ford.stdout.contains(" of 72 rows where brand = 'Ford': "), "{}", ford.stdout);
    project.call(&["inspect", "nothing"]).failed(2, "there is no table `nothing`");
    Project::new(PIPELINE).call(&["inspect"]).failed(4, "has not been written yet");
}

#[test]
fn photos_are_put_on_one_picture() {
    let project = Project::finished();
    let out = project.path("grid.png");
    let condition = "type = 'SUV' and split = 'train'";
    let called = project.call(&["inspect", "photos", "--where", condition, "--out", "grid.png"]).succeeded();
    assert!(
        called.stdout.starts_with("grid.png: ") && called.stdout.contains(" pixels"),
        "{}",
        called.stdout
    );
    assert!(std::fs::read(&out).unwrap().starts_with(b"\x89PNG"));
    std::fs::remove_file(&out).unwrap();
    project
        .call(&["inspect", "photos", "--where", "year = 1", "--out", "grid.png"])
        .failed(2, "no photo fits");
    assert!(!out.exists());
}

#[test]
fn a_picture_taller_than_programs_show_is_refused_with_advice() {
    // Photos of one pixel each.
    let project = Project::new(
        "[dataset]\nsource = \"folders\"\npath = \"cars\"\nnear_duplicates = false\n\
        [[heads]]\nname = \"x\"\nrule = \"column\"\ncolumn = \"class_name\"\n",
    );
    std::fs::create_dir_all(project.path("cars/A")).unwrap();
    for i in 0..2600_u32 {
        let shade = image::Rgb([(i % 256) as u8, (i / 256) as u8, 7]);
        image::RgbImage::from_pixel(1, 1, shade).save(project.path(&format!("cars/A/{i:04}.png"))).unwrap();
    }
    project.call(&["run", "ingest"]).succeeded();
    let all = ["inspect", "photos", "--out", "grid.png", "--limit"];
    let called = project.call(&[&all[..], &["2600"]].concat()).failed(2, "pixels tall, more than the 65500");
    let advice = called.stderr.split("`--limit ").nth(1).unwrap().split('`').next().unwrap().to_owned();
    assert!(!project.path("grid.png").exists());
    project.call(&[&all[..], &[advice.as_str()]].concat()).succeeded();
}

#[test]
fn photos_can_be_looked_at_before_they_are_labelled() {
    let project = Project::new(PIPELINE);
    project.call(&["run", "ingest"]).succeeded();
    project.call(&["inspect", "photos", "--limit", "5", "--out", "grid.jpg"]).succeeded();
    let called = project.call(&["inspect", "photos", "--where", "brand = 'Ford'"]);
    called.failed(2, "there is no column `brand`; the columns are file_name, bytes");
    project.call(&["inspect", "labels"]).failed(4, "the table `labels` has not been written yet");
    project.call(&["sql", "select * from labels"]).failed(4, "the table `labels` has not been written yet");
}

#[test]
fn questions_that_make_no_sense_are_answered_with_help() {
    let project = Project::finished();
    let cases: [(&[&str], &[&str]); 9] = [
        (&["inspect", "--where", "yaer > 2000"], &["did you mean `year`?"]),
        (&["inspect", "--where", "type = \"SUV\""], &["no column `SUV`", "hint:", "text in single ones"]),
        (&["inspect", "--where", "year >="], &["unable to parse 'year >='"]),
        (&["inspect", "--head", "brnd"], &["did you mean `brand`?", "brand, type, era"]),
        (&["inspect", "crops", "--head", "brand"], &["--head goes with"]),
        (&["inspect", "labels", "--out", "x.png"], &["--out goes with"]),
        (&["inspect", "photos", "--out", "x.foo"], &["cannot write x.foo"]),
        (&["inspect", "photos", "--out", "x.png", "--json"], &["cannot be used with"]),
        (
            &["sql", "select * from label"],
            &["there is no table `label`", "hint: the tables are labels, classes"],
        ),
    ];
    for (arguments, parts) in cases {
        let mut called = project.call(arguments);
        for part in parts {
            called = called.failed(2, part);
        }
    }
}

#[test]
fn the_number_of_classes_listed_can_be_chosen() {
    let project = Project::finished();
    let called = project.call(&["inspect", "labels", "--head", "type", "--limit", "2"]).succeeded();
    assert!(called.stdout.contains("… 3 smaller classes (--limit 5 shows all)"), "{}", called.stdout);
    let called = project.call(&["inspect", "labels", "--head", "type", "--limit", "5"]).succeeded();
    assert!(!called.stdout.contains("smaller class"), "{}", called.stdout);
}

/// `marque … | head` ends well: a reader that has seen enough is no error.
#[test]
fn output_may_be_cut_off() {
    use std::io::Read;
    let project = Project::finished();
    for arguments in [&["sql", "select * from photos, labels", "--json"][..], &["inspect", "classes"]] {
        let mut child = project.command(arguments).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut first = [0];
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut first).unwrap();
        drop(stdout);
        assert_eq!(child.wait().unwrap().code(), Some(0), "{arguments:?}");
    }
}

/// Names come from outside, and a terminal takes orders.
#[test]
fn names_give_no_orders_to_the_terminal() {
    let project = Project::finished();
    let sql = "select '\u{1b}[2Jgpj.\u{202e}exe' as name";
    let table = project.call(&["sql", sql]).succeeded();
    assert!(table.stdout.contains("\\u001b[2Jgpj.\\u202eexe"), "{}", table.stdout);
    let rows = project.call(&["sql", sql, "--json"]).succeeded();
    let value: serde_json::Value = serde_json::from_str(&rows.stdout).unwrap();
    assert_eq!(value[0]["name"], "\u{1b}[2Jgpj.\u{202e}exe", "JSON keeps what there is");
    let error = project.call(&["run", "la\u{1b}[2J\u{202e}bels"]).failed(2, "\\u001b[2J\\u202ebels");
    for text in [table.stdout, rows.stdout, error.stderr] {
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    }
}
