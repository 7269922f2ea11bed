//! Answers about one photo, and their form in JSON.

use marque_contracts::schema::{Crop, HeadKind, Label};
use marque_network::HeadConfig;
use serde_json::{Map, Value, json};

/// What a model says of one photo.
#[derive(Clone, PartialEq, Debug)]
pub struct Prediction {
    /// An answer per head, in the order of the model's configuration.
    pub heads: Vec<HeadPrediction>,
    /// The car that the photo was cut to; `None` if it was seen whole.
    pub car: Option<Car>,
    /// How much the photo is like those that the model learnt from: the share of the validation photos that are no more so, from 0 to
    /// 1. `None` of a model that had no validation photos.
    pub familiarity: Option<f64>,
    /// Whether that is enough for the answers to mean anything.
    pub familiar: Option<bool>,
}

/// A car in a photo.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Car {
    /// Its box in the upright photo.
    pub crop: Crop,
    /// Whether the box was given, or else found by the model.
    pub given: bool,
}

/// What one head says.
#[derive(Clone, PartialEq, Debug)]
pub struct HeadPrediction {
    /// The class, or the tags.
    pub answer: Label,
    /// Calibrated probability of each class, from 0 to 1: these sum to 1, or are of each tag by itself.
    pub probabilities: Vec<f64>,
    /// Probability that the answer is right: of the class, or of exactly these tags, which are taken to be independent.
    pub confidence: f64,
    /// Whether answers this probable are right as often as is wanted: of the class, or of every tag, there or not. `None` for a
    /// model that is not calibrated; never of a photo that is not familiar.
    pub sure: Option<bool>,
    /// Least probability of a sure answer.
    threshold: Option<f64>,
}

impl HeadPrediction {
    pub(crate) fn new(kind: HeadKind, threshold: Option<f64>, logits: &[f32]) -> Self {
        let mut prediction = Self {
            answer: marque_metrics::predicted(kind, logits),
            probabilities: marque_metrics::probabilities(kind, logits),
            confidence: marque_metrics::confidence(kind, logits),
            sure: None,
            threshold,
        };
        prediction.sure = match kind {
            HeadKind::Single => threshold.map(|threshold| prediction.confidence >= threshold),
            HeadKind::Tags => threshold.map(|_| {
                (0..prediction.probabilities.len()).all(|tag| prediction.tag_is_sure(tag) == Some(true))
            }),
        };
        prediction
    }

    /// Whether one tag's presence or absence is sure, as [`sure`](Self::sure) is for all of them.
    pub fn tag_is_sure(&self, tag: usize) -> Option<bool> {
        let probability = self.probabilities[tag];
        self.threshold.map(|threshold| probability.max(1.0 - probability) >= threshold)
    }

    /// Classes by falling probability; equal ones in the order of the classes.
    pub fn ranked(&self) -> Vec<(usize, f64)> {
        let mut ranked: Vec<_> = self.probabilities.iter().copied().enumerate().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        ranked
    }

    /// In JSON: `answer`, `probability`, `sure`, and the `top` most probable classes; of a head with tags, all of these that it
    /// answers with, and the `top` most probable.
    fn to_json(&self, head: &HeadConfig, top: usize) -> Value {
        let names: Vec<_> = head.labels().collect();
        let listed = |(class, probability): &(usize, f64)| match head.kind {
            HeadKind::Single => json!({ "class": names[*class], "probability": probability }),
            HeadKind::Tags => {
                json!({ "class": names[*class], "probability": probability, "sure": self.tag_is_sure(*class) })
            }
        };
        let answer = match &self.answer {
            Label::Class(class) => json!(names[*class]),
            tags => tags.ids().iter().map(|tag| names[*tag]).collect(),
        };
        let ranked: Vec<_> =
            self.ranked().iter().take(top.max(self.answer.ids().len())).map(listed).collect();
        json!({ "answer": answer, "probability": self.confidence, "sure": self.sure, "top": ranked })
    }
}

impl Prediction {
    /// Whether the photo is unlike those that the model learnt from, so that no answer is sure, however probable.
    pub fn is_unfamiliar(&self) -> bool {
        self.familiar == Some(false)
    }

    /// In JSON: `box`, the car that it was cut to, in pixels of the upright photo, and where that is `from` (null if the photo was
    /// seen whole); `familiarity` and `familiar`; and `heads`, an object with an answer per head of `heads`, each with its `top` most
    /// probable classes. No answer about an unfamiliar photo is `sure`.
    pub fn to_json(&self, heads: &[HeadConfig], top: usize) -> Map<String, Value> {
        let answers = heads.iter().zip(&self.heads);
        let answers: Map<_, _> =
            answers.map(|(head, answer)| (head.name.clone(), answer.to_json(head, top))).collect();
        let car = self.car.map(|Car { crop: Crop { x1, y1, x2, y2 }, given }| {
            json!({ "x1": x1, "y1": y1, "x2": x2, "y2": y2, "from": if given { "given" } else { "found" } })
        });
        Map::from_iter([
            ("box".to_owned(), json!(car)),
            ("familiar".to_owned(), json!(self.familiar)),
            ("familiarity".to_owned(), json!(self.familiarity)),
            ("heads".to_owned(), Value::Object(answers)),
        ])
    }
}
