//! Every operation, forward and backward, against constants computed by PyTorch (`pytorch_constants.py`).

use candle_core::{Device, Tensor, Var};
use marque_kernels::nhwc::{
    ConvInput, Convolution, Epilogue, MaxPool, Moments, Normalisation, NormalisationGradient,
    global_average_pool, global_average_pool_gradient, normalise, normalise_add_relu, relu_gradient,
};
use marque_kernels::{LossOptions, cross_entropy};
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

    fn values(&self, name: &str) -> Vec<f32> {
        self.get(name).flatten_all().unwrap().to_vec1().unwrap()
    }

    fn shape(&self, name: &str) -> [usize; 4] {
        self.get(name).dims().try_into().unwrap()
    }

    fn options(&self) -> Vec<usize> {
        self.get("options").to_vec1::<i64>().unwrap().into_iter().map(|option| option as usize).collect()
    }

    /// Within 2e-5 of the largest constant (or of 1).
    fn assert_values(&self, name: &str, found: &[f32]) {
        let (name, expected) = (format!("{}.{name}", self.name), self.values(name));
        assert_eq!(found.len(), expected.len(), "size of {name}");
        let scale = expected.iter().fold(1f32, |max, value| max.max(value.abs()));
        for (index, (found, expected)) in found.iter().zip(&expected).enumerate() {
            let error = (found - expected).abs();
            assert!(error <= 2e-5 * scale, "{name}[{index}]: {found}, PyTorch {expected}");
        }
    }

    fn assert_close(&self, name: &str, found: &Tensor) {
        assert_eq!(found.dims(), self.get(name).dims(), "shape of {}.{name}", self.name);
        self.assert_values(name, &found.flatten_all().unwrap().to_vec1::<f32>().unwrap());
    }
}

/// A buffer for as many results, of what is not a number, so that a value that nobody writes shows.
fn poison(len: usize) -> Vec<f32> {
    vec![f32::NAN; len]
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

#[test]
fn convolution() {
    for_each_case("conv", 11, |case| {
        let (x, w, dy, options) = (case.values("x"), case.values("w"), case.values("dy"), case.options());
        let convolution =
            Convolution::new(&case.shape("x"), &case.shape("w"), options[0], options[1]).unwrap();
        assert_eq!(convolution.output_shape(), case.shape("y"));
        let (mut y, mut dx, mut dw) = (poison(dy.len()), poison(x.len()), poison(w.len()));
        convolution.forward(ConvInput::plain(&x), &w, Epilogue::default(), &mut y);
        convolution.input_gradient(&w, &dy, false, &mut dx);
        convolution.weight_gradient(ConvInput::plain(&x), &dy, &mut dw);
        case.assert_values("y", &y);
        case.assert_values("dx", &dx);
        case.assert_values("dw", &dw);
    });
}

#[test]
fn maximum_pooling() {
    for_each_case("max_pool", 6, |case| {
        let (x, dy, options) = (case.values("x"), case.values("dy"), case.options());
        let pool = MaxPool::new(case.shape("x"), options[0], options[1], options[2]).unwrap();
        assert_eq!(pool.output_shape(), case.shape("y"));
        let (mut y, mut chosen, mut dx) = (poison(dy.len()), vec![u8::MAX; dy.len()], poison(x.len()));
        pool.forward(&x, &mut y, &mut chosen);
        pool.backward(&chosen, &dy, &mut dx);
        case.assert_values("y", &y);
        case.assert_values("dx", &dx);
    });
}

/// Normalises the input of a case, and compares output and gradients with those of a mode.
fn check_normalisation(case: &Case, mode: &str, norm: &Normalisation, by_constants: bool) {
    let (x, dy, relu) = (case.values("x"), case.values("dy"), case.options()[0] == 1);
    let (mut y, mut dx) = (poison(x.len()), poison(x.len()));
    normalise(&x, norm, relu, &mut y);
    case.assert_values(&format!("{mode}.y"), &y);
    let gradient = NormalisationGradient::new(&x, norm, relu, &dy);
    let gradient = if by_constants { gradient.by_constants() } else { gradient };
    gradient.input(&dy, &mut dx);
    case.assert_values(&format!("{mode}.dx"), &dx);
    case.assert_values(&format!("{mode}.dgamma"), &gradient.gamma().collect::<Vec<_>>());
    case.assert_values(&format!("{mode}.dbeta"), &gradient.beta().collect::<Vec<_>>());
}

#[test]
fn batch_normalisation_in_training() {
    for_each_case("batch_norm", 5, |case| {
        let (x, gamma, beta) = (case.values("x"), case.values("gamma"), case.values("beta"));
        let moments = Moments::of(&x, gamma.len());
        let norm = Normalisation::new(&moments, &gamma, &beta, 1e-5);
        check_normalisation(case, "train", &norm, false);

        let count = (x.len() / gamma.len()) as f32;
        let unbiased: Vec<f32> = moments.variance.iter().map(|v| v * (count / (count - 1.0))).collect();
        for (name, batch) in [("running_mean", moments.mean), ("running_var", unbiased)] {
            let running = case.values(name).into_iter().zip(batch);
            let running: Vec<f32> = running.map(|(running, batch)| running * 0.9 + batch * 0.1).collect();
            case.assert_values(&format!("train.{name}"), &running);
        }
    });
}

#[test]
fn batch_normalisation_in_evaluation() {
    for_each_case("batch_norm", 5, |case| {
        let moments = Moments { mean: case.values("running_mean"), variance: case.values("running_var") };
        let norm = Normalisation::new(&moments, &case.values("gamma"), &case.values("beta"), 1e-5);
        check_normalisation(case, "eval", &norm, true);
    });
}

#[test]
fn sum_with_relu() {
    let case = Case { all: &constants(), name: "add_relu".to_owned() };
    let channels = *case.get("a").dims().last().unwrap();
    let identity = Normalisation {
        mean: vec![0.0; channels],
        scale: vec![1.0; channels],
        shift: vec![0.0; channels],
        inverse_deviation: Vec::new(),
    };
    let (a, b, mut gradient) = (case.values("a"), case.values("b"), case.values("dy"));
    let mut y = poison(a.len());
    normalise_add_relu(&a, &identity, &b, None, &mut y);
    case.assert_values("y", &y);
    relu_gradient(&y, &mut gradient);
    case.assert_values("da", &gradient);
    case.assert_values("db", &gradient);
}

#[test]
fn average_pooling() {
    let case = Case { all: &constants(), name: "average".to_owned() };
    let ([n, h, w, channels], x, dy) = (case.shape("x"), case.values("x"), case.values("dy"));
    let (mut y, mut dx) = (poison(n * channels), poison(x.len()));
    global_average_pool(&x, h * w, channels, &mut y);
    global_average_pool_gradient(&dy, h * w, channels, &mut dx);
    case.assert_values("y", &y);
    case.assert_values("dx", &dx);
}

#[test]
fn loss() {
    for_each_case("cross_entropy", 8, |case| {
        let logits = case.var("logits");
        let weights = case.get("weights").to_vec1::<f32>().unwrap();
        let options = LossOptions {
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
