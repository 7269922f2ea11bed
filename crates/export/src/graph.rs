//! A network as an ONNX graph.
//!
//! Batch normalisations are folded into the convolutions before them: by the running statistics,
//! `gamma · (w ∗ x − mean) / √(variance + ε) + beta` is a convolution with other weights and a bias. The scaling is
//! done in double precision and rounded once.

use marque_contracts::schema::model::INPUT;
use marque_network::{
    Architecture, BlockSpec, ConvSpec, HeadConfig, LEAST_PROBABILITY, LabelHierarchy, NetworkConfig,
};
use serde_json::{Map, Value, json};

use crate::Error;
use crate::model::Model;
use crate::onnx::{Attribute, Graph, Side};

/// Subtracted from the log probability of fine classes that do not imply a class, so that they are never its maximum.
const NOT_IMPLIED: f32 = 1e30;

/// A network as an ONNX file: input [`INPUT`], float32 `[batch, 3, size, size]`, normalised photos (RGB); one output
/// per head under the head's name, `[batch, classes]`: its logits, or, where a [`LabelHierarchy`] decodes heads jointly,
/// log probabilities. `batch` may be any number. The file's metadata hold what else is needed to use it: `image_mean`,
/// `image_std`, `image_size`, `preprocessing`, and under `heads`, as JSON, for each head its `labels` and its
/// `problem_type` in Hugging Face's words, which says whether the logits are for a softmax or for sigmoids.
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
    let features = builder.backbone(&config.architecture())?;
    for head in &config.heads {
        let output = builder.logits_name(head);
        builder.linear(head, &features, &output)?;
        builder.graph.output(&head.name, &[Side::Any("batch"), Side::Fixed(head.classes)]);
    }
    if let Some(hierarchy) = &config.hierarchy {
        builder.joint_decoding(hierarchy, &features)?;
    }
    Ok(builder.graph.into_file(config.backbone.name(), &properties(config)))
}

/// Sorted by name.
fn properties(config: &NetworkConfig) -> [(&'static str, String); 7] {
    let head = |head: &HeadConfig| {
        let labels: Vec<_> = head.labels().collect();
        (head.name.clone(), json!({ "labels": labels, "problem_type": head.problem_type() }))
    };
    let heads: Map<String, Value> = config.heads.iter().map(head).collect();
    [
        ("backbone", config.backbone.name().to_owned()),
        ("color_space", "RGB".to_owned()),
        ("heads", Value::from(heads).to_string()),
        ("image_mean", format!("{:?}", config.mean)),
        ("image_size", config.input_size.to_string()),
        ("image_std", format!("{:?}", config.std)),
        ("preprocessing", "NCHW, per colour (byte / 255 - image_mean) / image_std".to_owned()),
    ]
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
