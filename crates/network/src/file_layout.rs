//! Convolution weights as files hold them, `[c_out, c_in, kh, kw]`, and as they are in memory, `[kh, kw, c_in, c_out]`.

use rayon::prelude::*;

/// Output channels that are moved together: a line of the cache holds so many values.
const TOGETHER: usize = 16;

/// Weights in memory as a file holds them. `shape` is that in memory.
pub(crate) fn to_file(values: &[f32], shape: [usize; 4]) -> Vec<f32> {
    let [kh, kw, inputs, outputs] = shape;
    let pixels = kh * kw;
    let mut file = vec![0.0; values.len()];
    let row = inputs * pixels;
    file.par_chunks_mut((TOGETHER * row).max(1)).enumerate().for_each(|(block, rows)| {
        let first = block * TOGETHER;
        let count = rows.len() / row;
        for input in 0..inputs {
            for pixel in 0..pixels {
                let from = &values[(pixel * inputs + input) * outputs + first..][..count];
                for (output, value) in from.iter().enumerate() {
                    rows[output * row + input * pixels + pixel] = *value;
                }
            }
        }
    });
    file
}

/// Weights of a file as they are in memory. `shape` is that in the file.
pub(crate) fn to_memory(values: &[f32], shape: [usize; 4]) -> Vec<f32> {
    let [outputs, inputs, kh, kw] = shape;
    let (pixels, row) = (kh * kw, inputs * kh * kw);
    let mut memory = vec![0.0; values.len()];
    memory.par_chunks_mut((inputs * outputs).max(1)).enumerate().for_each(|(pixel, plane)| {
        for first in (0..outputs).step_by(TOGETHER) {
            let block = first..outputs.min(first + TOGETHER);
            for input in 0..inputs {
                for output in block.clone() {
                    plane[input * outputs + output] = values[output * row + input * pixels + pixel];
                }
            }
        }
    });
    memory
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_finds_its_place_and_back() {
        for shape @ [kh, kw, inputs, outputs] in [[1, 1, 1, 1], [3, 3, 5, 18], [7, 7, 3, 16], [1, 1, 40, 33]]
        {
            let values: Vec<f32> = (0..kh * kw * inputs * outputs).map(|i| i as f32).collect();
            let file = to_file(&values, shape);
            let place = |y: usize, x: usize, i: usize, o: usize| ((o * inputs + i) * kh + y) * kw + x;
            for (at, value) in values.iter().enumerate() {
                let (o, i) = (at % outputs, at / outputs % inputs);
                let (x, y) = (at / outputs / inputs % kw, at / outputs / inputs / kw);
                assert_eq!(file[place(y, x, i, o)], *value);
            }
            assert_eq!(to_memory(&file, [outputs, inputs, kh, kw]), values);
        }
    }
}
