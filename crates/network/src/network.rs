//! The network: its parameters and its passes.

use crate::build::Parts;
use crate::config::NetworkConfig;
use crate::execution::Execution;
use crate::layers::{Block, ConvNorm, Head};
use crate::training_pass::{TrainingPass, dropout};
use crate::trunk::{EvaluationBuffers, Kept, Layers, PARTS, Precision, TrainingBuffers};
use crate::{Error, Result};
use candle_core::{Tensor, Var};
use marque_kernels::linear;
use marque_kernels::nhwc::Convolution;
use rand_chacha::ChaCha8Rng;

/// A ResNet with one head per question.
///
/// Variables can be changed through a shared reference, as candle's optimisers do; the same holds for the
/// running statistics, which [`forward_train`](Self::forward_train) updates.
#[derive(Debug)]
pub struct Network {
    config: NetworkConfig,
    stem: ConvNorm,
    pub(crate) stages: Vec<Vec<Block>>,
    pub(crate) heads: Vec<Head>,
    /// The head of fine classes, where it is not one of `heads`.
    fine: Option<Head>,
    parameters: Vec<Parameter>,
    buffers: Vec<Buffer>,
    pub(crate) precision: Precision,
    pub(crate) activations: Kept<TrainingBuffers>,
    evaluator: Kept<EvaluationBuffers>,
}

/// A trainable variable.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// torchvision's name, such as `layer1.0.conv1.weight`, or `heads.<name>.weight`.
    pub name: String,
    /// The values. A convolution's are `[kh, kw, c_in, c_out]`, where files hold `[c_out, c_in, kh, kw]`.
    pub var: Var,
    /// The part of the network it belongs to.
    pub group: Group,
    /// Whether weight decay is meant for it: not for normalisations and biases.
    pub decay: bool,
}

/// A variable that is not trained: a running statistic.
#[derive(Debug, Clone)]
pub struct Buffer {
    /// torchvision's name, such as `bn1.running_mean`.
    pub name: String,
    /// The values, `[c]`.
    pub var: Var,
}

/// Part of a network, in the order of computation, for learning rates that differ and for freezing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// The first convolution and its normalisation.
    Stem,
    /// A stage of residual blocks, 1 to 4: `layer1` to `layer4`.
    Layer(u8),
    /// The heads.
    Head,
}

impl Group {
    /// The parts of the trunk, in the order of computation.
    pub const TRUNK: [Self; PARTS] =
        [Self::Stem, Self::Layer(1), Self::Layer(2), Self::Layer(3), Self::Layer(4)];

    /// How torchvision's users name it: `stem`, `layer1` to `layer4`, `heads`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stem => "stem",
            Self::Layer(1) => "layer1",
            Self::Layer(2) => "layer2",
            Self::Layer(3) => "layer3",
            Self::Layer(_) => "layer4",
            Self::Head => "heads",
        }
    }
}

/// What does not learn in a training pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Frozen {
    /// How many of the [parts of the trunk](Group::TRUNK), from the stem on, do not learn. They compute as in
    /// evaluation, by their running statistics; nothing of them is kept and the backward pass ends above them.
    pub parts: usize,
    /// Whether the other parts normalise by their running statistics too, which then do not change. Scale and shift
    /// of a normalisation learn all the same.
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
        config.check()?;
        let Parts { stem, stages, heads, fine, parameters, buffers } = Parts::build(config, seed)?;
        Ok(Self {
            config: config.clone(),
            stem,
            stages,
            heads,
            fine,
            parameters,
            buffers,
            precision: Precision::default(),
            activations: Kept::default(),
            evaluator: Kept::default(),
        })
    }

    /// The same network, computing in another precision.
    #[must_use]
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// What the network was built from.
    pub fn config(&self) -> &NetworkConfig {
        &self.config
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
    /// needs. Normalises by the batch, takes its statistics into the running ones, and drops features before
    /// each head by masks drawn from `rng`.
    ///
    /// `images` are `[n, height, width, 3]`, f32, normalised.
    ///
    /// # Errors
    /// [`Error::Images`] for another shape; [`Error::Compute`] if a layer fails, as batch normalisation does
    /// when a single image has become a single pixel.
    pub fn forward_train(&self, images: &Tensor, rng: &mut ChaCha8Rng) -> Result<TrainingPass<'_>> {
        self.forward_train_from(images, Frozen::default(), rng)
    }

    /// As [`forward_train`](Self::forward_train), of the output of the frozen parts ([`prefix_eval`](Self::prefix_eval)):
    /// `[n, height, width, channels]`; the images themselves if no part is frozen, the pooled features if all are.
    ///
    /// # Errors
    /// As `forward_train`; [`Error::Activations`] if that is not the shape.
    pub fn forward_train_from(
        &self,
        input: &Tensor,
        frozen: Frozen,
        rng: &mut ChaCha8Rng,
    ) -> Result<TrainingPass<'_>> {
        self.check_input(input, frozen.parts)?;
        let input = input.contiguous()?;
        let mut activations = self.activations.take();
        let features = if frozen.parts < PARTS {
            let momentum = (!frozen.norm_statistics).then_some(self.config.norm_momentum);
            activations.forward(self.precision, self.layers(), momentum, frozen.parts, &input)?
        } else {
            input.clone()
        };
        let features = Var::from_tensor(&features)?;
        let logits = |head: &Head| -> Result<Tensor> {
            let dropped = dropout(&features, self.config.dropout, rng)?;
            Ok(linear(&dropped, &head.weight, &head.bias)?)
        };
        let logits = self.heads.iter().map(logits).collect::<Result<_>>()?;
        Ok(TrainingPass { network: self, input, parts: frozen.parts, activations, features, logits })
    }

    /// The logits of each head, `[n, classes]`, in the order of the configuration. Normalises by the running
    /// statistics and keeps no graph. Where there is an [`Agreement`](crate::Agreement), what it makes of them.
    ///
    /// # Errors
    /// [`Error::Images`] for another shape than `[n, height, width, 3]`; [`Error::Compute`] if a layer fails.
    pub fn forward_eval(&self, images: &Tensor) -> Result<Vec<Tensor>> {
        self.forward_eval_from(images, 0)
    }

    /// As [`forward_eval`](Self::forward_eval), of the output of the first `parts` of the trunk.
    ///
    /// # Errors
    /// As `forward_eval`; [`Error::Activations`] if the input is not of the shape that these parts give.
    pub fn forward_eval_from(&self, input: &Tensor, parts: usize) -> Result<Vec<Tensor>> {
        self.answers_of(&self.run_eval(input, parts, PARTS)?)
    }

    /// The logits of each head for photos of which there are several views, mirrored ones say: the mean over the views,
    /// taken before answers are made to agree. No logits at all for no view.
    ///
    /// # Errors
    /// As [`forward_eval`](Self::forward_eval).
    pub fn forward_eval_mean(&self, views: &[Tensor]) -> Result<Vec<Tensor>> {
        let mut sum: Option<Tensor> = None;
        for view in views {
            let features = self.features_eval(view)?;
            sum = Some(match sum {
                Some(sum) => (sum + features)?,
                None => features,
            });
        }
        // Heads are linear: the mean of what they say is what they say of the mean.
        match sum {
            Some(sum) => self.answers_of(&(sum * (1.0 / views.len() as f64))?),
            None => Ok(Vec::new()),
        }
    }

    /// The logits of each head in evaluation, of pooled features.
    fn answers_of(&self, features: &Tensor) -> Result<Vec<Tensor>> {
        let detached = |var: &Var| var.as_detached_tensor();
        self.answers(|head| linear(features, &detached(&head.weight), &detached(&head.bias)))
    }

    /// The logits of all heads in evaluation, given those of any single one.
    pub(crate) fn answers(
        &self,
        logits_of: impl Fn(&Head) -> candle_core::Result<Tensor>,
    ) -> Result<Vec<Tensor>> {
        let logits = self.heads.iter().map(&logits_of).collect::<candle_core::Result<Vec<_>>>()?;
        let Some(agreement) = &self.config.agreement else { return Ok(logits) };
        let position = self.config.heads.iter().position(|head| head.name == agreement.head.name);
        let fine = match (position.and_then(|position| logits.get(position)), &self.fine) {
            (Some(logits), _) => logits.clone(),
            (None, Some(fine)) => logits_of(fine)?,
            (None, None) => return Ok(logits),
        };
        agreement.apply(&self.config.heads, logits, &fine)
    }

    /// The pooled features that the heads see, `[n, features]`, normalised by the running statistics.
    ///
    /// # Errors
    /// As [`forward_eval`](Self::forward_eval).
    pub fn features_eval(&self, images: &Tensor) -> Result<Tensor> {
        self.run_eval(images, 0, PARTS)
    }

    /// The output of the first `parts` of the trunk, normalised by the running statistics: what
    /// [`forward_train_from`](Self::forward_train_from) goes on from. The images themselves for 0, the pooled
    /// features for 5.
    ///
    /// # Errors
    /// As [`forward_eval`](Self::forward_eval).
    pub fn prefix_eval(&self, images: &Tensor, parts: usize) -> Result<Tensor> {
        self.run_eval(images, 0, parts)
    }

    /// On one of the threads that share the work: from any other, each piece of it would begin with waking somebody up.
    fn run_eval(&self, input: &Tensor, from: usize, to: usize) -> Result<Tensor> {
        rayon::scope(|_| self.run_eval_here(input, from, to))
    }

    fn run_eval_here(&self, input: &Tensor, from: usize, to: usize) -> Result<Tensor> {
        self.check_input(input, from)?;
        if from >= to {
            return Ok(input.clone());
        }
        let mut evaluator = self.evaluator.take();
        let output =
            evaluator.run(self.precision, self.layers(), from..to.min(PARTS), &input.contiguous()?)?;
        self.evaluator.put(evaluator);
        Ok(output)
    }

    fn check_input(&self, input: &Tensor, parts: usize) -> Result<()> {
        if parts == 0 {
            return check_images(input);
        }
        let channels = self.channels(parts);
        let (fits, expected) = match *input.dims() {
            [n, h, w, c] => {
                (parts < PARTS && n * h * w > 0 && c == channels, format!("[n, h, w, {channels}]"))
            }
            [n, c] => (parts == PARTS && n > 0 && c == channels, format!("[n, {channels}]")),
            _ => (false, format!("[n, …, {channels}]")),
        };
        if fits { Ok(()) } else { Err(Error::Activations { found: input.dims().to_vec(), expected }) }
    }

    /// Channels that the first `parts` of the trunk give.
    fn channels(&self, parts: usize) -> usize {
        match (parts, self.config.backbone.has_bottlenecks()) {
            (0, _) => 3,
            (1, _) => 64,
            (parts, bottlenecks) => (64 << (parts - 2)) * if bottlenecks { 4 } else { 1 },
        }
    }

    /// The convolutions of a pass over images `[n, height, width, 3]`, in the order of computation.
    ///
    /// # Errors
    /// [`Error::Compute`] if the images are too small for a layer.
    pub fn convolutions(&self, images: [usize; 4]) -> Result<Vec<Convolution>> {
        self.layers().convolutions(images)
    }

    pub(crate) fn layers(&self) -> Layers<'_> {
        Layers { stem: &self.stem, stages: &self.stages, eps: self.config.norm_eps as f32 }
    }

    /// The pooled features, by any execution.
    pub(crate) fn features(
        &self,
        execution: &impl Execution,
        images: &Tensor,
    ) -> candle_core::Result<Tensor> {
        let x = execution.conv_norm(&self.stem, images, true)?;
        let mut x = execution.stem_pool(&x)?;
        for block in self.stages.iter().flatten() {
            x = execution.block(block, &x)?;
        }
        execution.average(&x)
    }
}

/// Refuses what is no batch of images.
pub(crate) fn check_images(images: &Tensor) -> Result<()> {
    match *images.dims() {
        [n, h, w, 3] if n > 0 && h > 0 && w > 0 => Ok(()),
        _ => Err(Error::Images { found: images.dims().to_vec() }),
    }
}
