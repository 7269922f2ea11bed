//! Comma-separated text, or semicolons or tabs as spreadsheets write them.

use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, Trim};
use marque_formats::CellValue;

use super::RawTable;
use crate::Error;

/// What spreadsheets put before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What to do about other encodings.
const SAVE: &str = "save the table as UTF-8";

/// What may stand between cells.
const SEPARATORS: [u8; 3] = [b'\t', b';', b','];

pub(super) fn read(path: &Path) -> Result<RawTable, Error> {
    parse(&fs_err::read(path)?).map_err(|reason| Error::Layout {
        path: path.to_owned(),
        wanted: "a table with a row per photo",
        reason,
    })
}

/// The table that a file of text holds, or why it holds none.
pub(super) fn parse(text: &[u8]) -> Result<RawTable, String> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    if text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Err(format!("it is UTF-16; {SAVE}"));
    }
    if text.trim_ascii().is_empty() {
        return Err("it is empty: its first line should name the columns".to_owned());
    }
    let (separator, text, before) = match stated_separator(text) {
        Some((separator, rest)) => (separator, rest, 1),
        None => (separator(text), text, 0),
    };
    let text = without_space_before_quotes(text, separator);
    let mut lines = Lines { text: &text, at: 0, line: 1 + before };
    if let Some(OpenQuote { at, kind }) = open_quote(&text, separator) {
        let cell = String::from_utf8_lossy(text[at + 1..].split(|b| *b == b'\n').next().unwrap_or_default());
        let cell: String = cell.trim_end().chars().take(20).collect();
        let line = lines.of(at as u64);
        let problem = format!("line {line}: the quote before {cell:?} is not closed: {kind}");
        return Ok(RawTable { problems: vec![problem], ..RawTable::default() });
    }
    let mut reader =
        ReaderBuilder::new().delimiter(separator).trim(Trim::All).flexible(true).from_reader(text.as_slice());
    let headers = reader.byte_headers().map_err(|e| e.to_string())?;
    let columns = cells(headers).ok_or_else(|| format!("its first line is not UTF-8; {SAVE}"))?;
    let columns = columns.into_iter().map(|cell| cell.map_or(String::new(), |cell| cell.texts().concat()));
    let mut raw = RawTable { columns: columns.collect(), ..RawTable::default() };
    for record in reader.byte_records() {
        let mut record = record.map_err(|e| e.to_string())?;
        let place = format!("line {}", lines.of(record.position().map_or(0, csv::Position::byte)));
        // What a spreadsheet writes for an empty row.
        if record.iter().all(<[u8]>::is_empty) {
            continue;
        }
        // And for cells that were used once.
        if record.iter().skip(raw.columns.len()).all(<[u8]>::is_empty) {
            record.truncate(raw.columns.len());
        }
        if record.len() != raw.columns.len() {
            raw.problems.push(format!("{place}: {} cells, not {}", record.len(), raw.columns.len()));
            continue;
        }
        match cells(&record) {
            Some(cells) => raw.rows.push((place, cells)),
            None => raw.problems.push(format!("{place}: not UTF-8; {SAVE}")),
        }
    }
    Ok(raw)
}

/// Numbers of lines, of ascending places in a text. The parser's own count lags behind where lines end in two
/// characters or are empty.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of the first character at or after a place that does not end a line.
    fn of(&mut self, place: u64) -> u64 {
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        while let Some(byte) = self.text.get(self.at) {
            let (is_return, is_feed) = (*byte == b'\r', *byte == b'\n');
            if self.at >= place && !is_return && !is_feed {
                break;
            }
            self.at += 1;
            self.line += u64::from(is_feed || is_return && self.text.get(self.at) != Some(&b'\n'));
        }
        self.line
    }
}

/// A quote that begins a cell and is not closed where it should be.
struct OpenQuote {
    at: usize,
    kind: &'static str,
}

/// The first quote that stays open to the end, or closes on a later line where another cell begins: text follows.
fn open_quote(text: &[u8], separator: u8) -> Option<OpenQuote> {
    /// Where in a cell a character is. Quotes count as the parser takes them (RFC 4180, 2.5 to 2.7): where a cell
    /// begins they open, twice in a quoted cell they stand for one, elsewhere they are text.
    enum Place {
        Start,
        Bare,
        Quoted { from: usize, broken: bool },
        Closed { from: usize, broken: bool },
    }
    let mut place = Place::Start;
    for (at, byte) in text.iter().copied().enumerate() {
        let ends_cell = byte == separator || byte == b'\n' || byte == b'\r';
        place = match place {
            Place::Start if byte == b'"' => Place::Quoted { from: at, broken: false },
            Place::Start | Place::Bare if ends_cell => Place::Start,
            Place::Start | Place::Bare => Place::Bare,
            Place::Quoted { from, broken } if byte == b'"' => Place::Closed { from, broken },
            Place::Quoted { from, broken } => Place::Quoted { from, broken: broken || byte == b'\n' },
            Place::Closed { from, broken } if byte == b'"' => Place::Quoted { from, broken },
            Place::Closed { .. } if ends_cell => Place::Start,
            Place::Closed { from, broken } if byte == b' ' => Place::Closed { from, broken },
            Place::Closed { from, broken: true } => {
                return Some(OpenQuote {
                    at: from,
                    kind: "it swallows rows up to a quote that opens another cell",
                });
            }
            Place::Closed { .. } => Place::Bare,
        };
    }
    match place {
        Place::Quoted { from, .. } => {
            Some(OpenQuote { at: from, kind: "all that follows it counts as one cell" })
        }
        _ => None,
    }
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
            let begins = &rest[white_space(rest, separator)..];
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

/// Bytes of the white space, no-break and wide ones too, that a line goes on with before anything else.
fn white_space(rest: &[u8], separator: u8) -> usize {
    let mut length = 0;
    while let Some(first) = rest.get(length).filter(|byte| !byte.is_ascii_graphic()) {
        let character = (1..=4).find_map(|bytes| str::from_utf8(rest.get(length..length + bytes)?).ok());
        let ends = *first == separator || matches!(first, b'\n' | b'\r');
        match character.filter(|character| !ends && character.trim().is_empty()) {
            Some(character) => length += character.len(),
            None => break,
        }
    }
    length
}

fn cells(record: &ByteRecord) -> Option<Vec<Option<CellValue>>> {
    let cell = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).ok()?;
        Some((!text.is_empty()).then(|| text.into()))
    };
    record.iter().map(cell).collect()
}
