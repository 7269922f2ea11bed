//! What follows from the declarations of keys: where keys belong, old words, the resolved configuration, the reference.

use marque_settings::{Document, Problems, Reader, Resolved, Section, WordOrPath};

/// A stage with a bit of everything.
fn read(section: &mut Section<'_>) {
    section.renamed_word("kind", "plain", "single");
    section.key("width", "in pixels").count(64, 16..=1024);
    section.key("rate", "how fast").number(1e-5, 0.0..=1.0);
    section.key("kind", "how many").choice(0, &[("single", 0), ("tags", 1)]);
    let delimiter = section.only_with("kind", &["tags"], |section| {
        if section.has("delimiter") && !section.has("none") {
            section.problem("none", "is wanted too");
        }
        section.key("none", "the word for none").optional_text("any");
        section.key("delimiter", "between tags").text("|")
    });
    assert_eq!(delimiter.is_some(), section.only_with("kind", &["tags"], |_| ()).is_some());
    section.key("weights", "file of weights").optional_path("none");
    section.key("urls", "addresses").optional_texts("none");
    section.tables("heads", "one head", |head| head.key("on", "whether it counts").flag(true));
}

fn resolve(text: &str, set: &[&str]) -> Result<Resolved, Problems> {
    let mut document = Document::parse("conf/p.toml", text).unwrap();
    set.iter().for_each(|pair| document.set(pair).unwrap());
    let mut reader = Reader::new(&document);
    reader.section("s", &["first", "second"], "how things are done", read);
    reader.finish()
}

#[test]
fn keys_belong_to_the_words_they_go_with() {
    assert!(resolve("[s]\nkind = \"tags\"\ndelimiter = \";\"\nnone = \"-\"\n", &[]).is_ok());
    let cases = [
        ("delimiter = 3", "conf/p.toml:2: s.delimiter: goes with kind = \"tags\" only"),
        ("kind = \"tags\"\ndelimiter = \"|\"", "conf/p.toml:1: s.none: is wanted too"),
        // Where the word itself is wrong, what goes with it is not known.
        (
            "kind = \"many\"\ndelimiter = 3",
            "conf/p.toml:2: s.kind = \"many\": must be one of \"single\", \"tags\"",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(resolve(&format!("[s]\n{text}\n"), &[]).unwrap_err().to_string(), expected);
    }
}

#[test]
fn a_key_without_effect_is_refused_unless_it_has_its_default() {
    let found = |text: &str| -> Vec<String> {
        let document = Document::parse("p.toml", &format!("[s]\n{text}\n")).unwrap();
        let mut reader = Reader::new(&document);
        reader.section("s", &[], "", |section| {
            section.key("momentum", "").number(0.9, 0.0..=1.0);
            section.key("steps", "").count(3, 1..=9);
            section.key("weights", "").optional_path("none");
            for key in ["momentum", "steps", "weights"] {
                section.without_effect(key, "without sgd");
            }
        });
        reader.finish().map_or_else(|p| p.0.iter().map(ToString::to_string).collect(), |_| Vec::new())
    };
    for same in ["", "momentum = 0.9", "momentum = 0.90", "steps = 3"] {
        assert!(found(same).is_empty(), "{same}");
    }
    let refused = [
        ("momentum = 1", "p.toml:2: s.momentum = 1: changes nothing without sgd"),
        ("steps = 4", "p.toml:2: s.steps = 4: changes nothing without sgd"),
        ("weights = \"w\"", "p.toml:2: s.weights = \"w\": changes nothing without sgd"),
    ];
    for (text, expected) in refused {
        assert_eq!(found(text), [expected]);
    }
}

#[test]
fn old_words_work_with_a_warning() {
    let resolved = resolve("[s]\nkind = \"plain\"\n", &[]).unwrap();
    let warnings: Vec<_> = resolved.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, ["conf/p.toml:2: s.kind = \"plain\" is called \"single\" now"]);
    assert_eq!(resolved.to_json()["s.kind"]["value"], "single");
    let problems = resolve("[s]\nwidth = 3\n", &[]).unwrap_err().to_string();
    assert_eq!(problems, "conf/p.toml:2: s.width = 3: must be a whole number from 16 to 1024");
}

#[test]
fn the_resolved_configuration_says_where_values_came_from() {
    let urls = "urls = [\"https://example.org/first.tgz\", \"https://example.org/second.tgz\"]";
    let text = format!("[s]\nkind = \"tags\"\n{urls}\n[s.heads.brand]\n");
    let set = ["s.width=32", "s.none=a \"b\"\\c"];
    let resolved = resolve(&text, &set).unwrap();
    let toml = resolved.to_toml();
    let expected = r#"# conf/p.toml, resolved. Relative paths start at its folder.

[s]
width = 32                      # --set
rate = 1e-5                     # default
kind = "tags"                   # p.toml:2
none = "a \"b\"\\c"            # --set
delimiter = "|"                 # default
# weights: none                 # default
urls = [
    "https://example.org/first.tgz",
    "https://example.org/second.tgz",
]                               # p.toml:3

[s.heads.brand]
on = true                       # default
"#;
    let squeeze = |text: &str| {
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(squeeze(&toml), squeeze(expected), "{toml}");
    let columns: Vec<_> = toml.lines().filter_map(|line| line.rfind("# ").filter(|at| *at > 0)).collect();
    assert!(columns.windows(2).all(|pair| pair[0] == pair[1]), "not aligned:\n{toml}");
    assert!(toml.lines().all(|line| line.chars().count() <= 80), "{toml}");

    // It reads back to the same.
    let again = resolve(&toml, &[]).unwrap();
    let values = |resolved: &Resolved| -> Vec<_> {
        let json = resolved.to_json();
        json.as_object().unwrap().iter().map(|(key, entry)| (key.clone(), entry["value"].clone())).collect()
    };
    assert_eq!(values(&again), values(&resolved));
    let json = resolved.to_json();
    assert_eq!(json["s.rate"], serde_json::json!({"value": 1e-5, "default": 1e-5, "from": "default"}));
    assert_eq!(
        json["s.kind"],
        serde_json::json!({"value": "tags", "default": "single", "from": "conf/p.toml:2"})
    );
    assert_eq!(json["s.weights"], serde_json::json!({"value": null, "default": null, "from": "default"}));
    assert_eq!(json["s.heads.brand.on"]["value"], true);
}

#[test]
fn the_reference_has_every_key() {
    let document = Document::empty();
    let mut reader = Reader::recording(&document);
    reader.section("s", &["first", "second"], "how things are done", read);
    reader.sections("list", &[], "an entry", |section| section.key("seed", "of draws").seed(1));
    let reference = reader.reference();
    let expected = r#"
## `[s]`

How things are done. *stages `first` and `second`*

| key | value | default | what it does |
|---|---|---|---|
| `width` | a whole number from 16 to 1024 | `64` | in pixels |
| `rate` | a number from 0 to 1 | `1e-5` | how fast |
| `kind` | one of "single", "tags" | `"single"` | how many |
| `none` | text in quotes, not empty | any | With `kind = "tags"`: the word for none |
| `delimiter` | text in quotes, not empty | `"\|"` | With `kind = "tags"`: between tags |
| `weights` | a path in quotes, not empty | none | file of weights |
| `urls` | a list of texts, none of them empty | none | addresses |

## `[s.heads.NAME]`

One head. *stages `first` and `second`*

| key | value | default | what it does |
|---|---|---|---|
| `on` | true or false | `true` | whether it counts |

## `[[list]]`

An entry. *no stage: changes no result*

| key | value | default | what it does |
|---|---|---|---|
| `seed` | a whole number, 0 or more | `1` | of draws |
"#;
    assert_eq!(reference.to_markdown(), expected);
    let json = reference.to_json();
    let sections: Vec<_> =
        json.as_array().unwrap().iter().map(|section| section["section"].as_str().unwrap()).collect();
    assert_eq!(sections, ["s", "s.heads.NAME", "list"]);
    assert_eq!(json[0]["keys"][3]["without"], "any");
    assert_eq!(json[0]["keys"][4]["condition"], "kind = \"tags\"");
}

#[test]
fn a_key_that_is_not_given_has_the_value_that_another_implies() {
    let read = |text: &str| {
        let document = Document::parse("p.toml", text).unwrap();
        let mut reader = Reader::new(&document);
        let values = reader.section("s", &["first"], "how things are done", |section| {
            let words = [("small", 1), ("large", 2)];
            let weights = section.key("weights", "a name or a file").optional_word_or_path("none", &words);
            let named = match weights {
                Some(WordOrPath::Word(number)) => Some(number),
                _ => None,
            };
            let implied = named.map(|number| serde_json::json!([number, 0.5]));
            let mean = section.key("mean", "two numbers").implied("weights `small`", implied.as_ref());
            (weights, mean.numbers([0.0; 2], 0.0..=1.0))
        });
        (values, reader.finish().unwrap().to_json()["s.mean"]["from"].clone())
    };
    let path = |path: &str| Some(WordOrPath::Path(path.into()));
    assert_eq!(
        read("[s]\nweights = \"small\""),
        ((Some(WordOrPath::Word(1)), [1.0, 0.5]), "from weights `small`".into())
    );
    let given = read("[s]\nweights = \"small\"\nmean = [0.1, 0.2]");
    assert_eq!(given, ((Some(WordOrPath::Word(1)), [0.1, 0.2]), "p.toml:3".into()));
    assert_eq!(read("[s]\nweights = \"./small\""), ((path("./small"), [0.0; 2]), "default".into()));
    assert_eq!(read("[s]"), ((None, [0.0; 2]), "default".into()));
}

#[test]
fn a_value_that_is_found_out_later_stands_where_there_is_none() {
    let mut resolved = resolve("[s]\nwidth = 32\n", &[]).unwrap();
    resolved.find_out("s", "weights", &"a.pth".into(), "for 3 photos");
    resolved.find_out("s", "width", &64.into(), "for 3 photos");
    let json = resolved.to_json();
    assert_eq!(
        (&json["s.weights"]["value"], &json["s.weights"]["from"]),
        (&"a.pth".into(), &"for 3 photos".into())
    );
    assert_eq!(json["s.width"]["value"], 32);
    assert!(resolved.to_toml().contains("weights = \"a.pth\"  # for 3 photos"), "{}", resolved.to_toml());
}
