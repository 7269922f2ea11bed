//! Times decoding a folder of JPEG files in memory, one thread: `speed FOLDER`.

use std::error::Error;
use std::time::Instant;

use marque_jpeg::{Decoder, Header, Reduction};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("usage: speed FOLDER")?;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        files.push(std::fs::read(entry?.path())?);
    }
    let mut decoder = Decoder::new();
    for reduction in Reduction::ALL {
        let mut fastest = f64::INFINITY;
        for _ in 0..5 {
            let start = Instant::now();
            for file in &files {
                decoder.decode(file, &Header::read(file)?, reduction)?;
            }
            fastest = fastest.min(start.elapsed().as_secs_f64());
        }
        println!("{reduction:?}: {:.3} ms a photo", 1e3 * fastest / files.len() as f64);
    }
    Ok(())
}
