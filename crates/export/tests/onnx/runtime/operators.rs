//! What each operator computes, by its definition.

use super::{Node, Tensor};

/// No value of a photo.
const NONE: f64 = -1.0;

impl Node {
    pub(super) fn compute(&self, inputs: &[&Tensor]) -> Tensor {
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
            "Sigmoid" => x.map(|value| 1.0 / (1.0 + (-value).exp())),
            "Abs" => x.map(f64::abs),
            "Floor" => x.map(f64::floor),
            "Round" => x.map(f64::round_ties_even),
            "Ceil" => x.map(f64::ceil),
            "Sin" => x.map(f64::sin),
            "Log" => x.map(f64::ln),
            "Pow" => broadcast(x, inputs[1], f64::powf),
            "Identity" => x.clone(),
            // From bytes and whole numbers to others, here.
            "Cast" => x.clone(),
            "Add" => broadcast(x, inputs[1], |a, b| a + b),
            "Sub" => broadcast(x, inputs[1], |a, b| a - b),
            "Mul" => broadcast(x, inputs[1], |a, b| a * b),
            "Div" => broadcast(x, inputs[1], |a, b| a / b),
            "Min" => broadcast(x, inputs[1], f64::min),
            "Max" => broadcast(x, inputs[1], f64::max),
            "Equal" => broadcast(x, inputs[1], |a, b| f64::from(a == b)),
            "And" => broadcast(x, inputs[1], |a, b| a * b),
            "Where" => {
                let chosen =
                    broadcast(x, inputs[1], |condition, value| if condition == 1.0 { value } else { NONE });
                broadcast(&chosen, inputs[2], |value, other| if value == NONE { other } else { value })
            }
            "Clip" => {
                let (least, most) = (inputs[1].values[0], inputs[2].values[0]);
                x.map(|value| value.max(least).min(most))
            }
            "Shape" => {
                let range = self.attributes["start"][0] as usize..self.attributes["end"][0] as usize;
                Tensor {
                    shape: vec![range.len()],
                    values: x.shape[range].iter().map(|side| *side as f64).collect(),
                }
            }
            "Gather" => {
                assert_eq!(x.shape.len(), 1);
                inputs[1].map(|place| x.values[place as usize])
            }
            "Range" => {
                let values: Vec<f64> =
                    (0..inputs[1].values[0] as usize).map(|number| number as f64).collect();
                assert_eq!((x.values[0], inputs[2].values[0]), (0.0, 1.0));
                Tensor { shape: vec![values.len()], values }
            }
            "Reshape" => {
                let mut shape: Vec<_> = inputs[1]
                    .values
                    .iter()
                    .enumerate()
                    .map(|(place, side)| match *side {
                        0.0 => x.shape[place],
                        side => side.max(1.0) as usize,
                    })
                    .collect();
                let open = inputs[1].values.iter().position(|side| *side == -1.0).unwrap();
                shape[open] = x.values.len() / shape.iter().product::<usize>();
                Tensor { shape, values: x.values.clone() }
            }
            "Transpose" => x.transposed(&self.attributes["perm"]),
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
                // Many matrices on one side at most.
                let other = inputs[1];
                let ([.., rows, inner], [.., _, width]) = (&x.shape[..], &other.shape[..]) else {
                    panic!("{:?} {:?}", x.shape, other.shape)
                };
                assert_eq!(other.shape[other.shape.len() - 2], *inner);
                let (left, right) = (x.values.chunks(rows * inner), other.values.chunks(inner * width));
                let count = left.len().max(right.len());
                assert!([1, count].contains(&left.len()) && [1, count].contains(&right.len()));
                let mut values = Vec::new();
                for (left, right) in left.cycle().zip(right.cycle()).take(count) {
                    for row in left.chunks(*inner) {
                        let mut sums = vec![0.0; *width];
                        for (factor, other) in row.iter().zip(right.chunks(*width)) {
                            sums.iter_mut().zip(other).for_each(|(sum, other)| *sum += factor * other);
                        }
                        values.extend(sums);
                    }
                }
                let outer = if x.shape.len() > 2 { &x.shape } else { &other.shape };
                Tensor { shape: [&outer[..outer.len() - 2], &[*rows, *width]].concat(), values }
            }
            "Softmax" => {
                assert_eq!(self.attributes["axis"], [1]);
                let row = |row: &[f64]| -> Vec<f64> {
                    let sum: f64 = row.iter().map(|value| value.exp()).sum();
                    row.iter().map(|value| value.exp() / sum).collect()
                };
                Tensor {
                    shape: x.shape.clone(),
                    values: x.values.chunks(two_sides(x)[1]).flat_map(row).collect(),
                }
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
                let [axis] = inputs[1].values[..] else { panic!("{:?}", inputs[1]) };
                let mut shape = x.shape.clone();
                shape.insert(axis as usize, 1);
                Tensor { shape, values: x.values.clone() }
            }
            "ReduceSum" => {
                assert_eq!((&inputs[1].values[..], &self.attributes["keepdims"][..]), (&[1.0][..], &[1][..]));
                let [rows, width] = two_sides(x);
                let values = x.values.chunks(width).map(|row| row.iter().sum()).collect();
                Tensor { shape: vec![rows, 1], values }
            }
            // Of all values.
            "ReduceMin" => Tensor {
                shape: vec![1],
                values: vec![x.values.iter().copied().fold(f64::INFINITY, f64::min)],
            },
            "ReduceMax" if !self.attributes.contains_key("axes") => {
                let shape = vec![1; self.attributes["keepdims"][0] as usize];
                Tensor { shape, values: vec![x.values.iter().copied().fold(0.0, f64::max)] }
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

/// Two tensors value by value, with sides of 1 repeated.
fn broadcast(a: &Tensor, b: &Tensor, value: impl Fn(f64, f64) -> f64) -> Tensor {
    let rank = a.shape.len().max(b.shape.len());
    let padded = |tensor: &Tensor| [vec![1; rank - tensor.shape.len()], tensor.shape.clone()].concat();
    let (left, right) = (padded(a), padded(b));
    let shape: Vec<usize> = left.iter().zip(&right).map(|(a, b)| *a.max(b)).collect();
    assert!(left.iter().chain(&right).zip(shape.iter().cycle()).all(|(side, all)| [1, *all].contains(side)));
    // How far the next value of each side is.
    let steps = |sides: &[usize]| -> Vec<usize> {
        let step = |place: usize| if sides[place] == 1 { 0 } else { sides[place + 1..].iter().product() };
        (0..rank).map(step).collect()
    };
    let (left, right) = (steps(&left), steps(&right));
    let values = (0..shape.iter().product()).map(|position: usize| {
        let (mut rest, mut at) = (position, (0, 0));
        for side in (0..rank).rev() {
            let place = rest % shape[side];
            rest /= shape[side];
            at = (at.0 + place * left[side], at.1 + place * right[side]);
        }
        value(a.values[at.0], b.values[at.1])
    });
    Tensor { values: values.collect(), shape }
}

impl Tensor {
    fn transposed(&self, order: &[i64]) -> Self {
        let order: Vec<usize> = order.iter().map(|side| *side as usize).collect();
        let shape: Vec<usize> = order.iter().map(|side| self.shape[*side]).collect();
        let step = |side: usize| self.shape[side + 1..].iter().product::<usize>();
        let values = (0..self.values.len()).map(|position| {
            let (mut rest, mut at) = (position, 0);
            for (side, length) in order.iter().zip(&shape).rev() {
                at += rest % length * step(*side);
                rest /= length;
            }
            self.values[at]
        });
        Self { values: values.collect(), shape }
    }
}
