//! `marque preview`

use marque_contracts::counts::counted;
use marque_contracts::schema::{Head, features, labels};
use marque_contracts::{Job, Silent, json};
use marque_inspect::{Picture, SequenceRow, sequence_sheet};
use marque_train::PreviewRow;

use super::training_inputs::training_inputs;
use crate::arguments::Preview;
use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::Terminal;

pub(super) fn preview(
    configuration: &Configuration,
    options: &Preview,
    terminal: &Terminal,
) -> Result<(), Error> {
    // Cached features may be stale or missing.
    let inputs = training_inputs(configuration, terminal, |stage| stage != features::STAGE)?;
    let label_folder = inputs[labels::STAGE].clone();
    // Nothing is written to the job's output.
    let job = Job::new(inputs, &label_folder, &Silent);
    let (photos, draws) = (usize::from(options.photos), usize::from(options.draws));
    let rows = marque_train::preview(&job, &configuration.train, photos, draws)?;
    let heads: Vec<Head> = json::read(&label_folder.join(labels::HEADS))?;
    let heads: Vec<_> = heads.into_iter().map(|head| head.name).collect();
    let columns: Vec<_> = std::iter::once("as it is".to_owned())
        .chain((1..=draws).map(|epoch| format!("epoch {epoch}")))
        .collect();
    let photos = counted(rows.len() as u64, "training photo", "training photos");
    let title = format!("{photos} as the network will see them");
    let rows: Vec<_> = rows.into_iter().map(sequence).collect();
    let labels = label_folder.join(labels::LABEL_TABLE);
    let sheet = sequence_sheet(&rows, &columns, &labels, &heads, &title, &options.out)?;
    terminal.print(format_args!(
        "{}: {} × {}, {} × {} pixels",
        options.out.display(),
        counted(sheet.shown as u64, "photo", "photos"),
        counted(draws as u64, "epoch", "epochs"),
        sheet.width,
        sheet.height
    ));
    Ok(())
}

fn sequence(row: PreviewRow) -> SequenceRow {
    let pictures = std::iter::once(row.plain).chain(row.epochs).map(|picture| {
        let operations: Vec<_> = picture.draw.operations.iter().map(ToString::to_string).collect();
        Picture { size: picture.size, pixels: picture.pixels, caption: operations.join(", ") }
    });
    SequenceRow { file_name: row.file_name, pictures: pictures.collect() }
}
