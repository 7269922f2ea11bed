//! Reliability: how often answers of some probability are right.

use crate::Calibration;

use super::scale::Scale;
use super::svg::{Area, Svg};

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
pub(crate) fn reliability(head: &str, calibration: &Calibration) -> String {
    let height = TOP + PLOT + BETWEEN + STRIP + BOTTOM;
    let label = format!("accuracy of {head} by the probability of the answer");
    let mut svg = Svg::new("chart reliability", WIDTH, height, &label);
    let x = Scale { values: (0.0, 1.0), places: (LEFT, WIDTH - RIGHT) };
    let y = Scale { values: (0.0, 1.0), places: (TOP + PLOT, TOP) };
    draw_axes(&mut svg, x, y);
    draw_counts(&mut svg, x, calibration);
    draw_bins(&mut svg, x, y, calibration);
    svg.finish()
}

fn draw_axes(svg: &mut Svg, x: Scale, y: Scale) {
    let base = TOP + PLOT + BETWEEN + STRIP;
    for quarter in 0..=4 {
        let value = f64::from(quarter) / 4.0;
        let text = format!("{:.0}%", value * 100.0);
        svg.line("grid", (LEFT, y.place(value)), (WIDTH - RIGHT, y.place(value)));
        svg.text("tick end", (LEFT - 6.0, y.place(value) + 3.5), &text);
        let class = if quarter == 4 { "tick end" } else { "tick middle" };
        let nudge = if quarter == 4 { 6.0 } else { 0.0 };
        svg.text(class, (x.place(value) + nudge, base + 16.0), &text);
    }
    svg.line("ideal", (x.place(0.0), y.place(0.0)), (x.place(1.0), y.place(1.0)));
    svg.text("axis middle", ((LEFT + WIDTH - RIGHT) / 2.0, base + 34.0), "probability of the answer");
}

fn draw_counts(svg: &mut Svg, x: Scale, calibration: &Calibration) {
    let base = TOP + PLOT + BETWEEN + STRIP;
    svg.line("grid", (LEFT, base), (WIDTH - RIGHT, base));
    let most = calibration.bins.iter().map(|bin| bin.right.total).max().unwrap_or(0).max(1);
    for bin in calibration.bins.iter().filter(|bin| bin.right.total > 0) {
        let (left, right) = (x.place(bin.low) + 1.0, x.place(bin.high) - 1.0);
        // The square root keeps bins of a few photos visible beside one of hundreds.
        let size = (bin.right.total as f64 / most as f64).sqrt() * STRIP;
        let area = Area { x: left, y: base - size, width: right - left, height: size, rounding: 1.5 };
        let photos = if bin.right.total == 1 { "photo" } else { "photos" };
        let tip = format!("{:.0}–{:.0}%: {} {photos}", bin.low * 100.0, bin.high * 100.0, bin.right.total);
        svg.rectangle("bar", area, 1.0, &tip);
    }
}

fn draw_bins(svg: &mut Svg, x: Scale, y: Scale, calibration: &Calibration) {
    let most = calibration.bins.iter().map(|bin| bin.right.total).max().unwrap_or(0).max(1);
    for bin in &calibration.bins {
        let (Some(confidence), Some(share), Some([low, high])) =
            (bin.confidence, bin.right.share, bin.right.interval)
        else {
            continue;
        };
        let at = (x.place(confidence), y.place(share));
        svg.line("whisker", (at.0, y.place(low)), (at.0, y.place(high)));
        let tip = format!(
            "probability {:.1}%, right {:.1}% ({} of {})",
            confidence * 100.0,
            share * 100.0,
            bin.right.count,
            bin.right.total
        );
        // Areas in proportion to the photos, but never too small to see.
        svg.dot("point", at, 3.5 + 5.5 * (bin.right.total as f64 / most as f64).sqrt(), &tip);
    }
}
