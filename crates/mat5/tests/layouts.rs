//! Byte layouts that other programs write, spelled out by hand from the format description.

use marque_mat5::{Error, Limits, Value, read, read_with};

/// Bits of the array flags.
const COMPLEX: u32 = 0x0800;
const LOGICAL: u32 = 0x0200;

/// A file under construction in either byte order.
struct File {
    big: bool,
    bytes: Vec<u8>,
}

impl File {
    fn new(big: bool) -> Self {
        let mut bytes = vec![b'?'; 124]; // any header text will do
        bytes.extend_from_slice(if big { b"\x01\x00MI" } else { b"\x00\x01IM" });
        Self { big, bytes }
    }

    fn u16s(&self, words: &[u16]) -> Vec<u8> {
        let bytes = |w: &u16| if self.big { w.to_be_bytes() } else { w.to_le_bytes() };
        words.iter().flat_map(bytes).collect()
    }

    fn u32s(&self, words: &[u32]) -> Vec<u8> {
        let bytes = |w: &u32| if self.big { w.to_be_bytes() } else { w.to_le_bytes() };
        words.iter().flat_map(bytes).collect()
    }

    fn element(&self, storage: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = self.u32s(&[storage, data.len() as u32]);
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    fn small(&self, storage: u32, data: &[u8]) -> Vec<u8> {
        let mut bytes = self.u32s(&[(data.len() as u32) << 16 | storage]);
        bytes.extend_from_slice(data);
        bytes.resize(8, 0);
        bytes
    }

    /// An array element from its flags, dimensions, name and the sub-elements of its class.
    fn array(&self, flags: u32, dims: &[u32], name: &[u8], content: &[Vec<u8>]) -> Vec<u8> {
        let mut data = self.element(6, &self.u32s(&[flags, 0]));
        data.extend(self.element(5, &self.u32s(dims)));
        data.extend(self.element(1, name));
        data.extend(content.concat());
        self.element(14, &data)
    }

    fn read(mut self, elements: Vec<u8>) -> Result<Value, Error> {
        self.bytes.extend(elements);
        let mut variables = read(&self.bytes)?;
        assert_eq!(variables.len(), 1);
        let variable = variables.remove(0);
        assert_eq!(variable.name, "x");
        Ok(variable.value)
    }
}

fn both_orders(check: impl Fn(File)) {
    check(File::new(false));
    check(File::new(true));
}

#[test]
fn doubles_stored_as_small_words() {
    both_orders(|file| {
        let array = file.array(6, &[1, 2], b"x", &[file.small(4, &file.u16s(&[569, 7]))]);
        let Value::Numeric(numeric) = file.read(array).unwrap() else { panic!() };
        assert_eq!(numeric.numbers, [569.0, 7.0]);
    });
}

#[test]
fn every_text_storage_means_the_same() {
    both_orders(|file| {
        let text = "Citroën";
        let latin1: Vec<u8> = text.chars().map(|c| c as u8).collect();
        let utf16 = file.u16s(&text.encode_utf16().collect::<Vec<_>>());
        let utf32 = file.u32s(&text.chars().map(u32::from).collect::<Vec<_>>());
        let stored: [(u32, &[u8]); 6] =
            [(16, text.as_bytes()), (2, &latin1), (17, &utf16), (4, &utf16), (18, &utf32), (6, &utf32)];
        for (storage, bytes) in stored {
            let array = file.array(4, &[1, 7], b"x", &[file.element(storage, bytes)]);
            let value = File::new(file.big).read(array).unwrap();
            assert_eq!(value, Value::from(text), "storage type {storage}");
        }
    });
}

#[test]
fn several_rows_of_text_are_passed_over() {
    both_orders(|file| {
        let array = file.array(4, &[2, 3], b"x", &[file.element(16, b"acbd  ")]);
        let value = file.read(array).unwrap();
        assert_eq!((value.class(), value), ("char", Value::Unread { class: 4 }));
    });
}

#[test]
fn structs_take_any_width_of_field_names() {
    both_orders(|file| {
        let number = |n: u8| file.array(9, &[1, 1], b"", &[file.small(2, &[n])]);
        let mut names = [0; 64];
        names[..2].copy_from_slice(b"x1");
        names[32..34].copy_from_slice(b"x2");
        let content = [file.small(5, &file.u32s(&[32])), file.element(1, &names), number(3), number(4)];
        let array = file.array(2, &[1, 1], b"x", &content);
        let Value::Struct(array) = file.read(array).unwrap() else { panic!() };
        assert_eq!(array.fields, ["x1", "x2"]);
        assert_eq!(array.get(0, "x2").and_then(Value::as_f64), Some(4.0));
    });
}

#[test]
fn numbers_of_every_class_and_storage_type_are_doubles() {
    both_orders(|file| {
        let order = |mut bytes: Vec<u8>| {
            if file.big {
                bytes.reverse();
            }
            bytes
        };
        let single = order((-1.5_f32).to_le_bytes().to_vec());
        let double = order((-1.5_f64).to_le_bytes().to_vec());
        let whole = order((-3_i64).to_le_bytes().to_vec());
        let most = order((1_u64 << 53).to_le_bytes().to_vec());
        let least = order((-(1_i64 << 53)).to_le_bytes().to_vec());
        let two_to_53 = 9_007_199_254_740_992.0;
        // Class, its name, storage type, bytes, the number.
        let cases: [(u32, &str, u32, Vec<u8>, f64); 13] = [
            (8, "int8", 1, vec![0xfd], -3.0),
            (9, "uint8", 2, vec![0xfd], 253.0),
            (10, "int16", 3, file.u16s(&[0xfffd]), -3.0),
            (11, "uint16", 4, file.u16s(&[0xfffd]), 65_533.0),
            (12, "int32", 5, file.u32s(&[0xffff_fffd]), -3.0),
            (13, "uint32", 6, file.u32s(&[0xffff_fffd]), 4_294_967_293.0),
            (7, "single", 7, single, -1.5),
            (6, "double", 9, double, -1.5),
            (6, "double", 2, vec![0xfd], 253.0),
            (14, "int64", 12, whole, -3.0),
            (14, "int64", 12, least, -two_to_53),
            (15, "uint64", 13, most, two_to_53),
            (9 | LOGICAL, "logical", 2, vec![1], 1.0),
        ];
        for (flags, class, storage, bytes, number) in cases {
            let array = file.array(flags, &[1, 1], b"x", &[file.element(storage, &bytes)]);
            let value = File::new(file.big).read(array).unwrap();
            assert_eq!(value.as_f64(), Some(number), "class {flags}, storage type {storage}");
            assert_eq!(value.class(), class, "class {flags}");
        }
    });
}

#[test]
fn numbers_that_are_no_doubles_are_refused() {
    let file = File::new(false);
    let beyond = |number: u64| file.element(13, &number.to_le_bytes());
    let below = file.element(12, &(-(1_i64 << 53) - 1).to_le_bytes());
    // Flags, content, byte of the fault in the file, what the message must say.
    let cases = [
        (15, beyond((1 << 53) + 1), 192, "beyond 2⁵³"),
        (15, beyond(u64::MAX), 192, "beyond 2⁵³"),
        (14, below, 192, "beyond 2⁵³"),
    ];
    for (flags, content, offset, expected) in cases {
        let error = File::new(false).read(file.array(flags, &[1, 1], b"x", &[content])).unwrap_err();
        let Error::Unsupported { at, what } = &error else { panic!("{error}") };
        assert_eq!((at.file, at.decompressed), (offset, None), "{error}");
        assert!(what.contains(expected), "{error}");
    }
}

#[test]
fn arrays_without_content_are_empty() {
    let file = File::new(false);
    let cell = file.array(1, &[1, 1], b"x", &[file.element(14, &[])]);
    let Value::Cell(cell) = file.read(cell).unwrap() else { panic!() };
    let Value::Numeric(empty) = &cell.items[0] else { panic!() };
    assert_eq!(empty.dims, [0, 0]);
}

#[test]
fn what_is_not_understood_is_passed_over_and_the_rest_is_read() {
    both_orders(|file| {
        let parts = [file.small(2, &[1]), file.small(2, &[0])];
        let mut opaque = file.element(6, &file.u32s(&[17, 0]));
        opaque.extend(file.element(1, b"x"));
        let unread = |flags: u32, content: &[Vec<u8>]| file.array(flags, &[1, 1], b"x", content);
        let cases = [
            (unread(5, &[file.small(5, &[0])]), 5, "sparse"),
            (unread(3, &[]), 3, "object"),
            (unread(16, &[]), 16, "function_handle"),
            (file.element(14, &opaque), 17, "opaque"),
            (unread(6 | COMPLEX, &parts), 6, "complex"),
            (unread(7 | COMPLEX, &parts), 7, "complex"),
            (unread(12 | COMPLEX, &parts), 12, "complex"),
        ];
        let number = file.array(6, &[1, 1], b"y", &[file.small(2, &[7])]);
        for (array, class, name) in cases {
            let inside = [file.array(1, &[1, 2], b"z", &[array.clone(), number.clone()])].concat();
            let variables = read(&[&file.bytes[..], &array, &number, &inside].concat()).unwrap();
            let [passed_over, read, cell] = &variables[..] else { panic!("{variables:?}") };
            assert_eq!((&passed_over.value, passed_over.name.as_str()), (&Value::Unread { class }, "x"));
            assert_eq!(passed_over.value.class(), name);
            assert_eq!(read.value, Value::from(7.0), "after {name}");
            let Value::Cell(cell) = &cell.value else { panic!() };
            assert_eq!(cell.items, [Value::Unread { class }, Value::from(7.0)], "beside {name}");
        }
    });
}

#[test]
fn broken_content_is_named_with_its_offset() {
    let file = File::new(false);
    let two = file.small(2, &[1, 2]);
    let no_names = [file.small(5, &file.u32s(&[0])), file.element(1, b"ab")];
    // Array, byte of the fault in the file, what the message must say.
    let cases: Vec<(Vec<u8>, usize, &str)> = vec![
        (file.array(6, &[1, 3], b"x", std::slice::from_ref(&two)), 188, "3 numbers"),
        (file.array(6, &[1, 2], b"x", &[file.small(16, b"ab")]), 188, "numbers"),
        (file.array(4, &[1, 1], b"x", &[file.small(16, &[0xff])]), 188, "UTF-8"),
        (file.array(4, &[1, 1], b"x", &[file.small(17, &file.u16s(&[0xd800]))]), 188, "UTF-16"),
        (file.array(4, &[1, 5], b"x", &[file.small(16, b"ab")]), 188, "5 characters"),
        (file.array(77, &[1, 1], b"x", &[]), 184, "class of the format"),
        (file.array(6, &[1], b"x", &[]), 160, "two dimensions"),
        (file.array(6, &[u32::MAX, 1], b"x", &[]), 160, "0 or more"),
        (file.array(1, &[1, 1_000_000], b"x", &[]), 184, "1000000 arrays"),
        (file.array(1, &[1, 1], b"x", &[two]), 184, "an array"),
        (file.array(2, &[1, 1], b"x", &no_names), 188, "divides"),
        (file.element(9, &[0; 8]), 128, "a variable"),
        (file.u32s(&[99, 0]), 128, "a data type"),
        (file.u32s(&[5 << 16 | 1, 0]), 128, "at most 4 bytes"),
        (file.u32s(&[14, 1 << 31]), 128, "2147483648 bytes"),
        (vec![1, 2, 3], 128, "tag of 8 bytes"),
    ];
    for (array, offset, expected) in cases {
        let error = File::new(false).read(array).unwrap_err();
        let Error::Malformed { at, expected: said, .. } = &error else { panic!("{error}") };
        assert_eq!((at.file, at.decompressed), (offset, None), "{error}");
        assert!(said.contains(expected), "{error}");
    }
}

#[test]
fn other_versions_are_refused_by_name() {
    let with = |version: &[u8]| {
        let mut bytes = vec![b' '; 124];
        bytes.extend_from_slice(version);
        read(&bytes).unwrap_err().to_string()
    };
    assert!(with(b"\x00\x02IM").contains("-v7"));
    assert!(with(b"\x00\x03IM").contains("0x0300"));
    assert!(with(b"\x00\x00\x00\x00").contains("byte order"));
    assert!(read(b"MATLAB").unwrap_err().to_string().contains("6 bytes"));
}

#[test]
fn limits_hold() {
    let file = File::new(false);
    let mut array = file.array(6, &[0, 0], b"", &[file.element(9, &[])]);
    for level in 0..10 {
        let name: &[u8] = if level == 9 { b"x" } else { b"" };
        array = file.array(1, &[1, 1], name, &[array]);
    }
    let bytes = [file.bytes, array].concat();
    let limits = Limits { depth: 10, ..Limits::default() };
    assert!(read_with(&bytes, limits).is_ok());
    let limits = Limits { depth: 9, ..Limits::default() };
    assert!(matches!(read_with(&bytes, limits), Err(Error::TooDeep { limit: 9, .. })));
    let limits = Limits { memory: 500, ..Limits::default() };
    assert!(matches!(read_with(&bytes, limits), Err(Error::TooLarge { limit: 500, .. })));

    // A struct without fields takes no bytes, however many elements it claims.
    let file = File::new(false);
    let no_fields = [file.small(5, &file.u32s(&[1])), file.element(1, &[])];
    let array = file.array(2, &[1 << 30, 1 << 30], b"x", &no_fields);
    assert!(matches!(file.read(array), Err(Error::TooLarge { .. })));
}
