//! A folder that can be published as it is.

use std::path::Path;

use marque_contracts::schema::model::{CONFIG, PREPROCESSOR, WEIGHTS};

use crate::{Error, Model, write_onnx};

/// Copies a model's files into a folder, which is created if need be, and adds the ONNX file and the card: all that a
/// model repository needs. Files that are there already are replaced.
///
/// # Errors
/// If the folder is the model's own, the file system refuses, or the network cannot be exported.
pub fn write_folder(model: &Model, card: &str, folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(|e| Error::io("create", folder, e))?;
    let real = |folder: &Path| folder.canonicalize().map_err(|e| Error::io("find", folder, e));
    if real(folder)? == real(model.folder())? {
        return Err(Error::SameFolder(folder.to_owned()));
    }
    for name in [WEIGHTS, CONFIG, PREPROCESSOR] {
        let (from, to) = (model.folder().join(name), folder.join(name));
        let content = std::fs::read(&from).map_err(|e| Error::io("read", &from, e))?;
        std::fs::write(&to, content).map_err(|e| Error::io("write", &to, e))?;
    }
    let path = folder.join("model.onnx");
    std::fs::write(&path, write_onnx(model)?).map_err(|e| Error::io("write", &path, e))?;
    let path = folder.join("README.md");
    std::fs::write(&path, card).map_err(|e| Error::io("write", &path, e))
}
