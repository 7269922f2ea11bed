//! Provenance: which files are the published ones, by their checksums.

use std::collections::BTreeSet;
use std::path::Path;

use marque_contracts::schema::ingest;
use marque_fetch::Checksum;

use super::super::Destination;
use super::CopyFiles;
use crate::Error;
use crate::stanford_cars::{CHECKSUMS, contents_of_archive};
use crate::warnings::warn_once;

/// Reports which files are the published ones by their checksums, and which are unverified. Archives with checksums
/// were compared before; annotation files inside them, of which checksums are known, are compared here.
///
/// # Errors
/// If a file cannot be read.
pub(super) fn report(copy: &CopyFiles, to: &Destination<'_>) -> Result<(), Error> {
    let compared = || copy.expected.iter().filter(|file| !file.checksums.is_empty());
    let verified = |path: &Path| compared().any(|file| file.path == path);
    let annotations = annotations(to)?;
    // What is used of the devkit was compared file by file.
    let devkit = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        contents_of_archive(name).is_some_and(|items| items.iter().all(|item| annotations.contains(item)))
    };
    let published: BTreeSet<_> =
        compared().map(|file| file.name()).chain(annotations.iter().copied()).collect();
    if !published.is_empty() {
        let names: Vec<_> = published.into_iter().collect();
        to.progress.line(&format!("the published files, by their checksums: {}", names.join(", ")));
    }
    let mut unverified: Vec<_> = (copy.archives.iter().filter(|path| !verified(path) && !devkit(path)))
        .map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
        .collect();
    if copy.loose.iter().any(|(path, place)| place.starts_with(ingest::PHOTOS) && !verified(path)) {
        unverified.push("photos in folders".to_owned());
    }
    if !unverified.is_empty() {
        to.progress.line(&format!("unverified, as no checksum is known: {}", unverified.join(", ")));
    }
    Ok(())
}

/// Annotation files that are the published ones; others of these names are warned of.
fn annotations(to: &Destination<'_>) -> Result<Vec<&'static str>, Error> {
    let mut published = Vec::new();
    for (name, digits) in CHECKSUMS {
        let path = to.output.join(format!("{}{name}", ingest::METADATA));
        let Some(checksum) = Checksum::parse("md5", digits).filter(|_| path.is_file()) else { continue };
        match Checksum::check(&[checksum], &path, &|_| {})? {
            Ok(()) => published.push(name),
            Err(mismatch) => warn_once(format!("{name} is not the published file: {mismatch}")),
        }
    }
    Ok(published)
}
