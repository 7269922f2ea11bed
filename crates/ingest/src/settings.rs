//! The sections `[dataset]` and `[fetch]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use marque_contracts::schema::ingest;
use marque_fetch::{Checksum, Policy};
use marque_sample::Sample;
use marque_settings::{Reader, Section};
use serde::{Serialize, Serializer};

use crate::archive::Limits;

/// Where photos and annotations come from, and what is asked of them. Serialised, it is what of the settings enters the
/// fingerprint: paths do not, since the same files elsewhere give the same.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Settings {
    /// The source.
    #[serde(flatten)]
    pub source: SourceSettings,
    /// What is known of the files that the source needs: names, checksums, addresses.
    #[serde(skip)]
    pub files: Vec<ExpectedFile>,
    /// What archives may hold.
    #[serde(skip)]
    pub limits: Limits,
    /// Largest share of files that may be missing or not be photos; 0 to 1. It only says when to give up, but a stricter
    /// limit has to look again.
    pub max_rejected: f64,
    /// Most pixels that a photo may have.
    pub max_pixels: u64,
    /// Bits in which the perceptual hashes of near-duplicates may differ; `None`: they are not looked for.
    pub near_bits: Option<u32>,
}

/// A source of photos and annotations.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
pub enum SourceSettings {
    /// The embedded data set, drawn from a seed.
    Sample(#[serde(serialize_with = "drawing")] Sample),
    /// Archives or folders in a published layout of Stanford Cars, in this folder, or one archive.
    Published(#[serde(skip)] PathBuf),
    /// Parquet files with embedded photos, as Hugging Face keeps them.
    HuggingFace(HuggingFace),
    /// A folder, or an archive, with a folder per class.
    Folders(#[serde(skip)] PathBuf),
    /// A table of the user's own, with photos in files.
    Table(Table),
}

/// Parquet files with embedded photos.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct HuggingFace {
    /// Folder with the Parquet files, at any depth.
    #[serde(skip)]
    pub path: PathBuf,
    /// Column with the photos; default: the only one that is a struct of bytes and path.
    pub image_column: Option<String>,
    /// Column with the class names; default: the only class label, or the one called `label`.
    pub class_column: Option<String>,
}

/// A table of the user's own.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Table {
    /// The table: CSV (also with semicolons or tabs) or Parquet.
    #[serde(skip)]
    pub table: PathBuf,
    /// Folder that the file names in it start at.
    #[serde(skip)]
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

const KINDS: [(&str, Kind); 5] = [
    ("sample", Kind::Sample),
    ("published", Kind::Published),
    ("hugging-face", Kind::HuggingFace),
    ("folders", Kind::Folders),
    ("table", Kind::Table),
];

/// Bits of a perceptual hash in which near-duplicates differ at most, unless told otherwise.
const NEAR_BITS: usize = 4;

/// Pixels of a photo, unless told otherwise: more than cameras have, and what fits into 400 MB.
const MAX_PIXELS: usize = 100_000_000;

/// The embedded data set as it enters the fingerprint: what is drawn, and by which version of the drawing.
fn drawing<S: Serializer>(sample: &Sample, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Drawing {
        drawing_version: u32,
        seed: u64,
        train_photos: u32,
        test_photos: u32,
        width: u32,
        height: u32,
    }
    let Sample { seed, train_photos, test_photos, width, height } = *sample;
    let drawing_version = marque_sample::VERSION;
    Drawing { drawing_version, seed, train_photos, test_photos, width, height }.serialize(serializer)
}

impl Settings {
    /// Reads the section `[dataset]`; whatever is wrong is noted in `reader`.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        reader.section(
            "dataset",
            &[ingest::STAGE],
            "where photos and annotations come from; the content of the files counts, not where they are",
            Self::read_section,
        )
    }

    fn read_section(section: &mut Section<'_>) -> Self {
        section.renamed_word("source", "local", "published");
        let kind = section
            .key("source", "the embedded sample, a published copy of Stanford Cars, or photos of your own")
            .choice(Kind::Sample, &KINDS);
        let sample = read_sample(section);
        let path = section
            .key(
                "path",
                "published: folder with any published copy of Stanford Cars, packed or unpacked, or \
                     one archive; hugging-face: folder of Parquet files with embedded photos; folders: \
                     folder or archive with a folder of photos per class; table: folder that its file \
                     names start at, by default that of the table",
            )
            .optional_path("required, but for the sample and tables");
        let table = section
            .key("table", "table: CSV or Parquet with a row per photo")
            .optional_path("required for tables");
        let file_column =
            section.key("file_column", "table: column with the names of the photos").text("file_name");
        let image_column = section
            .key("image_column", "hugging-face: column with the photos")
            .optional_text("the only one that fits");
        let class_column = section
            .key("class_column", "hugging-face: column with the names of classes")
            .optional_text("the only class label, or `label`");
        let max_rejected = section
            .key(
                "max_rejected",
                "share of photos that may be missing or unreadable; they are left out and listed",
            )
            .number(0.05, 0.0..=1.0);
        let max_pixels = section
            .key(
                "max_pixels",
                "a photo that has more is left out and listed; decoding takes 4 bytes for each",
            )
            .count(MAX_PIXELS, 1..=1 << 40) as u64;
        let near = section
            .key(
                "near_duplicates",
                "look for photos that were saved again at another size, quality, brightness or \
                     contrast",
            )
            .flag(true);
        let near_bits = section
            .key("near_bits", "bits of 64 in which the perceptual hashes of near-duplicates may differ")
            .count(NEAR_BITS, 0..=16) as u32;
        let limits = read_limits(section);
        // Where the photos are, or the table that names them.
        let beside_table = || Some(table.as_ref()?.parent()?.to_owned());
        let folder = path.clone().or_else(beside_table).unwrap_or_default();
        let about = "what is known of a file in `path`, or beside the table: what is listed must be there, or \
                     is downloaded; it changes no result by itself";
        let files = section.sections("files", about, |file| ExpectedFile::read_named(file, &folder));
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
    let mut photos =
        |key, default: u32, about| section.key(key, about).count(default as usize, 1..=99_999) as u32;
    let (train, test) = (default.train_photos, default.test_photos);
    Sample {
        train_photos: photos("train_photos", train, "sample: photos in the official training split"),
        test_photos: photos("test_photos", test, "sample: photos in the official test split"),
        seed: section.key("seed", "sample: seed of the drawing").seed(default.seed),
        ..default
    }
}

fn read_limits(section: &mut Section<'_>) -> Limits {
    let default = Limits::default();
    let mut limit =
        |key, default: u64, most, about| section.key(key, about).count(default as usize, 1..=most) as u64;
    Limits {
        files: limit(
            "max_files",
            default.files,
            100_000_000,
            "an archive that holds more files and folders is refused",
        ),
        bytes: limit("max_bytes", default.bytes, 1 << 50, "an archive that unpacks to more bytes is refused"),
        ratio: limit(
            "max_ratio",
            default.ratio,
            1_000_000,
            "an archive that unpacks to more than so many times its size is refused",
        ),
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
        let name =
            section.key("name", "file name, without a folder").optional_text("required").unwrap_or_default();
        if name.is_empty() || name.contains(['/', '\\']) || name == "." || name == ".." {
            section.problem("name", "must be a file name without a folder");
        }
        let edition = section
            .key(
                "edition",
                "distribution that it belongs to: of several any one will do, the first preferred",
            )
            .optional_text("none")
            .unwrap_or_default();
        Self { edition, ..Self::read(section, folder.join(name)) }
    }

    /// An entry of `[[fetch.files]]`, each with its own place.
    fn read_placed(section: &mut Section<'_>) -> Self {
        let path = section
            .key("path", "the place where the file belongs")
            .optional_path("required")
            .unwrap_or_default();
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
        let bytes = section
            .key("bytes", "size of the file")
            .optional_count("not compared", 0..=1 << 50)
            .filter(|bytes| *bytes > 0)
            .map(|bytes| bytes as u64);
        let digests = [
            ("md5", "its MD5, in hex digits", "32 hex digits"),
            (
                "sha256",
                "its SHA-256, or the first 8 or more hex digits",
                "64 hex digits, or the first 8 or more",
            ),
        ];
        let mut checksums = Vec::new();
        for (algorithm, about, digits) in digests {
            let Some(text) = section.key(algorithm, about).optional_text("not compared") else { continue };
            match Checksum::parse(algorithm, &text) {
                Some(checksum) => checksums.push(checksum),
                None => section.problem(algorithm, format!("must be {digits}")),
            }
        }
        let urls = section
            .key("urls", "addresses to download it from, tried in order")
            .optional_texts("none")
            .unwrap_or_default();
        if let Some(url) = urls.iter().find(|url| !url.starts_with("https://") && !url.starts_with("http://"))
        {
            section.problem("urls", format!("{url:?} does not begin with https:// or http://"));
        }
        if !urls.is_empty() && checksums.is_empty() && bytes.is_none() {
            section.problem("urls", "what is downloaded is verified: give md5, sha256, or at least bytes");
        }
        Self { path, edition: String::new(), checksums, bytes, urls }
    }
}

impl FetchSettings {
    /// Reads the section `[fetch]`; whatever is wrong is noted in `reader`.
    pub fn read(reader: &mut Reader<'_>) -> Self {
        let about = "how files are downloaded: those of `[[dataset.files]]` and of `[[fetch.files]]`";
        reader.section("fetch", &[], about, |section| {
            let default = Policy::default();
            let offline = section.key("offline", "never touch the network; as --offline").flag(false);
            let parallel =
                section.key("parallel", "files downloaded at the same time").count(default.parallel, 1..=16);
            let mut seconds = |key, default: Duration, least, most, about| {
                Duration::from_secs_f64(section.key(key, about).number(default.as_secs_f64(), least..=most))
            };
            let connect = seconds("connect_seconds", default.connect, 0.1, 3600.0, "longest time to connect");
            let stall =
                seconds("stall_seconds", default.stall, 0.1, 3600.0, "longest time without a single byte");
            let backoff = seconds(
                "backoff_seconds",
                default.backoff,
                0.0,
                3600.0,
                "wait after the first failed try; doubles with each",
            );
            let longest_wait = seconds(
                "longest_wait_seconds",
                default.longest_wait,
                0.0,
                86_400.0,
                "a server that asks for a longer wait is passed over",
            );
            let attempts =
                section.key("attempts", "tries per address").count(default.attempts as usize, 1..=100) as u32;
            let seed = section.key("seed", "seed of the variation of waits").seed(default.seed);
            let policy = Policy { connect, stall, attempts, backoff, longest_wait, parallel, seed };
            let about = "another file: pretrained weights";
            Self { offline, policy, files: section.sections("files", about, ExpectedFile::read_placed) }
        })
    }
}
