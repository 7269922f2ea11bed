//! `marque inspect` and `marque sql`

use marque_contracts::schema::{Head, evaluate, ingest, labels, preprocess, train};
use marque_inspect::{TableFile, query, summarise};

use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::Terminal;

/// Tables that can be asked for.
pub(crate) const TABLES: [&str; 7] =
    ["labels", "classes", "photos", "crops", "index", "history", "predictions"];

/// Rows of a table that `inspect` shows.
const SHOWN: usize = 20;

/// Stage and file of a table.
fn place(table: &str) -> Option<(&'static str, &'static str)> {
    Some(match table {
        "labels" => (labels::STAGE, labels::LABEL_TABLE),
        "classes" => (labels::STAGE, labels::CLASS_TABLE),
        "crops" => (labels::STAGE, labels::CROP_TABLE),
        "photos" => (ingest::STAGE, ingest::PHOTO_TABLE),
        "index" => (preprocess::STAGE, preprocess::INDEX),
        "history" => (train::STAGE, train::HISTORY),
        "predictions" => (evaluate::STAGE, evaluate::PREDICTIONS),
        _ => return None,
    })
}

pub(super) fn inspect(configuration: &Configuration, table: &str, terminal: &Terminal) -> Result<(), Error> {
    let file = find(configuration, table)?;
    if table == "labels" {
        let path = file.path.with_file_name(labels::HEADS);
        let text = std::fs::read_to_string(&path).map_err(|_| Error::NoTable(table.to_owned()))?;
        let heads: Vec<Head> = serde_json::from_str(&text).map_err(|source| Error::Heads { path, source })?;
        let heads: Vec<_> = heads.into_iter().map(|head| (head.name, head.classes)).collect();
        terminal.print(summarise(&file.path, &heads)?.to_text());
        return Ok(());
    }
    let sql = format!("select * from {table}");
    terminal.print(query(&[file], &sql)?.to_table(SHOWN));
    Ok(())
}

pub(super) fn sql(
    configuration: &Configuration,
    text: &str,
    limit: usize,
    terminal: &Terminal,
) -> Result<(), Error> {
    let tables: Vec<_> = TABLES.iter().filter_map(|table| find(configuration, table).ok()).collect();
    terminal.print(query(&tables, text)?.to_table(limit));
    Ok(())
}

fn find(configuration: &Configuration, table: &str) -> Result<TableFile, Error> {
    let (stage, file) = place(table).ok_or_else(|| Error::NoSuchTable(table.to_owned()))?;
    let artifact = configuration.open_store()?.current(stage)?;
    let artifact = artifact.ok_or_else(|| Error::NoTable(table.to_owned()))?;
    Ok(TableFile { name: table.to_owned(), path: artifact.folder.join(file) })
}
