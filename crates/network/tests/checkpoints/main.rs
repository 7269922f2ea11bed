//! Pretrained weights as people save them with PyTorch, and files that only look like such.

mod contents;
mod hostile;
mod pth;

use std::path::PathBuf;

use marque_network::{Backbone, HeadConfig, Network, NetworkConfig};

fn network() -> Network {
    Network::new(&NetworkConfig::new(Backbone::ResNet18, 32, vec![HeadConfig::new("era", ["old", "new"])]), 7)
        .unwrap()
}

/// The content of a storage: 0, 1, 2, …
fn floats(count: usize) -> Vec<u8> {
    (0..count).flat_map(|i| (i as f32).to_le_bytes()).collect()
}

fn file(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("weights.pth")
}
