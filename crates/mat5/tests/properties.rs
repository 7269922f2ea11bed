//! Properties of the reader on every small file there can be: made of any values, cut, flipped, or of wrong types.

use flate2::Compression;
use flate2::write::ZlibEncoder;
use marque_mat5::{
    Cell, Error, Limits, Numeric, NumericClass, Struct, Value, Variable, read, read_with, write,
};
use proptest::prelude::*;
use std::io::Write;

/// Small values of every kind that is read, nested up to three deep.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<f64>().prop_map(Value::from),
        "[ -~äöß]{0,12}".prop_map(|text| Value::from(text.as_str())),
        proptest::collection::vec(any::<u8>().prop_map(f64::from), 0..9).prop_map(numeric),
        proptest::collection::vec(any::<i16>().prop_map(f64::from), 0..9).prop_map(numeric),
        proptest::collection::vec(any::<i32>().prop_map(f64::from), 0..9).prop_map(numeric),
        proptest::collection::vec(any::<f64>(), 0..9).prop_map(numeric),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| Value::Cell(Cell::row(items))),
            proptest::collection::vec((inner.clone(), inner), 0..3).prop_map(|rows| {
                let mut array = Struct::new(["first", "second"]);
                for (first, second) in rows {
                    array.push([first, second]).unwrap();
                }
                Value::Struct(array)
            }),
        ]
    })
}

fn numeric(numbers: Vec<f64>) -> Value {
    Value::Numeric(Numeric { class: NumericClass::Double, dims: vec![1, numbers.len()], numbers })
}

/// A file of one variable, with its one element stored plainly so that damage reaches the parser.
fn plain(value: Value) -> Option<Vec<u8>> {
    let bytes = write(&[Variable::new("x", value)]).ok()?;
    let mut plain = bytes[..128].to_vec();
    let mut decoder = flate2::write::ZlibDecoder::new(&mut plain);
    decoder.write_all(&bytes[136..]).unwrap();
    decoder.finish().unwrap();
    Some(plain)
}

/// The same stored compressed: what is wrong inside has to be found through the compression as well.
fn compressed(plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&plain[128..]).unwrap();
    let data = encoder.finish().unwrap();
    let mut bytes = plain[..128].to_vec();
    bytes.extend(15_u32.to_le_bytes());
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes
}

/// Offsets of the tags of a plain file, found by walking through elements and into arrays.
fn tags(bytes: &[u8]) -> Vec<usize> {
    fn walk(bytes: &[u8], mut at: usize, end: usize, found: &mut Vec<usize>) {
        while at + 8 <= end {
            found.push(at);
            let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
            let kind = word(at);
            if kind >> 16 != 0 {
                at += 8;
                continue;
            }
            let length = word(at + 4) as usize;
            if kind == 14 {
                walk(bytes, at + 8, (at + 8 + length).min(end), found);
            }
            at += 8 + length.next_multiple_of(8);
        }
    }
    let mut found = Vec::new();
    walk(bytes, 128, bytes.len(), &mut found);
    found
}

const SMALL: Limits = Limits { memory: 1 << 20, depth: 16 };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn any_value_is_refused_when_cut_at_any_offset(value in values()) {
        let Some(whole) = plain(value) else { return Ok(()) };
        prop_assert!(read(&whole).is_ok());
        for bytes in [compressed(&whole), whole] {
            for length in 0..bytes.len() {
                match read_with(&bytes[..length], SMALL) {
                    // A header alone is a file without variables.
                    Ok(variables) => prop_assert!(length == 128 && variables.is_empty(), "cut at {length}"),
                    Err(Error::NotMat5 { .. }) => prop_assert!(length < 128),
                    Err(_) => prop_assert!(length > 128),
                }
            }
        }
    }

    #[test]
    fn any_value_survives_any_flipped_byte(value in values(), mask in 1_u8..) {
        let Some(whole) = plain(value) else { return Ok(()) };
        for bytes in [compressed(&whole), whole] {
            for offset in 0..bytes.len() {
                let mut flipped = bytes.clone();
                flipped[offset] ^= mask;
                // Either outcome is fine; the call has to return.
                let _ = read_with(&flipped, SMALL);
            }
        }
    }

    #[test]
    fn any_element_survives_any_other_type_and_any_length(value in values(), length in any::<u32>()) {
        let Some(whole) = plain(value) else { return Ok(()) };
        for tag in tags(&whole) {
            for kind in (0..20_u32).chain([u32::MAX, 0x0005_0001, 0x0004_0010]) {
                let mut changed = whole.clone();
                changed[tag..tag + 4].copy_from_slice(&kind.to_le_bytes());
                let _ = read_with(&changed, SMALL);
            }
            let mut changed = whole.clone();
            changed[tag + 4..tag + 8].copy_from_slice(&length.to_le_bytes());
            let _ = read_with(&changed, SMALL);
        }
    }

    #[test]
    fn memory_is_bounded_whatever_the_dimensions_say(rows in any::<u32>(), columns in any::<u32>(), class in 0_u8..20) {
        let mut bytes = plain(numeric(vec![7.0; 8])).unwrap();
        // After the array's tag come its flags, whose data begin with the class, then its dimensions.
        bytes[128 + 16] = class;
        bytes[128 + 32..128 + 36].copy_from_slice(&rows.to_le_bytes());
        bytes[128 + 36..128 + 40].copy_from_slice(&columns.to_le_bytes());
        match read_with(&bytes, SMALL) {
            Ok(variables) => prop_assert!(variables.len() == 1),
            Err(error) => prop_assert!(error.to_string().contains("byte "), "{error}"),
        }
    }

    #[test]
    fn any_value_is_read_as_it_was_written(value in values()) {
        let variables = [Variable::new("x", value)];
        let Ok(bytes) = write(&variables) else { return Ok(()) };
        let again = read(&bytes).unwrap();
        // NaN is not equal to itself, its bytes are.
        prop_assert_eq!(write(&again).unwrap(), bytes);
    }
}

#[test]
fn the_walk_over_tags_finds_nested_ones() {
    let mut array = Struct::new(["a"]);
    array.push([Value::Cell(Cell::row([1.0.into(), "text".into()]))]).unwrap();
    let bytes = plain(Value::Struct(array)).unwrap();
    assert!(tags(&bytes).len() > 15, "{:?}", tags(&bytes));
}
