//! The stage `ingest`: imports a source, decodes every photo, finds duplicates, and writes the tables.

use std::collections::BTreeMap;

use marque_contracts::counts::counted;
use marque_contracts::schema::{Dataset, Layout, ingest};
use marque_contracts::{Digest, Failure, Input, Job, Progress, Silent, Stage, Summary, json};
use marque_formats::{AnnotationTable, DuplicateRow, PhotoRow, RejectedRow};
use marque_photo::Budget;
use serde_json::{Value, json};

use crate::photos::{Photo, decode_all};
use crate::source::{self, AlternativeCopy, Destination, Imported};
use crate::source_folder::SourceFolder;
use crate::{Error, Settings, SourceSettings, duplicates};

/// The stage `ingest`.
pub struct Ingest {
    settings: Settings,
}

impl Ingest {
    /// The stage with its settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Hashes the files that the stage would read, with a bar. The digests are remembered while the program runs, so
    /// that [`Stage::sources`], which has no bar, is soon done. Errors are left for that to report.
    pub fn hash_sources(&self, progress: &dyn Progress) {
        let _ = source::of(&self.settings).and_then(|source| source.digests(progress));
    }

    /// The layout and place of an alternative copy, if it is read in place of the files that the settings name. Errors
    /// are left for [`Stage::sources`] to report.
    pub fn alternative_copy(&self) -> Option<String> {
        match source::of(&self.settings).and_then(|source| source.alternative_copy()) {
            Ok(AlternativeCopy::Complete(layout)) => Some(layout),
            _ => None,
        }
    }

    /// Names of the data set's own label columns.
    ///
    /// # Errors
    /// If the files of the data set are missing or cannot be read.
    pub fn label_columns(&self) -> Result<Vec<String>, Error> {
        source::of(&self.settings)?.label_columns()
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn import(&self, job: &Job<'_>) -> Result<Summary, Error> {
        let (output, progress) = (job.output(), job.progress());
        let to = Destination::new(output, self.settings.limits, progress);
        let imported = source::of(&self.settings)?.import(&to)?;
        progress.line(&imported.description);
        let folder = output.join(ingest::PHOTOS);
        let names = if folder.is_dir() { SourceFolder(&folder).files()? } else { Vec::new() };
        let total = names.len() + imported.rejected.len();
        let budget = Budget::new(self.settings.max_decode_bytes);
        let (photos, mut rejected) = decode_all(&folder, names, self.settings.max_pixels, &budget, progress)?;
        rejected.extend(imported.rejected.iter().cloned());
        rejected.sort_by(|a, b| a.file_name.cmp(&b.file_name));
        self.reject(&rejected, total, output)?;
        if photos.is_empty() {
            return Err(Error::Empty { place: self.settings.place().unwrap_or(&folder).to_owned() });
        }
        let repeated = duplicates::find(&photos, self.settings.near_bits);
        DuplicateRow::write(&repeated, &output.join(ingest::DUPLICATE_TABLE))?;
        RejectedRow::write(&rejected, &output.join(ingest::REJECTED_TABLE))?;
        let rows: Vec<_> = photos.into_iter().map(|photo: Photo| photo.row).collect();
        PhotoRow::write(&rows, &output.join(ingest::PHOTO_TABLE))?;
        if let Some(table) = &imported.annotations {
            write_annotations(table, &rows, &to)?;
        }
        let dataset = Dataset { layout: imported.layout, photos: rows.len() as u64 };
        json::write(&output.join(ingest::DATASET), &dataset)?;
        Ok(summary(&imported, &rows, &rejected, &repeated))
    }

    /// Removes the rejected photos, unless there are too many.
    fn reject(&self, rejected: &[RejectedRow], total: usize, output: &std::path::Path) -> Result<(), Error> {
        // Nothing of a failed run stays in its own folder.
        let list = output.parent().unwrap_or(output).join(ingest::REJECTED_TABLE);
        let allowed = self.settings.max_rejected;
        if rejected.len() as f64 > allowed * total as f64 {
            RejectedRow::write(rejected, &list)?;
            return Err(Error::Rejected { rejected: rejected.to_vec(), total, allowed, list });
        }
        let _ = fs_err::remove_file(&list);
        for row in rejected {
            tracing::warn!("{} is left out: {}", row.file_name, row.reason);
            let path = output.join(ingest::PHOTOS).join(&row.file_name);
            match fs_err::remove_file(&path) {
                // A broken link was not copied at all.
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Writes the annotations of the photos that are there.
fn write_annotations(
    table: &AnnotationTable,
    photos: &[PhotoRow],
    to: &Destination<'_>,
) -> Result<(), Error> {
    let there = |name: &str| photos.binary_search_by(|photo| photo.file_name.as_str().cmp(name)).is_ok();
    let rows = table.rows.iter().filter(|row| there(&row.file_name)).cloned().collect();
    let table = AnnotationTable { columns: table.columns.clone(), rows };
    Ok(table.write(&to.path(ingest::ANNOTATION_TABLE)?)?)
}

fn summary(
    imported: &Imported,
    rows: &[PhotoRow],
    rejected: &[RejectedRow],
    repeated: &[DuplicateRow],
) -> Summary {
    let bytes: u64 = rows.iter().map(|row| row.bytes).sum();
    let groups = repeated.last().map_or(0, |row| row.group + 1);
    let mut line = format!("{}, {:.1} MB", counted(rows.len() as u64, "photo", "photos"), bytes as f64 / 1e6);
    if !rejected.is_empty() {
        line.push_str(&format!(", {} left out", counted(rejected.len() as u64, "file", "files")));
    }
    if groups > 0 {
        line.push_str(&format!(
            ", {} in {} of duplicates",
            counted(repeated.len() as u64, "photo", "photos"),
            counted(u64::from(groups), "group", "groups")
        ));
    }
    let layout = match imported.layout {
        Layout::StanfordCars => "stanford-cars",
        Layout::CarIms => "car-ims",
        Layout::Table => "table",
    };
    let notes = BTreeMap::from([
        ("photos".to_owned(), json!(rows.len())),
        ("bytes".to_owned(), json!(bytes)),
        ("rejected".to_owned(), json!(rejected.len())),
        ("duplicate_groups".to_owned(), json!(groups)),
        ("duplicate_photos".to_owned(), json!(repeated.len())),
        ("layout".to_owned(), json!(layout)),
        ("found".to_owned(), json!(imported.description)),
    ]);
    Summary { line, notes }
}

impl Stage for Ingest {
    fn name(&self) -> &'static str {
        ingest::STAGE
    }

    fn version(&self) -> u32 {
        let drawing =
            matches!(self.settings.source, SourceSettings::Sample(_)).then_some(marque_sample::VERSION);
        9 + 100 * drawing.unwrap_or(0)
    }

    fn settings(&self) -> Value {
        json!({ "dataset": self.settings })
    }

    fn inputs(&self) -> Vec<Input> {
        Vec::new()
    }

    fn sources(&self) -> Result<BTreeMap<String, Digest>, Failure> {
        Ok(source::of(&self.settings)?.digests(&Silent)?)
    }

    fn run(&self, job: &Job<'_>) -> Result<Summary, Failure> {
        Ok(self.import(job)?)
    }
}
