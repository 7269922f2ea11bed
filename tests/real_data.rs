//! The published files, from ingest to labels.

use marque_fixtures::published;

use crate::project::Project;

#[test]
#[ignore = "reads 8,144 photos: make test-all"]
fn the_published_training_photos_are_labelled() {
    let folder = published("stanford-cars-train");
    let heads = include_str!("../configs/stanford-cars.toml");
    let heads = &heads[heads.find("[labels]").unwrap()..heads.find("[preprocess]").unwrap()];
    // Half the photos, half the threshold.
    let heads = heads.replace("min_images = 1000", "min_images = 500");
    let project = Project::new(&format!("[dataset]\nsource = \"published\"\npath = {folder:?}\n{heads}"));
    project.call(&["run", "labels"]).succeeded();
    let count = |sql: &str| {
        let called = project.call(&["sql", sql]).succeeded();
        called.stdout.lines().nth(1).unwrap().trim().to_owned()
    };
    assert_eq!(count("select count(*) as n from labels"), "8144");
    assert_eq!(count("select count(distinct class_name) as n from labels"), "196");
    assert_eq!(count("select count(*) as n from labels where make is null or year is null"), "0");
    let inspected = project.call(&["inspect", "labels"]).succeeded();
    assert!(inspected.stdout.starts_with("8,144 rows"), "{}", inspected.stdout);
    assert_eq!(count("select count(*) as n from leaks where contradicts is not null"), "14");
    let of_type = |class: &str| count(&format!("select count(*) as n from labels where type = '{class}'"));
    assert_eq!(
        ["Convertible", "Coupe", "SUV", "Van", "Other"].map(of_type),
        ["1036", "1088", "1437", "541", "4042"]
    );
    project.call(&["run", "labels", "--set", "labels.rules=article"]).succeeded();
    assert_eq!(
        ["Convertible", "Coupe", "SUV", "Van", "Other"].map(of_type),
        ["960", "1078", "1437", "418", "4251"]
    );
    for table in ["labels", "classes", "leaks", "duplicates", "weights", "photos", "crops"] {
        let inspected = project.call(&["inspect", table]).succeeded().stdout;
        assert!(inspected.lines().all(|line| line.chars().count() <= 80), "{inspected}");
    }
}
