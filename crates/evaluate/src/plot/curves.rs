//! Training curves: a value by epoch, in training and in validation.

use super::scale::{Scale, step, ticks};
use super::svg::Svg;

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 38.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 24.0;

/// How values are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unit {
    /// A share of 1, as a percentage.
    Percent,
    /// A plain number.
    Number,
}

impl Unit {
    /// Tick labels carry the digits that their step needs.
    fn tick(self, value: f64, step: f64) -> String {
        let value = if self == Unit::Percent { value * 100.0 } else { value };
        let step = if self == Unit::Percent { step * 100.0 } else { step };
        let digits = (0..6).find(|digits| {
            let scaled = step * 10f64.powi(*digits);
            (scaled - scaled.round()).abs() < 1e-6
        });
        let unit = if self == Unit::Percent { "%" } else { "" };
        format!("{value:.*}{unit}", digits.unwrap_or(6) as usize)
    }

    fn exact(self, value: f64) -> String {
        match self {
            Unit::Percent => format!("{:.1}%", value * 100.0),
            Unit::Number => format!("{value:.3}"),
        }
    }
}

/// One value by epoch.
pub(crate) struct Curves<'a> {
    /// What it is.
    pub(crate) label: &'a str,
    /// How it is written.
    pub(crate) unit: Unit,
    /// Range of the values; the same for charts that are to be compared.
    pub(crate) range: (f64, f64),
    /// By epoch, in training.
    pub(crate) training: Vec<(u32, f64)>,
    /// By epoch, in validation; empty without validation photos.
    pub(crate) validation: Vec<(u32, f64)>,
    /// The epoch whose weights were kept.
    pub(crate) best_epoch: Option<u32>,
}

impl Curves<'_> {
    /// Draws the chart.
    pub(crate) fn draw(&self) -> String {
        let mut svg = Svg::new("chart", WIDTH, HEIGHT, &format!("{} by epoch", self.label));
        let epochs = self.training.iter().chain(&self.validation).map(|(epoch, _)| f64::from(*epoch));
        let (first, last) = epochs
            .fold((f64::INFINITY, 0.0), |(low, high): (f64, f64), epoch| (low.min(epoch), high.max(epoch)));
        let x = Scale { values: (first.min(last), last), places: (LEFT + 6.0, WIDTH - RIGHT) };
        let y = Scale { values: self.range, places: (HEIGHT - BOTTOM, TOP) };
        self.draw_axes(&mut svg, x, y);
        let place = |(epoch, value): &(u32, f64)| (x.place(f64::from(*epoch)), y.place(*value));
        let inside = |(_, value): &&(u32, f64)| value.is_finite();
        for (class, points) in [("curve training", &self.training), ("curve validation", &self.validation)] {
            let places: Vec<_> = points.iter().filter(inside).map(place).collect();
            svg.polyline(class, &places);
            if let [only] = places[..] {
                svg.dot(class, only, 2.5, "");
            }
        }
        let measured = if self.validation.is_empty() { &self.training } else { &self.validation };
        let best = measured.iter().filter(inside).find(|(epoch, _)| Some(*epoch) == self.best_epoch);
        if let Some(point) = best {
            self.mark(&mut svg, place(point), *point);
        }
        svg.finish()
    }

    fn draw_axes(&self, svg: &mut Svg, x: Scale, y: Scale) {
        let (low, high) = self.range;
        let y_step = step(high - low, 4);
        for value in ticks(low, high, y_step) {
            let at = y.place(value);
            svg.line("grid", (LEFT, at), (WIDTH - RIGHT, at));
            svg.text("tick end", (LEFT - 6.0, at + 3.5), self.unit.tick(value, y_step));
        }
        let (first, last) = x.values;
        let x_step = step(last - first, 6).max(1.0).ceil();
        for epoch in ticks(first, last, x_step) {
            svg.text("tick middle", (x.place(epoch), HEIGHT - BOTTOM + 16.0), epoch as i64);
        }
    }

    /// Marks the best epoch; its value stands at the end of the mark that is farther from the curve.
    fn mark(&self, svg: &mut Svg, (x, y): (f64, f64), (epoch, value): (u32, f64)) {
        let (top, base) = (TOP, HEIGHT - BOTTOM);
        svg.line("best", (x, top), (x, base));
        let text = self.unit.exact(value);
        svg.dot("best", (x, y), 4.0, &format!("epoch {epoch}: {text}"));
        let (class, aside) = if x > WIDTH / 2.0 { ("value end", -6.0) } else { ("value", 6.0) };
        let at = if y < (top + base) / 2.0 { base - 7.0 } else { top + 9.0 };
        svg.text(class, (x + aside, at), text);
    }
}
