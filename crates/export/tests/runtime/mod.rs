//! A small ONNX runtime: reads a file by the field numbers of `onnx.proto` and computes its operators by their
//! definitions, in double precision. It knows nothing of how the file was written.

use std::collections::BTreeMap;

use marque_fixtures::protobuf::{Field, fields};

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

    /// The value of every output.
    pub(crate) fn run(&self, input: Tensor) -> BTreeMap<String, Tensor> {
        let mut known = self.constants.clone();
        known.insert(self.inputs[0].0.clone(), input);
        for node in &self.nodes {
            let inputs: Vec<_> = node.inputs.iter().map(|name| &known[name]).collect();
            let result = node.compute(&inputs);
            assert!(known.insert(node.outputs[0].clone(), result).is_none(), "{} twice", node.outputs[0]);
        }
        self.outputs.iter().map(|(name, _)| (name.clone(), known[name].clone())).collect()
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

    fn compute(&self, inputs: &[&Tensor]) -> Tensor {
        let x = inputs[0];
        match self.operator.as_str() {
            "Conv" => self.windows(x, inputs[1].shape[0], |image, channel, taps| {
                let weights = &inputs[1];
                let [_, c, kh, kw] = weights.shape[..] else { panic!("{:?}", weights.shape) };
                let mut sum = inputs[2].values[channel];
                for input in 0..c {
                    for &(tap_y, tap_x, at) in taps {
                        let weight = ((channel * c + input) * kh + tap_y) * kw + tap_x;
                        sum += weights.values[weight] * x.plane(image, input)[at];
                    }
                }
                sum
            }),
            "MaxPool" => self.windows(x, x.shape[1], |image, channel, taps| {
                taps.iter().map(|&(_, _, at)| x.plane(image, channel)[at]).fold(f64::NEG_INFINITY, f64::max)
            }),
            "Relu" => x.map(|value| value.max(0.0)),
            "Add" => {
                let other = inputs[1];
                if x.shape == other.shape {
                    let values = x.values.iter().zip(&other.values).map(|(a, b)| a + b).collect();
                    return Tensor { shape: x.shape.clone(), values };
                }
                // `[n, 1, width]` and `[rows, width]`.
                let [n, 1, width] = x.shape[..] else { panic!("{:?}", x.shape) };
                let [rows, _] = two_sides(other);
                assert_eq!(other.shape[1], width);
                let row = |row: &[f64]| -> Vec<f64> {
                    other.values.chunks(width).flat_map(|to| to.iter().zip(row).map(|(a, b)| a + b)).collect()
                };
                Tensor { shape: vec![n, rows, width], values: x.values.chunks(width).flat_map(row).collect() }
            }
            "GlobalAveragePool" => {
                let pixels = x.shape[2] * x.shape[3];
                let values = x.values.chunks(pixels).map(|plane| plane.iter().sum::<f64>() / pixels as f64);
                Tensor { shape: vec![x.shape[0], x.shape[1], 1, 1], values: values.collect() }
            }
            "Flatten" => {
                assert_eq!(self.attributes["axis"], [1]);
                Tensor { shape: vec![x.shape[0], x.shape[1..].iter().product()], values: x.values.clone() }
            }
            "Gemm" => {
                assert_eq!(self.attributes["transB"], [1]);
                let weights = inputs[1];
                let [classes, width] = weights.shape[..] else { panic!("{:?}", weights.shape) };
                let row = |features: &[f64], class: usize| {
                    let weights = &weights.values[class * width..(class + 1) * width];
                    inputs[2].values[class] + features.iter().zip(weights).map(|(x, w)| x * w).sum::<f64>()
                };
                let rows = x.values.chunks(width);
                let values = rows.flat_map(|features| (0..classes).map(move |class| row(features, class)));
                Tensor { shape: vec![x.shape[0], classes], values: values.collect() }
            }
            "MatMul" => {
                let ([n, inner], [_, width]) = (two_sides(x), two_sides(inputs[1]));
                let cell = |row: usize, column: usize| -> f64 {
                    let terms =
                        (0..inner).map(|i| x.values[row * inner + i] * inputs[1].values[i * width + column]);
                    terms.sum()
                };
                let values = (0..n).flat_map(|row| (0..width).map(move |column| cell(row, column)));
                Tensor { shape: vec![n, width], values: values.collect() }
            }
            "LogSoftmax" => {
                assert_eq!(self.attributes["axis"], [1]);
                let [_, width] = two_sides(x);
                let row = |row: &[f64]| -> Vec<f64> {
                    let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let sum: f64 = row.iter().map(|value| (value - most).exp()).sum();
                    row.iter().map(|value| value - most - sum.ln()).collect()
                };
                Tensor { shape: x.shape.clone(), values: x.values.chunks(width).flat_map(row).collect() }
            }
            "Unsqueeze" => {
                assert_eq!(inputs[1].values, [1.0]);
                let [n, width] = two_sides(x);
                Tensor { shape: vec![n, 1, width], values: x.values.clone() }
            }
            "ReduceMax" => {
                assert_eq!(
                    (&self.attributes["axes"][..], &self.attributes["keepdims"][..]),
                    (&[2][..], &[0][..])
                );
                let [n, rows, width] = x.shape[..] else { panic!("{:?}", x.shape) };
                let most = |row: &[f64]| row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                Tensor { shape: vec![n, rows], values: x.values.chunks(width).map(most).collect() }
            }
            "Max" => {
                assert!(inputs[1].shape.is_empty());
                x.map(|value| value.max(inputs[1].values[0]))
            }
            other => panic!("operator {other}"),
        }
    }

    /// Computes each value from the window under it: `value(image, channel, taps)`, where a tap is a place in the
    /// kernel and one in the plane.
    fn windows(
        &self,
        x: &Tensor,
        channels: usize,
        value: impl Fn(usize, usize, &[(usize, usize, usize)]) -> f64,
    ) -> Tensor {
        let two = |name: &str| [self.attributes[name][0] as usize, self.attributes[name][1] as usize];
        let ([kh, kw], [sy, sx]) = (two("kernel_shape"), two("strides"));
        let pad = self.attributes["pads"][0] as usize;
        assert!(self.attributes["pads"].iter().all(|&side| side as usize == pad));
        let [n, _, h, w] = x.shape[..] else { panic!("{:?}", x.shape) };
        let (oh, ow) = ((h + 2 * pad - kh) / sy + 1, (w + 2 * pad - kw) / sx + 1);
        let taps = |oy: usize, ox: usize| -> Vec<_> {
            let taps = (0..kh).flat_map(|ky| (0..kw).map(move |kx| (ky, kx)));
            let inside = taps.filter_map(|(ky, kx)| {
                let y = (oy * sy + ky).checked_sub(pad).filter(|&y| y < h)?;
                let x = (ox * sx + kx).checked_sub(pad).filter(|&x| x < w)?;
                Some((ky, kx, y * w + x))
            });
            inside.collect()
        };
        let taps: Vec<_> =
            (0..oh).flat_map(|y| (0..ow).map(move |x| (y, x))).map(|(y, x)| taps(y, x)).collect();
        let mut values = Vec::with_capacity(n * channels * oh * ow);
        for image in 0..n {
            for channel in 0..channels {
                values.extend(taps.iter().map(|taps| value(image, channel, taps)));
            }
        }
        Tensor { shape: vec![n, channels, oh, ow], values }
    }
}

fn two_sides(x: &Tensor) -> [usize; 2] {
    x.shape[..].try_into().unwrap_or_else(|_| panic!("{:?}", x.shape))
}

impl Tensor {
    fn read(message: &[u8]) -> Option<(String, Self)> {
        let (mut name, mut tensor, mut whole) = (String::new(), Self::default(), false);
        fields(message, |number, field| {
            match (number, field) {
                (1, Field::Integer(side)) => tensor.shape.push(usize::try_from(side).ok()?),
                // 1 is float32, 7 int64; it comes before the values.
                (2, Field::Integer(kind)) => {
                    assert!(matches!(kind, 1 | 7), "kind {kind}");
                    whole = kind == 7;
                }
                (9, Field::Bytes(bytes)) if whole => {
                    let (values, rest) = bytes.as_chunks::<8>();
                    assert!(rest.is_empty());
                    tensor.values = values.iter().map(|&bytes| i64::from_le_bytes(bytes) as f64).collect();
                }
                (8, field) => name = field.text()?.to_owned(),
                (9, Field::Bytes(bytes)) => {
                    let (values, rest) = bytes.as_chunks::<4>();
                    assert!(rest.is_empty());
                    tensor.values = values.iter().map(|&bytes| f32::from_le_bytes(bytes).into()).collect();
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
