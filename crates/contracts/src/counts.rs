//! Counts in messages: thousands apart, singular and plural.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_read_well() {
        for (count, text) in
            [(0, "0 photos"), (1, "1 photo"), (999, "999 photos"), (1_234_567, "1,234,567 photos")]
        {
            assert_eq!(counted(count, "photo", "photos"), text);
        }
    }
}
