//! A folder that can be published as it is.

use std::path::Path;

use fs_err as fs;
use marque_contracts::durable::write_atomic;
use marque_contracts::schema::model::{CONFIG, PREPROCESSOR, WEIGHTS};

use crate::Error;
use crate::graph::write_onnx;
use crate::model::Model;

/// Copies a model's files into a folder, which is created if need be, and adds the ONNX file and the card: all that a
/// model repository needs. Files that are there already are replaced, each in one step.
///
/// # Errors
/// If the folder is the model's own, the file system refuses, or the network cannot be exported.
pub fn write_folder(model: &Model, card: &str, folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder)?;
    if fs::canonicalize(folder)? == fs::canonicalize(model.folder())? {
        return Err(Error::SameFolder(folder.to_owned()));
    }
    for name in [WEIGHTS, CONFIG, PREPROCESSOR] {
        write_atomic(&folder.join(name), &fs::read(model.folder().join(name))?)?;
    }
    write_atomic(&folder.join("model.onnx"), &write_onnx(model)?)?;
    Ok(write_atomic(&folder.join("README.md"), card.as_bytes())?)
}
