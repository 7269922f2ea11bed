//! Every operation, forward and backward, against constants computed by PyTorch (`pytorch_constants.py`).

use candle_core::{Device, Tensor, Var};
use marque_kernels::{
    CrossEntropy, add_relu, affine_relu, batch_norm_train, conv2d, cross_entropy, global_average_pool,
    linear, max_pool2d,
};
use std::collections::HashMap;

/// The tensors of one case, by their name within the case.
struct Case<'a> {
    all: &'a HashMap<String, Tensor>,
    name: String,
}

impl Case<'_> {
    fn get(&self, name: &str) -> &Tensor {
        let key = format!("{}.{name}", self.name);
        self.all.get(&key).unwrap_or_else(|| panic!("no constant {key}"))
    }

    fn var(&self, name: &str) -> Var {
        Var::from_tensor(self.get(name)).unwrap()
    }

    fn options(&self) -> Vec<usize> {
        self.get("options").to_vec1::<i64>().unwrap().into_iter().map(|option| option as usize).collect()
    }

    fn assert_close(&self, name: &str, found: &Tensor) {
        assert_close(&format!("{}.{name}", self.name), found, self.get(name));
    }
}

/// Within 2e-5 of the largest constant (or of 1).
fn assert_close(name: &str, found: &Tensor, expected: &Tensor) {
    assert_eq!(found.dims(), expected.dims(), "shape of {name}");
    let numbers = |t: &Tensor| t.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let (found, expected) = (numbers(found), numbers(expected));
    let scale = expected.iter().fold(1f32, |max, value| max.max(value.abs()));
    for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let error = (found - expected).abs();
        assert!(error <= 2e-5 * scale, "{name}[{index}]: {found}, PyTorch {expected}");
    }
}

fn constants() -> HashMap<String, Tensor> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/pytorch_constants.safetensors");
    candle_core::safetensors::load(path, &Device::Cpu).unwrap()
}

fn for_each_case(operation: &str, at_least: usize, check: impl Fn(&Case)) {
    let all = constants();
    let cases = (0..)
        .map(|index| format!("{operation}.{index}"))
        .take_while(|name| all.keys().any(|key| key.starts_with(&format!("{name}."))));
    let count = cases.map(|name| check(&Case { all: &all, name })).count();
    assert!(count >= at_least, "{count} cases of {operation}");
}

/// The gradients of `sum(y * dy)`.
fn backward(y: &Tensor, dy: &Tensor) -> candle_core::backprop::GradStore {
    (y * dy).unwrap().sum_all().unwrap().backward().unwrap()
}

#[test]
fn convolution() {
    for_each_case("conv", 11, |case| {
        let (x, w, options) = (case.var("x"), case.var("w"), case.options());
        let y = conv2d(&x, &w, options[0], options[1]).unwrap();
        case.assert_close("y", &y);
        let gradients = backward(&y, case.get("dy"));
        case.assert_close("dx", gradients.get(&x).unwrap());
        case.assert_close("dw", gradients.get(&w).unwrap());
    });
}

#[test]
fn maximum_pooling() {
    for_each_case("max_pool", 6, |case| {
        let (x, options) = (case.var("x"), case.options());
        let y = max_pool2d(&x, options[0], options[1], options[2]).unwrap();
        case.assert_close("y", &y);
        case.assert_close("dx", backward(&y, case.get("dy")).get(&x).unwrap());
    });
}

#[test]
fn batch_normalisation_in_training() {
    for_each_case("batch_norm", 5, |case| {
        let (x, gamma, beta) = (case.var("x"), case.var("gamma"), case.var("beta"));
        let norm = batch_norm_train(&x, &gamma, &beta, 1e-5, case.options()[0] == 1).unwrap();
        case.assert_close("train.y", &norm.y);
        let gradients = backward(&norm.y, case.get("dy"));
        case.assert_close("train.dx", gradients.get(&x).unwrap());
        case.assert_close("train.dgamma", gradients.get(&gamma).unwrap());
        case.assert_close("train.dbeta", gradients.get(&beta).unwrap());

        let count = (x.elem_count() / gamma.elem_count()) as f64;
        let unbiased = (norm.variance * (count / (count - 1.0))).unwrap();
        for (name, batch) in [("running_mean", norm.mean), ("running_var", unbiased)] {
            let running = ((case.get(name) * 0.9).unwrap() + (batch * 0.1).unwrap()).unwrap();
            case.assert_close(&format!("train.{name}"), &running);
        }
    });
}

#[test]
fn batch_normalisation_in_evaluation() {
    for_each_case("batch_norm", 5, |case| {
        let (x, gamma, beta) = (case.var("x"), case.var("gamma"), case.var("beta"));
        let deviation = (case.get("running_var") + 1e-5).unwrap().sqrt().unwrap();
        let scale = (gamma.as_tensor() / deviation).unwrap();
        let shift = (beta.as_tensor() - (case.get("running_mean") * &scale).unwrap()).unwrap();
        let y = affine_relu(&x, &scale, &shift, case.options()[0] == 1).unwrap();
        case.assert_close("eval.y", &y);
        let gradients = backward(&y, case.get("dy"));
        case.assert_close("eval.dx", gradients.get(&x).unwrap());
        case.assert_close("eval.dgamma", gradients.get(&gamma).unwrap());
        case.assert_close("eval.dbeta", gradients.get(&beta).unwrap());
    });
}

#[test]
fn sum_with_relu() {
    let case = Case { all: &constants(), name: "add_relu".to_owned() };
    let (a, b) = (case.var("a"), case.var("b"));
    let y = add_relu(&a, &b).unwrap();
    case.assert_close("y", &y);
    let gradients = backward(&y, case.get("dy"));
    case.assert_close("da", gradients.get(&a).unwrap());
    case.assert_close("db", gradients.get(&b).unwrap());
}

#[test]
fn average_pooling() {
    let case = Case { all: &constants(), name: "average".to_owned() };
    let x = case.var("x");
    let y = global_average_pool(&x).unwrap();
    case.assert_close("y", &y);
    case.assert_close("dx", backward(&y, case.get("dy")).get(&x).unwrap());
}

#[test]
fn fully_connected() {
    let case = Case { all: &constants(), name: "linear".to_owned() };
    let (x, w, b) = (case.var("x"), case.var("w"), case.var("b"));
    let y = linear(&x, &w, &b).unwrap();
    case.assert_close("y", &y);
    let gradients = backward(&y, case.get("dy"));
    case.assert_close("dx", gradients.get(&x).unwrap());
    case.assert_close("dw", gradients.get(&w).unwrap());
    case.assert_close("db", gradients.get(&b).unwrap());
}

#[test]
fn loss() {
    for_each_case("cross_entropy", 8, |case| {
        let logits = case.var("logits");
        let weights = case.get("weights").to_vec1::<f32>().unwrap();
        let options = CrossEntropy {
            class_weights: (!weights.is_empty()).then_some(weights),
            label_smoothing: case.get("smoothing").to_vec1::<f32>().unwrap()[0],
            focal_gamma: 0.0,
        };
        let loss = cross_entropy(&logits, case.get("targets"), &options).unwrap();
        assert_eq!(loss.rank(), 0);
        case.assert_close("loss", &loss.reshape(1).unwrap());
        let gradients = (loss * 2.0).unwrap().backward().unwrap();
        case.assert_close("twice_the_gradient", gradients.get(&logits).unwrap());
    });
}
