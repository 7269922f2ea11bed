//! What goes into an exported graph.

/// What goes into an exported graph.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnnxInput {
    /// Photos that are prepared and normalised already, any number at a time: [`INPUT`](crate::INPUT).
    #[default]
    Prepared,
    /// One photo of any size, which the graph prepares: `photo`, and `box` where the model wants photos cut.
    Photo,
}
