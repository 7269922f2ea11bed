//! Answers as a Parquet table, which is written in parts: a run that is interrupted leaves those it has finished.

use std::path::{Path, PathBuf};

use marque_contracts::durable::{create_folder, remove, write_atomic};
use marque_contracts::schema::{HeadKind, Label};
use marque_contracts::{Digest, json};
use marque_formats::{Column, Table};
use marque_network::HeadConfig;
use marque_predict::{Prediction, Predictor, Reading};
use serde_json::json;

use super::names;
use crate::arguments::Predict;
use crate::error::Error;
use crate::terminal::Terminal;

/// Photos in a part.
const PART: usize = 2048;

/// What the parts are of.
const JOB: &str = "job.json";

pub(super) struct ParquetAnswers<'a> {
    heads: &'a [HeadConfig],
    path: PathBuf,
    /// Folder of the parts, beside the table.
    folder: PathBuf,
    parts: Vec<PathBuf>,
    done: usize,
    failed: usize,
    rows: Rows,
}

/// The rows of a part.
#[derive(Default)]
struct Rows {
    photos: Vec<String>,
    answers: Vec<Result<Prediction, String>>,
}

impl<'a> ParquetAnswers<'a> {
    /// Goes on from the parts that a run of the same model, photos and options has left.
    pub(super) fn begin(
        path: &Path,
        options: &Predict,
        predictor: &'a Predictor,
        reading: &Reading,
        terminal: &Terminal,
    ) -> Result<Self, Error> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".parts");
        let heads = predictor.network().config().heads.as_slice();
        let mut answers = Self {
            heads,
            path: path.to_owned(),
            folder: path.with_file_name(name),
            parts: Vec::new(),
            done: 0,
            failed: 0,
            rows: Rows::default(),
        };
        let job = json!({
            "model": predictor.digest()?,
            "photos": options.inputs,
            "box": options.sides.map(|crop| [crop.x1, crop.y1, crop.x2, crop.y2]),
            "flip": reading.flip,
            "max_pixels": reading.max_pixels,
            "precision": format!("{:?}", predictor.network().precision()),
            "target_precision": predictor.settings().target_precision,
            "min_familiarity": predictor.settings().min_familiarity,
        });
        let job = Digest::of_bytes(job.to_string().as_bytes());
        let record = answers.folder.join(JOB);
        match record.exists() && json::read::<Digest>(&record)? == job {
            true => answers.take_up(terminal)?,
            false => {
                remove(&answers.folder)?;
                create_folder(&answers.folder)?;
                write_atomic(&record, json!(job).to_string().as_bytes())?;
            }
        }
        terminal.promise_on_interrupt("the same command goes on after the photos that are answered");
        Ok(answers)
    }

    fn take_up(&mut self, terminal: &Terminal) -> Result<(), Error> {
        loop {
            let part = self.part(self.parts.len());
            if !part.exists() {
                break;
            }
            let table = Table::read(&part)?;
            let Some(Column::Text(errors)) = table.column("error") else { break };
            self.failed += errors.iter().flatten().count();
            self.done += table.rows();
            self.parts.push(part);
        }
        if self.done > 0 {
            terminal.say(format_args!("going on after {} photos that are answered", self.done));
        }
        Ok(())
    }

    fn part(&self, number: usize) -> PathBuf {
        self.folder.join(format!("part-{number:06}.parquet"))
    }

    pub(super) fn done(&self) -> usize {
        self.done
    }

    pub(super) fn failed(&self) -> usize {
        self.failed
    }

    pub(super) fn add(&mut self, photo: &str, answer: Result<&Prediction, &str>) -> Result<(), Error> {
        self.rows.photos.push(photo.to_owned());
        self.rows.answers.push(answer.cloned().map_err(str::to_owned));
        if self.rows.photos.len() >= PART { self.write_part() } else { Ok(()) }
    }

    fn write_part(&mut self) -> Result<(), Error> {
        let rows = std::mem::take(&mut self.rows);
        let part = self.part(self.parts.len());
        rows.table(self.heads).write(&part)?;
        self.parts.push(part);
        Ok(())
    }

    /// Puts the parts together.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        if !self.rows.photos.is_empty() || self.parts.is_empty() {
            self.write_part()?;
        }
        Table::concatenate(&self.parts, &self.path)?;
        Ok(remove(&self.folder)?)
    }
}

impl Rows {
    /// `photo`, per head its answer (tags as a list), `_probability`, `_sure` and `_probabilities` of all its classes,
    /// `familiarity` and `familiar`, and `error`.
    fn table(self, heads: &[HeadConfig]) -> Table {
        let mut table = Table::new().with_text("photo", self.photos);
        for (position, head) in heads.iter().enumerate() {
            let answers = || self.answers.iter().map(|answer| Some(&answer.as_ref().ok()?.heads[position]));
            let labels = |label: &Label| match label {
                Label::Tags(tags) if tags.is_empty() => Vec::new(),
                label => names(head, label),
            };
            let labels = answers().map(|answer| Some(labels(&answer?.answer)));
            let labels = match head.kind {
                HeadKind::Single => Column::Text(labels.map(|names| names?.pop()).collect()),
                HeadKind::Tags => Column::TextList(labels.collect()),
            };
            let column = |end: &str| format!("{}{end}", head.name);
            table = table
                .with(&head.name, labels)
                .with(
                    &column("_probability"),
                    Column::Number(answers().map(|it| Some(it?.confidence)).collect()),
                )
                .with(&column("_sure"), Column::Flag(answers().map(|it| it?.sure).collect()))
                .with(
                    &column("_probabilities"),
                    Column::NumberList(answers().map(|it| Some(it?.probabilities.clone())).collect()),
                );
        }
        let answers = || self.answers.iter().map(|answer| answer.as_ref().ok());
        table = table
            .with("familiarity", Column::Number(answers().map(|it| it?.familiarity).collect()))
            .with("familiar", Column::Flag(answers().map(|it| it?.familiar).collect()));
        table.with("error", Column::Text(self.answers.into_iter().map(Result::err).collect()))
    }
}
