//! Messages beside the bytes that the format's documentation shows.

use marque_fixtures::protobuf::{Field, fields};
use marque_protobuf::Message;

fn read(message: &[u8]) -> Option<Vec<(u32, Field<'_>)>> {
    let mut found = Vec::new();
    fields(message, |number, field| {
        found.push((number, field));
        Some(())
    })?;
    Some(found)
}

/// The examples of <https://protobuf.dev/programming-guides/encoding/>.
#[test]
fn the_documented_examples_come_out() {
    assert_eq!(Message::new().integer(1, 150).into_bytes(), [0x08, 0x96, 0x01]);
    assert_eq!(Message::new().text(2, "testing").into_bytes(), b"\x12\x07testing");
    let inner = Message::new().integer(1, 150);
    assert_eq!(Message::new().message(3, &inner).into_bytes(), [0x1A, 0x03, 0x08, 0x96, 0x01]);
    let minus_two = Message::new().integer(1, -2).into_bytes();
    assert_eq!(minus_two, [0x08, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]);
}

#[test]
fn what_is_written_is_read_again() {
    let message = Message::new()
        .integer(1, i64::MIN)
        .float(2, -1.5)
        .double(3, 1e300)
        .each([7, 300], |message, value| message.integer(20, value))
        .text(4000, "é")
        .into_bytes();
    let expected = vec![
        (1, Field::Integer(i64::MIN)),
        (2, Field::Float(-1.5)),
        (3, Field::Double(1e300)),
        (20, Field::Integer(7)),
        (20, Field::Integer(300)),
        (4000, Field::Bytes("é".as_bytes())),
    ];
    assert_eq!(read(&message), Some(expected));
}

#[test]
fn bytes_cut_off_are_no_message() {
    let message =
        Message::new().double(1, 1.0).text(2, "words").float(3, 1.0).integer(4, 1 << 40).into_bytes();
    let whole = [0, 9, 16, 21, message.len()];
    for length in 0..=message.len() {
        assert_eq!(read(&message[..length]).is_some(), whole.contains(&length), "{length}");
    }
    // A length beyond the end, a number without end, a wire type that is none.
    for message in [&[0x0A, 0xFF, 0x7F][..], &[0xFF; 11], &[0x0B]] {
        assert_eq!(read(message), None);
    }
}
