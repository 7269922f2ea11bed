//! Keys of `[train]` that change nothing as the others are: refused, or warned of where a shorter training is enough to
//! make them so.

use marque_network::{Backbone, Group};
use marque_settings::Section;

use crate::Settings;
use crate::fine_tuning::OpenKey;
use crate::optimizer::Method;
use crate::published_weights::PublishedWeights;
use crate::schedule::Shape;
use crate::selection::Selection;

impl Settings {
    /// Notes the keys of the section that change nothing.
    pub(crate) fn check_effects(&self, section: &mut Section<'_>) {
        let step = matches!(self.schedule.shape, Shape::Step { .. });
        let mixing = self.augmentation.mixing();
        let mixes_both = mixing.mixup_alpha > 0.0 && mixing.cutmix_alpha > 0.0;
        let one_view = self.features.is_some_and(|features| features.crops == 1);
        let sgd = matches!(self.optimizer, Method::Sgd(_));
        let conditions: [(&[&str], bool, &str); 8] = [
            (
                &["bottleneck_stride"],
                self.backbone == Backbone::ResNet50,
                "without train.backbone = \"resnet50\": others have no bottlenecks",
            ),
            (&["beta1", "beta2", "eps"], !sgd, "with train.optimizer = \"sgd\": it is AdamW's"),
            (&["momentum", "nesterov"], sgd, "with train.optimizer = \"adamw\": it is SGD's"),
            (&["step_epochs", "step_factor"], step, "without train.schedule = \"step\""),
            (&["ema_warmup"], self.ema.is_some(), "without train.ema_decay above 0"),
            (
                &["cutmix_probability"],
                mixes_both,
                "without train.mixup_alpha and train.cutmix_alpha, both above 0",
            ),
            (&["cache_crops"], self.features.is_some(), "without train.cache_features = true"),
            (
                &["shift"],
                !one_view || self.augmentation.shift == 0,
                "with train.cache_crops = 1, which keeps each photo as it is: set that to 2 or more, or shift to 0",
            ),
        ];
        for (keys, holds, why) in conditions {
            for key in keys.iter().filter(|_| !holds) {
                section.without_effect(key, why);
            }
        }
        let nothing_but_heads = self.rates.backbone == 0.0 || self.freeze.forever() == Group::BACKBONE.len();
        if self.rates.heads == 0.0 && nothing_but_heads {
            section.problem(
                "learning_rate",
                "must be above 0, or train.head_learning_rate: as it is, nothing would be learnt",
            );
        }
        self.warn_of_the_unreached(section);
    }

    /// Warns of a file of weights whose normalisation the configuration leaves to the defaults: other numbers than the
    /// weights were trained with cost accuracy, and nobody would know why.
    pub(crate) fn warn_of_normalisation(&self, section: &mut Section<'_>) {
        if self.weights.is_none() || self.published.is_some() {
            return;
        }
        let taken = [("mean", self.mean, PublishedWeights::MEAN), ("std", self.std, PublishedWeights::STD)];
        let unsaid: Vec<_> = taken.iter().filter(|(key, ..)| !section.has(key)).collect();
        let [(first, ..), ..] = unsaid.as_slice() else { return };
        let both = if unsaid.len() == 2 { ", nor is std" } else { "" };
        type Taken = (&'static str, [f64; 3], [f64; 3]);
        let told = |values: fn(&Taken) -> [f64; 3]| {
            let one = |taken: &&Taken| format!("{} = {:?}", taken.0, values(taken));
            unsaid.iter().map(one).collect::<Vec<_>>().join(" and ")
        };
        let message = format!(
            "is not given{both}: {} is taken, as in trainings from scratch, which is wrong for weights of ImageNet, \
             torchvision's and timm's say, that want {}; write down which these weights were trained with",
            told(|taken| taken.1),
            told(|taken| taken.2),
        );
        section.warning(first, message);
    }

    /// Warns of what the training ends before, where its length is known.
    fn warn_of_the_unreached(&self, section: &mut Section<'_>) {
        if self.open.contains(&OpenKey::Epochs) {
            return;
        }
        let epochs = self.epochs;
        if let Shape::Step { epochs: step, .. } = self.schedule.shape
            && step >= epochs
        {
            let message = format!("is {step}, so that the rate never falls in {epochs} epochs");
            section.warning("step_epochs", message);
        }
        if let Some(patience) = self.patience.filter(|patience| patience + 1 >= epochs)
            && self.select_by != Selection::Last
        {
            let message = format!("is {patience}, which ends no training of {epochs} epochs early");
            section.warning("patience", message);
        }
        if let Some((from, _)) = self.resize.iter().find(|(from, _)| *from > epochs) {
            section.warning("resize", format!("names epoch {from}, but there are {epochs}"));
        }
    }
}
