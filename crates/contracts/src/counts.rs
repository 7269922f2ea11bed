//! Numbers in messages: thousands apart, singular and plural, what is not listed, percentages, decimals, durations.

/// A count with commas between thousands: "2,600".
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// "1 photo", "2,600 photos".
pub fn counted(count: u64, one: &str, several: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { several })
}

/// The first few of some items, and how many there are beyond them: "and 3 more".
pub fn listed(items: &[impl ToString], most: usize) -> Vec<String> {
    let mut listed: Vec<_> = items.iter().take(most).map(ToString::to_string).collect();
    if items.len() > most {
        listed.push(format!("and {} more", items.len() - most));
    }
    listed
}

/// A share as a percentage with one digit: "93.5%", and "100%" only for all of them.
pub fn percent(share: f64) -> String {
    if share == 1.0 {
        return "100%".to_owned();
    }
    // 99.96% is not all of them, so it is not rounded to look so.
    let percents = if share < 1.0 { (100.0 * share).min(99.9) } else { 100.0 * share };
    format!("{percents:.1}%")
}

/// A number with so many digits behind the point; large ones with as many and a power of ten: "0.123", "1.235e37".
pub fn decimal(value: f64, digits: usize) -> String {
    const LARGE: f64 = 1e6;
    match value.is_finite() && value.abs() >= LARGE {
        true => format!("{value:.digits$e}"),
        false => format!("{value:.digits$}"),
    }
}

/// A duration as people read it: "0.4 s", "2 min 05 s".
pub fn seconds(s: f64) -> String {
    if s < 99.95 {
        return format!("{s:.1} s");
    }
    let whole = s.round() as u64;
    match whole {
        0..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_close_to_all_are_not_rounded_up() {
        for (share, text) in [(0.9996, "99.9%"), (1.0, "100%"), (0.935, "93.5%"), (0.0, "0.0%")] {
            assert_eq!(percent(share), text);
        }
    }

    #[test]
    fn large_numbers_are_as_short_as_small_ones() {
        for (value, text) in [
            (0.12345, "0.123"),
            (-2.0, "-2.000"),
            (999_999.0, "999999.000"),
            (1.234_56e37, "1.235e37"),
            (-1e300, "-1.000e300"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(decimal(value, 3), text);
        }
    }

    #[test]
    fn durations_have_the_units_that_matter() {
        for (s, text) in
            [(0.44, "0.4 s"), (99.96, "1 min 40 s"), (3_599.0, "59 min 59 s"), (3_660.0, "1 h 01 min")]
        {
            assert_eq!(seconds(s), text);
        }
    }

    #[test]
    fn what_is_not_listed_is_counted() {
        assert_eq!(listed(&[1, 2, 3], 3), ["1", "2", "3"]);
        assert_eq!(listed(&[1, 2, 3], 1), ["1", "and 2 more"]);
    }

    #[test]
    fn counts_read_well() {
        for (count, text) in
            [(0, "0 photos"), (1, "1 photo"), (999, "999 photos"), (1_234_567, "1,234,567 photos")]
        {
            assert_eq!(counted(count, "photo", "photos"), text);
        }
    }
}
