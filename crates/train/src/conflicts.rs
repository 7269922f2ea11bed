//! What of `[train]` conflicts with other sections: checked before anything runs, and again against what is on disk.

use marque_contracts::schema::HeadKind;

use crate::Settings;
use crate::selection::Selection;

impl Settings {
    /// What makes no sense where no validation photo has a label that epochs could be compared by: dotted keys, and what
    /// is wrong with each.
    pub fn validation_conflicts(&self) -> Vec<(String, String)> {
        let mut conflicts = Vec::new();
        let mut conflict = |key: &str, asks: &str, instead: &str| {
            let message = format!(
                "{asks}, but there are no validation photos with labels: set labels.validation above 0, label some, or \
                 set {key} = {instead}"
            );
            conflicts.push((key.to_owned(), message));
        };
        if let Some(patience) = self.patience.filter(|_| self.select_by != Selection::Last) {
            let asks = format!("waits {patience} epochs for one that is better on the validation photos");
            conflict("train.patience", &asks, "0");
        }
        let criterion = match self.select_by {
            Selection::MacroF1 => "macro-F1",
            Selection::Loss => "loss",
            // The default, which falls back on the last epoch where there is nothing to choose by.
            Selection::Accuracy | Selection::Last => return conflicts,
        };
        let asks = format!("chooses the epoch by the {criterion} of the validation photos");
        conflict("train.select_by", &asks, "\"last\"");
        conflicts
    }

    /// What conflicts with the size at which photos are stored, in pixels: dotted keys, and what is wrong with each.
    pub fn size_conflicts(&self, stored: usize) -> Vec<(String, String)> {
        let mut conflicts = Vec::new();
        if let Some((_, size)) = self.resize.iter().find(|(_, size)| *size > stored) {
            let message = format!("asks for photos of {size} pixels, but preprocess.size is {stored}");
            conflicts.push(("train.resize".to_owned(), message));
        }
        let smallest = (1..=self.epochs).map(|epoch| self.size_at(epoch, stored)).min().unwrap_or(stored);
        let shift = self.augmentation.shift;
        if 2 * shift >= smallest {
            let message =
                format!("moves photos of {smallest} pixels by {shift}, which is half of them or more");
            conflicts.push(("train.shift".to_owned(), message));
        }
        conflicts
    }

    /// What conflicts with the heads that are declared: dotted keys, and what is wrong with each.
    pub fn head_conflicts(&self, declared: &[(&str, HeadKind)]) -> Vec<(String, String)> {
        let names: Vec<_> = declared.iter().map(|(name, _)| *name).collect();
        let kind = |name: &str| declared.iter().find(|(other, _)| *other == name).map(|(_, kind)| *kind);
        let mut conflicts = Vec::new();
        for name in self.heads.keys().filter(|name| kind(name).is_none()) {
            let message = format!("is for no head; the heads are {}", names.join(", "));
            conflicts.push((format!("train.heads.{name}"), message));
        }
        if !names.is_empty() && names.iter().all(|name| self.of_head(name).auxiliary) {
            let message = "are all auxiliary, so that the model would have none".to_owned();
            conflicts.push(("train.heads".to_owned(), message));
        }
        if !names.is_empty() && names.iter().all(|name| self.of_head(name).loss_weight == 0.0) {
            let message = "all have loss_weight = 0, so that nothing would be learnt".to_owned();
            conflicts.push(("train.heads".to_owned(), message));
        }
        let fine: Vec<_> = self.heads.iter().filter(|(_, head)| !head.implies.is_empty()).collect();
        for (name, head) in &fine {
            let key = format!("train.heads.{name}.implies");
            let mut conflict = |message: String| conflicts.push((key.clone(), message));
            if fine.len() > 1 {
                conflict("is there for several heads; one only can have the fine classes".to_owned());
            }
            if kind(name) == Some(HeadKind::Tags) {
                conflict(format!("needs classes of which each photo has one, but `{name}` has tags"));
            }
            for implied in &head.implies {
                match kind(implied) {
                    _ if implied == *name => conflict("names the head itself".to_owned()),
                    None => conflict(format!("names `{implied}`; the heads are {}", names.join(", "))),
                    Some(HeadKind::Tags) => conflict(format!("names `{implied}`, which has tags")),
                    Some(HeadKind::Single) if self.of_head(implied).auxiliary => {
                        conflict(format!("names `{implied}`, which is auxiliary and does not answer"));
                    }
                    Some(HeadKind::Single) => {}
                }
            }
        }
        conflicts
    }
}
