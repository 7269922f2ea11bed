//! Writes the data set with the default settings: `cargo run --release -p marque-sample --example write_sample -- FOLDER [PHOTOS]`

use std::error::Error;
use std::path::Path;

use marque_sample::{Sample, write};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("name the folder to write to")?;
    let mut sample = Sample::default();
    if let Some(photos) = std::env::args().nth(2) {
        (sample.train_photos, sample.test_photos) = (photos.parse()?, 0);
    }
    for file in write(&sample, Path::new(&folder), &|_, _| {})? {
        println!("{} {}", file.metadata()?.len(), file.display());
    }
    Ok(())
}
