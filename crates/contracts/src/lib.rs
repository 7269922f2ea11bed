//! What stages agree on: digests, fingerprints, manifests, the artifact store, schemas
