//! A network as an ONNX graph.
//!
//! Batch normalisations are folded into the convolutions before them: by the running statistics,
//! `gamma · (w ∗ x − mean) / √(variance + ε) + beta` is a convolution with other weights and a bias. The scaling is
//! done in double precision and rounded once.

use marque_network::{Agreement, BottleneckStride, HeadConfig, LEAST_PROBABILITY, NetworkConfig};
use serde_json::{Map, Value, json};

use crate::onnx::{Attribute, Graph, Side};
use crate::{Error, Model};

/// What is taken from the logarithm of a fine class that does not imply a class.
const NOT_IMPLIED: f32 = 1e30;

/// Name of the graph's input.
pub const INPUT: &str = "pixel_values";

/// A network as an ONNX file: input [`INPUT`], float32 `[batch, 3, size, size]`, normalised photos (RGB); one output
/// per head under the head's name, `[batch, classes]`, its logits: of an [`Agreement`], what comes out of it. `batch` may
/// be any number. The file's metadata hold what else is needed to use it: `image_mean`, `image_std`, `image_size`,
/// `preprocessing`, and under `heads` for each
/// head its `labels` and its `problem_type` in Hugging Face's words, which says whether the logits are for a softmax or
/// for sigmoids, as JSON.
///
/// # Errors
/// If a weight is missing or has another shape, or a head has the name of the input.
pub fn write_onnx(model: &Model) -> Result<Vec<u8>, Error> {
    let config = model.config();
    if let Some(head) = config.heads.iter().find(|head| head.name == INPUT) {
        return Err(Error::HeadName(head.name.clone()));
    }
    let size = Side::Fixed(config.input_size);
    let mut builder = Builder { model, graph: Graph::default() };
    builder.graph.input(INPUT, &[Side::Any("batch"), Side::Fixed(3), size, size]);
    let features = builder.trunk()?;
    for head in &config.heads {
        let output = builder.logits_name(head);
        builder.linear(head, &features, &output)?;
        builder.graph.output(&head.name, &[Side::Any("batch"), Side::Fixed(head.classes)]);
    }
    if let Some(agreement) = &config.agreement {
        builder.agree(agreement, &features)?;
    }
    let name = format!("{:?}", config.backbone).to_lowercase();
    Ok(builder.graph.into_file(&name, &properties(config)))
}

/// Sorted by name.
fn properties(config: &NetworkConfig) -> [(&'static str, String); 7] {
    let head = |head: &HeadConfig| {
        let labels: Vec<_> = head.labels().collect();
        (head.name.clone(), json!({ "labels": labels, "problem_type": head.problem }))
    };
    let heads: Map<String, Value> = config.heads.iter().map(head).collect();
    [
        ("backbone", format!("{:?}", config.backbone).to_lowercase()),
        ("color_space", "RGB".to_owned()),
        ("heads", Value::from(heads).to_string()),
        ("image_mean", format!("{:?}", config.mean)),
        ("image_size", config.input_size.to_string()),
        ("image_std", format!("{:?}", config.std)),
        ("preprocessing", "NCHW, per colour (byte / 255 - image_mean) / image_std".to_owned()),
    ]
}

/// What sets a convolution apart.
#[derive(Clone, Copy)]
struct Shape {
    kernel: usize,
    inputs: usize,
    outputs: usize,
    stride: usize,
}

struct Builder<'a> {
    model: &'a Model,
    graph: Graph,
}

impl Builder<'_> {
    /// The layers up to the pooled features, whose name it gives.
    fn trunk(&mut self) -> Result<String, Error> {
        let backbone = self.model.config().backbone;
        let expansion = if backbone.has_bottlenecks() { 4 } else { 1 };
        let stem = Shape { kernel: 7, inputs: 3, outputs: 64, stride: 2 };
        let x = self.convolution("conv1", "bn1", stem, INPUT)?;
        let x = self.relu(&x);
        let attributes = [
            Attribute::Integers("kernel_shape", &[3, 3]),
            Attribute::Integers("pads", &[1; 4]),
            Attribute::Integers("strides", &[2, 2]),
        ];
        self.graph.node("MaxPool", &[&x], "maxpool/y", &attributes);
        let mut x = "maxpool/y".to_owned();
        let mut channels = 64;
        for (stage, (blocks, width)) in (1..).zip(backbone.blocks().into_iter().zip([64, 128, 256, 512])) {
            for block in 0..blocks {
                let stride = if block == 0 && stage > 1 { 2 } else { 1 };
                x = self.block(&format!("layer{stage}.{block}"), channels, width, stride, &x)?;
                channels = width * expansion;
            }
        }
        self.graph.node("GlobalAveragePool", &[&x], "avgpool/y", &[]);
        self.graph.node("Flatten", &["avgpool/y"], "features/y", &[Attribute::Integer("axis", 1)]);
        Ok("features/y".to_owned())
    }

    fn block(
        &mut self,
        name: &str,
        inputs: usize,
        width: usize,
        stride: usize,
        x: &str,
    ) -> Result<String, Error> {
        let shape = |kernel, inputs, outputs, stride| Shape { kernel, inputs, outputs, stride };
        let config = self.model.config();
        let branch = if config.backbone.has_bottlenecks() {
            let (first, middle) = match config.bottleneck_stride {
                BottleneckStride::First1x1 => (stride, 1),
                BottleneckStride::Middle3x3 => (1, stride),
            };
            vec![
                shape(1, inputs, width, first),
                shape(3, width, width, middle),
                shape(1, width, 4 * width, 1),
            ]
        } else {
            vec![shape(3, inputs, width, stride), shape(3, width, width, 1)]
        };
        let outputs = branch.last().map_or(inputs, |shape| shape.outputs);
        let mut y = x.to_owned();
        for (number, &shape) in (1..).zip(&branch) {
            if number > 1 {
                y = self.relu(&y);
            }
            y =
                self.convolution(&format!("{name}.conv{number}"), &format!("{name}.bn{number}"), shape, &y)?;
        }
        let shortcut = if stride != 1 || inputs != outputs {
            let (conv, norm) = (format!("{name}.downsample.0"), format!("{name}.downsample.1"));
            self.convolution(&conv, &norm, shape(1, inputs, outputs, stride), x)?
        } else {
            x.to_owned()
        };
        let sum = format!("{name}.add/y");
        self.graph.node("Add", &[&y, &shortcut], &sum, &[]);
        Ok(self.relu(&sum))
    }

    /// A convolution with its normalisation folded in; gives the name of what comes out. Names of values have a
    /// slash, which those of heads do not.
    fn convolution(&mut self, conv: &str, norm: &str, shape: Shape, x: &str) -> Result<String, Error> {
        let Shape { kernel, inputs, outputs, stride } = shape;
        let dims = [outputs, inputs, kernel, kernel];
        let mut weight = self.model.tensor(&format!("{conv}.weight"), &dims)?;
        let vector = |kind: &str| self.model.tensor(&format!("{norm}.{kind}"), &[outputs]);
        let (gamma, beta) = (vector("weight")?, vector("bias")?);
        let (mean, variance) = (vector("running_mean")?, vector("running_var")?);
        let eps = self.model.config().norm_eps;
        let mut bias = Vec::with_capacity(outputs);
        for (channel, weights) in weight.chunks_exact_mut(inputs * kernel * kernel).enumerate() {
            let scale = f64::from(gamma[channel]) / (f64::from(variance[channel]) + eps).sqrt();
            weights.iter_mut().for_each(|weight| *weight = (f64::from(*weight) * scale) as f32);
            bias.push((f64::from(beta[channel]) - f64::from(mean[channel]) * scale) as f32);
        }
        let (weight_name, bias_name, output) =
            (format!("{conv}.weight"), format!("{conv}.bias"), format!("{conv}/y"));
        self.graph.constant(&weight_name, &dims, &weight);
        self.graph.constant(&bias_name, &[outputs], &bias);
        let attributes = [
            Attribute::Integers("kernel_shape", &[kernel as i64; 2]),
            Attribute::Integers("pads", &[(kernel / 2) as i64; 4]),
            Attribute::Integers("strides", &[stride as i64; 2]),
        ];
        self.graph.node("Conv", &[x, &weight_name, &bias_name], &output, &attributes);
        Ok(output)
    }

    fn relu(&mut self, x: &str) -> String {
        let output = format!("{}/relu", x.trim_end_matches("/y"));
        self.graph.node("Relu", &[x], &output, &[]);
        output
    }

    /// The name of a head's own logits: that of the output, unless an agreement comes after them.
    fn logits_name(&self, head: &HeadConfig) -> String {
        let agreement = self.model.config().agreement.as_ref();
        let agrees = |agreement: &Agreement| {
            agreement.implies.contains_key(&head.name) || agreement.head.name == head.name
        };
        if agreement.is_some_and(agrees) { format!("heads.{}/y", head.name) } else { head.name.clone() }
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

    /// The product of what all heads say of the fine classes, for which a matrix `[classes, fine classes]` of zeros and
    /// ones says which implies which; and for each class of a head the best of the fine classes that imply it.
    fn agree(&mut self, agreement: &Agreement, features: &str) -> Result<(), Error> {
        let heads = &self.model.config().heads;
        let known: Vec<usize> = agreement.known().collect();
        let fine = &agreement.head;
        let mut experts: Vec<(&HeadConfig, Vec<usize>)> = vec![(fine, known.clone())];
        let implied = agreement.implied(heads).into_iter();
        experts.extend(implied.map(|(position, classes)| (&heads[position], classes)));
        let answers_too = heads.iter().any(|head| head.name == fine.name);
        let axis = [Attribute::Integer("axis", 1)];
        let matrix = |head: &HeadConfig| format!("agreement/implies.{}", head.name);
        let mut sum = String::new();
        for (position, (head, implied)) in experts.iter().enumerate() {
            let logits = format!("heads.{}/y", head.name);
            if position == 0 && !answers_too {
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
        for (head, implied) in experts.iter().skip(usize::from(!answers_too)) {
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
