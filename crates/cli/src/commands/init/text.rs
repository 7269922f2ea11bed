//! The text of the configuration that is written.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use marque_contracts::counts::{counted, grouped};
use marque_ingest::{MAX_REJECTED, SourceSettings, Survey};

use super::heads::{Proposal, ProposedHead, quoted};
use super::plan::Plan;
use crate::terminal::{bytes, seconds};

/// Classes that a comment names.
const NAMED: usize = 5;

/// The configuration. `command` is what it was written by, `folder` where it will lie.
pub(super) fn write(
    command: &str,
    survey: &Survey,
    proposal: &Proposal,
    plan: &Plan,
    folder: &Path,
) -> String {
    let mut text = format!(
        "# Written by `{command}`. `marque run` trains by it; `marque config` prints every setting in\n\
         # force and where it comes from, docs/configuration.md has all there are. Paths start at the folder of this file.\n\n\
         [runtime]\nprecision = \"auto\"{}\n",
        comment("bf16 where the CPU has units for it, which is faster; else f32")
    );
    text.push_str(&dataset(survey, folder));
    match survey.source {
        SourceSettings::Published(_) => text.push_str(&published_heads(survey.lacks_test)),
        _ => proposal.heads.iter().for_each(|head| text.push_str(&head_section(head))),
    }
    if !proposal.others.is_empty() {
        text.push_str("\n# Columns that make no head:\n");
        for (column, why) in &proposal.others {
            let _ = writeln!(text, "#   {column}: {why}");
        }
    }
    let weights = &plan.weights;
    let _ = write!(
        text,
        "\n[preprocess]\nsize = {}{}\n\
         \n[train]\nweights = \"{}\"{}\n\
         # Epochs, batches and rates follow from the number of training photos, and what is written here counts instead.\n\
         # For about {}: epochs = {}, batch_size = {}, learning_rate = {:?},\n\
         # head_learning_rate = {:?}, layer_decay = {:?}, freeze_norm_statistics = {},\n\
         # ema_decay = {:?}, random_resized_crop = {:?}, select_by = {:?}.\n\
         # That takes about {} here, at {:.0} photos/s in {}.\n",
        plan.size,
        comment("pixels of a side: 224 sees more detail, and takes three times as long as 128"),
        weights.name(),
        comment(&format!(
            "torchvision's, of ImageNet: {} ({}) in downloads/, fetched if it is not there",
            weights.file,
            bytes(weights.bytes)
        )),
        counted(plan.training_photos as u64, "photo", "photos"),
        plan.chosen.epochs,
        plan.chosen.batch_size,
        plan.chosen.learning_rate,
        plan.chosen.head_learning_rate,
        plan.chosen.layer_decay,
        plan.chosen.freeze_norm_statistics,
        plan.chosen.ema_decay,
        plan.chosen.random_resized_crop,
        plan.chosen.select_by,
        seconds(plan.seconds()),
        plan.photos_per_second,
        plan.precision.word(),
    );
    text
}

fn comment(text: &str) -> String {
    format!("    # {text}")
}

fn dataset(survey: &Survey, folder: &Path) -> String {
    let mut text = String::from("\n[dataset]\n");
    let path = |path: &Path| quoted(&from_folder(path, folder).display().to_string());
    let _ = match &survey.source {
        SourceSettings::Published(place) => {
            writeln!(text, "source = \"published\"\npath = {}", path(place))
        }
        SourceSettings::Folders(place) => writeln!(text, "source = \"folders\"\npath = {}", path(place)),
        SourceSettings::HuggingFace(source) => {
            writeln!(text, "source = \"hugging-face\"\npath = {}", path(&source.path))
        }
        SourceSettings::Table(source) => {
            let _ = writeln!(text, "source = \"table\"\ntable = {}", path(&source.table));
            if source.file_column != "file_name" {
                let _ = writeln!(text, "file_column = {}", quoted(&source.file_column));
            }
            writeln!(text, "path = {}", path(&source.photos))
        }
        SourceSettings::Sample(_) => writeln!(text, "source = \"sample\""),
    };
    let (left_out, photos) = (survey.left_out.len(), survey.annotations.rows.len());
    let (unread, looked_at) = (survey.sizes.unread.len(), survey.sizes.looked_at());
    // What a sample could not read stands for as large a share of all.
    let unread = photos as f64 * unread as f64 / looked_at.max(1) as f64;
    let share = (left_out as f64 + unread) / (left_out + photos).max(1) as f64;
    if share > MAX_REJECTED {
        let allowed = ((share + 0.02) * 100.0).ceil().min(100.0) / 100.0;
        let why =
            format!("{:.0}% of the photos are missing or cannot be read, and are left out", share * 100.0);
        let _ = writeln!(text, "max_rejected = {allowed}{}", comment(&why));
    }
    text
}

/// A path from the folder of the configuration on; whole where it does not lie below.
fn from_folder(path: &Path, folder: &Path) -> PathBuf {
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let empty = |path: &Path| if path.as_os_str().is_empty() { PathBuf::from(".") } else { path.to_owned() };
    let (path, folder) = (empty(path), empty(folder));
    if folder == Path::new(".") {
        return path;
    }
    let place = whole(&path);
    place.strip_prefix(whole(&folder)).map_or(place.clone(), empty)
}

fn head_section(head: &ProposedHead) -> String {
    let labels = &head.labels;
    let named: Vec<_> = labels
        .classes
        .iter()
        .take(NAMED)
        .map(|(class, photos)| format!("{class} {}", grouped(*photos)))
        .collect();
    let more = labels.classes.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(", and {} more", grouped(more as u64)) } else { String::new() };
    let empty = labels.photos - labels.known;
    let unknown = match empty {
        0 => String::new(),
        _ => format!("; {} without", counted(empty as u64, "photo", "photos")),
    };
    let mut text =
        format!("\n# {}{more}{unknown}\n[[heads]]\nname = {}\n", named.join(", "), quoted(&head.name));
    for (key, value) in &head.keys {
        let _ = writeln!(text, "{key} = {value}");
    }
    text
}

/// The heads of the reference for Stanford Cars.
fn published_heads(lacks_test: bool) -> String {
    // Both splits together have twice as many photos of each make.
    let min_images = if lacks_test { 500 } else { 1000 };
    format!(
        "\n[[heads]]\nname = \"brand\"\nrule = \"make\"\nmin_images = {min_images}\nother = \"Other\"\n\
         \n[[heads]]\nname = \"type\"\nrule = \"keyword\"\nclasses = [\"Convertible\", \"Coupe\", \"SUV\", \"Van\"]\nother = \"Other\"\n\
         \n[[heads]]\nname = \"era\"\nrule = \"year\"\nbreaks = [2009]\n"
    )
}
