//! Trained networks for other programs.
//!
//! **Reads** the folder of a model (`model.safetensors`, `config.json`) and, for a model card, what the stages recorded:
//! metrics, settings, heads. **Writes** an ONNX file ([`write_onnx`]), a model card ([`model_card`]), or a
//! folder with all of it that can be published as it is ([`write_folder`]).
//!
//! Nothing here computes: the [`Architecture`](marque_network::Architecture) of a network becomes a graph, and the graph
//! becomes bytes by `marque-protobuf`; with [`OnnxInput::Photo`] what makes a square of a photo is in the graph too. The same
//! model gives the same bytes.

mod card;
mod error;
mod graph;
mod input;
mod model;
mod onnx;
mod photo_graph;
mod properties;
mod publish;

pub use card::{CardFacts, model_card};
pub use error::Error;
pub use graph::write_onnx;
pub use input::OnnxInput;
pub use marque_contracts::schema::model::INPUT;
pub use model::Model;
pub use publish::write_folder;
