//! A photo with its answers.

use crate::{Answers, HeadAnswers, TagAnswers, Thumbnail};

/// A photo as the page shows it.
#[derive(Clone, PartialEq, Debug)]
pub struct PhotoCard {
    pub(super) thumbnail: Thumbnail,
    pub(super) file_name: String,
    pub(super) lines: Vec<Line>,
}

/// One head's answer.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Line {
    pub(super) head: String,
    pub(super) answer: String,
    /// Whole percents.
    pub(super) probability: String,
    pub(super) verdict: Verdict,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Verdict {
    Right,
    Wrong { truth: String },
    Unknown,
}

impl PhotoCard {
    /// The card of the photo at position `photo` of the answers.
    pub fn new(answers: &Answers, photo: usize, thumbnail: Thumbnail) -> Self {
        let lines = answers.heads().iter().map(|head| Line::new(head, photo));
        let lines = lines.chain(answers.tags().iter().map(|head| Line::of_tags(head, photo))).collect();
        Self { thumbnail, file_name: answers.file_names()[photo].clone(), lines }
    }

    /// How the frame is coloured: "wrong" if a head is, "right" if all known labels agree.
    pub(super) fn class(&self) -> &'static str {
        let mut verdicts = self.lines.iter().map(|line| &line.verdict);
        if verdicts.clone().any(|verdict| matches!(verdict, Verdict::Wrong { .. })) {
            "wrong"
        } else if verdicts.any(|verdict| *verdict == Verdict::Right) {
            "right"
        } else {
            "unknown"
        }
    }

    /// The photo in words, for those who do not see it.
    pub(super) fn description(&self) -> String {
        let answers: Vec<_> =
            self.lines.iter().map(|line| format!("{} {}", line.head, line.answer)).collect();
        format!("{}, answered {}", self.file_name, answers.join(", "))
    }
}

impl Line {
    fn new(head: &HeadAnswers, photo: usize) -> Self {
        let answer = head.predicted(photo);
        let verdict = match head.truth(photo) {
            None => Verdict::Unknown,
            Some(truth) if truth == answer => Verdict::Right,
            Some(truth) => Verdict::Wrong { truth: head.classes()[truth].clone() },
        };
        Self {
            head: head.name().to_owned(),
            answer: head.classes()[answer].clone(),
            probability: format!("{:.0}%", head.probability(photo) * 100.0),
            verdict,
        }
    }

    fn of_tags(head: &TagAnswers, photo: usize) -> Self {
        let words = |ids: &[usize]| match ids {
            [] => "none".to_owned(),
            ids => head.names(ids).join(", "),
        };
        let answer = head.predicted(photo);
        let verdict = match head.truth(photo) {
            None => Verdict::Unknown,
            Some(truth) if truth == answer => Verdict::Right,
            Some(truth) => Verdict::Wrong { truth: words(truth) },
        };
        Self {
            head: head.name().to_owned(),
            answer: words(&answer),
            probability: format!("{:.0}%", head.probability(photo) * 100.0),
            verdict,
        }
    }
}
