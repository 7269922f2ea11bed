//! The messages of ONNX that a network without control flow needs, under the field numbers of `onnx/onnx.proto`.

use marque_network::little_endian;
use marque_protobuf::Message;

/// Version of the file format: that of ONNX 1.13, which onnxruntime reads from 1.14 on.
const IR_VERSION: i64 = 8;

/// Version of the operators.
const OPSET: i64 = 17;

/// Numbers of `TensorProto.DataType`.
pub(crate) const FLOAT: i64 = 1;
const UINT8: i64 = 2;
const INT64: i64 = 7;
pub(crate) const DOUBLE: i64 = 11;

/// Numbers of `AttributeProto.AttributeType`.
const INT: i64 = 2;
const INTS: i64 = 7;

/// A graph under construction.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: Vec<Message>,
    initializers: Vec<Message>,
    inputs: Vec<Message>,
    outputs: Vec<Message>,
}

/// A named setting of a node.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Attribute<'a> {
    Integer(&'static str, i64),
    Integers(&'static str, &'a [i64]),
}

/// What the numbers of an input are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Float,
    Byte,
}

/// A side of a tensor: its length, or a name for any length.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Side {
    Fixed(usize),
    Any(&'static str),
}

impl Graph {
    /// Adds a constant, little-endian float32.
    pub(crate) fn constant(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        let bytes = little_endian(values);
        let tensor = Message::new()
            .each(shape, |tensor, &side| tensor.integer(1, side as i64))
            .integer(2, FLOAT)
            .text(8, name)
            .bytes(9, &bytes);
        self.initializers.push(tensor);
    }

    /// Adds a constant list of whole numbers.
    pub(crate) fn integers(&mut self, name: &str, values: &[i64]) {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let tensor = Message::new().integer(1, values.len() as i64).integer(2, INT64);
        self.initializers.push(tensor.text(8, name).bytes(9, &bytes));
    }

    /// Adds a constant whole number, a tensor without sides.
    pub(crate) fn integer(&mut self, name: &str, value: i64) {
        let tensor = Message::new().integer(2, INT64).text(8, name);
        self.initializers.push(tensor.bytes(9, &value.to_le_bytes()));
    }

    /// Adds a constant number of double precision, a tensor without sides.
    pub(crate) fn double(&mut self, name: &str, value: f64) {
        let tensor = Message::new().integer(2, DOUBLE).text(8, name);
        self.initializers.push(tensor.bytes(9, &value.to_le_bytes()));
    }

    /// Adds an operation with one output, which gives the node its name.
    pub(crate) fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[Attribute<'_>],
    ) {
        let node = Message::new()
            .each(inputs, |node, input| node.text(1, input))
            .text(2, output)
            .text(3, output)
            .text(4, operator)
            .each(attributes, |node, attribute| node.message(5, &attribute.message()));
        self.nodes.push(node);
    }

    /// Declares what goes in.
    pub(crate) fn input(&mut self, name: &str, kind: Kind, shape: &[Side]) {
        self.inputs.push(value(name, kind, shape));
    }

    /// Declares what comes out, float32.
    pub(crate) fn output(&mut self, name: &str, shape: &[Side]) {
        self.outputs.push(value(name, Kind::Float, shape));
    }

    /// The whole file. `properties` are texts by name, for whoever uses it.
    pub(crate) fn into_file(self, name: &str, properties: &[(&str, String)]) -> Vec<u8> {
        let graph = Message::new()
            .each(&self.nodes, |graph, node| graph.message(1, node))
            .text(2, name)
            .each(&self.initializers, |graph, tensor| graph.message(5, tensor))
            .each(&self.inputs, |graph, input| graph.message(11, input))
            .each(&self.outputs, |graph, output| graph.message(12, output));
        let opset = Message::new().text(1, "").integer(2, OPSET);
        let property = |(key, value): &(&str, String)| Message::new().text(1, key).text(2, value);
        Message::new()
            .integer(1, IR_VERSION)
            .text(2, "marque")
            .text(3, env!("CARGO_PKG_VERSION"))
            .message(7, &graph)
            .message(8, &opset)
            .each(properties, |file, entry| file.message(14, &property(entry)))
            .into_bytes()
    }
}

impl Attribute<'_> {
    fn message(&self) -> Message {
        match *self {
            Self::Integer(name, value) => Message::new().text(1, name).integer(3, value).integer(20, INT),
            Self::Integers(name, values) => Message::new()
                .text(1, name)
                .each(values, |attribute, &value| attribute.integer(8, value))
                .integer(20, INTS),
        }
    }
}

/// `ValueInfoProto`: a name, and the type of a tensor.
fn value(name: &str, kind: Kind, shape: &[Side]) -> Message {
    let kind = match kind {
        Kind::Float => FLOAT,
        Kind::Byte => UINT8,
    };
    let side = |side: &Side| match *side {
        Side::Fixed(length) => Message::new().integer(1, length as i64),
        Side::Any(name) => Message::new().text(2, name),
    };
    let shape = Message::new().each(shape, |shape, length| shape.message(1, &side(length)));
    let tensor = Message::new().integer(1, kind).message(2, &shape);
    Message::new().text(1, name).message(2, &Message::new().message(1, &tensor))
}
