//! How many photos of the kind that was learnt from are taken for others.

use serde::{Deserialize, Serialize};

use crate::Proportion;

/// Photos that a model takes for unlike those that it learnt from.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Unfamiliar {
    /// Below which share of the validation photos a photo is unfamiliar, from 0 to 1.
    pub min_familiarity: f64,
    /// How many are, of those that were measured.
    pub photos: Proportion,
}
