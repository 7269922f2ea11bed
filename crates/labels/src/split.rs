//! Holding photos out, in equal proportion of all classes and stably.
//!
//! Every photo has a random number of its own, a digest of the seed and its name, and so has every stratum.
//! Photos are chosen by these *permanent random numbers*, as surveys draw samples that must change little
//! when the population does (Ohlsson, *Sequential Poisson sampling*, Journal of Official Statistics 14, 1998):
//! photos that come or go leave all others with their number, and only those at the edge of a quota change
//! sides.

use std::collections::BTreeMap;

/// A photo that may be held out.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its name, which decides its random number.
    pub file_name: &'a str,
    /// What is to be in proportion, one after the other: names of its classes; equal ones are a stratum. Names, not
    /// ids: these change when a class comes that sorts before others.
    pub stratum: &'a [Option<&'a str>],
    /// What must not lose its last candidate: its classes and tags, each with the position of its head.
    pub classes: &'a [(usize, &'a str)],
    /// Number of its group of duplicates, which is held out as a whole or not at all.
    pub group: Option<u32>,
}

/// Chooses a `share` (0 to 1) of the candidates, the same share of each stratum; says of each candidate
/// whether it is chosen.
///
/// Quotas are whole numbers and exact overall, for each class of the first head, within it for each class of
/// the second, and so on: at every step what rounding down leaves over goes to as many of the parts, the more
/// readily the more of a photo they lost. So many small strata together still give their share. No class and no
/// tag of any head loses its last candidate; what a part cannot give for that, others give, in proportion to their
/// sizes. So fewer are chosen than the share only where none can give any more. A group counts as many photos as it has
/// candidates and goes with the stratum of its first; one that is larger than what is left of the quota stays.
pub fn hold_out(candidates: &[Candidate<'_>], share: f64, seed: u64, purpose: &str) -> Vec<bool> {
    let mut units = units(candidates, seed, purpose);
    // By strata, then by random number: what belongs together stands together.
    units.sort_by(|a, b| (a.stratum, a.rank, a.file_name).cmp(&(b.stratum, b.rank, b.file_name)));
    let photos: usize = units.iter().map(SamplingUnit::photos).sum();
    let mut draw = Draw {
        share,
        seed,
        purpose,
        left: class_sizes(candidates),
        candidates,
        chosen: vec![false; candidates.len()],
    };
    draw.part(&units, 0, quota(share, photos));
    draw.chosen
}

/// How many of `candidates` a share is.
pub(crate) fn quota(share: f64, candidates: usize) -> usize {
    (share * candidates as f64).round() as usize
}

/// A sampling unit, held out as a whole or not at all: a photo, or a group of duplicates.
struct SamplingUnit<'a> {
    stratum: &'a [Option<&'a str>],
    rank: [u8; 32],
    file_name: &'a str,
    /// Positions among the candidates.
    members: Vec<usize>,
}

impl SamplingUnit<'_> {
    fn photos(&self) -> usize {
        self.members.len()
    }
}

fn units<'a>(candidates: &[Candidate<'a>], seed: u64, purpose: &str) -> Vec<SamplingUnit<'a>> {
    let mut order: Vec<_> = (0..candidates.len()).collect();
    order.sort_by_key(|position| candidates[*position].file_name);
    let mut units: Vec<SamplingUnit<'a>> = Vec::with_capacity(candidates.len());
    let mut of_group: BTreeMap<u32, usize> = BTreeMap::new();
    for position in order {
        let candidate = candidates[position];
        if let Some(unit) = candidate.group.and_then(|group| of_group.get(&group)) {
            units[*unit].members.push(position);
            continue;
        }
        if let Some(group) = candidate.group {
            of_group.insert(group, units.len());
        }
        let rank = digest(seed, purpose, candidate.file_name.as_bytes());
        let (stratum, file_name) = (candidate.stratum, candidate.file_name);
        units.push(SamplingUnit { stratum, rank, file_name, members: vec![position] });
    }
    units
}

/// Candidates per class, by position of the head and name.
fn class_sizes<'a>(candidates: &[Candidate<'a>]) -> BTreeMap<(usize, &'a str), usize> {
    let mut sizes = BTreeMap::new();
    for class in candidates.iter().flat_map(|candidate| candidate.classes) {
        *sizes.entry(*class).or_default() += 1;
    }
    sizes
}

struct Draw<'a> {
    candidates: &'a [Candidate<'a>],
    share: f64,
    seed: u64,
    purpose: &'a str,
    /// Candidates per class that are not chosen.
    left: BTreeMap<(usize, &'a str), usize>,
    chosen: Vec<bool>,
}

impl Draw<'_> {
    /// Chooses `quota` photos of `units`, which agree in the first `depth` heads, and returns how many of them could be
    /// chosen. What parts cannot give of their quotas is asked of the others again, until none has any left.
    fn part(&mut self, units: &[SamplingUnit<'_>], depth: usize, quota: usize) -> usize {
        if units.is_empty() || quota == 0 {
            return 0;
        }
        if units.iter().all(|unit| unit.stratum.len() <= depth) {
            return self.leaf(units.iter(), quota);
        }
        let mut parts: Vec<_> = units.chunk_by(|a, b| a.stratum.get(depth) == b.stratum.get(depth)).collect();
        let mut missing = quota;
        while missing > 0 && !parts.is_empty() {
            let (quotas, count, before) = (self.quotas(&parts, depth, missing), parts.len(), missing);
            let mut able = Vec::with_capacity(count);
            for (part, quota) in parts.into_iter().zip(quotas) {
                let given = self.part(part, depth + 1, quota);
                missing = missing.saturating_sub(given);
                if given == quota {
                    able.push(part);
                }
            }
            if missing == before && able.len() == count {
                break;
            }
            parts = able;
        }
        if missing > 0 {
            // Groups of duplicates that were larger than the quotas of their parts.
            let mut by_rank: Vec<_> = units.iter().collect();
            by_rank.sort_by_key(|unit| unit.rank);
            missing -= self.leaf(by_rank.into_iter(), missing);
        }
        quota - missing
    }

    /// The quota of each part: its share, rounded up or down so that the sum is `quota`, and no more than it can give.
    /// Where the sum is less, parts are at what they can give, or have one more than their share already.
    fn quotas(&self, parts: &[&[SamplingUnit<'_>]], depth: usize, quota: usize) -> Vec<usize> {
        let photos = |part: &&[SamplingUnit<'_>]| part.iter().map(SamplingUnit::photos).sum::<usize>();
        let capacities: Vec<_> = parts.iter().map(|part| self.capacity(part)).collect();
        let sizes: Vec<_> = parts.iter().map(photos).collect();
        let all = sizes.iter().sum::<usize>() as f64;
        // The share itself, unless this is about what other parts could not give.
        let share = match (quota as f64 - self.share * all).abs() < 1.0 {
            true => self.share,
            false => {
                let able = sizes.iter().zip(&capacities).filter(|(_, capacity)| **capacity > 0);
                quota as f64 / able.map(|(size, _)| *size).sum::<usize>().max(1) as f64
            }
        };
        let due: Vec<f64> = sizes.iter().map(|size| share * *size as f64).collect();
        let mut quotas: Vec<_> = due
            .iter()
            .zip(&capacities)
            .map(|(due, capacity)| (due.floor() as usize).min(*capacity))
            .collect();
        let mut order: Vec<_> = (0..parts.len())
            .filter(|part| due[*part] > due[*part].floor() && quotas[*part] < capacities[*part])
            .collect();
        // Sequential Poisson sampling: the smallest quotients of random number and size.
        order.sort_by(|a, b| {
            let quotient = |part: usize| self.number(parts[part], depth) / due[part].fract();
            quotient(*a).total_cmp(&quotient(*b))
        });
        let over = quota.saturating_sub(quotas.iter().sum());
        order.into_iter().take(over).for_each(|part| quotas[part] += 1);
        quotas
    }

    /// How many photos a part could give now, were it alone: without a class's last one.
    fn capacity(&self, part: &[SamplingUnit<'_>]) -> usize {
        let mut left = BTreeMap::new();
        let mut photos = 0;
        for unit in part.iter().filter(|unit| !self.is_chosen(unit)) {
            let taken = self.classes_of(unit);
            let left_of = |class| left.get(class).copied().unwrap_or_else(|| self.left_of(class));
            if taken.iter().all(|(class, taken)| left_of(class) > *taken) {
                let after: Vec<_> =
                    taken.iter().map(|(class, taken)| (*class, left_of(class) - taken)).collect();
                left.extend(after);
                photos += unit.photos();
            }
        }
        photos
    }

    /// The random number of a part, in [0, 1).
    fn number(&self, part: &[SamplingUnit<'_>], depth: usize) -> f64 {
        let names = part.first().and_then(|unit| unit.stratum.get(..=depth)).unwrap_or_default();
        let mut name = Vec::new();
        for class in names {
            // The length keeps apart what would read the same put together; nothing has the length of the unknown.
            let (text, length) = class.map_or(("", u64::MAX), |class| (class, class.len() as u64));
            name.extend_from_slice(&length.to_le_bytes());
            name.extend_from_slice(text.as_bytes());
        }
        let digest = digest(self.seed, self.purpose, &name);
        let bits = digest[..8].iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Chooses the units with the smallest random numbers, of `quota` photos together, and returns how many photos those
    /// have.
    fn leaf<'u, 's: 'u>(&mut self, units: impl Iterator<Item = &'u SamplingUnit<'s>>, quota: usize) -> usize {
        let mut missing = quota;
        for unit in units {
            if missing == 0 {
                break;
            }
            if unit.photos() > missing || self.is_chosen(unit) || self.would_empty_a_class(unit) {
                continue;
            }
            missing -= unit.photos();
            for member in &unit.members {
                self.chosen[*member] = true;
                for class in self.candidates[*member].classes {
                    self.left.entry(*class).and_modify(|left| *left -= 1);
                }
            }
        }
        quota - missing
    }

    fn is_chosen(&self, unit: &SamplingUnit<'_>) -> bool {
        unit.members.iter().any(|member| self.chosen[*member])
    }

    fn would_empty_a_class(&self, unit: &SamplingUnit<'_>) -> bool {
        self.classes_of(unit).iter().any(|(class, taken)| self.left_of(class) <= *taken)
    }

    /// Candidates of a class that are not chosen.
    fn left_of(&self, class: &(usize, &str)) -> usize {
        self.left.get(class).copied().unwrap_or(0)
    }

    /// The classes in a unit, each with how many of its photos have it.
    fn classes_of(&self, unit: &SamplingUnit<'_>) -> BTreeMap<(usize, &str), usize> {
        let mut taken = BTreeMap::new();
        for class in unit.members.iter().flat_map(|member| self.candidates[*member].classes) {
            *taken.entry(*class).or_default() += 1;
        }
        taken
    }
}

fn digest(seed: u64, purpose: &str, name: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(&(purpose.len() as u64).to_le_bytes());
    hasher.update(purpose.as_bytes());
    hasher.update(name);
    *hasher.finalize().as_bytes()
}
