//! The store through its public interface, with stages made up for the tests.

mod fake;
mod housekeeping;
mod runs;
mod staleness;
