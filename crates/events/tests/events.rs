//! Event files, read back record by record.

use marque_events::{Event, Records, Scalar, Writer, crc32c, masked};

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

fn events(bytes: &[u8]) -> Vec<Event> {
    Records::new(bytes).map(|record| Event::decode(record).unwrap()).collect()
}

#[test]
fn a_file_holds_its_version_and_every_value() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(&folder.path().join("tensorboard"), 1_700_000_000.5).unwrap();
    writer.scalar("train/loss", 1, 1.25);
    writer.set_wall_time(1_700_000_060.0);
    writer.scalars(300, [("validation/brand", 0.5), ("validation/type", f64::NAN)]);
    writer.flush().unwrap();
    let name = writer.path().file_name().unwrap().to_str().unwrap();
    assert_eq!(name, "events.out.tfevents.1700000000.marque");
    let bytes = std::fs::read(writer.path()).unwrap();
    let mut records = Records::new(&bytes);
    assert_eq!(records.by_ref().count(), 3);
    assert_eq!(records.position(), bytes.len(), "nothing is left over");
    let events = events(&bytes);
    assert_eq!(events[0].version.as_deref(), Some("brain.Event:2"));
    assert_eq!((events[0].wall_time, events[0].step), (1_700_000_000.5, 0));
    let loss = Scalar { tag: "train/loss".to_owned(), value: 1.25 };
    assert_eq!((events[1].step, &events[1].scalars), (1, &vec![loss]));
    assert_eq!((events[2].step, events[2].wall_time), (300, 1_700_000_060.0));
    assert_eq!(events[2].scalars[0], Scalar { tag: "validation/brand".to_owned(), value: 0.5 });
    assert!(events[2].scalars[1].value.is_nan());
}

/// The bytes of an event as protoc's C++ code writes them: fields in the order of their numbers.
#[test]
fn messages_are_encoded_as_the_format_says() {
    let scalars = vec![Scalar { tag: "a".to_owned(), value: 1.0 }];
    let event = Event { wall_time: 2.0, step: 300, version: None, scalars };
    let expected = [
        0x09, 0, 0, 0, 0, 0, 0, 0, 0x40, // field 1, double: 2.0
        0x10, 0xAC, 0x02, // field 2, varint: 300
        0x2A, 10, // field 5: a summary of ten bytes
        0x0A, 8, // its field 1: a value of eight bytes
        0x0A, 1, b'a', // its field 1: the tag
        0x15, 0, 0, 0x80, 0x3F, // its field 2, float: 1.0
    ];
    assert_eq!(event.encode(), expected);
    assert_eq!(Event::decode(&expected), Some(event));
    assert_eq!(Event::decode(&expected[..expected.len() - 1]), None);
    // A field of a newer version is skipped.
    assert_eq!(Event::decode(&[0x10, 5, 0x7A, 1, 0xFF]).unwrap().step, 5);
    assert_eq!(Event::decode(&[0x10, 0xFF]), None);
    assert_eq!(Event::decode(&[0x0B]), None);
}

#[test]
fn negative_steps_survive() {
    let event = Event { step: -3, ..Event::default() };
    assert_eq!(Event::decode(&event.encode()), Some(event));
}

#[test]
fn an_interrupted_file_is_resumed_to_the_same_bytes() {
    let write = |writer: &mut Writer, steps: std::ops::RangeInclusive<i64>| {
        for step in steps {
            writer.set_wall_time(step as f64);
            writer.scalar("loss", step, 1.0 / step as f64);
        }
        writer.flush().unwrap();
    };
    let (whole, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut writer = Writer::create(whole.path(), 0.0).unwrap();
    write(&mut writer, 1..=20);
    let expected = std::fs::read(writer.path()).unwrap();
    let mut writer = Writer::create(cut.path(), 0.0).unwrap();
    write(&mut writer, 1..=12);
    let path = writer.path().to_owned();
    drop(writer);
    let length = std::fs::metadata(&path).unwrap().len();
    // The last record is torn, and steps 9 to 11 were after the last checkpoint.
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length - 5).unwrap();
    let mut writer = Writer::resume(cut.path(), 0.0, 8).unwrap();
    write(&mut writer, 9..=20);
    assert_eq!(std::fs::read(&path).unwrap(), expected);
    let fresh = tempfile::tempdir().unwrap();
    let mut writer = Writer::resume(fresh.path(), 0.0, 0).unwrap();
    write(&mut writer, 1..=20);
    assert_eq!(std::fs::read(writer.path()).unwrap(), expected);
}

#[test]
fn another_file_is_not_resumed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("events.out.tfevents.0000000000.marque"), b"something else").unwrap();
    let error = Writer::resume(folder.path(), 0.0, 0).unwrap_err();
    assert!(error.to_string().contains("is not an event file"), "{error}");
}

#[test]
fn damaged_records_end_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(folder.path(), 0.0).unwrap();
    (1..=3).for_each(|step| writer.scalar("loss", step, 0.0));
    writer.flush().unwrap();
    let bytes = std::fs::read(writer.path()).unwrap();
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        assert!(Records::new(&damaged).count() < 4, "byte {at}");
    }
}
