//! Writing event files, and resuming them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fs_err::File;

use crate::Error;
use crate::event::{Event, Scalar, VERSION};
use crate::record::{self, Records};

/// Writes an event file.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    file: File,
    wall_time: f64,
    /// Records that are not in the file yet.
    pending: Vec<u8>,
}

impl Writer {
    /// Begins an event file in a folder, which is created if need be. `wall_time`, in seconds since 1970, is in
    /// the name of the file and in its events; a file that is there already under that name is replaced.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn create(folder: &Path, wall_time: f64) -> Result<Self, Error> {
        fs_err::create_dir_all(folder)?;
        let path = folder.join(file_name(wall_time));
        let file = File::create(&path)?;
        let mut writer = Self { path, file, wall_time, pending: Vec::new() };
        let version = Event { wall_time, version: Some(VERSION.to_owned()), ..Event::default() };
        record::write(&mut writer.pending, &version.encode());
        writer.flush()?;
        Ok(writer)
    }

    /// Resumes the event file that [`create`](Self::create) began with the same folder and time: events after `step`, and
    /// a record that an interruption left half written, are cut off. Creates the file if it is not there.
    ///
    /// # Errors
    /// If the file is not an event file, or the file system refuses.
    pub fn resume(folder: &Path, wall_time: f64, step: i64) -> Result<Self, Error> {
        let path = folder.join(file_name(wall_time));
        let bytes = match fs_err::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Self::create(folder, wall_time);
            }
            Err(error) => return Err(error.into()),
        };
        let Some(length) = length_until(&bytes, step) else {
            return Err(Error::Format { path, reason: "its first record is not an event with a version" });
        };
        let file = File::options().append(true).open(&path)?;
        file.set_len(length as u64)?;
        Ok(Self { path, file, wall_time, pending: Vec::new() })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Sets the time of the events that follow, in seconds since 1970.
    pub fn set_wall_time(&mut self, seconds: f64) {
        self.wall_time = seconds;
    }

    /// Adds a value to the curve of a tag. It is in the file after [`flush`](Self::flush).
    pub fn scalar(&mut self, tag: &str, step: i64, value: f64) {
        self.scalars(step, [(tag, value)]);
    }

    /// Adds values of several tags at one step, in one event.
    pub fn scalars<'a>(&mut self, step: i64, values: impl IntoIterator<Item = (&'a str, f64)>) {
        let scalar = |(tag, value): (&str, f64)| Scalar { tag: tag.to_owned(), value: value as f32 };
        let scalars = values.into_iter().map(scalar).collect();
        let event = Event { wall_time: self.wall_time, step, version: None, scalars };
        record::write(&mut self.pending, &event.encode());
    }

    /// Writes what was added to the file, where TensorBoard sees it.
    ///
    /// # Errors
    /// If the file system refuses.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.file.write_all(&self.pending)?;
        self.pending.clear();
        Ok(())
    }
}

/// TensorBoard takes every file for one of events that has `tfevents` in its name.
fn file_name(wall_time: f64) -> String {
    format!("events.out.tfevents.{:010}.marque", wall_time.max(0.0) as u64)
}

/// Bytes of the events up to a step; `None` if this is not an event file.
fn length_until(bytes: &[u8], step: i64) -> Option<usize> {
    let mut records = Records::new(bytes);
    let first = records.next().and_then(Event::decode)?;
    first.version?;
    let mut length = records.position();
    while let Some(event) = records.next().and_then(Event::decode) {
        if event.step > step {
            break;
        }
        length = records.position();
    }
    Some(length)
}
