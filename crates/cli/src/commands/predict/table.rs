//! Answers as a table for people.

use marque_contracts::counts::percent;
use marque_contracts::printable;
use marque_contracts::schema::Label;
use marque_layout::{Alignment, Grid};
use marque_network::HeadConfig;
use marque_predict::{HeadPrediction, Prediction};

use crate::terminal::Terminal;

/// Rows that are laid out together: columns are as wide as these need.
const BLOCK: usize = 40;

/// A table that is printed a block at a time, each with what is to be said of its photos.
pub(super) struct AnswerTable<'a> {
    heads: &'a [HeadConfig],
    top: usize,
    terminal: &'a Terminal,
    photos: Vec<String>,
    /// Per head a cell per photo.
    cells: Vec<Vec<String>>,
    /// What is to be known before an answer is believed, in a word or none.
    notes: Vec<&'static str>,
    /// Why photos have no answer.
    reasons: Vec<String>,
}

impl<'a> AnswerTable<'a> {
    pub(super) fn new(heads: &'a [HeadConfig], top: usize, terminal: &'a Terminal) -> Self {
        Self {
            heads,
            top,
            terminal,
            photos: Vec::new(),
            cells: vec![Vec::new(); heads.len()],
            notes: Vec::new(),
            reasons: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, photo: &str, answer: Result<&Prediction, &str>) {
        self.photos.push(photo.to_owned());
        match answer {
            Ok(prediction) => {
                for ((cells, head), answer) in self.cells.iter_mut().zip(self.heads).zip(&prediction.heads) {
                    cells.push(cell(head, answer, self.top));
                }
                self.notes.push(if prediction.is_unfamiliar() { "unfamiliar" } else { "" });
            }
            Err(reason) => {
                self.cells.iter_mut().for_each(|cells| cells.push("–".to_owned()));
                self.notes.push("no answer");
                self.reasons.push(format!("no answer about {photo}: {reason}"));
            }
        }
        if self.photos.len() >= BLOCK {
            self.print();
        }
    }

    /// Prints what is left.
    pub(super) fn print(&mut self) {
        if self.photos.is_empty() {
            return;
        }
        let mut grid = Grid::new();
        grid.column("photo", Alignment::Path, std::mem::take(&mut self.photos));
        let notes = std::mem::take(&mut self.notes);
        if notes.iter().any(|note| !note.is_empty()) {
            // Before the answers, so that no narrow terminal cuts it off.
            grid.column("note", Alignment::Left, notes.into_iter().map(str::to_owned).collect());
        }
        for (head, cells) in self.heads.iter().zip(&mut self.cells) {
            grid.column(&head.name, Alignment::Left, std::mem::take(cells));
        }
        let width = self.terminal.output_width();
        self.terminal.print(grid.to_text(width));
        for reason in self.reasons.drain(..) {
            self.terminal.print(marque_layout::wrap(&printable(&reason), width.unwrap_or(usize::MAX)));
        }
    }
}

/// "Audi 93.4%", "BMW? 41.0%" where it is not sure; the most probable classes one after the other.
pub(super) fn cell(head: &HeadConfig, answer: &HeadPrediction, top: usize) -> String {
    let names: Vec<_> = head.labels().collect();
    let mark = |sure: Option<bool>| if sure == Some(false) { "?" } else { "" };
    match &answer.answer {
        Label::Tags(tags) => {
            let shown = |tag: &usize| {
                let mark = mark(answer.tag_is_sure(*tag));
                format!("{}{mark} {}", names[*tag], percent(answer.probabilities[*tag]))
            };
            let tags: Vec<_> = tags.iter().map(shown).collect();
            if tags.is_empty() { format!("none{}", mark(answer.sure)) } else { tags.join(", ") }
        }
        _ => {
            let ranked = answer.ranked().into_iter().take(top).enumerate();
            let shown = ranked.map(|(rank, (class, probability))| {
                let mark = if rank == 0 { mark(answer.sure) } else { "" };
                format!("{}{mark} {}", names[class], percent(probability))
            });
            shown.collect::<Vec<_>>().join(", ")
        }
    }
}
