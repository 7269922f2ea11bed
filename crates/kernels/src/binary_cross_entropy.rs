//! Sigmoid (binary) cross-entropy, the loss of multi-label classification (tags): each class is a question of its own.

use crate::Error;
use crate::logistic::{sigmoid, softplus};
use crate::loss::{Loss, LossOptions};
use crate::tensor_access::{read, wrong_shape};
use candle_core::{Result, Tensor};

const NAME: &str = "binary_cross_entropy";

/// The mean sigmoid cross-entropy of `logits` `[n, k]` against the indices of the classes that each row has, as a
/// scalar; `None` for ignored rows.
///
/// Without a focal term the same as `torch.nn.BCEWithLogitsLoss(pos_weight)` over the counted rows, with one the mean of
/// `torchvision.ops.sigmoid_focal_loss(alpha=-1)`. Computed in `f64` by softplus, so that logits of any size are
/// fine. If all rows are ignored, the loss and its gradient are zero.
///
/// # Errors
/// [`Error::Value`] if a target is not a class, or weights, smoothing or gamma are out of range; [`Error::Shape`] and
/// [`Error::Storage`] if tensors do not fit.
pub fn binary_cross_entropy(
    logits: &Tensor,
    targets: &[Option<&[usize]>],
    options: &LossOptions,
) -> Result<Tensor> {
    let classes = match *logits.dims() {
        [rows, classes] if rows == targets.len() && rows > 0 && classes > 0 => classes,
        _ => {
            let expected = format!("[{}, k] without zeros", targets.len());
            return Err(wrong_shape(NAME, "the logits", logits, expected));
        }
    };
    options.check(NAME, classes)?;
    if let Some(target) = targets.iter().flatten().flat_map(|tags| tags.iter()).find(|tag| **tag >= classes) {
        let message = format!("a target is {target}, expected 0 to {}", classes - 1);
        return Err(Error::Value { operation: NAME, message }.into());
    }
    let logits = logits.contiguous()?;
    let (loss, gradient) = loss_and_gradient(options, &read(NAME, "the logits", &logits)?, targets, classes);
    logits.apply_op1(Loss { operation: NAME, loss, gradient })
}

fn loss_and_gradient(
    options: &LossOptions,
    logits: &[f32],
    targets: &[Option<&[usize]>],
    classes: usize,
) -> (f32, Vec<f32>) {
    let mut gradient = vec![0f32; logits.len()];
    let total = (targets.iter().flatten().count() * classes) as f64;
    if total == 0.0 {
        return (0.0, gradient);
    }
    let (absent, gamma) = (f64::from(options.label_smoothing) / 2.0, f64::from(options.focal_gamma));
    let mut loss = 0.0;
    let rows = logits.chunks_exact(classes).zip(gradient.chunks_exact_mut(classes));
    for ((logits, gradient), target) in rows.zip(targets) {
        let Some(tags) = target else { continue };
        let mut aims = vec![absent; classes];
        tags.iter().for_each(|&tag| aims[tag] = 1.0 - absent);
        for (class, (logit, gradient)) in logits.iter().zip(gradient).enumerate() {
            let weight = options.class_weights.as_ref().map_or(1.0, |weights| f64::from(weights[class]));
            let (yes, rise) = term(f64::from(*logit), gamma);
            let (no, fall) = term(-f64::from(*logit), gamma);
            let (share_yes, share_no) = (aims[class] * weight, 1.0 - aims[class]);
            // A target that is not aimed at may be infinitely far.
            let part = |share: f64, value: f64| if share == 0.0 { 0.0 } else { share * value };
            loss += part(share_yes, yes) + part(share_no, no);
            *gradient = ((part(share_yes, rise) - part(share_no, fall)) / total) as f32;
        }
    }
    ((loss / total) as f32, gradient)
}

/// `(1 - p)^gamma * -ln p` for `p = sigmoid(z)`, and its derivative by `z`.
fn term(z: f64, gamma: f64) -> (f64, f64) {
    let cross_entropy = softplus(-z);
    let (p, rest) = (sigmoid(z), sigmoid(-z));
    let focus = if gamma == 0.0 { 1.0 } else { rest.powf(gamma) };
    (focus * cross_entropy, -focus * (gamma * p * cross_entropy + rest))
}
