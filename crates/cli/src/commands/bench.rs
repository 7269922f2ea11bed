//! `marque bench`: times training steps or evaluation, and each convolution of them.

mod convolution;
mod throughput;

use marque_contracts::counts::counted;
use marque_kernels::nhwc::Convolution;
use marque_kernels::{bf16_multiply_add_peak, bf16_unit, instruction_set, multiply_add_peak};
use marque_network::Precision;
use serde_json::json;

use self::throughput::Throughput;
use crate::arguments::Bench;
use crate::error::Error;
use crate::terminal::Terminal;

/// Seconds of a training step: the median of a few, on made-up photos.
pub(super) fn median_step(options: &Bench) -> Result<f64, Error> {
    Ok(throughput::measure(options)?.median())
}

pub(super) fn bench(options: &Bench, terminal: &Terminal) -> Result<(), Error> {
    if options.batch < 2 && !options.evaluate {
        let message =
            "training normalises by the statistics of a batch: --batch takes 2 or more without --evaluate";
        return Err(Error::Usage(message.to_owned()));
    }
    rayon::ThreadPoolBuilder::new().num_threads(options.threads.unwrap_or(0)).build_global()?;
    let measured = throughput::measure(options)?;
    let memory = peak_memory();
    if options.json {
        terminal.print(record(options, &measured, memory));
        return Ok(());
    }
    let (seconds, median) = (&measured.seconds, measured.median());
    terminal.print(format_args!(
        "{:?}, {} px, batch {}, {}, {} with {}",
        options.backbone,
        options.size,
        options.batch,
        counted(rayon::current_num_threads() as u64, "thread", "threads"),
        options.precision.word(),
        unit(options)
    ));
    terminal.print(format_args!(
        "{:.1} photos/s: median of {} {median:.3} s, from {:.3} to {:.3} s",
        f64::from(options.batch) / median,
        counted(seconds.len() as u64, "step", "steps"),
        seconds[0],
        seconds[seconds.len() - 1]
    ));
    terminal.print(format_args!(
        "{:.0} GFLOP/s, counting convolutions by their definition; at best the cores reach {:.0}",
        measured.operations / median / 1e9,
        peak(options) / 1e9
    ));
    if let Some(bytes) = memory {
        terminal.print(format_args!("{} MiB of memory at most", bytes >> 20));
    }
    terminal.print("");
    by_kind(&measured, options, terminal);
    Ok(())
}

/// What multiplies.
fn unit(options: &Bench) -> &'static str {
    match options.precision {
        Precision::F32 => instruction_set(),
        Precision::Bf16 => bf16_unit().unwrap_or(instruction_set()),
    }
}

/// Operations per second at best.
fn peak(options: &Bench) -> f64 {
    match options.precision {
        Precision::F32 => multiply_add_peak(),
        Precision::Bf16 => bf16_multiply_add_peak(),
    }
}

fn record(options: &Bench, measured: &Throughput, memory: Option<u64>) -> serde_json::Value {
    json!({
        "backbone": options.backbone.name(),
        "mode": if options.evaluate { "infer" } else { "train" },
        "batch": options.batch,
        "size": options.size,
        "threads": rayon::current_num_threads(),
        "precision": options.precision.word(),
        "instructions": unit(options),
        "seconds_median": measured.median(),
        "seconds_min": measured.seconds[0],
        "seconds_max": measured.seconds[measured.seconds.len() - 1],
        "images_per_second": f64::from(options.batch) / measured.median(),
        "gflops": measured.operations / measured.median() / 1e9,
        "peak_gflops": peak(options) / 1e9,
        "peak_rss_mib": memory.map(|bytes| bytes >> 20),
    })
}

/// Times each kind of convolution alone and prints what share of a step it takes.
fn by_kind(measured: &Throughput, options: &Bench, terminal: &Terminal) {
    let evaluate = options.evaluate;
    terminal.print(format_args!(
        "{:<28} {:>17} {:>17} {:>17} {:>6}",
        "milliseconds, GFLOP/s", "forward", "input gradient", "weight gradient", "share"
    ));
    let step = measured.median();
    let mut rest = step;
    for (index, (convolution, count)) in measured.kinds().iter().enumerate() {
        let seconds = convolution::time(convolution, options.precision, evaluate, index == 0);
        let total = *count as f64 * seconds.sum();
        rest -= total;
        let [x, w] = [convolution.input_shape(), convolution.weight_shape()];
        let cell = |seconds| rate(convolution, seconds);
        terminal.print(format_args!(
            "{count:>2} × {}×{}/{} {:>4}→{:<4} @{:<5} {:>17} {:>17} {:>17} {:>5.1}%",
            w[0],
            w[1],
            convolution.stride(),
            w[2],
            w[3],
            x[1],
            cell(Some(seconds.forward)),
            cell(seconds.input_gradient),
            cell(seconds.weight_gradient),
            100.0 * total / step
        ));
    }
    let name = if evaluate { "pooling, heads" } else { "norms, pooling, heads, AdamW" };
    terminal.print(format_args!("{name:<82} {:>5.1}%", 100.0 * (rest / step).max(0.0)));
}

fn rate(convolution: &Convolution, seconds: Option<f64>) -> String {
    seconds.map_or_else(String::new, |seconds| {
        format!("{:.2} {:>6.0}", seconds * 1e3, convolution.operations() as f64 / seconds / 1e9)
    })
}

/// The most memory that this process has had, in bytes, where the system says.
pub(super) fn peak_memory() -> Option<u64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kib| kib << 10)
}
