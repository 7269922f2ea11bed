//! Writes a contact sheet of drawn cars as a PNG file.
//!
//! `cargo run --release -p marque-sample --example contact_sheet -- FILE [full|crop64] [FILTER] [COLUMNS] [SEED]`
//!
//! `full` shows whole photos; `crop64` shows what a network sees: cropped to the box, squashed to 64 x 64 pixels, and
//! shown three times as large. One row per class whose name contains FILTER.

use std::error::Error;

use image::imageops::{FilterType, overlay, resize};
use image::{Rgb, RgbImage};
use marque_sample::{Sample, Split, class_names, draw};

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let file = words.next().ok_or("name the PNG file to write")?;
    let small = words.next().as_deref() == Some("crop64");
    let filter = words.next().unwrap_or_default();
    let columns: u32 = words.next().map_or(Ok(6), |word| word.parse())?;
    let seed: u64 = words.next().map_or(Ok(1), |word| word.parse())?;
    let sample = Sample { seed, ..Sample::default() };
    let wanted = |name: &str| filter.split(',').any(|part| name.contains(part));
    let rows: Vec<usize> =
        class_names().enumerate().filter(|(_, name)| wanted(name)).map(|(class, _)| class).collect();
    let (width, height) = if small { (192, 192) } else { (sample.width, sample.height) };
    let mut sheet =
        RgbImage::from_pixel(columns * (width + 4), rows.len() as u32 * (height + 4), Rgb([255; 3]));
    for (row, &class) in rows.iter().enumerate() {
        for column in 0..columns {
            let photo = draw(&sample, class, Split::Train, row as u32 * columns + column)?;
            let mut picture = image::load_from_memory(&photo.jpeg)?.to_rgb8();
            if small {
                let b = photo.annotated;
                let crop =
                    image::imageops::crop_imm(&picture, b.x1 - 1, b.y1 - 1, b.x2 + 1 - b.x1, b.y2 + 1 - b.y1);
                let seen = resize(&crop.to_image(), 64, 64, FilterType::Triangle);
                picture = resize(&seen, width, height, FilterType::Nearest);
            }
            let (x, y) = (column * (width + 4), row as u32 * (height + 4));
            overlay(&mut sheet, &picture, i64::from(x), i64::from(y));
        }
    }
    sheet.save(&file)?;
    Ok(())
}
