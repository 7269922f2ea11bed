//! Downloads from servers that behave and misbehave. One program, so that its libraries are linked once.

mod concurrent;
mod download;
mod misbehaving_servers;
mod resuming;
mod verification;
