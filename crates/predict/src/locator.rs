//! Where the car is in a photo, for photos that come without a box.

use std::ops::Range;
use std::path::Path;

use candle_core::{Device, Tensor};
use marque_augment::{Surroundings, View, mirror};
use marque_contracts::json;
use marque_contracts::schema::model::{CONFIG, CORRECTION, WEIGHTS};
use marque_contracts::schema::{HeadKind, Rectangle};
use marque_kernels::sigmoid;
use marque_network::{Backbone, HeadConfig, Network, NetworkConfig, PARTS, Precision};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::Error;

/// Height and width of what the locator sees, in pixels.
const LOCATOR_SIZE: usize = 64;

/// How far around the first guess it looks again, as shares of the guess's sides: each time, and each time in the mirror image
/// too, the box's edges lie elsewhere in the cells, and what is wrong about them is in part something else.
const AROUND: [f64; 3] = [0.2, 0.3, 0.45];

/// All of a photo.
const WHOLE: Rectangle = Rectangle { left: 0.0, top: 0.0, right: 1.0, bottom: 1.0 };

/// Smallest side of a box, in shares of the photo.
const LEAST_SIDE: f64 = 0.02;

/// A network that says where the car is.
#[derive(Debug)]
pub struct Locator {
    network: Network,
    correction: Correction,
}

/// What is added to each edge of a box that was found, in shares of its width and height: how far they were off on photos that the
/// network was not trained on.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Correction {
    /// To the left edge.
    pub left: f64,
    /// To the upper edge.
    pub top: f64,
    /// To the right edge.
    pub right: f64,
    /// To the lower edge.
    pub bottom: f64,
}

impl Correction {
    /// The middle of what would have been right for each photo: boxes found, and those that are right.
    pub fn fit(boxes: &[(Rectangle, Rectangle)]) -> Self {
        let middle = |edge: fn(&Rectangle) -> f64, side: fn(&Rectangle) -> f64| {
            let mut off: Vec<f64> =
                boxes.iter().map(|(found, right)| (edge(right) - edge(found)) / side(found)).collect();
            off.sort_by(f64::total_cmp);
            off.get(off.len() / 2).copied().unwrap_or(0.0)
        };
        let (width, height) = (|it: &Rectangle| it.right - it.left, |it: &Rectangle| it.bottom - it.top);
        Self {
            left: middle(|it| it.left, width),
            top: middle(|it| it.top, height),
            right: middle(|it| it.right, width),
            bottom: middle(|it| it.bottom, height),
        }
    }

    /// A box that was found, put right, as far as it lies in the photo.
    pub fn apply(&self, found: &Rectangle) -> Rectangle {
        let (width, height) = (found.right - found.left, found.bottom - found.top);
        Rectangle {
            left: (found.left + self.left * width).max(0.0),
            top: (found.top + self.top * height).max(0.0),
            right: (found.right + self.right * width).min(1.0),
            bottom: (found.bottom + self.bottom * height).min(1.0),
        }
    }
}

/// Pixels across a cell of the map that it gives.
const CELL: usize = 8;

/// What the locator's only head is about.
const HEAD: &str = "car";

/// The configuration of a locator: a network that says, of each cell of `8 × 8` pixels, how much of it is in the box of the car.
pub fn locator_config() -> NetworkConfig {
    let heads = vec![HeadConfig::new(HEAD, [HEAD]).with_kind(HeadKind::Tags)];
    NetworkConfig {
        dense: true,
        zero_init_residual: true,
        ..NetworkConfig::new(Backbone::ResNet6, LOCATOR_SIZE, heads)
    }
}

/// How much of each cell of a view a box covers, from 0 to 1, row by row: what a locator learns.
pub fn coverage(car: &Rectangle) -> Vec<f32> {
    let cells = LOCATOR_SIZE / CELL;
    let along = |start: f64, end: f64| -> Vec<f64> {
        let (start, end) = (start * cells as f64, end * cells as f64);
        (0..cells).map(|at| (end.min(at as f64 + 1.0) - start.max(at as f64)).clamp(0.0, 1.0)).collect()
    };
    let (across, down) = (along(car.left, car.right), along(car.top, car.bottom));
    down.iter().flat_map(|y| across.iter().map(move |x| (x * y) as f32)).collect()
}

/// The box of which this much of each cell is covered; `None` if no cell is for the most part.
fn covered(coverage: &[f32]) -> Option<Rectangle> {
    let cells = LOCATOR_SIZE / CELL;
    let at = |x: usize, y: usize| coverage[y * cells + x];
    let most = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0, f32::max);
    let across: Vec<_> = (0..cells).map(|x| most(&mut (0..cells).map(|y| at(x, y)))).collect();
    let down: Vec<_> = (0..cells).map(|y| most(&mut (0..cells).map(|x| at(x, y)))).collect();
    let (columns, rows) = (stretch(&across)?, stretch(&down)?);
    // The mean over the box's other side says how far it reaches; the largest value would say too much.
    let (rows, columns) = (interior(rows), interior(columns));
    let across = (0..cells).map(|x| rows.clone().map(|y| at(x, y)).sum()).collect();
    let down = (0..cells).map(|y| columns.clone().map(|x| at(x, y)).sum()).collect();
    let (across, down) = (shares(across, rows.len()), shares(down, columns.len()));
    let ((left, right), (top, bottom)) = (extent(&across)?, extent(&down)?);
    Some(Rectangle { left, top, right, bottom })
}

/// The cells around the most covered one that are covered for the most part; `None` if that is not.
fn stretch(covered: &[f32]) -> Option<Range<usize>> {
    let peak = marque_metrics::argmax(covered);
    let is_in = |at: &usize| covered.get(*at).is_some_and(|share| *share >= 0.5);
    let first = (0..=peak).rev().take_while(is_in).last()?;
    let last = (peak..covered.len()).take_while(is_in).last()?;
    Some(first..last + 1)
}

/// Without the cells at its ends, which may be covered in part, where there are others.
fn interior(stretch: Range<usize>) -> Range<usize> {
    if stretch.len() > 2 { stretch.start + 1..stretch.end - 1 } else { stretch }
}

/// Sums over so many cells as shares; of few cells, which may all be covered in part, of the largest.
fn shares(sums: Vec<f32>, cells: usize) -> Vec<f32> {
    let most = sums.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let whole = if cells > 2 { cells as f32 } else { most };
    sums.into_iter().map(|sum| sum / whole).collect()
}

/// From where to where a row of cells is covered, in shares of it: its stretch, and what is covered of the cells at the ends.
fn extent(covered: &[f32]) -> Option<(f64, f64)> {
    let Range { start, end } = stretch(covered)?;
    let share = |at: Option<usize>| at.and_then(|at| covered.get(at)).map_or(0.0, |share| f64::from(*share));
    let inside = |at: usize| if end - start == 1 { 1.0 } else { share(Some(at)) };
    let from = start as f64 + 1.0 - inside(start) - share(start.checked_sub(1));
    let to = (end - 1) as f64 + inside(end - 1) + share(Some(end));
    Some((from / covered.len() as f64, to / covered.len() as f64))
}

/// What a locator sees of pixels: red, green and blue from -1 to 1.
pub fn locator_input(pixels: &[u8]) -> Vec<f32> {
    pixels.iter().map(|level| f32::from(*level) / 127.5 - 1.0).collect()
}

impl Locator {
    /// Opens a locator's folder.
    ///
    /// # Errors
    /// If a file is missing or damaged.
    pub fn open(folder: &Path, precision: Precision) -> Result<Self, Error> {
        let config: NetworkConfig = json::read(&folder.join(CONFIG))?;
        if config != locator_config() {
            let (path, reason) = (folder.join(CONFIG), "it is of no locator".to_owned());
            return Err(Error::Mismatch { path, reason });
        }
        let correction = folder.join(CORRECTION);
        let correction = if correction.exists() { json::read(&correction)? } else { Correction::default() };
        Ok(Self {
            network: Network::open(&config, &folder.join(WEIGHTS))?.with_precision(precision),
            correction,
        })
    }

    /// Where the car is in each of these photos, whole squares of any size, in shares of the photo: first in all of it, then as
    /// the mean of several looks around the guess.
    ///
    /// # Errors
    /// If a computation fails.
    pub fn find(&self, squares: &[&[u8]]) -> Result<Vec<Rectangle>, Error> {
        let guesses = self.look(squares, &vec![WHOLE; squares.len()], false)?;
        let mut sums = vec![[0.0; 4]; squares.len()];
        for far in AROUND {
            let shown: Vec<_> = guesses.iter().map(|guess| around(guess, far)).collect();
            for mirrored in [false, true] {
                for (sums, found) in sums.iter_mut().zip(self.look(squares, &shown, mirrored)?) {
                    sums.iter_mut().zip(found.edges()).for_each(|(sum, edge)| *sum += edge);
                }
            }
        }
        let mean = |sums: [f64; 4]| {
            let [left, top, right, bottom] = sums.map(|sum| sum / (2 * AROUND.len()) as f64);
            self.correction.apply(&Rectangle { left, top, right, bottom })
        };
        Ok(sums.into_iter().map(mean).collect())
    }

    /// Where the car is by one look at a part of each photo, or at its mirror image.
    fn look(&self, squares: &[&[u8]], shown: &[Rectangle], mirrored: bool) -> Result<Vec<Rectangle>, Error> {
        if squares.is_empty() {
            return Ok(Vec::new());
        }
        let size = self.network.config().input_size;
        let view = |(square, shown): (&&[u8], &Rectangle)| -> Result<Vec<f32>, Error> {
            let view = View { shown: *shown, surroundings: Surroundings::Edge };
            let mut pixels = view.render(square, (square.len() / 3).isqrt(), size)?;
            if mirrored {
                mirror(&mut pixels, size);
            }
            Ok(locator_input(&pixels))
        };
        let images: Vec<Vec<f32>> = squares.par_iter().zip(shown).map(view).collect::<Result<_, _>>()?;
        let images = Tensor::from_vec(images.concat(), (squares.len(), size, size, 3), &Device::Cpu)?;
        let logits = self.network.logits_of(&self.network.prefix_eval(&images, PARTS)?)?;
        let logits = logits.first().map(|logits| logits.flatten_all()?.to_vec1::<f32>()).transpose()?;
        let cells = (size / CELL).pow(2);
        let boxes = logits.unwrap_or_default();
        let boxes = boxes.chunks_exact(cells).map(|logits| {
            let coverage: Vec<_> = logits.iter().map(|logit| sigmoid(f64::from(*logit)) as f32).collect();
            covered(&coverage)
        });
        let upright = |found: Rectangle| if mirrored { found.mirrored() } else { found };
        let boxes = boxes.zip(shown);
        Ok(boxes.map(|(found, shown)| found.map_or(*shown, |found| placed(&upright(found), shown))).collect())
    }
}

/// A box in a view, as one in the photo; all of what was shown if it is hardly one.
fn placed(found: &Rectangle, shown: &Rectangle) -> Rectangle {
    let across = |x: f64| (shown.left + x * (shown.right - shown.left)).clamp(0.0, 1.0);
    let down = |y: f64| (shown.top + y * (shown.bottom - shown.top)).clamp(0.0, 1.0);
    let Rectangle { left, top, right, bottom } = *found;
    let found = Rectangle { left: across(left), top: down(top), right: across(right), bottom: down(bottom) };
    let is_box = found.right - found.left >= LEAST_SIDE && found.bottom - found.top >= LEAST_SIDE;
    if is_box { found } else { *shown }
}

/// The part of the photo around a guess.
fn around(guess: &Rectangle, far: f64) -> Rectangle {
    let (dx, dy) = ((guess.right - guess.left) * far, (guess.bottom - guess.top) * far);
    Rectangle {
        left: (guess.left - dx).max(0.0),
        top: (guess.top - dy).max(0.0),
        right: (guess.right + dx).min(1.0),
        bottom: (guess.bottom + dy).min(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_is_found_again_in_what_it_covers() {
        for edges @ [left, top, right, bottom] in
            [[0.0, 0.0, 1.0, 1.0], [0.1, 0.2, 0.9, 0.7], [0.33, 0.4, 0.61, 0.99], [0.5, 0.05, 0.97, 0.31]]
        {
            let car = Rectangle { left, top, right, bottom };
            let found = covered(&coverage(&car)).unwrap();
            let far =
                found.edges().iter().zip(edges).map(|(found, edge)| (found - edge).abs()).fold(0.0, f64::max);
            assert!(far < 0.01, "{found:?} instead of {car:?}");
        }
        assert_eq!(covered(&[0.4; 64]), None);
    }

    #[test]
    fn boxes_that_are_always_off_are_put_right() {
        let right = |at: f64| Rectangle { left: at, top: 0.2, right: at + 0.4, bottom: 0.7 };
        // A twentieth of the width narrower on either side, and a tenth of the height lower.
        let off = |it: &Rectangle| Rectangle {
            left: it.left + 0.02,
            top: it.top + 0.05,
            right: it.right - 0.02,
            bottom: it.bottom + 0.05,
        };
        let boxes: Vec<_> = (0..9).map(|at| right(0.06 * f64::from(at))).map(|it| (off(&it), it)).collect();
        let correction = Correction::fit(&boxes);
        for (found, right) in &boxes {
            assert!(correction.apply(found).overlap(right) > 0.999);
        }
        assert_eq!(Correction::fit(&[]), Correction::default());
    }
}
