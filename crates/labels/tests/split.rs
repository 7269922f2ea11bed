//! What is held out: the right share, of every stratum, and the same photos when others come or go.

use std::collections::{BTreeMap, BTreeSet};

use marque_labels::{Candidate, hold_out};
use proptest::prelude::*;

struct Photo {
    name: String,
    stratum: Vec<Option<i64>>,
}

fn photos(strata: &[usize]) -> Vec<Photo> {
    let mut photos = Vec::new();
    for (stratum, count) in strata.iter().enumerate() {
        for i in 0..*count {
            let ids = vec![Some(stratum as i64 / 2), (stratum % 2 == 0).then_some(7)];
            photos.push(Photo { name: format!("{stratum}-{i}.jpg"), stratum: ids });
        }
    }
    photos
}

fn held(photos: &[Photo], share: f64, seed: u64, purpose: &str) -> BTreeSet<String> {
    let candidates: Vec<_> =
        photos.iter().map(|photo| Candidate { file_name: &photo.name, stratum: &photo.stratum }).collect();
    let chosen = hold_out(&candidates, share, seed, purpose);
    assert_eq!(chosen.len(), photos.len());
    photos.iter().zip(chosen).filter(|(_, chosen)| *chosen).map(|(photo, _)| photo.name.clone()).collect()
}

#[test]
fn every_stratum_gives_its_share() {
    let photos = photos(&[200, 50, 100, 40]);
    let held = held(&photos, 0.1, 1, "validation");
    let mut per_stratum: BTreeMap<&str, usize> = BTreeMap::new();
    for name in &held {
        *per_stratum.entry(name.split('-').next().unwrap()).or_default() += 1;
    }
    assert_eq!(per_stratum, BTreeMap::from([("0", 20), ("1", 5), ("2", 10), ("3", 4)]));
}

#[test]
fn small_strata_together_give_their_share_and_are_never_emptied() {
    let held_of = |strata: &[usize], share| held(&photos(strata), share, 1, "validation").len();
    assert_eq!(held_of(&[3; 100], 0.1), 30);
    assert_eq!(held_of(&[2; 50], 0.25), 25);
    assert_eq!(held_of(&[1; 50], 0.5), 0);
    assert_eq!(held_of(&[2; 50], 0.5), 50);
    assert_eq!(held_of(&[30, 40], 0.0), 0);
    assert_eq!(held_of(&[], 0.3), 0);
}

#[test]
fn order_does_not_matter_but_seed_and_purpose_do() {
    let mut photos = photos(&[60, 80]);
    let first = held(&photos, 0.2, 1, "validation");
    photos.reverse();
    assert_eq!(held(&photos, 0.2, 1, "validation"), first);
    assert_ne!(held(&photos, 0.2, 2, "validation"), first);
    assert_ne!(held(&photos, 0.2, 1, "test"), first);
}

proptest! {
    /// Photos that come change the side of few others.
    #[test]
    fn added_photos_do_not_reshuffle(
        strata in proptest::collection::vec(1_usize..60, 1..12),
        grown in any::<prop::sample::Index>(),
        added in 1_usize..4,
        seed in any::<u64>(),
    ) {
        let mut more = strata.clone();
        more[grown.index(strata.len())] += added;
        let before = held(&photos(&strata), 0.1, seed, "validation");
        let after = held(&photos(&more), 0.1, seed, "validation");
        let stayed = before.intersection(&after).count();
        // Each added photo may push one out of its stratum, and each stratum's quota may move by one.
        prop_assert!(before.len() - stayed <= strata.len() + added);
        let moved: Vec<_> = before.symmetric_difference(&after).collect();
        for stratum in 0..strata.len() {
            let prefix = format!("{stratum}-");
            let of_stratum = moved.iter().filter(|name| name.starts_with(&prefix)).count();
            prop_assert!(of_stratum <= 2 * added, "{moved:?}");
        }
    }

    #[test]
    fn the_share_is_kept_overall(
        strata in proptest::collection::vec(2_usize..60, 1..12),
        share in 0.0..0.5,
    ) {
        let photos = photos(&strata);
        let held = held(&photos, share, 3, "validation").len() as f64;
        prop_assert!((held - share * photos.len() as f64).abs() <= 0.5 + 1e-9);
    }
}
