//! Training curves: a value by epoch, in training and in validation.

use marque_plot::{Axes, NumberFormat, Scale, Svg, step, ticks};

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 38.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 24.0;

/// One value by epoch.
pub(super) struct Curves<'a> {
    /// What it is.
    pub(super) label: &'a str,
    /// How it is written.
    pub(super) format: NumberFormat,
    /// Range of the values; the same for charts that are to be compared.
    pub(super) range: (f64, f64),
    /// By epoch, in training.
    pub(super) training: Vec<(u32, f64)>,
    /// By epoch, in validation; empty without validation photos.
    pub(super) validation: Vec<(u32, f64)>,
    /// The epoch whose weights were kept.
    pub(super) best_epoch: Option<u32>,
}

impl Curves<'_> {
    /// Draws the chart.
    pub(super) fn draw(&self) -> String {
        let mut svg = Svg::new("chart", WIDTH, HEIGHT, &format!("{} by epoch", self.label));
        let epochs = self.training.iter().chain(&self.validation).map(|(epoch, _)| f64::from(*epoch));
        let (first, last) = epochs
            .fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), epoch| (low.min(epoch), high.max(epoch)));
        let epochs = (first.min(last), last);
        let axes = Axes {
            x: Scale::linear(epochs, (LEFT + 6.0, WIDTH - RIGHT)),
            y: Scale::linear(self.range, (HEIGHT - BOTTOM, TOP)),
            horizontal: (LEFT, WIDTH - RIGHT),
            vertical: (TOP, HEIGHT - BOTTOM),
        };
        self.draw_ticks(&mut svg, &axes, epochs);
        let point = |(epoch, value): &(u32, f64)| (f64::from(*epoch), *value);
        axes.draw_line(&mut svg, "curve training", self.training.iter().map(point));
        axes.draw_line(&mut svg, "curve validation", self.validation.iter().map(point));
        let measured = if self.validation.is_empty() { &self.training } else { &self.validation };
        let best =
            measured.iter().find(|(epoch, value)| Some(*epoch) == self.best_epoch && value.is_finite());
        if let Some((epoch, value)) = best {
            self.mark(&mut svg, axes.place((f64::from(*epoch), *value)), *epoch, *value);
        }
        svg.finish()
    }

    fn draw_ticks(&self, svg: &mut Svg, axes: &Axes, (first, last): (f64, f64)) {
        let (low, high) = self.range;
        let y_step = step(high - low, 4);
        let rows = ticks(low, high, y_step).into_iter();
        axes.draw_rows(svg, rows.map(|value| (value, self.format.tick(value, y_step))));
        let x_step = step(last - first, 6).max(1.0).ceil();
        for epoch in ticks(first, last, x_step) {
            axes.draw_column_label(svg, epoch, (epoch as i64).to_string());
        }
    }

    /// Marks the best epoch; its value stands at the end of the mark that is farther from the curve.
    fn mark(&self, svg: &mut Svg, (x, y): (f64, f64), epoch: u32, value: f64) {
        let (top, bottom) = (TOP, HEIGHT - BOTTOM);
        svg.line("best", (x, top), (x, bottom));
        let text = self.format.exact(value);
        svg.dot("best", (x, y), 4.0, &format!("epoch {epoch}: {text}"));
        let (class, aside) = if x > WIDTH / 2.0 { ("value end", -6.0) } else { ("value", 6.0) };
        let at = if y < (top + bottom) / 2.0 { bottom - 7.0 } else { top + 9.0 };
        svg.text(class, (x + aside, at), text);
    }
}
