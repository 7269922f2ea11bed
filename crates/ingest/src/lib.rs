//! Stage 1: brings photos and annotations into the store, verified
