//! Files that mean harm: nothing is done that they ask for, and none makes the program stop.

use std::path::Path;

use marque_fixtures::hostile::changed_file;
use marque_network::{LoadReport, WeightsFile};
use proptest::prelude::*;

use crate::pth::{Py, Tensor, archive, call, dict, ordered, pickle, save, text};
use crate::{file, floats, network};

/// A state dictionary of one tensor.
fn norm() -> Py {
    ordered(vec![("bn1.weight".to_owned(), Tensor::new("s", "FloatStorage", &[64]).py())])
}

fn load(value: &Py, protocol: u8) -> Result<LoadReport, String> {
    let folder = tempfile::tempdir().unwrap();
    save(&file(&folder), value, protocol, &[("s", floats(64))]);
    network().load_backbone(&file(&folder), None).map_err(|error| error.to_string())
}

#[test]
fn nothing_that_a_pickle_asks_for_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let marker = folder.path().join("marker");
    let command = format!("touch {}", marker.display());
    let asks = || {
        [("posix", "system"), ("builtins", "exec"), ("os", "system"), ("subprocess", "call")]
            .map(|(module, name)| call(Py::Global(module, name), vec![text(&command)]))
    };
    for ask in asks() {
        // Beside the weights it is a value like others; in their place there are none.
        for protocol in [2, 4] {
            let beside = dict(vec![("state_dict", norm()), ("x", ask.clone())]);
            assert_eq!(load(&beside, protocol).unwrap().loaded, ["bn1.weight"]);
            let error = load(&ask, protocol).unwrap_err();
            assert!(error.contains("there is no dictionary of tensors in it"), "{error}");
        }
        assert!(load(&Py::Dict(vec![(ask, norm())]), 2).is_err());
    }
    assert!(!marker.exists());
}

#[test]
fn nesting_takes_none_of_the_stack() {
    let many = 300_000;
    let tuples = [vec![0x80, 2, b'K', 1], vec![0x85; many], vec![b'.']].concat();
    let lists = [vec![0x80, 2], vec![b']'; many], vec![b'a'; many - 1], vec![b'.']].concat();
    let calls =
        [vec![0x80, 2], b"cposix\nsystem\n".repeat(many / 10), vec![b')'], vec![b'R'; many / 10], vec![b'.']];
    let itself = b"\x80\x02]q\x00h\x00a.".to_vec();
    // Each list holds the one before it twice: 2⁴⁰ ways to the first.
    let mut twice = b"\x80\x02]q\x00".to_vec();
    for level in 1..=40 {
        twice.extend([b']', b'q', level, b'h', level - 1, b'a', b'h', level - 1, b'a']);
    }
    twice.push(b'.');
    let cases: [(&str, Vec<u8>, &str); 5] = [
        ("tuples", tuples, "there is no dictionary of tensors in it"),
        ("lists", lists, "there is no dictionary of tensors in it"),
        ("calls", calls.concat(), "there is no dictionary of tensors in it"),
        ("a list in itself", itself, "there is no dictionary of tensors in it"),
        ("lists in two places each", twice, "there are more than 1048576 values in it"),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (what, pickle, message) in cases {
        std::fs::write(file(&folder), archive(&pickle, &[])).unwrap();
        let error = network().load_backbone(&file(&folder), None).unwrap_err().to_string();
        assert!(error.contains(message), "{what}: {error}");
    }
}

/// Reads all of a file that can be read of it.
fn exhaust(path: &Path) {
    let Ok(mut weights) = WeightsFile::open(path) else { return };
    let small = |shape: &[usize]| {
        shape.iter().try_fold(1_usize, |n, m| n.checked_mul(*m)).is_some_and(|n| n < 1 << 16)
    };
    let names: Vec<_> =
        weights.shapes().iter().filter(|(_, shape)| small(shape)).map(|(name, _)| name.clone()).collect();
    for name in names {
        let _ = weights.read(&name);
    }
}

fn small_files() -> [Vec<u8>; 3] {
    let tensor = |offset| Tensor { offset, ..Tensor::new("s", "FloatStorage", &[2, 2]) };
    let value = dict(vec![
        ("epoch", Py::Int(3)),
        ("state_dict", ordered(vec![("a".to_owned(), tensor(0).py()), ("b".to_owned(), tensor(4).py())])),
        ("list", Py::List(vec![Py::Int(70_000), Py::None, text("x")])),
    ]);
    let data = floats(4);
    let view = || safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![2, 2], &data).unwrap();
    [
        archive(&pickle(&value, 2), &[("s", floats(8))]),
        archive(&pickle(&value, 4), &[("s", floats(8))]),
        safetensors::serialize([("a", view()), ("b", view())], None).unwrap(),
    ]
}

#[test]
fn every_byte_of_a_pickle_may_be_another() {
    let folder = tempfile::tempdir().unwrap();
    let value = ordered(vec![("a".to_owned(), Tensor::new("s", "FloatStorage", &[2, 2]).py())]);
    for protocol in [2, 4] {
        let whole = pickle(&value, protocol);
        for at in 0..whole.len() {
            for byte in [0, 1, 0x7f, 0xff, b'(', b'.', b'R', b'b', b'u', b'0', 0x85, 0x8b, whole[at] ^ 1] {
                let mut changed = whole.clone();
                changed[at] = byte;
                std::fs::write(file(&folder), archive(&changed, &[("s", floats(4))])).unwrap();
                exhaust(&file(&folder));
            }
            std::fs::write(file(&folder), archive(&whole[..at], &[("s", floats(4))])).unwrap();
            assert!(WeightsFile::open(&file(&folder)).is_err(), "cut to {at} bytes");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn changed_files_do_not_panic(bytes in changed_file(small_files().into())) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(file(&folder), &bytes).unwrap();
        exhaust(&file(&folder));
    }
}
