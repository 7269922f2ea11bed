//! A progress bar on a terminal of any width: a line of the bar, and one below it for what it says.

use std::fmt::Write;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};
use marque_contracts::{Bar, Unit, printable};

use super::{PLAIN_WIDTH, left_in_all};

/// What stands before the second line.
const INDENT: &str = "\n    ";

/// Parts of a message are this far apart.
const BETWEEN_PARTS: &str = "  ";

pub(super) struct DrawnBar {
    bar: ProgressBar,
    bars: MultiProgress,
    below: Mutex<Below>,
}

/// What the line below says.
#[derive(Default)]
struct Below {
    message: String,
    left: Option<Duration>,
}

impl DrawnBar {
    pub(super) fn new(bars: &MultiProgress, what: &str, total: u64, unit: Unit) -> Self {
        // Neither is wider than a terminal of 80 columns.
        let counts = match unit {
            Unit::Bytes => "{bar:10.cyan/dim} {bytes}/{total_bytes} {bytes_per_sec}",
            Unit::Photos | Unit::Files | Unit::Batches | Unit::Steps => {
                "{bar:20.cyan/dim} {human_pos}/{human_len} {rate}"
            }
        };
        let template = format!("  {{prefix:<20}} {counts}  eta {{eta}}{{msg}}");
        let style = ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let rate = |state: &ProgressState, out: &mut dyn Write| {
            let _ = write!(out, "{:.1}/s", state.per_sec());
        };
        let style = style.with_key("rate", rate).progress_chars("━╸─");
        let bar = bars.add(ProgressBar::new(total).with_style(style));
        bar.set_prefix(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, bars: bars.clone(), below: Mutex::default() }
    }

    fn change(&self, change: impl FnOnce(&mut Below)) {
        let mut below = self.below.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut below);
        let width =
            terminal_size::terminal_size_of(io::stderr()).map_or(PLAIN_WIDTH, |(width, _)| width.0.into());
        self.bar.set_message(below.line(width));
    }
}

impl Below {
    /// The line, with a line break before it, of as many parts as there is room for in `width` columns; nothing if there
    /// is nothing to say. The time left comes first, so that it is never left out for others.
    fn line(&self, width: usize) -> String {
        let left = self.left.map(left_in_all);
        let parts = left.iter().map(String::as_str).chain(self.message.split(BETWEEN_PARTS));
        let room = width.saturating_sub(INDENT.len());
        let mut line = String::new();
        for part in parts.filter(|part| !part.is_empty()) {
            let gap = if line.is_empty() { "" } else { BETWEEN_PARTS };
            if line.chars().count() + gap.len() + part.chars().count() > room {
                break;
            }
            line.extend([gap, part]);
        }
        if line.is_empty() { line } else { format!("{INDENT}{line}") }
    }
}

impl Bar for DrawnBar {
    fn advance(&self, n: u64) {
        self.bar.inc(n);
    }

    fn skip(&self, n: u64) {
        self.bar.inc(n);
        // Makes the estimate take in what was skipped before it begins anew: else the next tick would.
        self.bar.inc_length(0);
        self.bar.reset_eta();
    }

    fn set_message(&self, message: &str) {
        self.change(|below| below.message = printable(message).into_owned());
    }

    fn set_time_left(&self, left: Option<Duration>) {
        self.change(|below| below.left = left);
    }
}

impl Drop for DrawnBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
        self.bars.remove(&self.bar);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use indicatif::{ProgressDrawTarget, TermLike};

    use super::*;

    #[test]
    fn a_narrow_terminal_gets_whole_parts_only() {
        let message = "loss 1.234  brand 45%  type 67%  era 89%".to_owned();
        let below = Below { message, left: Some(Duration::from_secs(725)) };
        let cases = [
            (200, "12 min 05 s left in all  loss 1.234  brand 45%  type 67%  era 89%"),
            (60, "12 min 05 s left in all  loss 1.234  brand 45%"),
            (40, "12 min 05 s left in all  loss 1.234"),
            (30, "12 min 05 s left in all"),
            (10, ""),
        ];
        for (width, expected) in cases {
            assert_eq!(below.line(width).trim_start_matches(INDENT), expected, "{width} columns");
            assert!(below.line(width).lines().all(|line| line.chars().count() <= width));
        }
        assert_eq!(Below::default().line(80), "");
    }

    /// What was written, line by line, of a terminal of 80 columns.
    #[derive(Clone, Debug, Default)]
    struct Written(Arc<Mutex<Vec<String>>>);

    impl TermLike for Written {
        fn width(&self) -> u16 {
            80
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push(text.trim_end().to_owned());
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn no_line_of_a_training_is_wider_than_80_columns() {
        for (what, total, unit) in
            [("epoch 9999/9999", 12_345, Unit::Batches), ("stanford-cars.tgz", 1_950_000_000, Unit::Bytes)]
        {
            let written = Written::default();
            let target = ProgressDrawTarget::term_like(Box::new(written.clone()));
            let bar = DrawnBar::new(&MultiProgress::with_draw_target(target), what, total, unit);
            bar.advance(total / 3);
            bar.set_time_left(Some(Duration::from_secs(45_296)));
            bar.set_message("loss 123.456  brand 100%  type 100%  era 100%  colour 100%  condition 100%");
            bar.bar.tick();
            let lines = written.0.lock().unwrap().clone();
            assert!(lines.iter().any(|line| line.contains(what) && line.contains("eta ")), "{lines:?}");
            let below = "    12 h 34 min left in all  loss 123.456  brand 100%  type 100%  era 100%";
            assert!(lines.iter().any(|line| line == below), "{lines:?}");
            let widest = lines.iter().max_by_key(|line| line.chars().count()).unwrap();
            assert!(widest.chars().count() <= 80, "{widest}");
        }
    }
}
