//! A folder that can be published as it is.

use std::path::Path;

use marque_contracts::disk::is_there;
use marque_contracts::durable::{remove, write_files};
use marque_contracts::schema::model::{
    CALIBRATION, CONFIG, CORRECTION, FAMILIARITY, LOCATOR, PREPROCESSOR, WEIGHTS,
};

use crate::Error;
use crate::graph::write_onnx;
use crate::input::OnnxInput;
use crate::model::Model;

/// Writes a model's files into a folder, which is created if need be, with the ONNX file and the card: all that a model
/// repository needs. Everything is written under temporary names first, so that a full disk leaves the folder as it
/// was; then the files that are there already are replaced, each in one step.
///
/// # Errors
/// If the folder is the model's own, the file system refuses, or the network cannot be exported, as [`write_onnx`] has it.
pub fn write_folder(model: &Model, card: &str, input: OnnxInput, folder: &Path) -> Result<(), Error> {
    if folder.exists() && fs_err::canonicalize(folder)? == fs_err::canonicalize(model.folder())? {
        return Err(Error::SameFolder(folder.to_owned()));
    }
    let [weights, config, preprocessor] =
        [WEIGHTS, CONFIG, PREPROCESSOR].map(|name| fs_err::read(model.folder().join(name)));
    let (weights, config, preprocessor, onnx) = (weights?, config?, preprocessor?, write_onnx(model, input)?);
    let optional = [CALIBRATION, FAMILIARITY].map(|name| {
        let path = model.folder().join(name);
        Ok::<_, Error>((name, is_there(&path).then(|| fs_err::read(path)).transpose()?))
    });
    let optional = optional.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut files = vec![
        (WEIGHTS, &weights[..]),
        (CONFIG, &config),
        (PREPROCESSOR, &preprocessor),
        ("model.onnx", &onnx),
        ("README.md", card.as_bytes()),
    ];
    let locator = [CONFIG, CORRECTION, WEIGHTS].map(|name| format!("{LOCATOR}{name}"));
    let there = locator.iter().filter(|name| is_there(&model.folder().join(name)));
    let located = there.map(|name| Ok((name.as_str(), fs_err::read(model.folder().join(name))?)));
    let located = located.collect::<Result<Vec<_>, Error>>()?;
    files.extend(located.iter().map(|(name, file)| (*name, file.as_slice())));
    files.extend(optional.iter().filter_map(|(name, file)| Some((*name, file.as_deref()?))));
    write_files(folder, &files)?;
    // What an older model left there would be taken for this one's.
    for (name, _) in optional.iter().filter(|(_, file)| file.is_none()) {
        remove(&folder.join(name))?;
    }
    if located.is_empty() {
        remove(&folder.join(LOCATOR))?;
    }
    Ok(())
}
