//! Packs a folder of photos into a shard on one thread and prints the milliseconds that a photo takes, the fastest of
//! some rounds: `pack_folder FOLDER SIZE SHARD_FOLDER ROUNDS`. `bench/against_pillow.sh` compares it with Pillow.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use marque_formats::{Geometry, ShardWriter};
use marque_preprocess::{Filter, Fit, Renderer, Settings};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, size, shards, rounds] = arguments.as_slice() else {
        return Err("usage: pack_folder FOLDER SIZE SHARD_FOLDER ROUNDS".into());
    };
    let size = size.parse()?;
    let mut photos =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    photos.sort();
    let settings = Settings {
        size,
        crop: false,
        margin: 0.0,
        fit: Fit::Squash,
        resize: Filter::Bilinear,
        background: [255; 3],
        shard_photos: photos.len(),
        webdataset: false,
    };
    let geometry = Geometry { height: size, width: size };
    let mut fastest = f64::INFINITY;
    for _ in 0..rounds.parse()? {
        let start = Instant::now();
        let mut renderer = Renderer::new(&settings);
        let mut pixels = vec![0; geometry.bytes()];
        let writer = ShardWriter::create(Path::new(shards), 0, geometry, photos.len())?;
        for (row, path) in photos.iter().enumerate() {
            renderer.render(&std::fs::read(path)?, None, &mut pixels)?;
            writer.write(row, &pixels)?;
        }
        fastest = fastest.min(start.elapsed().as_secs_f64());
        writer.finish()?;
    }
    println!("{:.4}", 1e3 * fastest / photos.len() as f64);
    Ok(())
}
