//! The configuration's sections: what they mean, and what is refused.

use marque_contracts::Stage;
use marque_contracts::schema::HeadKind;
use marque_labels::{
    ColumnRule, Duplicates, HeadRule, Labels, NameMatching, OnLeak, Rule, Settings, SplitSource, TagSyntax,
};
use marque_settings::{Document, Reader};

fn read(text: &str) -> Result<Settings, String> {
    let document = Document::parse("pipeline.toml", text).unwrap();
    let mut reader = Reader::new(&document);
    let settings = Settings::read(&mut reader);
    reader.finish().map(|_| settings).map_err(|problems| problems.to_string())
}

/// The settings as they enter the key of a result.
fn fingerprint(text: &str) -> serde_json::Value {
    Labels::new(read(text).unwrap()).settings()
}

const SHIPPED: &str = r#"
[labels]
rules = "article"
validation = 0.15
seed = 7
[[heads]]
name = "brand"
rule = "make"
min_images = 120
other = "Rest"
[[heads]]
name = "type"
rule = "keyword"
classes = ["Convertible", "Coupe"]
[[heads]]
name = "era"
rule = "year"
breaks = [2004, 2009]
"#;

#[test]
fn sections_are_read_in_order() {
    let settings = read(SHIPPED).unwrap();
    assert_eq!(settings.matching, NameMatching::Article);
    assert_eq!((settings.validation, settings.test, settings.seed), (0.15, 0.2, 7));
    let names: Vec<_> = settings.heads.iter().map(|head| head.name.as_str()).collect();
    assert_eq!(names, ["brand", "type", "era"]);
    let rules = [
        Rule::Make { min_images: 120, other: "Rest".into() },
        Rule::Keyword { classes: vec!["Convertible".into(), "Coupe".into()], other: "Other".into() },
        Rule::Year { breaks: vec![2004, 2009] },
    ];
    for (head, rule) in settings.heads.iter().zip(rules) {
        assert_eq!(head.rule, HeadRule::ClassName { rule, matching: None });
        assert_eq!(head.kind, HeadKind::Single);
    }
    assert_eq!(settings.split, SplitSource::Official);
    assert_eq!((settings.on_leak, settings.duplicates), (OnLeak::Report, Duplicates::Near));
}

/// Heads from columns, with everything that can be said about them.
const OWN: &str = r#"
[labels]
split = "grouped"
on_leak = "drop-from-train"
duplicates = "identical"
[[heads]]
name = "colour"
rule = "column"
min_images = 5
other = "rare"
[[heads]]
name = "extras"
rule = "column"
kind = "tags"
column = "features"
classes = ["roof", "alloys"]
delimiter = ";"
none = "-"
[[heads]]
name = "style"
rule = "keyword"
kind = "tags"
classes = ["Coupe", "Convertible"]
match = "substring"
"#;

#[test]
fn columns_and_tags_are_read() {
    let settings = read(OWN).unwrap();
    assert_eq!(settings.split, SplitSource::Grouped);
    assert_eq!((settings.on_leak, settings.duplicates), (OnLeak::DropFromTrain, Duplicates::Identical));
    let [colour, extras, style] = settings.heads.as_slice() else { panic!("{:?}", settings.heads) };
    let rule =
        ColumnRule { column: "colour".into(), classes: None, min_images: 5, other: Some("rare".into()) };
    assert_eq!((&colour.rule, colour.kind), (&HeadRule::Column(rule), HeadKind::Single));
    let rule = ColumnRule {
        column: "features".into(),
        classes: Some(vec!["roof".into(), "alloys".into()]),
        min_images: 1,
        other: None,
    };
    let syntax = TagSyntax { delimiter: ";".into(), none: "-".into() };
    assert_eq!((&extras.rule, extras.kind), (&HeadRule::Column(rule), HeadKind::Tags));
    assert_eq!(extras.tag_syntax, syntax);
    let HeadRule::ClassName { matching, .. } = &style.rule else { panic!("{:?}", style.rule) };
    assert_eq!(*matching, Some(NameMatching::Article));
    assert_eq!((style.kind, &style.tag_syntax), (HeadKind::Tags, &TagSyntax::default()));
}

#[test]
fn every_setting_enters_the_fingerprint() {
    let base = fingerprint(SHIPPED);
    let changes = [
        ("\"article\"", "\"words\""),
        ("0.15", "0.2"),
        ("seed = 7", "test = 0.3"),
        ("seed = 7", "seed = 8"),
        ("120", "121"),
        ("\"Rest\"", "\"Remainder\""),
        ("\"type\"", "\"kind\""),
        ("\"Coupe\"", "\"SUV\""),
        ("[2004, 2009]", "[2009]"),
        ("\"year\"\nbreaks = [2004, 2009]", "\"make\""),
    ];
    for (from, to) in changes {
        assert!(SHIPPED.contains(from), "{from}");
        let changed = fingerprint(&SHIPPED.replace(from, to));
        assert_ne!(changed, base, "{from} to {to}");
    }
    let base_own = fingerprint(OWN);
    let changes = [
        ("grouped", "stratified"),
        ("drop-from-train", "error"),
        ("duplicates = \"identical\"", ""),
        ("min_images = 5", "min_images = 6"),
        ("rare", "scarce"),
        ("column = \"features\"", ""),
        ("\"roof\", \"alloys\"", "\"alloys\", \"roof\""),
        ("delimiter = \";\"", ""),
        ("none = \"-\"", ""),
        ("match = \"substring\"", "match = \"word\""),
        ("match = \"substring\"", ""),
        (
            "kind = \"tags\"\ncolumn = \"features\"\nclasses = [\"roof\", \"alloys\"]\ndelimiter = \";\"\nnone = \"-\"",
            "column = \"features\"\nclasses = [\"roof\", \"alloys\"]",
        ),
    ];
    for (from, to) in changes {
        assert!(OWN.contains(from), "{from}");
        assert_ne!(fingerprint(&OWN.replace(from, to)), base_own, "{from} to {to}");
    }
    // A default says the same as its absence.
    assert_eq!(fingerprint(&SHIPPED.replace("seed = 7", "seed = 7\ntest = 0.2")), base);
}

#[test]
fn any_number_of_heads() {
    for count in [1, 2, 5] {
        let heads: String = (0..count)
            .map(|n| format!("[[heads]]\nname = \"h{n}\"\nrule = \"year\"\nbreaks = [2000]\n"))
            .collect();
        assert_eq!(read(&heads).unwrap().heads.len(), count);
    }
}

#[test]
fn what_cannot_work_is_refused_with_its_place() {
    let head = |lines: &str| format!("[[heads]]\n{lines}\n");
    let make = |name: &str| head(&format!("name = {name:?}\nrule = \"make\""));
    let cases: Vec<(String, &[&str])> = vec![
        (String::new(), &["heads", "at least one head"]),
        ("[labels]\nrules = \"words\"\n".into(), &["at least one head"]),
        (format!("[labels]\nrules = \"letters\"\n{}", make("a")), &[":2:", "\"words\", \"article\""]),
        (format!("[labels]\nvalidation = 0.9\n{}", make("a")), &[":2:", "from 0 to 0.5"]),
        (
            format!("[labels]\nsplit = 1\n{}", make("a")),
            &[":2:", "one of \"official\", \"stratified\", \"grouped\""],
        ),
        (head("rule = \"make\""), &["heads.0.name", "is missing"]),
        (make("Brand"), &[":2:", "lower-case letter"]),
        (make("2nd"), &["lower-case letter"]),
        (make("split"), &["second column `split`"]),
        (make("familiarity"), &["is a column of the table of predictions"]),
        (make("make"), &["second column `make`"]),
        (make("a") + &make("a"), &["heads.1.name", "another head"]),
        (make("a") + &make("a_id"), &["heads.1.name", "second column `a_id`"]),
        (make("a_id") + &make("a"), &["heads.1.name", "second column `a_id`"]),
        (head("name = \"a\""), &["heads.0.rule", "is missing"]),
        (head("name = \"a\"\nrule = \"colour\"\nbreaks = [1]"), &["one of \"make\", \"keyword\", \"year\""]),
        (head("name = \"a\"\nrule = \"make\"\nmin_images = 0"), &[":4:", "from 1 to"]),
        (
            head("name = \"a\"\nrule = \"make\"\nbreaks = [2009]"),
            &["heads.0.breaks", "goes with rule = \"year\" only"],
        ),
        (head("name = \"a\"\nrule = \"keyword\""), &["heads.0.classes", "at least one"]),
        (head("name = \"a\"\nrule = \"keyword\"\nclasses = []"), &[":4:", "at least one"]),
        (head("name = \"a\"\nrule = \"keyword\"\nclasses = \"SUV\""), &[":4:", "a list of texts"]),
        (head("name = \"a\"\nrule = \"keyword\"\nclasses = [\"SUV\", \"SUV\"]"), &["there twice"]),
        (head("name = \"a\"\nrule = \"keyword\"\nclasses = [\"Other\"]"), &["there twice"]),
        (head("name = \"a\"\nrule = \"keyword\"\nclasses = [\"-\"]"), &["no letter"]),
        (format!("[labels]\non_leak = \"drop\"\n{}", make("a")), &[":2:", "drop-from-train"]),
        (format!("[labels]\nsplits = 1\n{}", make("a")), &["labels.splits", "did you mean `split`"]),
        (head("name = \"a\"\nrule = \"make\"\nkind = \"tags\""), &[":4:", "rule = \"column\""]),
        (head("name = \"a\"\nrule = \"make\"\nkind = \"many\""), &[":4:", "\"single\", \"tags\""]),
        (
            head("name = \"a\"\nrule = \"column\"\ndelimiter = \"|\""),
            &["heads.0.delimiter", "goes with rule = \"column\" and kind = \"tags\" only"],
        ),
        (head("name = \"a\"\nrule = \"column\"\nclasses = []"), &[":4:", "at least one class"]),
        (head("name = \"a\"\nrule = \"column\"\nclasses = [\"x\", \"x\"]"), &[":4:", "there twice"]),
        (head("name = \"a\"\nrule = \"column\"\nmin_images = 3"), &[":4:", "needs `other`"]),
        (
            head("name = \"a\"\nrule = \"column\"\nmin_images = 3\nclasses = [\"x\"]"),
            &[":4:", "without `classes` only"],
        ),
        (
            head("name = \"a\"\nrule = \"column\"\nkind = \"tags\"\nnone = \"a|b\""),
            &[":5:", "must not hold the delimiter"],
        ),
        (
            head("name = \"a\"\nrule = \"keyword\"\nkind = \"tags\"\nclasses = [\"x\"]\nother = \"y\""),
            &["heads.0.other", "or with rule = \"keyword\" and kind = \"single\""],
        ),
        (make("pixel_values"), &["heads.0.name", "ONNX files call their input"]),
        (head("name = \"a\"\nrule = \"year\""), &["heads.0.breaks", "at least one year"]),
        (head("name = \"a\"\nrule = \"year\"\nbreaks = [2009, 2004]"), &[":4:", "ascending"]),
        (head("name = \"a\"\nrule = \"year\"\nbreaks = [9]"), &[":4:", "1800 to 2200"]),
    ];
    for (text, expected) in cases {
        let problems = read(&text).unwrap_err();
        for part in expected {
            assert!(problems.contains(part), "{text}\n{problems}\nlacks {part}");
        }
        assert_eq!(problems.lines().count(), 1, "{text}\n{problems}");
    }
}

#[test]
fn heads_whose_columns_would_be_the_same_are_refused_in_either_order() {
    let head = |name: &str, kind: &str| {
        format!("[[heads]]\nname = \"{name}\"\nrule = \"column\"\nkind = \"{kind}\"\n")
    };
    // Two heads with their kinds, and the column that both would have; none if they can stand beside each other.
    let cases = [
        (("brand", "single"), ("brand_right", "single"), Some("brand_right")),
        (("brand", "tags"), ("brand_right", "single"), Some("brand_right")),
        (("brand", "single"), ("brand_predicted", "tags"), Some("brand_predicted")),
        (("brand", "single"), ("brand_probability", "single"), Some("brand_probability")),
        (("brand", "tags"), ("brand_probabilities", "single"), Some("brand_probabilities")),
        (("brand", "single"), ("brand_probabilities", "single"), Some("brand_probabilities")),
        (("brand", "single"), ("brand_id", "single"), Some("brand_id")),
        (("brand", "single"), ("brands", "tags"), None),
    ];
    for (one, other, column) in cases {
        for pair in [[one, other], [other, one]] {
            let read = read(&pair.map(|(name, kind)| head(name, kind)).concat());
            match column {
                None => assert!(read.is_ok(), "{pair:?}: {read:?}"),
                Some(column) => {
                    let problems = read.unwrap_err();
                    assert!(problems.contains("heads.1.name"), "{pair:?}: {problems}");
                    assert!(problems.contains(&format!("second column `{column}`")), "{pair:?}: {problems}");
                    assert_eq!(problems.lines().count(), 1, "{pair:?}: {problems}");
                }
            }
        }
    }
}

#[test]
fn all_problems_come_together() {
    let problems = read("[labels]\nseed = -1\n[[heads]]\nname = \"A\"\nrule = \"x\"\n").unwrap_err();
    assert_eq!(problems.lines().count(), 3, "{problems}");
}
