//! Data elements: the tagged pieces that a file is made of.

use crate::storage::{Endian, Storage};
use crate::{Error, Position};

/// A stretch of a file, or of what one of its elements decompresses to.
#[derive(Clone, Copy)]
pub(crate) struct Bytes<'a> {
    /// Everything up to the end of the stretch, from the start of the file or decompressed data.
    pub(crate) bytes: &'a [u8],
    /// Where the stretch begins.
    pub(crate) at: usize,
    /// File offset of the compressed element, when `bytes` is decompressed data.
    pub(crate) inside: Option<usize>,
    pub(crate) endian: Endian,
}

impl<'a> Bytes<'a> {
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(crate) fn position(&self) -> Position {
        match self.inside {
            None => Position { file: self.at, decompressed: None },
            Some(file) => Position { file, decompressed: Some(self.at) },
        }
    }

    pub(crate) fn malformed<T>(
        &self,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Result<T, Error> {
        Err(Error::Malformed { at: self.position(), expected: expected.into(), found: found.into() })
    }

    /// The four bytes `offset` further on, as a number.
    pub(crate) fn word(&self, offset: usize) -> Option<u32> {
        let bytes = self.rest().get(offset..)?.first_chunk()?;
        Some(self.endian.u32(*bytes))
    }

    /// Reads a tag and passes over its data and padding ("Data Element Tag Field").
    pub(crate) fn element(&mut self) -> Result<Element<'a>, Error> {
        let Some(first) = self.word(0) else {
            return self.malformed("a data element's tag of 8 bytes", format!("{} bytes", self.rest().len()));
        };
        // In the small format the two upper bytes hold the length and the data follows at once.
        let small_length = (first >> 16) as usize;
        let (number, start, length) = if small_length != 0 {
            (first & 0xffff, 4, small_length)
        } else if let Some(length) = self.word(4) {
            (first, 8, length as usize)
        } else {
            return self.malformed("a length after the type of a data element", "the end");
        };
        if small_length > 4 {
            return self.malformed("at most 4 bytes in a small data element", format!("{small_length}"));
        }
        let Some(storage) = Storage::from_number(number) else {
            return self.malformed("a data type of the format", format!("number {number}"));
        };
        let available = self.rest().len().saturating_sub(start);
        if length > available {
            return self.malformed(format!("a data element of {length} bytes"), format!("{available} bytes"));
        }
        let begin = self.at + start;
        let data = Bytes {
            bytes: self.bytes.get(..begin + length).unwrap_or_default(),
            at: begin,
            inside: self.inside,
            endian: self.endian,
        };
        let padded = if small_length != 0 {
            8
        } else if storage == Storage::Compressed {
            start + length
        } else {
            start + length.next_multiple_of(8)
        };
        // Some writers leave the padding out where the surrounding element ends anyway.
        self.at = (self.at + padded).min(self.bytes.len());
        Ok(Element { storage, data })
    }

    /// Reads an element that must be of the given storage type; `what` is what it should be.
    pub(crate) fn element_of(&mut self, storage: Storage, what: &str) -> Result<Bytes<'a>, Error> {
        let start = *self;
        let element = self.element()?;
        if element.storage == storage {
            Ok(element.data)
        } else {
            start.malformed(what, format!("{:?} data", element.storage))
        }
    }
}

/// A data element: its storage type and its data, located for error messages.
pub(crate) struct Element<'a> {
    pub(crate) storage: Storage,
    pub(crate) data: Bytes<'a>,
}
