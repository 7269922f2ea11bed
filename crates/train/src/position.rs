//! Where a training was interrupted, as the names of its states tell.

use std::path::Path;

use marque_contracts::RESUME;

/// Where an interrupted training goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// The epoch under way, from 1; one more than there are when all are done.
    pub epoch: usize,
    /// Batches of that epoch that are done.
    pub batches: usize,
}

impl Position {
    /// Where a run would go on from what an interrupted one left in its work folder; `None` if it would begin anew. The
    /// files are not looked into: the run does that, and begins earlier if they are damaged.
    pub fn of(work: &Path) -> Option<Self> {
        let states = fs_err::read_dir(work.join(RESUME)).ok()?;
        let states = states.filter_map(|state| Self::parse(state.ok()?.file_name().to_str()?));
        states.max_by_key(|position| (position.epoch, position.batches))
    }

    /// The name of the state at this position. By name, states are in the order of training.
    pub(crate) fn name(self) -> String {
        format!("epoch-{:05}-batch-{:08}", self.epoch, self.batches)
    }

    fn parse(name: &str) -> Option<Self> {
        let (epoch, batches) = name.strip_prefix("epoch-")?.split_once("-batch-")?;
        Some(Self { epoch: epoch.parse().ok()?, batches: batches.parse().ok()? })
    }

    /// "in epoch 7 of 12, after 40 batches"; or, after the last epoch, "after the last of 12 epochs". Where it is not
    /// known how many epochs there are, "in epoch 7".
    pub fn describe(self, epochs: Option<usize>) -> String {
        let Self { epoch, batches } = self;
        let of = match epochs {
            Some(epochs) if epoch > epochs => return format!("after the last of {epochs} epochs"),
            Some(epochs) => format!(" of {epochs}"),
            None => String::new(),
        };
        match batches {
            0 => format!("in epoch {epoch}{of}"),
            1 => format!("in epoch {epoch}{of}, after 1 batch"),
            _ => format!("in epoch {epoch}{of}, after {batches} batches"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_state_says_where_a_training_goes_on() {
        let work = tempfile::tempdir().unwrap();
        assert_eq!(Position::of(work.path()), None);
        let positions = [(1, 12), (2, 0), (12, 3)].map(|(epoch, batches)| Position { epoch, batches });
        for position in positions {
            fs_err::create_dir_all(work.path().join(RESUME).join(position.name())).unwrap();
            assert_eq!(Position::of(work.path()), Some(position));
        }
        let unfinished = format!("{}.tmp", Position { epoch: 99, batches: 0 }.name());
        fs_err::create_dir_all(work.path().join(RESUME).join(unfinished)).unwrap();
        assert_eq!(Position::of(work.path()), Some(positions[2]));
    }

    #[test]
    fn positions_are_told_in_words() {
        let described = [(7, 40), (7, 1), (7, 0), (13, 0)]
            .map(|(epoch, batches)| Position { epoch, batches }.describe(Some(12)));
        assert_eq!(Position { epoch: 7, batches: 40 }.describe(None), "in epoch 7, after 40 batches");
        assert_eq!(
            described,
            [
                "in epoch 7 of 12, after 40 batches",
                "in epoch 7 of 12, after 1 batch",
                "in epoch 7 of 12",
                "after the last of 12 epochs"
            ]
        );
    }
}
