//! A small ONNX runtime: reads a file by the field numbers of `onnx.proto` and computes its operators by their
//! definitions, in double precision. It knows nothing of how the file was written.

mod operators;

use std::collections::BTreeMap;

use marque_fixtures::protobuf::{Field, fields};

/// Numbers of `TensorProto.DataType`.
const FLOAT: i64 = 1;
const INT64: i64 = 7;
const DOUBLE: i64 = 11;

/// A file, as far as it is of use here.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) opset: i64,
    pub(crate) ir_version: i64,
    pub(crate) nodes: Vec<Node>,
    pub(crate) constants: BTreeMap<String, Tensor>,
    pub(crate) inputs: Vec<(String, Vec<String>)>,
    pub(crate) outputs: Vec<(String, Vec<String>)>,
    pub(crate) properties: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
pub(crate) struct Node {
    pub(crate) operator: String,
    pub(crate) inputs: Vec<String>,
    pub(crate) outputs: Vec<String>,
    attributes: BTreeMap<String, Vec<i64>>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Tensor {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f64>,
}

impl Graph {
    pub(crate) fn read(file: &[u8]) -> Option<Self> {
        let mut graph = Self::default();
        fields(file, |number, field| {
            match (number, field) {
                (1, Field::Integer(version)) => graph.ir_version = version,
                (7, Field::Bytes(message)) => graph.read_graph(message)?,
                (8, Field::Bytes(message)) => fields(message, |number, field| {
                    if let (2, Field::Integer(version)) = (number, field) {
                        graph.opset = version;
                    }
                    Some(())
                })?,
                (14, Field::Bytes(message)) => {
                    let [key, value] = texts(message, [1, 2])?;
                    graph.properties.insert(key, value);
                }
                _ => {}
            }
            Some(())
        })?;
        Some(graph)
    }

    fn read_graph(&mut self, message: &[u8]) -> Option<()> {
        fields(message, |number, field| {
            let Field::Bytes(message) = field else { return Some(()) };
            match number {
                1 => self.nodes.push(Node::read(message)?),
                5 => {
                    let (name, tensor) = Tensor::read(message)?;
                    self.constants.insert(name, tensor);
                }
                11 => self.inputs.push(value(message)?),
                12 => self.outputs.push(value(message)?),
                _ => {}
            }
            Some(())
        })
    }

    /// The value of every output, if one input is all that there is.
    pub(crate) fn run(&self, input: Tensor) -> BTreeMap<String, Tensor> {
        let outputs: Vec<_> = self.outputs.iter().map(|(name, _)| name.as_str()).collect();
        let mut known = self.values(vec![input], &outputs);
        outputs.iter().map(|name| ((*name).to_owned(), known.remove(*name).unwrap())).collect()
    }

    /// The values that are computed of the inputs, in their order, until all those `wanted` are there.
    pub(crate) fn values(&self, inputs: Vec<Tensor>, wanted: &[&str]) -> BTreeMap<String, Tensor> {
        assert_eq!(inputs.len(), self.inputs.len());
        let names = self.inputs.iter().map(|(name, _)| name.clone());
        let mut known: BTreeMap<String, Tensor> = names.zip(inputs).collect();
        for node in &self.nodes {
            if wanted.iter().all(|name| known.contains_key(*name)) {
                break;
            }
            let value = |name: &String| known.get(name).or_else(|| self.constants.get(name));
            let inputs: Vec<_> =
                node.inputs.iter().map(|name| value(name).unwrap_or_else(|| panic!("no {name}"))).collect();
            let result = node.compute(&inputs);
            assert!(known.insert(node.outputs[0].clone(), result).is_none(), "{} twice", node.outputs[0]);
        }
        known
    }
}

impl Node {
    fn read(message: &[u8]) -> Option<Self> {
        let mut node = Self::default();
        fields(message, |number, field| {
            match (number, field) {
                (1, field) => node.inputs.push(field.text()?.to_owned()),
                (2, field) => node.outputs.push(field.text()?.to_owned()),
                (4, field) => node.operator = field.text()?.to_owned(),
                (5, Field::Bytes(message)) => {
                    let (mut name, mut values) = (String::new(), Vec::new());
                    fields(message, |number, field| {
                        match (number, field) {
                            (1, field) => name = field.text()?.to_owned(),
                            (3 | 8, Field::Integer(value)) => values.push(value),
                            _ => {}
                        }
                        Some(())
                    })?;
                    node.attributes.insert(name, values);
                }
                _ => {}
            }
            Some(())
        })?;
        Some(node)
    }
}

impl Tensor {
    fn read(message: &[u8]) -> Option<(String, Self)> {
        let (mut name, mut tensor, mut kind) = (String::new(), Self::default(), 0);
        fields(message, |number, field| {
            match (number, field) {
                (1, Field::Integer(side)) => tensor.shape.push(usize::try_from(side).ok()?),
                // It comes before the values.
                (2, Field::Integer(number)) => kind = number,
                (8, field) => name = field.text()?.to_owned(),
                (9, Field::Bytes(bytes)) => {
                    tensor.values = match kind {
                        FLOAT => numbers(bytes, |bytes| f32::from_le_bytes(bytes).into()),
                        INT64 => numbers(bytes, |bytes| i64::from_le_bytes(bytes) as f64),
                        DOUBLE => numbers(bytes, f64::from_le_bytes),
                        other => panic!("kind {other}"),
                    };
                }
                _ => {}
            }
            Some(())
        })?;
        assert_eq!(tensor.values.len(), tensor.shape.iter().product::<usize>(), "{name}");
        Some((name, tensor))
    }

    fn plane(&self, image: usize, channel: usize) -> &[f64] {
        let pixels = self.shape[2] * self.shape[3];
        &self.values[(image * self.shape[1] + channel) * pixels..][..pixels]
    }

    fn map(&self, change: impl Fn(f64) -> f64) -> Self {
        Self { shape: self.shape.clone(), values: self.values.iter().map(|&value| change(value)).collect() }
    }
}

fn numbers<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    let (values, rest) = bytes.as_chunks::<N>();
    assert!(rest.is_empty());
    values.iter().map(|bytes| number(*bytes)).collect()
}

/// Name and shape of an input or output; a side is a number or a name.
fn value(message: &[u8]) -> Option<(String, Vec<String>)> {
    let (mut name, mut shape) = (String::new(), Vec::new());
    fields(message, |number, field| {
        match (number, field) {
            (1, field) => name = field.text()?.to_owned(),
            // TypeProto.tensor_type.shape.dim
            (2, Field::Bytes(kind)) => inside(kind, 1, |tensor| {
                inside(tensor, 2, |sides| {
                    inside(sides, 1, |side| {
                        fields(side, |_, field| {
                            shape.push(match field {
                                Field::Integer(length) => length.to_string(),
                                field => field.text()?.to_owned(),
                            });
                            Some(())
                        })
                    })
                })
            })?,
            _ => {}
        }
        Some(())
    })?;
    Some((name, shape))
}

/// Goes through the messages under one number.
fn inside(message: &[u8], wanted: u32, mut each: impl FnMut(&[u8]) -> Option<()>) -> Option<()> {
    fields(message, |number, field| match field {
        Field::Bytes(message) if number == wanted => each(message),
        _ => Some(()),
    })
}

fn texts<const N: usize>(message: &[u8], numbers: [u32; N]) -> Option<[String; N]> {
    let mut found = [const { String::new() }; N];
    fields(message, |number, field| {
        if let Some(place) = numbers.iter().position(|&wanted| wanted == number) {
            found[place] = field.text()?.to_owned();
        }
        Some(())
    })?;
    Some(found)
}
