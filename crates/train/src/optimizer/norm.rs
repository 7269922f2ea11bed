//! The norm of all gradients together, and clipping by it.

use marque_network::{Gradients, Parameter};
use rayon::prelude::*;

use super::CHUNK;

/// The Euclidean norm of the gradients of all parameters as one vector. Summed in pieces of fixed size, so that it
/// does not depend on threads.
pub(crate) fn gradient_norm(parameters: &[Parameter], gradients: &Gradients) -> f64 {
    let squares = |parameter: &Parameter| -> f64 {
        let Some(gradient) = gradients.get(&parameter.var) else { return 0.0 };
        let piece = |piece: &[f32]| piece.iter().map(|g| f64::from(*g) * f64::from(*g)).sum::<f64>();
        let pieces: Vec<f64> = gradient.par_chunks(CHUNK).map(piece).collect();
        pieces.iter().sum()
    };
    parameters.iter().map(squares).sum::<f64>().sqrt()
}

/// Scales the gradients down to a norm of at most `most`, as `torch.nn.utils.clip_grad_norm_` (Pascanu et al. 2013).
pub(crate) fn clip(parameters: &[Parameter], gradients: &mut Gradients, norm: f64, most: f64) {
    let factor = most / (norm + 1e-6);
    if factor < 1.0 {
        gradients.scale(parameters, factor as f32);
    }
}
