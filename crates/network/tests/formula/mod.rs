//! Networks and images whose numbers follow the formula of `pytorch_constants.py`.

use candle_core::{Device, Tensor};
use marque_network::{Backbone, BottleneckStride, HeadConfig, Network, NetworkConfig};

/// A configuration with the heads of the constants.
pub(crate) fn config(backbone: Backbone, bottleneck_stride: BottleneckStride) -> NetworkConfig {
    let heads = vec![
        HeadConfig::new("brand", ["Audi", "BMW", "Chevrolet", "Dodge", "Ford", "Other"]),
        HeadConfig::new("era", ["2009 and earlier", "2010 and later"]),
    ];
    NetworkConfig { bottleneck_stride, std: [0.25; 3], ..NetworkConfig::new(backbone, 32, heads) }
}

/// Numbers in [-1, 1) from the bytes of a name and an index: the finaliser of MurmurHash3.
pub(crate) fn formula(name: &str, count: usize) -> Vec<f64> {
    let sum: u32 = name.bytes().map(u32::from).sum();
    let start = sum.wrapping_mul(2_654_435_761);
    (0..count as u32)
        .map(|index| {
            let h = index.wrapping_add(start);
            let h = (h ^ (h >> 16)).wrapping_mul(0x85EB_CA6B);
            let h = (h ^ (h >> 13)).wrapping_mul(0xC2B2_AE35);
            f64::from(h ^ (h >> 16)) / f64::from(1u32 << 31) - 1.0
        })
        .collect()
}

/// Images `[batch, size, size, 3]`.
pub(crate) fn images(size: usize, batch: usize) -> Tensor {
    let values = formula(&format!("images{size}"), batch * size * size * 3);
    let values: Vec<f32> = values.into_iter().map(|value| value as f32).collect();
    Tensor::from_vec(values, (batch, size, size, 3), &Device::Cpu).unwrap()
}

/// The shape that a variable has in PyTorch.
pub(crate) fn pytorch_shape(dims: &[usize]) -> Vec<usize> {
    match *dims {
        [kh, kw, inputs, outputs] => vec![outputs, inputs, kh, kw],
        _ => dims.to_vec(),
    }
}

/// A network whose weights and running statistics follow the formula.
pub(crate) fn network(config: &NetworkConfig) -> Network {
    let network = Network::new(config, 0).unwrap();
    let parameters = network.parameters().iter().map(|parameter| (&parameter.name, &parameter.var));
    for (name, var) in parameters.chain(network.buffers().iter().map(|buffer| (&buffer.name, &buffer.var))) {
        let shape = pytorch_shape(var.dims());
        let scale = |r: f64| {
            if name.ends_with("running_mean") {
                0.1 * r
            } else if name.ends_with("running_var") {
                1.0 + 0.5 * r
            } else if shape.len() == 4 {
                r * (6.0 / (shape[0] * shape[2] * shape[3]) as f64).sqrt()
            } else if name.starts_with("heads.") {
                r / 16.0
            } else if name.ends_with("bn2.weight") || name.ends_with("bn3.weight") {
                0.25 + 0.05 * r
            } else if name.ends_with("weight") {
                1.0 + 0.2 * r
            } else {
                0.1 * r
            }
        };
        let values: Vec<f32> =
            formula(name, shape.iter().product()).into_iter().map(|r| scale(r) as f32).collect();
        let tensor = Tensor::from_vec(values, shape.as_slice(), &Device::Cpu).unwrap();
        let tensor = if shape.len() == 4 { tensor.permute((2, 3, 1, 0)).unwrap() } else { tensor };
        var.set(&tensor.contiguous().unwrap()).unwrap();
    }
    network
}
