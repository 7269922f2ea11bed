//! Reads pipeline.toml section by section and reports every problem at once
