//! Neural network operations for the CPU, as candle custom operations
