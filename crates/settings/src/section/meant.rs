//! What a value that is not allowed was probably meant to be: a message that says so is mended at once.

use crate::value::Value;

/// What a number measures, as far as people are likely to give it in another unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Measure {
    /// Nothing that is easily mistaken.
    #[default]
    Plain,
    /// A share of the whole, from 0 to 1: not a percentage.
    Share,
    /// A share of the steps of a training: not a number of steps or epochs.
    ShareOfSteps,
    /// How bright a colour is, from 0 to 1: not of bytes.
    Brightness,
    /// How bright a colour is, from 0 to 255: not from 0 to 1.
    Byte,
    /// Seconds: not milliseconds.
    Seconds,
    /// Pixels: not a share.
    Pixels,
    /// Bytes: not megabytes.
    Bytes,
}

impl Measure {
    /// What numbers of this range measure where their key does not say.
    pub(super) fn or_of(self, least: f64, most: f64) -> Self {
        if self == Self::Plain && least >= 0.0 && (0.5..=1.0).contains(&most) { Self::Share } else { self }
    }

    /// What `value` was probably meant to be, to be read on from "must be …"; empty where there is no telling.
    pub(super) fn meant(self, value: &Value, is_allowed: impl Fn(&Value) -> bool) -> String {
        let written = spellings(value).into_iter().find(|(other, _)| is_allowed(other));
        let meant = written.map(|(other, how)| format!("write {other}{how}"));
        meant
            .or_else(|| self.in_this_unit(value, is_allowed))
            .map_or_else(String::new, |text| format!("; {text}"))
    }

    fn in_this_unit(self, value: &Value, is_allowed: impl Fn(&Value) -> bool) -> Option<String> {
        let times = |factor: f64| scaled(value, factor).filter(&is_allowed);
        let largest = largest(value)?;
        match self {
            Self::Share if largest > 1.0 => Some(match times(0.01) {
                Some(share) => format!("it is a share, and {value} percent would be {share}"),
                None => "it is a share: a tenth is 0.1".to_owned(),
            }),
            Self::ShareOfSteps if largest > 1.0 => {
                Some("it is a share of all steps, not a number of steps or epochs".to_owned())
            }
            Self::Brightness => times(1.0 / 255.0).map(|levels| {
                format!("it is of pixels from 0 to 1, and {value} looks like one of bytes: divided by 255 it is {levels}")
            }),
            Self::Byte => times(255.0)
                .map(|levels| format!("levels are from 0 to 255, and {value} times 255 would be {levels}")),
            Self::Seconds => {
                times(0.001).map(|seconds| format!("it is in seconds, and {value} milliseconds would be {seconds}"))
            }
            Self::Pixels if largest > 0.0 && largest < 1.0 => {
                Some("it is a number of pixels, not a share".to_owned())
            }
            Self::Bytes if times(f64::from(1 << 20)).is_some() => {
                Some("it is in bytes: a MiB is 1048576 of them, a GiB 1073741824".to_owned())
            }
            Self::Plain | Self::Bytes | Self::Share | Self::ShareOfSteps | Self::Pixels => None,
        }
    }
}

/// Other ways to write a value, and what to say of each.
fn spellings(value: &Value) -> Vec<(Value, &'static str)> {
    let repeated = |times: usize| (Value::list(vec![value.clone(); times]), "");
    match value {
        Value::Text(text) => {
            let text = text.trim();
            let number =
                text.parse().ok().map(Value::Integer).or_else(|| text.parse().ok().map(Value::Number));
            let flag = match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" => Some(Value::Flag(true)),
                "false" | "no" | "off" => Some(Value::Flag(false)),
                _ => None,
            };
            number.into_iter().chain(flag).map(|other| (other, ", without quotes")).collect()
        }
        Value::Integer(whole) => {
            let flag = matches!(whole, 0 | 1).then(|| (Value::Flag(*whole == 1), ""));
            flag.into_iter().chain((2..=4).map(repeated)).collect()
        }
        Value::Number(number) => {
            let whole = (number.fract() == 0.0).then_some((Value::Integer(*number as i64), ""));
            whole.into_iter().chain((2..=4).map(repeated)).collect()
        }
        _ => Vec::new(),
    }
}

/// A number, or each of a list, times a factor, with four digits behind the point; without a point where it is whole.
fn scaled(value: &Value, factor: f64) -> Option<Value> {
    match value {
        Value::List(items) => {
            let items: Option<Vec<_>> = items.iter().map(|item| scaled(&item.value, factor)).collect();
            items.map(Value::list)
        }
        _ => {
            let number = (value.finite()? * factor * 1e4).round() / 1e4;
            Some(if number.fract() == 0.0 { Value::Integer(number as i64) } else { Value::Number(number) })
        }
    }
}

/// The largest number in a value.
fn largest(value: &Value) -> Option<f64> {
    match value {
        Value::List(items) => items.iter().filter_map(|item| largest(&item.value)).reduce(f64::max),
        _ => value.finite(),
    }
}
