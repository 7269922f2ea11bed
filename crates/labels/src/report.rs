//! What the stage says on the terminal.

use marque_contracts::schema::{HeadKind, Split, labels};

use crate::duplicates::Leak;
use crate::labelled::Labelled;

/// Differences between the two readings that are printed per head; the table has them all.
const PRINTED_DIFFERENCES: usize = 10;

/// Groups of duplicates that are printed; the table has them all.
const PRINTED_LEAKS: usize = 5;

/// Logs what may be a mistake.
pub(crate) fn warn(labelled: &Labelled<'_>) {
    if labelled.unlabelled > 0 {
        tracing::warn!("{} photos have no annotation and are left out", labelled.unlabelled);
    }
    if labelled.absent > 0 {
        tracing::warn!("{} annotations are about photos that are not there", labelled.absent);
    }
    let (beyond, first) = labelled.boxes_beyond();
    if let Some((name, crop, width, height)) = first {
        let [x1, y1, x2, y2] = [crop.x1, crop.y1, crop.x2, crop.y2];
        tracing::warn!(
            "{beyond} boxes reach beyond their photos, as {x1}, {y1} to {x2}, {y2} of {name}, which is {width} × \
             {height}; photos that were resized after they were annotated should not be cropped"
        );
    }
    for head in labelled.head_records() {
        let train = head.counts.get(&Split::Train).into_iter().flatten();
        for (class, _) in head.classes.iter().zip(train).filter(|(_, count)| **count == 0) {
            let word = if head.kind == HeadKind::Tags { "has the tag" } else { "is of the class" };
            tracing::warn!("head `{}`: no training photo {word} `{class}`", head.name);
        }
    }
}

/// Lines that say where the two readings of class names differ, and what is wrong with duplicates.
pub(crate) fn lines(labelled: &Labelled<'_>) -> Vec<String> {
    let mut lines = differences(labelled);
    lines.extend(duplicates(labelled));
    lines
}

fn differences(labelled: &Labelled<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for head in &labelled.heads {
        let Some(classifier) = &head.classifier else { continue };
        let difference = |row: &crate::class_table::ClassRow| {
            let (words, article) = classifier.both_classes(&row.name);
            Some(format!(
                "  {}: {words}, not {article}: {}",
                row.name.text,
                classifier.difference(&row.name)?
            ))
        };
        let differences: Vec<_> = labelled.names.iter().filter_map(difference).collect();
        if differences.is_empty() {
            continue;
        }
        lines.push(format!(
            "{}: {} of {} class names differ between rules = \"words\" and \"article\"",
            head.name,
            differences.len(),
            labelled.names.len()
        ));
        let more = differences.len().saturating_sub(PRINTED_DIFFERENCES);
        lines.extend(differences.into_iter().take(PRINTED_DIFFERENCES));
        if more > 0 {
            lines.push(format!(
                "  and {more} more, in the column {}_why of {}",
                head.name,
                labels::CLASS_TABLE
            ));
        }
    }
    lines
}

fn duplicates(labelled: &Labelled<'_>) -> Vec<String> {
    let leaks = labelled.leaks();
    if leaks.is_empty() {
        return Vec::new();
    }
    let count = |wrong: fn(&&Leak<'_>) -> bool| leaks.iter().filter(wrong).count();
    let groups = labelled.groups.len();
    let mut lines = vec![format!(
        "duplicates in {groups} group{}: {} across splits, {} with contradicting labels, {} both",
        if groups == 1 { "" } else { "s" },
        count(|leak| leak.crosses.is_some()),
        count(|leak| leak.contradicts.is_some()),
        count(|leak| leak.crosses.is_some() && leak.contradicts.is_some()),
    )];
    let names = labelled.file_names();
    lines.extend(leaks.iter().take(PRINTED_LEAKS).map(|leak| format!("  {}", leak.example(&names))));
    if leaks.len() > PRINTED_LEAKS {
        lines.push(format!("  and {} more, in {}", leaks.len() - PRINTED_LEAKS, labels::LEAK_TABLE));
    }
    let dropped = labelled.kept.iter().filter(|kept| !**kept).count();
    if dropped > 0 {
        lines.push(format!(
            "  {dropped} photos are left out, since duplicates of theirs are to be measured on"
        ));
    }
    lines
}

/// A count with commas between thousands.
pub(crate) fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
