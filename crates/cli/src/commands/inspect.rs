//! `marque inspect` and `marque sql`

use marque_contracts::counts::{counted, grouped};
use marque_contracts::json;
use marque_contracts::schema::{Head, ingest, labels};
use marque_inspect::{
    Answer, PhotoTable, SummaryRequest, TableFile, classes, is_named, query, rows, summarise,
};
use marque_store::Artifact;

use crate::arguments::Inspect;
use crate::configuration::Configuration;
use crate::error::Error;
use crate::names::TABLES;
use crate::terminal::Terminal;
use crate::whole_results;

/// Rows of a table that `inspect` shows.
const ROWS: usize = 20;

/// Photos on a contact sheet.
const PHOTOS: usize = 48;

pub(super) fn inspect(
    configuration: &Configuration,
    options: &Inspect,
    terminal: &Terminal,
) -> Result<(), Error> {
    let table = find(configuration, &options.table)?;
    let file = &table.file;
    let has_heads = ["labels", "classes"].contains(&file.name.as_str());
    if options.head.is_some() && !has_heads {
        return Err(Error::Usage("--head goes with `inspect labels` and `inspect classes` only".to_owned()));
    }
    if options.out.is_some() && file.name != "photos" {
        return Err(Error::Usage("--out goes with `inspect photos` only".to_owned()));
    }
    let condition = options.condition.as_deref();
    table.check()?;
    match file.name.as_str() {
        "labels" => {
            let request = SummaryRequest {
                condition: options.condition.clone(),
                head: options.head.clone(),
                limit: options.limit,
            };
            let summary = summarise(&file.path, &heads(&table)?, request)?;
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
        "photos" => inspect_photos(configuration, &table, options, terminal),
        _ => show(rows(&file.path, condition)?, options, terminal),
    }
}

fn inspect_photos(
    configuration: &Configuration,
    photos: &StoredTable,
    options: &Inspect,
    terminal: &Terminal,
) -> Result<(), Error> {
    let labelled = find(configuration, "labels").ok().filter(|table| table.file.path.exists());
    let heads: Vec<_> = match &labelled {
        Some(table) => {
            table.check()?;
            heads(table)?.into_iter().map(|head| head.name).collect()
        }
        None => Vec::new(),
    };
    let labels = labelled.as_ref().map(|table| table.file.path.as_path());
    let table = PhotoTable::read(&photos.file.path, labels, &heads)?;
    let condition = options.condition.as_deref();
    let Some(out) = &options.out else { return show(table.rows(condition)?, options, terminal) };
    let folder = photos.artifact.folder.join(ingest::PHOTOS);
    let limit = options.limit.unwrap_or(PHOTOS);
    let names = table.names_on_sheet(condition, limit)?;
    let files: Vec<_> = names.iter().map(|name| format!("{}{name}", ingest::PHOTOS)).collect();
    let files: Vec<_> = files.iter().map(String::as_str).collect();
    whole_results::check(photos.stage, &photos.artifact, &files)?;
    let sheet = table.sheet(&folder, condition, limit, out)?;
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
    let tables: Vec<_> = known.filter(|table| table.is_there()).collect();
    let files: Vec<_> = tables.iter().map(|table| table.file.clone()).collect();
    for table in tables.iter().filter(|table| is_named(&table.file, text)) {
        table.check()?;
    }
    let answer = query(&files, text).map_err(|error| match error {
        marque_inspect::Error::UnknownTable { name } => {
            match TABLES.iter().find(|(table, ..)| table.eq_ignore_ascii_case(&name)) {
                // Not there, or there is something wrong with the result that it is in.
                Some((table, ..)) => find(configuration, table).err().unwrap_or(Error::NoTable(name)),
                None => marque_inspect::Error::UnknownTable { name }.into(),
            }
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

/// A table, and the result that it is in.
struct StoredTable {
    file: TableFile,
    stage: &'static str,
    artifact: Artifact,
    /// Its name in the result.
    name: &'static str,
}

impl StoredTable {
    /// Whether the result has such a file, on disk or by its manifest.
    fn is_there(&self) -> bool {
        self.file.path.exists() || self.artifact.manifest.digest_of(self.name).is_some()
    }

    /// Fails if the file is not what was written.
    fn check(&self) -> Result<(), Error> {
        whole_results::check(self.stage, &self.artifact, &[self.name])
    }
}

/// The heads that a label table was made with.
fn heads(table: &StoredTable) -> Result<Vec<Head>, Error> {
    whole_results::check(table.stage, &table.artifact, &[labels::HEADS])?;
    Ok(json::read(&table.artifact.folder.join(labels::HEADS))?)
}

fn find(configuration: &Configuration, name: &str) -> Result<StoredTable, Error> {
    let table = TABLES.iter().find(|(table, ..)| *table == name);
    let &(_, stage, file) = table.ok_or_else(|| Error::NoSuchTable(name.to_owned()))?;
    let artifact = configuration.open_store()?.current(stage)?;
    let artifact = artifact.ok_or_else(|| Error::NoTable(name.to_owned()))?;
    let path = artifact.folder.join(file);
    Ok(StoredTable { file: TableFile { name: name.to_owned(), path }, stage, artifact, name: file })
}
