//! Softmax cross-entropy, the loss of single-label classification.

use crate::Error;
use crate::loss::{Loss, LossOptions};
use crate::tensor_access::{read, wrong_shape};
use candle_core::{DType, Result, Tensor};

const NAME: &str = "cross_entropy";

/// The target of an ignored row, which has no part in loss and gradient (PyTorch's `ignore_index`).
pub const IGNORED: i64 = -1;

/// The mean softmax cross-entropy of `logits` `[n, k]` against `targets` `[n]` (`i64` or `u32` class indices;
/// [`IGNORED`], that is -1, for ignored rows), as a scalar.
///
/// Without a focal term the same as `torch.nn.CrossEntropyLoss(weight, ignore_index=-1, label_smoothing)`: the sum over the
/// counted rows is divided by the sum of the weights of their targets. Computed in `f64` by log-sum-exp, so
/// that logits of any size are fine. Where PyTorch gives NaN because all rows are ignored (or all their weights
/// are zero), the loss and its gradient are zero.
///
/// # Errors
/// [`Error::Value`] if a target is not a class, or weights, smoothing or gamma are out of range; [`Error::Shape`] and
/// [`Error::Storage`] if tensors do not fit.
pub fn cross_entropy(logits: &Tensor, targets: &Tensor, options: &LossOptions) -> Result<Tensor> {
    let (rows, classes) = match *logits.dims() {
        [rows, classes] if rows > 0 && classes > 0 => (rows, classes),
        _ => return Err(wrong_shape(NAME, "the logits", logits, "[n, k] without zeros")),
    };
    if targets.dims() != [rows] || !matches!(targets.dtype(), DType::I64 | DType::U32) {
        let expected =
            format!("[{rows}] of I64 or U32, one class per row; its type is {:?}", targets.dtype());
        return Err(wrong_shape(NAME, "the targets", targets, expected));
    }
    options.check(NAME, classes)?;
    let targets = targets.to_dtype(DType::I64)?.to_vec1::<i64>()?;
    let allowed = IGNORED..classes as i64;
    if let Some((row, target)) = targets.iter().enumerate().find(|(_, target)| !allowed.contains(target)) {
        let message =
            format!("the target of row {row} is {target}, expected 0 to {} or {IGNORED}", classes - 1);
        return Err(Error::Value { operation: NAME, message }.into());
    }
    let logits = logits.contiguous()?;
    let (loss, gradient) = loss_and_gradient(options, &read(NAME, "the logits", &logits)?, &targets, classes);
    logits.apply_op1(Loss { operation: NAME, loss, gradient })
}

/// With targets `t`, weights `w`, smoothing `s` and `q = softmax(z)`, the loss of a row is the
/// cross-entropy against `a`, where `a_j = s / k * w_j`, plus `(1 - s) * w_t` at `j = t`; its gradient is
/// `sum(a) * q - a`. With a focal term it is [`focal_row`].
fn loss_and_gradient(
    options: &LossOptions,
    logits: &[f32],
    targets: &[i64],
    classes: usize,
) -> (f32, Vec<f32>) {
    let weight =
        |class: usize| options.class_weights.as_ref().map_or(1.0, |weights| f64::from(weights[class]));
    let smoothing = f64::from(options.label_smoothing);
    let mut aim: Vec<f64> = (0..classes).map(|class| smoothing / classes as f64 * weight(class)).collect();
    let smoothed: f64 = aim.iter().sum();
    // `try_from` fails on ignored rows alone: targets were checked.
    let counted = |target: i64| usize::try_from(target).ok();
    let total: f64 = targets.iter().copied().filter_map(counted).map(weight).sum();
    let mut gradient = vec![0f32; logits.len()];
    if total == 0.0 {
        return (0.0, gradient);
    }
    let mut loss = 0.0;
    let rows = logits.chunks_exact(classes).zip(gradient.chunks_exact_mut(classes));
    for ((logits, gradient), &target) in rows.zip(targets) {
        let Some(target) = counted(target) else { continue };
        let at_target = (1.0 - smoothing) * weight(target);
        let smoothed_aim = aim[target];
        aim[target] += at_target;
        let log_sum = log_sum_exp(logits);
        if options.focal_gamma > 0.0 {
            loss += focal_row(logits, log_sum, &aim, f64::from(options.focal_gamma), total, gradient);
            aim[target] = smoothed_aim;
            continue;
        }
        for ((logit, gradient), aim) in logits.iter().zip(gradient).zip(&aim) {
            let log_probability = f64::from(*logit) - log_sum;
            // A class that nothing aims at may be infinitely unlikely.
            loss -= if *aim == 0.0 { 0.0 } else { aim * log_probability };
            *gradient = (((smoothed + at_target) * log_probability.exp() - aim) / total) as f32;
        }
        aim[target] = smoothed_aim;
    }
    ((loss / total) as f32, gradient)
}

/// The loss of a row, `-sum(a_j (1 - q_j)^gamma ln q_j)`; writes its gradient over `total`. With `g_j` the derivative
/// of term `j` by `q_j`, times `q_j`, the gradient is `g - q * sum(g)`.
fn focal_row(logits: &[f32], log_sum: f64, aim: &[f64], gamma: f64, total: f64, gradient: &mut [f32]) -> f64 {
    let (mut loss, mut slopes) = (0.0, Vec::with_capacity(logits.len()));
    for (logit, aim) in logits.iter().zip(aim) {
        let log_probability = f64::from(*logit) - log_sum;
        let probability = log_probability.exp();
        let rest = -log_probability.exp_m1();
        if *aim == 0.0 || rest == 0.0 {
            // Nothing aims at it, or it is certain: neither loss nor slope.
            slopes.push((probability, 0.0));
            continue;
        }
        let focus = rest.powf(gamma);
        loss -= aim * focus * log_probability;
        let slope = gamma * focus / rest * probability * log_probability - focus;
        slopes.push((probability, aim * slope));
    }
    let sum: f64 = slopes.iter().map(|(_, slope)| slope).sum();
    for ((probability, slope), gradient) in slopes.into_iter().zip(gradient) {
        *gradient = ((slope - probability * sum) / total) as f32;
    }
    loss
}

fn log_sum_exp(logits: &[f32]) -> f64 {
    let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    max + logits.iter().map(|&logit| (f64::from(logit) - max).exp()).sum::<f64>().ln()
}
