//! Losses over learning rates as an SVG drawing: the rate on a logarithmic axis, each loss as a dot, their average as
//! a line, the suggestion as a dashed one.

use std::fmt::Write;

use marque_train::{Sweep, SweepPoint};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 50.0;

/// Losses are shown up to this many times the best average: above it they only tell that all is lost.
const TALLEST: f64 = 4.0;

/// Lines across the drawing.
const LINES: usize = 5;

/// Where rates and losses are on the drawing.
struct Frame {
    /// Decimal logarithms of the rates at both ends.
    rates: (f64, f64),
    losses: (f64, f64),
}

impl Frame {
    fn around(points: &[SweepPoint]) -> Self {
        let logs = || points.iter().map(|point| point.learning_rate.log10());
        let smoothed = || points.iter().map(|point| point.smoothed);
        let best = smoothed().fold(f64::INFINITY, f64::min);
        let losses =
            || points.iter().flat_map(|point| [point.smoothed, point.loss]).filter(|l| l.is_finite());
        let most = losses().filter(|loss| *loss <= TALLEST * best).fold(best, f64::max);
        let least = losses().fold(best, f64::min);
        let (first, last) = (logs().fold(f64::INFINITY, f64::min), logs().fold(f64::NEG_INFINITY, f64::max));
        Self { rates: wider(first, last), losses: wider(least, most) }
    }

    fn x(&self, rate: f64) -> f64 {
        LEFT + (rate.log10() - self.rates.0) / (self.rates.1 - self.rates.0) * (WIDTH - LEFT - RIGHT)
    }

    fn y(&self, loss: f64) -> f64 {
        let share = (loss - self.losses.0) / (self.losses.1 - self.losses.0);
        HEIGHT - BOTTOM - share.clamp(0.0, 1.0) * (HEIGHT - TOP - BOTTOM)
    }
}

/// A range that has some width.
fn wider(low: f64, high: f64) -> (f64, f64) {
    match (low.is_finite() && high.is_finite(), high - low > 1e-9) {
        (true, true) => (low, high),
        (true, false) => (low - 0.5, low + 0.5),
        (false, _) => (0.0, 1.0),
    }
}

/// The drawing of a sweep.
pub(super) fn draw(sweep: &Sweep) -> String {
    let frame = Frame::around(&sweep.points);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} \
         {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#333\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    axes(&frame, &mut svg);
    for point in sweep.points.iter().filter(|point| point.loss.is_finite()) {
        let (x, y) = (frame.x(point.learning_rate), frame.y(point.loss));
        let _ = writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2\" fill=\"#9bb7d4\"/>");
    }
    let line = sweep.points.iter().filter(|point| point.smoothed.is_finite());
    let line =
        line.map(|point| format!("{:.1},{:.1}", frame.x(point.learning_rate), frame.y(point.smoothed)));
    let _ = writeln!(
        svg,
        "<polyline fill=\"none\" stroke=\"#1f5fa8\" stroke-width=\"2\" points=\"{}\"/>",
        line.collect::<Vec<_>>().join(" ")
    );
    if let Some(rate) = sweep.suggestion {
        let x = frame.x(rate);
        let bottom = HEIGHT - BOTTOM;
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#c0392b\" \
             stroke-dasharray=\"5 4\"/>\n<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" \
             fill=\"#c0392b\">{rate:.1e}</text>",
            TOP - 8.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// Powers of ten below, a few losses at the left, and what they are.
fn axes(frame: &Frame, svg: &mut String) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for power in frame.rates.0.ceil() as i32..=frame.rates.1.floor() as i32 {
        let x = frame.x(10f64.powi(power));
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{TOP}\" x2=\"{x:.1}\" y2=\"{bottom}\" stroke=\"#e5e5e5\"/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">1e{power}</text>",
            bottom + 18.0
        );
    }
    for line in 0..=LINES {
        let loss = frame.losses.0 + (frame.losses.1 - frame.losses.0) * line as f64 / LINES as f64;
        let y = frame.y(loss);
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"#e5e5e5\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{loss:.2}</text>",
            LEFT - 8.0,
            y + 4.0
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">learning rate of the trunk</text>\n\
         <text x=\"16\" y=\"{:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 16 {:.1})\">loss</text>",
        (LEFT + right) / 2.0,
        HEIGHT - 12.0,
        (TOP + bottom) / 2.0,
        (TOP + bottom) / 2.0
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_sweep_can_be_drawn() {
        let point = |learning_rate, loss| SweepPoint { learning_rate, loss, smoothed: loss };
        let cases: [&[SweepPoint]; 4] = [
            &[],
            &[point(1e-3, 2.0)],
            &[point(1e-3, 2.0), point(1e-2, 2.0)],
            &[point(1e-4, 2.0), point(1e-3, 1.0), point(1e-2, f64::INFINITY)],
        ];
        for points in cases {
            let suggestion = points.first().map(|point| point.learning_rate);
            let svg = draw(&Sweep { points: points.to_vec(), diverged: true, suggestion });
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
