//! `marque explain`

use std::fmt::Write;

use marque_layout::wrap;
use marque_store::{Fingerprint, State, assess, shown};

use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::Terminal;

pub(super) fn explain(configuration: &Configuration, stage: &str, terminal: &Terminal) -> Result<(), Error> {
    let position = configuration.position(stage)?;
    let store = configuration.open_store()?;
    let assessments = assess(&store, &configuration.stages)?;
    let assessment = &assessments[position];
    let mut text = String::new();
    match &assessment.state {
        State::Fresh => {
            let _ = writeln!(text, "{stage} is fresh: nothing it depends on has changed.");
        }
        State::Cached(_) => {
            let _ = writeln!(text, "{stage} is stale, but an earlier result would be restored from cache.");
        }
        State::Blocked(failure) => {
            let _ = writeln!(text, "{stage} cannot run: {failure}");
        }
        State::Unreadable(problem) => {
            let _ =
                writeln!(text, "{stage} cannot be told fresh or stale: its result cannot be read: {problem}");
        }
        State::Stale(reasons) => {
            let _ = writeln!(text, "{stage} is stale:");
            for reason in reasons {
                let _ = writeln!(text, "  {reason}");
            }
        }
    }
    let current = assessment.current.as_ref().map(|current| &current.manifest.fingerprint);
    if let (Some(now), Some(before)) = (&assessment.fingerprint, current)
        && !matches!(assessment.state, State::Fresh)
    {
        let differences = now.differences(before);
        if !differences.is_empty() {
            let _ = writeln!(text, "\nfingerprint, then → now:");
        }
        for difference in differences {
            let _ = writeln!(text, "  {difference}");
        }
    }
    match &assessment.fingerprint {
        Some(fingerprint) => describe(fingerprint, &mut text),
        None => text.push_str("\nwhat it depends on is not known yet: a stage before it has to run first.\n"),
    }
    let lines = text.trim_end().lines().map(|line| match terminal.output_width() {
        Some(width) => wrap(line, width),
        None => line.to_owned(),
    });
    terminal.print(lines.collect::<Vec<_>>().join("\n"));
    Ok(())
}

fn describe(fingerprint: &Fingerprint, text: &mut String) {
    let _ = writeln!(text, "\nkey {} depends on:", fingerprint.key());
    for (field, value) in fingerprint.fields() {
        let _ = writeln!(text, "  {field} = {}", shown(&value));
    }
}
