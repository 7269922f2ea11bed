//! Names of classes, tags and columns that are probably meant to be others, through the program.

use crate::labelling::{COLOUR, EXTRAS, own};

/// What is said where the cells of `colour` and `extras` are these.
fn said_of(colours: &[&str], extras: &[&str], configuration: &str) -> String {
    let project = own(configuration);
    let mut csv = String::from("file_name,colour,extras,colour_id\n");
    for i in 0..40 {
        let (colour, extra) = (colours[i % colours.len()], extras[i % extras.len()]);
        csv.push_str(&format!("{i:02}.png,\"{colour}\",\"{extra}\",{i}\n"));
    }
    std::fs::write(project.path("cars.csv"), csv).unwrap();
    project.call(&["run", "labels"]).succeeded().stderr
}

#[test]
fn names_that_are_probably_meant_to_be_the_same_are_told() {
    let classes = format!("{COLOUR}classes = [\"BMW\", \"Audi\"]\nother = \"Rest\"\n");
    let rare = format!("{COLOUR}min_images = 9\nother = \"Rest\"\n");
    let make = "[[heads]]\nname = \"brand\"\nrule = \"make\"\nmin_images = 9\nother = \"Rest\"\n";
    let all = ["BMW", "BMW", "Audi", "Audi", "bmw"];
    let alike = "differs in nothing but letter case or accents from the class `BMW`";
    for (colours, extras, configuration, message) in [
        (
            &all[..],
            &[""][..],
            classes.as_str(),
            &*format!("head `colour`: `bmw` is taken for `Rest`, and {alike}"),
        ),
        (&all, &[""], &rare, &format!("head `colour`: `bmw` is taken for `Rest`, and {alike}")),
        (
            &all,
            &[""],
            COLOUR,
            "head `colour`: the classes `BMW` and `bmw` differ in nothing but letter case or accents",
        ),
        (
            &["Citro\u{eb}n", "Citroe\u{308}n"],
            &[""],
            COLOUR,
            "head `colour`: `Citro\u{eb}n` is spelled in 2 ways that look alike",
        ),
        (&["red", "red\u{200b}"], &[""], COLOUR, "\"red\\u{200b}\""),
        (
            &["red", "None"],
            &[""],
            COLOUR,
            "head `colour`: the class `None` reads like a label that is not known",
        ),
        (
            &["BMW", "nan"],
            &[""],
            &classes,
            "head `colour`: `nan` is taken for `Rest`, and reads like a label that is not known",
        ),
        (&["red", "<NA>"], &[""], COLOUR, "the class `<NA>` reads like a label"),
        (
            &["red"],
            &["roof", "None"],
            EXTRAS,
            "head `extras`: the tag `None` differs in nothing but letter case or accents from the word `none`",
        ),
        (
            &["red"],
            &["roof", "NaN"],
            EXTRAS,
            "head `extras`: the class `NaN` reads like a label that is not known",
        ),
        (
            &["red"],
            &["roof"],
            COLOUR,
            "the column `colour_id` can be used by heads, but is not in labels.parquet",
        ),
    ] {
        let said = said_of(colours, extras, configuration);
        assert!(said.contains(message), "{message:?} is not in\n{said}");
    }
    let said = said_of(&["BMW X5 SUV 2012"], &[""], COLOUR);
    for word in ["differ", "alike", "reads like"] {
        assert!(!said.contains(word), "{said}");
    }
    // Class names without a label, and keywords that they nearly hold.
    let project = own("[[heads]]\nname = \"kind\"\nrule = \"keyword\"\nclasses = [\"Coupe\", \"SUV\"]\n");
    let name = |i: usize| ["BMW SUV 2012", "nan", "Fiat Coup\u{e9} 2012", "Audi Coupe 2012"][i % 4];
    let rows: String = (0..40).map(|i| format!("{i:02}.png,{}\n", name(i))).collect();
    std::fs::write(project.path("cars.csv"), format!("file_name,class_name\n{rows}")).unwrap();
    let said = project.call(&["run", "labels"]).succeeded().stderr;
    for message in [
        "the class name `nan` reads like one that is not known",
        "head `kind`: 1 class name holds a keyword but for accents or the width of letters, and is not taken to, such as \
         `Fiat Coup\u{e9} 2012` with `Coupe`",
    ] {
        assert!(said.contains(message), "{message:?} is not in\n{said}");
    }
    // A column that would say more if it were spelled otherwise.
    let project = own(COLOUR);
    std::fs::write(project.path("cars.csv"), "file_name,colour,Split\n00.png,red,test\n01.png,red,train\n")
        .unwrap();
    let said = project.call(&["run", "labels"]).succeeded().stderr;
    assert!(
        said.contains("the column Split is a label column like others; split, spelled so, has"),
        "{said}"
    );
    // Makes that are too few for a class of their own.
    let project = own(make);
    let name = |i| if i % 5 == 4 { "bmw X5 SUV 2012" } else { "BMW X5 SUV 2012" };
    let rows: String = (0..40).map(|i| format!("{i:02}.png,{}\n", name(i))).collect();
    std::fs::write(project.path("cars.csv"), format!("file_name,class_name\n{rows}")).unwrap();
    let said = project.call(&["run", "labels"]).succeeded().stderr;
    assert!(said.contains(&format!("head `brand`: `bmw` is taken for `Rest`, and {alike}")), "{said}");
}

#[test]
fn a_column_that_is_not_there_is_told_before_photos_are_imported() {
    let project = own("[[heads]]\nname = \"color\"\nrule = \"column\"\n");
    for arguments in [&["run"][..], &["run", "labels"], &["run", "--dry-run"]] {
        let called = project.call(arguments);
        let called =
            called.failed(3, "head `color`: the data set has no column `color`; it has colour, extras");
        assert!(called.stderr.contains("did you mean `colour`?"), "{}", called.stderr);
        assert!(called.ran().is_empty(), "{}", called.stdout);
    }
    let status = project.call(&["status"]).succeeded().stdout;
    let line = status.lines().find(|line| line.starts_with("labels")).unwrap();
    assert!(line.contains("blocked") && line.contains("the data set has no column `color`"), "{status}");
    // Photos alone may be imported.
    project.call(&["run", "ingest"]).succeeded();
}
