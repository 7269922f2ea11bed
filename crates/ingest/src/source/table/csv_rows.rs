//! Comma-separated text, or semicolons or tabs as spreadsheets write them.

use std::collections::BTreeSet;
use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, Trim};
use marque_contracts::counts::counted;
use marque_formats::CellValue;

use super::RawTable;
use crate::Error;
use crate::warnings::warn_once;

/// What spreadsheets put before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What to do about other encodings.
const SAVE: &str = "save the table as UTF-8";

/// What may stand between cells.
const SEPARATORS: [u8; 3] = [b'\t', b';', b','];

pub(super) fn read(path: &Path) -> Result<RawTable, Error> {
    let text = fs_err::read(path)?;
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text);
    let wrong = |reason: String| Error::Layout {
        path: path.to_owned(),
        wanted: "a table with a row per photo",
        reason,
    };
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(wrong(format!("it is UTF-16; {SAVE}")));
    }
    if text.trim_ascii().is_empty() {
        return Err(wrong("it is empty: its first line should name the columns".to_owned()));
    }
    let (separator, text, before) = match stated_separator(text) {
        Some((separator, rest)) => (separator, rest, 1),
        None => (separator(text), text, 0),
    };
    let text = without_space_before_quotes(text, separator);
    let mut reader =
        ReaderBuilder::new().delimiter(separator).trim(Trim::All).flexible(true).from_reader(text.as_slice());
    let headers = reader.byte_headers().map_err(|e| wrong(e.to_string()))?;
    let columns = cells(headers).ok_or_else(|| wrong(format!("its first line is not UTF-8; {SAVE}")))?;
    let columns = columns.into_iter().map(|cell| cell.map_or(String::new(), |cell| cell.texts().concat()));
    let mut raw = RawTable {
        columns: columns.collect(),
        lists: BTreeSet::new(),
        rows: Vec::new(),
        problems: Vec::new(),
    };
    let (mut broken, mut first_broken) = (0, None);
    for record in reader.byte_records() {
        let mut record = record.map_err(|e| wrong(e.to_string()))?;
        let place = format!("line {}", before + record.position().map_or(0, csv::Position::line));
        // What a spreadsheet writes for an empty row.
        if record.iter().all(<[u8]>::is_empty) {
            continue;
        }
        // And for cells that were used once.
        if record.iter().skip(raw.columns.len()).all(<[u8]>::is_empty) {
            record.truncate(raw.columns.len());
        }
        if let Some(cell) = record.iter().position(|cell| holds_rows(cell, separator, raw.columns.len())) {
            let column = raw.columns.get(cell).map_or("", String::as_str);
            raw.problems.push(format!(
                "{place}: the cell of `{column}` goes on over {} and swallows rows: a quote is not closed",
                counted(record[cell].split(|b| *b == b'\n').count() as u64, "line", "lines")
            ));
            continue;
        }
        broken += record.iter().filter(|cell| cell.contains(&b'\n')).count();
        first_broken = first_broken.or((broken > 0).then(|| place.clone()));
        if record.len() != raw.columns.len() {
            raw.problems.push(format!("{place}: {} cells, not {}", record.len(), raw.columns.len()));
            continue;
        }
        match cells(&record) {
            Some(cells) => raw.rows.push((place, cells)),
            None => raw.problems.push(format!("{place}: not UTF-8; {SAVE}")),
        }
    }
    if let Some(place) = first_broken {
        warn_once(format!(
            "{}: {} a line break in it, the first in {place}: is a quote missing there?",
            path.display(),
            counted(broken as u64, "cell has", "cells have")
        ));
    }
    Ok(raw)
}

/// Whether a cell holds what look like whole rows, on lines of their own: as many separators as a row has.
fn holds_rows(cell: &[u8], separator: u8, columns: usize) -> bool {
    let separators = |line: &[u8]| line.iter().filter(|byte| **byte == separator).count();
    cell.split(|byte| *byte == b'\n')
        .skip(1)
        .any(|line| !line.trim_ascii().is_empty() && separators(line) + 1 >= columns)
}

/// The separator that a first line `sep=;` states, which one spreadsheet writes and reads, and what follows the line.
fn stated_separator(text: &[u8]) -> Option<(u8, &[u8])> {
    let end = text.iter().position(|b| *b == b'\n')?;
    match text[..end].trim_ascii() {
        [b's', b'e', b'p', b'=', separator] => Some((*separator, &text[end + 1..])),
        _ => None,
    }
}

/// The separator that the first line has most of, outside quotes.
fn separator(text: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [0; SEPARATORS.len()];
    for byte in text.iter().take_while(|b| **b != b'\n') {
        quoted ^= *byte == b'"';
        for (count, separator) in counts.iter_mut().zip(SEPARATORS) {
            *count += usize::from(!quoted && *byte == separator);
        }
    }
    // The comma wins a tie: it is last.
    let most = SEPARATORS.into_iter().zip(counts).max_by_key(|(_, count)| *count);
    most.map_or(b',', |(separator, _)| separator)
}

/// The text without the spaces that stand before quotes at the beginning of cells, as in `a, "b"`: RFC 4180 knows none,
/// and they would make the quotes a part of the cell.
fn without_space_before_quotes(text: &[u8], separator: u8) -> Vec<u8> {
    #[derive(Clone, Copy)]
    enum At {
        Start,
        Plain,
        Quoted,
    }
    let mut kept = Vec::with_capacity(text.len());
    let (mut at, mut rest) = (At::Start, text);
    while let Some((byte, after)) = rest.split_first() {
        if let At::Start = at {
            let space = |byte: &&u8| matches!(byte, b' ' | b'\t') && **byte != separator;
            let begins = &rest[rest.iter().take_while(space).count()..];
            if begins.first() == Some(&b'"') {
                rest = &begins[1..];
                kept.push(b'"');
                at = At::Quoted;
                continue;
            }
        }
        kept.push(*byte);
        rest = after;
        at = match at {
            At::Quoted if *byte != b'"' => At::Quoted,
            // Two quotes inside a quoted cell are one of its text.
            At::Quoted if rest.first() == Some(&b'"') => {
                kept.push(b'"');
                rest = &rest[1..];
                At::Quoted
            }
            _ if *byte == separator || matches!(byte, b'\n' | b'\r') => At::Start,
            _ => At::Plain,
        };
    }
    kept
}

fn cells(record: &ByteRecord) -> Option<Vec<Option<CellValue>>> {
    let cell = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).ok()?;
        Some((!text.is_empty()).then(|| text.into()))
    };
    record.iter().map(cell).collect()
}
