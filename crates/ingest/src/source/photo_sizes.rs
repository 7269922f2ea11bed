//! The sizes of a sample of photos, by their headers: no pixel is decoded.

use std::path::Path;

use marque_formats::RejectedRow;
use marque_photo::{ANY_SIZE, Photo};
use rayon::prelude::*;

/// The sizes of a sample of photos.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PhotoSizes {
    /// Width and height of each, upright.
    pub sizes: Vec<(usize, usize)>,
    /// Those that are no photos, or of a kind that is not read.
    pub unread: Vec<RejectedRow>,
}

/// Photos whose headers are read.
const HEADERS: usize = 400;

impl PhotoSizes {
    /// Every how manieth of some photos belongs to the sample.
    pub(super) fn step(photos: usize) -> usize {
        photos.div_ceil(HEADERS).max(1)
    }

    /// Adds a photo by its content.
    pub(super) fn add(&mut self, name: &str, file: &[u8]) {
        match Photo::read(file, ANY_SIZE) {
            Ok(photo) => self.sizes.push(photo.upright_size()),
            Err(error) => {
                self.unread.push(RejectedRow { file_name: name.to_owned(), reason: error.to_string() });
            }
        }
    }

    /// Reads the headers of a sample of files, spread evenly.
    pub(super) fn of_files(folder: &Path, names: &[&str]) -> Self {
        let sample: Vec<_> = names.iter().step_by(Self::step(names.len())).collect();
        let read: Vec<_> = sample
            .par_iter()
            .map(|name| {
                let mut one = Self::default();
                match fs_err::read(folder.join(name)) {
                    Ok(file) => one.add(name, &file),
                    Err(error) => {
                        let (file_name, reason) = ((**name).to_owned(), error.to_string());
                        one.unread.push(RejectedRow { file_name, reason });
                    }
                }
                one
            })
            .collect();
        let mut all = Self::default();
        for one in read {
            all.sizes.extend(one.sizes);
            all.unread.extend(one.unread);
        }
        all
    }

    /// Photos that were looked at.
    pub fn looked_at(&self) -> usize {
        self.sizes.len() + self.unread.len()
    }

    /// The median of the shorter sides, in pixels.
    pub fn shorter_side(&self) -> Option<usize> {
        let mut sides: Vec<_> = self.sizes.iter().map(|(width, height)| *width.min(height)).collect();
        sides.sort_unstable();
        sides.get(sides.len() / 2).copied()
    }
}
