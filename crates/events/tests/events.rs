//! Event files, read back record by record.

use std::path::Path;

use marque_events::{Writer, crc32c, masked};
use marque_fixtures::events::{Event, Records, Scalar};

/// The examples of RFC 3720, appendix B.4, and the check value of the checksum.
#[test]
fn checksums_are_those_of_the_standard() {
    assert_eq!(crc32c(b"123456789"), 0xE306_9283);
    assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
    assert_eq!(crc32c(&[0xFF; 32]), 0x62A8_AB43);
    let ascending: Vec<u8> = (0..32).collect();
    assert_eq!(crc32c(&ascending), 0x46DD_794E);
    // `crc32c::Mask` of LevelDB, which the format has from there: a rotation by 15 bits and a constant.
    assert_eq!(masked(0), 0xA282_EAD8);
    assert_eq!(masked(1), 0xA284_EAD8);
}

/// The bytes of the one event file in a folder.
fn file(folder: &Path) -> Vec<u8> {
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    std::fs::read(file).unwrap()
}

fn events(bytes: &[u8]) -> Vec<Event> {
    Records::new(bytes).map(|record| Event::decode(record).unwrap()).collect()
}

#[test]
fn a_file_holds_its_version_and_every_value() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("tensorboard");
    let mut writer = Writer::create(&folder, 1_700_000_000.5).unwrap();
    writer.scalars(1, [("train/loss", 1.25)]);
    writer.set_wall_time(1_700_000_060.0);
    writer.scalars(300, [("validation/brand", 0.5), ("validation/type", f64::NAN)]);
    writer.flush().unwrap();
    let bytes = std::fs::read(folder.join("events.out.tfevents.1700000000.marque")).unwrap();
    let mut records = Records::new(&bytes);
    assert_eq!(records.by_ref().count(), 3);
    assert!(records.rest().is_empty(), "nothing is left over");
    let events = events(&bytes);
    assert_eq!(events[0].version.as_deref(), Some("brain.Event:2"));
    assert_eq!((events[0].wall_time, events[0].step), (1_700_000_000.5, 0));
    let loss = Scalar { tag: "train/loss".to_owned(), value: 1.25 };
    assert_eq!((events[1].step, &events[1].scalars), (1, &vec![loss]));
    assert_eq!((events[1].wall_time, events[2].wall_time), (1_700_000_000.5, 1_700_000_060.0));
    assert_eq!(events[2].step, 300);
    assert_eq!(events[2].scalars[0], Scalar { tag: "validation/brand".to_owned(), value: 0.5 });
    assert!(events[2].scalars[1].value.is_nan());
}

/// The bytes of an event as protoc's C++ code writes them: fields in the order of their numbers.
#[test]
fn messages_are_encoded_as_the_format_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(folder.path(), 2.0).unwrap();
    writer.scalars(300, [("a", 1.0)]);
    writer.flush().unwrap();
    let bytes = file(folder.path());
    let expected = [
        0x09, 0, 0, 0, 0, 0, 0, 0, 0x40, // field 1, double: 2.0
        0x10, 0xAC, 0x02, // field 2, varint: 300
        0x2A, 10, // field 5: a summary of ten bytes
        0x0A, 8, // its field 1: a value of eight bytes
        0x0A, 1, b'a', // its field 1: the tag
        0x15, 0, 0, 0x80, 0x3F, // its field 2, float: 1.0
    ];
    assert_eq!(Records::new(&bytes).nth(1), Some(&expected[..]));
    let scalars = vec![Scalar { tag: "a".to_owned(), value: 1.0 }];
    let event = Event { wall_time: 2.0, step: 300, version: None, scalars };
    assert_eq!(Event::decode(&expected), Some(event));
    assert_eq!(Event::decode(&expected[..expected.len() - 1]), None);
    // A field of a newer version is skipped.
    assert_eq!(Event::decode(&[0x10, 5, 0x7A, 1, 0xFF]).unwrap().step, 5);
    assert_eq!(Event::decode(&[0x10, 0xFF]), None);
    assert_eq!(Event::decode(&[0x0B]), None);
}

#[test]
fn negative_steps_survive() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(folder.path(), 0.0).unwrap();
    writer.scalars(-3, [("loss", 1.0)]);
    writer.flush().unwrap();
    assert_eq!(events(&file(folder.path()))[1].step, -3);
}

#[test]
fn damaged_records_end_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(folder.path(), 0.0).unwrap();
    (1..=3).for_each(|step| writer.scalars(step, [("loss", 0.0)]));
    writer.flush().unwrap();
    let bytes = file(folder.path());
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert!(Records::new(&damaged).count() < 4, "byte {at}");
    }
}
