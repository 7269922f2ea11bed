//! Time-outs, tries and backoff of downloads.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Time-outs, tries and backoff of downloads.
#[derive(Clone, PartialEq, Debug)]
pub struct Policy {
    /// Longest time to find a host and connect to it.
    pub connect: Duration,
    /// Longest time without a single byte.
    pub stall: Duration,
    /// Tries per address; a try that received 1 MiB or more of the file does not count.
    pub attempts: u32,
    /// Wait after the first failed try; each further wait is twice as long.
    pub backoff: Duration,
    /// Longest wait. A server that asks for more is given up for the next one.
    pub longest_wait: Duration,
    /// Files at a time.
    pub parallel: usize,
    /// Seed of the jitter.
    pub seed: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            stall: Duration::from_secs(30),
            attempts: 5,
            backoff: Duration::from_secs(1),
            longest_wait: Duration::from_secs(120),
            parallel: 3,
            seed: 0,
        }
    }
}

impl Policy {
    /// The wait after failed try `attempt` (from 1) of the file called `name`: exponential backoff with a jitter from
    /// half to all of it, so that clients that were cut off together do not come back together.
    pub(crate) fn wait(&self, name: &str, attempt: u32) -> Duration {
        let doubled = self.backoff.saturating_mul(1 << attempt.saturating_sub(1).min(16));
        let key = blake3::hash(format!("{}/{name}/{attempt}", self.seed).as_bytes());
        let part = ChaCha8Rng::from_seed(*key.as_bytes()).random_range(0.5..=1.0);
        doubled.min(self.longest_wait).mul_f64(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_vary_and_end() {
        let policy = Policy { backoff: Duration::from_secs(2), ..Policy::default() };
        for (attempt, whole) in [(1, 2.0), (2, 4.0), (3, 8.0), (9, 120.0), (40, 120.0)] {
            let wait = policy.wait("a", attempt).as_secs_f64();
            assert!((whole / 2.0..=whole).contains(&wait), "{attempt}: {wait}");
            assert_eq!(policy.wait("a", attempt).as_secs_f64(), wait);
        }
        assert_ne!(policy.wait("a", 1), policy.wait("b", 1));
        assert_ne!(policy.wait("a", 1), Policy { seed: 1, ..policy.clone() }.wait("a", 1));
    }
}
