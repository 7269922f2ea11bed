//! What is wrong with a configuration.

use std::fmt;

/// One thing that is wrong, or worth a warning, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// `file:line`, or the command-line option that gave the value.
    pub place: String,
    /// Dotted key.
    pub key: String,
    /// What is wrong and what would be allowed; reads on from the key.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}{}", self.place, self.key, self.message)
    }
}

/// Everything that is wrong with a configuration, in the order of the file; never empty as an error.
#[derive(Clone, PartialEq, Eq, Debug, Default, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Sorted by line; what came from the command line goes last.
    pub(crate) fn in_order(mut problems: Vec<Problem>) -> Self {
        let line = |problem: &Problem| problem.place.rsplit(':').next().and_then(|line| line.parse().ok());
        problems.sort_by_key(|problem| line(problem).unwrap_or(usize::MAX));
        Self(problems)
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

/// The one of some words that another was probably meant to be, whatever their letter case.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let likeness = |known: &'a str| (strsim::jaro_winkler(&word, &known.to_lowercase()), known);
    let near = known.into_iter().map(likeness).filter(|(likeness, _)| *likeness > 0.8);
    near.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

/// " is not a known key; did you mean `epochs`? known keys: …", where `what` is "key" or "section".
pub(crate) fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    let guess = nearest(name, known.iter().copied());
    let guess = guess.map_or(";".to_owned(), |word| format!("; did you mean `{word}`?"));
    format!(" is not a known {what}{guess} known {what}s: {}", known.join(", "))
}
