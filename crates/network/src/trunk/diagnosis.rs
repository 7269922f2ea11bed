//! Where numbers that are none first came up.

use super::{Activations, Step};
use crate::layers::Block;
use marque_kernels::nhwc::Element;

impl<E: Element> Activations<E> {
    /// The first layer, in the order of computation, whose output is infinite or not a number.
    pub(crate) fn first_not_finite(&self, stages: &[Vec<Block>]) -> Option<String> {
        let broken = |step: &Step<E>| !is_finite(&step.z);
        if self.from == 0 && self.stem.as_ref().is_some_and(broken) {
            return Some("conv1".to_owned());
        }
        let names = (1..).zip(stages).skip(self.from.max(1) - 1);
        let names = names.flat_map(|(stage, blocks)| (0..blocks.len()).map(move |block| (stage, block)));
        for ((stage, block), kept) in names.zip(&self.blocks) {
            let name = format!("layer{stage}.{block}");
            if let Some(layer) = kept.branch.iter().position(broken) {
                return Some(format!("{name}.conv{}", layer + 1));
            }
            if kept.downsample.as_ref().is_some_and(broken) {
                return Some(format!("{name}.downsample.0"));
            }
            if !is_finite(&kept.out) {
                return Some(name);
            }
        }
        None
    }
}

/// Whether every value is a finite number.
pub(crate) fn is_finite<E: Element>(values: &[E]) -> bool {
    values.iter().all(|value| value.widen().is_finite())
}
