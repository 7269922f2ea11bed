//! Archives whose headers may say anything.

use std::io::{Cursor, Write};

use flate2::{Compression, write::GzEncoder};
use tar::{EntryType, Header};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A tar archive in the making, whose headers may say anything.
#[derive(Default)]
pub(crate) struct Tar(Vec<u8>);

impl Tar {
    /// Adds an entry; the name is written as it is.
    pub(crate) fn entry(mut self, kind: EntryType, name: &[u8], content: &[u8]) -> Self {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        self.0.extend_from_slice(header.as_bytes());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn file(self, name: &str, content: &[u8]) -> Self {
        self.entry(EntryType::Regular, name.as_bytes(), content)
    }

    pub(crate) fn pax(self, key: &str, value: &str) -> Self {
        // The length counts its own digits.
        let line = format!("{key}={value}\n");
        let length = (1..).find(|digits| {
            let length = digits + 1 + line.len();
            length.to_string().len() == *digits
        });
        let length = length.unwrap() + 1 + line.len();
        self.entry(EntryType::XHeader, b"pax", format!("{length} {line}").as_bytes())
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        let mut bytes = self.0;
        bytes.extend([0; 1024]);
        bytes
    }

    pub(crate) fn gzip(self) -> Vec<u8> {
        gzip(&self.bytes())
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        let deflated = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        writer.start_file(*name, deflated).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}
