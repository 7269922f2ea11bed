//! `marque inspect` and `marque sql`

use std::path::PathBuf;

use marque_contracts::schema::{Head, evaluate, ingest, labels, preprocess, train};
use marque_inspect::{Answer, PhotoTable, SummaryRequest, TableFile, classes, query, rows, summarise};

use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::Terminal;

/// Tables that can be asked for, each with its stage and file.
const PLACES: [(&str, &str, &str); 11] = [
    ("labels", labels::STAGE, labels::LABEL_TABLE),
    ("classes", labels::STAGE, labels::CLASS_TABLE),
    ("weights", labels::STAGE, labels::WEIGHT_TABLE),
    ("leaks", labels::STAGE, labels::LEAK_TABLE),
    ("crops", labels::STAGE, labels::CROP_TABLE),
    ("photos", ingest::STAGE, ingest::PHOTO_TABLE),
    ("duplicates", ingest::STAGE, ingest::DUPLICATE_TABLE),
    ("rejected", ingest::STAGE, ingest::REJECTED_TABLE),
    ("index", preprocess::STAGE, preprocess::INDEX),
    ("history", train::STAGE, train::HISTORY),
    ("predictions", evaluate::STAGE, evaluate::PREDICTIONS),
];

/// Rows of a table that `inspect` shows.
const ROWS: usize = 20;

/// Photos on a contact sheet.
const PHOTOS: usize = 48;

/// Names of the tables, for messages.
pub(crate) fn table_names() -> String {
    PLACES.map(|(name, ..)| name).join(", ")
}

/// What `inspect` is asked for.
pub(super) struct Request {
    pub(super) table: String,
    pub(super) condition: Option<String>,
    pub(super) head: Option<String>,
    pub(super) json: bool,
    pub(super) out: Option<PathBuf>,
    pub(super) limit: Option<usize>,
}

pub(super) fn inspect(
    configuration: &Configuration,
    request: Request,
    terminal: &Terminal,
) -> Result<(), Error> {
    let file = find(configuration, &request.table)?;
    let has_heads = ["labels", "classes"].contains(&file.name.as_str());
    if request.head.is_some() && !has_heads {
        return Err(Error::Usage("--head goes with `inspect labels` and `inspect classes` only".to_owned()));
    }
    if request.out.is_some() && file.name != "photos" {
        return Err(Error::Usage("--out goes with `inspect photos` only".to_owned()));
    }
    let condition = request.condition.as_deref();
    match file.name.as_str() {
        "labels" => {
            let wanted =
                SummaryRequest { condition: request.condition, head: request.head, limit: request.limit };
            let summary = summarise(&file.path, &heads(&file)?, wanted)?;
            match request.json {
                true => terminal.print(format_args!("{:#}", summary.to_json())),
                false => terminal.print(summary.to_text(terminal.width())),
            }
            Ok(())
        }
        "classes" if !request.json => {
            let summary = classes(&file.path, condition, request.head.as_deref())?;
            terminal.print(summary.to_text(request.limit.unwrap_or(ROWS), terminal.width()));
            Ok(())
        }
        "photos" => inspect_photos(configuration, &file, &request, terminal),
        _ => show(rows(&file.path, condition)?, &request, terminal),
    }
}

fn inspect_photos(
    configuration: &Configuration,
    file: &TableFile,
    request: &Request,
    terminal: &Terminal,
) -> Result<(), Error> {
    let labelled = find(configuration, "labels").ok().filter(|table| table.path.exists());
    let heads: Vec<_> = match &labelled {
        Some(table) => heads(table)?.into_iter().map(|head| head.name).collect(),
        None => Vec::new(),
    };
    let table = PhotoTable::read(&file.path, labelled.as_ref().map(|table| table.path.as_path()), &heads)?;
    let condition = request.condition.as_deref();
    let Some(out) = &request.out else { return show(table.rows(condition)?, request, terminal) };
    let folder = file.path.with_file_name(ingest::PHOTOS.trim_end_matches('/'));
    let sheet = table.sheet(&folder, condition, request.limit.unwrap_or(PHOTOS), out)?;
    terminal.print(format_args!(
        "{}: {} of {} photos, {} × {} pixels",
        out.display(),
        sheet.shown,
        sheet.matching,
        sheet.width,
        sheet.height
    ));
    Ok(())
}

/// Rows of any table, and how many there are without the condition.
fn show((answer, all): (Answer, usize), request: &Request, terminal: &Terminal) -> Result<(), Error> {
    if request.json {
        let mut answer = answer;
        answer.rows.truncate(request.limit.unwrap_or(usize::MAX));
        terminal.print(answer.to_json()?);
        return Ok(());
    }
    let count = answer.rows.len();
    let s = if all == 1 { "" } else { "s" };
    match &request.condition {
        Some(condition) => terminal.print(format_args!("{count} of {all} row{s} where {condition}\n")),
        None => terminal.print(format_args!("{count} row{s}\n")),
    }
    terminal.print(answer.to_table(request.limit.unwrap_or(ROWS), Some(terminal.width())));
    Ok(())
}

pub(super) fn sql(
    configuration: &Configuration,
    text: &str,
    limit: usize,
    json: bool,
    terminal: &Terminal,
) -> Result<(), Error> {
    let known = PLACES.iter().filter_map(|(table, ..)| find(configuration, table).ok());
    let tables: Vec<_> = known.filter(|table| table.path.exists()).collect();
    let answer = query(&tables, text).map_err(|error| match error {
        marque_inspect::Error::UnknownTable { name }
            if PLACES.iter().any(|(table, ..)| table.eq_ignore_ascii_case(&name)) =>
        {
            Error::NoTable(name)
        }
        other => other.into(),
    })?;
    match json {
        true => terminal.print(answer.to_json()?),
        // A file or another program gets everything: nothing is cut there.
        false => terminal.print(answer.to_table(limit, terminal.output_width())),
    }
    Ok(())
}

/// The heads that a label table was made with.
fn heads(table: &TableFile) -> Result<Vec<Head>, Error> {
    let path = table.path.with_file_name(labels::HEADS);
    let text = std::fs::read_to_string(&path).map_err(|_| Error::NoTable(table.name.clone()))?;
    serde_json::from_str(&text).map_err(|source| Error::Heads { path, source })
}

fn find(configuration: &Configuration, table: &str) -> Result<TableFile, Error> {
    let place = PLACES.iter().find(|(name, ..)| *name == table);
    let (_, stage, file) = place.ok_or_else(|| Error::NoSuchTable(table.to_owned()))?;
    let artifact = configuration.open_store()?.current(stage)?;
    let artifact = artifact.ok_or_else(|| Error::NoTable(table.to_owned()))?;
    Ok(TableFile { name: table.to_owned(), path: artifact.folder.join(file) })
}
