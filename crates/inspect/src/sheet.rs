//! Contact sheets: many photos on one picture, each with its labels.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::imageops::{FilterType, overlay, resize};
use image::{ImageError, ImageFormat, Rgb, RgbImage};
use marque_contracts::durable::write_atomic;
use marque_layout::wrap;
use marque_photo::{ANY_SIZE, Budget, Decoder, Photo};
use polars::prelude::DataFrame;

use crate::data_frame::read;
use crate::lettering::{LINE, fitting, write_line};
use crate::rows::{filtered, joined};
use crate::{Answer, Error, Value};

/// Width and height of a photo on the sheet, in pixels; photos are made to fit inside.
const PHOTO: [u32; 2] = [216, 152];

/// Pixels between photos, and around the sheet.
pub(crate) const GAP: u32 = 10;

/// Photos side by side.
const ACROSS: u32 = 6;

/// Tallest picture, in pixels: what JPEG, and most programs, allow.
const TALLEST: u32 = 65_500;

/// Lines under a photo that labels may take.
const LABEL_LINES: usize = 3;

pub(crate) const PAPER: Rgb<u8> = Rgb([250, 250, 248]);
const MOUNT: Rgb<u8> = Rgb([232, 232, 228]);
pub(crate) const INK: Rgb<u8> = Rgb([28, 28, 30]);
pub(crate) const FAINT: Rgb<u8> = Rgb([120, 120, 124]);
const FRAME: Rgb<u8> = Rgb([235, 64, 52]);

/// Photos to lay out, and their tables.
#[derive(Clone, Debug)]
pub struct PhotoTable {
    table: DataFrame,
    heads: Vec<String>,
}

/// What came of a contact sheet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sheet {
    /// Photos that fit the condition.
    pub matching: usize,
    /// Photos on the sheet, spread evenly over those.
    pub shown: usize,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

impl PhotoTable {
    /// Reads `photos.parquet` and, where there is one, the label table, whose columns are joined to those of
    /// the photos. `heads` are shown under the photos.
    ///
    /// # Errors
    /// If a table cannot be read.
    pub fn read(photos: &Path, labels: Option<&Path>, heads: &[String]) -> Result<Self, Error> {
        let mut table = read(photos)?;
        if let Some(labels) = labels {
            table = joined(&table, &read(labels)?).map_err(|error| Error::of_polars("query", &error, &[]))?;
        }
        Ok(Self { table, heads: heads.to_vec() })
    }

    /// The rows for which a condition in SQL holds, or all, as an answer; and how many there are in all.
    ///
    /// # Errors
    /// If the condition does not fit the columns.
    pub fn rows(&self, condition: Option<&str>) -> Result<(Answer, usize), Error> {
        Ok((filtered(&self.table, condition)?, self.table.height()))
    }

    /// Writes a contact sheet of at most `limit` photos from `folder` for which a condition in SQL holds, as
    /// PNG or JPEG, whichever the name of `out` ends with. A photo that cannot be read is an empty frame.
    ///
    /// # Errors
    /// If the condition does not fit the columns, no photo fits it, or the picture cannot be written.
    pub fn sheet(
        &self,
        folder: &Path,
        condition: Option<&str>,
        limit: usize,
        out: &Path,
    ) -> Result<Sheet, Error> {
        let (answer, chosen) = self.choose(condition, limit)?;
        let (matching, shown) = (answer.rows.len(), chosen.len());
        if shown == 0 {
            return Err(Error::NoPhotos);
        }
        let tiles: Vec<_> = chosen.into_iter().map(|row| self.tile(&answer, folder, row)).collect();
        let of = if shown < matching { format!("{shown} of {matching}") } else { shown.to_string() };
        let photos = if matching == 1 { "photo" } else { "photos" };
        let title = match condition {
            Some(condition) => format!("{of} {photos} where {condition}"),
            None => format!("{of} {photos}"),
        };
        let layout = SheetLayout::of(&tiles);
        if layout.height > TALLEST {
            let fitting = (layout.across * ((TALLEST - layout.top - GAP) / layout.step[1])) as usize;
            return Err(Error::TooTall { height: layout.height, most: TALLEST, fitting });
        }
        let picture = lay_out(&tiles, &layout, &title);
        save(&picture, out)?;
        let (width, height) = picture.dimensions();
        Ok(Sheet { matching, shown, width, height })
    }

    /// The names of the photos that [`sheet`](Self::sheet) reads.
    ///
    /// # Errors
    /// If the condition does not fit the columns.
    pub fn names_on_sheet(&self, condition: Option<&str>, limit: usize) -> Result<Vec<String>, Error> {
        let (answer, chosen) = self.choose(condition, limit)?;
        Ok(chosen.into_iter().filter_map(|row| answer.text("file_name", row).map(str::to_owned)).collect())
    }

    /// The rows that match, and which of them to show: spread evenly, as the first ones by name are often alike.
    fn choose(&self, condition: Option<&str>, limit: usize) -> Result<(Answer, Vec<usize>), Error> {
        let answer = filtered(&self.table, condition)?;
        let matching = answer.rows.len();
        let shown = matching.min(limit);
        Ok((answer, (0..shown).map(|i| i * matching / shown).collect()))
    }

    fn tile(&self, answer: &Answer, folder: &Path, row: usize) -> Tile {
        let name = answer.text("file_name", row).unwrap_or_default().to_owned();
        let side = |side: &str| answer.integer(side, row).and_then(|side| u32::try_from(side).ok());
        let bounds = [side("x1"), side("y1"), side("x2"), side("y2")];
        let class_name = answer.text("class_name", row).map(str::to_owned);
        let labels = self.heads.iter().filter_map(|head| label(answer, head, row));
        let labels: Vec<_> = labels.filter(|label| class_name.as_ref() != Some(label)).collect();
        let room = fitting(PHOTO[0]);
        let mut caption: Vec<_> = class_name.into_iter().collect();
        // Labels take a second line rather than be cut; what wraps is indented, which is of no use here.
        let wrapped = wrap(&labels.join(" · "), room);
        let lines: Vec<_> = wrapped.lines().map(str::trim_start).filter(|line| !line.is_empty()).collect();
        caption.extend(lines.iter().take(LABEL_LINES).map(|line| (*line).to_owned()));
        if let (true, Some(last)) = (lines.len() > LABEL_LINES, caption.last_mut()) {
            *last = clipped(&format!("{last} .."), room);
        }
        Tile {
            path: folder.join(&name),
            name,
            caption,
            bounds: bounds.into_iter().collect::<Option<Vec<_>>>().and_then(|sides| sides.try_into().ok()),
        }
    }
}

/// Writes a picture as PNG or JPEG, whichever the name of `out` ends with: beside its place, and renamed when it is whole.
pub(crate) fn save(picture: &RgbImage, out: &Path) -> Result<(), Error> {
    let cannot = |source| Error::Picture { path: out.to_owned(), source };
    let mut file = Cursor::new(Vec::new());
    let format = ImageFormat::from_path(out).map_err(cannot)?;
    picture.write_to(&mut file, format).map_err(cannot)?;
    write_atomic(out, file.get_ref()).map_err(|error| cannot(ImageError::IoError(error)))
}

/// What a photo is labelled with; `None` if there is no such column.
pub(crate) fn label(rows: &Answer, head: &str, row: usize) -> Option<String> {
    Some(match rows.value(head, row)? {
        Value::Null => "unknown".to_owned(),
        Value::List(tags) if tags.is_empty() => "none".to_owned(),
        label => label.to_string(),
    })
}

/// One photo and the lines under it.
struct Tile {
    path: PathBuf,
    name: String,
    caption: Vec<String>,
    /// Box of the car: left, top, right, bottom.
    bounds: Option<[u32; 4]>,
}

/// How tiles are laid out, in pixels.
struct SheetLayout {
    across: u32,
    /// From one tile to the next.
    step: [u32; 2],
    /// Above the tiles.
    top: u32,
    width: u32,
    height: u32,
}

impl SheetLayout {
    fn of(tiles: &[Tile]) -> Self {
        let [photo_width, photo_height] = PHOTO;
        let lines = 1 + tiles.iter().map(|tile| tile.caption.len()).max().unwrap_or(0) as u32;
        let count = u32::try_from(tiles.len()).unwrap_or(u32::MAX);
        let across = count.clamp(1, ACROSS);
        let step = [photo_width + GAP, photo_height + lines * LINE + GAP + 4];
        let top = GAP + LINE + GAP;
        let down = count.div_ceil(across).saturating_mul(step[1]);
        let width = (across * step[0] + GAP).max(2 * step[0] + GAP);
        Self { across, step, top, width, height: down.saturating_add(top + GAP) }
    }
}

fn lay_out(tiles: &[Tile], layout: &SheetLayout, title: &str) -> RgbImage {
    let [photo_width, photo_height] = PHOTO;
    let SheetLayout { across, step, top, width, height } = *layout;
    let mut sheet = RgbImage::from_pixel(width, height, PAPER);
    write_line(&mut sheet, GAP, GAP, &clipped(title, fitting(width - 2 * GAP)), INK);
    for (place, tile) in (0..).zip(tiles) {
        let (x, y) = (GAP + place % across * step[0], top + place / across * step[1]);
        mount(&mut sheet, x, y, tile);
        let room = fitting(photo_width);
        let lines = tile.caption.iter().map(|line| (line, INK)).chain([(&tile.name, FAINT)]);
        for (line, (text, colour)) in (0..).zip(lines) {
            write_line(&mut sheet, x, y + photo_height + 4 + line * LINE, &clipped(text, room), colour);
        }
    }
    sheet
}

/// Text of at most `room` characters; two dots stand for what is cut off.
pub(crate) fn clipped(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(2)).chain("..".chars()).collect()
}

/// Puts a photo, with the box of the car drawn in, on its mount at `x`, `y`.
fn mount(sheet: &mut RgbImage, x: u32, y: u32, tile: &Tile) {
    let [width, height] = PHOTO;
    overlay(sheet, &RgbImage::from_pixel(width, height, MOUNT), x.into(), y.into());
    let Some(photo) = decode(&tile.path) else {
        write_line(sheet, x + 8, y + height / 2 - LINE / 2, "(cannot be read)", FAINT);
        return;
    };
    let (full_width, full_height) = photo.dimensions();
    let scale = (f64::from(width) / f64::from(full_width)).min(f64::from(height) / f64::from(full_height));
    let scaled = |side: u32| (f64::from(side) * scale).round() as u32;
    let mut photo =
        resize(&photo, scaled(full_width).max(1), scaled(full_height).max(1), FilterType::Triangle);
    if let Some(bounds) = tile.bounds {
        draw_box(&mut photo, bounds.map(scaled));
    }
    let (left, up) = ((width - photo.width().min(width)) / 2, (height - photo.height().min(height)) / 2);
    overlay(sheet, &photo, (x + left).into(), (y + up).into());
}

/// The photo upright, or nothing if it cannot be read.
fn decode(path: &Path) -> Option<RgbImage> {
    let file = fs_err::read(path).ok()?;
    let photo = Photo::read(&file, ANY_SIZE).ok()?;
    // One at a time, and none that was too large to be imported.
    Decoder::new(&Budget::unlimited()).upright(&photo, PAPER.0, |image| image).ok()
}

/// Draws the outline of a box whose right and bottom are excluded; what is outside the photo stays undrawn.
fn draw_box(photo: &mut RgbImage, [left, top, right, bottom]: [u32; 4]) {
    let (right, bottom) = (right.max(1) - 1, bottom.max(1) - 1);
    let across = (left..=right.min(photo.width())).flat_map(|x| [(x, top), (x, bottom)]);
    let down = (top..=bottom.min(photo.height())).flat_map(|y| [(left, y), (right, y)]);
    for (x, y) in across.chain(down) {
        if let Some(pixel) = photo.get_pixel_mut_checked(x, y) {
            *pixel = FRAME;
        }
    }
}
