//! Labels of one's own photos, through the program: tags, duplicates, both readings of class names.

use image::{Rgb, RgbImage};

use crate::project::{Called, PIPELINE, Project};

/// A table of 40 plain photos with three columns; the last of them has the bytes of the first.
pub(crate) fn own(configuration: &str) -> Project {
    let project = Project::new(&format!(
        "[dataset]\nsource = \"table\"\ntable = \"cars.csv\"\npath = \"photos\"\n{configuration}"
    ));
    std::fs::create_dir(project.path("photos")).unwrap();
    let mut csv = String::from("file_name,split,colour,extras\n");
    for i in 0..40_u32 {
        let shade = i * 6 % 234;
        let picture = RgbImage::from_fn(40, 30, |x, y| {
            Rgb([shade as u8, ((x * (i + 1)) % 256) as u8, ((y * (40 - i)) % 256) as u8])
        });
        picture.save(project.path(&format!("photos/{i:02}.png"))).unwrap();
        let colour = ["red", "blue", ""][i as usize % 3];
        let extras = ["roof|alloys", "none", "", "alloys"][i as usize % 4];
        csv.push_str(&format!("{i:02}.png,{},{colour},{extras}\n", if i < 30 { "train" } else { "test" }));
    }
    std::fs::copy(project.path("photos/00.png"), project.path("photos/39.png")).unwrap();
    std::fs::write(project.path("cars.csv"), csv).unwrap();
    project
}

pub(crate) const COLOUR: &str = "[[heads]]\nname = \"colour\"\nrule = \"column\"\n";
pub(crate) const EXTRAS: &str = "[[heads]]\nname = \"extras\"\nrule = \"column\"\nkind = \"tags\"\n";

#[track_caller]
fn answer(project: &Project, sql: &str) -> String {
    let Called { stdout, .. } = project.call(&["sql", sql]).succeeded();
    stdout.lines().nth(1).unwrap_or_default().trim().to_owned()
}

#[test]
fn tags_go_from_a_table_to_the_report() {
    let project = own(&format!("[labels]\nvalidation = 0.2\n{COLOUR}{EXTRAS}[train]\nepochs = 2\n"));
    let called = project.call(&["run", "--set", "preprocess.size=32"]).succeeded();
    assert_eq!(called.ran(), ["ingest", "labels", "preprocess", "train", "evaluate"], "{}", called.stdout);
    let count = "select count(*) as n from labels where ";
    assert_eq!(answer(&project, &format!("{count} array_contains(extras, 'roof')")), "10");
    assert_eq!(answer(&project, &format!("{count} extras is null")), "10");
    assert_eq!(answer(&project, &format!("{count} colour is null")), "13");
    let inspected = project.call(&["inspect", "--head", "extras"]).succeeded().stdout;
    assert!(inspected.contains("(none)") && inspected.contains("(unknown)"), "{inspected}");
    project.call(&["inspect", "classes"]).succeeded();
    let compared = project.call(&["inspect", "--where", "extras = 'roof'"]);
    compared.failed(2, "`extras` holds several tags a row: write array_contains(extras, 'tag')");
    let roof = project.call(&["inspect", "--where", "array_contains(extras, 'roof')"]).succeeded();
    assert!(roof.stdout.starts_with("10 of 40 rows"), "{}", roof.stdout);

    let json = |file: &str| -> serde_json::Value {
        serde_json::from_str(&std::fs::read_to_string(project.path(file)).unwrap()).unwrap()
    };
    let config = json("data/train/current/model/config.json");
    let problems: Vec<_> = [0, 1].map(|i| config["heads"][i]["problem_type"].as_str().unwrap()).into();
    assert_eq!(problems, ["single_label_classification", "multi_label_classification"]);
    let metrics = json("data/evaluate/current/metrics.json");
    let tags = &metrics["tags"][0];
    assert_eq!((&tags["name"], tags["tags"][1]["name"].as_str()), (&"extras".into(), Some("roof")));
    // Of ten test photos two or three are not known.
    let known = tags["exact"]["total"].as_u64().unwrap();
    assert_eq!(
        known.to_string(),
        answer(&project, &format!("{count} split = 'test' and extras is not null"))
    );
    assert!(
        tags["mean_average_precision"].as_f64().is_some_and(|value| (0.0..=1.0).contains(&value)),
        "{tags}"
    );
    let predicted = "select count(*) as n from predictions where extras_right is null";
    assert_eq!(answer(&project, predicted), (10 - known).to_string());
    let page = std::fs::read_to_string(project.path("data/evaluate/current/report.html")).unwrap();
    assert!(page.contains("By tag") && page.contains("extras"));
    let history = std::fs::read_to_string(project.path("data/train/current/history.csv")).unwrap();
    assert!(history.starts_with("epoch,learning_rate,head_learning_rate,gradient_norm,"), "{history}");
    assert!(history.contains(",train_loss_extras,"), "{history}");
}

#[test]
fn too_few_photos_for_a_split_and_classes_that_say_nothing_are_warned_of() {
    let project = own(COLOUR);
    let csv = "file_name,colour\n00.png,red\n01.png,red\n02.png,N/A\n03.png,NULL\n";
    std::fs::write(project.path("cars.csv"), csv).unwrap();
    let called = project.call(&["run", "labels", "--set", "labels.test=0.1"]).succeeded();
    for part in [
        "labels.test = 0.1 of 4 training photos leaves the test split empty, so that there is nothing to measure on",
        "head `colour`: the class `N/A` reads like a label that is not known",
        "head `colour`: the class `NULL` reads like",
    ] {
        assert!(called.stderr.contains(part), "{part:?} is not in\n{}", called.stderr);
    }
    assert!(!called.stderr.contains("`red` reads like"), "{}", called.stderr);
}

#[test]
fn a_share_that_cannot_be_held_out_is_told_with_head_and_classes() {
    // Every photo has a plate of its own, so that none can be held out.
    let plates = "[[heads]]\nname = \"plate\"\nrule = \"column\"\n";
    let project = own(&format!("[labels]\nsplit = \"grouped\"\n{COLOUR}{plates}"));
    let rows = (0..40).map(|i| format!("{i:02}.png,{},P{i:02}\n", ["red", "blue"][i % 2]));
    let csv = rows.fold("file_name,colour,plate\n".to_owned(), |csv, row| csv + &row);
    std::fs::write(project.path("cars.csv"), csv).unwrap();
    let called = project.call(&["run", "labels"]).succeeded();
    for part in [
        "labels.test = 0.2 asks for 8 of 40 photos, and 0 can be held out, so that there is nothing to measure on",
        "labels.validation = 0.1 asks for 4 of 40 photos, and 0 can be held out, so that training keeps its last epoch",
        "head `plate` has 40 classes with one photo to learn from (P00, P01, P02, and 37 more)",
    ] {
        assert!(called.stderr.contains(part), "{part:?} is not in\n{}", called.stderr);
    }
    assert!(!called.stderr.contains("head `colour` has"), "{}", called.stderr);
    // Plates of half of the photos leave the others to hold out.
    let text = std::fs::read_to_string(project.path("cars.csv")).unwrap();
    let half = text.lines().map(|line| match line.ends_with(['1', '2', '5', '6', '9']) {
        true => line.rsplit_once(',').unwrap().0.to_owned() + ",\n",
        false => line.to_owned() + "\n",
    });
    std::fs::write(project.path("cars.csv"), half.collect::<String>()).unwrap();
    let called = project.call(&["run", "labels"]).succeeded();
    assert!(!called.stderr.contains("can be held out"), "{}", called.stderr);
    assert_eq!(answer(&project, "select count(*) as n from labels where split = 'test'"), "8");
}

/// What is done to the table of [`own`], whose photos 30 to 39 are the test split, before `labels` runs.
fn rewrite(project: &Project, cell: impl Fn(usize, &str) -> [String; 3]) {
    let row = |i: usize| {
        let split = if i < 30 { "train" } else { "test" };
        format!("{i:02}.png,{}\n", cell(i, split).join(","))
    };
    let rows: String = (0..40).map(row).collect();
    std::fs::write(project.path("cars.csv"), format!("file_name,split,colour,size\n{rows}")).unwrap();
}

#[test]
fn labels_that_cannot_be_trained_on_or_measured_are_told_before_the_pixels_are_prepared() {
    let size = "[[heads]]\nname = \"size\"\nrule = \"column\"\n";
    let colour = |i: usize| ["red", "blue"][i % 2].to_owned();
    let split = |i: usize| if i < 30 { "train" } else { "test" }.to_owned();
    type Cells = Box<dyn Fn(usize) -> [String; 3]>;
    // What the table says of a photo (split, colour, size), more configuration, and the exit code and message, if any.
    let some = |from: usize, to: usize| -> Cells {
        Box::new(move |i| {
            let known = (from..to).contains(&i);
            [
                split(i),
                colour(i),
                if known { ["small", "large"][i / 2 % 2].to_owned() } else { String::new() },
            ]
        })
    };
    type Refusal = Option<(i32, &'static str)>;
    let cases: [(&str, Cells, &str, Refusal); 6] = [
        ("all", some(0, 40), "", None),
        (
            "no size to learn from",
            some(30, 40),
            "",
            Some((4, "no training photo has a label for the head `size`")),
        ),
        (
            "patience without validation photos",
            some(0, 40),
            "[train]\npatience = 2\n[labels]\nvalidation = 0.0\n",
            Some((
                3,
                "train.patience waits 2 epochs for one that is better on the validation photos, but there are no",
            )),
        ),
        (
            "a loss of no validation photos",
            some(0, 40),
            "[train]\nselect_by = \"loss\"\n[labels]\nvalidation = 0.0\n",
            Some((
                3,
                "train.select_by chooses the epoch by the loss of the validation photos, but there are no",
            )),
        ),
        (
            "nothing to measure",
            Box::new(move |i| ["train".to_owned(), colour(i), ["small", "large"][i / 2 % 2].to_owned()]),
            "[labels]\nvalidation = 0.0\ntest = 0.0\n",
            Some((4, "no photo of the test split has a label")),
        ),
        (
            "no validation photos to measure",
            some(0, 40),
            "[evaluate]\nsplit = \"validation\"\n[labels]\nvalidation = 0.0\n",
            Some((4, "no photo of the validation split has a label")),
        ),
    ];
    for (name, cells, configuration, told) in cases {
        let project = own(&format!("{COLOUR}{size}[preprocess]\nsize = 16\n{configuration}"));
        rewrite(&project, |i, _| cells(i));
        let set = ["--set", "train.epochs=1", "--set", "train.shift=2"];
        let called = project.call(&[&["run"][..], &set].concat());
        match told {
            None => assert_eq!(called.succeeded().ran().len(), 5, "{name}"),
            Some((code, message)) => {
                let called = called.failed(code, message);
                assert_eq!(called.ran(), ["ingest", "labels"], "{name}: {}", called.stdout);
            }
        }
    }
}

#[test]
fn heads_without_labels_in_a_split_are_warned_of() {
    let size = "[[heads]]\nname = \"size\"\nrule = \"column\"\n";
    let project = own(&format!("{COLOUR}{size}"));
    rewrite(&project, |i, split| {
        let size = if i < 30 { ["small", "large"][i / 2 % 2] } else { "" };
        [split.to_owned(), ["red", "blue"][i % 2].to_owned(), size.to_owned()]
    });
    let called = project.call(&["run", "labels"]).succeeded();
    let warning = "head `size`: no test photo has a label, so that it will not be measured";
    assert!(called.stderr.contains(warning), "{}", called.stderr);
    assert!(!called.stderr.contains("head `colour`"), "{}", called.stderr);
}

#[test]
fn settings_that_need_validation_photos_are_refused_where_none_are_drawn() {
    let project = own(&format!("[labels]\nsplit = \"grouped\"\nvalidation = 0.0\n{COLOUR}"));
    for (set, message) in [
        ("train.patience=3", "train.patience: waits 3 epochs"),
        ("train.select_by=macro-f1", "train.select_by: chooses the epoch by the macro-F1"),
        (
            "evaluate.split=validation",
            "evaluate.split: measures on validation photos, but labels.validation = 0",
        ),
    ] {
        project.call(&["status", "--set", set]).failed(3, message);
    }
    project.call(&["status"]).succeeded();
}

#[test]
fn weights_of_a_tag_change_what_is_learnt() {
    let project = own(&format!("{EXTRAS}[preprocess]\nsize = 16\n[train]\nepochs = 1\nshift = 2\n"));
    let content = |weights: &str| {
        let set = format!("train.class_weights={weights}");
        project.call(&["run", "train", "--set", &set]).succeeded();
        project.content("train")
    };
    assert_ne!(content("none"), content("inverse"));
    assert_ne!(content("inverse"), content("effective"));
    let known = "from labels where split = 'train' and extras is not null";
    let number = |sql: &str| answer(&project, sql).parse::<f64>().unwrap();
    let with = number(&format!("select count(*) as n {known} and array_contains(extras, 'roof')"));
    let all = number(&format!("select count(*) as n {known}"));
    let weight = number("select inverse from weights where class = 'roof'");
    assert!((weight - (all - with) / with).abs() < 1e-3, "{weight} of {with} in {all}");
}

#[test]
fn duplicates_across_splits_are_reported_dropped_or_refused() {
    let project = own(&format!("[labels]\nvalidation = 0.0\n{COLOUR}"));
    let reported = project.call(&["run", "labels"]).succeeded();
    assert!(reported.stdout.contains("00.png, 39.png (train+test)"), "{}", reported.stdout);
    assert_eq!(answer(&project, "select count(*) as n from labels"), "40");
    assert_eq!(
        answer(&project, "select file_name from leaks where split = 'train' and not dropped"),
        "00.png"
    );
    project.call(&["run", "preprocess"]).succeeded();

    let drop = ["run", "preprocess", "--set", "labels.on_leak=drop-from-train"];
    let dropped = project.call(&drop).succeeded();
    assert_eq!(dropped.ran(), ["labels"], "the pixels are there already: {}", dropped.stdout);
    assert_eq!(answer(&project, "select count(*) as n from labels"), "39");
    assert_eq!(answer(&project, "select count(*) as n from labels where split = 'test'"), "10");
    assert_eq!(answer(&project, "select file_name from leaks where dropped"), "00.png");

    let error = ["run", "labels", "--set", "labels.on_leak=error"];
    project.call(&error).failed(4, "1 group of duplicate photos cross the splits, as 00.png, 39.png");
    let grouped = ["run", "labels", "--set", "labels.on_leak=error", "--set", "labels.split=grouped"];
    project.call(&grouped).succeeded();
    assert_eq!(answer(&project, "select count(*) as n from leaks where crosses is not null"), "0");
}

#[test]
fn photos_that_are_added_leave_the_others_where_they_are() {
    let project = own(&format!("[labels]\nsplit = \"grouped\"\nvalidation = 0.2\n{COLOUR}"));
    let splits = || -> Vec<String> {
        project.call(&["run", "labels"]).succeeded();
        let called = project.call(&["sql", "select file_name, split from labels order by file_name"]);
        called.succeeded().stdout.lines().skip(1).take(40).map(str::to_owned).collect()
    };
    let before = splits();
    let mut csv = std::fs::read_to_string(project.path("cars.csv")).unwrap();
    for i in 40..44 {
        let picture = RgbImage::from_fn(40, 30, |x, y| Rgb([(x * y % 256) as u8, i as u8, (x * 3) as u8]));
        picture.save(project.path(&format!("photos/{i}.png"))).unwrap();
        csv.push_str(&format!("{i}.png,,red,\n"));
    }
    std::fs::write(project.path("cars.csv"), csv).unwrap();
    let after = splits();
    let moved = before.iter().zip(&after).filter(|(before, after)| before != after).count();
    assert!(moved <= 4, "{moved} of 40 moved for 4 that came");
}

#[test]
fn both_readings_stand_side_by_side() {
    let project = Project::new(PIPELINE);
    project.call(&["run", "labels", "--set", "dataset.train_photos=150"]).succeeded();
    let differs = "select count(*) as n from classes where type_differs";
    let count: usize = answer(&project, differs).parse().unwrap();
    assert!(count > 0);
    let shown = project.call(&["inspect", "classes", "--where", "type_differs"]).succeeded().stdout;
    assert!(shown.contains(&format!("differ on {count} of them")), "{shown}");
    let words = answer(&project, "select count(*) as n from labels where type = 'Van'");
    let article = ["run", "labels", "--set", "dataset.train_photos=150", "--set", "labels.rules=article"];
    project.call(&article).succeeded();
    assert_ne!(answer(&project, "select count(*) as n from labels where type = 'Van'"), words);
}

/// A third of the photos has no colour: nothing is said of these.
#[test]
fn photos_without_a_label_are_not_counted_as_measured() {
    let project = own(&format!("[labels]\nvalidation = 0.2\n{COLOUR}[train]\nepochs = 1\n"));
    let called = project.call(&["run", "--set", "preprocess.size=32"]).succeeded();
    let count = |split: &str, more: &str| {
        answer(&project, &format!("select count(*) as n from labels where split = '{split}'{more}"))
    };
    let (test, tested) = (count("test", ""), count("test", " and colour is not null"));
    let (train, learnt) = (count("train", ""), count("train", " and colour is not null"));
    assert_eq!((test.as_str(), tested.as_str()), ("10", "7"));
    assert!(called.stdout.contains(&format!("{tested} of {test} test photos: colour ")), "{}", called.stdout);
    let page = std::fs::read_to_string(project.path("data/evaluate/current/report.html")).unwrap();
    for part in [
        format!("measured on {tested} of {test} photos"),
        "of the labelled test photos have the colour right".to_owned(),
        format!("<dt>Training photos</dt><dd>{learnt} labelled of {train}</dd>"),
        format!("<dt>Test photos</dt><dd>{tested} labelled of {test}</dd>"),
    ] {
        assert!(page.contains(&part), "{part}");
    }
    project.call(&["export", "--card", "CARD.md"]).succeeded();
    let card = std::fs::read_to_string(project.path("CARD.md")).unwrap();
    assert!(
        card.contains(&format!("On {tested} of the {test} photos of the test split, those with a label:"))
    );
}
