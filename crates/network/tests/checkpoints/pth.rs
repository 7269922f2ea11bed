//! Files as `torch.save` writes them, put together operation by operation.

use std::io::{Cursor, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;

/// A value of Python's.
#[derive(Clone)]
pub(crate) enum Py {
    Text(String),
    Int(i64),
    None,
    /// Operations as they are.
    Raw(Vec<u8>),
    List(Vec<Py>),
    Tuple(Vec<Py>),
    Dict(Vec<(Py, Py)>),
    Ordered(Vec<(Py, Py)>),
    Global(&'static str, &'static str),
    Call(Box<Py>, Box<Py>),
    /// An object of a class, and its state.
    Object(Box<Py>, Box<Py>),
    Persistent(Box<Py>),
}

pub(crate) fn text(text: &str) -> Py {
    Py::Text(text.to_owned())
}

pub(crate) fn call(function: Py, arguments: Vec<Py>) -> Py {
    Py::Call(Box::new(function), Box::new(Py::Tuple(arguments)))
}

pub(crate) fn dict(items: Vec<(&str, Py)>) -> Py {
    Py::Dict(items.into_iter().map(|(key, value)| (text(key), value)).collect())
}

pub(crate) fn ordered(items: Vec<(String, Py)>) -> Py {
    Py::Ordered(items.into_iter().map(|(key, value)| (Py::Text(key), value)).collect())
}

/// A tensor of a storage.
#[derive(Clone)]
pub(crate) struct Tensor {
    pub(crate) storage: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) offset: i64,
    pub(crate) shape: Vec<i64>,
    pub(crate) strides: Vec<i64>,
}

impl Tensor {
    /// One whose elements lie one after the other.
    pub(crate) fn new(storage: &'static str, kind: &'static str, shape: &[i64]) -> Self {
        let mut strides = vec![1; shape.len()];
        for axis in (1..shape.len()).rev() {
            strides[axis - 1] = strides[axis] * shape[axis];
        }
        Self { storage, kind, offset: 0, shape: shape.to_vec(), strides }
    }

    /// What `_rebuild_tensor_v2` is called with.
    pub(crate) fn arguments(&self) -> Vec<Py> {
        let numbers = |numbers: &[i64]| Py::Tuple(numbers.iter().map(|number| Py::Int(*number)).collect());
        let class = Py::Global("torch", self.kind);
        let storage = vec![text("storage"), class, text(self.storage), text("cpu"), Py::Int(1)];
        let hooks = Py::Ordered(Vec::new());
        let storage = Py::Persistent(Box::new(Py::Tuple(storage)));
        let offset = Py::Int(self.offset);
        vec![storage, offset, numbers(&self.shape), numbers(&self.strides), Py::Raw(vec![0x89]), hooks]
    }

    pub(crate) fn py(&self) -> Py {
        call(Py::Global("torch._utils", "_rebuild_tensor_v2"), self.arguments())
    }
}

/// The pickle of a value in a protocol from 2 to 5.
pub(crate) fn pickle(value: &Py, protocol: u8) -> Vec<u8> {
    let mut out = vec![0x80, protocol];
    if protocol >= 4 {
        out.push(0x95);
        out.extend([0; 8]);
    }
    emit(&mut out, value, protocol);
    out.push(b'.');
    if protocol >= 4 {
        let length = (out.len() - 11) as u64;
        out[3..11].copy_from_slice(&length.to_le_bytes());
    }
    out
}

fn emit(out: &mut Vec<u8>, value: &Py, protocol: u8) {
    let all = |out: &mut Vec<u8>, values: &[Py]| values.iter().for_each(|value| emit(out, value, protocol));
    match value {
        Py::Raw(operations) => out.extend(operations),
        Py::None => out.push(b'N'),
        Py::Int(number) => match u8::try_from(*number) {
            Ok(number) => out.extend([b'K', number]),
            Err(_) => {
                out.extend([0x8a, 8]);
                out.extend(number.to_le_bytes());
            }
        },
        Py::Text(text) if protocol >= 4 && text.len() < 256 => {
            out.extend([0x8c, text.len() as u8]);
            out.extend(text.as_bytes());
            out.push(0x94);
        }
        Py::Text(text) => {
            out.push(b'X');
            out.extend((text.len() as u32).to_le_bytes());
            out.extend(text.as_bytes());
        }
        Py::Global(module, name) if protocol >= 4 => {
            emit(out, &text(module), protocol);
            emit(out, &text(name), protocol);
            out.push(0x93);
        }
        Py::Global(module, name) => out.extend(format!("c{module}\n{name}\n").as_bytes()),
        Py::List(items) => {
            out.extend(b"](");
            all(out, items);
            out.push(b'e');
        }
        Py::Tuple(items) => {
            let end = match items.len() {
                0 => return out.push(b')'),
                count @ 1..=3 => 0x84 + count as u8,
                _ => {
                    out.push(b'(');
                    b't'
                }
            };
            all(out, items);
            out.push(end);
        }
        Py::Dict(items) => {
            out.push(b'}');
            entries(out, items, protocol);
        }
        Py::Ordered(items) => {
            emit(out, &call(Py::Global("collections", "OrderedDict"), Vec::new()), protocol);
            entries(out, items, protocol);
            // The state that PyTorch gives its state dictionaries.
            emit(out, &dict(vec![("_metadata", Py::None)]), protocol);
            out.push(b'b');
        }
        Py::Call(function, arguments) => {
            emit(out, function, protocol);
            emit(out, arguments, protocol);
            out.push(b'R');
        }
        Py::Object(class, state) => {
            emit(out, class, protocol);
            out.extend([b')', 0x81]);
            emit(out, state, protocol);
            out.push(b'b');
        }
        Py::Persistent(name) => {
            emit(out, name, protocol);
            out.push(b'Q');
        }
    }
}

fn entries(out: &mut Vec<u8>, items: &[(Py, Py)], protocol: u8) {
    out.push(b'(');
    for (key, value) in items {
        emit(out, key, protocol);
        emit(out, value, protocol);
    }
    out.push(b'u');
}

/// An archive with a pickle and storages.
pub(crate) fn archive(pickle: &[u8], storages: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let mut member = |name: String, content: &[u8]| {
        zip.start_file(name, stored).unwrap();
        zip.write_all(content).unwrap();
    };
    member("archive/data.pkl".to_owned(), pickle);
    member("archive/byteorder".to_owned(), b"little");
    for (name, content) in storages {
        member(format!("archive/data/{name}"), content);
    }
    member("archive/version".to_owned(), b"3\n");
    zip.finish().unwrap().into_inner()
}

pub(crate) fn save(path: &Path, value: &Py, protocol: u8, storages: &[(&str, Vec<u8>)]) {
    std::fs::write(path, archive(&pickle(value, protocol), storages)).unwrap();
}
