//! Writing event files: the message `Event` (`tensorflow/core/util/event.proto`), as far as scalars need it.

use std::io::{self, Write};
use std::path::Path;

use fs_err::File;
use marque_protobuf::Message;

use crate::record;

/// The version of the format, which the first event of a file states.
const VERSION: &str = "brain.Event:2";

/// Writes an event file.
#[derive(Debug)]
pub struct Writer {
    file: File,
    wall_time: f64,
    /// Records that are not in the file yet.
    pending: Vec<u8>,
}

impl Writer {
    /// Begins an event file in a folder, which is created if need be. `wall_time`, in seconds since 1970, is in
    /// the name of the file and in its events, unless these get [another](Self::set_wall_time); a file that is there already under that name is replaced.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn create(folder: &Path, wall_time: f64) -> io::Result<Self> {
        fs_err::create_dir_all(folder)?;
        let file = File::create(folder.join(file_name(wall_time)))?;
        let mut writer = Self { file, wall_time, pending: Vec::new() };
        let version = writer.event(0).text(3, VERSION);
        record::write(&mut writer.pending, &version.into_bytes());
        writer.flush()?;
        Ok(writer)
    }

    /// Gives the events from now on another wall time, in seconds.
    pub fn set_wall_time(&mut self, wall_time: f64) {
        self.wall_time = wall_time;
    }

    /// Adds values of several tags at one step, in one event: groups of curves have tags with a `/`, such as
    /// "validation/brand". They are in the file after [`flush`](Self::flush).
    pub fn scalars<'a>(&mut self, step: i64, values: impl IntoIterator<Item = (&'a str, f64)>) {
        let mut summary = Message::new();
        for (tag, value) in values {
            summary = summary.message(1, &Message::new().text(1, tag).float(2, value as f32));
        }
        let event = self.event(step).message(5, &summary);
        record::write(&mut self.pending, &event.into_bytes());
    }

    /// Writes what was added to the file, where TensorBoard sees it.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn flush(&mut self) -> io::Result<()> {
        self.file.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }

    fn event(&self, step: i64) -> Message {
        Message::new().double(1, self.wall_time).integer(2, step)
    }
}

/// TensorBoard takes every file for one of events that has `tfevents` in its name.
fn file_name(wall_time: f64) -> String {
    format!("events.out.tfevents.{:010}.marque", wall_time.max(0.0) as u64)
}
