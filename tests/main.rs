//! Drives the program as its users do: on a small sample, in folders of its own.

mod caching;
mod configuration;
mod interruption;
mod looking;
mod project;
mod real_data;
mod structure;
