//! Counts in messages: thousands apart, singular and plural, what is not listed.

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

#[cfg(test)]
mod tests {
    use super::*;

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
