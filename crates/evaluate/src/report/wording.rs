//! Words and numbers as people read them.

use marque_contracts::counts;

/// A number with three digits, or a dash for none.
pub(super) fn decimal(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| counts::decimal(value, 3))
}

/// Small numbers as words.
pub(super) fn number_word(value: usize) -> String {
    const WORDS: [&str; 11] =
        ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    WORDS.get(value).map_or_else(|| value.to_string(), |word| (*word).to_owned())
}
