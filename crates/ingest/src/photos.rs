//! Looks at the photos that came in.

use std::path::Path;

use image::ImageReader;
use marque_contracts::{Digest, Progress, Unit};
use marque_formats::PhotoRow;
use rayon::prelude::*;

use crate::Error;
use crate::published::files_below;

/// A row for each photo below `folder`, sorted by name. Photos are recognised by content, not by name.
///
/// # Errors
/// If there is none, or some are no photos: all of those are named.
pub(crate) fn survey(folder: &Path, progress: &dyn Progress) -> Result<Vec<PhotoRow>, Error> {
    let names = if folder.is_dir() { files_below(folder)? } else { Vec::new() };
    if names.is_empty() {
        return Err(Error::Empty { folder: folder.to_owned() });
    }
    let bar = progress.bar("check photos", names.len() as u64, Unit::Photos);
    let rows: Vec<_> = names
        .into_par_iter()
        .map(|name| {
            let row = look(folder, &name);
            bar.advance(1);
            row.map_err(|reason| (name, reason))
        })
        .collect();
    let (good, broken): (Vec<_>, Vec<_>) = rows.into_iter().partition(Result::is_ok);
    let broken: Vec<_> = broken.into_iter().filter_map(Result::err).collect();
    if broken.is_empty() { Ok(good.into_iter().flatten().collect()) } else { Err(Error::Photos { broken }) }
}

fn look(folder: &Path, name: &str) -> Result<PhotoRow, String> {
    let path = folder.join(name);
    let bytes = std::fs::metadata(&path).map_err(|e| e.to_string())?.len();
    let digest = Digest::of_file(&path).map_err(|e| e.to_string())?;
    let reader =
        ImageReader::open(&path).and_then(ImageReader::with_guessed_format).map_err(|e| e.to_string())?;
    let (width, height) = reader.into_dimensions().map_err(|e| e.to_string())?;
    Ok(PhotoRow { file_name: name.to_owned(), bytes, digest, width, height })
}
