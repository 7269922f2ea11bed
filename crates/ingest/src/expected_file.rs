//! Files whose size, checksum or address is known, and the section `[fetch]`: how they are downloaded.

use std::path::{Path, PathBuf};
use std::time::Duration;

use marque_fetch::{Checksum, Policy};
use marque_settings::{Measure, Reader, Section};

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
    /// The folder of files that are known by name: published weights.
    pub folder: PathBuf,
    /// How patient it is.
    pub policy: Policy,
    /// Files apart from the data set.
    pub files: Vec<ExpectedFile>,
}

impl ExpectedFile {
    /// A file of which only the place is known.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path, edition: String::new(), checksums: Vec::new(), bytes: None, urls: Vec::new() }
    }

    /// A file of which size, SHA-256 and address are known.
    pub fn published(path: PathBuf, bytes: u64, sha256: &str, url: String) -> Self {
        let checksums = Checksum::parse("sha256", sha256).into_iter().collect();
        Self { bytes: Some(bytes), checksums, urls: vec![url], ..Self::at(path) }
    }

    /// Name of the file, without folder.
    pub fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// An entry of `[[dataset.files]]`, whose files are in one folder.
    pub(crate) fn read_named(section: &mut Section<'_>, folder: &Path) -> Self {
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
            let about = "folder of the published weights that train.weights names";
            let folder = section.key("folder", about).path("downloads");
            let parallel =
                section.key("parallel", "files downloaded at the same time").count(default.parallel, 1..=16);
            let mut seconds = |key, default: Duration, least, most, about| {
                let key = section.key(key, about).of(Measure::Seconds);
                Duration::from_secs_f64(key.number(default.as_secs_f64(), least..=most))
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
            Self {
                offline,
                folder,
                policy,
                files: section.sections("files", about, ExpectedFile::read_placed),
            }
        })
    }
}
