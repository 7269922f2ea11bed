//! Scales: from values to positions on the drawing, and the ticks of an axis.

/// Maps values to positions, linearly or by their decimal logarithm; either range may run backwards.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Scale {
    values: (f64, f64),
    places: (f64, f64),
    logarithmic: bool,
}

impl Scale {
    /// A linear scale from a range of values to a range of positions.
    pub fn linear(values: (f64, f64), places: (f64, f64)) -> Self {
        Self { values, places, logarithmic: false }
    }

    /// A logarithmic scale from a range of positive values to a range of positions.
    pub fn logarithmic((low, high): (f64, f64), places: (f64, f64)) -> Self {
        Self { values: (low.log10(), high.log10()), places, logarithmic: true }
    }

    /// Position of a value. A range of values without width maps to the middle.
    pub fn place(&self, value: f64) -> f64 {
        let ((v0, v1), (p0, p1)) = (self.values, self.places);
        let value = if self.logarithmic { value.log10() } else { value };
        let share = if v1 == v0 { 0.5 } else { (value - v0) / (v1 - v0) };
        p0 + share * (p1 - p0)
    }
}

/// The smallest of 1, 2, 2.5 and 5 times a power of ten by which `range` takes at most `count` steps.
pub fn step(range: f64, count: usize) -> f64 {
    let least = (range / count.max(1) as f64).max(f64::MIN_POSITIVE);
    let power = 10f64.powf(least.log10().floor());
    // A hair of tolerance: 0.3 / 3 is a little over 0.1.
    let fits = |factor: &f64| factor * power >= least * (1.0 - 1e-9);
    [1.0, 2.0, 2.5, 5.0].into_iter().find(fits).unwrap_or(10.0) * power
}

/// Powers of ten from `low` to `high`, both positive and included: ticks of a logarithmic axis.
pub fn decades(low: f64, high: f64) -> impl Iterator<Item = i32> {
    (low.log10() - 1e-9).ceil() as i32..=(high.log10() + 1e-9).floor() as i32
}

/// Multiples of `step` from `low` to `high`, both included.
pub fn ticks(low: f64, high: f64, step: f64) -> Vec<f64> {
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    let count = (last - first).clamp(0.0, 100.0) as usize;
    (0..=count).map(|i| (first + i as f64) * step).collect()
}

/// Numbers from here on are written with a power of ten.
const LARGE: f64 = 1e6;

/// How numbers are written on a plot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NumberFormat {
    /// A share of 1, as a percentage.
    Percent,
    /// A plain number.
    Decimal,
}

impl NumberFormat {
    /// The label of a tick, with the digits that the step between ticks needs.
    pub fn tick(self, value: f64, step: f64) -> String {
        let (factor, unit) = if self == Self::Percent { (100.0, "%") } else { (1.0, "") };
        let (value, step) = (value * factor, step * factor);
        if value.abs() >= LARGE {
            return format!("{value:.1e}{unit}");
        }
        let digits = (0..6).find(|digits| {
            let scaled = step * 10f64.powi(*digits);
            (scaled - scaled.round()).abs() < 1e-6
        });
        format!("{value:.*}{unit}", digits.unwrap_or(6) as usize)
    }

    /// A measured value: percentages with one digit, numbers with three.
    pub fn exact(self, value: f64) -> String {
        match self {
            Self::Percent => format!("{:.1}%", value * 100.0),
            Self::Decimal if value.abs() >= LARGE => format!("{value:.3e}"),
            Self::Decimal => format!("{value:.3}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_few() {
        for (range, count, expected) in
            [(1.0, 4, 0.25), (0.3, 3, 0.1), (7.0, 5, 2.0), (0.9, 2, 0.5), (99.0, 10, 10.0)]
        {
            let step = step(range, count);
            assert!((step - expected).abs() < 1e-12, "{range} by {count}: {step}");
        }
    }

    #[test]
    fn ticks_include_both_ends() {
        assert_eq!(ticks(0.0, 1.0, 0.25), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(ticks(0.7, 1.0, 0.1).len(), 4);
        assert_eq!(ticks(1.0, 1.0, 1.0), [1.0]);
    }

    #[test]
    fn a_scale_without_width_stays_finite() {
        assert_eq!(Scale::linear((3.0, 3.0), (0.0, 10.0)).place(3.0), 5.0);
        assert_eq!(Scale::linear((0.0, 1.0), (10.0, 0.0)).place(0.25), 7.5);
    }

    #[test]
    fn decades_are_equally_far_apart_on_a_logarithmic_scale() {
        let scale = Scale::logarithmic((1e-4, 1.0), (0.0, 40.0));
        let places: Vec<_> = decades(1e-4, 1.0).map(|power| scale.place(10f64.powi(power))).collect();
        assert_eq!(places, [0.0, 10.0, 20.0, 30.0, 40.0]);
        assert_eq!(decades(2e-3, 5e-1).collect::<Vec<_>>(), [-2, -1]);
        assert_eq!(decades(2.0, 3.0).count(), 0);
    }

    #[test]
    fn ticks_have_the_digits_of_their_step() {
        for (format, value, step, label) in [
            (NumberFormat::Percent, 0.25, 0.25, "25%"),
            (NumberFormat::Percent, 0.5, 0.025, "50.0%"),
            (NumberFormat::Decimal, 2.0, 0.5, "2.0"),
            (NumberFormat::Decimal, 30.0, 10.0, "30"),
            (NumberFormat::Decimal, 2.5e37, 5e36, "2.5e37"),
        ] {
            assert_eq!(format.tick(value, step), label);
        }
        assert_eq!(NumberFormat::Decimal.exact(0.12345), "0.123");
        assert_eq!(NumberFormat::Decimal.exact(1.2345678e37), "1.235e37");
    }
}
