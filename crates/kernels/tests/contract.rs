//! What all operations promise: the same bits for any number of threads, any strides of the input, and errors
//! that say what is wrong.

use candle_core::{DType, Device, Result, Tensor, Var};
use marque_kernels::{
    CrossEntropy, add_relu, affine_relu, batch_norm_train, conv2d, cross_entropy, global_average_pool,
    linear, max_pool2d,
};
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

/// A little of everything: the loss and the gradients of all parameters.
fn step() -> Result<Vec<Vec<u32>>> {
    let var = |shape: &[usize], seed| Var::from_tensor(&random(shape, seed));
    let x = var(&[5, 72, 72, 3], 0)?;
    let mut parameters = vec![x.clone()];
    let mut parameter = |shape: &[usize], seed| {
        parameters.push(var(shape, seed)?);
        Ok::<_, candle_core::Error>(parameters[parameters.len() - 1].as_tensor().clone())
    };
    let y = conv2d(&x, &parameter(&[7, 7, 3, 24], 1)?, 2, 3)?;
    let y = batch_norm_train(&y, &parameter(&[24], 2)?, &parameter(&[24], 3)?, 1e-5, true)?.y;
    let y = max_pool2d(&y, 3, 2, 1)?;
    let short = conv2d(&y, &parameter(&[1, 1, 24, 160], 4)?, 2, 0)?;
    let y = conv2d(&y, &parameter(&[3, 3, 24, 160], 5)?, 2, 1)?;
    let y = affine_relu(&y, &parameter(&[160], 6)?, &parameter(&[160], 7)?, true)?;
    let y = conv2d(&y, &parameter(&[3, 3, 160, 160], 8)?, 1, 1)?;
    let y = batch_norm_train(&y, &parameter(&[160], 9)?, &parameter(&[160], 10)?, 1e-5, false)?.y;
    let y = add_relu(&y, &short)?;
    let y = conv2d(&y, &parameter(&[1, 1, 160, 200], 11)?, 1, 0)?;
    let logits = linear(&global_average_pool(&y)?, &parameter(&[4, 200], 12)?, &parameter(&[4], 13)?)?;
    let targets = Tensor::new(&[0i64, 1, -1, 3, 3], &Device::Cpu)?;
    let loss =
        cross_entropy(&logits, &targets, &CrossEntropy { label_smoothing: 0.1, ..CrossEntropy::default() })?;
    let gradients = loss.backward()?;
    let mut result = vec![bits(&loss)];
    result.extend(parameters.iter().map(|parameter| bits(gradients.get(parameter).unwrap())));
    Ok(result)
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(step).unwrap()
    };
    let one = with(1);
    assert!(one.iter().flatten().all(|&bits| f32::from_bits(bits).is_finite()));
    assert!(one == with(2), "2 threads differ from 1");
    assert!(one == with(3), "3 threads differ from 1");
    assert!(one == with(3), "3 threads differ from themselves");
}

#[test]
fn strided_inputs_give_what_contiguous_ones_give() {
    let nchw = random(&[2, 4, 7, 6], 1);
    let strided = nchw.permute((0, 2, 3, 1)).unwrap();
    let contiguous = strided.contiguous().unwrap();
    assert!(!strided.is_contiguous());
    let w = random(&[6, 4, 3, 3], 2).permute((2, 3, 1, 0)).unwrap();
    let narrow = random(&[8], 3).narrow(0, 2, 4).unwrap();
    let run = |x: &Tensor| {
        let y = conv2d(x, &w, 1, 1).unwrap();
        let norm = batch_norm_train(x, &narrow, &narrow, 1e-5, true).unwrap().y;
        let pooled = max_pool2d(x, 3, 2, 1).unwrap();
        let affine = affine_relu(x, &narrow, &narrow, true).unwrap();
        let sum = add_relu(x, &affine).unwrap();
        [y, norm, pooled, affine, sum, global_average_pool(x).unwrap()].map(|t| bits(&t))
    };
    assert_eq!(run(&strided), run(&contiguous));

    // The gradient that arrives may be strided too.
    let x = Var::from_tensor(&contiguous).unwrap();
    let dy = random(&[2, 6, 7, 6], 4);
    let y = conv2d(&x, &w, 1, 1).unwrap().permute((0, 3, 1, 2)).unwrap();
    let strided = (y * &dy).unwrap().sum_all().unwrap().backward().unwrap();
    let y = conv2d(&x, &w, 1, 1).unwrap();
    let dy = dy.permute((0, 2, 3, 1)).unwrap().contiguous().unwrap();
    let contiguous = (y * dy).unwrap().sum_all().unwrap().backward().unwrap();
    assert_eq!(bits(strided.get(&x).unwrap()), bits(contiguous.get(&x).unwrap()));
}

#[test]
fn refusals_say_what_is_wrong() {
    let x = random(&[2, 6, 5, 4], 1);
    let (three, four) = (random(&[3], 2), random(&[4], 3));
    let w = random(&[3, 3, 4, 2], 4);
    let double = x.to_dtype(DType::F64).unwrap();
    let logits = random(&[2, 3], 5);
    let targets = |targets: &[i64]| Tensor::new(targets, &Device::Cpu).unwrap();
    let plain = CrossEntropy::default();
    let weighted = |weights: &[f32], label_smoothing| CrossEntropy {
        class_weights: Some(weights.to_vec()),
        label_smoothing,
        focal_gamma: 0.0,
    };
    let fine = targets(&[0, 1]);
    let cases: Vec<(Result<Tensor>, &str)> = vec![
        (conv2d(&double, &w, 1, 1), "conv2d, the input: F64"),
        (conv2d(&x, &w.to_dtype(DType::F16).unwrap(), 1, 1), "conv2d, the weight: F16"),
        (conv2d(&x, &random(&[3, 3, 5, 2], 6), 1, 1), "expected [kh, kw, 4, c_out]"),
        (conv2d(&three, &w, 1, 1), "expected [n, h, w, c_in]"),
        (conv2d(&x, &w, 0, 1), "the stride must be at least 1"),
        (conv2d(&x, &random(&[9, 9, 4, 2], 7), 1, 1), "does not fit"),
        (max_pool2d(&x, 3, 2, 2), "at most half of the kernel"),
        (max_pool2d(&x, 0, 2, 0), "at least 1"),
        (max_pool2d(&x, 9, 2, 1), "does not fit"),
        (max_pool2d(&three, 3, 2, 1), "expected [n, h, w, c]"),
        (
            batch_norm_train(&x, &three, &four, 1e-5, true).map(|norm| norm.y),
            "gamma: shape [3], expected [4]",
        ),
        (batch_norm_train(&x, &four, &four, 0.0, true).map(|norm| norm.y), "eps must be positive"),
        (
            batch_norm_train(&random(&[1, 1, 1, 4], 8), &four, &four, 1e-5, true).map(|norm| norm.y),
            "more than one value per channel",
        ),
        (affine_relu(&x, &four, &three, true), "the shift: shape [3], expected [4]"),
        (add_relu(&x, &w), "expected [2, 6, 5, 4] like the first"),
        (global_average_pool(&logits), "expected [n, h, w, c]"),
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
