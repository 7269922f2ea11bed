//! The sections `[dataset]` and `[fetch]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use marque_fetch::{Checksum, Policy};
use marque_sample::Sample;
use marque_settings::Section;

use crate::archive::Limits;

/// Where photos and annotations come from, and what is asked of them.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// The source.
    pub source: SourceSettings,
    /// What is known of the files that the source needs: names, checksums, addresses.
    pub files: Vec<ExpectedFile>,
    /// What archives may hold.
    pub limits: Limits,
    /// Largest share of files that may be no photos; 0 to 1.
    pub max_rejected: f64,
    /// Most pixels that a photo may have.
    pub max_pixels: u64,
    /// Bits in which the perceptual hashes of near-duplicates may differ; `None`: they are not looked for.
    pub near_bits: Option<u32>,
}

/// A source of photos and annotations.
#[derive(Clone, PartialEq, Debug)]
pub enum SourceSettings {
    /// The embedded data set, drawn from a seed.
    Sample(Sample),
    /// Archives or folders in a published layout of Stanford Cars, in this folder, or one archive.
    Published(PathBuf),
    /// Parquet files with embedded photos, as Hugging Face keeps them.
    HuggingFace(HuggingFace),
    /// A folder, or an archive, with a folder per class.
    Folders(PathBuf),
    /// A table of the user's own, with photos in files.
    Table(Table),
}

/// Parquet files with embedded photos.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HuggingFace {
    /// Folder with the Parquet files, at any depth.
    pub path: PathBuf,
    /// Column with the photos; default: the only one that is a struct of bytes and path.
    pub image_column: Option<String>,
    /// Column with the class names; default: the only class label, or the one called `label`.
    pub class_column: Option<String>,
}

/// A table of the user's own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    /// The table: CSV (also with semicolons or tabs) or Parquet.
    pub table: PathBuf,
    /// Folder that the file names in it start at.
    pub photos: PathBuf,
    /// Column with the file names.
    pub file_column: String,
}

/// A file that a source needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExpectedFile {
    /// Where it belongs.
    pub path: PathBuf,
    /// Name of the distribution that it belongs to: of several distributions of a data set any one will do.
    pub edition: String,
    /// Published checksums.
    pub checksums: Vec<Checksum>,
    /// Published size in bytes.
    pub bytes: Option<u64>,
    /// Addresses at which it is published, best first.
    pub urls: Vec<String>,
}

/// How downloading is done, and what else is to be had: pretrained weights.
#[derive(Clone, PartialEq, Debug)]
pub struct FetchSettings {
    /// Never to touch the network.
    pub offline: bool,
    /// How patient it is.
    pub policy: Policy,
    /// Files apart from the data set.
    pub files: Vec<ExpectedFile>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Sample,
    Published,
    HuggingFace,
    Folders,
    Table,
}

const KINDS: [(&str, Kind); 6] = [
    ("sample", Kind::Sample),
    ("published", Kind::Published),
    ("hugging-face", Kind::HuggingFace),
    ("folders", Kind::Folders),
    ("table", Kind::Table),
    // What "published" was called when nothing was downloaded.
    ("local", Kind::Published),
];

/// Bits of a perceptual hash in which near-duplicates differ at most, unless told otherwise.
const NEAR_BITS: usize = 4;

/// Pixels of a photo, unless told otherwise: more than cameras have, and what fits into 400 MB.
const MAX_PIXELS: usize = 100_000_000;

impl Settings {
    /// Reads the section.
    pub fn read(section: &mut Section<'_>) -> Self {
        let kind = section.choice("source", Kind::Sample, &KINDS);
        let sample = read_sample(section);
        let path = section.optional_path("path");
        let table = section.optional_path("table");
        let file_column = section.text("file_column", "file_name");
        let image_column = section.optional_text("image_column");
        let class_column = section.optional_text("class_column");
        // Where the photos are, or the table that names them.
        let beside_table = || Some(table.as_ref()?.parent()?.to_owned());
        let folder = path.clone().or_else(beside_table).unwrap_or_default();
        let files = section.sections("files", |file| ExpectedFile::read_named(file, &folder));
        let mut needed = |path: Option<PathBuf>, key: &str, what: &str| {
            path.unwrap_or_else(|| {
                section.problem(key, what);
                PathBuf::new()
            })
        };
        let source = match kind {
            Kind::Sample => SourceSettings::Sample(sample),
            Kind::Published => {
                let what =
                    "a published data set needs the folder where its archives or folders are, or belong";
                SourceSettings::Published(needed(path, "path", what))
            }
            Kind::HuggingFace => {
                let path =
                    needed(path, "path", "source = \"hugging-face\" needs the folder of Parquet files");
                SourceSettings::HuggingFace(HuggingFace { path, image_column, class_column })
            }
            Kind::Folders => {
                let what = "source = \"folders\" needs the folder that has a folder of photos per class";
                SourceSettings::Folders(needed(path, "path", what))
            }
            Kind::Table => {
                let what = "source = \"table\" needs a CSV or Parquet file with a row per photo";
                let table = needed(table, "table", what);
                let photos = path.unwrap_or_else(|| table.parent().unwrap_or(Path::new("")).to_owned());
                SourceSettings::Table(Table { table, photos, file_column })
            }
        };
        let limits = read_limits(section);
        let max_rejected = section.number("max_rejected", 0.05, 0.0..=1.0);
        let max_pixels = section.count("max_pixels", MAX_PIXELS, 1..=1 << 40) as u64;
        let near = section.flag("near_duplicates", true);
        let near_bits = section.count("near_bits", NEAR_BITS, 0..=16) as u32;
        Self { source, files, limits, max_rejected, max_pixels, near_bits: near.then_some(near_bits) }
    }

    /// The folder, archive or table that has to be there, for messages; `None` for the sample.
    pub fn place(&self) -> Option<&Path> {
        match &self.source {
            SourceSettings::Sample(_) => None,
            SourceSettings::Published(path) | SourceSettings::Folders(path) => Some(path),
            SourceSettings::HuggingFace(source) => Some(&source.path),
            SourceSettings::Table(source) => Some(&source.table),
        }
    }
}

fn read_sample(section: &mut Section<'_>) -> Sample {
    let default = Sample::default();
    Sample {
        seed: section.seed("seed", default.seed),
        train_photos: section.count("train_photos", default.train_photos as usize, 1..=99_999) as u32,
        test_photos: section.count("test_photos", default.test_photos as usize, 1..=99_999) as u32,
        ..default
    }
}

fn read_limits(section: &mut Section<'_>) -> Limits {
    let default = Limits::default();
    Limits {
        files: section.count("max_files", default.files as usize, 1..=100_000_000) as u64,
        bytes: section.count("max_bytes", default.bytes as usize, 1..=1 << 50) as u64,
        ratio: section.count("max_ratio", default.ratio as usize, 1..=1_000_000) as u64,
    }
}

impl ExpectedFile {
    /// A file of which only the place is known.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path, edition: String::new(), checksums: Vec::new(), bytes: None, urls: Vec::new() }
    }

    /// Name of the file, without folder.
    pub fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// An entry of `[[dataset.files]]`, whose files are in one folder.
    fn read_named(section: &mut Section<'_>, folder: &Path) -> Self {
        let name = section.text("name", "");
        if name.is_empty() || name.contains(['/', '\\']) || name == "." || name == ".." {
            section.problem("name", "must be a file name without a folder");
        }
        Self::read(section, folder.join(name))
    }

    /// An entry of `[[fetch.files]]`, each with its own place.
    fn read_placed(section: &mut Section<'_>) -> Self {
        let path = section.optional_path("path").unwrap_or_default();
        if path.file_name().is_none_or(|name| name.to_str().is_none()) {
            section.problem("path", "must be the place where the file belongs");
        }
        let file = Self::read(section, path);
        if file.urls.is_empty() {
            section.problem("urls", "must name at least one address");
        }
        file
    }

    fn read(section: &mut Section<'_>, path: PathBuf) -> Self {
        let edition = section.text("edition", "");
        let mut checksums = Vec::new();
        for (algorithm, digits) in
            [("md5", "32 hex digits"), ("sha256", "64 hex digits, or the first 8 or more")]
        {
            let Some(text) = section.optional_text(algorithm) else { continue };
            match Checksum::parse(algorithm, &text) {
                Some(checksum) => checksums.push(checksum),
                None => section.problem(algorithm, format!("must be {digits}")),
            }
        }
        let bytes = section.count("bytes", 0, 0..=1 << 50) as u64;
        let urls = section.optional_texts("urls").unwrap_or_default();
        if let Some(url) = urls.iter().find(|url| !url.starts_with("https://") && !url.starts_with("http://"))
        {
            section.problem("urls", format!("{url:?} does not begin with https:// or http://"));
        }
        if !urls.is_empty() && checksums.is_empty() && bytes == 0 {
            section.problem("urls", "what is downloaded is verified: give md5, sha256, or at least bytes");
        }
        Self { path, edition, checksums, bytes: (bytes > 0).then_some(bytes), urls }
    }
}

impl FetchSettings {
    /// Reads the section.
    pub fn read(section: &mut Section<'_>) -> Self {
        let default = Policy::default();
        let seconds = |duration: Duration| duration.as_secs_f64();
        let policy = Policy {
            connect: Duration::from_secs_f64(section.number(
                "connect_seconds",
                seconds(default.connect),
                0.1..=3600.0,
            )),
            stall: Duration::from_secs_f64(section.number(
                "stall_seconds",
                seconds(default.stall),
                0.1..=3600.0,
            )),
            attempts: section.count("attempts", default.attempts as usize, 1..=100) as u32,
            backoff: Duration::from_secs_f64(section.number(
                "backoff_seconds",
                seconds(default.backoff),
                0.0..=3600.0,
            )),
            longest_wait: Duration::from_secs_f64(section.number(
                "longest_wait_seconds",
                seconds(default.longest_wait),
                0.0..=86_400.0,
            )),
            parallel: section.count("parallel", default.parallel, 1..=16),
            seed: section.seed("seed", default.seed),
        };
        let offline = section.flag("offline", false);
        Self { offline, policy, files: section.sections("files", ExpectedFile::read_placed) }
    }
}
