//! The published layout of Stanford Cars on the local disk: `cars_train`, `cars_test` and `devkit`, each as
//! an archive or a folder, and `cars_test_annos_withlabels.mat`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use marque_contracts::{Digest, Progress, Unit};

use crate::error::{Error, Missing};
use crate::settings::ExpectedFile;
use crate::unpack::{Limits, unpack_tar_gz};

/// One part of the data set.
struct Part {
    archive: &'static str,
    folder: &'static str,
    needed: bool,
    /// Whether it holds photos; if not, it holds annotations.
    photos: bool,
}

const PARTS: [Part; 3] = [
    Part { archive: "cars_train.tgz", folder: "cars_train", needed: true, photos: true },
    Part { archive: "cars_test.tgz", folder: "cars_test", needed: false, photos: true },
    Part { archive: "car_devkit.tgz", folder: "devkit", needed: true, photos: false },
];

/// The test split's labels are published apart from the devkit.
const TEST_LABELS: &str = "cars_test_annos_withlabels.mat";

/// What was found of the data set.
pub(crate) struct Published {
    archives: Vec<(&'static Part, PathBuf)>,
    folders: Vec<(&'static Part, PathBuf)>,
    files: Vec<PathBuf>,
}

impl Published {
    /// Looks for the parts in `folder`. An archive wins over an unpacked folder.
    pub(crate) fn find(folder: &Path, expected: &[ExpectedFile]) -> Result<Self, Error> {
        let mut found = Self { archives: Vec::new(), folders: Vec::new(), files: Vec::new() };
        let mut missing = Vec::new();
        for part in &PARTS {
            let (archive, unpacked) = (folder.join(part.archive), folder.join(part.folder));
            let named = expected.iter().find(|file| file.name == part.archive);
            if archive.is_file() {
                found.archives.push((part, archive));
            } else if unpacked.is_dir() {
                found.folders.push((part, unpacked));
            } else if part.needed || named.is_some() {
                let urls = named.map_or_else(Vec::new, |file| file.urls.clone());
                missing.push(Missing {
                    name: format!("{} (or the folder {}/)", part.archive, part.folder),
                    urls,
                });
            }
        }
        let labels = folder.join(TEST_LABELS);
        if labels.is_file() {
            found.files.push(labels);
        } else if let Some(named) = expected.iter().find(|file| file.name == TEST_LABELS) {
            missing.push(Missing { name: TEST_LABELS.to_owned(), urls: named.urls.clone() });
        }
        if missing.is_empty() {
            Ok(found)
        } else {
            Err(Error::Missing { folder: folder.to_owned(), missing })
        }
    }

    /// Content digests of all that was found, for the fingerprint.
    pub(crate) fn digests(&self) -> Result<BTreeMap<String, Digest>, Error> {
        let digest = |path: &Path| Digest::of_file(path).map_err(|e| Error::io("read", path, e));
        let mut digests = BTreeMap::new();
        for (part, path) in &self.archives {
            digests.insert(part.archive.to_owned(), digest(path)?);
        }
        for path in &self.files {
            digests.insert(TEST_LABELS.to_owned(), digest(path)?);
        }
        for (part, folder) in &self.folders {
            let mut named = Vec::new();
            for name in files_below(folder)? {
                let digest = digest(&folder.join(&name))?;
                named.push((name, digest));
            }
            let named = named.iter().map(|(name, digest)| (name.as_str(), *digest));
            digests.insert(part.folder.to_owned(), Digest::of_named(named));
        }
        Ok(digests)
    }

    /// Compares the files with their published checksums; a folder has none.
    pub(crate) fn check(&self, expected: &[ExpectedFile], progress: &dyn Progress) -> Result<(), Error> {
        let files = self.archives.iter().map(|(_, path)| path).chain(&self.files);
        let named =
            |path: &PathBuf| expected.iter().find(|file| path.file_name().is_some_and(|n| n == &*file.name));
        let checks: Vec<_> = files.filter_map(|path| Some((path, named(path)?))).collect();
        if checks.is_empty() {
            return Ok(());
        }
        let bar = progress.bar("verify", checks.len() as u64, Unit::Files);
        for (path, file) in checks {
            file.checksums.iter().try_for_each(|checksum| checksum.check(path))?;
            bar.advance(1);
        }
        Ok(())
    }

    /// Unpacks archives and copies folders: photos into `photos`, annotations into `metadata`.
    pub(crate) fn bring(&self, photos: &Path, metadata: &Path, progress: &dyn Progress) -> Result<(), Error> {
        for (part, archive) in &self.archives {
            let size = std::fs::metadata(archive).map_err(|e| Error::io("look at", archive, e))?.len();
            let bar = progress.bar(&format!("unpack {}", part.archive), size, Unit::Bytes);
            let root = if part.photos { photos } else { metadata };
            let place = |name: &str| wanted(part, name).then(|| root.join(name));
            unpack_tar_gz(archive, Limits::default(), &place, &|bytes| bar.advance(bytes))?;
        }
        for (part, folder) in &self.folders {
            let names = files_below(folder)?;
            let bar = progress.bar(&format!("copy {}", part.folder), names.len() as u64, Unit::Files);
            let root = if part.photos { photos } else { metadata };
            for name in names {
                let inside = format!("{}/{name}", part.folder);
                if wanted(part, &inside) {
                    copy(&folder.join(&name), &root.join(inside))?;
                }
                bar.advance(1);
            }
        }
        for file in &self.files {
            copy(file, &metadata.join(TEST_LABELS))?;
        }
        Ok(())
    }
}

/// Photos below the part's own folder, or annotation files.
fn wanted(part: &Part, name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    match part.photos {
        true => {
            let inside = name.strip_prefix(part.folder).is_some_and(|rest| rest.starts_with('/'));
            inside && ["jpg", "jpeg", "png", "webp", "bmp"].contains(&&*extension)
        }
        false => extension == "mat",
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
    }
    std::fs::copy(from, to).map(|_| ()).map_err(|e| Error::io("copy", from, e))
}

/// Paths of the regular files below a folder, relative with `/`, sorted. Links are not followed.
pub(crate) fn files_below(folder: &Path) -> Result<Vec<String>, Error> {
    fn walk(folder: &Path, prefix: &str, out: &mut Vec<String>) -> Result<(), Error> {
        for entry in std::fs::read_dir(folder).map_err(|e| Error::io("list", folder, e))? {
            let entry = entry.map_err(|e| Error::io("list", folder, e))?;
            let kind = entry.file_type().map_err(|e| Error::io("look at", &entry.path(), e))?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            if kind.is_dir() {
                walk(&entry.path(), &format!("{prefix}{name}/"), out)?;
            } else if kind.is_file() {
                out.push(format!("{prefix}{name}"));
            }
        }
        Ok(())
    }
    let mut files = Vec::new();
    walk(folder, "", &mut files)?;
    files.sort_unstable();
    Ok(files)
}
