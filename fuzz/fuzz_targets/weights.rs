//! Any bytes as a file of weights, safetensors or PyTorch's: the reader returns; tensors have the shapes it gave.
#![no_main]

use libfuzzer_sys::fuzz_target;
use marque_network::WeightsFile;

/// Elements of the largest tensor that is read: larger ones only take longer.
const LARGEST: usize = 1 << 16;

fuzz_target!(|bytes: &[u8]| {
    let file = tempfile::NamedTempFile::new().expect("a scratch file can be made");
    std::fs::write(file.path(), bytes).expect("a scratch file can be written");
    let Ok(mut weights) = WeightsFile::open(file.path()) else { return };
    for (name, shape) in weights.shapes().clone() {
        let elements = shape.iter().try_fold(1_usize, |product, length| product.checked_mul(*length));
        if elements.is_some_and(|elements| elements <= LARGEST)
            && let Ok(tensor) = weights.read(&name)
        {
            assert_eq!(tensor.dims(), shape);
        }
    }
});
