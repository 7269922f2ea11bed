//! The label hierarchy, read off the training photos: which fine class implies which classes of other heads.

use std::collections::{BTreeMap, BTreeSet};

use marque_contracts::counts::listed;
use marque_contracts::schema::Head;
use marque_network::{HeadConfig, LabelHierarchy};

use crate::data::Sample;
use crate::{Error, Settings};

/// Most problems in a message.
const MOST_PROBLEMS: usize = 4;

/// A head of the network for a head of the data.
pub(crate) fn head_config(head: &Head) -> HeadConfig {
    HeadConfig::new(&head.name, head.classes.iter().cloned()).with_kind(head.kind)
}

/// What `implies` of a head's table asks for, if one does: which class each fine class implies, as the training photos
/// have it. Every class that a training photo has must be one that some fine class implies, and every fine class must
/// imply one of each head; what no training photo has is not learned anyway.
pub(crate) fn label_hierarchy(
    settings: &Settings,
    heads: &[Head],
    train: &[Sample],
) -> Result<Option<LabelHierarchy>, Error> {
    let Some((fine, names)) = settings.implications() else { return Ok(None) };
    let position = |name: &str| {
        let position = heads.iter().position(|head| head.name == name);
        position.ok_or_else(|| Error::Settings(format!("train.heads.{fine}: there is no head `{name}`")))
    };
    let fine = position(fine)?;
    let mut pairs = Pairs { heads, train, fine, problems: Vec::new() };
    let mut implies = BTreeMap::new();
    for name in names {
        implies.insert(name.clone(), pairs.implied(position(name)?));
    }
    let problems = pairs.problems;
    if !problems.is_empty() {
        let (name, found) = (&heads[fine].name, listed(&problems, MOST_PROBLEMS).join("; "));
        return Err(Error::Settings(format!(
            "train.heads.{name}.implies asks that each class of `{name}` has one of each head and each of theirs one of \
             `{name}`, but {found}"
        )));
    }
    Ok(Some(LabelHierarchy { head: head_config(&heads[fine]), implies }))
}

/// The labels of the training photos, two heads at a time.
struct Pairs<'a> {
    heads: &'a [Head],
    train: &'a [Sample],
    /// Position of the head of fine classes.
    fine: usize,
    problems: Vec<String>,
}

impl Pairs<'_> {
    /// The class of the head at position `head` for each fine class.
    fn implied(&mut self, head: usize) -> Vec<Option<usize>> {
        let class = |sample: &Sample, position: usize| sample.targets.get(position)?.class();
        let (fine_head, coarse) = (&self.heads[self.fine], &self.heads[head]);
        let mut implied: Vec<Option<usize>> = vec![None; fine_head.classes.len()];
        let (mut fine_seen, mut seen) = (BTreeSet::new(), BTreeSet::new());
        for sample in self.train {
            let (from, to) = (class(sample, self.fine), class(sample, head));
            fine_seen.extend(from);
            seen.extend(to);
            let (Some(from), Some(to)) = (from, to) else { continue };
            let known = *implied[from].get_or_insert(to);
            if known != to {
                let [first, second] = [known, to].map(|class| &coarse.classes[class]);
                self.problem(format!(
                    "photos of `{}` have {} `{first}` and `{second}`",
                    fine_head.classes[from], coarse.name
                ));
            }
        }
        for from in fine_seen.into_iter().filter(|class| implied[*class].is_none()) {
            self.problem(format!("no photo of `{}` has a label of {}", fine_head.classes[from], coarse.name));
        }
        for class in seen.into_iter().filter(|class| !implied.contains(&Some(*class))) {
            self.problem(format!(
                "no photo of {} `{}` has a label of {}",
                coarse.name, coarse.classes[class], fine_head.name
            ));
        }
        implied
    }

    fn problem(&mut self, problem: String) {
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use marque_contracts::schema::{ClassWeights, HeadKind, Label};
    use marque_formats::IndexRow;
    use marque_network::Precision;
    use marque_settings::{Document, Reader};

    fn head(name: &str, classes: &[&str]) -> Head {
        let classes = classes.iter().map(|class| (*class).to_owned()).collect();
        let (counts, class_weights) = (Default::default(), ClassWeights::default());
        Head { name: name.to_owned(), kind: HeadKind::Single, classes, counts, class_weights }
    }

    /// Photos with a brand and an exact class each.
    fn found(photos: &[(Option<usize>, Option<usize>)]) -> Result<Option<LabelHierarchy>, String> {
        let text = "[train.heads.exact]\nimplies = [\"brand\"]\n";
        let document = Document::parse("p.toml", text).unwrap();
        let mut reader = Reader::new(&document);
        let settings = Settings::read(&mut reader, Precision::F32, std::path::Path::new("downloads"));
        reader.finish().unwrap();
        let heads = [head("brand", &["Audi", "Fiat"]), head("exact", &["A4", "A6", "Panda"])];
        let sample = |(brand, exact): &(Option<usize>, Option<usize>)| Sample {
            place: IndexRow { file_name: "a.jpg".to_owned(), shard: 0, row: 0 },
            number: 0,
            targets: vec![Label::from(*brand), Label::from(*exact)],
            car: None,
        };
        let train: Vec<_> = photos.iter().map(sample).collect();
        label_hierarchy(&settings, &heads, &train).map_err(|error| error.to_string())
    }

    #[test]
    fn what_implies_what_is_read_off_the_photos() {
        let photos = [(Some(0), Some(0)), (None, Some(0)), (Some(1), Some(2)), (Some(0), None)];
        let hierarchy = found(&photos).unwrap().unwrap();
        assert_eq!(hierarchy.head.name, "exact");
        // No photo has the A6, so there is nothing to learn of it.
        assert_eq!(hierarchy.implies["brand"], [Some(0), None, Some(1)]);
    }

    #[test]
    fn what_could_never_be_answered_is_an_error() {
        let error = found(&[(Some(0), Some(0)), (Some(1), Some(0)), (Some(1), Some(2))]).unwrap_err();
        assert!(error.contains("photos of `A4` have brand `Audi` and `Fiat`"), "{error}");
        let error = found(&[(Some(0), Some(0)), (Some(0), Some(1)), (None, Some(2))]).unwrap_err();
        assert!(error.contains("no photo of `Panda` has a label of brand"), "{error}");
        let error = found(&[(Some(0), Some(0)), (Some(1), None)]).unwrap_err();
        assert!(error.contains("no photo of brand `Fiat` has a label of exact"), "{error}");
    }
}
