//! What was found, on a terminal of eighty columns.

use std::path::Path;

use marque_contracts::counts::{counted, grouped, listed, percent};
use marque_contracts::schema::Split;
use marque_ingest::{SourceSettings, Survey};
use marque_layout::{Alignment, Grid, wrap};

use super::columns::Kind;
use super::heads::Proposal;
use super::plan::Plan;
use crate::terminal::{bytes, seconds};

/// Columns that lines keep within.
const WIDTH: usize = 80;

/// Names that a line shows.
const SHOWN: usize = 3;

/// What was found, what was written, and what to do next.
pub(super) fn report(survey: &Survey, proposal: &Proposal, plan: &Plan, output: &Path) -> String {
    let mut parts = vec![wrapped(found(survey))];
    if !proposal.heads.is_empty() {
        parts.push(heads(proposal));
    }
    let others = proposal.others.iter().map(|(column, why)| format!("no head of {column}: {why}"));
    parts.push(wrapped(others.collect()));
    parts.push(wrapped(written(plan, output)));
    let config = match output == Path::new("pipeline.toml") {
        true => String::new(),
        false => format!(" --config {}", shell(&output.display().to_string())),
    };
    parts.push(format!("next:\n  marque run{config}\n  marque inspect labels{config}"));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

fn wrapped(lines: Vec<String>) -> String {
    lines.iter().map(|line| wrap(line, WIDTH)).collect::<Vec<_>>().join("\n")
}

fn found(survey: &Survey) -> Vec<String> {
    let photos = survey.annotations.rows.len();
    let place = survey.place();
    let place = if place.as_os_str().is_empty() { ".".to_owned() } else { place.display().to_string() };
    let source = match &survey.source {
        SourceSettings::Table(table) => format!(
            "{} in {place}, named in the column {} of {}",
            counted(photos as u64, "photo", "photos"),
            table.file_column,
            table.table.display()
        ),
        SourceSettings::Folders(_) => {
            format!(
                "{} in {place}, each in the folder of its class",
                counted(photos as u64, "photo", "photos")
            )
        }
        SourceSettings::HuggingFace(_) => {
            format!("{} in the Parquet files of {place}", counted(photos as u64, "photo", "photos"))
        }
        SourceSettings::Published(_) | SourceSettings::Sample(_) => place,
    };
    let mut lines = vec![source];
    let sizes = &survey.sizes.sizes;
    if let (Some(smallest), Some(largest)) =
        (sizes.iter().min_by_key(|(w, h)| w * h), sizes.iter().max_by_key(|(w, h)| w * h))
    {
        let size = |(width, height): &(usize, usize)| format!("{width} × {height}");
        let all = if survey.sizes.looked_at() < photos {
            format!(", of {} looked at", grouped(survey.sizes.looked_at() as u64))
        } else {
            String::new()
        };
        lines.push(match smallest == largest {
            true => format!("  {} pixels{all}", size(smallest)),
            false => format!("  from {} to {} pixels{all}", size(smallest), size(largest)),
        });
    }
    let boxes = survey.annotations.rows.iter().filter(|row| row.crop.is_some()).count();
    if boxes > 0 {
        let verb = if boxes == 1 { "has a box" } else { "have boxes" };
        lines.push(format!("  {} {verb}, to which they are cut", counted(boxes as u64, "photo", "photos")));
    }
    let splits: Vec<_> = Split::ALL
        .iter()
        .filter_map(|split| Some((split, *survey.splits().get(split.as_str())?)))
        .map(|(split, count)| format!("{} {}", split.as_str(), grouped(count as u64)))
        .collect();
    if !splits.is_empty() {
        lines.push(format!("  splits: {}", splits.join(", ")));
    }
    let mut tell = |what: String, examples: Vec<&str>| {
        if !examples.is_empty() {
            lines.push(format!("  {what}: {}", listed(&examples, SHOWN).join(", ")));
        }
    };
    let of = |count: usize, one: &str, several: &str| counted(count as u64, one, several);
    let left_out: Vec<_> = survey.left_out.iter().map(|row| row.file_name.as_str()).collect();
    let missing = match survey.source {
        SourceSettings::Folders(_) => {
            of(left_out.len(), "photo lies in no folder of a class", "photos lie in no folder of a class")
        }
        _ => of(left_out.len(), "row has no photo", "rows have no photo"),
    };
    tell(format!("{missing} and will be left out"), left_out);
    let unread: Vec<_> = survey.sizes.unread.iter().map(|row| row.file_name.as_str()).collect();
    tell(of(unread.len(), "file cannot be read as a photo", "files cannot be read as photos"), unread);
    let no_photos: Vec<_> = survey.no_photos.iter().map(String::as_str).collect();
    tell(of(no_photos.len(), "file is no photo", "files are no photos"), no_photos);
    let without_row: Vec<_> = survey.without_row.iter().map(String::as_str).collect();
    tell(
        of(without_row.len(), "photo is in no row of the table", "photos are in no row of the table"),
        without_row,
    );
    lines.extend(survey.notes.iter().map(|note| format!("  {note}")));
    lines
}

fn heads(proposal: &Proposal) -> String {
    let heads = &proposal.heads;
    let mut grid = Grid::new();
    let classes = heads.iter().map(|head| match &head.labels.kind {
        Kind::Tags { .. } => format!("{} tags", grouped(head.labels.kept() as u64)),
        Kind::Years { last } => format!("2, up to {last}"),
        Kind::Classes { rest: Some(rest), .. } => {
            format!("{}, with {rest}", grouped(head.labels.kept() as u64))
        }
        Kind::Classes { .. } => grouped(head.labels.kept() as u64),
    });
    let most = heads.iter().map(|head| {
        let first = head.labels.classes.first();
        first.map_or_else(String::new, |(class, count)| {
            format!("{class} {}", percent(*count as f64 / head.labels.known.max(1) as f64))
        })
    });
    let empty = heads.iter().map(|head| grouped((head.labels.photos - head.labels.known) as u64));
    let (classes, most, empty) = (classes.collect(), most.collect(), empty.collect());
    grid.column("head", Alignment::Left, heads.iter().map(|head| head.name.clone()).collect());
    grid.column("from", Alignment::Left, heads.iter().map(|head| head.from.clone()).collect());
    grid.column("classes", Alignment::Left, classes);
    grid.column("unknown", Alignment::Right, empty);
    grid.column("most frequent", Alignment::Left, most);
    grid.to_text(Some(WIDTH))
}

fn written(plan: &Plan, output: &Path) -> Vec<String> {
    let (weights, chosen) = (&plan.weights, &plan.chosen);
    vec![
        format!("{} is written.", output.display()),
        format!(
            "{:?} at {} pixels, from ImageNet's weights, which the first run downloads ({}).",
            weights.backbone,
            plan.size,
            bytes(weights.bytes)
        ),
        format!(
            "{} of about {}: {} or so on this machine ({:.0} photos/s in {}).",
            counted(chosen.epochs as u64, "epoch", "epochs"),
            counted(plan.training_photos as u64, "training photo", "training photos"),
            seconds(plan.seconds()),
            plan.photos_per_second,
            plan.precision.word()
        ),
    ]
}

/// A word of a shell's command line.
pub(super) fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}
