//! Where a network looked: photos with heat laid over them, a row per photo, a picture per answer.

use std::path::Path;

use image::imageops::overlay;
use image::{Rgb, RgbImage};

use crate::lettering::{LINE, fitting, write_line};
use crate::sheet::{FAINT, GAP, INK, PAPER, clipped, save};
use crate::{Error, Sheet};

/// Lines below a picture.
const LINES: u32 = 2;

/// How much of the colour of heat covers the photo: where there is none, and where it is greatest.
const COVER: [f32; 2] = [0.25, 0.75];

/// Colours of heat from none to most, as even to the eye as matplotlib's `inferno`, from which they are.
const COLOURS: [[f32; 3]; 5] =
    [[0.0, 0.0, 4.0], [87.0, 16.0, 110.0], [188.0, 55.0, 84.0], [249.0, 142.0, 9.0], [252.0, 255.0, 164.0]];

/// A photo with its answers.
#[derive(Clone, Debug)]
pub struct ExplainedPhoto {
    /// Height and width of the picture in pixels; all photos of a sheet have one size.
    pub size: usize,
    /// What the network saw: `size × size × 3` bytes.
    pub pixels: Vec<u8>,
    /// What it is called, and what is to be known of it.
    pub caption: [String; 2],
    /// By answer.
    pub answers: Vec<ExplainedAnswer>,
}

/// Where the network looked for an answer.
#[derive(Clone, Debug)]
pub struct ExplainedAnswer {
    /// The question and its answer.
    pub caption: [String; 2],
    /// Cells side by side.
    pub width: usize,
    /// Heat of each cell from 0 to 1, row by row from the top left.
    pub heat: Vec<f32>,
}

/// Writes the sheet as PNG or JPEG, whichever the name of `out` ends with.
///
/// # Errors
/// If there is no photo, there are too many for a picture, or it cannot be written.
pub fn explained_sheet(photos: &[ExplainedPhoto], out: &Path) -> Result<Sheet, Error> {
    let first = photos.first().ok_or(Error::NoPhotos)?;
    let size = u32::try_from(first.size).unwrap_or(0);
    let step = [size + GAP, size + LINES * LINE + 2 * GAP];
    let columns = photos.iter().map(|photo| photo.answers.len() + 1).max().unwrap_or(0) as u32;
    let (width, height) = (columns * step[0] + GAP, photos.len() as u32 * step[1] + GAP);
    let mut sheet = RgbImage::from_pixel(width, height, PAPER);
    for (top, photo) in (GAP..).step_by(step[1] as usize).zip(photos) {
        // Pixels of another number stay blank.
        let picture = RgbImage::from_raw(size, size, photo.pixels.clone());
        let picture = picture.unwrap_or_else(|| RgbImage::from_pixel(size, size, PAPER));
        place(&mut sheet, &picture, GAP, top, &photo.caption);
        for (left, answer) in (GAP + step[0]..).step_by(step[0] as usize).zip(&photo.answers) {
            place(&mut sheet, &heated(&picture, answer), left, top, &answer.caption);
        }
    }
    save(&sheet, out)?;
    Ok(Sheet { matching: photos.len(), shown: photos.len(), width, height })
}

fn place(sheet: &mut RgbImage, picture: &RgbImage, left: u32, top: u32, caption: &[String; 2]) {
    overlay(sheet, picture, i64::from(left), i64::from(top));
    let below = top + picture.height() + GAP / 2;
    for ((line, text), colour) in (0..).zip(caption).zip([INK, FAINT]) {
        write_line(sheet, left, below + line * LINE, &clipped(text, fitting(picture.width())), colour);
    }
}

/// The photo in grey with heat over it.
fn heated(picture: &RgbImage, answer: &ExplainedAnswer) -> RgbImage {
    let (width, height) = picture.dimensions();
    RgbImage::from_fn(width, height, |x, y| {
        let [red, green, blue] = picture.get_pixel(x, y).0.map(f32::from);
        let grey = 0.299 * red + 0.587 * green + 0.114 * blue;
        let heat = answer.at((x as f32 + 0.5) / width as f32, (y as f32 + 0.5) / height as f32);
        let cover = COVER[0] + (COVER[1] - COVER[0]) * heat;
        Rgb(colour(heat).map(|level| (grey * (1.0 - cover) + level * cover).round() as u8))
    })
}

fn colour(heat: f32) -> [f32; 3] {
    let place = heat.clamp(0.0, 1.0) * (COLOURS.len() - 1) as f32;
    let below = (place as usize).min(COLOURS.len() - 2);
    let share = place - below as f32;
    std::array::from_fn(|i| COLOURS[below][i] * (1.0 - share) + COLOURS[below + 1][i] * share)
}

impl ExplainedAnswer {
    /// Heat at a place, in shares of width and height, between the middles of cells.
    fn at(&self, x: f32, y: f32) -> f32 {
        let columns = self.width.max(1);
        let rows = (self.heat.len() / columns).max(1);
        let between = |place: f32, cells: usize| {
            let place = (place * cells as f32 - 0.5).clamp(0.0, (cells - 1) as f32);
            let first = place as usize;
            (first, (first + 1).min(cells - 1), place - first as f32)
        };
        let ((left, right, across), (top, bottom, down)) = (between(x, columns), between(y, rows));
        let cell = |row: usize, column: usize| self.heat.get(row * columns + column).copied().unwrap_or(0.0);
        let along = |row: usize| cell(row, left) * (1.0 - across) + cell(row, right) * across;
        along(top) * (1.0 - down) + along(bottom) * down
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heat_lies_where_the_cells_are() {
        let picture = RgbImage::from_pixel(64, 64, Rgb([128; 3]));
        let answer = ExplainedAnswer {
            caption: ["brand: BMW".into(), String::new()],
            width: 2,
            heat: vec![0.0, 1.0, 0.0, 0.0],
        };
        let heated = heated(&picture, &answer);
        let red = |x, y| heated.get_pixel(x, y).0[0];
        assert!(red(60, 4) > 220 && red(4, 60) < 100 && red(60, 60) < 100, "{} {}", red(60, 4), red(4, 60));
        assert_eq!((answer.at(1.0, 0.0), answer.at(0.0, 0.0)), (1.0, 0.0));
        assert!((answer.at(0.5, 0.0) - 0.5).abs() < 1e-6, "halfway between two cells");
        let photo = ExplainedPhoto {
            size: 64,
            pixels: picture.into_raw(),
            caption: ["a.jpg".into(), String::new()],
            answers: vec![answer],
        };
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out.png");
        let sheet = explained_sheet(&[photo.clone(), photo], &out).unwrap();
        let size = image::image_dimensions(&out).unwrap();
        assert_eq!((sheet.width, sheet.height), size);
        assert_eq!(size, (2 * (64 + GAP) + GAP, 2 * (64 + LINES * LINE + 2 * GAP) + GAP));
        assert!(matches!(explained_sheet(&[], &out), Err(Error::NoPhotos)));
    }
}
