//! What training reads, brought together.

use crate::Settings;
use crate::batches::batches;
use crate::data::Data;
use crate::features::FeatureReader;

/// What training reads.
#[derive(Clone, Copy)]
pub(crate) struct Inputs<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) data: &'a Data,
    /// Activations of the frozen parts, read in place of photos.
    pub(crate) features: Option<&'a FeatureReader>,
}

impl Inputs<'_> {
    /// Batches in an epoch.
    pub(crate) fn batches_per_epoch(&self) -> usize {
        batches(self.data.train.len(), self.settings.batch_size)
    }

    /// Batches in a step of the optimiser; the last step of an epoch may have fewer.
    pub(crate) fn batches_per_step(&self) -> usize {
        self.settings.accumulate.min(self.batches_per_epoch())
    }
}
