//! Comma-separated text, or semicolons or tabs as spreadsheets write them.

use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, Trim};

use super::Raw;
use crate::Error;

/// What spreadsheets put before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) fn read(path: &Path) -> Result<Raw, Error> {
    let text = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
    let wrong = |reason: String| Error::Layout {
        path: path.to_owned(),
        wanted: "a table with a row per photo",
        reason,
    };
    let mut reader =
        ReaderBuilder::new().delimiter(separator(text)).trim(Trim::All).flexible(true).from_reader(text);
    let headers = reader.byte_headers().map_err(|e| wrong(e.to_string()))?;
    let columns = cells(headers).ok_or_else(|| wrong("its first line is not UTF-8".to_owned()))?;
    let columns: Vec<_> = columns.into_iter().map(Option::unwrap_or_default).collect();
    let mut raw = Raw { columns, rows: Vec::new(), problems: Vec::new() };
    for record in reader.byte_records() {
        let record = record.map_err(|e| wrong(e.to_string()))?;
        let place = format!("line {}", record.position().map_or(0, csv::Position::line));
        // What a spreadsheet writes for an empty row.
        if record.iter().all(<[u8]>::is_empty) {
            continue;
        }
        if record.len() != raw.columns.len() {
            raw.problems.push(format!("{place}: {} cells, not {}", record.len(), raw.columns.len()));
            continue;
        }
        match cells(&record) {
            Some(cells) => raw.rows.push((place, cells)),
            None => raw.problems.push(format!("{place}: not UTF-8; save the table as UTF-8")),
        }
    }
    Ok(raw)
}

/// The separator that the first line has most of.
fn separator(text: &[u8]) -> u8 {
    let first = text.split(|b| *b == b'\n').next().unwrap_or_default();
    let count = |separator: u8| first.iter().filter(|b| **b == separator).count();
    // The comma wins a tie: it is last.
    [b'\t', b';', b','].into_iter().max_by_key(|separator| count(*separator)).unwrap_or(b',')
}

fn cells(record: &ByteRecord) -> Option<Vec<Option<String>>> {
    let cell = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).ok()?;
        Some((!text.is_empty()).then(|| text.to_owned()))
    };
    record.iter().map(cell).collect()
}
