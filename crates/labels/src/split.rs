//! Holding photos out, in equal proportion of all classes and stably.

use std::collections::BTreeMap;

/// A photo that may be held out.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its name, which decides its place in its stratum.
    pub file_name: &'a str,
    /// Its class ids in all heads; equal ones are a stratum.
    pub stratum: &'a [Option<i64>],
}

/// Chooses a `share` (0 to 1) of the candidates, the same share of each stratum; says of each candidate
/// whether it is chosen.
///
/// Within a stratum photos are ranked by a digest of `seed`, `purpose` and their name, and the first ones
/// are chosen, so photos that come or go leave all others at their rank; only the photo at the edge of the
/// share can change sides. Quotas are whole numbers, and what rounding leaves over goes to the next stratum
/// in sorted order, so that many small strata together still give their share. A stratum is never emptied:
/// its last-ranked photo stays.
pub fn hold_out(candidates: &[Candidate<'_>], share: f64, seed: u64, purpose: &str) -> Vec<bool> {
    let mut strata: BTreeMap<&[Option<i64>], Vec<usize>> = BTreeMap::new();
    for (position, candidate) in candidates.iter().enumerate() {
        strata.entry(candidate.stratum).or_default().push(position);
    }
    let mut chosen = vec![false; candidates.len()];
    let (mut seen, mut taken) = (0, 0);
    for mut members in strata.into_values() {
        members.sort_by_cached_key(|position| {
            let name = candidates[*position].file_name;
            (rank(seed, purpose, name), name)
        });
        seen += members.len();
        let due = (share * seen as f64).round() as usize;
        let quota = due.saturating_sub(taken).min(members.len() - 1);
        taken += quota;
        for position in &members[..quota] {
            chosen[*position] = true;
        }
    }
    chosen
}

fn rank(seed: u64, purpose: &str, file_name: &str) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(&(purpose.len() as u64).to_le_bytes());
    hasher.update(purpose.as_bytes());
    hasher.update(file_name.as_bytes());
    *hasher.finalize().as_bytes()
}
