//! What is left of the accuracy where nobody says where the car is.

use serde::{Deserialize, Serialize};

use crate::Proportion;

/// Results on the photos that have a box, as if they had none.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct WithoutBoxes {
    /// Photos that have a box.
    pub photos: u64,
    /// Whether the model looks for the car; if not, it saw the photos whole.
    pub finds_cars: bool,
    /// Mean intersection over union of the boxes that it found with those that are given, from 0 to 1; `None` if it does not look
    /// for them.
    pub overlap: Option<f64>,
    /// The heads, in the order of the model.
    pub heads: Vec<WithoutBoxesHead>,
    /// Photos that the model takes for unlike those that it learnt from; `None` of a model that does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfamiliar: Option<Proportion>,
    /// Photos about which every head is right, of those whose every label is known.
    pub all_heads_right: Proportion,
}

/// A head's results without and with boxes, on the same photos.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct WithoutBoxesHead {
    /// Name of the head.
    pub name: String,
    /// Right answers without the boxes; tags exactly.
    pub right: Proportion,
    /// Right answers with them.
    pub right_with_boxes: Proportion,
}
