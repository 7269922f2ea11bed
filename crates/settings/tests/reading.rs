//! Every kind of value, right and wrong, and where problems are said to be.

use marque_settings::{Document, Measure, Reader, Section, pairs};

fn problems(text: &str, set: &[&str], read: impl FnOnce(&mut Section<'_>)) -> Vec<String> {
    let mut document = Document::parse("p.toml", text).unwrap();
    set.iter().for_each(|pair| document.set(pair).unwrap());
    let mut reader = Reader::new(&document);
    reader.section("s", &[], "", read);
    reader.finish().map_or_else(|p| p.0.iter().map(ToString::to_string).collect(), |_| Vec::new())
}

#[test]
fn values_that_are_allowed_are_read() {
    let text =
        "[s]\na = 3\nb = 0.5\nc = true\nd = \"two\"\ne = [\"x\", \"y\"]\nf = [1, 2.5]\ng = [2009]\nh = 1\n";
    let document = Document::parse("p.toml", text).unwrap();
    let mut reader = Reader::new(&document);
    reader.section("s", &[], "", |s| {
        assert_eq!(s.key("a", "").count(1, 1..=5), 3);
        assert_eq!(s.key("b", "").number(1.0, 0.0..=1.0), 0.5);
        assert!(s.key("c", "").flag(false));
        assert_eq!(s.key("d", "").choice(1, &[("one", 1), ("two", 2)]), 2);
        assert_eq!(s.key("e", "").optional_texts("none").unwrap(), ["x", "y"]);
        assert_eq!(s.key("f", "").numbers([0.0; 2], 0.0..=9.0), [1.0, 2.5]);
        assert_eq!(s.key("g", "").optional_counts("none", 0..=9999).unwrap(), [2009]);
        assert_eq!(s.key("h", "").number(0.0, 0.0..=2.0), 1.0);
        assert_eq!(s.key("absent", "").count(7, 1..=9), 7);
    });
    reader.finish().unwrap();
}

#[test]
fn every_wrong_value_is_reported_with_line_and_allowed_values() {
    let text = "[s]\na = \"3\"\nb = 7\nc = 1\nd = \"three\"\ne = [1]\nf = [1]\n";
    let found = problems(text, &[], |s| {
        s.key("a", "").count(1, 1..=5);
        s.key("b", "").number(1.0, 0.0..=1.0);
        s.key("c", "").flag(false);
        s.key("d", "").choice(1, &[("one", 1), ("two", 2)]);
        s.key("e", "").optional_texts("none");
        s.key("f", "").numbers([0.0; 2], 0.0..=9.0);
    });
    assert_eq!(
        found,
        [
            "p.toml:2: s.a = \"3\": must be a whole number from 1 to 5; write 3, without quotes",
            "p.toml:3: s.b = 7: must be a number from 0 to 1; it is a share, and 7 percent would be 0.07",
            "p.toml:4: s.c = 1: must be true or false; write true",
            "p.toml:5: s.d = \"three\": must be one of \"one\", \"two\"",
            "p.toml:6: s.e = [1]: must be a list of texts, none of them empty",
            "p.toml:7: s.f = [1]: must be a list of 2 numbers from 0 to 9",
        ]
    );
}

#[test]
fn values_in_another_unit_are_told_what_was_probably_meant() {
    type Read = fn(&mut Section<'_>);
    let count: Read = |s| _ = s.key("k", "").count(1, 1..=64);
    let flag: Read = |s| _ = s.key("k", "").flag(true);
    let share: Read = |s| _ = s.key("k", "").number(0.2, 0.0..=0.95);
    let shares: Read = |s| _ = s.key("k", "").optional_numbers::<2>("none", 0.0..=1.0);
    let rate: Read = |s| _ = s.key("k", "").number(0.1, 0.0..=10.0);
    let epsilon: Read = |s| _ = s.key("k", "").number(1e-5, 1e-8..=0.1);
    let levels: Read = |s| _ = s.key("k", "").of(Measure::Brightness).numbers([0.5; 3], 1e-4..=10.0);
    let bytes: Read = |s| _ = s.key("k", "").of(Measure::Byte).counts([255; 3], 0..=255);
    let seconds: Read = |s| _ = s.key("k", "").of(Measure::Seconds).number(15.0, 0.1..=3600.0);
    let pixels: Read = |s| _ = s.key("k", "").of(Measure::Pixels).count(4, 0..=256);
    let warmup: Read = |s| _ = s.key("k", "").of(Measure::ShareOfSteps).number(0.25, 0.0..=1.0);
    let memory: Read = |s| _ = s.key("k", "").of(Measure::Bytes).count(1 << 31, 1 << 20..=1 << 50);
    let no_guess = "";
    let cases: [(Read, &str, &str); 26] = [
        (count, "8.0", "write 8"),
        (count, "\"8\"", "write 8, without quotes"),
        (count, "8.5", no_guess),
        (count, "\"eight\"", no_guess),
        (count, "[8]", no_guess),
        (flag, "\"true\"", "write true, without quotes"),
        (flag, "0", "write false"),
        (flag, "2", no_guess),
        (share, "20", "it is a share, and 20 percent would be 0.2"),
        (share, "\"0.2\"", "write 0.2, without quotes"),
        (share, "400", "it is a share: a tenth is 0.1"),
        (share, "-0.2", no_guess),
        (share, "nan", no_guess),
        (shares, "[35, 100]", "it is a share, and [35, 100] percent would be [0.35, 1]"),
        (shares, "0.5", "write [0.5, 0.5]"),
        (rate, "20", no_guess),
        (epsilon, "1", no_guess),
        (
            levels,
            "[123.675, 116.28, 103.53]",
            "it is of pixels from 0 to 1, and [123.675, 116.28, 103.53] looks like one of bytes: divided by 255 it is \
             [0.485, 0.456, 0.406]",
        ),
        (levels, "[-1e9, 0.5, 0.5]", no_guess),
        (bytes, "[1.0, 0.5, 0.0]", no_guess),
        (
            bytes,
            "[1.0, 1.0, 1.0]",
            "levels are from 0 to 255, and [1.0, 1.0, 1.0] times 255 would be [255, 255, 255]",
        ),
        (seconds, "15000", "it is in seconds, and 15000 milliseconds would be 15"),
        (pixels, "0.1", "it is a number of pixels, not a share"),
        (memory, "2", "it is in bytes: a MiB is 1048576 of them, a GiB 1073741824"),
        (memory, "0", no_guess),
        (warmup, "3", "it is a share of all steps, not a number of steps or epochs"),
    ];
    for (read, value, meant) in cases {
        let found = problems(&format!("[s]\nk = {value}\n"), &[], read);
        let [found] = &found[..] else { panic!("{value}: {found:?}") };
        let (_, guess) = found.split_once(": must be ").unwrap().1.split_once("; ").unwrap_or(("", no_guess));
        assert_eq!(guess, meant, "{value}: {found}");
    }
}

#[test]
fn unknown_sections_and_keys_are_reported() {
    let found = problems("[s]\nepoch = 1\n[t]\nx = 1\n", &[], |s| {
        s.key("epochs", "").count(1, 1..=5);
    });
    assert_eq!(
        found,
        [
            "p.toml:2: s.epoch is not a known key; did you mean `epochs`? known keys: epochs",
            "p.toml:3: [t] is not a known section; known sections: s",
        ]
    );
}

#[test]
fn command_line_values_win_and_are_named_as_the_place() {
    let found = problems("[s]\na = 3\n", &["s.a=9"], |s| {
        s.key("a", "").count(1, 1..=5);
    });
    assert_eq!(found, ["--set: s.a = 9: must be a whole number from 1 to 5"]);
    let mut document = Document::parse("p.toml", "[[heads]]\nname = \"brand\"\n").unwrap();
    document.set("heads.0.name=make").unwrap();
    document.set("new.key=plain words").unwrap();
    let mut reader = Reader::new(&document);
    assert_eq!(reader.sections("heads", &[], "", |s| s.key("name", "").text("")), ["make"]);
    assert_eq!(reader.section("new", &[], "", |s| s.key("key", "").text("")), "plain words");
    reader.finish().unwrap();
}

#[test]
fn pairs_that_lead_nowhere_are_refused() {
    for pair in ["epochs", "epochs=3", "s.a.b=3", ".a=1", "heads.7.name=x"] {
        let mut document = Document::parse("p.toml", "[s]\na = 3\n[[heads]]\nname = \"x\"\n").unwrap();
        assert!(document.set(pair).is_err(), "{pair}");
    }
}

#[test]
fn text_that_is_not_toml_is_an_error_with_a_position() {
    let error = Document::parse("p.toml", "[s]\na = \n").unwrap_err().to_string();
    assert!(error.starts_with("p.toml: ") && error.contains("line 2"), "{error}");
}

#[test]
fn a_section_of_the_wrong_shape_is_reported() {
    assert_eq!(
        problems("s = 3\n", &[], |_| ()),
        ["p.toml:1: s: must be a section: write [s] on a line of its own, and its keys below"]
    );
    let document = Document::parse("p.toml", "[heads]\nname = \"x\"\n").unwrap();
    let mut reader = Reader::new(&document);
    reader.sections("heads", &[], "", |_| ());
    let found = reader.finish().unwrap_err().to_string();
    assert_eq!(found, "p.toml:1: heads: write each entry under its own [[heads]]");
}

#[test]
fn tables_by_name_and_pairs_are_read() {
    let text = "[s]\npairs = [[1, 96], [7, 128]]\n[s.heads.brand]\nweight = 2\n[s.heads.era]\n";
    let document = Document::parse("p.toml", text).unwrap();
    let mut reader = Reader::new(&document);
    reader.section("s", &[], "", |s| {
        assert_eq!(
            s.key("pairs", "").optional_pairs("none", [1..=99, 16..=1024]).unwrap(),
            [(1, 96), (7, 128)]
        );
        assert_eq!(s.key("absent", "").optional_pairs("none", [1..=99, 16..=1024]), None);
        let heads = s.tables("heads", "", |head| head.key("weight", "").count(1, 1..=9));
        assert_eq!(heads, [("brand".to_owned(), 2), ("era".to_owned(), 1)]);
        assert!(s.tables("none", "", |_| ()).is_empty());
    });
    reader.finish().unwrap();
    let text = "[s]\npairs = [[1, 96, 2]]\nheads = 3\n";
    let found = problems(text, &[], |s| {
        s.key("pairs", "").optional_pairs("none", [1..=99, 16..=1024]);
        s.tables("heads", "", |_| ());
    });
    assert_eq!(
        found,
        [
            "p.toml:2: s.pairs = [[1, 96, 2]]: must be a list of pairs of whole numbers, from 1 to 99 and from 16 to 1024",
            "p.toml:3: s.heads: write each entry under its own [s.heads.NAME]",
        ]
    );
    let found = problems("[s.heads.brand]\nwieght = 2\n", &["s.heads.brand.weight=12"], |s| {
        s.tables("heads", "", |head| head.key("weight", "").count(1, 1..=9));
    });
    assert_eq!(
        found,
        [
            "p.toml:2: s.heads.brand.wieght is not a known key; did you mean `weight`? known keys: weight",
            "--set: s.heads.brand.weight = 12: must be a whole number from 1 to 9",
        ]
    );
}

#[test]
fn brackets_and_empty_texts_are_explained() {
    let said = |text: &str| {
        let document = Document::parse("pipeline.toml", text).unwrap();
        let mut reader = Reader::new(&document);
        reader.section("train", &[], "", |section| section.key("weights", "").optional_path("none"));
        reader.finish().unwrap_err().to_string()
    };
    assert!(
        said("[[train]]\nepochs = 3\n")
            .contains("train: there is one such section: write [train], with single")
    );
    assert!(said("train = 3\n").contains("must be a section: write [train] on a line of its own"));
    assert!(
        said("[train]\nweights = \"\"\n")
            .contains("train.weights = \"\": must be a path in quotes, not empty")
    );
}

#[test]
fn a_line_of_pairs_is_cut_where_keys_begin() {
    let cases: [(&str, &[&str]); 14] = [
        ("", &[]),
        ("train.epochs=3", &["train.epochs=3"]),
        ("  train.epochs=3   labels.seed=2 ", &["train.epochs=3", "labels.seed=2"]),
        (
            "heads.0.classes=[\"Quad Cab\", \"SUV\"] train.freeze=[\"stem\", \"layer1\"]",
            &["heads.0.classes=[\"Quad Cab\", \"SUV\"]", "train.freeze=[\"stem\", \"layer1\"]"],
        ),
        ("dataset.path=my photos, a=b", &["dataset.path=my photos, a=b"]),
        // As it is written: two spaces are two spaces.
        ("dataset.path=my  photos  a.b=1", &["dataset.path=my  photos", "a.b=1"]),
        ("dataset.path=\"my  photos \" a.b=1", &["dataset.path=\"my  photos \"", "a.b=1"]),
        ("a.b=one\ttwo\u{3000}three", &["a.b=one\ttwo\u{3000}three"]),
        // What looks like a key within quotes or brackets is none.
        ("a.b=\"x c.d=1\" e.f=2", &["a.b=\"x c.d=1\"", "e.f=2"]),
        ("a.b='x c.d=\"1' e.f=2", &["a.b='x c.d=\"1'", "e.f=2"]),
        ("a.b=[\"x c.d=1]\", {g=\" h.i=2\"}] e.f=2", &["a.b=[\"x c.d=1]\", {g=\" h.i=2\"}]", "e.f=2"]),
        ("a.b=\"say \\\"x c.d=1\\\" e.f=3\" g.h=2", &["a.b=\"say \\\"x c.d=1\\\" e.f=3\"", "g.h=2"]),
        // A quote in a word, or one that stays open, is a character like others.
        ("a.b=o'brien's c.d=1 e.f=\"x g.h=2", &["a.b=o'brien's", "c.d=1", "e.f=\"x", "g.h=2"]),
        ("nonsense a.b=1", &["nonsense", "a.b=1"]),
    ];
    for (line, expected) in cases {
        assert_eq!(pairs(line), expected, "{line}");
    }
}
