//! Where every random choice of training comes from.

use marque_contracts::Digest;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// A generator for one purpose at one place of the training. Nothing is carried from one place to the next,
/// so that resuming needs no generator's state.
pub(crate) fn generator(seed: u64, purpose: &str, epoch: usize, position: usize) -> ChaCha8Rng {
    let key = format!("{seed}/{purpose}/{epoch}/{position}");
    ChaCha8Rng::from_seed(*Digest::of_bytes(key.as_bytes()).as_bytes())
}
