//! Why operations refuse their arguments.

use candle_core::{DType, DeviceLocation};

/// Why an operation was refused. Reaches callers inside [`candle_core::Error`].
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A tensor has another shape than the operation needs.
    #[error("{operation}, {argument}: shape {found:?}, expected {expected}")]
    Shape {
        /// The operation that was called.
        operation: &'static str,
        /// Which of its arguments.
        argument: &'static str,
        /// What would have been right.
        expected: String,
        /// The shape found.
        found: Vec<usize>,
    },
    /// A tensor has another element type, or lives elsewhere than in main memory.
    #[error("{operation}, {argument}: {found:?} on {location:?}, expected {expected} on the CPU")]
    Storage {
        /// The operation that was called.
        operation: &'static str,
        /// Which of its arguments.
        argument: &'static str,
        /// The element type that would have been right.
        expected: &'static str,
        /// The element type found.
        found: DType,
        /// Where the tensor lives.
        location: DeviceLocation,
    },
    /// A number is outside of what the operation can compute with.
    #[error("{operation}: {message}")]
    Value {
        /// The operation that was called.
        operation: &'static str,
        /// What is wrong and what would be right.
        message: String,
    },
}

impl From<Error> for candle_core::Error {
    fn from(error: Error) -> Self {
        Self::wrap(error)
    }
}
