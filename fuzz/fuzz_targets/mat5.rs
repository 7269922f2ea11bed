//! Any bytes: the MATLAB reader returns, within its limits; what it has read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use marque_mat5::{Limits, read, read_with, write};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { memory: 1 << 20, depth: 8 };
    if let Ok(variables) = read_with(bytes, limits)
        && let Ok(written) = write(&variables)
    {
        // Not equal: NaN is not, and texts may be stored in another way.
        assert_eq!(read(&written).map(|again| again.len()).ok(), Some(variables.len()));
    }
});
