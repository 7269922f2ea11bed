//! The network: its construction, its parameters, its passes.

use crate::config::{Backbone, BottleneckStride, NetworkConfig};
use crate::execution::Execution;
use crate::gradients::Gradients;
use crate::initialise::Initialiser;
use crate::layers::{Block, ConvNorm, Head, Norm};
use crate::trunk::{EvaluationBuffers, Layers, PARTS, Precision, TrainingBuffers, is_finite};
use crate::{Error, Result, names};
use candle_core::{Device, Tensor, Var};
use marque_kernels::nhwc::Convolution;
use marque_kernels::{linear, read};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use std::sync::Mutex;

/// A ResNet with one head per question.
///
/// Variables can be changed through a shared reference, as candle's optimisers do; the same holds for the
/// running statistics, which [`forward_train`](Self::forward_train) updates.
#[derive(Debug)]
pub struct Network {
    config: NetworkConfig,
    stem: ConvNorm,
    stages: Vec<Vec<Block>>,
    heads: Vec<Head>,
    /// The head of fine classes, where it is not one of `heads`.
    fine: Option<Head>,
    parameters: Vec<Parameter>,
    buffers: Vec<Buffer>,
    precision: Precision,
    activations: Kept<TrainingBuffers>,
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

/// The parts of a network under construction, and what has been registered of them.
struct Builder<'a> {
    config: &'a NetworkConfig,
    initialiser: Initialiser,
    parameters: Vec<Parameter>,
    buffers: Vec<Buffer>,
}

/// What sets a convolution apart.
#[derive(Clone, Copy)]
struct Shape {
    kernel: usize,
    inputs: usize,
    outputs: usize,
    stride: usize,
}

impl Builder<'_> {
    fn parameter(&mut self, name: String, var: &Var, group: Group, decay: bool) {
        self.parameters.push(Parameter { name, var: var.clone(), group, decay });
    }

    fn conv_norm(
        &mut self,
        conv: &str,
        norm: &str,
        group: Group,
        shape: Shape,
        gamma: f32,
    ) -> Result<ConvNorm> {
        let Shape { kernel, inputs, outputs, stride } = shape;
        let name = format!("{conv}.weight");
        let weight = self.initialiser.convolution(&name, [kernel, kernel, inputs, outputs])?;
        self.parameter(name, &weight, group, true);
        let vector = |value| self.initialiser.constant(value, outputs);
        let layer =
            Norm { gamma: vector(gamma)?, beta: vector(0.0)?, mean: vector(0.0)?, variance: vector(1.0)? };
        self.parameter(format!("{norm}.weight"), &layer.gamma, group, false);
        self.parameter(format!("{norm}.bias"), &layer.beta, group, false);
        for (kind, var) in [("running_mean", &layer.mean), ("running_var", &layer.variance)] {
            self.buffers.push(Buffer { name: format!("{norm}.{kind}"), var: var.clone() });
        }
        Ok(ConvNorm { weight, stride, padding: kernel / 2, norm: layer })
    }

    fn block(
        &mut self,
        name: &str,
        group: Group,
        inputs: usize,
        width: usize,
        stride: usize,
    ) -> Result<Block> {
        let shapes = branch(self.config.backbone, self.config.bottleneck_stride, inputs, width, stride);
        let outputs = shapes.last().map_or(inputs, |shape| shape.outputs);
        let mut layers = Vec::with_capacity(shapes.len());
        for (index, &shape) in shapes.iter().enumerate() {
            let number = index + 1;
            let is_last = number == shapes.len();
            let gamma = if is_last && self.config.zero_init_residual { 0.0 } else { 1.0 };
            let (conv, norm) = (format!("{name}.conv{number}"), format!("{name}.bn{number}"));
            layers.push(self.conv_norm(&conv, &norm, group, shape, gamma)?);
        }
        let downsample = if stride != 1 || inputs != outputs {
            let (conv, norm) = (format!("{name}.downsample.0"), format!("{name}.downsample.1"));
            let shape = Shape { kernel: 1, inputs, outputs, stride };
            Some(self.conv_norm(&conv, &norm, group, shape, 1.0)?)
        } else {
            None
        };
        Ok(Block { branch: layers, downsample })
    }

    fn head(&mut self, name: &str, classes: usize) -> Result<Head> {
        let features = self.config.backbone.features();
        let (weight_name, bias_name) = (names::head(name, "weight"), names::head(name, "bias"));
        let weight = self.initialiser.linear(&weight_name, &[classes, features], features)?;
        let bias = self.initialiser.linear(&bias_name, &[classes], features)?;
        self.parameter(weight_name, &weight, Group::Head, true);
        self.parameter(bias_name, &bias, Group::Head, false);
        Ok(Head { weight, bias })
    }
}

/// The convolutions of a block's branch.
fn branch(
    backbone: Backbone,
    place: BottleneckStride,
    inputs: usize,
    width: usize,
    stride: usize,
) -> Vec<Shape> {
    let shape = |kernel, inputs, outputs, stride| Shape { kernel, inputs, outputs, stride };
    if backbone.has_bottlenecks() {
        let (first, middle) = match place {
            BottleneckStride::First1x1 => (stride, 1),
            BottleneckStride::Middle3x3 => (1, stride),
        };
        vec![shape(1, inputs, width, first), shape(3, width, width, middle), shape(1, width, 4 * width, 1)]
    } else {
        vec![shape(3, inputs, width, stride), shape(3, width, width, 1)]
    }
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
        let initialiser = Initialiser { seed };
        let mut builder = Builder { config, initialiser, parameters: Vec::new(), buffers: Vec::new() };
        let stem = Shape { kernel: 7, inputs: 3, outputs: 64, stride: 2 };
        let stem = builder.conv_norm("conv1", "bn1", Group::Stem, stem, 1.0)?;
        let mut channels = 64;
        let mut stages = Vec::new();
        for (stage, (blocks, width)) in
            (1u8..).zip(config.backbone.blocks().into_iter().zip([64, 128, 256, 512]))
        {
            let mut built = Vec::with_capacity(blocks);
            for index in 0..blocks {
                let stride = if index == 0 && stage > 1 { 2 } else { 1 };
                let name = format!("layer{stage}.{index}");
                built.push(builder.block(&name, Group::Layer(stage), channels, width, stride)?);
                channels = if config.backbone.has_bottlenecks() { 4 * width } else { width };
            }
            stages.push(built);
        }
        let heads =
            config.heads.iter().map(|head| builder.head(&head.name, head.classes)).collect::<Result<_>>()?;
        let fine = config.agreement.as_ref().map(|agreement| &agreement.head);
        let fine = fine.filter(|fine| config.heads.iter().all(|head| head.name != fine.name));
        let fine = fine.map(|fine| builder.head(&fine.name, fine.classes)).transpose()?;
        let Builder { mut parameters, mut buffers, .. } = builder;
        parameters.sort_by(|a, b| a.name.cmp(&b.name));
        buffers.sort_by(|a, b| a.name.cmp(&b.name));
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

    fn run_eval(&self, input: &Tensor, from: usize, to: usize) -> Result<Tensor> {
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

    fn layers(&self) -> Layers<'_> {
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

    pub(crate) fn heads(&self) -> &[Head] {
        &self.heads
    }
}

/// A forward pass in training, up to the logits.
#[derive(Debug)]
pub struct TrainingPass<'n> {
    network: &'n Network,
    input: Tensor,
    /// Frozen parts of the trunk.
    parts: usize,
    activations: TrainingBuffers,
    /// The start of candle's part of the graph: the features that the heads see.
    features: Var,
    logits: Vec<Tensor>,
}

impl TrainingPass<'_> {
    /// The logits of each head, `[n, classes]`, in the order of the configuration. They are part of a graph of
    /// candle's, so that any loss can be made of them.
    pub fn logits(&self) -> &[Tensor] {
        &self.logits
    }

    /// The first layer, in the order of computation, whose output is infinite or not a number, by its name in
    /// torchvision or `heads.<name>`: where a training went wrong.
    ///
    /// # Errors
    /// [`Error::Compute`] if logits cannot be read.
    pub fn first_not_finite(&self) -> Result<Option<String>> {
        if !is_finite(&read("a check", "the input", &self.input)?) {
            return Ok(Some("the input".to_owned()));
        }
        let trunk = self.activations.first_not_finite(self.network.precision, &self.network.stages);
        if let (Some(layer), true) = (trunk, self.parts < PARTS) {
            return Ok(Some(layer));
        }
        for (head, logits) in self.network.config.heads.iter().zip(&self.logits) {
            if !is_finite(&read("a check", "the logits", &logits.contiguous()?)?) {
                return Ok(Some(format!("heads.{}", head.name)));
            }
        }
        Ok(None)
    }

    /// Writes the gradients of all parameters that learn and that `loss`, a scalar made of the logits, depends on.
    ///
    /// # Errors
    /// [`Error::Compute`] if an operation fails.
    pub fn backward(mut self, loss: &Tensor, gradients: &mut Gradients) -> Result<()> {
        gradients.clear();
        let of_heads = loss.backward()?;
        for head in &self.network.heads {
            for var in [&head.weight, &head.bias] {
                if let Some(gradient) = of_heads.get(var) {
                    gradients.copy(var, gradient)?;
                }
            }
        }
        if let (Some(features), true) = (of_heads.get(&self.features), self.parts < PARTS) {
            let (precision, layers) = (self.network.precision, self.network.layers());
            self.activations.backward(precision, layers, &self.input, features, gradients)?;
        }
        self.network.activations.put(self.activations);
        Ok(())
    }
}

/// Buffers kept between passes. Whoever computes takes them and puts them back; who comes meanwhile, on another
/// thread, makes new ones.
#[derive(Debug, Default)]
struct Kept<T>(Mutex<T>);

impl<T: Default> Kept<T> {
    fn take(&self) -> T {
        self.0.lock().map(|mut kept| std::mem::take(&mut *kept)).unwrap_or_default()
    }

    fn put(&self, buffers: T) {
        if let Ok(mut kept) = self.0.lock() {
            *kept = buffers;
        }
    }
}

/// Refuses what is no batch of images.
pub(crate) fn check_images(images: &Tensor) -> Result<()> {
    match *images.dims() {
        [n, h, w, 3] if n > 0 && h > 0 && w > 0 => Ok(()),
        _ => Err(Error::Images { found: images.dims().to_vec() }),
    }
}

/// Zeroes a share of the features and scales the rest up to keep their mean (Srivastava et al., 2014).
fn dropout(features: &Tensor, share: f32, rng: &mut ChaCha8Rng) -> candle_core::Result<Tensor> {
    if share == 0.0 {
        return Ok(features.clone());
    }
    let kept = 1.0 / (1.0 - share);
    // Of the 2^32 values of a draw, this many drop the feature.
    let dropped = (f64::from(share) * 2f64.powi(32)) as u32;
    let mask: Vec<f32> =
        (0..features.elem_count()).map(|_| if rng.next_u32() < dropped { 0.0 } else { kept }).collect();
    features * Tensor::from_vec(mask, features.shape(), &Device::Cpu)?
}
