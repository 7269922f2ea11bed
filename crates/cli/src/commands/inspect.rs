//! `marque inspect` and `marque sql`

use marque_contracts::counts::{counted, grouped};
use marque_contracts::json;
use marque_contracts::schema::{Head, ingest, labels};
use marque_inspect::{Answer, PhotoTable, SummaryRequest, TableFile, classes, query, rows, summarise};

use crate::arguments::Inspect;
use crate::configuration::Configuration;
use crate::error::Error;
use crate::names::TABLES;
use crate::terminal::Terminal;

/// Rows of a table that `inspect` shows.
const ROWS: usize = 20;

/// Photos on a contact sheet.
const PHOTOS: usize = 48;

pub(super) fn inspect(
    configuration: &Configuration,
    options: &Inspect,
    terminal: &Terminal,
) -> Result<(), Error> {
    let file = find(configuration, &options.table)?;
    let has_heads = ["labels", "classes"].contains(&file.name.as_str());
    if options.head.is_some() && !has_heads {
        return Err(Error::Usage("--head goes with `inspect labels` and `inspect classes` only".to_owned()));
    }
    if options.out.is_some() && file.name != "photos" {
        return Err(Error::Usage("--out goes with `inspect photos` only".to_owned()));
    }
    let condition = options.condition.as_deref();
    match file.name.as_str() {
        "labels" => {
            let request = SummaryRequest {
                condition: options.condition.clone(),
                head: options.head.clone(),
                limit: options.limit,
            };
            let summary = summarise(&file.path, &heads(&file)?, request)?;
            match options.json {
                true => terminal.print(format_args!("{:#}", summary.to_json())),
                false => terminal.print(summary.to_text(terminal.width())),
            }
            Ok(())
        }
        "classes" if !options.json => {
            let summary = classes(&file.path, condition, options.head.as_deref())?;
            terminal.print(summary.to_text(options.limit.unwrap_or(ROWS), terminal.width()));
            Ok(())
        }
        "photos" => inspect_photos(configuration, &file, options, terminal),
        _ => show(rows(&file.path, condition)?, options, terminal),
    }
}

fn inspect_photos(
    configuration: &Configuration,
    file: &TableFile,
    options: &Inspect,
    terminal: &Terminal,
) -> Result<(), Error> {
    let labelled = find(configuration, "labels").ok().filter(|table| table.path.exists());
    let heads: Vec<_> = match &labelled {
        Some(table) => heads(table)?.into_iter().map(|head| head.name).collect(),
        None => Vec::new(),
    };
    let table = PhotoTable::read(&file.path, labelled.as_ref().map(|table| table.path.as_path()), &heads)?;
    let condition = options.condition.as_deref();
    let Some(out) = &options.out else { return show(table.rows(condition)?, options, terminal) };
    let folder = file.path.with_file_name(ingest::PHOTOS.trim_end_matches('/'));
    let sheet = table.sheet(&folder, condition, options.limit.unwrap_or(PHOTOS), out)?;
    terminal.print(format_args!(
        "{}: {} of {}, {} × {} pixels",
        out.display(),
        grouped(sheet.shown as u64),
        counted(sheet.matching as u64, "photo", "photos"),
        sheet.width,
        sheet.height
    ));
    Ok(())
}

/// Rows of any table, and how many there are without the condition.
fn show((answer, all): (Answer, usize), options: &Inspect, terminal: &Terminal) -> Result<(), Error> {
    if options.json {
        let mut answer = answer;
        answer.rows.truncate(options.limit.unwrap_or(usize::MAX));
        terminal.print(answer.to_json()?);
        return Ok(());
    }
    let count = answer.rows.len() as u64;
    let all = counted(all as u64, "row", "rows");
    match &options.condition {
        Some(condition) => terminal.print(format_args!("{} of {all} where {condition}\n", grouped(count))),
        None => terminal.print(format_args!("{all}\n")),
    }
    terminal.print(answer.to_table(options.limit.unwrap_or(ROWS), Some(terminal.width())));
    Ok(())
}

pub(super) fn sql(
    configuration: &Configuration,
    text: &str,
    limit: usize,
    json: bool,
    terminal: &Terminal,
) -> Result<(), Error> {
    let known = TABLES.iter().filter_map(|(table, ..)| find(configuration, table).ok());
    let tables: Vec<_> = known.filter(|table| table.path.exists()).collect();
    let answer = query(&tables, text).map_err(|error| match error {
        marque_inspect::Error::UnknownTable { name }
            if TABLES.iter().any(|(table, ..)| table.eq_ignore_ascii_case(&name)) =>
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
    Ok(json::read(&table.path.with_file_name(labels::HEADS))?)
}

fn find(configuration: &Configuration, name: &str) -> Result<TableFile, Error> {
    let table = TABLES.iter().find(|(table, ..)| *table == name);
    let (_, stage, file) = table.ok_or_else(|| Error::NoSuchTable(name.to_owned()))?;
    let artifact = configuration.open_store()?.current(stage)?;
    let artifact = artifact.ok_or_else(|| Error::NoTable(name.to_owned()))?;
    Ok(TableFile { name: name.to_owned(), path: artifact.folder.join(file) })
}
