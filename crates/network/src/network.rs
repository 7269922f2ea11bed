//! The network: its parameters and its passes.

use std::ops::Range;
use std::path::Path;

use candle_core::{Tensor, Var};
use rand_chacha::ChaCha8Rng;

use crate::answer_gradient::{LogitWeight, logit_weights};
use crate::architecture::{Architecture, PARTS};
use crate::backbone::{BufferPool, EvaluationBuffers, Precision, TrainingBuffers};
use crate::build::{Built, build};
use crate::config::NetworkConfig;
use crate::initialise::Initialiser;
use crate::layers::{Head, Layers};
use crate::parameters::{Buffer, Parameter};
use crate::training_pass::{TrainingPass, dropout};
use crate::{Error, Result};

/// A ResNet with one head per question.
///
/// Variables can be changed through a shared reference, as candle's optimisers do; the same holds for the
/// running statistics, which [`forward_train`](Self::forward_train) updates.
#[derive(Debug)]
pub struct Network {
    config: NetworkConfig,
    architecture: Architecture,
    layers: Layers,
    heads: Vec<Head>,
    /// The fine head of the label hierarchy, where it is not one of `heads`.
    fine: Option<Head>,
    parameters: Vec<Parameter>,
    buffers: Vec<Buffer>,
    precision: Precision,
    training_buffers: BufferPool<TrainingBuffers>,
    evaluation_buffers: BufferPool<EvaluationBuffers>,
}

/// What is frozen in a training pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Frozen {
    /// How many of the [parts of the backbone](crate::Group::BACKBONE), from the stem on, are frozen. They compute as in
    /// evaluation, by their running statistics; none of their activations are stored, and the backward pass ends
    /// above them.
    pub parts: usize,
    /// Whether the other parts normalise by their running statistics too, which then do not change. Scale and shift
    /// of a normalisation are trained all the same.
    pub norm_statistics: bool,
}

impl Network {
    /// A network with freshly drawn weights: He normal for convolutions, PyTorch's default for heads, ones
    /// and zeros for normalisations. The same seed gives the same values, and each parameter's values depend
    /// on the seed and its name alone.
    ///
    /// # Errors
    /// [`Error::Config`] if the configuration contradicts itself.
    pub fn new(config: &NetworkConfig, seed: u64) -> Result<Self> {
        Self::with_values(config, Initialiser::drawn(seed))
    }

    /// A network with the weights of a checkpoint, and nothing drawn that these would replace.
    ///
    /// # Errors
    /// As [`new`](Self::new) and [`load`](Self::load).
    pub fn open(config: &NetworkConfig, weights: &Path) -> Result<Self> {
        let network = Self::with_values(config, Initialiser::zeros())?;
        network.load(weights)?;
        Ok(network)
    }

    fn with_values(config: &NetworkConfig, initialiser: Initialiser) -> Result<Self> {
        config.check()?;
        let architecture = config.architecture();
        let Built { layers, heads, fine, parameters, buffers } = build(config, &architecture, initialiser)?;
        Ok(Self {
            config: config.clone(),
            architecture,
            layers,
            heads,
            fine,
            parameters,
            buffers,
            precision: Precision::default(),
            training_buffers: BufferPool::default(),
            evaluation_buffers: BufferPool::default(),
        })
    }

    /// The same network, computing in another precision.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// What it computes with.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// What the network was built from.
    pub fn config(&self) -> &NetworkConfig {
        &self.config
    }

    /// The layers of its backbone.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// All trainable variables, sorted by name.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// All running statistics, sorted by name.
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    /// The logits of each head, `[n, classes]`, in the order of the configuration, and what the backward pass
    /// needs. Normalises what is not frozen by the batch, takes its statistics into the running ones, and drops features
    /// before each head by masks drawn from `rng`.
    ///
    /// The input is that of the first part that is not frozen ([`prefix_eval`](Self::prefix_eval)): images `[n, height,
    /// width, 3]`, f32, normalised, if no part is frozen; the pooled features if all are.
    ///
    /// # Errors
    /// [`Error::Images`] or [`Error::Activations`] for another shape; [`Error::Compute`] if a layer fails, as batch
    /// normalisation does when a single image has become a single pixel.
    pub fn forward_train(
        &self,
        input: &Tensor,
        frozen: Frozen,
        rng: &mut ChaCha8Rng,
    ) -> Result<TrainingPass<'_>> {
        self.check_input(input, frozen.parts)?;
        let input = input.contiguous()?;
        let mut buffers = self.training_buffers.take();
        let features = if frozen.parts < PARTS {
            let momentum = (!frozen.norm_statistics).then_some(self.config.norm_momentum);
            match self.precision {
                Precision::F32 => buffers.single.forward(&self.layers, momentum, frozen.parts, &input)?,
                Precision::Bf16 => buffers.half.forward(&self.layers, momentum, frozen.parts, &input)?,
            }
        } else {
            input.clone()
        };
        let features = Var::from_tensor(&features)?;
        let logits = |head: &Head| head.logits(&dropout(&features, self.config.dropout, rng)?);
        let logits = self.heads.iter().map(logits).collect::<candle_core::Result<_>>()?;
        Ok(TrainingPass {
            layers: &self.layers,
            heads: &self.heads,
            precision: self.precision,
            pool: &self.training_buffers,
            buffers,
            input,
            frozen_parts: frozen.parts,
            features,
            logits,
        })
    }

    /// The logits of each head, `[n, classes]`, in the order of the configuration. Normalises by the running
    /// statistics and records no graph. With a [`LabelHierarchy`](crate::LabelHierarchy) the heads are decoded jointly:
    /// log probabilities stand in place of the logits.
    ///
    /// # Errors
    /// [`Error::Images`] for another shape than `[n, height, width, 3]`; [`Error::Compute`] if a layer fails.
    pub fn forward_eval(&self, images: &Tensor) -> Result<Vec<Tensor>> {
        self.forward_eval_from(images, 0)
    }

    /// As [`forward_eval`](Self::forward_eval), of the output of the first `parts` of the backbone.
    ///
    /// # Errors
    /// As `forward_eval`; [`Error::Activations`] if the input is not of the shape that these parts give.
    pub fn forward_eval_from(&self, input: &Tensor, parts: usize) -> Result<Vec<Tensor>> {
        self.logits_of(&self.run_eval(input, parts..PARTS, true)?)
    }

    /// The logits of each head in evaluation, `[n, classes]`, of pooled features, `[n, features]`: those that
    /// [`prefix_eval`](Self::prefix_eval) gives for all parts. Each photo's are computed by itself, so that the photos
    /// beside it change no bit of them. Of several views of a photo, mirrored ones say, the logits of the mean of their
    /// features are the mean of their logits, as heads are linear; a [`LabelHierarchy`](crate::LabelHierarchy) decodes
    /// after that.
    ///
    /// # Errors
    /// [`Error::Activations`] for another shape.
    pub fn logits_of(&self, features: &Tensor) -> Result<Vec<Tensor>> {
        self.check_input(features, PARTS)?;
        let features = features.contiguous()?;
        let logits = self.heads.iter().map(|head| head.logits_eval(&features));
        let logits = logits.collect::<candle_core::Result<Vec<_>>>()?;
        let Some(hierarchy) = &self.config.hierarchy else { return Ok(logits) };
        let position = self.heads.iter().position(|head| head.name == hierarchy.head.name);
        let fine = match (position.and_then(|position| logits.get(position)), &self.fine) {
            (Some(logits), _) => logits.clone(),
            (None, Some(fine)) => fine.logits_eval(&features)?,
            (None, None) => return Ok(logits),
        };
        hierarchy.decode(&self.config.heads, logits, &fine)
    }

    /// The output of the first `parts` of the backbone, normalised by the running statistics: what
    /// [`forward_train`](Self::forward_train) goes on from. The images themselves for 0, the pooled
    /// features that the heads see, `[n, features]`, for [`PARTS`](crate::PARTS).
    ///
    /// # Errors
    /// As [`forward_eval`](Self::forward_eval).
    pub fn prefix_eval(&self, images: &Tensor, parts: usize) -> Result<Tensor> {
        self.run_eval(images, 0..parts, true)
    }

    /// The pooled features that the heads see, `[n, features]`, of the output of the first `parts` of the backbone: what
    /// [`prefix_eval`](Self::prefix_eval) goes on to.
    ///
    /// # Errors
    /// As [`forward_eval_from`](Self::forward_eval_from).
    pub fn suffix_eval(&self, activations: &Tensor, parts: usize) -> Result<Tensor> {
        self.run_eval(activations, parts..PARTS, true)
    }

    /// As [`suffix_eval`](Self::suffix_eval), before they are averaged over each photo: `[n, height, width, features]`.
    ///
    /// # Errors
    /// As [`forward_eval_from`](Self::forward_eval_from).
    pub fn last_activations(&self, activations: &Tensor, parts: usize) -> Result<Tensor> {
        self.run_eval(activations, parts..PARTS, false)
    }

    /// What each head's answer hangs on, of a photo's pooled features, `[1, features]`: the gradient of the answer's score by
    /// them, `[features]`. The score is the logit of the most probable class or tag, or the logarithm of the answer's
    /// probability where heads are decoded jointly.
    ///
    /// # Errors
    /// [`Error::Activations`] for another shape.
    pub fn answer_gradients(&self, features: &Tensor) -> Result<Vec<Vec<f32>>> {
        self.check_input(features, PARTS)?;
        let features = features.contiguous()?;
        let logits_of = |head: &Head| Ok::<_, Error>(head.logits_eval(&features)?.flatten_all()?.to_vec1()?);
        let logits = self.heads.iter().map(logits_of).collect::<Result<Vec<Vec<f32>>>>()?;
        let hierarchy = self.config.hierarchy.as_ref();
        let own = hierarchy.and_then(|it| self.heads.iter().find(|head| head.name == it.head.name));
        let fine = own.or(self.fine.as_ref());
        let fine_logits = fine.map(logits_of).transpose()?;
        let joint = hierarchy.zip(fine_logits.as_deref());
        let rows = |head: &Head| Ok::<_, Error>(head.weight.as_tensor().to_vec2::<f32>()?);
        let weights = self.heads.iter().map(rows).collect::<Result<Vec<_>>>()?;
        let fine_weights = fine.map(rows).transpose()?.unwrap_or_default();
        let gradient = |of: Vec<LogitWeight>| {
            let mut sum = vec![0.0_f32; features.elem_count()];
            for LogitWeight { head, class, weight } in of {
                let row = &head.map_or(&fine_weights, |head| &weights[head])[class];
                sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight as f32 * value);
            }
            sum
        };
        Ok(logit_weights(&self.config.heads, &logits, joint).into_iter().map(gradient).collect())
    }

    /// The output of some parts of the backbone, of the output of those before.
    fn run_eval(&self, input: &Tensor, parts: Range<usize>, pooled: bool) -> Result<Tensor> {
        self.check_input(input, parts.start)?;
        if parts.is_empty() {
            return Ok(input.clone());
        }
        let (parts, input) = (parts.start..parts.end.min(PARTS), input.contiguous()?);
        let mut buffers = self.evaluation_buffers.take();
        // On a thread of the pool that shares the work: from any other, every parallel piece would begin with waking a
        // worker.
        let output = rayon::scope(|_| match self.precision {
            Precision::F32 => buffers.single.run(&self.layers, parts, pooled, &input),
            Precision::Bf16 => buffers.half.run(&self.layers, parts, pooled, &input),
        })?;
        self.evaluation_buffers.put(buffers);
        Ok(output)
    }

    fn check_input(&self, input: &Tensor, parts: usize) -> Result<()> {
        let channels = self.architecture.channels(parts);
        let (fits, expected) = match *input.dims() {
            [n, h, w, 3] if parts == 0 && n * h * w > 0 => return Ok(()),
            _ if parts == 0 => return Err(Error::Images { found: input.dims().to_vec() }),
            [n, h, w, c] => {
                (parts < PARTS && n * h * w > 0 && c == channels, format!("[n, h, w, {channels}]"))
            }
            [n, c] => (parts == PARTS && n > 0 && c == channels, format!("[n, {channels}]")),
            _ => (false, format!("[n, …, {channels}]")),
        };
        if fits { Ok(()) } else { Err(Error::Activations { found: input.dims().to_vec(), expected }) }
    }
}
