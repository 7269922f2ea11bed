//! A network as an ONNX graph.
//!
//! Batch normalisations are folded into the convolutions before them: by the running statistics,
//! `gamma · (w ∗ x − mean) / √(variance + ε) + beta` is a convolution with other weights and a bias. The scaling is
//! done in double precision and rounded once.

use marque_contracts::schema::HeadKind;
use marque_contracts::schema::model::{INPUT, PREPROCESSOR};
use marque_network::{
    Architecture, BlockSpec, ConvSpec, HeadConfig, LEAST_PROBABILITY, LabelHierarchy, NetworkConfig,
};

use crate::Error;
use crate::input::OnnxInput;
use crate::model::Model;
use crate::onnx::{Attribute, Graph, Kind, Side};
use crate::photo_graph::{BOX, PHOTO, prepare_photo};
use crate::properties::properties;

/// Subtracted from the log probability of fine classes that do not imply a class, so that they are never its maximum.
const NOT_IMPLIED: f32 = 1e30;

/// A network as an ONNX file, in operators of version 17.
///
/// With [`OnnxInput::Prepared`] the input is [`INPUT`], float32 `[batch, 3, size, size]`, normalised photos (RGB), and there
/// is one output per head under the head's name, float32 `[batch, classes]`: its logits, or, where a [`LabelHierarchy`]
/// decodes heads jointly, log probabilities. `batch` may be any number.
///
/// With [`OnnxInput::Photo`] the graph does all but decoding. Its inputs are `photo`, uint8 `[height, width, 3]`, the whole
/// photo, RGB, upright, of any size; and, if the model wants photos cut, `box`, float32 `[4]`: left, top, right and bottom edge
/// of the car in pixels of the photo, from 0 to its width and height. `batch` is 1, and beside the outputs above there is one per head,
/// `HEAD_probabilities`, float32 `[1, classes]`, from 0 to 1: the logits divided by the temperatures, through a softmax
/// or, for tags, sigmoids.
///
/// The file's metadata hold what else is needed to use it; `docs/artifacts.md` describes them:
/// - `photo_preparation`, JSON: how a photo becomes what goes in, step by step, from decoding to normalisation;
/// - `heads`, JSON: for each head its `labels`, in the order of the classes, and its `problem_type` in Hugging Face's
///   words, which says whether the logits are for a softmax or for sigmoids;
/// - `calibration`, JSON, of a model that is calibrated: for each head `temperatures`, and `operating_points`: from which
///   probability on answers are right at least as often as a `target_precision`;
/// - `backbone`, `color_space`, `image_mean`, `image_std`, `image_size`, and `preprocessing` in words.
///
/// # Errors
/// If a weight is missing or has another shape, a head has the name of an input or of another's probabilities, or the
/// graph is to prepare photos and nothing says how ([`Error::NoPreparation`]).
pub fn write_onnx(model: &Model, input: OnnxInput) -> Result<Vec<u8>, Error> {
    let config = model.config();
    check_names(config, input)?;
    let mut builder = Builder { model, graph: Graph::default() };
    let batch = match input {
        OnnxInput::Prepared => {
            let (batch, size) = (Side::Any("batch"), Side::Fixed(config.input_size));
            builder.graph.input(INPUT, Kind::Float, &[batch, Side::Fixed(3), size, size]);
            batch
        }
        OnnxInput::Photo => {
            let preparation = model.preparation();
            let preparation =
                preparation.ok_or_else(|| Error::NoPreparation(model.folder().join(PREPROCESSOR)))?;
            prepare_photo(&mut builder.graph, preparation, config);
            Side::Fixed(1)
        }
    };
    let features = builder.backbone(&config.architecture())?;
    for head in &config.heads {
        let output = builder.logits_name(head);
        builder.linear(head, &features, &output)?;
        builder.graph.output(&head.name, &[batch, Side::Fixed(head.classes)]);
    }
    if let Some(hierarchy) = &config.hierarchy {
        builder.joint_decoding(hierarchy, &features)?;
    }
    if input == OnnxInput::Photo {
        for head in &config.heads {
            builder.probabilities(head);
        }
    }
    Ok(builder.graph.into_file(config.backbone.name(), &properties(model, input)))
}

/// The name of the output with a head's probabilities: that of the column of `predictions.parquet`.
fn probabilities_name(head: &HeadConfig) -> String {
    format!("{}_probabilities", head.name)
}

/// Refuses heads whose names are taken.
fn check_names(config: &NetworkConfig, input: OnnxInput) -> Result<(), Error> {
    let mut taken = vec![INPUT.to_owned()];
    if input == OnnxInput::Photo {
        taken.extend([PHOTO, BOX].map(str::to_owned));
        taken.extend(config.heads.iter().map(probabilities_name));
    }
    match config.heads.iter().find(|head| taken.contains(&head.name)) {
        Some(head) => Err(Error::HeadName(head.name.clone())),
        None => Ok(()),
    }
}

struct Builder<'a> {
    model: &'a Model,
    graph: Graph,
}

impl Builder<'_> {
    /// Adds the layers up to the pooled features and returns the name of these.
    fn backbone(&mut self, architecture: &Architecture) -> Result<String, Error> {
        let Architecture { stem, pool, stages } = architecture;
        let x = self.convolution(stem, INPUT)?;
        let attributes = [
            Attribute::Integers("kernel_shape", &[pool.kernel as i64; 2]),
            Attribute::Integers("pads", &[pool.padding as i64; 4]),
            Attribute::Integers("strides", &[pool.stride as i64; 2]),
        ];
        self.graph.node("MaxPool", &[&x], "maxpool/y", &attributes);
        let mut x = "maxpool/y".to_owned();
        for block in stages.iter().flatten() {
            x = self.block(block, x)?;
        }
        self.graph.node("GlobalAveragePool", &[&x], "avgpool/y", &[]);
        self.graph.node("Flatten", &["avgpool/y"], "features/y", &[Attribute::Integer("axis", 1)]);
        Ok("features/y".to_owned())
    }

    fn block(&mut self, block: &BlockSpec, x: String) -> Result<String, Error> {
        let mut y = x.clone();
        for spec in &block.branch {
            y = self.convolution(spec, &y)?;
        }
        let shortcut = match &block.downsample {
            Some(spec) => self.convolution(spec, &x)?,
            None => x,
        };
        let sum = format!("{}.add/y", block.name);
        self.graph.node("Add", &[&y, &shortcut], &sum, &[]);
        Ok(self.relu(&sum))
    }

    /// Adds a convolution with its normalisation folded in, and its ReLU, and returns the name of the output. Names of
    /// values have a slash, which those of heads have not.
    fn convolution(&mut self, spec: &ConvSpec, x: &str) -> Result<String, Error> {
        let ConvSpec { name, norm, kernel, inputs, outputs, stride, padding, relu } = spec;
        let dims = [*outputs, *inputs, *kernel, *kernel];
        let (weight_name, bias_name) = (format!("{name}.weight"), format!("{name}.bias"));
        let mut weight = self.model.tensor(&weight_name, &dims)?;
        let vector = |kind: &str| self.model.tensor(&format!("{norm}.{kind}"), &[*outputs]);
        let (gamma, beta) = (vector("weight")?, vector("bias")?);
        let (mean, variance) = (vector("running_mean")?, vector("running_var")?);
        let eps = self.model.config().norm_eps;
        let mut bias = Vec::with_capacity(*outputs);
        for (channel, weights) in weight.chunks_exact_mut(inputs * kernel * kernel).enumerate() {
            let scale = f64::from(gamma[channel]) / (f64::from(variance[channel]) + eps).sqrt();
            weights.iter_mut().for_each(|weight| *weight = (f64::from(*weight) * scale) as f32);
            bias.push((f64::from(beta[channel]) - f64::from(mean[channel]) * scale) as f32);
        }
        self.graph.constant(&weight_name, &dims, &weight);
        self.graph.constant(&bias_name, &[*outputs], &bias);
        let attributes = [
            Attribute::Integers("kernel_shape", &[*kernel as i64; 2]),
            Attribute::Integers("pads", &[*padding as i64; 4]),
            Attribute::Integers("strides", &[*stride as i64; 2]),
        ];
        let output = format!("{name}/y");
        self.graph.node("Conv", &[x, &weight_name, &bias_name], &output, &attributes);
        Ok(if *relu { self.relu(&output) } else { output })
    }

    fn relu(&mut self, x: &str) -> String {
        let output = format!("{}/relu", x.trim_end_matches("/y"));
        self.graph.node("Relu", &[x], &output, &[]);
        output
    }

    /// The name of a head's own logits: that of the output, unless joint decoding comes after them.
    fn logits_name(&self, head: &HeadConfig) -> String {
        let hierarchy = self.model.config().hierarchy.as_ref();
        let decodes = |hierarchy: &LabelHierarchy| {
            hierarchy.implies.contains_key(&head.name) || hierarchy.head.name == head.name
        };
        if hierarchy.is_some_and(decodes) { format!("heads.{}/y", head.name) } else { head.name.clone() }
    }

    fn linear(&mut self, head: &HeadConfig, features: &str, output: &str) -> Result<(), Error> {
        let HeadConfig { name, classes, .. } = head;
        let width = self.model.config().backbone.features();
        let (weight, bias) = (format!("heads.{name}.weight"), format!("heads.{name}.bias"));
        self.graph.constant(&weight, &[*classes, width], &self.model.tensor(&weight, &[*classes, width])?);
        self.graph.constant(&bias, &[*classes], &self.model.tensor(&bias, &[*classes])?);
        let transposed = [Attribute::Integer("transB", 1)];
        self.graph.node("Gemm", &[features, &weight, &bias], output, &transposed);
        Ok(())
    }

    /// Adds an output with the calibrated probabilities of a head.
    fn probabilities(&mut self, head: &HeadConfig) {
        let (name, output) = (&head.name, probabilities_name(head));
        let (temperature, scaled) = (format!("heads.{name}.temperature"), format!("heads.{name}/scaled"));
        let temperatures: Vec<f32> =
            self.model.temperatures(head).into_iter().map(|temperature| temperature as f32).collect();
        let shape = if head.kind == HeadKind::Tags { vec![head.classes] } else { Vec::new() };
        self.graph.constant(&temperature, &shape, &temperatures);
        self.graph.node("Div", &[name, &temperature], &scaled, &[]);
        match head.kind {
            HeadKind::Single => {
                self.graph.node("Softmax", &[&scaled], &output, &[Attribute::Integer("axis", 1)])
            }
            HeadKind::Tags => self.graph.node("Sigmoid", &[&scaled], &output, &[]),
        }
        self.graph.output(&output, &[Side::Fixed(1), Side::Fixed(head.classes)]);
    }

    /// Adds the product of all heads' probabilities over the fine classes, for which a matrix `[classes, fine classes]` of
    /// zeros and ones says which implies which, and for each class of a head the maximum over the fine classes that imply
    /// it.
    fn joint_decoding(&mut self, hierarchy: &LabelHierarchy, features: &str) -> Result<(), Error> {
        let heads = &self.model.config().heads;
        let known: Vec<usize> = hierarchy.known().collect();
        let fine = &hierarchy.head;
        let mut experts: Vec<(&HeadConfig, Vec<usize>)> = vec![(fine, known.clone())];
        let implied = hierarchy.implied(heads).into_iter();
        experts.extend(implied.map(|(position, classes)| (&heads[position], classes)));
        let is_output = heads.iter().any(|head| head.name == fine.name);
        let axis = [Attribute::Integer("axis", 1)];
        let matrix = |head: &HeadConfig| format!("agreement/implies.{}", head.name);
        let mut sum = String::new();
        for (position, (head, implied)) in experts.iter().enumerate() {
            let logits = format!("heads.{}/y", head.name);
            if position == 0 && !is_output {
                self.linear(fine, features, &logits)?;
            }
            let mut ones = vec![0.0; head.classes * known.len()];
            implied.iter().enumerate().for_each(|(to, class)| ones[class * known.len() + to] = 1.0);
            self.graph.constant(&matrix(head), &[head.classes, known.len()], &ones);
            let (logs, said) = (format!("{logits}/log"), format!("{logits}/fine"));
            self.graph.node("LogSoftmax", &[&logits], &logs, &axis);
            self.graph.node("MatMul", &[&logs, &matrix(head)], &said, &[]);
            let before = std::mem::replace(&mut sum, format!("{said}/sum"));
            match position {
                0 => sum = said,
                _ => self.graph.node("Add", &[&before, &said], &sum, &[]),
            }
        }
        self.graph.integers("agreement/middle", &[1]);
        self.graph.node("Unsqueeze", &[&sum, "agreement/middle"], "agreement/q", &[]);
        self.graph.constant("agreement/least", &[], &[LEAST_PROBABILITY.ln() as f32]);
        for (head, implied) in experts.iter().skip(usize::from(!is_output)) {
            let name = &head.name;
            let value = |kind: &str| format!("agreement/{kind}.{name}");
            let mut others = vec![-NOT_IMPLIED; head.classes * known.len()];
            implied.iter().enumerate().for_each(|(from, class)| others[class * known.len() + from] = 0.0);
            self.graph.constant(&value("others"), &[head.classes, known.len()], &others);
            self.graph.node("Add", &["agreement/q", &value("others")], &value("each"), &[]);
            let over = [Attribute::Integers("axes", &[2]), Attribute::Integer("keepdims", 0)];
            self.graph.node("ReduceMax", &[&value("each")], &value("best"), &over);
            self.graph.node("LogSoftmax", &[&value("best")], &value("share"), &axis);
            self.graph.node("Max", &[&value("share"), "agreement/least"], name, &[]);
        }
        Ok(())
    }
}
