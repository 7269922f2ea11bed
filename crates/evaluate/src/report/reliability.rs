//! Reliability diagrams: accuracy by the probability of the predicted class.

use marque_contracts::counts::counted;
use marque_metrics::{Bin, Reliability};
use marque_plot::{Area, Axes, NumberFormat, Scale, Svg};

const WIDTH: f64 = 420.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 12.0;
const PLOT: f64 = 290.0;
/// Room between the plot and the strip of counts below it.
const BETWEEN: f64 = 12.0;
const STRIP: f64 = 46.0;
const BOTTOM: f64 = 40.0;

/// Draws accuracy against confidence by bin, with 95% intervals, and below it how many photos a bin has.
pub(super) fn reliability(head: &str, calibration: &Reliability) -> String {
    let height = TOP + PLOT + BETWEEN + STRIP + BOTTOM;
    let label = format!("accuracy of {head} by the probability of the answer");
    let mut svg = Svg::new("chart reliability", WIDTH, height, &label);
    let axes = Axes {
        x: Scale::linear((0.0, 1.0), (LEFT, WIDTH - RIGHT)),
        y: Scale::linear((0.0, 1.0), (TOP + PLOT, TOP)),
        horizontal: (LEFT, WIDTH - RIGHT),
        vertical: (TOP, TOP + PLOT + BETWEEN + STRIP),
    };
    draw_axes(&mut svg, &axes);
    draw_counts(&mut svg, &axes, calibration);
    draw_bins(&mut svg, &axes, calibration);
    svg.finish()
}

fn draw_axes(svg: &mut Svg, axes: &Axes) {
    let ((left, right), base) = (axes.horizontal, axes.vertical.1);
    let ticks = [0.0, 0.25, 0.5, 0.75, 1.0].map(|value| (value, NumberFormat::Percent.tick(value, 0.25)));
    axes.draw_rows(svg, ticks.clone());
    let [inner @ .., (_, last)] = ticks;
    for (value, label) in inner {
        axes.draw_column_label(svg, value, label);
    }
    // In the middle of its tick the last label would stand out of the drawing.
    svg.text("tick end", (right + 6.0, base + 16.0), last);
    svg.line("ideal", axes.place((0.0, 0.0)), axes.place((1.0, 1.0)));
    svg.text("axis middle", ((left + right) / 2.0, base + 34.0), "probability of the answer");
}

fn draw_counts(svg: &mut Svg, axes: &Axes, calibration: &Reliability) {
    let ((left, right), base) = (axes.horizontal, axes.vertical.1);
    svg.line("grid", (left, base), (right, base));
    for bin in calibration.bins.iter().filter(|bin| bin.right.total > 0) {
        let (left, right) = (axes.x.place(bin.low) + 1.0, axes.x.place(bin.high) - 1.0);
        let height = relative_size(bin, calibration) * STRIP;
        let area = Area { x: left, y: base - height, width: right - left, height, rounding: 1.5 };
        let photos = counted(bin.right.total, "photo", "photos");
        let tip = format!("{:.0}–{:.0}%: {photos}", bin.low * 100.0, bin.high * 100.0);
        svg.rectangle("bar", area, 1.0, &tip);
    }
}

fn draw_bins(svg: &mut Svg, axes: &Axes, calibration: &Reliability) {
    for bin in &calibration.bins {
        let (Some(confidence), Some(share), Some([low, high])) =
            (bin.confidence, bin.right.share, bin.right.interval)
        else {
            continue;
        };
        svg.line("whisker", axes.place((confidence, low)), axes.place((confidence, high)));
        let tip = format!(
            "probability {:.1}%, right {:.1}% ({} of {})",
            confidence * 100.0,
            share * 100.0,
            bin.right.count,
            bin.right.total
        );
        // Areas in proportion to the photos, but never too small to see.
        let radius = 3.5 + 5.5 * relative_size(bin, calibration);
        svg.dot("point", axes.place((confidence, share)), radius, &tip);
    }
}

/// The photos of a bin relative to the fullest one, on a square-root scale, which keeps bins of a few photos visible
/// beside one of hundreds.
fn relative_size(bin: &Bin, calibration: &Reliability) -> f64 {
    let most = calibration.bins.iter().map(|bin| bin.right.total).max().unwrap_or(0).max(1);
    (bin.right.total as f64 / most as f64).sqrt()
}
