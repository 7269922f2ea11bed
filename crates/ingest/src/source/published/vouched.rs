//! What can be said of whether files are the published ones.

use std::collections::BTreeSet;
use std::path::Path;

use marque_contracts::schema::ingest;
use marque_fetch::Checksum;

use super::super::Destination;
use super::Parts;
use super::names::{self, PUBLISHED};
use crate::{Error, hashes::warn_once};

/// Says which files are the published ones by their checksums, and which nobody can vouch for. Archives with
/// checksums were compared before; those inside that are known are compared here.
pub(super) fn tell(parts: &Parts, to: &Destination<'_>) -> Result<(), Error> {
    let compared = || parts.expected.iter().filter(|file| !file.checksums.is_empty());
    let verified = |path: &Path| compared().any(|file| file.path == path);
    let annotations = annotations(to)?;
    // What is used of the devkit was compared file by file.
    let devkit = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        names::inside(name).is_some_and(|inside| inside.iter().all(|item| annotations.contains(item)))
    };
    let published: BTreeSet<_> =
        compared().map(|file| file.name()).chain(annotations.iter().copied()).collect();
    if !published.is_empty() {
        let names: Vec<_> = published.into_iter().collect();
        to.progress.line(&format!("the published files, by their checksums: {}", names.join(", ")));
    }
    let mut others: Vec<_> = (parts.archives.iter().filter(|path| !verified(path) && !devkit(path)))
        .map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned())
        .collect();
    if parts.loose.iter().any(|(path, place)| place.starts_with(ingest::PHOTOS) && !verified(path)) {
        others.push("photos in folders".to_owned());
    }
    if !others.is_empty() {
        to.progress.line(&format!("not verified, no checksum is known: {}", others.join(", ")));
    }
    Ok(())
}

/// Annotation files that are the published ones; others of their names are warned of.
fn annotations(to: &Destination<'_>) -> Result<Vec<&'static str>, Error> {
    let mut published = Vec::new();
    for (name, digits) in PUBLISHED {
        let path = to.output.join(format!("{}{name}", ingest::METADATA));
        let Some(checksum) = Checksum::parse("md5", digits).filter(|_| path.is_file()) else { continue };
        match Checksum::check(&[checksum], &path, &|_| {}).map_err(|e| Error::io("read", &path, e))? {
            Ok(()) => published.push(name),
            Err(mismatch) => warn_once(format!("{name} is not the published file: {mismatch}")),
        }
    }
    Ok(published)
}
