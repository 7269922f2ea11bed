//! Which columns of a data set make heads, and why others do not.

use std::collections::BTreeMap;

use marque_contracts::counts::{counted, grouped};
use marque_contracts::schema::{folded, model_year, normalised};
use marque_formats::CellValue;

/// Classes with fewer photos than this are put together, where there are enough photos to choose from.
const FEWEST: u64 = 5;

/// Photos from which on there are.
const ENOUGH: usize = 100;

/// Most classes or tags that a column is taken to name.
const MOST_CLASSES: usize = 1000;

/// Most different numbers that are taken for classes, as numbers of doors are.
const MOST_NUMBERS: usize = 12;

/// Words in a cell, on average, from which on it is taken for free text.
const PROSE: f64 = 5.0;

/// Most words of a tag.
const TAG_WORDS: usize = 4;

/// What may separate tags in a cell.
const DELIMITERS: [char; 3] = ['|', ';', ','];

/// What a column makes.
pub(super) enum Verdict {
    /// A head.
    Head(Labels),
    /// None: why, reading on from "no head:".
    None(String),
}

/// The labels in a column.
pub(super) struct Labels {
    pub(super) kind: Kind,
    /// Classes or tags with their photos, the most frequent first.
    pub(super) classes: Vec<(String, u64)>,
    /// Photos with a label.
    pub(super) known: usize,
    /// Photos.
    pub(super) photos: usize,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// One class a photo; `rest` is where the classes with too few photos go, if there are such.
    Classes { fewest: u64, rest: Option<String> },
    /// Several tags, or none. `None`: lists.
    Tags { delimiter: Option<char> },
    /// Years, to be cut after one of them.
    Years { last: i64 },
}

impl Labels {
    /// Classes that stay classes.
    pub(super) fn kept(&self) -> usize {
        match self.kind {
            Kind::Classes { fewest, rest: Some(_) } => {
                self.classes.iter().filter(|(_, count)| *count >= fewest).count() + 1
            }
            Kind::Years { .. } => 2,
            _ => self.classes.len(),
        }
    }
}

/// Decides over a column by its name and its cells, one for each photo.
pub(super) fn judge(name: &str, cells: &[Option<&CellValue>]) -> Verdict {
    let is_list = cells.iter().flatten().any(|cell| matches!(cell, CellValue::List(_)));
    let texts: Vec<String> =
        cells.iter().flatten().filter_map(|cell| shown(cell)).filter(|text| !text.is_empty()).collect();
    let photos = cells.len();
    if is_list {
        let lists = cells.iter().flatten();
        return tags(lists.map(|cell| cell.texts().iter().map(String::as_str).collect()), None, photos);
    }
    let known = texts.len();
    let counts = count(texts.iter().map(String::as_str));
    let none = |why: String| Verdict::None(why);
    match counts.as_slice() {
        [] => return none("all its cells are empty".to_owned()),
        [(only, _)] => return none(format!("it says {only} of every photo")),
        _ => {}
    }
    if folded(name) == "year" && texts.iter().all(|text| model_year(text).is_some()) {
        return years(&texts, photos, counts);
    }
    if let Some(why) = not_classes(&texts, &counts) {
        return none(why);
    }
    let delimiter = DELIMITERS.into_iter().find(|delimiter| is_list_of_tags(&texts, &counts, *delimiter));
    if let Some(delimiter) = delimiter {
        return tags(texts.iter().map(|text| text.split(delimiter).collect()), Some(delimiter), photos);
    }
    if counts.len() * 10 > known * 9 && known > FEWEST as usize {
        return none("nearly every photo has another value, as ids have".to_owned());
    }
    let words = texts.iter().map(|text| text.split_whitespace().count()).sum::<usize>();
    if words as f64 >= PROSE * known as f64 && counts.len() * 2 > known {
        return none("it is free text".to_owned());
    }
    let fewest = if known < ENOUGH { 2 } else { FEWEST };
    let frequent = counts.iter().filter(|(_, count)| *count >= fewest);
    let (kept, covered) = frequent.fold((0, 0), |(kept, covered), (_, count)| (kept + 1, covered + count));
    if !(2..=MOST_CLASSES).contains(&kept) || covered * 2 < known as u64 {
        return none(format!(
            "of its {} different values {} {fewest} photos or more",
            grouped(counts.len() as u64),
            if kept == 1 { "1 has".to_owned() } else { format!("{kept} have") },
        ));
    }
    let rest = (kept < counts.len()).then(|| rest(&counts));
    Verdict::Head(Labels { kind: Kind::Classes { fewest, rest }, classes: counts, known, photos })
}

/// The text of a cell in its normal form.
fn shown(cell: &CellValue) -> Option<String> {
    match cell {
        CellValue::Text(text) => Some(normalised(text).into_owned()),
        CellValue::List(_) => None,
    }
}

/// How often each text is there, the most frequent first.
fn count<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<(String, u64)> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    texts.for_each(|text| *counts.entry(text).or_default() += 1);
    let mut counts: Vec<_> = counts.into_iter().map(|(text, count)| (text.to_owned(), count)).collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
}

/// The name of the class of all others: one that the column has already, or "Other".
fn rest(counts: &[(String, u64)]) -> String {
    let own = counts.iter().find(|(class, _)| folded(class) == "other");
    own.map_or_else(|| "Other".to_owned(), |(class, _)| class.clone())
}

/// Why texts are no classes by what they look like, if they are not.
fn not_classes(texts: &[String], counts: &[(String, u64)]) -> Option<String> {
    let numbers: Option<Vec<f64>> = texts.iter().map(|text| text.parse().ok()).collect();
    if let Some(numbers) = numbers {
        let whole = numbers.iter().all(|number| number.fract() == 0.0);
        let few = counts.len() <= MOST_NUMBERS && counts.len() * 3 <= texts.len();
        if whole && few {
            return None;
        }
        let (least, most) =
            numbers.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), number| {
                (least.min(*number), most.max(*number))
            });
        return Some(format!("it holds numbers, from {least} to {most}, which are no classes"));
    }
    let all = |holds: fn(&str) -> bool| texts.iter().all(|text| holds(text));
    if all(|text| text.starts_with("http://") || text.starts_with("https://")) {
        return Some("it holds addresses".to_owned());
    }
    all(is_date).then(|| "it holds dates".to_owned())
}

/// Whether a text begins as a date does: 2026-11-30, 30.11.2026, 11/30/2026.
fn is_date(text: &str) -> bool {
    let day = text.split(['T', ' ']).next().unwrap_or_default();
    let parts: Vec<_> = day.split(['-', '.', '/']).collect();
    let number = |part: &&str| matches!(part.len(), 1 | 2 | 4) && part.bytes().all(|b| b.is_ascii_digit());
    parts.len() == 3 && parts.iter().all(number) && parts.iter().any(|part| part.len() == 4)
}

/// Whether cells are tags with a character between them: some hold several, which are words, and come again in other
/// company. That tells lists from names with such a character in them; a bar is in no name.
fn is_list_of_tags(texts: &[String], counts: &[(String, u64)], delimiter: char) -> bool {
    let several = texts.iter().filter(|text| text.contains(delimiter)).count();
    if several < 2 || several * 50 < texts.len() {
        return false;
    }
    let parts = |(text, _): &'_ (String, u64)| -> Vec<String> {
        text.split(delimiter).map(|part| part.trim().to_owned()).collect()
    };
    let mut cells_with: BTreeMap<String, usize> = BTreeMap::new();
    counts.iter().flat_map(parts).for_each(|part| *cells_with.entry(part).or_default() += 1);
    let is_tag = |part: &String| part.split_whitespace().count() <= TAG_WORDS;
    let is_number = |part: &String| part.parse::<f64>().is_ok();
    let joined: Vec<_> = counts.iter().filter(|(text, _)| text.contains(delimiter)).flat_map(parts).collect();
    let again = joined.iter().filter(|part| cells_with[*part] > 1).count();
    (2..=MOST_CLASSES).contains(&cells_with.len())
        && cells_with.keys().all(is_tag)
        && !cells_with.keys().all(is_number)
        && (delimiter == '|' || again * 2 >= joined.len())
}

fn tags<'a>(cells: impl Iterator<Item = Vec<&'a str>>, delimiter: Option<char>, photos: usize) -> Verdict {
    let (mut known, mut all) = (0, Vec::new());
    for cell in cells {
        known += 1;
        let parts = cell.into_iter().map(|part| normalised(part).into_owned());
        // The word for none of the tags, as in `[[heads]] none`.
        all.extend(parts.filter(|part| !part.is_empty() && part != "none"));
    }
    let classes = count(all.iter().map(String::as_str));
    match classes.len() {
        0 => Verdict::None("its lists are all empty".to_owned()),
        many if many > MOST_CLASSES => Verdict::None(format!(
            "it holds lists of {}, which are too many for tags",
            counted(many as u64, "value", "different values")
        )),
        _ => Verdict::Head(Labels { kind: Kind::Tags { delimiter }, classes, known, photos }),
    }
}

/// Years, cut where about half of the photos are older.
fn years(texts: &[String], photos: usize, counts: Vec<(String, u64)>) -> Verdict {
    let mut years: Vec<i64> = texts.iter().filter_map(|text| model_year(text)).collect();
    years.sort_unstable();
    let latest = years.last().copied().unwrap_or_default();
    let median = years[(years.len() - 1) / 2];
    // Something has to be later than the cut.
    let last = match median < latest {
        true => median,
        false => years.iter().rev().find(|year| **year < latest).copied().unwrap_or(median),
    };
    Verdict::Head(Labels { kind: Kind::Years { last }, classes: counts, known: texts.len(), photos })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, texts: &[&str]) -> Verdict {
        let cells: Vec<_> =
            texts.iter().map(|text| (!text.is_empty()).then(|| CellValue::from(*text))).collect();
        judge(name, &cells.iter().map(Option::as_ref).collect::<Vec<_>>())
    }

    fn labels(verdict: Verdict) -> Labels {
        match verdict {
            Verdict::Head(labels) => labels,
            Verdict::None(why) => panic!("no head: {why}"),
        }
    }

    fn why(verdict: Verdict) -> String {
        match verdict {
            Verdict::None(why) => why,
            Verdict::Head(_) => panic!("a head"),
        }
    }

    #[test]
    fn few_values_that_come_again_are_classes() {
        let found = labels(of("colour", &["red", "blue", "red ", "", "blue", "red", "green"]));
        assert_eq!(found.classes, [("red".into(), 3), ("blue".into(), 2), ("green".into(), 1)]);
        assert_eq!((found.known, found.photos), (6, 7));
        assert_eq!(found.kind, Kind::Classes { fewest: 2, rest: Some("Other".into()) });
        assert_eq!(found.kept(), 3);
        // A class of all others that is there already is the one.
        let own = labels(of("colour", &["red", "blue", "red", "other", "blue", "pink"]));
        assert_eq!(own.kind, Kind::Classes { fewest: 2, rest: Some("other".into()) });
        let doors = labels(of("doors", &["2", "4", "4", "2", "5", "5", "4", "2", "4", "5"]));
        assert_eq!(doors.kind, Kind::Classes { fewest: 2, rest: None });
    }

    #[test]
    fn cells_of_several_words_that_come_again_are_tags() {
        let found = labels(of("extras", &["roof|alloys", "none", "alloys", "", "roof|hook", "alloys|roof"]));
        assert_eq!(found.kind, Kind::Tags { delimiter: Some('|') });
        assert_eq!(found.classes, [("alloys".into(), 3), ("roof".into(), 3), ("hook".into(), 1)]);
        let lists: Vec<_> = [vec!["a", "b"], vec![], vec!["a"]]
            .into_iter()
            .map(|list| CellValue::List(list.into_iter().map(str::to_owned).collect()))
            .collect();
        let found = labels(judge("extras", &lists.iter().map(Some).collect::<Vec<_>>()));
        assert_eq!((found.kind, found.known), (Kind::Tags { delimiter: None }, 3));
        // Names with a comma in them are no lists.
        let names =
            labels(of("place", &["Berlin, Mitte", "Ulm", "Berlin, Mitte", "Ulm", "Bonn, Süd", "Bonn, Süd"]));
        assert_eq!(names.kind, Kind::Classes { fewest: 2, rest: None });
    }

    #[test]
    fn years_are_cut_in_the_middle() {
        let found = labels(of("year", &["2001", "2005", "2009", "2012", "2012"]));
        assert_eq!(found.kind, Kind::Years { last: 2009 });
        let late = labels(of("Year", &["2012", "2012", "2001", "2012"]));
        assert_eq!(late.kind, Kind::Years { last: 2001 }, "something is later than the cut");
    }

    #[test]
    fn what_makes_no_head_says_why() {
        let many = |text: fn(usize) -> String| (0..40).map(text).collect::<Vec<_>>();
        let column = |texts: &[String]| why(of("x", &texts.iter().map(String::as_str).collect::<Vec<_>>()));
        assert_eq!(why(of("x", &["", ""])), "all its cells are empty");
        assert_eq!(why(of("x", &["Audi", "", "Audi"])), "it says Audi of every photo");
        assert!(
            column(&many(|i| format!("{}.5", i * 17))).starts_with("it holds numbers, from 0.5 to 663.5")
        );
        assert_eq!(column(&many(|i| format!("2026-11-{:02}", i % 28 + 1))), "it holds dates");
        assert_eq!(column(&many(|i| format!("https://example.org/{i}"))), "it holds addresses");
        assert_eq!(
            column(&many(|i| format!("WVW{i:06}"))),
            "nearly every photo has another value, as ids have"
        );
        let prose = many(|i| format!("a fine car with only {} owners, well kept", i % 30));
        assert_eq!(column(&prose), "it is free text");
        let rare = many(|i| if i < 12 { format!("v{}", i % 2) } else { format!("w{i}") });
        assert_eq!(column(&rare), "of its 30 different values 2 have 2 photos or more");
    }
}
