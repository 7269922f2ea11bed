//! `marque verify`

use marque_contracts::counts::counted;
use marque_contracts::{Progress, Unit};
use marque_store::StoreError;

use crate::configuration::Configuration;
use crate::error::Error;
use crate::terminal::{Terminal, bytes};

pub(super) fn verify(configuration: &Configuration, terminal: &Terminal) -> Result<(), Error> {
    let store = configuration.open_store()?;
    let bar = terminal.bar("verify", configuration.stages.len() as u64, Unit::Files);
    let (mut damaged, mut misplaced) = (0, false);
    for stage in &configuration.stages {
        let name = stage.name();
        match store.current(name) {
            Err(error @ (StoreError::NotALink { .. } | StoreError::NotAFolder { .. })) => {
                terminal.print(format_args!("{name:<10} {error}"));
                (damaged, misplaced) = (damaged + 1, true);
            }
            Err(error) if error.broken_result().is_some() => {
                terminal.print(format_args!("{name:<10} {error}"));
                damaged += 1;
            }
            Err(error) => return Err(error.into()),
            Ok(None) => terminal.print(format_args!("{name:<10} has no result")),
            Ok(Some(artifact)) => {
                let damage = artifact.manifest.verify(&artifact.folder)?;
                if damage.is_empty() {
                    let files = counted(artifact.manifest.files.len() as u64, "file", "files");
                    let size = bytes(artifact.manifest.size());
                    terminal.print(format_args!("{name:<10} ok: {files}, {size}"));
                }
                for damage in &damage {
                    terminal.print(format_args!("{name:<10} {damage}"));
                }
                damaged += damage.len();
            }
        }
        bar.advance(1);
    }
    if damaged == 0 { Ok(()) } else { Err(Error::Damaged { count: damaged, misplaced }) }
}
