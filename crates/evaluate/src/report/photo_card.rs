//! A photo with what is predicted for it.

use marque_contracts::schema::Label;
use marque_metrics::{HeadPredictions, Predictions};

use crate::Thumbnail;

/// A photo as the page shows it.
#[derive(Clone, PartialEq, Debug)]
pub struct PhotoCard {
    pub(super) thumbnail: Thumbnail,
    pub(super) file_name: String,
    pub(super) lines: Vec<Line>,
}

/// The prediction of one head.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Line {
    pub(super) head: String,
    pub(super) predicted: String,
    /// Whole percents.
    pub(super) probability: String,
    pub(super) verdict: Verdict,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Verdict {
    Right,
    Wrong { label: String },
    Unknown,
}

impl PhotoCard {
    /// The card of the photo at position `photo` of the predictions.
    pub fn new(predictions: &Predictions, photo: usize, thumbnail: Thumbnail) -> Self {
        let lines = predictions.heads().iter().map(|head| Line::new(head, photo)).collect();
        Self { thumbnail, file_name: predictions.file_names()[photo].clone(), lines }
    }

    /// How the frame is coloured: "wrong" if a head is, "right" if all known labels agree.
    pub(super) fn class(&self) -> &'static str {
        let mut verdicts = self.lines.iter().map(|line| &line.verdict);
        if verdicts.clone().any(|verdict| matches!(verdict, Verdict::Wrong { .. })) {
            "wrong"
        } else if verdicts.any(|verdict| *verdict == Verdict::Right) {
            "right"
        } else {
            "unknown"
        }
    }

    /// The photo in words, for those who do not see it.
    pub(super) fn description(&self) -> String {
        let predicted: Vec<_> =
            self.lines.iter().map(|line| format!("{} {}", line.head, line.predicted)).collect();
        format!("{}, answered {}", self.file_name, predicted.join(", "))
    }
}

impl Line {
    fn new(head: &HeadPredictions, photo: usize) -> Self {
        let (label, predicted) = (head.label(photo), head.predicted(photo));
        let words = |label: &Label| match &head.names(label)[..] {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        let verdict = match head.is_right(photo) {
            None => Verdict::Unknown,
            Some(true) => Verdict::Right,
            Some(false) => Verdict::Wrong { label: words(label) },
        };
        Self {
            head: head.name().to_owned(),
            predicted: words(&predicted),
            probability: format!("{:.0}%", head.probability(photo) * 100.0),
            verdict,
        }
    }
}
