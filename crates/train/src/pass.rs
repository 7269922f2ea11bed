//! A forward pass in training, by the engine or by candle's own operations.

use candle_core::Tensor;
use marque_network::{Frozen, Gradients, Network, TrainingPass, stock};
use rand_chacha::ChaCha8Rng;

/// What computes the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Engine {
    /// The operations of `marque-kernels`.
    #[default]
    Kernels,
    /// Candle's own operations, in f32: slow, and there to compare with. They know neither dropout nor frozen parts, and
    /// leave the running statistics as they are.
    Stock,
}

/// A forward pass, up to the logits.
pub(crate) enum Pass<'n> {
    Kernels(Box<TrainingPass<'n>>),
    Stock { network: &'n Network, logits: Vec<Tensor> },
}

impl<'n> Pass<'n> {
    /// Of `[n, height, width, 3]` photos, or of what the frozen parts of the trunk have made of them.
    pub(crate) fn forward(
        engine: Engine,
        network: &'n Network,
        input: &Tensor,
        frozen: Frozen,
        dropout: &mut ChaCha8Rng,
    ) -> marque_network::Result<Self> {
        Ok(match engine {
            Engine::Kernels => Self::Kernels(Box::new(network.forward_train_from(input, frozen, dropout)?)),
            // What it knows nothing of was refused before.
            Engine::Stock => Self::Stock { network, logits: stock::forward_train(network, input)? },
        })
    }

    /// The logits of each head, `[n, classes]`.
    pub(crate) fn logits(&self) -> &[Tensor] {
        match self {
            Self::Kernels(pass) => pass.logits(),
            Self::Stock { logits, .. } => logits,
        }
    }

    /// The first layer with a value that is no number, where it can be told.
    pub(crate) fn first_not_finite(&self) -> marque_network::Result<Option<String>> {
        match self {
            Self::Kernels(pass) => pass.first_not_finite(),
            Self::Stock { .. } => Ok(None),
        }
    }

    /// Writes the gradients of `loss`, a scalar made of the logits.
    pub(crate) fn backward(self, loss: &Tensor, gradients: &mut Gradients) -> marque_network::Result<()> {
        match self {
            Self::Kernels(pass) => pass.backward(loss, gradients),
            Self::Stock { network, .. } => gradients.take(network.parameters(), &loss.backward()?),
        }
    }
}
