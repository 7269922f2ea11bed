//! `marque compare`

use std::collections::BTreeMap;
use std::path::Path;

use marque_contracts::counts::{counted, grouped, percent};
use marque_contracts::schema::{evaluate, model};
use marque_contracts::{Job, Stage};
use marque_evaluate::{AnswerTable, Comparison, DifferentAnswer, Evaluate};
use marque_layout::{Alignment, Grid};
use marque_metrics::{Difference, PairedHead};
use marque_store::{RECORD, Store};

use crate::arguments::Compare;
use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::Terminal;
use crate::whole_results;

/// Compares two stores, results, tables of predictions or models.
pub(super) fn compare(
    configuration: Option<&Configuration>,
    options: &Compare,
    terminal: &Terminal,
) -> Result<(), Error> {
    let [a, b] = [&options.a, &options.b].map(|path| answers(configuration, path, terminal));
    let comparison = Comparison::of(&a?, &b?);
    if comparison.photos == 0 {
        return Err(Error::Usage("they have no photo in common".to_owned()));
    }
    if comparison.heads.is_empty() {
        return Err(Error::Usage(
            "they have no head in common about whose photos labels are known".to_owned(),
        ));
    }
    if options.json {
        let json = serde_json::to_value(&comparison).map_err(|error| Error::Output(error.into()))?;
        terminal.print(format_args!("{json:#}"));
    } else {
        terminal.print(text(&comparison, options.photos, terminal.output_width()));
    }
    Ok(())
}

/// What is answered there: a table, or what a model answers about the photos of the store that the configuration names.
fn answers(
    configuration: Option<&Configuration>,
    path: &Path,
    terminal: &Terminal,
) -> Result<AnswerTable, Error> {
    let name = path.display().to_string();
    let is_there = |file: &str| path.join(file).is_file();
    if is_there(RECORD) {
        let store = Store::open_to_read(path)?;
        let result = store.current(evaluate::STAGE)?.ok_or(Error::NoResult(evaluate::STAGE))?;
        whole_results::check(evaluate::STAGE, &result, &[evaluate::PREDICTIONS])?;
        return read(&name, &result.folder.join(evaluate::PREDICTIONS));
    }
    if is_there(evaluate::PREDICTIONS) {
        return read(&name, &path.join(evaluate::PREDICTIONS));
    }
    if is_there(model::WEIGHTS) {
        return answers_of_model(configuration, &name, path, terminal);
    }
    if path.is_dir() {
        return Err(Error::Usage(format!(
            "{name} is neither a store nor a model's folder, nor has it {}",
            evaluate::PREDICTIONS
        )));
    }
    if !path.exists() {
        return Err(Error::Usage(format!("there is no {name}")));
    }
    read(&name, path)
}

fn read(name: &str, path: &Path) -> Result<AnswerTable, Error> {
    AnswerTable::read(name, path).map_err(|error| Error::Failed(error.into()))
}

fn answers_of_model(
    configuration: Option<&Configuration>,
    name: &str,
    folder: &Path,
    terminal: &Terminal,
) -> Result<AnswerTable, Error> {
    let configuration = configuration.ok_or_else(|| {
        Error::Usage(format!(
            "to ask the model {name}, photos are needed: those of the store that --config names"
        ))
    })?;
    let store = configuration.open_store()?;
    whole_results::check_folder(&store, folder)?;
    let stage = Evaluate::new(configuration.evaluate.clone());
    let mut folders = BTreeMap::new();
    for input in stage.inputs() {
        let result = store.current(input.stage)?.ok_or(Error::NoResult(input.stage))?;
        whole_results::check(input.stage, &result, input.files)?;
        folders.insert(input.stage.to_owned(), result.folder);
    }
    stage.answers(&Job::new(folders, Path::new(""), terminal), folder, name).map_err(Error::Failed)
}

fn text(comparison: &Comparison, photos: usize, width: Option<usize>) -> String {
    let Comparison { a, b, heads, different, .. } = comparison;
    let mut parts = vec![format!("A: {a}\nB: {b}\n\n{}:", counted(comparison.photos, "photo", "photos"))];
    parts.extend(left_out(comparison));
    let cells = |of: &dyn Fn(&PairedHead) -> String| heads.iter().map(of).collect::<Vec<_>>();
    let mut grid = Grid::new();
    grid.column("head", Alignment::Left, cells(&|head| head.name.clone()));
    grid.column("photos", Alignment::Right, cells(&|head| grouped(head.photos)));
    grid.column("A", Alignment::Right, cells(&|head| percent(head.accuracy.a)));
    grid.column("B", Alignment::Right, cells(&|head| percent(head.accuracy.b)));
    grid.column("B − A, 95% interval", Alignment::Right, cells(&|head| points(&head.accuracy)));
    grid.column("only A", Alignment::Right, cells(&|head| grouped(head.only_a_right)));
    grid.column("only B", Alignment::Right, cells(&|head| grouped(head.only_b_right)));
    grid.column("p", Alignment::Right, cells(&|head| probability(head.p_value)));
    parts.push(grid.to_text(width));
    parts.push(marque_layout::wrap(&verdict(heads), width.unwrap_or(usize::MAX)));
    if !different.is_empty() && photos > 0 {
        let shown = &different[..photos.min(different.len())];
        let differ = counted(different.len() as u64, "answer differs", "answers differ");
        parts.push(format!(
            "\n{differ}{}:",
            if shown.len() < different.len() { ", the first of them" } else { "" }
        ));
        parts.push(answers_grid(shown).to_text(width));
    }
    parts.join("\n")
}

/// What is said of photos, labels and heads that are not compared.
fn left_out(comparison: &Comparison) -> Vec<String> {
    let mut lines = Vec::new();
    for (which, photos) in [("A", comparison.only_in_a), ("B", comparison.only_in_b)] {
        if photos > 0 {
            lines.push(format!("left out: {} that only {which} has", counted(photos, "photo", "photos")));
        }
    }
    if !comparison.heads_of_one.is_empty() {
        lines.push(format!("left out: heads that only one has: {}", comparison.heads_of_one.join(", ")));
    }
    for (head, labels) in &comparison.other_labels {
        lines.push(format!("left out: {} of {head} that differ", counted(*labels, "label", "labels")));
    }
    lines
}

/// "+1.2 (+0.3 to +2.1)", in points.
fn points(difference: &Difference) -> String {
    let signed = |share: f64| {
        let points = format!("{:+.1}", share * 100.0).replace('-', "−");
        if ["+0.0", "−0.0"].contains(&points.as_str()) { "0.0".to_owned() } else { points }
    };
    let [low, high] = difference.interval;
    format!("{} ({} to {})", signed(difference.difference), signed(low), signed(high))
}

fn probability(p: f64) -> String {
    if p < 0.0001 { "<0.0001".to_owned() } else { format!("{p:.4}") }
}

/// "B is better at brand, worse at era; at type the difference may be chance."
fn verdict(heads: &[PairedHead]) -> String {
    let of = |keep: &dyn Fn([f64; 2]) -> bool| {
        let names = heads.iter().filter(|head| keep(head.accuracy.interval)).map(|head| head.name.as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    let parts = [
        ("B is better at", of(&|[low, _]| low > 0.0)),
        ("B is worse at", of(&|[_, high]| high < 0.0)),
        ("it may be chance at", of(&|[low, high]| low <= 0.0 && high >= 0.0)),
    ];
    let said = parts.iter().filter(|(_, names)| !names.is_empty());
    said.map(|(what, names)| format!("{what} {names}")).collect::<Vec<_>>().join("; ")
}

fn answers_grid(answers: &[DifferentAnswer]) -> Grid {
    let cells = |of: &dyn Fn(&DifferentAnswer) -> String| answers.iter().map(of).collect::<Vec<_>>();
    let answer = |name: &str, probability: f64, right: bool| {
        format!("{name} {}{}", percent(probability), if right { " ✓" } else { "" })
    };
    let mut grid = Grid::new();
    grid.column("photo", Alignment::Path, cells(&|it| it.photo.clone()));
    grid.column("head", Alignment::Left, cells(&|it| it.head.clone()));
    grid.column("label", Alignment::Left, cells(&|it| it.label.clone().unwrap_or_else(|| "?".to_owned())));
    grid.column("A", Alignment::Left, cells(&|it| answer(&it.a, it.a_probability, it.right == Some("a"))));
    grid.column("B", Alignment::Left, cells(&|it| answer(&it.b, it.b_probability, it.right == Some("b"))));
    grid
}
