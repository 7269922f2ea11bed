//! Drives the program as its users do: on a small sample, in folders of its own.

mod caching;
mod comparing;
mod configuration;
mod damage;
mod documents;
mod downloads;
mod effects;
#[cfg(target_os = "linux")]
mod faults;
mod housekeeping;
mod init;
mod interruption;
mod labelling;
mod looking;
mod makefile;
mod named_weights;
mod names;
mod pins;
mod predicting;
mod project;
mod published;
mod real_data;
mod reference;
mod resuming;
mod sharing;
mod signals;
mod sources;
mod store_states;
mod structure;
mod training;
mod trial_runs;
