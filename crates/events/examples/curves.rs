//! Writes two curves into a folder: `cargo run -p marque-events --example curves -- FOLDER`. TensorBoard shows them
//! (`tensorboard --logdir FOLDER`), and `tests/read_with_tensorboard.py` checks every value with its reader.

use std::error::Error;
use std::path::PathBuf;

use marque_events::Writer;

fn main() -> Result<(), Box<dyn Error>> {
    let folder: PathBuf = std::env::args_os().nth(1).ok_or("which folder?")?.into();
    let mut writer = Writer::create(&folder, 1.7e9)?;
    for step in 1..=500 {
        let x = step as f64;
        writer.scalars(step, [("curve/square", x * x / 7.0), ("curve/root", x.sqrt())]);
    }
    writer.flush()?;
    println!("{}", folder.display());
    Ok(())
}
