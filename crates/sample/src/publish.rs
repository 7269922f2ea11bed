//! Which photo shows which class, and the four files of the data set.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use crate::annotations::{self, Annotation};
use crate::catalogue::{CLASSES, apportion};
use crate::chance::Chance;
use crate::model::Model;
use crate::photo::{Photo, take};
use crate::raster::Raster;
use crate::stanford_cars::{
    CLASS_NAMES, DEVKIT, DEVKIT_ARCHIVE, TEST, TEST_UNLABELLED, TRAIN, photo_folder, photo_name,
};
use crate::{Error, Sample, Split, archive};

const README: &str = "\
This is a drawn stand-in for the Stanford Cars data set (cars 196), in its published format.
Every photo was rendered from a small three-dimensional model; none shows a real car.
The class names are a selection of the original ones, in the original order.

cars_meta.mat          class_names: a cell array with the name of each class
cars_train_annos.mat   annotations: a struct array with one element per photo of cars_train
cars_test_annos.mat    the same of cars_test, without the class

Fields of annotations:
  bbox_x1, bbox_y1, bbox_x2, bbox_y2   the bounding box in pixels, counted from 1, both ends inclusive
  class                                number of the class, counted from 1
  fname                                file name within cars_train or cars_test
";

/// Streams of the generator that no photo uses: photos count from 0.
const SHUFFLE: u64 = u64::MAX;

/// The class of each photo of a split, counted from 0, in the order of the file names.
pub(crate) fn assignment(sample: &Sample, split: Split) -> Result<Vec<usize>, Error> {
    let photos = sample.photos(split);
    if photos > 99_999 {
        return Err(Error::TooMany { photos });
    }
    let counts = apportion(photos);
    let mut classes: Vec<usize> = counts
        .iter()
        .enumerate()
        .flat_map(|(class, &count)| std::iter::repeat_n(class, count as usize))
        .collect();
    let mut chance = Chance::new(sample.seed, SHUFFLE - split as u64);
    for last in (1..classes.len()).rev() {
        classes.swap(last, chance.below(last as u32 + 1) as usize);
    }
    Ok(classes)
}

/// Draws photo `index` (from 0) of a split with a model made before.
pub(crate) fn one(
    sample: &Sample,
    model: &Model,
    split: Split,
    index: u32,
    raster: &mut Raster,
) -> Result<Photo, Error> {
    let stream = u64::from(index) << 1 | split as u64;
    take(model, (sample.width, sample.height), &mut Chance::new(sample.seed, stream), raster)
}

type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// Draws both splits and writes the four files.
pub(crate) fn write(sample: &Sample, folder: &Path, progress: Progress) -> Result<Vec<PathBuf>, Error> {
    fs_err::create_dir_all(folder)?;
    let classes = [assignment(sample, Split::Train)?, assignment(sample, Split::Test)?];
    let photos = draw_all(sample, &classes, progress)?;
    let [train, test] = [Split::Train, Split::Test].map(|split| annotate(&photos, &classes, split));
    let devkit = [
        ("README.txt", README.as_bytes().to_vec()),
        (CLASS_NAMES, annotations::meta()?),
        (TEST_UNLABELLED, annotations::split(TEST_UNLABELLED, &test, false)?),
        (TRAIN, annotations::split(TRAIN, &train, true)?),
    ];
    let entries = devkit.iter().map(|(name, bytes)| (format!("{DEVKIT}/{name}"), bytes.as_slice()));
    let mut files = vec![archive::write(&folder.join(DEVKIT_ARCHIVE), 6, entries)?];
    for split in [Split::Train, Split::Test] {
        let stem = photo_folder(split);
        let of_split = photos[split as usize].iter().enumerate();
        let entries =
            of_split.map(|(index, photo)| (format!("{stem}/{}", photo_name(index)), photo.jpeg.as_slice()));
        // JPEG files do not compress: they are stored.
        files.push(archive::write(&folder.join(format!("{stem}.tgz")), 0, entries)?);
    }
    let labelled = folder.join(TEST);
    fs_err::write(&labelled, annotations::split(TEST, &test, true)?)?;
    files.push(labelled);
    Ok(files)
}

fn annotate(photos: &[Vec<Photo>; 2], classes: &[Vec<usize>; 2], split: Split) -> Vec<Annotation> {
    let pairs = photos[split as usize].iter().zip(&classes[split as usize]).enumerate();
    pairs
        .map(|(index, (photo, &class))| Annotation {
            bounds: photo.annotated,
            class,
            file: photo_name(index),
        })
        .collect()
}

/// Draws class by class, because the skins of one class fit the processor's cache and those of all classes do not.
fn draw_all(
    sample: &Sample,
    classes: &[Vec<usize>; 2],
    progress: Progress,
) -> Result<[Vec<Photo>; 2], Error> {
    let total = (classes[0].len() + classes[1].len()) as u64;
    let blank = || Raster::new(sample.width as usize, sample.height as usize);
    let done = AtomicU64::new(0);
    let mut drawn: Vec<(Split, usize, Photo)> = Vec::with_capacity(total as usize);
    for class in 0..CLASSES.len() {
        let jobs: Vec<(Split, usize)> = [Split::Train, Split::Test]
            .into_iter()
            .flat_map(|split| {
                let of_class =
                    classes[split as usize].iter().enumerate().filter(move |(_, of)| **of == class);
                of_class.map(move |(index, _)| (split, index))
            })
            .collect();
        if jobs.is_empty() {
            continue;
        }
        let model = Model::new(class)?;
        let photos: Result<Vec<_>, Error> = jobs
            .into_par_iter()
            .map_init(blank, |raster, (split, index)| {
                let photo = one(sample, &model, split, index as u32, raster)?;
                progress(done.fetch_add(1, Ordering::Relaxed) + 1, total);
                Ok((split, index, photo))
            })
            .collect();
        drawn.extend(photos?);
    }
    drawn.sort_by_key(|(split, index, _)| (*split as usize, *index));
    let test = drawn.split_off(classes[0].len());
    Ok([drawn, test].map(|photos| photos.into_iter().map(|(_, _, photo)| photo).collect()))
}
