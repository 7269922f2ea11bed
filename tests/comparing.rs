//! `marque compare`: stores, tables and models against each other, and what cannot be compared.

use marque_formats::{Column, Table};
use serde_json::Value;

use crate::project::Project;

const PREDICTIONS: &str = "data/evaluate/current/predictions.parquet";

fn json(project: &Project, a: &str, b: &str) -> Value {
    serde_json::from_str(&project.call(&["compare", a, b, "--json"]).succeeded().stdout).unwrap()
}

/// A copy of the table with its columns changed.
fn changed(project: &Project, change: impl Fn(&str, &Column) -> Option<Column>) {
    let table = Table::read(&project.path(PREDICTIONS)).unwrap();
    let columns = table.columns().iter().filter_map(|(name, column)| Some((name, change(name, column)?)));
    let table = columns.fold(Table::new(), |table, (name, column)| table.with(name, column));
    table.write(&project.path("other.parquet")).unwrap();
}

#[test]
fn a_store_its_table_and_its_model_are_the_same() {
    let project = Project::finished();
    for same in ["data", "data/evaluate/current", PREDICTIONS, "data/train/current/model"] {
        let found = json(&project, "data", same);
        assert_eq!(found["different"], Value::Array(Vec::new()), "{same}");
        let heads = found["heads"].as_array().unwrap();
        let names: Vec<_> = heads.iter().map(|head| head["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["brand", "type", "era", "all heads"]);
        for head in heads {
            assert_eq!(head["photos"], found["photos"]);
            assert_eq!((&head["accuracy"]["difference"], &head["p_value"]), (&0.0.into(), &1.0.into()));
        }
    }
    let text = project.call(&["compare", "data", PREDICTIONS]).succeeded().stdout;
    assert!(text.contains("it may be chance at brand, type, era, all heads"), "{text}");
}

#[test]
fn what_differs_is_counted_and_listed_and_what_is_missing_is_told() {
    let project = Project::finished();
    // Another answer about the first photo, wherever it is right; era is unknown there, and one photo is another one.
    changed(&project, |name, column| match (name, column) {
        ("era_predicted" | "era_probability" | "era_probabilities" | "era_right" | "era", _) => None,
        ("brand_predicted", Column::Text(values)) => {
            let mut values = values.clone();
            values[0] = Some("Lada".to_owned());
            Some(Column::Text(values))
        }
        ("type", Column::Text(values)) => {
            let mut values = values.clone();
            values[1] = Some("Hearse".to_owned());
            Some(Column::Text(values))
        }
        ("file_name", Column::Text(values)) => {
            let mut values = values.clone();
            *values.last_mut().unwrap() = Some("elsewhere.jpg".to_owned());
            Some(Column::Text(values))
        }
        _ => Some(column.clone()),
    });
    let found = json(&project, "data", "other.parquet");
    assert_eq!((&found["only_in_a"], &found["only_in_b"]), (&1.into(), &1.into()));
    assert_eq!(found["heads_of_one"], serde_json::json!(["era"]));
    assert_eq!(found["other_labels"], serde_json::json!({ "type": 1 }));
    let different = found["different"].as_array().unwrap();
    assert_eq!(different.len(), 1);
    assert_eq!((&different[0]["head"], &different[0]["b"]), (&"brand".into(), &"Lada".into()));
    let text = project.call(&["compare", "data", "other.parquet"]).succeeded().stdout;
    for told in [
        "1 photo that only A has",
        "heads that only one has: era",
        "1 label of type",
        "1 answer differs:",
        "Lada",
    ] {
        assert!(text.contains(told), "{told}:\n{text}");
    }
    let none = project.call(&["compare", "data", "other.parquet", "--photos", "0"]).succeeded().stdout;
    assert!(!none.contains("Lada"), "{none}");
}

#[test]
fn what_cannot_be_compared_says_why() {
    let project = Project::finished();
    std::fs::write(project.path("text.parquet"), "no table").unwrap();
    changed(&project, |name, column| (name != "file_name").then(|| column.clone()));
    for (other, code, reason) in [
        ("missing", 2, "there is no missing"),
        ("photos", 2, "is neither a store nor a model's folder"),
        ("text.parquet", 4, "text.parquet"),
        ("other.parquet", 4, "no text column `file_name`"),
        ("data/labels/current/labels.parquet", 4, "is no table of predictions"),
    ] {
        std::fs::create_dir_all(project.path("photos")).unwrap();
        project.call(&["compare", "data", other]).failed(code, reason);
    }
    // A model alone has no photos to answer about.
    let model = project.path("data/train/current/model");
    let table = project.path(PREDICTIONS);
    let elsewhere = tempfile::tempdir().unwrap();
    let mut command = project.command(&["compare"]);
    let called = command.args([&table, &model]).current_dir(elsewhere.path()).output().unwrap();
    assert_eq!(called.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&called.stderr).contains("photos are needed"));
}
