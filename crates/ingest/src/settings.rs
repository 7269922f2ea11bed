//! The section `[dataset]`.

use std::path::PathBuf;

use marque_sample::Sample;
use marque_settings::Section;

use crate::Checksum;

/// Where photos and annotations come from.
#[derive(Clone, PartialEq, Debug)]
pub struct Settings {
    /// The source.
    pub source: Source,
    /// What is known of the published files: names, checksums, addresses.
    pub files: Vec<ExpectedFile>,
}

/// A source of photos and annotations.
#[derive(Clone, PartialEq, Debug)]
pub enum Source {
    /// The embedded data set, drawn from a seed.
    Sample(Sample),
    /// Archives or folders in the published layout, in this folder.
    Local(PathBuf),
}

/// A file that the data set consists of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExpectedFile {
    /// File name, without folder.
    pub name: String,
    /// Published checksums.
    pub checksums: Vec<Checksum>,
    /// Addresses at which it is published, best first.
    pub urls: Vec<String>,
}

#[derive(Clone, Copy)]
enum Kind {
    Sample,
    Local,
}

impl Settings {
    /// Reads the section.
    pub fn read(section: &mut Section<'_>) -> Self {
        let kind =
            section.choice("source", Kind::Sample, &[("sample", Kind::Sample), ("local", Kind::Local)]);
        let default = Sample::default();
        let sample = Sample {
            seed: section.seed("seed", default.seed),
            train_photos: section.count("train_photos", default.train_photos as usize, 1..=100_000) as u32,
            test_photos: section.count("test_photos", default.test_photos as usize, 1..=100_000) as u32,
            ..default
        };
        let path = section.optional_path("path");
        let files = section.sections("files", ExpectedFile::read);
        let source = match kind {
            Kind::Sample => Source::Sample(sample),
            Kind::Local => Source::Local(path.unwrap_or_else(|| {
                section.problem("path", "source = \"local\" needs the folder with the archives or photos");
                PathBuf::new()
            })),
        };
        Self { source, files }
    }
}

impl ExpectedFile {
    fn read(section: &mut Section<'_>) -> Self {
        let name = section.text("name", "");
        if name.is_empty() || name.contains('/') {
            section.problem("name", "must be a file name without a folder");
        }
        let mut checksums = Vec::new();
        for (algorithm, digits) in [("md5", 32), ("sha256", 64)] {
            let Some(text) = section.optional_text(algorithm) else { continue };
            match Checksum::parse(algorithm, &text) {
                Some(checksum) => checksums.push(checksum),
                None => section.problem(algorithm, format!("must be {digits} hex digits")),
            }
        }
        Self { name, checksums, urls: section.optional_texts("urls").unwrap_or_default() }
    }
}
