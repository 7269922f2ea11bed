//! Bringing stages up to date.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use marque_contracts::{Failure, Job, Progress, Stage, Summary};

use crate::assess::{State, assess_stage, fingerprint};
use crate::error::RunError;
use crate::fingerprint::Fingerprint;
use crate::reason::Reason;
use crate::store::{Artifact, Store};

/// What to run.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Positions of the stages asked for; all if empty.
    pub stages: BTreeSet<usize>,
    /// Run the stages asked for even if they are fresh.
    pub force: bool,
    /// Leave the stages before them alone and take their results as they are.
    pub only: bool,
}

impl Request {
    /// Positions of the stages asked for.
    pub fn selected(&self, stages: &[Box<dyn Stage>]) -> BTreeSet<usize> {
        if self.stages.is_empty() { (0..stages.len()).collect() } else { self.stages.clone() }
    }

    /// Positions of the stages that have to be up to date, in running order: those asked for and, unless these are to
    /// run alone, all that they read from.
    pub fn needed(&self, stages: &[Box<dyn Stage>]) -> BTreeSet<usize> {
        let mut needed = self.selected(stages);
        if self.only {
            return needed;
        }
        for position in (0..stages.len()).rev() {
            if needed.contains(&position) {
                let inputs = stages[position].inputs();
                let reads = |&before: &usize| inputs.iter().any(|input| input.stage == stages[before].name());
                needed.extend((0..position).filter(reads));
            }
        }
        needed
    }

    /// Whether a stage has to be up to date; `false` if there is no such stage.
    pub fn needs(&self, stages: &[Box<dyn Stage>], name: &str) -> bool {
        self.needed(stages).into_iter().any(|position| stages[position].name() == name)
    }

    /// The error for a stage one of whose sources cannot be read: if it has a result, the stages asked for that come
    /// after it could use that.
    pub fn blocked(
        &self,
        store: &Store,
        stages: &[Box<dyn Stage>],
        position: usize,
        failure: Failure,
    ) -> RunError {
        let stage = stages[position].name();
        let downstream: Vec<_> =
            self.selected(stages).range(position + 1..).map(|&after| stages[after].name()).collect();
        match store.current(stage) {
            Ok(Some(_)) if !downstream.is_empty() => {
                RunError::UnknownStaleness { stage, failure, downstream }
            }
            _ => RunError::Stage { stage, failure },
        }
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
    /// An earlier result was restored from the cache.
    Restored,
    /// It ran.
    Ran {
        /// The stage's summary of its work.
        summary: Summary,
        /// Whether its files came out as they were before: then nothing after it has to run.
        unchanged: bool,
    },
}

/// Brings the stages asked for, and unless told otherwise all that they read from, up to date. Call with the store's
/// lock held. `stages` must be in an order in which they can run.
///
/// # Errors
/// The first stage that fails stops the run; results finished before it stay.
pub fn run(
    store: &Store,
    stages: &[Box<dyn Stage>],
    request: &Request,
    progress: &dyn Progress,
    observer: &dyn Observer,
) -> Result<(), RunError> {
    let selected = request.selected(stages);
    let runner = Runner { store, stages, request, progress, observer };
    for position in request.needed(stages) {
        let forced = request.force && selected.contains(&position);
        runner.bring_up_to_date(position, forced.then_some(Reason::Forced))?;
    }
    Ok(())
}

struct Runner<'a> {
    store: &'a Store,
    stages: &'a [Box<dyn Stage>],
    request: &'a Request,
    progress: &'a dyn Progress,
    observer: &'a dyn Observer,
}

impl Runner<'_> {
    /// Runs a stage unless its result can be used and there is no further reason to run it.
    fn bring_up_to_date(&self, position: usize, extra: Option<Reason>) -> Result<(), RunError> {
        let stage = self.stages[position].as_ref();
        let name = stage.name();
        let assessment = assess_stage(self.store, stage, None)?;
        let reasons = match (assessment.state, extra) {
            (State::Blocked(failure), _) => {
                return Err(self.request.blocked(self.store, self.stages, position, failure));
            }
            (State::Unreadable(problem), None) => {
                return Err(RunError::UnreadableResult { stage: name, problem });
            }
            (State::Stale(mut reasons), extra) => {
                // What is forced begins anew.
                let forced = extra == Some(Reason::Forced);
                reasons.retain(|reason| !(forced && matches!(reason, Reason::Interrupted(_))));
                extra.into_iter().chain(reasons).collect::<Vec<_>>()
            }
            (_, Some(extra)) => vec![extra],
            (State::Fresh, None) => {
                if let Some(current) = &assessment.current {
                    self.observer.done(name, current, &Outcome::Fresh);
                }
                return Ok(());
            }
            // Nobody has read it since another took its place: it may have been damaged without notice.
            (State::Cached(artifact), None) => match artifact.manifest.first_damage(&artifact.folder) {
                None => {
                    self.store.make_current(name, &artifact.manifest.key)?;
                    self.observer.done(name, &artifact, &Outcome::Restored);
                    return Ok(());
                }
                Some(damage) if damage.is_unreadable() => {
                    return Err(RunError::UnreadableResult { stage: name, problem: damage.to_string() });
                }
                Some(damage) => vec![Reason::Damaged(damage)],
            },
        };
        self.verify_inputs(position)?;
        self.preflight(position)?;
        // Only now: a stage that ran to replace a damaged input may have changed what is read.
        let fingerprint = fingerprint(self.store, stage)?;
        // What it reads was damaged, and is as it was: what follows from that is too.
        if let Some(current) = &assessment.current
            && current.manifest.key == fingerprint.key()
            && reasons.iter().all(|reason| matches!(reason, Reason::Changed(_)))
        {
            self.observer.done(name, current, &Outcome::Fresh);
            return Ok(());
        }
        self.execute(stage, fingerprint, assessment.current.as_ref(), &reasons)
    }

    fn execute(
        &self,
        stage: &dyn Stage,
        fingerprint: Fingerprint,
        before: Option<&Artifact>,
        reasons: &[Reason],
    ) -> Result<(), RunError> {
        let name = stage.name();
        let mut inputs = BTreeMap::new();
        for input in stage.inputs() {
            if let Some(upstream) = self.store.current(input.stage)? {
                inputs.insert(input.stage.to_owned(), upstream.folder);
            }
        }
        // A forced run starts from nothing: it is what one does when a result is not to be trusted.
        let (forced, key) = (reasons.contains(&Reason::Forced), fingerprint.key());
        if !forced && let Some(artifact) = self.store.adopt(name, &key)? {
            self.observer.done(name, &artifact, &Outcome::Restored);
            return Ok(());
        }
        self.observer.starts(name, reasons);
        let started = Instant::now();
        let work = self.store.begin(name, &key, stage.resumable() && !forced)?;
        let job = Job::new(inputs, &work.path, self.progress);
        let summary = stage.run(&job).map_err(|failure| RunError::Stage { stage: name, failure })?;
        let seconds = started.elapsed().as_secs_f64();
        let artifact = self.store.commit(work, fingerprint, seconds, summary.notes.clone())?;
        let unchanged = before.is_some_and(|before| before.manifest.content == artifact.manifest.content);
        self.observer.done(name, &artifact, &Outcome::Ran { summary, unchanged });
        Ok(())
    }

    /// Lets a stage that is about to run, and those to run after it, look at those of their inputs that are up to date.
    fn preflight(&self, position: usize) -> Result<(), RunError> {
        for later in self.request.needed(self.stages).range(position..) {
            let stage = self.stages[*later].as_ref();
            let (mut folders, mut damaged) = (BTreeMap::new(), false);
            for input in stage.inputs() {
                let is_before = self.stages[..position].iter().any(|before| before.name() == input.stage);
                // One whose record is damaged is made again before it is read.
                if let (true, Ok(Some(upstream))) = (is_before, self.store.current(input.stage))
                    && upstream.manifest.digests_of(&input).is_ok()
                {
                    folders.insert(input.stage.to_owned(), upstream.folder);
                }
            }
            let Err(failure) = stage.preflight(&folders) else { continue };
            // What is damaged is found and made again before the stage itself runs.
            for input in stage.inputs().into_iter().filter(|input| folders.contains_key(input.stage)) {
                damaged |= self.store.current(input.stage)?.is_some_and(|upstream| {
                    upstream.manifest.damage(&upstream.folder, input.files).is_some()
                });
            }
            if !damaged {
                return Err(RunError::Stage { stage: stage.name(), failure });
            }
        }
        Ok(())
    }

    /// Hashes what the stage will read; a damaged file makes the stage that wrote it run again. One that cannot be read
    /// is an error: nothing is known of what it holds.
    fn verify_inputs(&self, position: usize) -> Result<(), RunError> {
        let stage = self.stages[position].name();
        for input in self.stages[position].inputs() {
            let Some(upstream) = self.store.current(input.stage)? else { continue };
            let Some(damage) = upstream.manifest.damage(&upstream.folder, input.files) else { continue };
            if damage.is_unreadable() {
                let problem = damage.to_string();
                return Err(RunError::UnreadableResult { stage: input.stage, problem });
            }
            match self.stages[..position].iter().position(|before| before.name() == input.stage) {
                Some(before) if !self.request.only => {
                    self.bring_up_to_date(before, Some(Reason::Damaged(damage)))?;
                }
                _ => {
                    let damage = damage.to_string();
                    return Err(RunError::DamagedInput { stage, upstream: input.stage, damage });
                }
            }
        }
        Ok(())
    }
}
