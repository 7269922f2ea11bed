//! Losses and their gradients against constants computed by PyTorch (`pytorch_losses.py`).

use candle_core::{Device, Tensor, Var};
use marque_kernels::{LossOptions, binary_cross_entropy, cross_entropy};
use std::collections::HashMap;

struct Cases(HashMap<String, Tensor>);

impl Cases {
    fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/pytorch_losses.safetensors");
        Self(candle_core::safetensors::load(path, &Device::Cpu).unwrap())
    }

    fn get(&self, name: &str) -> &Tensor {
        self.0.get(name).unwrap_or_else(|| panic!("no constant {name}"))
    }

    fn numbers(&self, name: &str) -> Vec<f32> {
        numbers(self.get(name))
    }

    /// Compares a loss of the logits of a case, and the gradient of twice the loss.
    fn check(&self, case: &str, loss: impl Fn(&Tensor) -> candle_core::Result<Tensor>) {
        let logits = Var::from_tensor(self.get(&format!("{case}.logits"))).unwrap();
        let loss = loss(&logits).unwrap();
        assert_eq!(loss.rank(), 0);
        assert_close(case, &[loss.to_scalar().unwrap()], &self.numbers(&format!("{case}.loss")));
        let gradients = (loss * 2.0).unwrap().backward().unwrap();
        let gradient = numbers(gradients.get(&logits).unwrap());
        assert_close(case, &gradient, &self.numbers(&format!("{case}.twice_the_gradient")));
    }
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn assert_close(case: &str, found: &[f32], expected: &[f32]) {
    let scale = expected.iter().fold(1f32, |max, value| max.max(value.abs()));
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-6 * scale, "{case}: {found}, PyTorch {expected}");
    }
}

#[test]
fn tags() {
    let cases = Cases::read();
    for i in 0..7 {
        let case = format!("tags.{i}");
        let known: Vec<i64> = cases.get(&format!("{case}.known")).to_vec1().unwrap();
        let rows: Vec<Vec<i64>> = cases.get(&format!("{case}.tags")).to_vec2().unwrap();
        let tags: Vec<Vec<usize>> =
            rows.iter().map(|row| (0..row.len()).filter(|class| row[*class] == 1).collect()).collect();
        let targets: Vec<Option<&[usize]>> = (0..rows.len())
            .map(|row| known.contains(&(row as i64)).then_some(tags[row].as_slice()))
            .collect();
        let (weights, options) =
            (cases.numbers(&format!("{case}.weights")), cases.numbers(&format!("{case}.options")));
        let options = LossOptions {
            class_weights: (!weights.is_empty()).then_some(weights),
            label_smoothing: options[0],
            focal_gamma: options[1],
        };
        cases.check(&case, |logits| binary_cross_entropy(logits, &targets, &options));
    }
}

#[test]
fn focus() {
    let cases = Cases::read();
    for i in 0..4 {
        let case = format!("focal.{i}");
        let (weights, options) =
            (cases.numbers(&format!("{case}.weights")), cases.numbers(&format!("{case}.options")));
        let options = LossOptions {
            class_weights: (!weights.is_empty()).then_some(weights),
            label_smoothing: options[0],
            focal_gamma: options[1],
        };
        let targets = cases.get(&format!("{case}.targets"));
        cases.check(&case, |logits| cross_entropy(logits, targets, &options));
    }
}

#[test]
fn tags_that_nothing_is_known_of_count_nothing() {
    let logits = Var::new(&[[f32::MAX, -1e30], [3.0, -2.0]], &Device::Cpu).unwrap();
    let loss = binary_cross_entropy(&logits, &[None, None], &LossOptions::default()).unwrap();
    assert_eq!(loss.to_scalar::<f32>().unwrap(), 0.0);
    let gradient = numbers(loss.backward().unwrap().get(&logits).unwrap());
    assert_eq!(gradient, [0.0; 4]);
}

#[test]
fn tags_stay_finite_at_any_logit() {
    let logits = Var::new(&[[1e30f32, -1e30, 1e30, -1e30]], &Device::Cpu).unwrap();
    for focal_gamma in [0.0, 0.5, 2.0] {
        let options = LossOptions { focal_gamma, ..LossOptions::default() };
        let loss = binary_cross_entropy(&logits, &[Some(&[0, 3])], &options).unwrap();
        // Two are right and cost nothing, two are wrong by all they can be.
        let value = loss.to_scalar::<f32>().unwrap();
        assert!((value / 5e29 - 1.0).abs() < 1e-6, "{value}");
        let gradient = numbers(loss.backward().unwrap().get(&logits).unwrap());
        assert_eq!(gradient, [0.0, 0.0, 0.25, -0.25], "gamma {focal_gamma}");
    }
}

#[test]
fn targets_and_options_that_make_no_sense_are_refused() {
    let logits = Tensor::zeros((1, 2), candle_core::DType::F32, &Device::Cpu).unwrap();
    let refuse = |targets: &[Option<&[usize]>], options: LossOptions, message: &str| {
        let error = binary_cross_entropy(&logits, targets, &options).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    };
    let options = LossOptions::default;
    refuse(&[Some(&[2])], options(), "a target is 2, expected 0 to 1");
    refuse(&[None, None], options(), "expected [2, k]");
    refuse(&[None], LossOptions { label_smoothing: 1.5, ..options() }, "label smoothing");
    refuse(&[None], LossOptions { focal_gamma: -1.0, ..options() }, "focal gamma");
    refuse(&[None], LossOptions { class_weights: Some(vec![1.0]), ..options() }, "1 class weights");
    let single = LossOptions { focal_gamma: f32::NAN, ..LossOptions::default() };
    let targets = Tensor::new(&[0i64], &Device::Cpu).unwrap();
    assert!(cross_entropy(&logits, &targets, &single).is_err());
}
