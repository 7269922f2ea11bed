//! Comparing files with the sizes and checksums that are published of them.

use marque_contracts::{Progress, Unit};
use marque_fetch::Checksum;

use crate::Error;
use crate::expected_file::ExpectedFile;

/// Compares a file with its published size and checksums.
///
/// # Errors
/// [`Error::Length`] and [`Error::Checksum`] if it is another file; if it cannot be read.
pub(crate) fn verify(file: &ExpectedFile, progress: &dyn Progress) -> Result<(), Error> {
    let path = &file.path;
    let found = fs_err::metadata(path)?.len();
    let has_url = !file.urls.is_empty();
    if let Some(expected) = file.bytes.filter(|expected| *expected != found) {
        return Err(Error::Length { path: path.clone(), found, expected, has_url });
    }
    if file.checksums.is_empty() {
        return Ok(());
    }
    let bar = progress.bar(&format!("verify {}", file.name()), found, Unit::Bytes);
    let compared = Checksum::check(&file.checksums, path, &|n| bar.advance(n))?;
    compared.map_err(|mismatch| Error::Checksum { path: path.clone(), mismatch, has_url })
}
