//! One version for the bytes of all results, and a test that pins them.

/// The version of this crate's numerics, for keys of cached results.
///
/// Raise it whenever the bytes of any result change on any instruction set: another algorithm or another choice of one,
/// another order of summation, another rounding. Caches of what this crate has computed are stale then. It says nothing
/// about differences between CPUs, which may take different code paths at the same version.
///
/// A test pins a digest of small convolutions, normalisations and poolings per instruction set. It does not see the
/// losses, whose exponentials are the C library's, nor sizes at which work is cut into more pieces.
pub const NUMERICS_VERSION: u32 = 1;

#[cfg(test)]
mod tests {
    use super::NUMERICS_VERSION;
    use crate::nhwc::bf16::{self as bf16_convolution, Bf16Unit};
    use crate::nhwc::{
        ConvInput, Convolution, Element, Epilogue, MaxPool, Moments, Normalisation, NormalisationGradient,
        global_average_pool, global_average_pool_gradient, normalise, normalise_add_relu, relu_gradient,
    };
    use crate::simd::Level;
    use half::bf16;

    /// Digests by number type and instruction set, of CPUs with AVX2 and FMA or better: the `gemm` crate, which computes
    /// a part of the f32 convolutions at every level, has other code for older ones.
    const PINS: &[(&str, &str)] = &[
        ("f32 Portable", "eab9c26a4176ee535b5272915b1099bb"),
        ("f32 Avx2", "6f0fc9d0b69249862f53dc6fa5a8a656"),
        ("f32 Avx512", "6f0fc9d0b69249862f53dc6fa5a8a656"),
        ("bf16 Vectors(Portable)", "eabab131441574c9d5a67555bc770567"),
        ("bf16 Vectors(Avx2)", "eabab131441574c9d5a67555bc770567"),
        ("bf16 Vectors(Avx512)", "eabab131441574c9d5a67555bc770567"),
        ("bf16 Avx512Bf16", "0b25dce8131e5fbf58e6bd39fc8dbc3b"),
        ("bf16 Amx", "e2afbf3a49f4c03ac6b6a00eae1083ac"),
    ];

    /// Input, weight, stride, padding.
    const CONVOLUTIONS: &[([usize; 4], [usize; 4], usize, usize)] = &[
        // Winograd: kernels kept or not; gradients summed up tile by tile, point by point, some inputs at a time.
        ([2, 7, 6, 32], [3, 3, 32, 64], 1, 1),
        ([2, 40, 32, 32], [3, 3, 32, 32], 1, 1),
        ([1, 4, 6, 160], [3, 3, 160, 64], 1, 1),
        // im2col: channels in whole panels or not, 1×1, the stem, more rows than one part of the gradient.
        ([2, 9, 8, 16], [3, 3, 16, 32], 2, 1),
        ([2, 9, 8, 5], [3, 3, 5, 7], 2, 1),
        ([2, 6, 5, 32], [1, 1, 32, 64], 1, 0),
        ([1, 15, 13, 3], [7, 7, 3, 32], 2, 3),
        ([1, 48, 48, 3], [3, 3, 3, 16], 1, 1),
    ];

    /// The same numbers everywhere, from -1 to 1.
    fn numbers<E: Element>(len: usize, seed: u32) -> Vec<E> {
        let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..len).map(|_| E::narrow(next())).collect()
    }

    struct Digest(blake3::Hasher);

    impl Digest {
        fn new() -> Self {
            let mut hasher = blake3::Hasher::new();
            hasher.update(&NUMERICS_VERSION.to_le_bytes());
            Self(hasher)
        }

        fn add<E: Element>(&mut self, values: &[E]) {
            for value in values {
                self.0.update(&value.widen().to_le_bytes());
            }
        }

        fn text(&self) -> String {
            self.0.finalize().to_hex()[..32].to_owned()
        }
    }

    fn norm(channels: usize) -> Normalisation {
        let variance = numbers::<f32>(channels, 21).iter().map(|v| v * v).collect();
        let moments = Moments { mean: numbers(channels, 20), variance };
        Normalisation::new(&moments, &numbers::<f32>(channels, 22), &numbers::<f32>(channels, 23), 1e-5)
    }

    /// What the passes of a convolution compute with, in one number type.
    struct Passes<'a, E> {
        x: ConvInput<'a, E>,
        weight: &'a [f32],
        epilogue: Epilogue<'a, E>,
        dy: &'a [E],
    }

    /// The digest of all convolutions; `compute` writes output, input gradient and weight gradient.
    fn convolutions<E: Element>(
        digest: &mut Digest,
        compute: impl Fn(&Convolution, Passes<'_, E>, &mut [E], &mut [E], &mut [f32]),
    ) {
        for (x, w, stride, padding) in CONVOLUTIONS {
            let convolution = Convolution::new(x, w, *stride, *padding).unwrap();
            let outputs: usize = convolution.output_shape().iter().product();
            let (x, weight): (Vec<E>, Vec<f32>) =
                (numbers(x.iter().product(), 1), numbers(w.iter().product(), 2));
            let (dy, add): (Vec<E>, Vec<E>) = (numbers(outputs, 3), numbers(outputs, 4));
            let (scale, shift): (Vec<f32>, Vec<f32>) = (numbers(w[3], 5), numbers(w[3], 6));
            let norm = norm(w[2]);
            let full = Epilogue { affine: Some((&scale, &shift)), add: Some(&add[..]), relu: true };
            for (x, epilogue) in
                [(ConvInput::plain(&x), Epilogue::default()), (ConvInput::normalised(&x, &norm), full)]
            {
                let (mut y, mut dx) = (numbers::<E>(outputs, 7), numbers::<E>(x.values.len(), 8));
                let mut dw = numbers::<f32>(weight.len(), 9);
                let passes = Passes { x, weight: &weight, epilogue, dy: &dy };
                compute(&convolution, passes, &mut y, &mut dx, &mut dw);
                digest.add(&y);
                digest.add(&dx);
                digest.add(&dw);
            }
        }
    }

    /// The digest of what stands between convolutions.
    fn rest<E: Element>(digest: &mut Digest) {
        let [n, h, w, channels] = [2, 9, 8, 37];
        let len = n * h * w * channels;
        let (x, dy, shortcut): (Vec<E>, Vec<E>, Vec<E>) =
            (numbers(len, 10), numbers(len, 11), numbers(len, 12));
        let moments = Moments::of(&x, channels);
        digest.add(&moments.mean);
        digest.add(&moments.variance);
        let (gamma, beta) = (numbers::<f32>(channels, 13), numbers::<f32>(channels, 14));
        let own = Normalisation::new(&moments, &gamma, &beta, 1e-5);
        let mut y = x.clone();
        for relu in [false, true] {
            normalise(&x, &own, relu, &mut y);
            digest.add(&y);
            let gradient = NormalisationGradient::new(&x, &own, relu, &dy);
            digest.add(&gradient.gamma().collect::<Vec<_>>());
            digest.add(&gradient.beta().collect::<Vec<_>>());
            gradient.input(&dy, &mut y);
            digest.add(&y);
        }
        for shortcut_norm in [None, Some(&norm(channels))] {
            normalise_add_relu(&x, &own, &shortcut, shortcut_norm, &mut y);
            digest.add(&y);
        }
        let mut gradient = dy.clone();
        relu_gradient(&y, &mut gradient);
        digest.add(&gradient);

        let pool = MaxPool::new([n, h, w, channels], 3, 2, 1).unwrap();
        let pooled: usize = pool.output_shape().iter().product();
        let (mut y, mut chosen, mut dx) = (numbers::<E>(pooled, 15), vec![0; pooled], x.clone());
        pool.forward(&x, &mut y, &mut chosen);
        pool.backward(&chosen, &dy[..pooled], &mut dx);
        digest.add(&y);
        digest.add(&dx);
        let mut means = vec![0.0; n * channels];
        global_average_pool(&x, h * w, channels, &mut means);
        digest.add(&means);
        global_average_pool_gradient(&means, h * w, channels, &mut dx);
        digest.add(&dx);
    }

    /// Of everything in `f32`.
    fn of_f32() -> String {
        let mut digest = Digest::new();
        convolutions::<f32>(&mut digest, |convolution, passes, y, dx, dw| {
            convolution.forward(passes.x, passes.weight, passes.epilogue, y);
            convolution.input_gradient(passes.weight, passes.dy, passes.epilogue.relu, dx);
            convolution.weight_gradient(passes.x, passes.dy, dw);
        });
        rest::<f32>(&mut digest);
        digest.text()
    }

    /// Of everything in `bf16`.
    fn of_bf16(unit: Bf16Unit) -> String {
        let mut digest = Digest::new();
        convolutions::<bf16>(&mut digest, |convolution, passes, y, dx, dw| {
            let g = &convolution.geometry;
            bf16_convolution::forward(unit, g, passes.x, passes.weight, passes.epilogue, y);
            let accumulate = passes.epilogue.relu;
            bf16_convolution::input_gradient(unit, g, passes.weight, passes.dy, accumulate, dx);
            bf16_convolution::weight_gradient(unit, g, passes.x, passes.dy, dw);
        });
        unit.level().with(|| rest::<bf16>(&mut digest));
        digest.text()
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes hours, and Miri has no `gemm` kernels to pin")]
    fn bytes_change_with_the_version_only() {
        if Level::supported().len() < 2 {
            eprintln!("not checked: this CPU has neither AVX2 with FMA nor AVX-512");
            return;
        }
        let f32s = Level::supported().into_iter().map(|level| (format!("f32 {level:?}"), level.with(of_f32)));
        let bf16s = Bf16Unit::supported().into_iter().map(|unit| (format!("bf16 {unit:?}"), of_bf16(unit)));
        let found: Vec<(String, String)> = f32s.chain(bf16s).collect();
        for (name, _) in PINS.iter().filter(|(name, _)| found.iter().all(|(found, _)| found != name)) {
            eprintln!("not checked: this CPU cannot compute {name}");
        }
        let pinned = |name: &str| PINS.iter().find(|(pin, _)| *pin == name).map(|(_, digest)| *digest);
        let other: Vec<_> =
            found.iter().filter(|(name, digest)| pinned(name) != Some(digest.as_str())).collect();
        assert!(
            other.is_empty(),
            "bytes of results have changed: raise kernels::NUMERICS_VERSION, then pin the digests that this test \
             finds at the new version, here {other:#?}"
        );
    }
}
