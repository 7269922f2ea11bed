//! What `nhwc` promises of slices that do not have the length that the shapes ask for: a panic, in either precision,
//! rather than a result of something else.

use half::bf16;
use marque_kernels::nhwc::{
    ConvInput, Convolution, Element, Epilogue, MaxPool, Moments, Normalisation, NormalisationGradient,
    global_average_pool, global_average_pool_gradient, normalise, normalise_add_relu,
};
use std::panic::{AssertUnwindSafe, catch_unwind};

fn panics(what: &str, call: impl FnOnce()) {
    assert!(catch_unwind(AssertUnwindSafe(call)).is_err(), "{what} was taken");
}

fn norm(channels: usize) -> Normalisation {
    let moments = Moments { mean: vec![0.0; channels], variance: vec![1.0; channels] };
    Normalisation::new(&moments, &vec![1.0; channels], &vec![0.0; channels], 1e-5)
}

/// Convolutions that go by Winograd's algorithm, and directly.
fn convolutions<E: Element>() {
    let zeros = |len: usize| vec![E::default(); len];
    for stride in [1, 2] {
        let convolution = Convolution::new(&[2, 8, 8, 32], &[3, 3, 32, 64], stride, 1).unwrap();
        let len = |shape: [usize; 4]| shape.iter().product::<usize>();
        let (x, mut y) = (zeros(len(convolution.input_shape())), zeros(len(convolution.output_shape())));
        let mut w = vec![0.0; len(convolution.weight_shape())];
        let plain = ConvInput::plain(&x[..]);

        let (right, wrong) = (vec![0.0; 64], vec![0.0; 32]);
        for affine in [(&wrong[..], &right[..]), (&right, &wrong), (&right[..63], &right[..63])] {
            let epilogue = Epilogue { affine: Some(affine), ..Epilogue::default() };
            panics("a scale of other channels", || convolution.forward(plain, &w, epilogue, &mut y));
        }
        let short = zeros(y.len() - 1);
        let epilogue = Epilogue { add: Some(&short[..]), ..Epilogue::default() };
        panics("a short sum", || convolution.forward(plain, &w, epilogue, &mut y));
        let epilogue = Epilogue::default();
        panics("a short input", || convolution.forward(ConvInput::plain(&x[1..]), &w, epilogue, &mut y));
        panics("a short weight", || convolution.forward(plain, &w[1..], epilogue, &mut y));
        panics("a short output", || convolution.forward(plain, &w, epilogue, &mut y[1..]));

        for channels in [16, 64] {
            let norm = norm(channels);
            let source = ConvInput::normalised(&x, &norm);
            panics("a norm of other channels", || convolution.forward(source, &w, epilogue, &mut y));
            panics("a norm of other channels", || convolution.weight_gradient(source, &y, &mut w));
        }
        panics("a short gradient", || convolution.weight_gradient(plain, &y[1..], &mut w));
        panics("a short gradient", || convolution.input_gradient(&w, &y[1..], false, &mut zeros(x.len())));
        panics("a short input", || convolution.input_gradient(&w, &y, false, &mut zeros(x.len() - 1)));
    }
}

fn normalisations<E: Element>() {
    let (x, mut y) = (vec![E::default(); 7 * 6], vec![E::default(); 7 * 6]);
    let (right, wrong) = (norm(6), norm(5));
    let uneven = Normalisation { shift: vec![0.0; 5], ..norm(6) };
    panics("an output of parts of rows", || normalise(&x[1..], &right, true, &mut y[1..]));
    panics("a norm of other channels", || normalise(&x, &wrong, true, &mut y));
    panics("an uneven norm", || normalise(&x, &uneven, true, &mut y));
    panics("a norm of no channels", || normalise(&x, &Normalisation::default(), true, &mut y));
    panics("a norm of other channels", || normalise_add_relu(&x, &wrong, &x, None, &mut y));
    panics("a norm of other channels", || normalise_add_relu(&x, &right, &x, Some(&wrong), &mut y));
    panics("a short shortcut", || normalise_add_relu(&x, &right, &x[6..], None, &mut y));
    panics("a norm of other channels", || drop(NormalisationGradient::new(&x, &wrong, true, &y)));
    panics("a norm without deviations", || {
        let norm = Normalisation { inverse_deviation: Vec::new(), ..norm(6) };
        drop(NormalisationGradient::new(&x, &norm, true, &y));
    });
    let gradient = NormalisationGradient::new(&x, &right, true, &x);
    panics("a short gradient", || gradient.input(&x[6..], &mut y));
    panics("a short gradient", || gradient.input_in_place(&mut y[6..]));
}

fn pools<E: Element>() {
    let pool = MaxPool::new([1, 4, 4, 3], 2, 2, 0).unwrap();
    let (mut x, mut y, mut chosen) = (vec![E::default(); 48], vec![E::default(); 12], vec![0; 12]);
    panics("a short input", || pool.forward(&x[3..], &mut y, &mut chosen));
    panics("a short output", || pool.forward(&x, &mut y[3..], &mut chosen[3..]));
    panics("a short gradient", || pool.backward(&chosen[3..], &y[3..], &mut x));
    let mut means = [0.0; 5];
    panics("a mean of parts of rows", || global_average_pool(&x[..20], 4, 3, &mut means));
    panics("a mean of parts of rows", || global_average_pool_gradient(&means, 4, 3, &mut x[..20]));
}

#[test]
fn slices_of_another_length_are_refused() {
    convolutions::<f32>();
    convolutions::<bf16>();
    normalisations::<f32>();
    normalisations::<bf16>();
    pools::<f32>();
    pools::<bf16>();
    panics("a scale of other channels", || {
        let moments = Moments { mean: vec![0.0; 3], variance: vec![1.0; 3] };
        Normalisation::new(&moments, &[1.0; 3], &[0.0; 2], 1e-5);
    });
}
