//! From values to places on the page.

/// Maps values linearly to places; either may run backwards.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Scale {
    pub(crate) values: (f64, f64),
    pub(crate) places: (f64, f64),
}

impl Scale {
    /// Place of a value. A range of values without width maps to the middle.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let ((v0, v1), (p0, p1)) = (self.values, self.places);
        let share = if v1 == v0 { 0.5 } else { (value - v0) / (v1 - v0) };
        p0 + share * (p1 - p0)
    }
}

/// The smallest of 1, 2, 2.5 and 5 times a power of ten by which `range` takes at most `count` steps.
pub(crate) fn step(range: f64, count: usize) -> f64 {
    let least = (range / count.max(1) as f64).max(f64::MIN_POSITIVE);
    let power = 10f64.powf(least.log10().floor());
    // A hair of tolerance: 0.3 / 3 is a little over 0.1.
    let fits = |factor: &f64| factor * power >= least * (1.0 - 1e-9);
    [1.0, 2.0, 2.5, 5.0].into_iter().find(fits).unwrap_or(10.0) * power
}

/// Multiples of `step` from `low` to `high`, both included.
pub(crate) fn ticks(low: f64, high: f64, step: f64) -> Vec<f64> {
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    let count = (last - first).clamp(0.0, 100.0) as usize;
    (0..=count).map(|i| (first + i as f64) * step).collect()
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
        assert_eq!(Scale { values: (3.0, 3.0), places: (0.0, 10.0) }.place(3.0), 5.0);
        assert_eq!(Scale { values: (0.0, 1.0), places: (10.0, 0.0) }.place(0.25), 7.5);
    }
}
