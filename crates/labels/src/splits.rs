//! The split of each photo: the data set's own, or held out of its training photos.

use marque_contracts::schema::{HeadKind, Split};

use crate::duplicates::{Group, group_of_photo};
use crate::heads::LabelledHead;
use crate::split::quota;
use crate::{Annotation, Candidate, Settings, SplitSource, hold_out};

/// The split of each photo, and what could not be held out.
pub(crate) struct Splits {
    /// In the order of the photos.
    pub(crate) of_photos: Vec<Split>,
    pub(crate) shortfalls: Vec<Shortfall>,
}

/// A share that could not be held out, since no class gives its last photo.
pub(crate) struct Shortfall {
    pub(crate) split: Split,
    pub(crate) share: f64,
    /// Photos that it is a share of.
    pub(crate) candidates: usize,
    /// Photos that it comes to.
    pub(crate) wanted: usize,
    /// Photos that were held out.
    pub(crate) given: usize,
    /// Heads, each with its classes of which a single photo is left; those without any are not there.
    pub(crate) single: Vec<(String, Vec<String>)>,
}

impl Splits {
    pub(crate) fn draw(
        settings: &Settings,
        photos: &[&Annotation],
        heads: &[LabelledHead],
        groups: &[Group],
    ) -> Self {
        let official = settings.split == SplitSource::Official;
        let given = |photo: &&Annotation| photo.split.filter(|_| official).unwrap_or(Split::Train);
        let mut splits: Vec<_> = photos.iter().map(given).collect();
        let groups = match settings.split {
            SplitSource::Official | SplitSource::Grouped => group_of_photo(groups, photos.len()),
            SplitSource::Stratified => vec![None; photos.len()],
        };
        let strata = strata(heads, photos.len());
        let classes: Vec<Vec<_>> = (0..photos.len()).map(|photo| classes(heads, photo)).collect();
        let labelled = |photo: usize| heads.iter().any(|head| head.labels[photo].is_known());
        let mut shortfalls = Vec::new();
        for (split, share) in [(Split::Test, settings.test), (Split::Validation, settings.validation)] {
            if (0..photos.len()).any(|photo| splits[photo] == split && labelled(photo)) {
                continue;
            }
            let train: Vec<_> = (0..photos.len()).filter(|photo| splits[*photo] == Split::Train).collect();
            let candidate = |photo: &usize| Candidate {
                file_name: &photos[*photo].file_name,
                stratum: &strata[*photo],
                classes: &classes[*photo],
                group: groups[*photo],
            };
            let candidates: Vec<_> = train.iter().map(candidate).collect();
            let chosen = hold_out(&candidates, share, settings.seed, split.as_str());
            let (wanted, given) =
                (quota(share, candidates.len()), chosen.iter().filter(|chosen| **chosen).count());
            if given < wanted {
                let left = train.iter().zip(&chosen).filter(|(_, chosen)| !**chosen).map(|(photo, _)| *photo);
                let single = single(heads, &left.collect::<Vec<_>>());
                let candidates = candidates.len();
                shortfalls.push(Shortfall { split, share, candidates, wanted, given, single });
            }
            for (photo, _) in train.iter().zip(chosen).filter(|(_, chosen)| *chosen) {
                splits[*photo] = split;
            }
        }
        Self { of_photos: splits, shortfalls }
    }
}

/// The classes and tags that one alone of some photos has, by head.
fn single(heads: &[LabelledHead], photos: &[usize]) -> Vec<(String, Vec<String>)> {
    let of_head = |head: &LabelledHead| {
        let mut counts = vec![0_usize; head.classes.len()];
        photos.iter().flat_map(|photo| head.labels[*photo].ids()).for_each(|id| counts[*id] += 1);
        let single = head.classes.iter().zip(&counts).filter(|(_, count)| **count == 1);
        (head.name.clone(), single.map(|(class, _)| class.clone()).collect::<Vec<_>>())
    };
    heads.iter().map(of_head).filter(|(_, classes)| !classes.is_empty()).collect()
}

/// What is to be in proportion: the class of each photo in each single-label head, then of each multi-label head the
/// rarest tag that the photo has. Sets of tags are too many to be strata, and what there is plenty of needs no care.
fn strata(heads: &[LabelledHead], photos: usize) -> Vec<Vec<Option<&str>>> {
    let mut strata = vec![Vec::with_capacity(heads.len()); photos];
    for head in heads.iter().filter(|head| head.kind == HeadKind::Single) {
        for (stratum, label) in strata.iter_mut().zip(&head.labels) {
            stratum.push(head.class_names(label).next());
        }
    }
    for head in heads.iter().filter(|head| head.kind == HeadKind::Tags) {
        let mut counts = vec![0_usize; head.classes.len()];
        head.labels.iter().flat_map(|label| label.ids()).for_each(|id| counts[*id] += 1);
        for (stratum, label) in strata.iter_mut().zip(&head.labels) {
            // Ties go to the first by name, so that the order of the classes does not matter.
            let rarest = label.ids().iter().min_by_key(|id| (counts[**id], head.classes[**id].as_str()));
            stratum.push(label.is_known().then(|| rarest.map_or("", |id| &head.classes[*id])));
        }
    }
    strata
}

/// The classes and tags of a photo, each with the position of its head.
fn classes(heads: &[LabelledHead], photo: usize) -> Vec<(usize, &str)> {
    let of_head = |(position, head): (usize, _)| {
        let head: &LabelledHead = head;
        head.class_names(&head.labels[photo]).map(move |class| (position, class))
    };
    heads.iter().enumerate().flat_map(of_head).collect()
}
