//! A stage's typed error on its way to the terminal: with its causes, a hint, and an exit code.

use std::error::Error;
use std::fmt;

/// The kind of failure, which decides the exit code (see `marque help`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FailureKind {
    /// The settings cannot work (exit code 3).
    Settings,
    /// Photos, annotations or weights are missing, damaged or refused (exit code 4).
    Data,
    /// The store is in use, damaged or of another version (exit code 5).
    Store,
    /// Training or evaluation itself failed: a loss that is not finite, say (exit code 6).
    Run,
}

/// A stage's error together with what the user can do about it.
#[derive(Debug)]
pub struct Failure {
    kind: FailureKind,
    error: Box<dyn Error + Send + Sync>,
    hint: Option<String>,
}

impl Failure {
    /// Wraps a typed error.
    pub fn new(kind: FailureKind, error: impl Error + Send + Sync + 'static) -> Self {
        Self { kind, error: Box::new(error), hint: None }
    }

    /// Adds what to do about it, in one sentence, if that is known.
    pub fn with_hint(self, hint: Option<impl Into<String>>) -> Self {
        Self { hint: hint.map(Into::into), ..self }
    }

    /// The kind of failure.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// What to do about it, if known.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}
