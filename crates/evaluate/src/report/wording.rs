//! Words and numbers as people read them.

/// A share as a percentage with one digit: "93.5%", and "100%" only for all of them.
pub(super) fn percent(share: f64) -> String {
    if share == 1.0 { "100%".to_owned() } else { format!("{}%", tenths(share)) }
}

/// As [`percent`], without the sign.
pub(super) fn percent_number(share: f64) -> String {
    if share == 1.0 { "100".to_owned() } else { tenths(share) }
}

/// Percents with one digit. 99.96% is not all of them, so it is not rounded to look so.
fn tenths(share: f64) -> String {
    let percents = share * 100.0;
    let percents = if share < 1.0 { percents.min(99.9) } else { percents };
    format!("{percents:.1}")
}

/// A number with three digits, or a dash for none.
pub(super) fn decimal(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"))
}

/// Small numbers as words.
pub(super) fn number_word(value: usize) -> String {
    const WORDS: [&str; 11] =
        ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
    WORDS.get(value).map_or_else(|| value.to_string(), |word| (*word).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_close_to_all_are_not_rounded_up() {
        assert_eq!(percent(0.9996), "99.9%");
        assert_eq!(percent(1.0), "100%");
        assert_eq!(percent(0.935), "93.5%");
        assert_eq!(percent_number(0.0), "0.0");
    }
}
