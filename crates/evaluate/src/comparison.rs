//! Two models on the same photos: paired differences, and the photos on which they differ.

mod answers;

use std::collections::BTreeMap;

use marque_contracts::schema::{HeadKind, Label};
use marque_metrics::{Pair, PairedHead};
use serde::Serialize;

pub use self::answers::AnswerTable;
use self::answers::HeadAnswers;

/// What is compared beside the heads: whether all of them are right.
const ALL_HEADS: &str = "all heads";

/// What came of a comparison: of A, the first, with B, the second.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Comparison {
    /// What is called A.
    pub a: String,
    /// What is called B.
    pub b: String,
    /// Photos that both have answered.
    pub photos: u64,
    /// Photos that only A has answered, which are left out.
    pub only_in_a: u64,
    /// Photos that only B has answered, which are left out.
    pub only_in_b: u64,
    /// Heads that only one of both has, which are left out.
    pub heads_of_one: Vec<String>,
    /// Labels of photos that are not the same in both, which are left out, by head.
    pub other_labels: BTreeMap<String, u64>,
    /// The heads that both have, in the order of A's, and all heads together where there are several.
    pub heads: Vec<PairedHead>,
    /// Photos about which one is right and the other is not, or both are wrong in different ways: by head, then photo.
    pub different: Vec<DifferentAnswer>,
}

/// A photo that is answered in two ways.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct DifferentAnswer {
    /// The head.
    pub head: String,
    /// The photo.
    pub photo: String,
    /// Its label: a class, or tags with `|` between them; `None` where it is not known.
    pub label: Option<String>,
    /// A's answer.
    pub a: String,
    /// The probability that A gives it.
    pub a_probability: f64,
    /// B's answer.
    pub b: String,
    /// The probability that B gives it.
    pub b_probability: f64,
    /// Which of both is right: "a", "b" or "neither"; `None` where the label is not known.
    pub right: Option<&'static str>,
}

impl Comparison {
    /// Compares what two models answered.
    pub fn of(a: &AnswerTable, b: &AnswerTable) -> Self {
        let places: BTreeMap<_, _> = b.file_names.iter().zip(0..).collect();
        let photos: Vec<(usize, usize)> = (0..a.file_names.len())
            .filter_map(|photo| Some((photo, *places.get(&a.file_names[photo])?)))
            .collect();
        let groups = a.groups(photos.iter().map(|(photo, _)| *photo));
        let shared: Vec<_> = a
            .heads
            .iter()
            .filter_map(|head| Some((head, b.heads.iter().find(|it| it.name == head.name)?)))
            .collect();
        let mut heads = Vec::new();
        let mut different = Vec::new();
        let mut other_labels = BTreeMap::new();
        let mut all = vec![Some([true; 2]); photos.len()];
        for (of_a, of_b) in &shared {
            let mut names = Names::default();
            let mut pairs = Vec::with_capacity(photos.len());
            for ((at_a, at_b), all) in photos.iter().zip(&mut all) {
                let [label, of_other] = [of_a.labels[*at_a].as_ref(), of_b.labels[*at_b].as_ref()];
                let label = if label == of_other { label } else { None };
                if label.is_none() && of_other.or(of_a.labels[*at_a].as_ref()).is_some() {
                    *other_labels.entry(of_a.name.clone()).or_default() += 1;
                }
                let answers = [&of_a.predicted[*at_a], &of_b.predicted[*at_b]];
                *all = all
                    .zip(label)
                    .map(|([a, b], label)| [a && answers[0] == label, b && answers[1] == label]);
                pairs.push(Pair {
                    label: label.map_or(Label::Unknown, |label| names.label(of_a.kind, label)),
                    answers: answers.map(|answer| names.label(of_a.kind, answer)),
                });
                if answers[0] != answers[1] {
                    different.push(differing(of_a, *at_a, of_b, *at_b, &a.file_names[*at_a], label));
                }
            }
            heads.extend(PairedHead::measure(&of_a.name, of_a.kind, names.len(), &pairs, &groups));
        }
        if shared.len() > 1 {
            let class = |right: bool| Label::Class(usize::from(!right));
            let pairs: Vec<_> = all
                .into_iter()
                .map(|right| Pair {
                    label: right.map_or(Label::Unknown, |_| class(true)),
                    answers: right.unwrap_or_default().map(class),
                })
                .collect();
            let together = PairedHead::measure(ALL_HEADS, HeadKind::Single, 2, &pairs, &groups);
            heads.extend(together.map(|head| PairedHead { macro_f1: None, ..head }));
        }
        let has = |heads: &[HeadAnswers], name: &str| heads.iter().any(|head| head.name == name);
        let of_one = a.heads.iter().chain(&b.heads).map(|head| &head.name);
        Self {
            a: a.name.clone(),
            b: b.name.clone(),
            photos: photos.len() as u64,
            only_in_a: (a.file_names.len() - photos.len()) as u64,
            only_in_b: (b.file_names.len() - photos.len()) as u64,
            heads_of_one: of_one
                .filter(|name| !has(&a.heads, name) || !has(&b.heads, name))
                .cloned()
                .collect(),
            other_labels,
            heads,
            different,
        }
    }
}

fn differing(
    of_a: &HeadAnswers,
    at_a: usize,
    of_b: &HeadAnswers,
    at_b: usize,
    photo: &str,
    label: Option<&Vec<String>>,
) -> DifferentAnswer {
    let (a, b) = (&of_a.predicted[at_a], &of_b.predicted[at_b]);
    let right = label.map(|label| match (a == label, b == label) {
        (true, _) => "a",
        (_, true) => "b",
        _ => "neither",
    });
    DifferentAnswer {
        head: of_a.name.clone(),
        photo: photo.to_owned(),
        label: label.map(|names| names.join("|")),
        a: a.join("|"),
        a_probability: of_a.probabilities[at_a],
        b: b.join("|"),
        b_probability: of_b.probabilities[at_b],
        right,
    }
}

/// Class ids of names, as they come.
#[derive(Default)]
struct Names<'a>(BTreeMap<&'a str, usize>);

impl<'a> Names<'a> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn id(&mut self, name: &'a str) -> usize {
        let next = self.0.len();
        *self.0.entry(name).or_insert(next)
    }

    fn label(&mut self, kind: HeadKind, names: &'a [String]) -> Label {
        let mut ids: Vec<_> = names.iter().map(|name| self.id(name)).collect();
        ids.sort_unstable();
        match (kind, ids.as_slice()) {
            (HeadKind::Single, [id]) => Label::Class(*id),
            (HeadKind::Single, _) => Label::Unknown,
            (HeadKind::Tags, _) => Label::Tags(ids),
        }
    }
}
