//! Optimisers, schedules, averages and clipping against PyTorch, step by step (`tests/pytorch_training.py`).

use candle_core::{Device, Tensor, Var};
use marque_network::{Gradients, Group, Parameter};
use serde_json::Value;

use crate::ema::{Ema, EmaSettings};
use crate::optimizer::{AdamW, Method, Optimizer, Rates, Sgd, clip, gradient_norm};
use crate::schedule::{Horizon, Schedule, Shape};

fn cases(kind: &str) -> Vec<Value> {
    let text = include_str!("../tests/fixtures/pytorch_training.json");
    let all: Value = serde_json::from_str(text).unwrap();
    all[kind].as_array().unwrap().clone()
}

fn number(case: &Value, key: &str) -> f64 {
    case[key].as_f64().unwrap_or_else(|| panic!("no number {key}"))
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

fn parameter(name: &str, values: &[f32]) -> Parameter {
    let var = Var::new(values, &Device::Cpu).unwrap();
    Parameter { name: name.into(), var, group: Group::Head, decay: true }
}

fn assert_close(case: &str, found: &[f32], expected: &[f64]) {
    for (found, expected) in found.iter().zip(expected) {
        let error = (f64::from(*found) - expected).abs();
        assert!(error <= 1e-5 * expected.abs().max(1.0), "{case}: {found}, PyTorch {expected}");
    }
}

/// The gradient of the sum of cubes over 3 is the squares.
fn squares(parameter: &Parameter) -> Vec<f32> {
    parameter.var.to_vec1::<f32>().unwrap().iter().map(|w| w * w).collect()
}

#[test]
fn optimizers() {
    for case in cases("optimizers") {
        let method = match case["method"].as_str().unwrap() {
            "adamw" => Method::AdamW(AdamW {
                beta1: number(&case, "beta1"),
                beta2: number(&case, "beta2"),
                eps: number(&case, "eps"),
            }),
            _ => Method::Sgd(Sgd {
                momentum: number(&case, "momentum"),
                nesterov: case["nesterov"].as_bool().unwrap(),
            }),
        };
        let rates = Rates { learning_rate: number(&case, "rate"), weight_decay: number(&case, "decay") };
        // One that begins two steps later must move as if it had just been made.
        let parameters = [parameter("w", &[1.0, -2.0, 3.0]), parameter("late", &[1.0, -2.0, 3.0])];
        let mut optimizer = Optimizer::new(method, &parameters);
        let expected: Vec<_> = case["values"].as_array().unwrap().iter().map(numbers).collect();
        for step in 0..expected.len() {
            let mut gradients = Gradients::new();
            gradients.set(&parameters[0].var, &squares(&parameters[0]));
            if step >= 2 {
                gradients.set(&parameters[1].var, &squares(&parameters[1]));
            }
            optimizer.step(&parameters, &gradients, |_| rates).unwrap();
            let name = format!("{method:?}, step {step}");
            assert_close(&name, &parameters[0].var.to_vec1::<f32>().unwrap(), &expected[step]);
            if step >= 2 {
                assert_close(&name, &parameters[1].var.to_vec1::<f32>().unwrap(), &expected[step - 2]);
            }
        }
    }
}

#[test]
fn schedules() {
    for case in cases("schedules") {
        let shape = match case["shape"].as_str().unwrap() {
            "one-cycle" => Shape::OneCycle,
            "cosine" => Shape::Cosine,
            "constant" => Shape::Constant,
            _ => Shape::Step { epochs: number(&case, "epochs") as usize, factor: number(&case, "factor") },
        };
        let schedule = Schedule { shape, warmup: number(&case, "warmup") };
        let values = numbers(&case["values"]);
        let steps_per_epoch = number(&case, "per_epoch") as usize;
        let length = Horizon { epochs: values.len() / steps_per_epoch, steps_per_epoch };
        for (step, expected) in values.into_iter().enumerate() {
            let factor = schedule.factor(step, length);
            let case = format!("{shape:?}, warm-up {}, step {step}", schedule.warmup);
            assert!((factor - expected).abs() < 1e-9, "{case}: {factor}, PyTorch {expected}");
        }
    }
}

#[test]
fn averages() {
    for case in cases("averages") {
        let steps = case["steps"].as_array().unwrap();
        let set = |var: &Var, values: &Value| {
            let values: Vec<f32> = numbers(values).iter().map(|value| *value as f32).collect();
            var.set(&Tensor::new(values, &Device::Cpu).unwrap()).unwrap();
        };
        let names = ["weight", "running_mean"];
        let vars = names.map(|_| Var::new(&[0f32; 2], &Device::Cpu).unwrap());
        let variables = || names.iter().map(|name| name.to_string()).zip(vars.iter().cloned());
        // PyTorch's average is a copy after the first step.
        names.iter().zip(&vars).for_each(|(name, var)| set(var, &steps[0][name]));
        let settings = EmaSettings { decay: number(&case, "decay"), warmup: false };
        let mut ema = Ema::new(settings, variables()).unwrap();
        for step in &steps[1..] {
            names.iter().zip(&vars).for_each(|(name, var)| set(var, &step[name]));
            ema.update().unwrap();
            ema.swap().unwrap();
            for (name, var) in names.iter().zip(&vars) {
                let expected = numbers(&step[format!("average_{name}")]);
                assert_close(name, &var.to_vec1::<f32>().unwrap(), &expected);
            }
            ema.swap().unwrap();
            assert_close("swapped back", &vars[0].to_vec1::<f32>().unwrap(), &numbers(&step["weight"]));
        }
    }
}

#[test]
fn an_average_that_warms_up_forgets_where_it_began() {
    let var = Var::new(&[1000f32], &Device::Cpu).unwrap();
    let settings = EmaSettings { decay: 0.9999, warmup: true };
    let mut ema = Ema::new(settings, std::iter::once(("w".to_owned(), var.clone()))).unwrap();
    var.set(&Tensor::new(&[1f32], &Device::Cpu).unwrap()).unwrap();
    for _ in 0..50 {
        ema.update().unwrap();
    }
    assert_eq!(ema.steps(), 50);
    let (_, average) = ema.named().next().unwrap();
    assert!((average[0] - 1.0).abs() < 1e-2, "{average:?}");
}

#[test]
fn clipping() {
    for case in cases("clipped") {
        let parameters = [parameter("w", &[1.0, -2.0, 3.0]), parameter("b", &[0.0])];
        let mut gradients = Gradients::new();
        gradients.set(&parameters[0].var, &[3.0, 12.0, 27.0]);
        gradients.set(&parameters[1].var, &[1.0]);
        let norm = gradient_norm(&parameters, &gradients);
        assert!((norm - number(&case, "norm")).abs() < 1e-6);
        clip(&parameters, &mut gradients, norm, number(&case, "most"));
        assert_close("w", gradients.get(&parameters[0].var).unwrap(), &numbers(&case["w"]));
        assert_close("b", gradients.get(&parameters[1].var).unwrap(), &numbers(&case["b"]));
    }
}
