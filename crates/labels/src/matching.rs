//! How words are found in class names.

/// How words are found in class names: makes and keywords alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
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

    /// The word that names it in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Words => "words",
            Self::Article => "article",
        }
    }
}
