//! Decides which stages are stale and runs them
