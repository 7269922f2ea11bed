//! Drives the program as its users do: on a small sample, in folders of its own.

mod caching;
mod configuration;
mod documents;
mod downloads;
mod effects;
mod engine;
mod housekeeping;
mod interruption;
mod labelling;
mod looking;
mod pins;
mod project;
mod published;
mod real_data;
mod reference;
mod sharing;
mod sources;
mod structure;
mod training;
