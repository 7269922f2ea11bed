//! The words by which data sets name their splits.

use marque_contracts::schema::{Split, normalised};

/// The split that a word names, in whatever case: "Train", "val".
pub(super) fn parse(word: &str) -> Option<Split> {
    match normalised(word).to_ascii_lowercase().as_str() {
        "train" | "training" => Some(Split::Train),
        "validation" | "valid" | "val" | "dev" => Some(Split::Validation),
        "test" | "testing" | "eval" | "evaluation" => Some(Split::Test),
        _ => None,
    }
}

/// The split that a file's path names: in its own name (`train-00000-of-00002.parquet`), or else in the last
/// folder that names one.
pub(super) fn of_path(path: &str) -> Option<Split> {
    let mut parts = path.rsplit('/');
    let file = parts.next().unwrap_or_default();
    let words = |text: &str| text.split(|c: char| !c.is_ascii_alphabetic()).find_map(parse);
    words(file).or_else(|| parts.find_map(words))
}

/// The split that a file's name says in the way of `datasets`, `WORD-00000-of-00002.parquet`, whether it is one or
/// not.
pub(super) fn word_of_part(path: &str) -> Option<&str> {
    let stem = path.rsplit('/').next()?.strip_suffix(".parquet")?;
    let (stem, count) = stem.rsplit_once("-of-")?;
    let (word, number) = stem.rsplit_once('-')?;
    let digits = |text: &str| text.len() >= 5 && text.bytes().all(|b| b.is_ascii_digit());
    (digits(count) && digits(number)).then_some(word)
}

/// What is wrong with a word that names no split.
pub(super) fn unknown(word: &str) -> String {
    format!("the split {word:?} is none of train, validation, test")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_splits_are_known_by_their_names() {
        assert_eq!(word_of_part("data/extra-00000-of-00002.parquet"), Some("extra"));
        assert_eq!(word_of_part("data/0000.parquet"), None);
        assert_eq!(word_of_part("best-of-10.parquet"), None);
    }

    #[test]
    fn splits_are_read_off_paths() {
        assert_eq!(of_path("data/train-00000-of-00002.parquet"), Some(Split::Train));
        assert_eq!(of_path("test.parquet"), Some(Split::Test));
        assert_eq!(of_path("default/validation/0000.parquet"), Some(Split::Validation));
        assert_eq!(of_path("default/partial-train/0000.parquet"), Some(Split::Train));
        assert_eq!(of_path("contest/0000.parquet"), None);
    }
}
