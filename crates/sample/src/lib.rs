//! Draws the embedded data set: photos of cars in the published format of Stanford Cars, so that the whole pipeline runs
//! without a network.
//!
//! **Reads** nothing. **Writes** the four files of the publication into a folder:
//!
//! | file | contents |
//! |---|---|
//! | `car_devkit.tgz` | `devkit/README.txt`, `cars_meta.mat`, `cars_train_annos.mat`, `cars_test_annos.mat` |
//! | `cars_train.tgz`, `cars_test.tgz` | `cars_train/00001.jpg` and so on |
//! | `cars_test_annos_withlabels.mat` | the test annotations with classes |
//!
//! # What is drawn
//! Each class is a three-dimensional body ([`class_names`] lists them) lofted from the measures of its kind, wrapped in
//! painted views of its sides and ends, and lit by a sun, a sky and what the paint mirrors. As on real cars,
//! - the **brand** shows in the grille, the head and tail lamps, the badge and the rims,
//! - the **type** shows in the body,
//! - the **era** shows in the bumpers (grey against body-coloured), the flanks (rubbing strip against crease), the lamps
//!   (large with amber corners against dark with light strips), and the size of the rims.
//!
//! Colour, place, light, angle, framing and what stands in the way are drawn without looking at the class.
//!
//! # Determinism
//! Photo `index` of a split depends on the seed, the split, the index and its class alone, so neither the number of
//! threads nor their timing shows in the files: the same [`Sample`] and [`VERSION`] give the same bytes.

mod annotations;
mod archive;
mod backdrop;
mod body;
mod cabin;
mod camera;
mod catalogue;
mod chance;
mod develop;
mod error;
mod frame;
mod front;
mod geometry;
mod light;
mod mesh;
mod model;
mod noise;
mod occlusion;
mod panel;
mod photo;
mod publish;
mod raster;
mod rear;
mod rims;
mod scene;
mod shape;
mod side;
mod stanford_cars;
mod top;

use std::path::{Path, PathBuf};

pub use error::Error;
pub use photo::{Photo, Rectangle};

/// Version of the drawing. It rises whenever the same [`Sample`] would give other bytes, and belongs into cache keys.
pub const VERSION: u32 = 1;

/// What to draw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Seed of every random choice.
    pub seed: u64,
    /// Photos in `cars_train`, at most 99999.
    pub train_photos: u32,
    /// Photos in `cars_test`, at most 99999.
    pub test_photos: u32,
    /// Width of a photo in pixels.
    pub width: u32,
    /// Height of a photo in pixels.
    pub height: u32,
}

impl Default for Sample {
    fn default() -> Self {
        Sample { seed: 1, train_photos: 2000, test_photos: 500, width: 240, height: 180 }
    }
}

/// The two official splits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// `cars_train`.
    Train = 0,
    /// `cars_test`.
    Test = 1,
}

impl Sample {
    fn photos(&self, split: Split) -> u32 {
        match split {
            Split::Train => self.train_photos,
            Split::Test => self.test_photos,
        }
    }

    fn check(&self) -> Result<(), Error> {
        let fits = |size: u32| (64..=4096).contains(&size);
        if fits(self.width) && fits(self.height) {
            Ok(())
        } else {
            Err(Error::Canvas { width: self.width, height: self.height })
        }
    }
}

/// The class names in the order of the class numbers: official names in official order.
pub fn class_names() -> impl ExactSizeIterator<Item = &'static str> {
    catalogue::CLASSES.iter().map(|class| class.name)
}

/// The class of each photo of a split, counted from 0, in the order of the file names. Shares follow the real data.
///
/// # Errors
/// [`Error::TooMany`] if the split has more photos than file names.
pub fn classes(sample: &Sample, split: Split) -> Result<Vec<usize>, Error> {
    publish::assignment(sample, split)
}

/// Draws photo `index` (from 0) of a split as a photo of `class` (from 0).
///
/// # Errors
/// [`Error::NoSuchClass`]; [`Error::Canvas`] and [`Error::OutOfSight`] for unsuitable sizes.
pub fn draw(sample: &Sample, class: usize, split: Split, index: u32) -> Result<Photo, Error> {
    sample.check()?;
    let mut raster = raster::Raster::new(sample.width as usize, sample.height as usize);
    publish::one(sample, &model::Model::new(class)?, split, index, &mut raster)
}

/// Draws all photos and writes the four files into `folder`, which is created if it is missing. Returns their paths.
/// `progress` is called for every drawn photo, from several threads, with the photos done and the photos in all.
///
/// # Errors
/// [`Error::Io`] if the folder cannot be written; otherwise as [`draw`] and [`classes`].
pub fn write(
    sample: &Sample,
    folder: &Path,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Vec<PathBuf>, Error> {
    sample.check()?;
    publish::write(sample, folder, progress)
}
