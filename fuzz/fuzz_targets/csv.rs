//! Any bytes: the reader of the user's tables returns, and the lines that it names are there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use marque_ingest::rows_of_csv;

fuzz_target!(|bytes: &[u8]| {
    let Ok((rows, problems)) = rows_of_csv(bytes) else { return };
    let lines = 1 + bytes.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count();
    assert!(rows + problems.len() <= lines);
    for problem in problems {
        let line = problem.strip_prefix("line ").and_then(|rest| rest.split(':').next()?.parse().ok());
        assert!(line.is_some_and(|line: usize| (1..=lines).contains(&line)), "{problem}");
    }
});
