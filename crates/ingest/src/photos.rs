//! Looks at the photos that came in.

use std::io::Cursor;
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageReader};
use marque_contracts::{Digest, Progress, Unit};
use marque_formats::{PhotoRow, RejectedRow};
use rayon::prelude::*;

use crate::jpeg;
use crate::perceptual::Look;

/// A photo that was decoded.
pub(crate) struct Photo {
    pub(crate) row: PhotoRow,
    pub(crate) look: Look,
}

/// Decodes each of the files `names` below `folder`; those that are no photos come back with the reason. Photos
/// are told by content, not by name. The order of the names is kept.
pub(crate) fn survey(
    folder: &Path,
    names: Vec<String>,
    progress: &dyn Progress,
) -> (Vec<Photo>, Vec<RejectedRow>) {
    let bar = progress.bar("check photos", names.len() as u64, Unit::Photos);
    let looked: Vec<_> = names
        .into_par_iter()
        .map(|name| {
            let photo = look(folder, &name);
            bar.advance(1);
            photo.map_err(|reason| RejectedRow { file_name: name, reason })
        })
        .collect();
    let (mut photos, mut rejected) = (Vec::with_capacity(looked.len()), Vec::new());
    for result in looked {
        match result {
            Ok(photo) => photos.push(photo),
            Err(row) => rejected.push(row),
        }
    }
    (photos, rejected)
}

fn look(folder: &Path, name: &str) -> Result<Photo, String> {
    let bytes = std::fs::read(folder.join(name)).map_err(|e| e.to_string())?;
    if bytes.is_empty() {
        return Err("the file is empty".to_owned());
    }
    if jpeg::is_cut_short(&bytes) {
        return Err("the JPEG data end before the picture does".to_owned());
    }
    let reader = ImageReader::new(Cursor::new(&bytes)).with_guessed_format().map_err(|e| e.to_string())?;
    let mut decoder = reader.into_decoder().map_err(|e| e.to_string())?;
    let orientation = decoder.orientation().map_err(|e| e.to_string())?;
    let mut photo = DynamicImage::from_decoder(decoder).map_err(|e| e.to_string())?;
    photo.apply_orientation(orientation);
    let row = PhotoRow {
        file_name: name.to_owned(),
        bytes: bytes.len() as u64,
        digest: Digest::of_bytes(&bytes),
        width: photo.width(),
        height: photo.height(),
    };
    Ok(Photo { row, look: Look::of(&photo.into_luma8()) })
}
