//! Photos that are there more than once.

use std::collections::BTreeMap;

use marque_formats::{DuplicateKind, DuplicateRow};
use rayon::prelude::*;

use crate::photos::Photo;

/// Groups of photos with equal bytes or, if `near_bits` is given, similar perceptual hashes. A photo is in one group at
/// most; two photos of a group may be linked by others between them. `photos` is sorted by name.
pub(crate) fn find(photos: &[Photo], near_bits: Option<u32>) -> Vec<DuplicateRow> {
    let mut sets = DisjointSets::new(photos.len());
    let mut by_digest = BTreeMap::new();
    for (i, photo) in photos.iter().enumerate() {
        let first = *by_digest.entry(photo.row.digest).or_insert(i);
        sets.join(first, i);
    }
    if let Some(bits) = near_bits {
        // One photo for each digest is enough.
        let firsts: Vec<usize> =
            (0..photos.len()).filter(|&i| by_digest[&photos[i].row.digest] == i).collect();
        join_similar(&mut sets, photos, &firsts, bits);
    }
    let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for i in 0..photos.len() {
        groups.entry(sets.first_of(i)).or_default().push(i);
    }
    let repeated = groups.into_values().filter(|group| group.len() > 1);
    (0..).zip(repeated).flat_map(|(number, group)| rows(number, &group, photos)).collect()
}

fn rows(group: u32, members: &[usize], photos: &[Photo]) -> Vec<DuplicateRow> {
    let row = |&i: &usize| {
        let Photo { row, hash } = &photos[i];
        let identical = members.iter().any(|&other| other != i && photos[other].row.digest == row.digest);
        DuplicateRow {
            group,
            kind: if identical { DuplicateKind::Identical } else { DuplicateKind::Near },
            file_name: row.file_name.clone(),
            digest: row.digest,
            hash: hash.bits,
        }
    };
    members.iter().map(row).collect()
}

/// Photos that are compared with all others before the pairs found are joined: bounds the memory where thousands are
/// similar.
const ROWS: usize = 256;

/// Joins photos with similar hashes. All pairs are compared: for a hundred thousand photos that takes seconds.
fn join_similar(sets: &mut DisjointSets, photos: &[Photo], among: &[usize], bits: u32) {
    let hashes: Vec<_> = among.iter().map(|&i| photos[i].hash.bits).collect();
    let positions: Vec<_> = (0..among.len()).collect();
    for rows in positions.chunks(ROWS) {
        let pairs: Vec<(usize, usize)> = rows
            .par_iter()
            .flat_map_iter(|&a| {
                // The hashes alone, side by side in memory, rule out nearly all.
                let near = |b: &usize| (hashes[a] ^ hashes[*b]).count_ones() <= bits;
                let similar = |b: &usize| photos[among[a]].hash.is_similar(&photos[among[*b]].hash, bits);
                (a + 1..among.len()).filter(near).filter(similar).map(|b| (a, b)).collect::<Vec<_>>()
            })
            .collect();
        for (a, b) in pairs {
            sets.join(among[a], among[b]);
        }
    }
}

/// Disjoint sets of positions (union-find); each is named by its smallest.
struct DisjointSets(Vec<usize>);

impl DisjointSets {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn first_of(&mut self, i: usize) -> usize {
        let mut first = i;
        while self.0[first] != first {
            first = self.0[first];
        }
        self.0[i] = first;
        first
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.first_of(a), self.first_of(b));
        self.0[a.max(b)] = a.min(b);
    }
}
