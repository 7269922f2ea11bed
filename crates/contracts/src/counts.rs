//! Counts in messages: thousands apart, singular and plural, what is not listed, percentages.

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
