//! Bringing stages up to date.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use marque_contracts::{Artifact, Damage, Failure, Fingerprint, Job, Progress, Stage, Store, Summary};

use crate::assess::{assess_stage, fingerprint, with_upstream};
use crate::{Error, Reason, State};

/// What to run.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Positions of the stages wanted; all if empty.
    pub stages: BTreeSet<usize>,
    /// Run the wanted stages even if they are fresh.
    pub force: bool,
    /// Leave the stages before them alone and take their results as they are.
    pub only: bool,
}

impl Request {
    /// Positions of the stages asked for.
    pub fn wanted(&self, stages: &[Box<dyn Stage>]) -> BTreeSet<usize> {
        if self.stages.is_empty() { (0..stages.len()).collect() } else { self.stages.clone() }
    }

    /// Positions of the stages that have to be up to date, in running order: those asked for and, unless these are to
    /// run alone, all that they need.
    pub fn needed(&self, stages: &[Box<dyn Stage>]) -> BTreeSet<usize> {
        let wanted = self.wanted(stages);
        if self.only { wanted } else { with_upstream(stages, &wanted) }
    }
}

/// Is told what happens.
pub trait Observer {
    /// A stage is about to run, for these reasons.
    fn starts(&self, stage: &str, reasons: &[Reason]);

    /// A stage is up to date.
    fn done(&self, stage: &str, artifact: &Artifact, outcome: &Outcome);
}

/// How a stage came to be up to date.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// It was.
    Fresh,
    /// An older result was taken back into use.
    Restored,
    /// It ran.
    Ran {
        /// What it says of its work.
        summary: Summary,
        /// Whether its files came out as they were before: then nothing after it has to run.
        unchanged: bool,
    },
}

/// Brings the wanted stages, and unless told otherwise all that they need, up to date. Call with the
/// store's lock held. `stages` must be in an order in which they can run.
///
/// # Errors
/// The first stage that fails stops the run; results finished before it stay.
pub fn run(
    store: &Store,
    stages: &[Box<dyn Stage>],
    request: &Request,
    progress: &dyn Progress,
    observer: &dyn Observer,
) -> Result<(), Error> {
    let (wanted, needed) = (request.wanted(stages), request.needed(stages));
    let runner = Runner { store, stages, wanted: &wanted, only: request.only, progress, observer };
    for position in needed {
        let forced = request.force && wanted.contains(&position);
        runner.bring_up_to_date(position, forced.then_some(Reason::Forced))?;
    }
    Ok(())
}

struct Runner<'a> {
    store: &'a Store,
    stages: &'a [Box<dyn Stage>],
    wanted: &'a BTreeSet<usize>,
    only: bool,
    progress: &'a dyn Progress,
    observer: &'a dyn Observer,
}

impl Runner<'_> {
    fn bring_up_to_date(&self, position: usize, extra: Option<Reason>) -> Result<(), Error> {
        let stage = self.stages[position].as_ref();
        let name = stage.name();
        let assessment = assess_stage(self.store, stage, None)?;
        let reasons = match (assessment.state, extra) {
            (State::Blocked(failure), _) => return Err(self.blocked(position, failure, &assessment.current)),
            (State::Stale(reasons), extra) => extra.into_iter().chain(reasons).collect::<Vec<_>>(),
            (_, Some(extra)) => vec![extra],
            (State::Fresh, None) => {
                if let Some(current) = &assessment.current {
                    self.observer.done(name, current, &Outcome::Fresh);
                }
                return Ok(());
            }
            (State::Stored(artifact), None) => match first_damage(&artifact) {
                None => {
                    self.store.make_current(name, &artifact.manifest.key)?;
                    self.observer.done(name, &artifact, &Outcome::Restored);
                    return Ok(());
                }
                // It has lain about unused, maybe for long: nothing else would have noticed.
                Some(damage) => vec![Reason::Damaged(damage)],
            },
        };
        self.mend_inputs(position)?;
        // Only now: mending may have changed what is read.
        let Some(fingerprint) = fingerprint(self.store, stage)? else {
            return Err(self.missing_input(stage)?);
        };
        self.execute(stage, fingerprint, assessment.current.as_ref(), &reasons)
    }

    /// A stage that cannot be assessed: is there at least a result that later stages could use?
    fn blocked(&self, position: usize, failure: Failure, current: &Option<Artifact>) -> Error {
        let stage = self.stages[position].name().to_owned();
        let after = self.wanted.iter().filter(|&&wanted| wanted > position);
        let after: Vec<_> = after.map(|&wanted| self.stages[wanted].name().to_owned()).collect();
        match current {
            Some(_) if !after.is_empty() => Error::Unsettled { stage, failure, after },
            _ => Error::Stage { stage, failure },
        }
    }

    fn execute(
        &self,
        stage: &dyn Stage,
        fingerprint: Fingerprint,
        before: Option<&Artifact>,
        reasons: &[Reason],
    ) -> Result<(), Error> {
        let name = stage.name();
        let mut inputs = BTreeMap::new();
        for input in stage.inputs() {
            if let Some(upstream) = self.store.current(input.stage)? {
                inputs.insert(input.stage.to_owned(), upstream.folder);
            }
        }
        self.observer.starts(name, reasons);
        let started = Instant::now();
        // A forced run starts from nothing: it is what one does when a result is not to be trusted.
        let resume = stage.resumable() && !reasons.contains(&Reason::Forced);
        let work = self.store.begin(name, &fingerprint.key(), resume)?;
        let job = Job::new(inputs, &work.path, self.progress);
        let summary = stage.run(&job).map_err(|failure| Error::Stage { stage: name.to_owned(), failure })?;
        let seconds = started.elapsed().as_secs_f64();
        let artifact = self.store.commit(work, fingerprint, seconds, summary.notes.clone())?;
        let unchanged = before.is_some_and(|before| before.manifest.content == artifact.manifest.content);
        self.observer.done(name, &artifact, &Outcome::Ran { summary, unchanged });
        Ok(())
    }

    /// Hashes what the stage will read; a damaged file makes the stage that wrote it run again.
    fn mend_inputs(&self, position: usize) -> Result<(), Error> {
        let stage = self.stages[position].as_ref();
        for input in stage.inputs() {
            let Some(upstream) = self.store.current(input.stage)? else { continue };
            let damage = upstream.manifest.check_contents(&upstream.folder, input.files);
            let Some(first) = damage.first() else { continue };
            let before = self.stages[..position].iter().position(|s| s.name() == input.stage);
            match before {
                Some(before) if !self.only => {
                    self.bring_up_to_date(before, Some(Reason::Damaged(first.clone())))?;
                }
                _ => {
                    return Err(Error::DamagedInput {
                        stage: stage.name().to_owned(),
                        upstream: input.stage.to_owned(),
                        damage: first.to_string(),
                    });
                }
            }
        }
        Ok(())
    }

    fn missing_input(&self, stage: &dyn Stage) -> Result<Error, Error> {
        let missing = |upstream: &str, what: &str| Error::MissingInput {
            stage: stage.name().to_owned(),
            upstream: upstream.to_owned(),
            what: what.to_owned(),
        };
        for input in stage.inputs() {
            let Some(upstream) = self.store.current(input.stage)? else {
                return Ok(missing(input.stage, "the result"));
            };
            if let Some(file) = input.files.iter().find(|file| upstream.manifest.digest_of(file).is_none()) {
                return Ok(missing(input.stage, file));
            }
        }
        Ok(missing("a stage before it", "the result"))
    }
}

/// The first of an artifact's own files that is not what was written: reads every byte.
fn first_damage(artifact: &Artifact) -> Option<Damage> {
    let files: Vec<_> = artifact.manifest.files.iter().map(|file| file.path.as_str()).collect();
    artifact.manifest.check_contents(&artifact.folder, &files).into_iter().next()
}
