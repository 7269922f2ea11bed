//! Warnings and lines on the terminal: likely mistakes, differences between the ways of matching, leaks.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use marque_contracts::counts::{counted, listed};
use marque_contracts::schema::{Head, HeadKind, Split, folded, labels};

use crate::class_table::ClassRow;
use crate::duplicates::Leak;
use crate::heads::LabelledHead;
use crate::labelled_photos::LabelledPhotos;
use crate::splits::Shortfall;
use crate::{HeadDefinition, Settings};

/// Class names printed per head on which the two ways of matching differ; the table has them all.
const PRINTED_DIFFERENCES: usize = 10;

/// Groups of duplicates that are printed; the table has them all.
const PRINTED_LEAKS: usize = 5;

/// Boxes far beyond their photos that a warning names.
const PRINTED_BOXES: usize = 10;

/// Logs warnings of what may be mistakes in the data set or the settings.
pub(crate) fn warn(labelled: &LabelledPhotos<'_>, settings: &Settings) {
    if labelled.unlabelled > 0 {
        let photos = counted(labelled.unlabelled as u64, "photo has no", "photos have no");
        let left = if labelled.unlabelled == 1 { "is" } else { "are" };
        tracing::warn!("{photos} annotation and {left} left out");
    }
    if labelled.absent > 0 {
        let one = "annotation is about a photo that is not there";
        let several = "annotations are about photos that are not there";
        tracing::warn!("{}", counted(labelled.absent as u64, one, several));
    }
    if let [first, ..] = labelled.spelled.as_slice() {
        tracing::warn!(
            "{} spelled in another form than the file, in accents, spaces or characters that are not seen, and taken for \
             it, such as {first}",
            counted(labelled.spelled.len() as u64, "annotated name is", "annotated names are")
        );
    }
    boxes(labelled);
    held_out(labelled, settings);
    labelled.head_records().iter().for_each(small);
    for spelling in labelled.spellings.joined() {
        tracing::warn!("class names: {spelling}");
    }
    for (head, definition) in labelled.heads.iter().zip(&settings.heads) {
        likely_mistakes(head, definition);
        keywords_alike(labelled, head);
    }
    if labelled.heads.iter().any(|head| head.names.is_some()) {
        for name in labelled.names.iter().map(|row| &row.name.text).filter(|name| says_unknown(name)) {
            tracing::warn!(
                "the class name `{name}` reads like one that is not known; leave it empty there, and heads of class names \
                 take these photos for unlabelled"
            );
        }
    }
    for column in labelled.columns_left_out() {
        tracing::warn!(
            "the column `{column}` can be used by heads, but is not in {}, which has one of its own of this name{}",
            labels::LABEL_TABLE,
            if column.len() == 2 { " (boxes are read from bbox_x1 to bbox_y2)" } else { "" }
        );
    }
}

/// Warns of classes that read like unknown labels, and of names that are probably meant to be the same.
fn likely_mistakes(head: &LabelledHead, definition: &HeadDefinition) {
    let name = &head.name;
    for spelling in head.spellings.joined() {
        tracing::warn!("head `{name}`: {spelling}");
    }
    let none = (head.kind == HeadKind::Tags).then_some(definition.tag_syntax.none.as_str());
    for class in &head.classes {
        if let Some(none) = none.filter(|none| folded(none) == folded(class)) {
            tracing::warn!(
                "head `{name}`: the tag `{class}` differs in nothing but letter case or accents from the word `{none}`, \
                 which says that a photo has no tags; it stays a tag"
            );
        } else if says_unknown(class) {
            tracing::warn!(
                "head `{name}`: the class `{class}` reads like a label that is not known; leave such cells empty, and \
                 they are excluded from loss and metrics"
            );
        }
    }
    for (one, other) in spelled_alike(&head.classes) {
        tracing::warn!(
            "head `{name}`: the classes `{one}` and `{other}` differ in nothing but letter case or accents; they stay \
             two classes"
        );
    }
    let by_folded: BTreeMap<_, _> = head.classes.iter().map(|class| (folded(class), class)).collect();
    for other in &head.others {
        if let Some(rest) = head.classes.last().filter(|_| says_unknown(other)) {
            tracing::warn!(
                "head `{name}`: `{other}` is taken for `{rest}`, and reads like a label that is not known; leave such cells \
                 empty, and they are excluded from loss and metrics"
            );
        }
        if let (Some(class), Some(rest)) = (by_folded.get(&folded(other)), head.classes.last()) {
            tracing::warn!(
                "head `{name}`: `{other}` is taken for `{rest}`, and differs in nothing but letter case or accents from \
                 the class `{class}`; write it in one way if it is the same"
            );
        }
    }
}

/// Warns of class names that hold a keyword but for accents or width, and are not taken to hold it.
fn keywords_alike(labelled: &LabelledPhotos<'_>, head: &LabelledHead) {
    let Some(rule) = &head.names else { return };
    let names = labelled.names.iter().map(|row| &row.name);
    let found: Vec<_> = names.filter_map(|name| Some((rule.nearly_holds(name)?, &name.text))).collect();
    if let [(keyword, name), ..] = found.as_slice() {
        let names = counted(found.len() as u64, "class name holds", "class names hold");
        tracing::warn!(
            "head `{}`: {names} a keyword but for accents or the width of letters, and {} not taken to, such as `{name}` \
             with `{keyword}`; write it in one way if it is the same",
            head.name,
            if found.len() == 1 { "is" } else { "are" },
        );
    }
}

/// Warns of splits that are wanted and have no photo.
fn held_out(labelled: &LabelledPhotos<'_>, settings: &Settings) {
    let kept = labelled.kept_photos();
    let training = kept.iter().filter(|(_, split)| *split == Split::Train).count();
    let empty = |split: &Split| !kept.iter().any(|(_, of)| of == split);
    let wanted = settings.test > 0.0 || settings.validation > 0.0;
    if !wanted && training == kept.len() {
        tracing::warn!(
            "no photo is held out, for validation or for the test: training keeps its last epoch, and there is nothing \
             to measure it on"
        );
    }
    for short in &labelled.shortfalls {
        tracing::warn!("{}", shortfall(short));
    }
    for (split, share) in [(Split::Test, settings.test), (Split::Validation, settings.validation)] {
        let told = labelled.shortfalls.iter().any(|short| short.split == split);
        if share > 0.0 && empty(&split) && !told {
            tracing::warn!(
                "labels.{split} = {share} of {} leaves the {split} split empty, so that {}: shares are rounded; it takes \
                 more photos, or a larger share",
                counted(training as u64, "training photo", "training photos"),
                without(split),
                split = split.as_str(),
            );
        }
    }
    for head in &labelled.heads {
        for split in Split::ALL {
            let photos = || kept.iter().filter(|(_, of)| *of == split);
            if photos().next().is_some() && !photos().any(|(photo, _)| head.labels[*photo].is_known()) {
                tracing::warn!("head `{}`: no {}", head.name, unlabelled(split));
            }
        }
    }
}

/// What a split without photos means.
fn without(split: Split) -> &'static str {
    match split {
        Split::Test => "there is nothing to measure on",
        _ => "training keeps its last epoch",
    }
}

/// What a split without labels of a head means for that head, after "no".
fn unlabelled(split: Split) -> &'static str {
    match split {
        Split::Train => "training photo has a label, so that there is nothing to learn it from",
        Split::Validation => "validation photo has a label, so that it has no say in which epoch is the best",
        Split::Test => "test photo has a label, so that it will not be measured",
    }
}

/// Which share could not be held out, for which classes, and what would help.
fn shortfall(short: &Shortfall) -> String {
    let Shortfall { split, share, candidates, wanted, given, single } = short;
    let so = if *given == 0 { format!(", so that {}", without(*split)) } else { String::new() };
    let why = match single.is_empty() {
        true => "groups of duplicates stay together".to_owned(),
        false => {
            let of_head = |(head, classes): &(String, Vec<String>)| {
                let count = counted(classes.len() as u64, "class", "classes");
                format!(
                    "head `{head}` has {count} with one photo to learn from ({})",
                    listed(classes, 3).join(", ")
                )
            };
            let heads: Vec<_> = single.iter().map(of_head).collect();
            format!(
                "no class gives its last photo, and {}; more photos of these, or one class for what is rare (`min_images` \
                 and `other` of the head), would help",
                heads.join("; ")
            )
        }
    };
    format!(
        "labels.{} = {share} asks for {wanted} of {}, and {given} can be held out{so}: {why}",
        split.as_str(),
        counted(*candidates as u64, "photo", "photos"),
    )
}

/// Words that programs (pandas, spreadsheets) and people write for an unknown value, in lower case.
const UNKNOWN: [&str; 20] = [
    "n/a", "na", "#n/a", "#n/a n/a", "#na", "<na>", "nan", "-nan", "1.#ind", "-1.#ind", "1.#qnan",
    "-1.#qnan", "null", "nil", "none", "unknown", "nat", "?", "-", "--",
];

fn says_unknown(class: &str) -> bool {
    UNKNOWN.contains(&class.to_lowercase().as_str())
}

fn boxes(labelled: &LabelledPhotos<'_>) {
    if let Some((name, crop)) = labelled.clipped.first() {
        let [x1, y1, x2, y2] = [crop.x1, crop.y1, crop.x2, crop.y2];
        let count = labelled.clipped.len();
        let what = counted(count as u64, "box reaches", "boxes reach");
        let to = if count == 1 { "its photo and is" } else { "their photos and are" };
        tracing::warn!("{what} a few pixels beyond {to} cut, as that of {name} to {x1}, {y1} to {x2}, {y2}");
    }
    let beyond = &labelled.beyond;
    if beyond.is_empty() {
        return;
    }
    let (one, several) = ("box reaches far beyond its photo", "boxes reach far beyond their photos");
    let boxes: Vec<_> = beyond
        .iter()
        .map(|(photo, crop)| {
            let [x1, y1, x2, y2] = [crop.x1, crop.y1, crop.x2, crop.y2];
            format!("{}: {x1}, {y1} to {x2}, {y2} in {} × {}", photo.file_name, photo.width, photo.height)
        })
        .collect();
    tracing::warn!(
        "{}; photos that were resized after they were annotated should not be cropped\n  {}",
        counted(beyond.len() as u64, one, several),
        listed(&boxes, PRINTED_BOXES).join("\n  ")
    );
}

/// Warns of classes without training photos, and of heads with one class only.
fn small(head: &Head) {
    let name = &head.name;
    if let ([class], HeadKind::Single) = (head.classes.as_slice(), head.kind) {
        tracing::warn!("head `{name}`: `{class}` is the only class, so there is nothing to tell apart");
    }
    let train = head.counts.get(&Split::Train).into_iter().flatten();
    for (class, _) in head.classes.iter().zip(train).filter(|(_, count)| **count == 0) {
        let word = if head.kind == HeadKind::Tags { "has the tag" } else { "is of the class" };
        tracing::warn!("head `{name}`: no training photo {word} `{class}`");
    }
}

/// Pairs of classes that differ in letter case or accents only: a typing error, more often than not.
fn spelled_alike(classes: &[String]) -> Vec<(&str, &str)> {
    let mut first: BTreeMap<String, &str> = BTreeMap::new();
    let mut pairs = Vec::new();
    for class in classes {
        match first.entry(folded(class)) {
            Entry::Vacant(entry) => {
                entry.insert(class);
            }
            Entry::Occupied(entry) => pairs.push((*entry.get(), class.as_str())),
        }
    }
    pairs
}

/// Lines that say on which class names the two ways of matching differ, and which duplicates leak or contradict.
pub(crate) fn lines(labelled: &LabelledPhotos<'_>) -> Vec<String> {
    let mut lines = differences(labelled);
    lines.extend(duplicates(labelled));
    lines
}

fn differences(labelled: &LabelledPhotos<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for head in &labelled.heads {
        let Some(rule) = &head.names else { continue };
        let difference = |row: &ClassRow| {
            let why = rule.difference(&row.name)?;
            let (words, article) = rule.both(&row.name);
            Some(format!("  {}: {words}, not {article}: {why}", row.name.text))
        };
        let differences: Vec<_> = labelled.names.iter().filter_map(difference).collect();
        if differences.is_empty() {
            continue;
        }
        lines.push(format!(
            "{}: {} of {} class names {} between rules = \"words\" and \"article\"",
            head.name,
            differences.len(),
            labelled.names.len(),
            if differences.len() == 1 { "differs" } else { "differ" }
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

fn duplicates(labelled: &LabelledPhotos<'_>) -> Vec<String> {
    let leaks = labelled.leaks();
    if leaks.is_empty() {
        return Vec::new();
    }
    let count = |wrong: fn(&&Leak<'_>) -> bool| leaks.iter().filter(wrong).count();
    let mut lines = vec![format!(
        "duplicates in {}: {} across splits, {} with contradicting labels, {} both",
        counted(labelled.groups.len() as u64, "group", "groups"),
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
        let (what, whose) = if dropped == 1 { ("photo is", "its") } else { ("photos are", "theirs") };
        lines.push(format!("  {dropped} {what} left out, since duplicates of {whose} are to be measured on"));
    }
    lines
}
