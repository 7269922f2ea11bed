//! Where answers go: a table for people, JSON, CSV or Parquet.

mod parquet;

use std::path::PathBuf;

use marque_contracts::schema::{HeadKind, Label};
use marque_network::HeadConfig;
use marque_predict::{PhotoError, Prediction, Predictor, Reading};
use serde_json::{Map, Value, json};

use self::parquet::ParquetAnswers;
use super::reason;
use super::table::AnswerTable;
use crate::arguments::Predict;
use crate::error::Error;
use crate::terminal::Terminal;

/// Takes answers one after the other.
pub(super) struct Answers<'a> {
    heads: &'a [HeadConfig],
    terminal: &'a Terminal,
    top: usize,
    output: Output<'a>,
    photos: usize,
}

enum Output<'a> {
    Table(AnswerTable<'a>),
    Json,
    Csv,
    Parquet(Box<ParquetAnswers<'a>>, PathBuf),
}

impl<'a> Answers<'a> {
    pub(super) fn begin(
        options: &Predict,
        predictor: &'a Predictor,
        reading: &Reading,
        terminal: &'a Terminal,
    ) -> Result<Self, Error> {
        let heads = predictor.network().config().heads.as_slice();
        let top = usize::from(options.top);
        let output = match &options.parquet {
            Some(path) => {
                let answers = ParquetAnswers::begin(path, options, predictor, reading, terminal)?;
                Output::Parquet(Box::new(answers), path.clone())
            }
            None if options.json => Output::Json,
            None if options.csv => Output::Csv,
            None => Output::Table(AnswerTable::new(heads, top, terminal)),
        };
        let answers = Self { heads, terminal, top, output, photos: 0 };
        if let Output::Csv = answers.output {
            answers.print_csv(csv_columns(heads))?;
        }
        Ok(answers)
    }

    /// Photos that an interrupted run has answered, or has found to have no answer.
    pub(super) fn done(&self) -> usize {
        if let Output::Parquet(answers, _) = &self.output { answers.done() } else { 0 }
    }

    /// Of these, those without an answer.
    pub(super) fn failed(&self) -> usize {
        if let Output::Parquet(answers, _) = &self.output { answers.failed() } else { 0 }
    }

    pub(super) fn add(&mut self, photo: &str, answer: Result<Prediction, PhotoError>) -> Result<(), Error> {
        self.photos += 1;
        let answer = answer.map_err(|error| reason(&error));
        let answer = answer.as_ref().map_err(String::as_str);
        match &mut self.output {
            Output::Table(table) => table.add(photo, answer),
            Output::Json => {
                let mut line = Map::from_iter([("photo".to_owned(), json!(photo))]);
                match answer {
                    Ok(prediction) => line.extend(prediction.to_json(self.heads, self.top)),
                    Err(reason) => line.extend([("error".to_owned(), json!(reason))]),
                }
                self.terminal.print(Value::Object(line));
            }
            Output::Csv => self.print_csv(csv_row(self.heads, photo, answer))?,
            Output::Parquet(answers, _) => answers.add(photo, answer)?,
        }
        Ok(())
    }

    /// Ends it; gives the number of photos.
    pub(super) fn finish(mut self) -> Result<usize, Error> {
        let done = self.done();
        match &mut self.output {
            Output::Table(table) => table.print(),
            Output::Parquet(answers, path) => {
                answers.finish()?;
                self.terminal.say(path.display());
            }
            Output::Json | Output::Csv => {}
        }
        Ok(done + self.photos)
    }

    fn print_csv(&self, cells: Vec<String>) -> Result<(), Error> {
        let mut writer =
            csv::WriterBuilder::new().terminator(csv::Terminator::Any(b'\n')).from_writer(Vec::new());
        let written = writer.write_record(&cells).map_err(std::io::Error::from);
        let line = written
            .and_then(|()| writer.into_inner().map_err(|error| std::io::Error::other(error.to_string())));
        let line = line.map_err(Error::Output)?;
        self.terminal.print(String::from_utf8_lossy(&line).trim_end_matches('\n'));
        Ok(())
    }
}

fn csv_columns(heads: &[HeadConfig]) -> Vec<String> {
    let of = |head: &HeadConfig| ["", "_probability", "_sure"].map(|end| format!("{}{end}", head.name));
    let heads = heads.iter().flat_map(of);
    ["photo".to_owned()]
        .into_iter()
        .chain(heads)
        .chain(["familiarity", "familiar", "error"].map(str::to_owned))
        .collect()
}

fn csv_row(heads: &[HeadConfig], photo: &str, answer: Result<&Prediction, &str>) -> Vec<String> {
    let mut cells = vec![photo.to_owned()];
    match answer {
        Ok(prediction) => {
            for (head, answer) in heads.iter().zip(&prediction.heads) {
                cells.push(names(head, &answer.answer).join("|"));
                cells.push(format!("{:.6}", answer.confidence));
                cells.push(answer.sure.map_or_else(String::new, |sure| sure.to_string()));
            }
            cells.push(prediction.familiarity.map_or_else(String::new, |rank| format!("{rank:.6}")));
            cells.push(prediction.familiar.map_or_else(String::new, |familiar| familiar.to_string()));
            cells.push(String::new());
        }
        Err(reason) => {
            cells.resize(1 + 3 * heads.len() + 2, String::new());
            cells.push(reason.to_owned());
        }
    }
    cells
}

/// Names of the classes that a head answers with; `none` for no tag.
fn names(head: &HeadConfig, answer: &Label) -> Vec<String> {
    let names: Vec<_> = head.labels().collect();
    let answers: Vec<_> = answer.ids().iter().map(|id| names[*id].to_owned()).collect();
    if head.kind == HeadKind::Tags && answers.is_empty() { vec!["none".to_owned()] } else { answers }
}
