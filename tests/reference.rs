//! What is written about the configuration agrees with what the code declares: `pipeline.toml`, the page in `docs/`, and
//! what `marque config` prints.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::project::{PIPELINE, Project};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A key as the code declares it; one that goes with several conditions is declared several times.
struct Declared {
    default: Value,
    /// What holds without it, where it has no default value.
    without: Option<String>,
}

/// What the code declares, by section and key.
fn declared(project: &Project) -> BTreeMap<(String, String), Vec<Declared>> {
    let text = project.call(&["config", "--reference", "--json"]).succeeded().stdout;
    let sections: Value = serde_json::from_str(&text).unwrap();
    let mut keys: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for section in sections.as_array().unwrap() {
        for key in section["keys"].as_array().unwrap() {
            let name = |value: &Value| value.as_str().unwrap().to_owned();
            let without = key["without"].as_str().map(str::to_owned);
            let declared = Declared { default: key["default"].clone(), without };
            keys.entry((name(&section["section"]), name(&key["key"]))).or_default().push(declared);
        }
    }
    keys
}

/// A line of `pipeline.toml` that shows a key.
#[derive(Debug)]
struct Shown {
    line: usize,
    section: String,
    key: String,
    value: String,
    /// What is said of it, on lines below too.
    comment: String,
    /// Whether the key is set, and not a comment itself.
    set: bool,
}

/// The name in `[name]` or `[[name]]`, as `marque config --reference` has it.
fn header(line: &str) -> Option<String> {
    let name = line.strip_prefix('[')?.split_once(']')?.0.trim_start_matches('[');
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '.');
    let name = if name.starts_with("train.heads.") { "train.heads.NAME" } else { name };
    is_name.then(|| name.to_owned())
}

/// All that `pipeline.toml` shows. Commented keys below a commented header belong to that one, up to the next key that
/// is set.
fn shown(pipeline: &str) -> Vec<Shown> {
    let (mut shown, mut set_section, mut section): (Vec<Shown>, _, _) =
        (vec![], String::new(), String::new());
    for (number, line) in pipeline.lines().enumerate() {
        let (content, set) = match line.strip_prefix("# ") {
            Some(content) => (content, false),
            None => (line, true),
        };
        if let Some(name) = header(content) {
            section = name.clone();
            if set {
                set_section = name;
            }
            continue;
        }
        let is_key = |key: &str| {
            !key.is_empty() && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        match content.split_once(" = ").filter(|(key, _)| is_key(key)) {
            Some((key, rest)) => {
                let (value, comment) = rest.split_once('#').unwrap_or((rest, ""));
                if set {
                    section.clone_from(&set_section);
                }
                shown.push(Shown {
                    line: number + 1,
                    section: section.clone(),
                    key: key.to_owned(),
                    value: value.trim().to_owned(),
                    comment: comment.trim().to_owned(),
                    set,
                });
            }
            // Goes on from the line above.
            None => {
                let more = content.trim_start().trim_start_matches('#').trim_start();
                if let Some(last) = shown.last_mut().filter(|_| content.starts_with(' ')) {
                    last.comment.extend([" ", more]);
                }
            }
        }
    }
    shown
}

fn value(toml: &str) -> Option<Value> {
    let table: toml::Table = toml::from_str(&format!("value = {toml}")).ok()?;
    serde_json::to_value(&table["value"]).ok()
}

fn equal(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

/// The default in brackets at the end of a comment, and the one that SGD has: `[2e-3; 0.02 of SGD]`.
fn in_brackets(comment: &str) -> Option<(&str, Option<&str>)> {
    let (_, inside) = comment.strip_suffix(']')?.rsplit_once('[')?;
    Some(match inside.split_once("; ") {
        Some((default, of_sgd)) => (default, of_sgd.strip_suffix(" of SGD")),
        None => (inside, None),
    })
}

#[test]
fn pipeline_toml_shows_every_key_with_its_default() {
    let project = Project::new(PIPELINE);
    let declared = declared(&project);
    let text = std::fs::read_to_string(root().join("pipeline.toml")).unwrap();
    let shown = shown(&text);
    let mut wrong = Vec::new();

    let named: BTreeSet<_> = shown.iter().map(|shown| (shown.section.clone(), shown.key.clone())).collect();
    for (section, key) in declared.keys().filter(|key| !named.contains(key)) {
        wrong.push(format!("{section}.{key} is not shown"));
    }
    let with_sgd = project.call(&["config", "--json", "--set", "train.optimizer=sgd"]).succeeded().stdout;
    let with_sgd: Value = serde_json::from_str(&with_sgd).unwrap();
    for Shown { line, section, key, value: written, comment, set } in &shown {
        let Some(declared) = declared.get(&(section.clone(), key.clone())) else {
            wrong.push(format!("line {line}: the code has no key {section}.{key}"));
            continue;
        };
        let brackets = in_brackets(comment);
        let stated = brackets.map_or(written.as_str(), |(default, _)| default);
        let in_words = |declared: &Declared| {
            let without = declared.without.as_deref()?;
            Some(without.starts_with("required") || comment.contains(&format!("default: {without}")))
        };
        let agrees = declared.iter().any(|declared| match in_words(declared) {
            Some(said) => said || (!set && !comment.contains("default: ")),
            None => !set || value(stated).is_some_and(|stated| equal(&stated, &declared.default)),
        });
        if !agrees {
            let defaults: Vec<_> = declared
                .iter()
                .map(|declared| declared.without.clone().unwrap_or_else(|| declared.default.to_string()))
                .collect();
            wrong.push(format!(
                "line {line}: {section}.{key} is {written} ({comment}), but its default is {}",
                defaults.join(" or ")
            ));
        }
        if let Some((_, Some(of_sgd))) = brackets {
            let default = &with_sgd[format!("{section}.{key}")]["default"];
            if !value(of_sgd).is_some_and(|of_sgd| equal(&of_sgd, default)) {
                wrong.push(format!("line {line}: with SGD the default of {section}.{key} is {default}"));
            }
        }
    }
    assert!(shown.len() > 100, "pipeline.toml was not understood: {shown:?}");
    assert!(wrong.is_empty(), "pipeline.toml does not agree with the code:\n{}", wrong.join("\n"));
}

#[test]
fn the_page_of_all_keys_is_up_to_date() {
    let written = std::fs::read_to_string(root().join("docs/configuration.md")).unwrap_or_default();
    let generated = Project::new("").call(&["config", "--reference"]).succeeded().stdout;
    assert!(
        written == generated,
        "docs/configuration.md is not what the code declares: marque config --reference > docs/configuration.md"
    );
}

#[test]
fn the_resolved_configuration_says_where_each_value_came_from_and_reads_back() {
    let project = Project::new(include_str!("../pipeline.toml"));
    let toml = project.call(&["config", "--set", "train.epochs=3"]).succeeded().stdout;
    for (start, end) in [
        ("epochs = 3 ", "# --set"),
        ("train_photos = 2000 ", "# pipeline.toml:"),
        ("# weights: none ", "# default"),
        ("min_images = 155 ", "# pipeline.toml:"),
    ] {
        let line = toml.lines().find(|line| line.starts_with(start));
        assert!(line.is_some_and(|line| line.contains(end)), "{start} … {end} is not in\n{toml}");
    }
    assert!(toml.lines().all(|line| line.chars().count() <= 80), "{toml}");

    std::fs::write(project.path("again.toml"), &toml).unwrap();
    let values = |arguments: &[&str]| -> BTreeMap<String, Value> {
        let text = project.call(arguments).succeeded().stdout;
        let keys: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
        keys.into_iter().map(|(key, entry)| (key, entry["value"].clone())).collect()
    };
    let first = values(&["config", "--json", "--set", "train.epochs=3"]);
    assert_eq!(values(&["config", "--json", "--config", "again.toml"]), first);
    assert_eq!((&first["train.epochs"], &first["heads.2.breaks"]), (&3.into(), &serde_json::json!([2009])));

    let called = project.call(&["config", "--set", "train.epoch=3"]);
    called.failed(3, "did you mean `epochs`?");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let project = Project::new(PIPELINE);
    let mut command = project.command(&["config", "--reference"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn old_words_are_accepted_with_a_warning() {
    let project = Project::new(PIPELINE);
    let called = project.call(&["status", "--set", "train.head_weighting=learned"]).succeeded();
    let warning = "train.head_weighting = \"learned\" is called \"uncertainty\" now";
    assert!(called.stderr.contains(warning), "{}", called.stderr);
}
