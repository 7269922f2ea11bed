//! Why a network cannot be exported.

use std::path::PathBuf;

/// Why a network cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be read or written, or is not the JSON it should be.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The network's configuration contradicts itself.
    #[error("{path} describes no network that can be built")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: marque_network::Error,
    },
    /// The weights are not those of the network.
    #[error("{path} does not fit its config.json: {reason}")]
    Weights {
        /// The file.
        path: PathBuf,
        /// What is missing, or of another type or shape.
        reason: String,
    },
    /// A head has the name of an input or another output of the graph.
    #[error("the head `{0}` cannot be exported: an input or another output of the graph has that name")]
    HeadName(String),
    /// The graph is to prepare photos, and the file that says how is not there.
    #[error(
        "{0} is not there, which says how photos are prepared: export the graph without preprocessing, or bring the file"
    )]
    NoPreparation(PathBuf),
    /// What the model tells of its own answers is damaged, or of another model.
    #[error(transparent)]
    Predict(#[from] marque_predict::Error),
    /// The folder to write to is the model's own.
    #[error("{0} is the folder of the model itself; name another one")]
    SameFolder(PathBuf),
}
