//! Times each convolution of ResNet34, forward and both gradients, and prints milliseconds and how many GFLOP/s
//! a direct computation would have to reach for that.
//!
//! `cargo run --release -p marque-kernels --example layers -- [BATCH] [SIZE] [THREADS]`

use marque_kernels::nhwc::{Convolution, Epilogue};
use std::time::Instant;

/// Kernel, stride, input channels, output channels, the image's share of the input size, how many there are.
const LAYERS: [[usize; 6]; 11] = [
    [7, 2, 3, 64, 1, 1],
    [3, 1, 64, 64, 4, 6],
    [3, 2, 64, 128, 4, 1],
    [1, 2, 64, 128, 4, 1],
    [3, 1, 128, 128, 8, 7],
    [3, 2, 128, 256, 8, 1],
    [1, 2, 128, 256, 8, 1],
    [3, 1, 256, 256, 16, 11],
    [3, 2, 256, 512, 16, 1],
    [1, 2, 256, 512, 16, 1],
    [3, 1, 512, 512, 32, 5],
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument = |index: usize, default: usize| {
        std::env::args().nth(index).map_or(Ok(default), |argument| argument.parse::<usize>())
    };
    let (batch, size, threads) = (argument(1, 16)?, argument(2, 128)?, argument(3, 2)?);
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    println!("{:>24}  {:>18} {:>18} {:>18}", "", "forward", "input gradient", "weight gradient");
    let mut total = 0.0;
    for [kernel, stride, inputs, outputs, share, count] in LAYERS {
        let side = size / share;
        let (x_shape, w_shape) = ([batch, side, side, inputs], [kernel, kernel, inputs, outputs]);
        let convolution = Convolution::new(&x_shape, &w_shape, stride, kernel / 2)?;
        let mut x = ramp(x_shape.iter().product());
        let mut w = ramp(w_shape.iter().product());
        let mut y = ramp(convolution.output_shape().iter().product());
        let gflop = 2e-9 * (y.len() * kernel * kernel * inputs) as f64;
        let forward = best(|| convolution.forward(&x, &w, Epilogue::default(), &mut y));
        let of_weight = best(|| convolution.weight_gradient(&x, &y, &mut w));
        let of_input =
            if inputs == 3 { 0.0 } else { best(|| convolution.input_gradient(&w, &y, false, &mut x)) };
        let cell = |seconds: f64| format!("{:7.2} ms {:5.0} GF", seconds * 1e3, gflop / seconds);
        println!(
            "{count:>2} x {kernel}x{kernel}/{stride} {inputs:>3}>{outputs:<3} @{side:<3}  {:>18} {:>18} {:>18}",
            cell(forward),
            cell(of_input),
            cell(of_weight)
        );
        total += count as f64 * (forward + of_weight + of_input);
    }
    println!("all: {:.1} ms", total * 1e3);
    Ok(())
}

fn ramp(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i * 7919 % 1021) as f32 / 1021.0 - 0.5).collect()
}

/// Seconds of the fastest of several calls.
fn best(mut call: impl FnMut()) -> f64 {
    (0..7)
        .map(|_| {
            let start = Instant::now();
            call();
            start.elapsed().as_secs_f64()
        })
        .skip(1)
        .fold(f64::INFINITY, f64::min)
}
