//! How often tags were found and missed.

use serde::{Deserialize, Serialize};

/// Counts of one head with tags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// Per class: photos that have it and were said to, that have it, that were said to.
    counts: Vec<[u64; 3]>,
    photos: u64,
    exact: u64,
}

impl Presence {
    /// Nothing counted yet.
    pub fn new(classes: usize) -> Self {
        Self { counts: vec![[0; 3]; classes], photos: 0, exact: 0 }
    }

    /// Counts a photo that has the classes `truth` and was said to have `answer`; classes that there are not are
    /// left out.
    pub fn count(&mut self, truth: &[usize], answer: &[usize]) {
        for (class, [hits, support, predicted]) in self.counts.iter_mut().enumerate() {
            let (has, said) = (truth.contains(&class), answer.contains(&class));
            *hits += u64::from(has && said);
            *support += u64::from(has);
            *predicted += u64::from(said);
        }
        self.photos += 1;
        self.exact +=
            u64::from((0..self.counts.len()).all(|class| truth.contains(&class) == answer.contains(&class)));
    }

    /// Photos counted.
    pub fn photos(&self) -> u64 {
        self.photos
    }

    /// Photos whose every class was found and no other.
    pub fn exact(&self) -> u64 {
        self.exact
    }

    /// Photos that have a class and were said to.
    pub fn hits(&self, class: usize) -> u64 {
        self.counts[class][0]
    }

    /// Photos that have a class.
    pub fn support(&self, class: usize) -> u64 {
        self.counts[class][1]
    }

    /// Photos that were said to have a class.
    pub fn predicted(&self, class: usize) -> u64 {
        self.counts[class][2]
    }

    /// The harmonic mean of precision and recall of a class; `None` if no photo has it or was said to.
    pub fn f1(&self, class: usize) -> Option<f64> {
        f1(self.counts[class])
    }

    /// The mean of F1 over the classes that occur; `None` if none does.
    pub fn macro_f1(&self) -> Option<f64> {
        let scores: Vec<f64> = self.counts.iter().filter_map(|counts| f1(*counts)).collect();
        (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
    }

    /// F1 of all classes' counts together; `None` if none occurs.
    pub fn micro_f1(&self) -> Option<f64> {
        let sum = |sums: [u64; 3], counts: &[u64; 3]| [0, 1, 2].map(|i| sums[i] + counts[i]);
        f1(self.counts.iter().fold([0; 3], sum))
    }
}

fn f1([hits, support, predicted]: [u64; 3]) -> Option<f64> {
    let either = support + predicted;
    (either > 0).then(|| 2.0 * hits as f64 / either as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_those_of_scikit_learn() {
        // f1_score(average=None / "macro" / "micro") of [[1,0,1],[0,0,0],[1,1,0]] and [[1,0,0],[0,0,0],[1,1,1]].
        let mut presence = Presence::new(4);
        for (truth, answer) in [(vec![0, 2], vec![0]), (vec![], vec![]), (vec![0, 1], vec![0, 1, 2])] {
            presence.count(&truth, &answer);
        }
        assert_eq!((presence.photos(), presence.exact()), (3, 1));
        assert_eq!([0, 1, 2, 3].map(|class| presence.f1(class)), [Some(1.0), Some(1.0), Some(0.0), None]);
        assert!((presence.macro_f1().unwrap() - 2.0 / 3.0).abs() < 1e-12);
        assert!((presence.micro_f1().unwrap() - 0.75).abs() < 1e-12);
        assert_eq!(Presence::new(2).macro_f1(), None);
    }
}
