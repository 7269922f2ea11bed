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
    project.call(&["sql", "select nothing from labels"]).failed(2, "the query failed");
}

#[test]
fn every_table_can_be_inspected() {
    let project = Project::finished();
    for table in ["labels", "classes", "photos", "crops", "index", "history", "predictions"] {
        let called = project.call(&["inspect", table]).succeeded();
        assert!(called.stdout.lines().count() > 2, "{table}: {}", called.stdout);
    }
    let labels = project.call(&["inspect"]).succeeded();
    assert!(labels.stdout.starts_with("72 rows, 45 train, 11 validation, 16 test"), "{}", labels.stdout);
    project.call(&["inspect", "nothing"]).failed(2, "there is no table `nothing`");
    Project::new(PIPELINE).call(&["inspect"]).failed(4, "has not been written yet");
}
