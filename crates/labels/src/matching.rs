//! How words are found in class names.

use serde::Serialize;

/// How words are found in class names: makes and keywords alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NameMatching {
    /// Whole words, whatever their case; the last match in the name counts; a minivan is a van.
    #[default]
    Words,
    /// As the reference article does: any substring, case-sensitive; the last match in the list of classes counts.
    /// Reproduces the article's mistakes, which is its purpose.
    Article,
}

impl NameMatching {
    /// Both, with the words that name them in the configuration.
    pub const ALL: [(&str, Self); 2] = [("words", Self::Words), ("article", Self::Article)];
}
