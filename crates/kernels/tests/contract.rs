//! What operations on tensors promise: the same bits for any number of threads, any strides of the input, and errors
//! that say what is wrong.

use candle_core::{DType, Device, Result, Tensor, Var};
use marque_kernels::{LossOptions, cross_entropy};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn random(shape: &[usize], seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f32> = (0..shape.iter().product()).map(|_| rng.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn bits(t: &Tensor) -> Vec<u32> {
    t.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f32::to_bits).collect()
}

/// A loss and its gradient.
fn step(logits: &Tensor) -> [Vec<u32>; 2] {
    let logits = Var::from_tensor(logits).unwrap();
    let targets: Vec<i64> = (0..logits.dim(0).unwrap() as i64).map(|row| row % 5 - 1).collect();
    let targets = Tensor::new(targets, &Device::Cpu).unwrap();
    let options = LossOptions { label_smoothing: 0.1, ..LossOptions::default() };
    let loss = cross_entropy(&logits, &targets, &options).unwrap();
    let gradients = loss.backward().unwrap();
    [bits(&loss), bits(gradients.get(&logits).unwrap())]
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let logits = random(&[2000, 160], 0);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| step(&logits))
    };
    let one = with(1);
    assert!(one.iter().flatten().all(|&bits| f32::from_bits(bits).is_finite()));
    assert!(one == with(2), "2 threads differ from 1");
    assert!(one == with(3), "3 threads differ from 1");
}

#[test]
fn strided_inputs_give_what_contiguous_ones_give() {
    let logits = random(&[6, 9], 1).t().unwrap();
    assert!(!logits.is_contiguous());
    assert_eq!(step(&logits), step(&logits.contiguous().unwrap()));
}

#[test]
fn refusals_say_what_is_wrong() {
    let (logits, three) = (random(&[2, 3], 5), random(&[3], 2));
    let double = logits.to_dtype(DType::F64).unwrap();
    let targets = |targets: &[i64]| Tensor::new(targets, &Device::Cpu).unwrap();
    let plain = LossOptions::default();
    let weighted = |weights: &[f32], label_smoothing| LossOptions {
        class_weights: Some(weights.to_vec()),
        label_smoothing,
        focal_gamma: 0.0,
    };
    let fine = targets(&[0, 1]);
    let cases: Vec<(Result<Tensor>, &str)> = vec![
        (cross_entropy(&double, &fine, &plain), "cross_entropy, the logits: F64"),
        (
            cross_entropy(&logits, &targets(&[0, 3]), &plain),
            "the target of row 1 is 3, expected 0 to 2 or -1",
        ),
        (cross_entropy(&logits, &targets(&[0, -2]), &plain), "the target of row 1 is -2"),
        (cross_entropy(&logits, &targets(&[0]), &plain), "the targets: shape [1], expected [2]"),
        (cross_entropy(&logits, &three.narrow(0, 0, 2).unwrap(), &plain), "its type is F32"),
        (cross_entropy(&logits, &fine, &weighted(&[1.0], 0.0)), "1 class weights for 3 classes"),
        (cross_entropy(&logits, &fine, &weighted(&[1.0, -1.0, 1.0], 0.0)), "not negative"),
        (cross_entropy(&logits, &fine, &weighted(&[1.0; 3], 1.5)), "from 0 to 1"),
    ];
    for (index, (result, expected)) in cases.into_iter().enumerate() {
        let message = result.expect_err(expected).to_string();
        assert!(message.contains(expected), "case {index}: expected {expected:?} in {message:?}");
    }
}
