//! Head rules on the published class names, and on the names that trap them.

use marque_labels::{ClassName, Classifier, Error, NameMatching, Rule, class_weights, tag_weights};

/// Photos in the official training split, then the class name; one published class a line.
const PUBLISHED: &str = include_str!("stanford_cars.tsv");

/// The class names with their photos in the training split.
fn published() -> Vec<(ClassName, u64)> {
    let parse = |line: &str| {
        let (photos, name) = line.split_once('\t').unwrap();
        (ClassName::parse(name), photos.parse().unwrap())
    };
    PUBLISHED.lines().map(parse).collect()
}

fn classifier(rule: Rule) -> Classifier {
    rule.classifier("head", &published()).unwrap()
}

fn brand() -> Classifier {
    // Half the article's threshold for about half its photos.
    classifier(Rule::Make { min_images: 500, other: "Other".into() })
}

fn kind() -> Classifier {
    let classes = ["Convertible", "Coupe", "SUV", "Van"].map(str::to_owned).into();
    classifier(Rule::Keyword { classes, other: "Other".into() })
}

fn era() -> Classifier {
    classifier(Rule::Year { breaks: vec![2009] })
}

fn counts(head: &Classifier, reading: NameMatching) -> Vec<u64> {
    let mut counts = vec![0; head.classes().len()];
    for (name, photos) in published() {
        counts[head.class_of(&name, reading).unwrap()] += photos;
    }
    counts
}

#[test]
fn classes_come_from_the_data() {
    assert_eq!(brand().classes(), ["Audi", "BMW", "Chevrolet", "Dodge", "Ford", "Other"]);
    assert_eq!(kind().classes(), ["Convertible", "Coupe", "SUV", "Van", "Other"]);
    assert_eq!(era().classes(), ["2009 and earlier", "2010 and later"]);
}

/// Every class name has photos in the training split, so a name read otherwise would show.
#[test]
fn the_articles_counts_are_reproduced() {
    assert_eq!(counts(&brand(), NameMatching::Article), [589, 531, 905, 630, 521, 4968]);
    assert_eq!(counts(&kind(), NameMatching::Article), [960, 1078, 1437, 418, 4251]);
    assert_eq!(counts(&era(), NameMatching::Article), [2601, 5543]);
}

#[test]
fn whole_words_differ_just_where_the_article_errs() {
    assert_eq!(counts(&brand(), NameMatching::Words), counts(&brand(), NameMatching::Article));
    assert_eq!(counts(&era(), NameMatching::Words), counts(&era(), NameMatching::Article));
    assert_eq!(counts(&kind(), NameMatching::Words), [1036, 1088, 1437, 541, 4042]);

    let differences: Vec<_> = published()
        .into_iter()
        .filter_map(|(name, _)| kind().difference(&name).map(|why| (name.text, why)))
        .collect();
    let minivan = "`Minivan` counts as `Van`, which the article does not find in it";
    let expected = [
        ("Aston Martin V8 Vantage Convertible 2012", "`Van` is only a part of `Vantage`"),
        ("Aston Martin V8 Vantage Coupe 2012", "`Van` is only a part of `Vantage`"),
        ("Chrysler Town and Country Minivan 2012", minivan),
        ("Dodge Caravan Minivan 1997", minivan),
        ("Ford Freestar Minivan 2007", minivan),
        ("Honda Odyssey Minivan 2012", minivan),
        ("Honda Odyssey Minivan 2007", minivan),
        (
            "Rolls-Royce Phantom Drophead Coupe Convertible 2012",
            "`Convertible` comes after `Coupe` in the name",
        ),
    ];
    assert_eq!(differences, expected.map(|(name, why)| (name.to_owned(), why.to_owned())));
}

fn check(head: &Classifier, name: &str, words: &str, article: &str) {
    let parsed = ClassName::parse(name);
    let class = |reading| head.class_of(&parsed, reading).map_or("unknown", |id| head.classes()[id].as_str());
    assert_eq!((class(NameMatching::Words), class(NameMatching::Article)), (words, article), "{name}");
    assert_eq!(head.difference(&parsed).is_some(), words != article, "{name}");
}

#[test]
fn keyword_traps() {
    let cases = [
        ("Aston Martin V8 Vantage Convertible 2012", "Convertible", "Van"),
        ("Aston Martin V8 Vantage Coupe 2012", "Coupe", "Van"),
        ("Rolls-Royce Phantom Drophead Coupe Convertible 2012", "Convertible", "Coupe"),
        ("Chrysler Town and Country Minivan 2012", "Van", "Other"),
        ("Dodge Caravan Minivan 1997", "Van", "Other"),
        ("Ram C/V Cargo Van Minivan 2012", "Van", "Van"),
        ("Ford E-Series Wagon Van 2012", "Van", "Van"),
        ("Bentley Continental Supersports Conv. Convertible 2012", "Convertible", "Convertible"),
        ("Infiniti G Coupe IPL 2012", "Coupe", "Coupe"),
        ("Dodge Ram Pickup 3500 Quad Cab 2009", "Other", "Other"),
        ("Buick Regal GS 2012", "Other", "Other"),
        ("Volvo xc90 suv 2007", "SUV", "Other"),
        ("Some SUV-Coupe 2020", "Coupe", "SUV"),
        ("", "Other", "Other"),
    ];
    for (name, words, article) in cases {
        check(&kind(), name, words, article);
    }
}

#[test]
fn make_traps() {
    let cases = [
        ("Ford GT Coupe 2006", "Ford", "Ford"),
        ("Ram C/V Cargo Van Minivan 2012", "Other", "Other"),
        ("Bedford TK Van 1970", "Other", "Other"),
        ("Shelby Ford Cobra 1965", "Other", "Ford"),
        ("Audi-Ford Special 1999", "Other", "Ford"),
        ("", "unknown", "Other"),
    ];
    for (name, words, article) in cases {
        check(&brand(), name, words, article);
    }
}

#[test]
fn a_keyword_of_its_own_needs_no_synonym() {
    let rule = |classes: &[&str]| {
        let classes = classes.iter().map(|class| (*class).to_owned()).collect();
        classifier(Rule::Keyword { classes, other: "Rest".into() })
    };
    check(&rule(&["Van", "Minivan"]), "Honda Odyssey Minivan 2012", "Minivan", "Minivan");
    check(&rule(&["Cab", "Crew Cab"]), "HUMMER H3T Crew Cab 2010", "Crew Cab", "Crew Cab");
    check(&rule(&["Crew Cab", "Cab"]), "HUMMER H3T Crew Cab 2010", "Crew Cab", "Cab");
    check(&rule(&["C/V"]), "Ram C/V Cargo Van Minivan 2012", "C/V", "C/V");
    check(&rule(&["Sedan"]), "Honda Odyssey Minivan 2012", "Rest", "Rest");
}

#[test]
fn years_fall_into_stretches() {
    let head = classifier(Rule::Year { breaks: vec![1999, 2004, 2005] });
    assert_eq!(head.classes(), ["1999 and earlier", "2000 to 2004", "2005", "2006 and later"]);
    for (year, class) in [(1900, 0), (1999, 0), (2000, 1), (2004, 1), (2005, 2), (2006, 3), (2100, 3)] {
        let name = ClassName::parse(&format!("Ford GT {year}"));
        assert_eq!(head.class_of(&name, NameMatching::Words), Some(class), "{year}");
    }
    assert_eq!(head.class_of(&ClassName::parse("Ford GT"), NameMatching::Article), None);
}

#[test]
fn too_high_a_threshold_is_an_error_that_says_what_would_do() {
    let rule = Rule::Make { min_images: 906, other: "Other".into() };
    let error = rule.classifier("brand", &published()).unwrap_err();
    assert!(matches!(error, Error::NoMake { largest: 905, .. }), "{error}");
}

#[test]
fn weights_of_tags_are_those_of_presence_against_absence() {
    // Of 115 photos 13 have the first tag, half have the second, 80 the third; all have the fourth, none the fifth.
    let weights = tag_weights(&[13, 57, 80, 115, 0], 115);
    let expected = [102.0 / 13.0, 58.0 / 57.0, 35.0 / 80.0, 1.0, 1.0];
    for (weight, expected) in weights.inverse.iter().zip(expected) {
        assert!((weight - expected).abs() < 1e-12, "{weight} instead of {expected}");
    }
    // Effective numbers: (1 - 0.999^102) / (1 - 0.999^13).
    let effective = (1.0 - 0.999_f64.powi(102)) / (1.0 - 0.999_f64.powi(13));
    assert!((weights.effective[0] - effective).abs() < 1e-9, "{:?}", weights.effective);
    assert!(weights.effective[0] < weights.inverse[0] && weights.effective[2] < 1.0);
    assert_eq!(weights.effective[3..], [1.0, 1.0]);
}

#[test]
fn weights_average_to_one_over_the_photos() {
    let counts = [900, 90, 10, 0];
    let weights = class_weights(&counts);
    for weights in [&weights.inverse, &weights.effective] {
        let sum: f64 = counts.iter().zip(weights).map(|(n, w)| *n as f64 * w).sum();
        assert!((sum - 1000.0).abs() < 1e-9);
        assert!(weights[0] < weights[1] && weights[1] < weights[2]);
        assert_eq!(weights[3], 1.0);
    }
    // Inverse frequency: ten times the photos, a tenth of the weight.
    assert!((weights.inverse[0] * 10.0 - weights.inverse[1]).abs() < 1e-12);
    assert!((weights.inverse[1] - 1000.0 / (3.0 * 90.0)).abs() < 1e-12);
    // Effective number of 900 photos: (1 - 0.999^900) / 0.001 = 593.6, of 10 photos: 9.955.
    assert!((weights.effective[2] / weights.effective[0] - 593.6 / 9.955).abs() < 0.01);
}
