//! Curves of coverage and accuracy: how often answers are right if only the most probable ones are given.

use marque_contracts::counts::percent;
use marque_metrics::CoveragePoint;
use marque_plot::{Axes, NumberFormat, Scale, Svg, step, ticks};

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 42.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 38.0;

/// Draws accuracy against the share of answers given. `lowest` is where the scale of accuracies begins, the same for charts that
/// are to be compared.
pub(super) fn coverage(head: &str, curve: &[CoveragePoint], lowest: f64) -> String {
    let mut svg = Svg::new(
        "chart coverage",
        WIDTH,
        HEIGHT,
        &format!("accuracy of {head} by the share of answers given"),
    );
    let axes = Axes {
        x: Scale::linear((0.0, 1.0), (LEFT, WIDTH - RIGHT)),
        y: Scale::linear((lowest, 1.0), (HEIGHT - BOTTOM, TOP)),
        horizontal: (LEFT, WIDTH - RIGHT),
        vertical: (TOP, HEIGHT - BOTTOM),
    };
    let rows = step(1.0 - lowest, 4);
    let named = |value: f64| (value, NumberFormat::Percent.tick(value, rows));
    axes.draw_rows(&mut svg, ticks(lowest, 1.0, rows).into_iter().map(named));
    for value in [0.25, 0.5, 0.75] {
        axes.draw_column_label(&mut svg, value, NumberFormat::Percent.tick(value, 0.25));
    }
    svg.text("tick end", (WIDTH - RIGHT + 6.0, HEIGHT - BOTTOM + 16.0), "100%");
    svg.text("axis middle", ((LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 6.0), "answers given");
    let place = |point: &CoveragePoint| (point.coverage, point.accuracy);
    axes.draw_line(&mut svg, "curve answers", curve.iter().map(place));
    for point in curve {
        let tip = format!(
            "{} of the answers, those from {} on: {} right",
            percent(point.coverage),
            percent(point.threshold),
            percent(point.accuracy)
        );
        svg.dot("answers", axes.place(place(point)), 2.5, &tip);
    }
    svg.finish()
}

/// Where scales begin: down to a whole twentieth below all accuracies.
pub(super) fn lowest<'a>(curves: impl Iterator<Item = &'a [CoveragePoint]>) -> f64 {
    let lowest = curves.flatten().map(|point| point.accuracy).fold(1.0, f64::min);
    (((lowest - 0.01) * 20.0).floor() / 20.0).clamp(0.0, 0.95)
}
