//! Label hierarchy and joint decoding.
//!
//! Where each class of one head implies a class of others (an "Audi TTS Coupe 2012" is an Audi, a coupe, and of after
//! 2009), the heads are experts on one question: which fine class is it? Their product (Hinton 2002,
//! doi:10.1162/089976602760128018) is a distribution over the fine classes `c`,
//!
//! `q(c) ∝ p_fine(c) · Π p_head(class implied by c)`,
//!
//! and each head answers with its max-marginals: `q_head(k)` is the largest `q(c)` of all `c` that imply `k`, divided by
//! the sum of these over `k`. So the most probable classes of all heads are those of the most probable fine class, and
//! are consistent with each other.

use std::collections::BTreeMap;

use candle_core::{Device, Tensor};
use marque_contracts::schema::HeadKind;
use marque_kernels::read;
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::head::HeadConfig;

/// Lowest probability of a class, so that the logarithm is finite for one that no fine class implies.
pub const LEAST_PROBABILITY: f64 = 1e-30;

/// A head of fine classes, and the classes of other heads that each implies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelHierarchy {
    /// The head of fine classes. It need not be one of the network's heads; its weights are in the checkpoint all the
    /// same.
    pub head: HeadConfig,
    /// By the name of another head: its class for each class of `head`, in their order; null where it is unknown.
    /// Fine classes for which any is unknown are never predicted.
    pub implies: BTreeMap<String, Vec<Option<usize>>>,
}

impl LabelHierarchy {
    /// The fine classes for which every implied class is known, ascending.
    pub fn known(&self) -> impl Iterator<Item = usize> {
        let is_known = |class: &usize| {
            self.implies.values().all(|classes| classes.get(*class).is_some_and(Option::is_some))
        };
        (0..self.head.classes).filter(is_known)
    }

    /// Of each of `heads` that is implied, its position and its class for each of the [known](Self::known) fine classes.
    pub fn implied(&self, heads: &[HeadConfig]) -> Vec<(usize, Vec<usize>)> {
        let implied = |(position, head): (usize, &HeadConfig)| {
            let classes = self.implies.get(&head.name)?;
            Some((position, self.known().filter_map(|class| classes[class]).collect()))
        };
        heads.iter().enumerate().filter_map(implied).collect()
    }

    /// Looks for contradictions, also with the heads of the network.
    pub(crate) fn check(&self, heads: &[HeadConfig]) -> std::result::Result<(), String> {
        self.head.check()?;
        if self.head.kind != HeadKind::Single {
            return Err(format!("`{}` has tags, where exactly one class is needed", self.head.name));
        }
        if self.implies.is_empty() {
            return Err("implies nothing".to_owned());
        }
        if heads.iter().any(|head| head.name == self.head.name && *head != self.head) {
            return Err(format!("there is another head named `{}`", self.head.name));
        }
        for (name, classes) in &self.implies {
            let Some(head) = heads.iter().find(|head| head.name == *name && *name != self.head.name) else {
                return Err(format!("implies `{name}`, which is no other head"));
            };
            if head.kind != HeadKind::Single {
                return Err(format!("implies `{name}`, which has tags"));
            }
            if classes.len() != self.head.classes {
                let (found, expected) = (classes.len(), self.head.classes);
                return Err(format!("implies.{name} has {found} classes, expected {expected}"));
            }
            if let Some(class) = classes.iter().flatten().find(|class| **class >= head.classes) {
                return Err(format!("implies.{name} has class {class} of {}", head.classes));
            }
        }
        if self.known().next().is_none() {
            return Err("no class has all of what it implies".to_owned());
        }
        Ok(())
    }

    /// Decodes the logits of `heads`, `[n, classes]` each, jointly with those of the fine head. The result has log
    /// probabilities in place of logits for the implied heads, and for the fine head if it is one of `heads`.
    pub(crate) fn decode(
        &self,
        heads: &[HeadConfig],
        mut logits: Vec<Tensor>,
        fine: &Tensor,
    ) -> Result<Vec<Tensor>> {
        let known: Vec<usize> = self.known().collect();
        let experts = self.implied(heads);
        let rows = fine.dim(0)?;
        let fine_logs = log_probabilities(fine, self.head.classes)?;
        // The logarithm of `q`, up to a constant: `[n, known]`.
        let mut product: Vec<f64> = (fine_logs.chunks_exact(self.head.classes))
            .flat_map(|row| known.iter().map(|class| row[*class]))
            .collect();
        for (position, implied) in &experts {
            let classes = heads[*position].classes;
            let logs = log_probabilities(&logits[*position], classes)?;
            for (row, logs) in product.chunks_exact_mut(known.len()).zip(logs.chunks_exact(classes)) {
                row.iter_mut().zip(implied).for_each(|(sum, class)| *sum += logs[*class]);
            }
        }
        let max_marginals = |classes: usize, of: &[usize]| -> Result<Tensor> {
            let mut best = vec![f64::NEG_INFINITY; rows * classes];
            for (best, row) in best.chunks_exact_mut(classes).zip(product.chunks_exact(known.len())) {
                for (log, class) in row.iter().zip(of) {
                    // NaN stays NaN.
                    best[*class] = if *log <= best[*class] { best[*class] } else { *log };
                }
                log_softmax(best);
            }
            let least = LEAST_PROBABILITY.ln();
            let logs = best.into_iter().map(|log| if log < least { least as f32 } else { log as f32 });
            Ok(Tensor::from_vec(logs.collect::<Vec<_>>(), (rows, classes), &Device::Cpu)?)
        };
        for (position, implied) in &experts {
            logits[*position] = max_marginals(heads[*position].classes, implied)?;
        }
        if let Some(position) = heads.iter().position(|head| head.name == self.head.name) {
            logits[position] = max_marginals(self.head.classes, &known)?;
        }
        Ok(logits)
    }
}

/// The logarithm of the softmax of logits `[n, classes]`, row by row.
fn log_probabilities(logits: &Tensor, classes: usize) -> Result<Vec<f64>> {
    let logits = logits.contiguous()?;
    let mut logs: Vec<f64> =
        read("joint decoding", "the logits", &logits)?.iter().map(|&x| f64::from(x)).collect();
    logs.chunks_exact_mut(classes).for_each(log_softmax);
    Ok(logs)
}

pub(crate) fn log_softmax(row: &mut [f64]) {
    let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let log_sum = most + row.iter().map(|log| (log - most).exp()).sum::<f64>().ln();
    row.iter_mut().for_each(|log| *log -= log_sum);
}
