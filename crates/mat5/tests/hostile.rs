//! Damaged files are refused; nothing panics and memory stays bounded.

use std::io::Write;

use flate2::{Compression, write::ZlibEncoder};
use marque_mat5::{Cell, Error, Limits, Struct, Value, Variable, read, read_with, write};
use proptest::prelude::*;

/// Two annotations as the published files hold them.
fn annotations() -> Vec<u8> {
    let mut annotations = Struct::new(["bbox_x1", "class", "fname", "tags"]);
    for (x, class, name) in [(39.0, 14.0, "00001.jpg"), (1236.5, 3.0, "Citroën.jpg")] {
        let tags = Cell::row(["red".into(), 7.0.into()]);
        let row = [x.into(), class.into(), name.into(), tags.into()];
        annotations.push(row).unwrap();
    }
    write(&[Variable::new("annotations", annotations)]).unwrap()
}

/// The same file with its one element stored plainly, so that damage reaches the parser.
fn uncompressed(bytes: &[u8]) -> Vec<u8> {
    let mut plain = bytes[..128].to_vec();
    let mut decoder = flate2::write::ZlibDecoder::new(&mut plain);
    decoder.write_all(&bytes[136..]).unwrap();
    decoder.finish().unwrap();
    plain
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    for bytes in [annotations(), uncompressed(&annotations())] {
        assert!(read(&bytes).is_ok());
        for length in 0..bytes.len() {
            match read(&bytes[..length]) {
                // A header alone is a file without variables.
                Ok(variables) => assert!(length == 128 && variables.is_empty(), "cut at {length}"),
                Err(Error::NotMat5 { .. }) => assert!(length < 128),
                Err(_) => assert!(length > 128),
            }
        }
    }
}

#[test]
fn every_flipped_byte_is_survived() {
    for bytes in [annotations(), uncompressed(&annotations())] {
        for offset in 0..bytes.len() {
            for mask in [0x01, 0x10, 0x80, 0xff] {
                let mut flipped = bytes.clone();
                flipped[offset] ^= mask;
                // Either outcome is fine; the call must return.
                let _ = read(&flipped);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn many_flipped_bytes_are_survived(
        flips in proptest::collection::vec((124_usize..2_000, any::<u8>()), 1..12)
    ) {
        let mut bytes = uncompressed(&annotations());
        let length = bytes.len();
        for (offset, byte) in flips {
            bytes[124 + offset % (length - 124)] = byte;
        }
        let _ = read(&bytes);
    }

    #[test]
    fn noise_after_a_header_is_survived(noise in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut bytes = annotations();
        bytes.truncate(128);
        bytes.extend(noise);
        let _ = read(&bytes);
    }
}

#[test]
fn damage_in_compressed_data_is_located_in_both() {
    let bytes = annotations();
    let plain = uncompressed(&bytes);
    let mut damaged = plain[128..].to_vec();
    damaged[8] = 1; // the storage type of the array flags
    let error = read(&with_compressed(&bytes, &damaged)).unwrap_err();
    let said = error.to_string();
    assert!(said.contains("byte 8 of the data compressed at byte 128"), "{said}");
    assert!(said.contains("array flags"), "{said}");
}

#[test]
fn a_decompression_bomb_is_stopped() {
    let bomb = with_compressed(&annotations(), &vec![0; 8 << 20]);
    assert!(bomb.len() < 10_000);
    let limits = Limits { memory: 1 << 20, ..Limits::default() };
    assert!(matches!(
        read_with(&bomb, limits),
        Err(Error::TooLarge { limit, .. }) if limit == 1 << 20
    ));
}

#[test]
fn damaged_compression_is_an_error_with_a_cause() {
    let mut bytes = annotations();
    bytes[140] ^= 0xff;
    let error = read(&bytes).unwrap_err();
    assert!(matches!(&error, Error::Damaged { at, .. } if at.file == 128), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn unreadable_variables_are_values_not_errors() {
    let mut plain = uncompressed(&annotations());
    plain[144] = 16; // the class number: a function handle
    let variables = read(&plain).unwrap();
    assert_eq!(variables[0].value, Value::Unread { class: 16 });
}

/// The header of `file` and one element that decompresses to `plain`.
fn with_compressed(file: &[u8], plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(plain).unwrap();
    let compressed = encoder.finish().unwrap();
    let mut bytes = file[..128].to_vec();
    bytes.extend_from_slice(&15_u32.to_le_bytes());
    bytes.extend_from_slice(&(compressed.len() as u32).to_le_bytes());
    bytes.extend(compressed);
    bytes
}
