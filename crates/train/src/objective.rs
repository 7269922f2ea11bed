//! The objective: the losses of the heads and their weighted sum.

use candle_core::{Device, Tensor, Var};
use marque_augment::Mix;
use marque_contracts::schema::{Head, HeadKind, Label};
use marque_kernels::{IGNORED, LossOptions, binary_cross_entropy, cross_entropy};
use marque_network::{Gradients, Group, Parameter};

use crate::batches::Batch;
use crate::head_training::{ClassWeighting, HeadTraining, HeadWeighting};
use crate::running_metrics::RunningMetrics;
use crate::{Error, Settings};

/// The losses of all heads.
pub(crate) struct Objective {
    heads: Vec<HeadLoss>,
    /// The logarithm of each head's variance, `[1]`, where they are learned.
    log_variances: Vec<Parameter>,
}

struct HeadLoss {
    name: String,
    weight: f64,
    auxiliary: bool,
    kind: HeadKind,
    options: LossOptions,
}

/// The losses of one batch.
pub(crate) struct Losses {
    /// The weighted sum that training minimises, a scalar in candle's graph.
    pub(crate) sum: Tensor,
    /// The same as a number.
    pub(crate) value: f64,
    /// Of each head, before any weight: a mean over the batch; 0 where no label is known.
    pub(crate) heads: Vec<f64>,
    /// Per head, what that mean was divided by: how many labels are known, each by the weight of its class.
    pub(crate) counted: Vec<f64>,
}

impl Objective {
    pub(crate) fn new(settings: &Settings, heads: &[Head]) -> Result<Self, Error> {
        let declared: Vec<_> = heads.iter().map(|head| (head.name.as_str(), head.kind)).collect();
        if let Some((key, message)) = settings.head_conflicts(&declared).first() {
            return Err(Error::Settings(format!("{key} {message}")));
        }
        let log_variances = match settings.weighting {
            HeadWeighting::Fixed => Vec::new(),
            HeadWeighting::Uncertainty => heads.iter().map(log_variance).collect::<Result<_, _>>()?,
        };
        let heads = heads.iter().map(|head| HeadLoss::new(head, settings.of_head(&head.name))).collect();
        Ok(Self { heads, log_variances })
    }

    /// What is learned in addition to the network.
    pub(crate) fn parameters(&self) -> &[Parameter] {
        &self.log_variances
    }

    /// What each of the batches of one step counts in each head: its share of the labels that are known in all of them,
    /// so that the step is that of one large batch, however few labels there are.
    pub(crate) fn shares(&self, batches: &[Batch]) -> Vec<Vec<f64>> {
        let counted = |batch: &Batch| -> Vec<f64> {
            self.heads.iter().zip(&batch.targets).map(|(head, targets)| head.counted(targets)).collect()
        };
        let mut shares: Vec<Vec<f64>> = batches.iter().map(counted).collect();
        for head in 0..self.heads.len() {
            let total: f64 = shares.iter().map(|shares| shares[head]).sum();
            for shares in shares.iter_mut().filter(|_| total > 0.0) {
                shares[head] /= total;
            }
        }
        shares
    }

    /// The losses to learn from, of which each head's counts by its share.
    pub(crate) fn losses(&self, logits: &[Tensor], batch: &Batch, shares: &[f64]) -> Result<Losses, Error> {
        let weights = self.heads.iter().zip(shares).map(|(head, share)| head.weight * share);
        self.weighed(logits, batch, weights.collect(), true)
    }

    /// The losses to compare epochs by: without learned weights, which change from epoch to epoch.
    pub(crate) fn plain_losses(&self, logits: &[Tensor], batch: &Batch) -> Result<Losses, Error> {
        self.weighed(logits, batch, self.heads.iter().map(|head| head.weight).collect(), false)
    }

    fn weighed(
        &self,
        logits: &[Tensor],
        batch: &Batch,
        weights: Vec<f64>,
        learned: bool,
    ) -> Result<Losses, Error> {
        let mut sum: Option<Tensor> = None;
        let (mut losses, mut counted) = (Vec::with_capacity(self.heads.len()), Vec::new());
        for (position, (head, (logits, targets))) in
            self.heads.iter().zip(logits.iter().zip(&batch.targets)).enumerate()
        {
            let (loss, weight) = (head.mixed_loss(logits, targets, batch.mix.as_ref())?, weights[position]);
            losses.push(f64::from(loss.to_scalar::<f32>()?));
            counted.push(head.counted(targets));
            let weighed = match self.log_variances.get(position).filter(|_| learned) {
                Some(log_variance) => {
                    let s = log_variance_of(log_variance)?;
                    let regularisation = if counted[position] > 0.0 { s / 2.0 } else { 0.0 };
                    loss.affine(weight * (-s).exp(), weight * regularisation)?
                }
                None if weight == 1.0 => loss,
                None => (loss * weight)?,
            };
            sum = Some(match sum {
                Some(sum) => (sum + weighed)?,
                None => weighed,
            });
        }
        let sum = sum.ok_or_else(|| Error::Data("there is no head to train".to_owned()))?;
        Ok(Losses { value: f64::from(sum.to_scalar::<f32>()?), sum, heads: losses, counted })
    }

    /// The gradients of what is learned in addition to the network: `weight (1/2 - exp(-s) loss)` for each head that has
    /// labels, by its share.
    pub(crate) fn gradients(
        &self,
        losses: &Losses,
        shares: &[f64],
        gradients: &mut Gradients,
    ) -> Result<(), Error> {
        for (position, parameter) in
            self.log_variances.iter().enumerate().filter(|(i, _)| losses.counted[*i] > 0.0)
        {
            let s = log_variance_of(parameter)?;
            let weight = self.heads[position].weight * shares[position];
            let gradient = weight * (0.5 - (-s).exp() * losses.heads[position]);
            gradients.set(&parameter.var, &[gradient as f32]);
        }
        Ok(())
    }

    /// The sum of the heads' mean losses, each by its `loss_weight`.
    pub(crate) fn total(&self, metrics: &RunningMetrics) -> f64 {
        let losses = self.heads.iter().enumerate();
        losses.filter_map(|(i, head)| Some(head.weight * metrics.head_loss(i)?)).sum()
    }

    /// The same of losses by the position of the head, without auxiliary heads.
    pub(crate) fn sum_answering(&self, loss: impl Fn(usize) -> Option<f64>) -> f64 {
        let heads = self.heads.iter().enumerate().filter(|(_, head)| !head.auxiliary);
        heads.filter_map(|(i, head)| Some(head.weight * loss(i)?)).sum()
    }

    /// Names of the heads.
    pub(crate) fn head_names(&self) -> impl Iterator<Item = &str> {
        self.heads.iter().map(|head| head.name.as_str())
    }

    /// Whether each head is among the model's answers, or auxiliary.
    pub(crate) fn answering(&self) -> impl Iterator<Item = bool> {
        self.heads.iter().map(|head| !head.auxiliary)
    }

    /// The first head whose loss is not finite.
    pub(crate) fn first_not_finite(&self, losses: &Losses) -> Option<&str> {
        let position = losses.heads.iter().position(|loss| !loss.is_finite())?;
        self.heads.get(position).map(|head| head.name.as_str())
    }
}

impl HeadLoss {
    fn new(head: &Head, settings: &HeadTraining) -> Self {
        let weights = match settings.class_weights {
            ClassWeighting::None => None,
            ClassWeighting::Inverse => Some(&head.class_weights.inverse),
            ClassWeighting::Effective => Some(&head.class_weights.effective),
        };
        let options = LossOptions {
            class_weights: weights.map(|weights| weights.iter().map(|weight| *weight as f32).collect()),
            label_smoothing: settings.label_smoothing as f32,
            focal_gamma: settings.focal_gamma as f32,
        };
        Self {
            name: head.name.clone(),
            weight: settings.loss_weight,
            auxiliary: settings.auxiliary,
            kind: head.kind,
            options,
        }
    }

    /// What the loss of these targets is divided by. Mixed with others of its batch or not: the others are the same.
    fn counted(&self, targets: &[Label]) -> f64 {
        let count = |target: &Label| match (target, &self.options.class_weights) {
            (Label::Unknown, _) => 0.0,
            (Label::Class(class), Some(weights)) => f64::from(weights[*class]),
            _ => 1.0,
        };
        targets.iter().map(count).sum()
    }

    /// Of photos that are mixed with others, each by its share.
    fn mixed_loss(
        &self,
        logits: &Tensor,
        targets: &[Label],
        mix: Option<&Mix>,
    ) -> candle_core::Result<Tensor> {
        let own = self.loss(logits, targets)?;
        let Some(mix) = mix else { return Ok(own) };
        let partners: Vec<Label> =
            mix.permutation().iter().map(|partner| targets[*partner].clone()).collect();
        (own * mix.lambda())? + (self.loss(logits, &partners)? * (1.0 - mix.lambda()))?
    }

    fn loss(&self, logits: &Tensor, targets: &[Label]) -> candle_core::Result<Tensor> {
        match self.kind {
            HeadKind::Single => {
                let class = |target: &Label| match target {
                    Label::Class(class) => *class as i64,
                    _ => IGNORED,
                };
                let targets: Vec<i64> = targets.iter().map(class).collect();
                cross_entropy(logits, &Tensor::new(targets, &Device::Cpu)?, &self.options)
            }
            HeadKind::Tags => {
                let targets: Vec<Option<&[usize]>> = targets.iter().map(Label::tags).collect();
                binary_cross_entropy(logits, &targets, &self.options)
            }
        }
    }
}

fn log_variance(head: &Head) -> candle_core::Result<Parameter> {
    let var = Var::new(&[0f32], &Device::Cpu)?;
    Ok(Parameter { name: format!("log_variance.{}", head.name), var, group: Group::Head, decay: false })
}

fn log_variance_of(parameter: &Parameter) -> candle_core::Result<f64> {
    Ok(parameter.var.to_vec1::<f32>()?.first().copied().map_or(0.0, f64::from))
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::DType;
    use marque_network::Precision;
    use marque_settings::{Document, Reader};

    const CLASSES: usize = 3;

    fn objective(text: &str) -> Objective {
        let document = Document::parse("p.toml", &format!("[train]\n{text}")).unwrap();
        let mut reader = Reader::new(&document);
        let settings = Settings::read(&mut reader, Precision::F32, std::path::Path::new("downloads"));
        reader.finish().unwrap();
        Objective::new(&settings, &[head("one", HeadKind::Single), head("tags", HeadKind::Tags)]).unwrap()
    }

    fn head(name: &str, kind: HeadKind) -> Head {
        let classes = ["a", "b", "c"].map(str::to_owned).to_vec();
        let class_weights = marque_contracts::schema::ClassWeights {
            inverse: vec![0.5, 1.0, 2.0],
            effective: vec![1.0; CLASSES],
        };
        Head { name: name.into(), kind, classes, counts: Default::default(), class_weights }
    }

    fn logits() -> Vec<Tensor> {
        let values = |from: f32| {
            let values: Vec<f32> = (0..4 * CLASSES).map(|i| from + (i * 7 % 5) as f32 - 2.0).collect();
            Var::from_vec(values, (4, CLASSES), &Device::Cpu).unwrap().as_tensor().clone()
        };
        vec![values(0.0), values(0.5)]
    }

    fn batch(targets: [Vec<Label>; 2]) -> Batch {
        let images = Tensor::zeros((4, 1, 1, 3), DType::F32, &Device::Cpu).unwrap();
        Batch { images, targets: targets.into(), mix: None }
    }

    fn known() -> [Vec<Label>; 2] {
        let tags = [vec![0], vec![], vec![1, 2], vec![2]].map(Label::Tags);
        [[0, 1, 2, 0].map(Label::Class).into(), tags.into()]
    }

    #[test]
    fn labels_that_are_not_known_change_nothing() {
        let objective = objective("");
        let [single, tags] = known();
        let all = objective.losses(&logits(), &batch([single.clone(), tags.clone()]), &[1.0; 2]).unwrap();
        assert!((all.value - all.heads[0] - all.heads[1]).abs() < 1e-6);
        let nothing = vec![Label::Unknown; 4];
        let one = objective.losses(&logits(), &batch([single, nothing.clone()]), &[1.0; 2]).unwrap();
        assert_eq!((one.heads[0], one.heads[1], one.value as f32), (all.heads[0], 0.0, all.heads[0] as f32));
        let none = objective.losses(&logits(), &batch([nothing.clone(), nothing]), &[1.0; 2]).unwrap();
        assert_eq!(none.value, 0.0);
    }

    #[test]
    fn each_head_counts_what_its_table_says() {
        let plain = objective("").losses(&logits(), &batch(known()), &[1.0; 2]).unwrap();
        let weighed =
            objective("[train.heads.one]\nloss_weight = 3\n[train.heads.tags]\nloss_weight = 0.5\n");
        let weighed = weighed.losses(&logits(), &batch(known()), &[1.0; 2]).unwrap();
        assert_eq!(weighed.heads, plain.heads, "losses are told before any weight");
        assert!((weighed.value - 3.0 * plain.heads[0] - 0.5 * plain.heads[1]).abs() < 1e-5);
        let own = objective("label_smoothing = 0.1\n[train.heads.tags]\nlabel_smoothing = 0.0\n");
        let own = own.losses(&logits(), &batch(known()), &[1.0; 2]).unwrap();
        assert_eq!(own.heads[1], plain.heads[1]);
        assert_ne!(own.heads[0], plain.heads[0]);
        let classes =
            objective("class_weights = \"inverse\"\n").losses(&logits(), &batch(known()), &[1.0; 2]).unwrap();
        assert!(classes.heads.iter().zip(&plain.heads).all(|(a, b)| a != b));
    }

    #[test]
    fn learned_weights_follow_the_slope_of_the_sum() {
        let objective = objective("head_weighting = \"uncertainty\"\n[train.heads.one]\nloss_weight = 2.0\n");
        let (logits, batch) = (logits(), batch(known()));
        let set = |position: usize, value: f32| {
            let var = &objective.parameters()[position].var;
            var.set(&Tensor::new(&[value], &Device::Cpu).unwrap()).unwrap();
        };
        set(0, 0.3);
        set(1, -0.7);
        let value = || objective.losses(&logits, &batch, &[1.0; 2]).unwrap().value;
        let losses = objective.losses(&logits, &batch, &[1.0; 2]).unwrap();
        let expected =
            2.0 * ((-0.3f64).exp() * losses.heads[0] + 0.15) + 0.7f64.exp() * losses.heads[1] - 0.35;
        assert!((losses.value - expected).abs() < 1e-5, "{} instead of {expected}", losses.value);
        let mut gradients = Gradients::new();
        objective.gradients(&losses, &[1.0; 2], &mut gradients).unwrap();
        for (position, at) in [(0, 0.3), (1, -0.7)] {
            set(position, at + 0.01);
            let above = value();
            set(position, at - 0.01);
            let slope = (above - value()) / 0.02;
            set(position, at);
            let found = f64::from(gradients.get(&objective.parameters()[position].var).unwrap()[0]);
            assert!((found - slope).abs() < 1e-3, "{found} instead of {slope}");
        }
        let plain = objective.plain_losses(&logits, &batch).unwrap();
        assert!((plain.value - 2.0 * plain.heads[0] - plain.heads[1]).abs() < 1e-5);
        // A head without labels in a batch has nothing to say of its uncertainty.
        let [single, _] = known();
        let losses =
            objective.losses(&logits, &self::batch([single, vec![Label::Unknown; 4]]), &[1.0; 2]).unwrap();
        let mut gradients = Gradients::new();
        objective.gradients(&losses, &[1.0; 2], &mut gradients).unwrap();
        assert!(gradients.get(&objective.parameters()[1].var).is_none());
    }

    #[test]
    fn batches_of_one_step_count_as_one_large_batch() {
        let objective = objective("class_weights = \"inverse\"\nhead_weighting = \"uncertainty\"\n");
        let logits = logits();
        let whole = [
            vec![Label::Class(0), Label::Unknown, Label::Unknown, Label::Class(2)],
            vec![Label::Unknown, Label::Unknown, Label::Tags(vec![1]), Label::Tags(vec![])],
        ];
        let shares = objective.shares(&[batch(whole.clone())]);
        assert_eq!(shares, [[1.0, 1.0]]);
        let losses = objective.losses(&logits, &batch(whole.clone()), &shares[0]).unwrap();
        let halves: Vec<_> = [0..2, 2..4]
            .map(|rows| batch(whole.clone().map(|targets| targets[rows.clone()].to_vec())))
            .into();
        let shares = objective.shares(&halves);
        assert_eq!(shares, [[0.2, 0.0], [0.8, 1.0]], "of classes that count 0.5 and 2");
        let mut value = 0.0;
        for (half, shares) in halves.iter().zip(&shares) {
            let rows = if std::ptr::eq(half, &halves[0]) { 0 } else { 2 };
            let logits: Vec<_> = logits.iter().map(|logits| logits.narrow(0, rows, 2).unwrap()).collect();
            value += objective.losses(&logits, half, shares).unwrap().value;
        }
        assert!((value - losses.value).abs() < 1e-5, "{value} instead of {}", losses.value);
    }

    #[test]
    fn mixed_photos_are_learnt_from_by_their_shares() {
        use rand::SeedableRng;
        let mixing = marque_augment::Mixing { mixup_alpha: 1.0, ..Default::default() };
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        let mix = mixing.draw(&mut rng, 4, 8).unwrap().unwrap();
        let partners = known().map(|targets| {
            mix.permutation().iter().map(|partner| targets[*partner].clone()).collect::<Vec<_>>()
        });
        let objective = objective("");
        let own = objective.losses(&logits(), &batch(known()), &[1.0; 2]).unwrap();
        let theirs = objective.losses(&logits(), &batch(partners), &[1.0; 2]).unwrap();
        let lambda = mix.lambda();
        let mixed =
            objective.losses(&logits(), &Batch { mix: Some(mix), ..batch(known()) }, &[1.0; 2]).unwrap();
        assert!((mixed.value - lambda * own.value - (1.0 - lambda) * theirs.value).abs() < 1e-5);
    }
}
