//! Decodes the imported photos: sizes, digests and perceptual hashes.

use std::io;
use std::path::Path;

use image::{DynamicImage, GrayImage};
use marque_contracts::disk::is_missing;
use marque_contracts::{Digest, Progress, Unit};
use marque_formats::{PhotoRow, RejectedRow};
use marque_photo::{Budget, Decoder, Pixels};
use rayon::prelude::*;

use crate::perceptual_hash::PerceptualHash;

/// A photo that was decoded.
pub(crate) struct Photo {
    pub(crate) row: PhotoRow,
    pub(crate) hash: PerceptualHash,
}

/// What is behind transparent photos: red, green, blue.
const WHITE: [u8; 3] = [255; 3];

/// Decodes each of the files `names` below `folder`; those that are not photos of at most `max_pixels` pixels, or take more
/// memory than the whole budget, are returned with the reason. Photos are recognised by content, not by name. The order of
/// the names is kept.
///
/// # Errors
/// If a file is there and cannot be read: that says nothing of what it holds.
pub(crate) fn decode_all(
    folder: &Path,
    names: Vec<String>,
    max_pixels: u64,
    budget: &Budget,
    progress: &dyn Progress,
) -> io::Result<(Vec<Photo>, Vec<RejectedRow>)> {
    let bar = progress.bar("check photos", names.len() as u64, Unit::Photos);
    let decoded: Vec<_> = names
        .into_par_iter()
        .map_init(
            || Decoder::new(budget),
            |decoder, name| {
                let photo = decode(decoder, folder, &name, max_pixels);
                bar.advance(1);
                Ok(photo?.map_err(|reason| RejectedRow { file_name: name, reason }))
            },
        )
        .collect::<io::Result<_>>()?;
    let (mut photos, mut rejected) = (Vec::with_capacity(decoded.len()), Vec::new());
    for result in decoded {
        match result {
            Ok(photo) => photos.push(photo),
            Err(row) => rejected.push(row),
        }
    }
    Ok((photos, rejected))
}

/// A photo, or why it is none.
fn decode(
    decoder: &mut Decoder<'_>,
    folder: &Path,
    name: &str,
    max_pixels: u64,
) -> io::Result<Result<Photo, String>> {
    match fs_err::read(folder.join(name)) {
        Ok(bytes) => Ok(decode_bytes(decoder, &bytes, name, max_pixels)),
        Err(error) if is_missing(&error) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

fn decode_bytes(
    decoder: &mut Decoder<'_>,
    bytes: &[u8],
    name: &str,
    max_pixels: u64,
) -> Result<Photo, String> {
    let file = marque_photo::Photo::read(bytes, max_pixels).map_err(|e| e.to_string())?;
    let hash = |pixels: Pixels<'_>| {
        let mut grey = DynamicImage::ImageLuma8(grey(&pixels));
        file.turn_upright(&mut grey);
        PerceptualHash::of(&grey.into_luma8())
    };
    let hash = decoder.decode(&file, WHITE, hash).map_err(|e| e.to_string())?;
    let (width, height) = file.upright_size();
    let row = PhotoRow {
        file_name: name.to_owned(),
        bytes: bytes.len() as u64,
        digest: Digest::of_bytes(bytes),
        width: u32::try_from(width).map_err(|e| e.to_string())?,
        height: u32::try_from(height).map_err(|e| e.to_string())?,
    };
    Ok(Photo { row, hash })
}

/// The photo in grey, as it is stored, by the weights of ITU-R BT.709.
fn grey(pixels: &Pixels<'_>) -> GrayImage {
    let grey = |&[red, green, blue]: &[u8; 3]| {
        ((u32::from(red) * 2126 + u32::from(green) * 7152 + u32::from(blue) * 722) / 10_000) as u8
    };
    let values = pixels.rgb.as_chunks::<3>().0.iter().map(grey).collect();
    GrayImage::from_raw(pixels.width as u32, pixels.height as u32, values).unwrap_or_default()
}
