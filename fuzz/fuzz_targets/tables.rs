//! Any bytes as a Parquet file: both readers return, with as many cells in each column as there are rows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use marque_formats::{Error, ExternalTable, Table};

fuzz_target!(|bytes: &[u8]| {
    let file = tempfile::NamedTempFile::new().expect("a scratch file can be made");
    std::fs::write(file.path(), bytes).expect("a scratch file can be written");
    let read = || -> Result<(), Error> {
        let table = ExternalTable::open(file.path(), 1000)?;
        let columns = table.columns().len();
        for batch in table {
            let batch = batch?;
            for column in 0..columns {
                assert_eq!(batch.texts(column).len(), batch.rows());
                assert_eq!(batch.photos(column).len(), batch.rows());
                batch.problems(column);
            }
        }
        Ok(())
    };
    let _ = read();
    let _ = Table::read(file.path());
});
