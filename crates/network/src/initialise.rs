//! Initial values, each parameter's drawn from a generator of its own, so that another head or stage changes
//! nothing in the rest.

use candle_core::{DType, Device, Result, Var};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Initial values for named parameters.
pub(crate) struct Initialiser {
    /// `None` for zeros.
    seed: Option<u64>,
}

impl Initialiser {
    /// Draws values, the same for the same seed and name.
    pub(crate) fn drawn(seed: u64) -> Self {
        Self { seed: Some(seed) }
    }

    /// Zeros in place of what is drawn, where weights will be loaded.
    pub(crate) fn zeros() -> Self {
        Self { seed: None }
    }

    fn generator(name: &str, seed: u64) -> ChaCha8Rng {
        let mut key = blake3::Hasher::new_derive_key("marque initial value of a parameter, version 1");
        key.update(&seed.to_le_bytes());
        key.update(name.as_bytes());
        ChaCha8Rng::from_seed(*key.finalize().as_bytes())
    }

    /// A convolution `[kh, kw, c_in, c_out]`: normal with variance `2 / (kh * kw * c_out)`, which keeps the
    /// size of gradients under ReLU (He et al., 2015, in its "fan out" form, as torchvision's ResNets have
    /// it).
    pub(crate) fn convolution(&self, name: &str, shape: [usize; 4]) -> Result<Var> {
        let [kh, kw, _, outputs] = shape;
        let Some(seed) = self.seed else { return Var::zeros(shape.as_slice(), DType::F32, &Device::Cpu) };
        let deviation = (2.0 / (kh * kw * outputs) as f32).sqrt();
        let mut generator = Self::generator(name, seed);
        let mut normal =
            || deviation * <StandardNormal as Distribution<f32>>::sample(&StandardNormal, &mut generator);
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| normal()).collect();
        Var::from_vec(values, shape.as_slice(), &Device::Cpu)
    }

    /// A linear layer's weight or bias: uniform within `1 / sqrt(features)` of zero, PyTorch's default.
    pub(crate) fn linear(&self, name: &str, shape: &[usize], features: usize) -> Result<Var> {
        let Some(seed) = self.seed else { return Var::zeros(shape, DType::F32, &Device::Cpu) };
        let bound = 1.0 / (features as f32).sqrt();
        let mut generator = Self::generator(name, seed);
        let values =
            (0..shape.iter().product()).map(|_| generator.random_range(-bound..bound)).collect::<Vec<f32>>();
        Var::from_vec(values, shape, &Device::Cpu)
    }

    /// A vector of one value.
    pub(crate) fn constant(&self, value: f32, len: usize) -> Result<Var> {
        Var::from_vec(vec![value; len], len, &Device::Cpu)
    }
}
