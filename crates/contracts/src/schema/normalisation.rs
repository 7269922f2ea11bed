//! How the bytes of a pixel become the numbers that a network sees.

/// Normalisation per colour, `(byte / 255 - mean) / std`, as a table of every byte.
#[derive(Clone, Debug)]
pub struct Normalisation([[f32; 256]; 3]);

impl Normalisation {
    /// By the mean and standard deviation of red, green and blue, for pixels in 0 to 1.
    pub fn new(mean: [f32; 3], std: [f32; 3]) -> Self {
        let value = |colour: usize, byte: usize| (byte as f32 / 255.0 - mean[colour]) / std[colour];
        Self(std::array::from_fn(|colour| std::array::from_fn(|byte| value(colour, byte))))
    }

    /// Normalises one pixel: red, green, blue.
    #[inline]
    pub fn pixel(&self, [red, green, blue]: [u8; 3]) -> [f32; 3] {
        [self.0[0][usize::from(red)], self.0[1][usize::from(green)], self.0[2][usize::from(blue)]]
    }
}
