//! The section `[dataset]`.

use std::path::{Path, PathBuf};

use marque_contracts::schema::{Spellings, ingest, normalised};
use marque_sample::Sample;
use marque_settings::{Measure, Reader, Section};
use serde::{Serialize, Serializer};

use crate::archive::Limits;
use crate::expected_file::ExpectedFile;

/// Where photos and annotations come from, and what is asked of them. Serialised, it is what of the section enters the
/// fingerprint, under its keys: paths do not, since the same files elsewhere give the same.
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
    /// Memory that decoding photos may take at a time, over all threads; a photo that takes more by itself is left out.
    pub max_decode_bytes: u64,
    /// Bits in which the perceptual hashes of near-duplicates may differ; `None`: they are not looked for.
    pub near_bits: Option<u32>,
}

/// A source of photos and annotations.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
pub enum SourceSettings {
    /// The embedded data set, drawn from a seed.
    Sample(#[serde(serialize_with = "sample_keys")] Sample),
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

/// Share of files that may be missing or not be photos unless told otherwise.
pub const MAX_REJECTED: f64 = 0.05;

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

/// Pixels of a photo, unless told otherwise: more than cameras have.
const MAX_PIXELS: usize = 100_000_000;

/// Memory for decoding, unless told otherwise: what any photo of so many pixels takes, animations aside.
const MAX_DECODE_BYTES: usize = 2 << 30;

/// What of the sample can be set; [`marque_sample::VERSION`] stands for the rest.
fn sample_keys<S: Serializer>(sample: &Sample, serializer: S) -> Result<S::Ok, S::Error> {
    let Sample { seed, train_photos, test_photos, .. } = sample;
    let keys =
        [("seed", *seed), ("train_photos", (*train_photos).into()), ("test_photos", (*test_photos).into())];
    serializer.collect_map(keys)
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
        let file_column = column(section, "file_column", &file_column);
        let image_column = section
            .key("image_column", "hugging-face: column with the photos")
            .optional_text("the only one that fits")
            .map(|name| column(section, "image_column", &name));
        let class_column = section
            .key("class_column", "hugging-face: column with the names of classes")
            .optional_text("the only class label, or `label`")
            .map(|name| column(section, "class_column", &name));
        let max_rejected = section
            .key(
                "max_rejected",
                "share of photos that may be missing or unreadable; they are left out and listed",
            )
            .number(MAX_REJECTED, 0.0..=1.0);
        let max_pixels = section
            .key("max_pixels", "a photo that has more is left out and listed")
            .count(MAX_PIXELS, 1..=1 << 40) as u64;
        let max_decode_bytes = section
            .key(
                "max_decode_bytes",
                "memory that decoding photos may take at a time, over all threads, beside the files themselves: \
                 photos wait for one another, and one that takes more by itself is left out and listed (a JPEG \
                 file takes 6 to 12 bytes a pixel, a PNG file 6 to 15)",
            )
            .of(Measure::Bytes)
            .count(MAX_DECODE_BYTES, 1 << 20..=1 << 50) as u64;
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
        let mut before = Vec::new();
        let files = section.sections("files", about, |section| {
            let file = ExpectedFile::read_named(section, &folder);
            file.once(section, "name", &mut before);
            file
        });
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
        Self {
            source,
            files,
            limits,
            max_rejected,
            max_pixels,
            max_decode_bytes,
            near_bits: near.then_some(near_bits),
        }
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

/// The name of a column in its normal form; characters that this leaves out are a warning.
fn column(section: &mut Section<'_>, key: &str, text: &str) -> String {
    let mut spellings = Spellings::default();
    spellings.add(text);
    let name = normalised(text).into_owned();
    if name.is_empty() {
        section.problem(key, format!("{text:?} has no character that is seen"));
    }
    for spelling in spellings.joined().filter(|_| !name.is_empty()) {
        section.warning(key, spelling);
    }
    name
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
