//! Columns of the table of predictions: those that heads have there, by name, so that heads whose columns would be the
//! same are refused before anything runs.

/// The columns of a head in `predictions.parquet`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PredictionColumns {
    /// Its label.
    pub label: String,
    /// What is predicted.
    pub predicted: String,
    /// Probability of that.
    pub probability: String,
    /// Probability of each class, in the order of `heads.json`.
    pub probabilities: String,
    /// Whether the prediction is the label.
    pub right: String,
}

impl PredictionColumns {
    /// Columns that the table has before those of heads.
    pub const FIXED: [&str; 5] = ["file_name", "split", Self::DUPLICATE_GROUP, "familiarity", "features"];

    /// The column with the number of the group of duplicates.
    pub const DUPLICATE_GROUP: &str = "duplicate_group";

    /// The columns of the head `head`.
    pub fn of(head: &str) -> Self {
        let column = |what: &str| format!("{head}_{what}");
        Self {
            label: head.to_owned(),
            predicted: column("predicted"),
            probability: column("probability"),
            probabilities: column("probabilities"),
            right: column("right"),
        }
    }

    /// Their names, in the order of the table.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let Self { label, predicted, probability, probabilities, right } = self;
        [label, predicted, probability, probabilities, right].into_iter().map(String::as_str)
    }
}
