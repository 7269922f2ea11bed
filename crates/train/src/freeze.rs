//! Which parts of the backbone learn in which epoch, and whether the activations of those that never do are cached.

use marque_network::{Frozen, Group};
use marque_settings::Section;
use serde::Serialize;

use crate::fine_tuning::{CHOSEN, OpenKey};

/// What is frozen, and for how long.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Freeze {
    /// The frozen parts, from the stem on.
    #[serde(rename = "freeze")]
    pub parts: Vec<&'static str>,
    /// For each of them, the epochs in which it does not learn; 0 for all of them.
    #[serde(rename = "freeze_epochs")]
    pub epochs: Vec<usize>,
    /// Whether the parts that learn normalise by the running statistics too.
    #[serde(rename = "freeze_norm_statistics")]
    pub norm_statistics: bool,
}

/// How the activations of the parts that never learn are cached.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct FeatureSettings {
    /// Views of each photo: the photo as it is, then moved at random; as many again mirrored if `flip` is on.
    #[serde(rename = "cache_crops")]
    pub crops: usize,
}

impl FeatureSettings {
    pub(crate) fn read(section: &mut Section<'_>) -> Option<Self> {
        let about = "compute what is frozen for good once and cache it, in half precision";
        let on = section.key("cache_features", about).flag(false);
        let crops = section
            .key(
                "cache_crops",
                "views of each photo that are cached, the first as it is, the others changed at \
                     random; twice as many with flip",
            )
            .count(1, 1..=64);
        on.then_some(Self { crops })
    }
}

impl Freeze {
    /// Whether statistics are frozen is left open if `chosen`.
    pub(crate) fn read(section: &mut Section<'_>, chosen: bool) -> Self {
        let parts = section
            .key(
                "freeze",
                "first parts of the backbone that do not learn: stem, layer1, layer2, layer3, layer4",
            )
            .optional_texts("none");
        let epochs = section
            .key(
                "freeze_epochs",
                "epochs for which they do not, one number for all or a list of one each; 0: for good",
            )
            .optional_counts("for good", 0..=10_000);
        let about = "normalise by the running statistics in training too; with weights, and no learning_rate, chosen by \
                     the number of training photos";
        let key = section.key(OpenKey::FreezeNormStatistics.name(), about);
        let norm_statistics = match chosen {
            true => key.optional_flag(CHOSEN).unwrap_or(false),
            false => key.flag(false),
        };
        let (parts, epochs) = (parts.unwrap_or_default(), epochs.unwrap_or_default());
        Self::new(&parts, &epochs, norm_statistics).unwrap_or_else(|(key, message)| {
            section.problem(key, message);
            Self::default()
        })
    }

    /// Takes the parts that are to be frozen and the number of epochs, one for all or one for each.
    ///
    /// # Errors
    /// What is wrong: the key and what would be right.
    pub fn new(
        parts: &[String],
        epochs: &[usize],
        norm_statistics: bool,
    ) -> Result<Self, (&'static str, String)> {
        let names = Group::BACKBONE.map(Group::name);
        if parts.len() > names.len() || !parts.iter().eq(&names[..parts.len()]) {
            let message = format!("must be the first of \"{}\", in this order", names.join("\", \""));
            return Err(("freeze", message));
        }
        let epochs = match epochs {
            [] => vec![0; parts.len()],
            [all] => vec![*all; parts.len()],
            each if each.len() == parts.len() => each.to_vec(),
            _ => {
                let message = format!(
                    "must be one number, or one for each of the {} parts of train.freeze",
                    parts.len()
                );
                return Err(("freeze_epochs", message));
            }
        };
        let freeze = Self { parts: names[..parts.len()].to_vec(), epochs, norm_statistics };
        if !freeze.epochs.is_sorted_by_key(|epochs| std::cmp::Reverse(last_epoch(*epochs))) {
            let message =
                "must not grow from part to part: parts learn again from the last one on (0 is for ever)";
            return Err(("freeze_epochs", message.to_owned()));
        }
        Ok(freeze)
    }

    /// What is frozen in epoch `epoch`, from 1.
    pub fn at(&self, epoch: usize) -> Frozen {
        let parts = self.epochs.iter().take_while(|epochs| last_epoch(**epochs) >= epoch).count();
        Frozen { parts, norm_statistics: self.norm_statistics }
    }

    /// Parts that never learn.
    pub fn forever(&self) -> usize {
        self.epochs.iter().take_while(|epochs| **epochs == 0).count()
    }

    /// Whether some part learns later than from the first epoch on.
    pub fn ends(&self) -> bool {
        self.forever() < self.epochs.len()
    }
}

fn last_epoch(epochs: usize) -> usize {
    if epochs == 0 { usize::MAX } else { epochs }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(count: usize) -> Vec<String> {
        Group::BACKBONE[..count].iter().map(|group| group.name().to_owned()).collect()
    }

    #[test]
    fn parts_learn_again_from_the_last_one_on() {
        let freeze = Freeze::new(&parts(3), &[0, 4, 2], false).unwrap();
        let frozen: Vec<_> = (1..=6).map(|epoch| freeze.at(epoch).parts).collect();
        assert_eq!(frozen, [3, 3, 2, 2, 1, 1]);
        assert_eq!((freeze.forever(), freeze.ends()), (1, true));
        assert_eq!(Freeze::new(&parts(2), &[3], true).unwrap().epochs, [3, 3]);
        assert_eq!(Freeze::new(&parts(5), &[], true).unwrap().forever(), 5);
        assert_eq!(Freeze::default().at(1), Frozen::default());
    }

    #[test]
    fn what_cannot_be_frozen_is_refused() {
        let refuse = |parts: &[String], epochs: &[usize], key: &str| {
            assert_eq!(Freeze::new(parts, epochs, false).unwrap_err().0, key);
        };
        refuse(&["layer1".to_owned()], &[], "freeze");
        refuse(&["stem".to_owned(), "layer2".to_owned()], &[], "freeze");
        refuse(&parts(3), &[1, 2], "freeze_epochs");
        refuse(&parts(3), &[1, 2, 3], "freeze_epochs");
        refuse(&parts(3), &[4, 0, 2], "freeze_epochs");
    }
}
