//! `marque export`

use std::path::PathBuf;

use marque_contracts::durable::write_atomic;
use marque_contracts::json;
use marque_contracts::schema::{Head, evaluate, ingest, labels, preprocess, train};
use marque_export::{CardFacts, Model, OnnxInput, model_card, write_folder, write_onnx};
use marque_store::{Artifact, Store};

use crate::arguments::Export;
use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::{Terminal, bytes};
use crate::whole_results;

pub(super) fn export(
    configuration: &Configuration,
    options: &Export,
    terminal: &Terminal,
) -> Result<(), Error> {
    if options.onnx.is_none() && options.card.is_none() && options.folder.is_none() {
        return Err(Error::Usage(
            "say what to write: --onnx FILE, --card FILE or --folder FOLDER".to_owned(),
        ));
    }
    if options.with_preprocessing && options.onnx.is_none() && options.folder.is_none() {
        return Err(Error::Usage(
            "--with-preprocessing is about the ONNX file: it goes with --onnx FILE or --folder FOLDER"
                .to_owned(),
        ));
    }
    let input = if options.with_preprocessing { OnnxInput::Photo } else { OnnxInput::Prepared };
    let store = configuration.open_store()?;
    let (folder, facts) = match &options.model {
        // Nothing but the folder is known of a model from elsewhere.
        Some(folder) => {
            whole_results::check_folder(&store, folder)?;
            (folder.clone(), CardFacts::default())
        }
        None => current(&store)?,
    };
    if facts.metrics.is_none() && (options.card.is_some() || options.folder.is_some()) {
        tracing::warn!(
            "the card has no results: {}",
            match options.model {
                Some(_) => "nothing but its folder is known of this model",
                None => "this model was not evaluated; `marque run evaluate` does that",
            }
        );
    }
    let model = Model::open(&folder)?;
    if let Some(path) = &options.onnx {
        let file = write_onnx(&model, input)?;
        write_atomic(path, &file)?;
        terminal.print(format_args!("{}: {}", path.display(), bytes(file.len() as u64)));
    }
    let card = model_card(&model, &facts);
    if let Some(path) = &options.card {
        write_atomic(path, card.as_bytes())?;
        terminal.print(path.display());
    }
    if let Some(folder) = &options.folder {
        write_folder(&model, &card, input, folder)?;
        terminal.print(format_args!("{}: the model, as ONNX too, and its card", folder.display()));
    }
    Ok(())
}

/// The folder of the current model, and facts for its card from the records of the stages behind it.
fn current(store: &Store) -> Result<(PathBuf, CardFacts), Error> {
    let trained = store.current(train::STAGE)?.ok_or(Error::NoResult(train::STAGE))?;
    whole_results::check(train::STAGE, &trained, &[train::MODEL])?;
    let mut facts =
        CardFacts { training: Some(trained.manifest.fingerprint.settings.clone()), ..CardFacts::default() };
    if let Some(labelled) = made_of(store, &trained, labels::STAGE, labels::HEADS)? {
        whole_results::check(labels::STAGE, &labelled, &[labels::HEADS])?;
        facts.heads = json::read::<Vec<Head>>(&labelled.folder.join(labels::HEADS))?;
    }
    for (stage, file) in [(labels::STAGE, labels::HEADS), (preprocess::STAGE, preprocess::INDEX)] {
        if let Some(artifact) = made_of(store, &trained, stage, file)? {
            facts.data.push((stage.to_owned(), artifact.manifest.fingerprint.settings));
        }
    }
    if let Some(artifact) = store.current(ingest::STAGE)? {
        facts.data.insert(0, (ingest::STAGE.to_owned(), artifact.manifest.fingerprint.settings));
    }
    let measured = store.current(evaluate::STAGE)?;
    if let Some(measured) = measured.filter(|measured| has_read(measured, &trained, train::MODEL)) {
        whole_results::check(evaluate::STAGE, &measured, &[evaluate::METRICS])?;
        facts.metrics = Some(json::read(&measured.folder.join(evaluate::METRICS))?);
        let settings = measured.manifest.fingerprint.settings;
        facts.mirrored = settings[evaluate::STAGE]["flip"] == true;
        facts.data.push((evaluate::STAGE.to_owned(), settings));
    }
    Ok((trained.folder.join(train::MODEL), facts))
}

/// The current result of a stage, if `reader` was made of the file with this name in it.
fn made_of(store: &Store, reader: &Artifact, stage: &str, file: &str) -> Result<Option<Artifact>, Error> {
    Ok(store.current(stage)?.filter(|artifact| has_read(reader, artifact, file)))
}

/// Whether `reader` was made of the file of `artifact` with this name.
fn has_read(reader: &Artifact, artifact: &Artifact, file: &str) -> bool {
    let inputs = &reader.manifest.fingerprint.inputs;
    let read = inputs.get(&artifact.manifest.fingerprint.stage).and_then(|files| files.get(file));
    read.is_some() && read.copied() == artifact.manifest.digest_of(file)
}
