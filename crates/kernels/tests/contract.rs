//! What operations on tensors promise: the same bits for any number of threads, any strides of the input, and errors
//! that say what is wrong.

use candle_core::{DType, Device, Result, Tensor, Var};
use marque_kernels::{CrossEntropy, cross_entropy, linear};
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

/// The loss of a layer with many outputs, and the gradients of all that it is made of.
fn step(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Vec<Vec<u32>> {
    let [x, weight, bias] = [x, weight, bias].map(|t| Var::from_tensor(t).unwrap());
    let targets: Vec<i64> = (0..x.dim(0).unwrap() as i64).map(|row| row % 5 - 1).collect();
    let targets = Tensor::new(targets, &Device::Cpu).unwrap();
    let options = CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() };
    let loss = cross_entropy(&linear(&x, &weight, &bias).unwrap(), &targets, &options).unwrap();
    let gradients = loss.backward().unwrap();
    let all = [&x, &weight, &bias].map(|var| bits(gradients.get(var).unwrap()));
    [bits(&loss)].into_iter().chain(all).collect()
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let (x, weight, bias) = (random(&[200, 160], 0), random(&[30, 160], 1), random(&[30], 2));
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| step(&x, &weight, &bias))
    };
    let one = with(1);
    assert!(one.iter().flatten().all(|&bits| f32::from_bits(bits).is_finite()));
    assert!(one == with(2), "2 threads differ from 1");
    assert!(one == with(3), "3 threads differ from 1");
}

#[test]
fn strided_inputs_give_what_contiguous_ones_give() {
    let x = random(&[6, 9], 1).t().unwrap();
    let weight = random(&[6, 8], 2).t().unwrap();
    let bias = random(&[16], 3).narrow(0, 4, 8).unwrap();
    assert!(!x.is_contiguous() && !weight.is_contiguous());
    let run = |x: &Tensor, weight: &Tensor| {
        let y = linear(x, weight, &bias).unwrap();
        let targets = Tensor::new(vec![1i64; 9], &Device::Cpu).unwrap();
        let loss = cross_entropy(
            &y.t().unwrap().contiguous().unwrap().t().unwrap(),
            &targets,
            &CrossEntropy::default(),
        );
        [bits(&y), bits(&loss.unwrap())]
    };
    assert_eq!(run(&x, &weight), run(&x.contiguous().unwrap(), &weight.contiguous().unwrap()));
    assert_eq!(
        step(&x, &weight, &bias),
        step(&x.contiguous().unwrap(), &weight.contiguous().unwrap(), &bias)
    );
}

#[test]
fn refusals_say_what_is_wrong() {
    let (logits, three) = (random(&[2, 3], 5), random(&[3], 2));
    let double = logits.to_dtype(DType::F64).unwrap();
    let targets = |targets: &[i64]| Tensor::new(targets, &Device::Cpu).unwrap();
    let plain = CrossEntropy::default();
    let weighted = |weights: &[f32], label_smoothing| CrossEntropy {
        class_weights: Some(weights.to_vec()),
        label_smoothing,
        focal_gamma: 0.0,
    };
    let fine = targets(&[0, 1]);
    let cases: Vec<(Result<Tensor>, &str)> = vec![
        (linear(&double, &random(&[5, 3], 9), &three), "linear, the input: F64"),
        (cross_entropy(&double, &fine, &plain), "cross_entropy, the logits: F64"),
        (linear(&three, &random(&[5, 3], 9), &three), "expected [n, features]"),
        (linear(&logits, &random(&[5, 4], 9), &three), "expected [outputs, 3]"),
        (linear(&logits, &random(&[5, 3], 9), &three), "the bias: shape [3], expected [5]"),
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
