//! What the user sees: results on standard output; progress, log and errors on standard error.

mod drawn_bar;

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, HumanDuration, MultiProgress, ProgressDrawTarget};
pub(crate) use marque_contracts::counts::seconds;
use marque_contracts::{Bar, Progress, Unit, printable};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use drawn_bar::DrawnBar;

use crate::error::Error;
use crate::signals;

/// Where standard error is no terminal, a long step prints a line this often.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// Width of tables that go to no terminal.
const PLAIN_WIDTH: usize = 80;

/// Least width of tables; a narrower terminal breaks lines itself.
const NARROWEST: usize = 40;

/// Steps shorter than this leave no line behind.
const WORTH_A_LINE: Duration = Duration::from_secs(2);

/// Everything that is shown goes through here, so that bars and lines do not tear each other.
#[derive(Clone)]
pub(crate) struct Terminal {
    bars: MultiProgress,
    quiet: bool,
    verbose: u8,
    interactive: bool,
    /// Why results could not be written.
    unwritten: Arc<OnceLock<io::Error>>,
    /// What becomes of the work so far when the command is interrupted, if that can be said.
    promise: Arc<OnceLock<&'static str>>,
}

impl Terminal {
    pub(crate) fn new(quiet: bool, verbose: u8) -> Self {
        let interactive = io::stderr().is_terminal();
        let target =
            if quiet || !interactive { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        Self {
            bars: MultiProgress::with_draw_target(target),
            quiet,
            verbose,
            interactive,
            unwritten: Arc::default(),
            promise: Arc::default(),
        }
    }

    /// Sends log events to standard error. `RUST_LOG` chooses what, over `--quiet` and `--verbose`.
    pub(crate) fn log(&self) {
        let level = match (self.quiet, self.verbose) {
            (true, _) => "error",
            (false, 0) => "warn",
            (false, 1) => "info",
            (false, _) => "debug",
        };
        let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_target(self.verbose > 1)
            .without_time()
            .with_ansi(self.interactive)
            .with_writer(self.clone())
            .init();
    }

    /// From now on an interrupt says this of what is done.
    pub(crate) fn promise_on_interrupt(&self, promise: &'static str) {
        let _ = self.promise.set(promise);
    }

    /// On Ctrl-C, unless whoever started the program has it ignored: clears the bars, says that nothing is lost where that is so, ends with 130.
    pub(crate) fn stop_on_interrupt(&self) {
        let terminal = self.clone();
        let handler = move || {
            let _ = terminal.bars.clear();
            // Whoever read our words may have been interrupted too: `marque run 2>&1 | tee log`.
            let _ = match terminal.promise.get() {
                Some(promise) => writeln!(io::stderr().lock(), "interrupted: {promise}"),
                None => writeln!(io::stderr().lock(), "interrupted"),
            };
            std::process::exit(130);
        };
        if let Err(error) = signals::keep_ignored(|| ctrlc::set_handler(handler)) {
            tracing::debug!("no handler for interrupts: {error}");
        }
    }

    /// Columns of the terminal that results go to; `None` where they go to a file or another program.
    pub(crate) fn output_width(&self) -> Option<usize> {
        let (terminal_size::Width(width), _) = terminal_size::terminal_size_of(io::stdout())?;
        Some(usize::from(width).max(NARROWEST))
    }

    /// Columns to keep tables within.
    pub(crate) fn width(&self) -> usize {
        self.output_width().unwrap_or(PLAIN_WIDTH)
    }

    /// Prints a result. A reader that has gone away, as `head` does, is no error; a full disk is one, which
    /// [`Terminal::finish`] returns.
    pub(crate) fn print(&self, text: impl Display) {
        let text = text.to_string();
        let written = self.bars.suspend(|| {
            let mut stdout = io::stdout().lock();
            writeln!(stdout, "{}", printable(&text)).and_then(|()| stdout.flush())
        });
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                let _ = self.unwritten.set(error);
            }
            _ => {}
        }
    }

    /// Whether all that was printed has been written.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        match self.unwritten.get() {
            Some(error) => Err(Error::Output(io::Error::from(error.kind()))),
            None => Ok(()),
        }
    }

    /// Prints a line about the run, unless told to be quiet.
    pub(crate) fn say(&self, text: impl Display) {
        if !self.quiet {
            self.print(text);
        }
    }

    /// Prints a line to be known beside the results, which go to standard output, unless told to be quiet.
    pub(crate) fn note(&self, text: impl Display) {
        if !self.quiet {
            let line = format!("note: {}\n", printable(&text.to_string()));
            self.bars.suspend(|| drop(io::stderr().lock().write_all(line.as_bytes())));
        }
    }

    pub(crate) fn error(&self, error: &Error) {
        let _ = self.bars.clear();
        let mut text = format!("error: {error}\n");
        for cause in error.causes() {
            text.push_str(&format!("  caused by: {cause}\n"));
        }
        if let Some(hint) = error.hint() {
            text.push_str(&format!("hint: {hint}\n"));
        }
        let _ = io::stderr().lock().write_all(printable(&text).as_bytes());
    }
}

impl Progress for Terminal {
    fn bar(&self, what: &str, total: u64, unit: Unit) -> Box<dyn Bar> {
        if self.quiet {
            return Box::new(marque_contracts::Silent);
        }
        let what = &printable(what);
        if !self.interactive {
            return Box::new(PlainBar::new(what, total, unit));
        }
        Box::new(DrawnBar::new(&self.bars, what, total, unit))
    }

    fn line(&self, text: &str) {
        self.say(format_args!("  {text}"));
    }
}

/// A bar for logs and files: a line now and then.
struct PlainBar {
    what: String,
    total: u64,
    unit: Unit,
    done: AtomicU64,
    /// Of these, by an earlier run.
    skipped: AtomicU64,
    started: Instant,
    state: Mutex<PlainState>,
}

struct PlainState {
    printed: Instant,
    message: String,
    /// Time left for all that the task is a part of.
    left: Option<Duration>,
}

impl PlainBar {
    fn new(what: &str, total: u64, unit: Unit) -> Self {
        let started = Instant::now();
        let state = Mutex::new(PlainState { printed: started, message: String::new(), left: None });
        Self {
            what: what.to_owned(),
            total,
            unit,
            done: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
            started,
            state,
        }
    }

    fn amount(&self, n: u64) -> String {
        match self.unit {
            Unit::Bytes => HumanBytes(n).to_string(),
            _ => n.to_string(),
        }
    }

    /// What this run has done of it.
    fn own(&self, done: u64) -> u64 {
        done.saturating_sub(self.skipped.load(Ordering::Relaxed))
    }

    fn rate(&self, done: u64) -> String {
        let rate = self.own(done) as f64 / self.started.elapsed().as_secs_f64().max(1e-9);
        let word = match self.unit {
            Unit::Bytes => return format!("{}/s", HumanBytes(rate as u64)),
            Unit::Photos => "photos",
            Unit::Files => "files",
            Unit::Batches => "batches",
            Unit::Steps => "steps",
        };
        format!("{rate:.1} {word}/s")
    }
}

impl Bar for PlainBar {
    fn advance(&self, n: u64) {
        let done = self.done.fetch_add(n, Ordering::Relaxed) + n;
        let Ok(mut state) = self.state.try_lock() else { return };
        if state.printed.elapsed() < PLAIN_INTERVAL || done >= self.total {
            return;
        }
        state.printed = Instant::now();
        let still = self.total.saturating_sub(done) as f64 / self.own(done).max(1) as f64;
        let left = self.started.elapsed().mul_f64(still);
        let (done_text, total) = (self.amount(done), self.amount(self.total));
        let (rate, left) = (self.rate(done), HumanDuration(left));
        let all = state.left.map_or_else(String::new, |left| format!(", {}", left_in_all(left)));
        let _ = writeln!(
            io::stderr().lock(),
            "  {}: {done_text}/{total}, {rate}, {left} left{all}  {}",
            self.what,
            state.message
        );
    }

    fn skip(&self, n: u64) {
        self.done.fetch_add(n, Ordering::Relaxed);
        self.skipped.fetch_add(n, Ordering::Relaxed);
    }

    fn set_message(&self, message: &str) {
        if let Ok(mut state) = self.state.lock() {
            state.message = printable(message).into_owned();
        }
    }

    fn set_time_left(&self, left: Option<Duration>) {
        if let Ok(mut state) = self.state.lock() {
            state.left = left;
        }
    }
}

impl Drop for PlainBar {
    fn drop(&mut self) {
        let (done, elapsed) = (self.done.load(Ordering::Relaxed), self.started.elapsed());
        if elapsed >= WORTH_A_LINE && done >= self.total {
            let (amount, rate) = (self.amount(done), self.rate(done));
            let _ = writeln!(
                io::stderr().lock(),
                "  {}: {amount} in {:.1} s, {rate}",
                self.what,
                elapsed.as_secs_f64()
            );
        }
    }
}

/// Collects one log event and prints it between the bars.
pub(crate) struct LogLine {
    bars: MultiProgress,
    text: Vec<u8>,
}

impl Write for LogLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogLine {
    fn drop(&mut self) {
        let text = std::mem::take(&mut self.text);
        // Colours are escapes of our own; those of what is told are written as codes by the subscriber.
        let text = String::from_utf8_lossy(&text);
        let lines = text.split('\u{1b}').map(printable).collect::<Vec<_>>().join("\u{1b}");
        self.bars.suspend(|| {
            let _ = io::stderr().lock().write_all(lines.as_bytes());
        });
    }
}

impl MakeWriter<'_> for Terminal {
    type Writer = LogLine;

    fn make_writer(&self) -> LogLine {
        LogLine { bars: self.bars.clone(), text: Vec::new() }
    }
}

/// "12 min 05 s left in all".
fn left_in_all(left: Duration) -> String {
    format!("{} left in all", seconds(left.as_secs_f64()))
}

/// Bytes as people read them: "12.3 MB".
pub(crate) fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        _ => format!("{:.1} GB", n as f64 / 1e9),
    }
}
