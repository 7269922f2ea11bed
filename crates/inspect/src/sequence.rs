//! Sheets with a row per photo: the photo, and its pictures after each step of preparation and augmentation.

use std::path::Path;

use image::RgbImage;
use image::imageops::{FilterType, overlay, resize};
use marque_layout::wrap;

use crate::lettering::{LINE, fitting, write_line};
use crate::sheet::{FAINT, GAP, INK, PAPER, clipped, label, save};
use crate::sql::rows as read_rows;
use crate::{Answer, Error, Sheet};

/// Width and height of a picture on the sheet, in pixels.
const PICTURE: u32 = 144;

/// Width of the column with the labels.
const CAPTION: u32 = 176;

/// Lines under a picture.
const LINES: usize = 3;

/// A photo and its pictures.
#[derive(Clone, PartialEq, Debug)]
pub struct SequenceRow {
    /// Name of the photo in the label table.
    pub file_name: String,
    /// The pictures, from left to right.
    pub pictures: Vec<Picture>,
}

/// A square picture and the words under it.
#[derive(Clone, PartialEq, Debug)]
pub struct Picture {
    /// Height and width in pixels.
    pub size: usize,
    /// `size × size × 3` bytes.
    pub pixels: Vec<u8>,
    /// What is written under it, in a few short lines.
    pub caption: String,
}

/// Writes a sheet with a row per photo, with its labels by the label table at `labels` in front, as PNG or JPEG,
/// whichever the name of `out` ends with. `columns` stand over the pictures, `heads` are the labels to show.
///
/// # Errors
/// If there is no row, the table cannot be read, or the sheet cannot be written.
pub fn sequence_sheet(
    rows: &[SequenceRow],
    columns: &[String],
    labels: &Path,
    heads: &[String],
    title: &str,
    out: &Path,
) -> Result<Sheet, Error> {
    if rows.is_empty() {
        return Err(Error::NoPhotos);
    }
    let (table, _) = read_rows(labels, None)?;
    let across = rows.iter().map(|row| row.pictures.len()).max().unwrap_or(0) as u32;
    let step = [PICTURE + GAP, PICTURE + LINES as u32 * LINE + GAP + 4];
    let top = 2 * (GAP + LINE);
    let left = GAP + CAPTION + GAP;
    let (width, height) = (left + across * step[0], top + rows.len() as u32 * step[1] + GAP);
    let mut sheet = RgbImage::from_pixel(width, height, PAPER);
    write_line(&mut sheet, GAP, GAP, &clipped(title, fitting(width - 2 * GAP)), INK);
    for (x, column) in (left..).step_by(step[0] as usize).zip(columns) {
        write_line(&mut sheet, x, GAP + LINE + 4, &clipped(column, fitting(PICTURE)), INK);
    }
    for (y, row) in (top..).step_by(step[1] as usize).zip(rows) {
        for (line, (text, colour)) in (0..).zip(caption(&table, heads, &row.file_name)) {
            write_line(&mut sheet, GAP, y + line * LINE, &clipped(&text, fitting(CAPTION)), colour);
        }
        for (x, picture) in (left..).step_by(step[0] as usize).zip(&row.pictures) {
            place(&mut sheet, x, y, picture);
        }
    }
    save(&sheet, out)?;
    Ok(Sheet { matching: rows.len(), shown: rows.len(), width, height })
}

fn place(sheet: &mut RgbImage, x: u32, y: u32, picture: &Picture) {
    let size = u32::try_from(picture.size).unwrap_or(0);
    // A picture of the wrong length stays blank.
    if let Some(pixels) = RgbImage::from_raw(size, size, picture.pixels.clone()) {
        overlay(sheet, &resize(&pixels, PICTURE, PICTURE, FilterType::Triangle), x.into(), y.into());
    }
    let lines = wrap(&picture.caption, fitting(PICTURE));
    for (line, text) in (0..).zip(lines.lines().map(str::trim_start).take(LINES)) {
        let y = y + PICTURE + 4 + line * LINE;
        write_line(sheet, x, y, &clipped(text, fitting(PICTURE)), FAINT);
    }
}

/// The labels of a photo as lines of text: the class name, a line per head, and the name of the photo.
fn caption(table: &Answer, heads: &[String], file_name: &str) -> Vec<(String, image::Rgb<u8>)> {
    let mut lines = Vec::new();
    if let Some(row) = (0..table.rows.len()).find(|row| table.text("file_name", *row) == Some(file_name)) {
        let class_name = wrap(table.text("class_name", row).unwrap_or_default(), fitting(CAPTION));
        lines.extend(class_name.lines().map(|line| (line.trim_start().to_owned(), INK)));
        let label = |head: &String| Some((format!("{head}: {}", label(table, head, row)?), INK));
        lines.extend(heads.iter().filter_map(label));
    }
    lines.push((file_name.to_owned(), FAINT));
    lines
}
