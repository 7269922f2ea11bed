//! Keys by type. Each method declares the default (or in words what holds without the key) and what is allowed, and
//! reads the value.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::{Implied, Measure, Section};
use crate::key::{Fallback, Key};
use crate::value::Value;

/// A key of a section with its description, to be read as a type.
#[must_use = "a key that is not read is not known"]
pub struct KeyReader<'s, 'a> {
    pub(super) section: &'s mut Section<'a>,
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) measure: Measure,
    pub(super) implied: Option<Implied>,
}

/// One of several words, or a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WordOrPath<T> {
    /// What the word stands for.
    Word(T),
    /// A path, from the working folder on.
    Path(PathBuf),
}

impl KeyReader<'_, '_> {
    /// Says what the number measures, so that one in another unit is explained.
    pub fn of(self, measure: Measure) -> Self {
        Self { measure, ..self }
    }

    /// The value, as JSON, that holds if the file does not give the key, since another key implies it, and which: `by`
    /// reads on from "from": "weights `resnet34`".
    pub fn implied(self, by: &'static str, value: Option<&serde_json::Value>) -> Self {
        let implied = value.and_then(Value::of_json).map(|value| Implied { by, value });
        Self { implied, ..self }
    }

    /// A whole number in a range.
    pub fn count(self, default: usize, range: RangeInclusive<usize>) -> usize {
        self.whole(Fallback::Value(Value::Integer(default as i64)), range).unwrap_or(default)
    }

    /// A whole number in a range, if given.
    pub fn optional_count(self, without: &'static str, range: RangeInclusive<usize>) -> Option<usize> {
        self.whole(Fallback::Words(without), range)
    }

    /// A seed: a whole number from 0 to 2⁶³ − 1.
    pub fn seed(self, default: u64) -> u64 {
        let fallback = Fallback::Value(Value::Integer(default as i64));
        let read = |value: &Value| u64::try_from(value.whole()?).ok();
        self.read("a whole number, 0 or more".to_owned(), fallback, read).unwrap_or(default)
    }

    /// A finite number in a range.
    pub fn number(self, default: f64, range: RangeInclusive<f64>) -> f64 {
        self.finite(Fallback::Value(Value::Number(default)), range).unwrap_or(default)
    }

    /// A finite number in a range, if given.
    pub fn optional_number(self, without: &'static str, range: RangeInclusive<f64>) -> Option<f64> {
        self.finite(Fallback::Words(without), range)
    }

    /// `true` or `false`.
    pub fn flag(self, default: bool) -> bool {
        self.truth(Fallback::Value(Value::Flag(default))).unwrap_or(default)
    }

    /// `true` or `false`, if given.
    pub fn optional_flag(self, without: &'static str) -> Option<bool> {
        self.truth(Fallback::Words(without))
    }

    /// One of several words. The default is shown by the first word that stands for it.
    pub fn choice<T: Copy + PartialEq>(self, default: T, choices: &[(&'static str, T)]) -> T {
        let word = choices.iter().find(|(_, choice)| *choice == default).map_or("none", |(word, _)| word);
        self.word(Fallback::Value(Value::Text(word.to_owned())), choices).unwrap_or(default)
    }

    /// One of several words, if given.
    pub fn optional_choice<T: Copy>(self, without: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        self.word(Fallback::Words(without), choices)
    }

    /// Text.
    pub fn text(self, default: &str) -> String {
        let fallback = Fallback::Value(Value::Text(default.to_owned()));
        self.filled("text", fallback).unwrap_or_else(|| default.to_owned())
    }

    /// Text, if given.
    pub fn optional_text(self, without: &'static str) -> Option<String> {
        self.filled("text", Fallback::Words(without))
    }

    /// Text, if given, which may be empty.
    pub fn optional_any_text(self, without: &'static str) -> Option<String> {
        let read = |value: &Value| match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        };
        self.read("text in quotes".to_owned(), Fallback::Words(without), read)
    }

    /// A path; a relative one starts at the configuration's folder.
    pub fn path(self, default: &str) -> PathBuf {
        let folder = &self.section.document.folder;
        let path = self.filled("a path", Fallback::Value(Value::Text(default.to_owned())));
        folder.join(path.as_deref().unwrap_or(default))
    }

    /// A path, if given; a relative one starts at the configuration's folder.
    pub fn optional_path(self, without: &'static str) -> Option<PathBuf> {
        let folder = &self.section.document.folder;
        Some(folder.join(self.filled("a path", Fallback::Words(without))?))
    }

    /// One of several words, or else a path, if given; a relative one starts at the configuration's folder.
    pub fn optional_word_or_path<T: Copy>(
        self,
        without: &'static str,
        words: &[(&'static str, T)],
    ) -> Option<WordOrPath<T>> {
        let folder = &self.section.document.folder;
        let known: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let text =
            self.filled(&format!("one of {}, or a path", known.join(", ")), Fallback::Words(without))?;
        let word = words.iter().find(|(word, _)| *word == text);
        Some(word.map_or_else(|| WordOrPath::Path(folder.join(&text)), |(_, word)| WordOrPath::Word(*word)))
    }

    /// A list of texts, if given.
    pub fn optional_texts(self, without: &'static str) -> Option<Vec<String>> {
        let read = |value: &Value| value.items(|item| item.text().map(str::to_owned));
        self.read("a list of texts, none of them empty".to_owned(), Fallback::Words(without), read)
    }

    /// A list of exactly `N` whole numbers in a range.
    pub fn counts<const N: usize>(self, default: [usize; N], range: RangeInclusive<usize>) -> [usize; N] {
        let allowed = format!("a list of {N} whole numbers from {} to {}", range.start(), range.end());
        let fallback = Fallback::Value(Value::list(default.map(|count| Value::Integer(count as i64))));
        let read = |value: &Value| value.items(|item| whole_in(item, &range))?.try_into().ok();
        self.read(allowed, fallback, read).unwrap_or(default)
    }

    /// A list of whole numbers in a range, if given; a number alone is a list of one.
    pub fn optional_counts(self, without: &'static str, range: RangeInclusive<usize>) -> Option<Vec<usize>> {
        let allowed = format!("a list of whole numbers from {} to {}", range.start(), range.end());
        let read = |value: &Value| match value {
            Value::List(_) => value.items(|item| whole_in(item, &range)),
            _ => Some(vec![whole_in(value, &range)?]),
        };
        self.read(allowed, Fallback::Words(without), read)
    }

    /// A list of pairs of whole numbers, each in a range, if given: `[[1, 96], [7, 128]]`.
    pub fn optional_pairs(
        self,
        without: &'static str,
        [first, second]: [RangeInclusive<usize>; 2],
    ) -> Option<Vec<(usize, usize)>> {
        let range = |range: &RangeInclusive<usize>| format!("from {} to {}", range.start(), range.end());
        let allowed = format!("a list of pairs of whole numbers, {} and {}", range(&first), range(&second));
        let pair = |item: &Value| match item {
            Value::List(pair) => match pair.as_slice() {
                [one, two] => Some((whole_in(&one.value, &first)?, whole_in(&two.value, &second)?)),
                _ => None,
            },
            _ => None,
        };
        self.read(allowed, Fallback::Words(without), |value| value.items(pair))
    }

    /// A list of exactly `N` finite numbers in a range.
    pub fn numbers<const N: usize>(self, default: [f64; N], range: RangeInclusive<f64>) -> [f64; N] {
        let fallback = Fallback::Value(Value::list(default.map(Value::Number)));
        self.finite_list(fallback, range).unwrap_or(default)
    }

    /// A list of exactly `N` finite numbers in a range, if given.
    pub fn optional_numbers<const N: usize>(
        self,
        without: &'static str,
        range: RangeInclusive<f64>,
    ) -> Option<[f64; N]> {
        self.finite_list(Fallback::Words(without), range)
    }

    fn truth(self, fallback: Fallback) -> Option<bool> {
        let read = |value: &Value| match value {
            Value::Flag(flag) => Some(*flag),
            _ => None,
        };
        self.read("true or false".to_owned(), fallback, read)
    }

    fn whole(self, fallback: Fallback, range: RangeInclusive<usize>) -> Option<usize> {
        let allowed = format!("a whole number from {} to {}", range.start(), range.end());
        self.read(allowed, fallback, |value| whole_in(value, &range))
    }

    fn finite(mut self, fallback: Fallback, range: RangeInclusive<f64>) -> Option<f64> {
        self.measure = self.measure.or_of(*range.start(), *range.end());
        let allowed = format!("a number from {} to {}", range.start(), range.end());
        self.read(allowed, fallback, |value| value.finite().filter(|x| range.contains(x)))
    }

    fn finite_list<const N: usize>(
        mut self,
        fallback: Fallback,
        range: RangeInclusive<f64>,
    ) -> Option<[f64; N]> {
        self.measure = self.measure.or_of(*range.start(), *range.end());
        let allowed = format!("a list of {N} numbers from {} to {}", range.start(), range.end());
        let number = |item: &Value| item.finite().filter(|x| range.contains(x));
        self.read(allowed, fallback, |value| value.items(number)?.try_into().ok())
    }

    fn word<T: Copy>(self, fallback: Fallback, choices: &[(&'static str, T)]) -> Option<T> {
        let words: Vec<_> = choices.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let read = |value: &Value| {
            let text = value.text()?;
            choices.iter().find(|(word, _)| *word == text).map(|(_, choice)| *choice)
        };
        self.read(format!("one of {}", words.join(", ")), fallback, read)
    }

    fn filled(self, what: &str, fallback: Fallback) -> Option<String> {
        let read = |value: &Value| value.text().map(str::to_owned);
        self.read(format!("{what} in quotes, not empty"), fallback, read)
    }

    fn read<T>(self, allowed: String, default: Fallback, convert: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let Self { section, name, about, measure, implied } = self;
        section.read(Key { name, allowed, default, about, condition: None }, measure, implied, convert)
    }
}

fn whole_in(value: &Value, range: &RangeInclusive<usize>) -> Option<usize> {
    usize::try_from(value.whole()?).ok().filter(|count| range.contains(count))
}
