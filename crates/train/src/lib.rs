//! Stage 4: trains the network
