//! Packs a folder of photos into a shard on one thread and prints the milliseconds of processor time that a photo takes, the
//! fastest of some rounds: `pack_folder FOLDER SIZE SHARD_FOLDER ROUNDS`. `bench/against_pillow.sh` compares it with Pillow.

use std::error::Error;
use std::path::Path;

use marque_contracts::schema::{Filter, Fit, Preparation};
use marque_formats::{Geometry, ShardKind, ShardWriter};
use marque_photo::{ANY_SIZE, Budget, Photo, Preparer};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, size, shards, rounds] = arguments.as_slice() else {
        return Err("usage: pack_folder FOLDER SIZE SHARD_FOLDER ROUNDS".into());
    };
    let size = size.parse()?;
    let mut photos =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    photos.sort();
    let preparation =
        Preparation { size, margin: None, fit: Fit::Squash, resize: Filter::Bilinear, background: [255; 3] };
    let geometry = Geometry { height: size, width: size };
    let budget = Budget::unlimited();
    let mut fastest = f64::INFINITY;
    for _ in 0..rounds.parse()? {
        let start = processor_seconds()?;
        let mut preparer = Preparer::new(&preparation, &budget);
        let mut pixels = vec![0; geometry.bytes()];
        let writer =
            ShardWriter::create(Path::new(shards), 0, ShardKind::Pixels, photos.len(), &geometry.shape())?;
        for (row, path) in photos.iter().enumerate() {
            let file = std::fs::read(path)?;
            preparer.prepare(&Photo::read(&file, ANY_SIZE)?, None, &mut pixels)?;
            writer.write(row, &pixels)?;
        }
        fastest = fastest.min(processor_seconds()? - start);
        writer.finish()?;
    }
    println!("{:.4}", 1e3 * fastest / photos.len() as f64);
    Ok(())
}

/// Time that this process, of one thread, has had a processor, in seconds (Linux).
fn processor_seconds() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds: f64 = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanoseconds * 1e-9)
}
