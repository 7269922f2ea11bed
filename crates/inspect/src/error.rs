//! Why a table cannot be looked into, with reasons from Polars made short.

use std::path::PathBuf;

use polars::error::PolarsError;

/// Why a table cannot be looked into.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A table cannot be read.
    #[error(transparent)]
    Table(#[from] marque_formats::Error),
    /// A query or a condition does not make sense, or does not fit the tables.
    #[error("the {what} failed: {reason}")]
    Query {
        /// "query", or "condition".
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A query names a table that is not there.
    #[error("the query failed: there is no table `{name}`")]
    UnknownTable {
        /// The name.
        name: String,
    },
    /// A query or a condition names a column that is not there, or a head is asked for that is not.
    #[error("there is no {what} `{name}`{}; the {what}s are {}", meant(.name, .there), .there.join(", "))]
    Unknown {
        /// "column", or "head".
        what: &'static str,
        /// The name.
        name: String,
        /// Those that are there.
        there: Vec<String>,
    },
    /// No photo fits a condition, so there is nothing to lay out.
    #[error("no photo fits the condition; nothing is written")]
    NoPhotos,
    /// A picture would be taller than JPEG and most programs allow.
    #[error(
        "the picture would be {height} pixels tall, more than the {most} that most programs show; nothing is written"
    )]
    TooTall {
        /// Its height.
        height: u32,
        /// What is allowed.
        most: u32,
        /// Photos that fit.
        fitting: usize,
    },
    /// A picture cannot be written.
    #[error("cannot write {path}")]
    Picture {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: image::ImageError,
    },
    /// Rows cannot be shown as JSON.
    #[error("the rows cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

/// Asks whether the name most like a word was meant, if one is like it.
fn meant(word: &str, names: &[String]) -> String {
    let near = names.iter().map(|name| (strsim::jaro_winkler(word, name), name));
    let near = near.filter(|(likeness, _)| *likeness > 0.75).max_by(|a, b| a.0.total_cmp(&b.0));
    near.map_or(String::new(), |(_, name)| format!("; did you mean `{name}`?"))
}

impl Error {
    /// From what Polars says: its reasons without its plan of the query. `columns` are those there are.
    pub(crate) fn of_polars(what: &'static str, error: &PolarsError, columns: &[String]) -> Self {
        let text = error.to_string();
        let between = |before: &str, after: char| {
            let start = text.find(before)? + before.len();
            Some(text[start..].split(after).next()?.to_owned())
        };
        if let Some(name) = between("unable to find column \"", '"') {
            return Self::Unknown { what: "column", there: columns.to_vec(), name };
        }
        if text.contains("was not found")
            && let Some(name) = between("relation '", '\'')
        {
            return Self::UnknownTable { name };
        }
        let reason = text.lines().next().unwrap_or_default().trim_end_matches(['.', ':']);
        let reason = reason.replace(" as Expr", "");
        Self::Query { what, reason }
    }

    pub(crate) fn unknown_head(name: &str, there: Vec<String>) -> Self {
        Self::Unknown { what: "head", name: name.to_owned(), there }
    }
}
