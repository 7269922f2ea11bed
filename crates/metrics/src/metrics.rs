//! The metrics of all heads: `metrics.json`.

use std::ops::RangeInclusive;

use marque_contracts::counts::{counted, grouped};
use marque_contracts::schema::HeadKind;
use serde::{Deserialize, Serialize};

use crate::{HeadMetrics, Predictions, Proportion, Slice, TagHeadMetrics, Unfamiliar, WithoutBoxes};

/// Everything that is measured of a network on one split.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Metrics {
    /// The split that was measured.
    pub split: String,
    /// Photos in it, with labels and without.
    pub photos: u64,
    /// Photos about which every head is right, of those whose every label is known. Tags are right if they match
    /// exactly.
    pub all_heads_right: Proportion,
    /// Photos by the number of heads that are wrong about them, from none to all, of those whose every label is known.
    pub photos_by_wrong_heads: Vec<u64>,
    /// The heads with one class a photo, in order.
    pub heads: Vec<HeadMetrics>,
    /// The heads with tags, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<TagHeadMetrics>,
    /// How many of the photos the model takes for unlike those that it learnt from; `None` of a model that does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unfamiliar: Option<Unfamiliar>,
    /// The photos by what they have in common; empty where nothing tells them apart.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<Slice>,
    /// The photos that have a box, measured as if they had none; `None` where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_boxes: Option<WithoutBoxes>,
}

impl Metrics {
    /// Measures the predictions.
    pub fn measure(predictions: &Predictions) -> Self {
        let photos = predictions.file_names().len();
        let of = |kind| predictions.heads().iter().filter(move |head| head.kind() == kind);
        let mut by_wrong_heads = vec![0; predictions.heads().len() + 1];
        for wrong in (0..photos).filter_map(|photo| predictions.wrong_heads(photo)) {
            by_wrong_heads[wrong] += 1;
        }
        Self {
            split: predictions.split().as_str().to_owned(),
            photos: photos as u64,
            all_heads_right: Proportion::new(by_wrong_heads[0], by_wrong_heads.iter().sum()),
            photos_by_wrong_heads: by_wrong_heads,
            heads: of(HeadKind::Single)
                .map(|head| HeadMetrics::measure(head, predictions.groups()))
                .collect(),
            tags: of(HeadKind::Tags)
                .map(|head| TagHeadMetrics::measure(head, predictions.groups()))
                .collect(),
            unfamiliar: None,
            slices: Vec::new(),
            without_boxes: None,
        }
    }

    /// How many of the photos have a label that is known, and so were measured: of the head with the fewest, and of that
    /// with the most.
    pub fn labelled(&self) -> RangeInclusive<u64> {
        let heads = self.heads.iter().map(|head| head.accuracy.total);
        let totals = || heads.clone().chain(self.tags.iter().map(|head| head.exact.total));
        totals().min().unwrap_or(0)..=totals().max().unwrap_or(0)
    }

    /// The photos that were measured, in words: "24 photos", "12 of 24 photos", "8 to 12 of 24 photos, by head".
    pub fn measured_photos(&self) -> String {
        let all = counted(self.photos, "photo", "photos");
        match self.labelled().into_inner() {
            (fewest, _) if fewest == self.photos => all,
            (fewest, most) if fewest == most => format!("{} of {all}", grouped(most)),
            (fewest, most) => format!("{} to {} of {all}, by head", grouped(fewest), grouped(most)),
        }
    }

    /// Names of the heads, those with tags last.
    pub fn head_names(&self) -> impl Iterator<Item = &str> {
        let tags = self.tags.iter().map(|head| head.name.as_str());
        self.heads.iter().map(|head| head.name.as_str()).chain(tags)
    }
}
