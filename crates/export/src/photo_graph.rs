//! From a photo of any size to the normalised square that a network takes, in operators of ONNX.
//!
//! Resizing is two products with matrices, which are made of the photo's size: down, then across, or by filters that
//! overshoot across first, each rounded to whole levels, as `marque-photo` does it. ONNX has an operator for it, `Resize`,
//! but this cannot take a region of a photo in fractions of pixels and has no Lanczos filter, and its antialiasing is an
//! option that not every runtime has.

use std::f32::consts::{LN_2, PI};

use marque_contracts::schema::model::INPUT;
use marque_contracts::schema::{Filter, Fit, Preparation};
use marque_network::NetworkConfig;

use crate::onnx::{Attribute, DOUBLE, FLOAT, Graph, Kind, Side};

/// What the graph calls the photo.
pub(crate) const PHOTO: &str = "photo";

/// What it calls the box that the photo is cut to.
pub(crate) const BOX: &str = "box";

/// Edges of regions are in whole ones of these parts of a pixel, as in `marque-photo`.
const PARTS_OF_A_PIXEL: f32 = 1024.0;

/// Weights that are rounded to more than this are more than 15 bits and a sign hold.
const MOST_WEIGHT: f32 = 32767.5;

/// Bits of a weight behind the point, at most.
const MOST_BITS: f32 = 21.0;

/// Where a windowed sinc is taken instead of at zero, where it cannot be: to 32 bits it is 1 at both.
const ALMOST_ZERO: f32 = 1e-4;

/// Adds the inputs, and all that makes [`INPUT`] of them.
pub(crate) fn prepare_photo(graph: &mut Graph, preparation: &Preparation, config: &NetworkConfig) {
    graph.input(PHOTO, Kind::Byte, &[Side::Any("height"), Side::Any("width"), Side::Fixed(3)]);
    let mut preparing = Preparing { graph, preparation, size: config.input_size };
    preparing.constants();
    preparing.region();
    preparing.placement();
    preparing.weights(Axis { name: "down", place: "first" });
    preparing.weights(Axis { name: "across", place: "second" });
    preparing.resize();
    preparing.normalise(config);
}

/// A direction in which photos are resized, and where it is in a pair.
#[derive(Clone, Copy)]
struct Axis {
    name: &'static str,
    place: &'static str,
}

/// Values are called `prepare/…`, as no head is. Pairs are of rows and columns, in this order; all are float32 but for the
/// photo and its shape.
struct Preparing<'a> {
    graph: &'a mut Graph,
    preparation: &'a Preparation,
    size: usize,
}

impl Preparing<'_> {
    fn constants(&mut self) {
        self.graph.integer("prepare/first", 0);
        self.graph.integer("prepare/second", 1);
        for (name, value) in [("none", 0.0), ("half", 0.5), ("one", 1.0), ("white", 255.0)] {
            self.constant(name, &[], &[value]);
        }
        let places: Vec<f32> = (0..self.size).map(|place| place as f32).collect();
        self.constant("places", &[self.size, 1], &places);
    }

    /// Makes `start` and `length` of the region that the photo is cut to: pairs, in pixels.
    fn region(&mut self) {
        let both = [Attribute::Integer("start", 0), Attribute::Integer("end", 2)];
        self.node("Shape", &[PHOTO], "shape", &both);
        self.node("Cast", &["shape"], "sides", &[Attribute::Integer("to", FLOAT)]);
        let Some(margin) = self.preparation.margin else {
            self.constant("start", &[2], &[0.0; 2]);
            self.plain("Identity", &["sides"], "length");
            return;
        };
        self.graph.input(BOX, Kind::Float, &[Side::Fixed(4)]);
        self.integers("y1 x1", &[1, 0]);
        self.integers("y2 x2", &[3, 2]);
        self.constant("margin", &[], &[margin as f32]);
        self.constant("parts", &[], &[PARTS_OF_A_PIXEL]);
        self.plain("Gather", &[BOX, "y1 x1"], "one corner");
        self.plain("Gather", &[BOX, "y2 x2"], "other corner");
        self.plain("Min", &["one corner", "other corner"], "top left");
        self.plain("Max", &["one corner", "other corner"], "bottom right");
        self.plain("Sub", &["bottom right", "top left"], "box sides");
        self.plain("Mul", &["box sides", "margin"], "around");
        // As far as the photo goes, and at least one pixel.
        self.plain("Sub", &["top left", "around"], "from beyond");
        self.plain("Max", &["from beyond", "none"], "from or edge");
        self.plain("Sub", &["sides", "one"], "last");
        self.plain("Min", &["from or edge", "last"], "from");
        self.plain("Add", &["bottom right", "around"], "to beyond");
        self.plain("Add", &["from", "one"], "least");
        self.plain("Max", &["to beyond", "least"], "to or least");
        self.plain("Min", &["to or least", "sides"], "to");
        for (edge, rounded) in [("from", "start"), ("to", "end")] {
            self.plain("Mul", &[edge, "parts"], &format!("{rounded} parts"));
            self.plain("Round", &[&format!("{rounded} parts")], &format!("{rounded} whole parts"));
            self.plain("Div", &[&format!("{rounded} whole parts"), "parts"], rounded);
        }
        self.plain("Sub", &["end", "start"], "length");
    }

    /// Makes `taken` and `taken length` of what is taken of the region, in pixels of the photo, and `before` and `placed` of
    /// where that is in the square: pairs.
    fn placement(&mut self) {
        let keep = [Attribute::Integer("keepdims", 1)];
        let (start, length) = match self.preparation.fit {
            Fit::Squash | Fit::Pad => ("start", "length"),
            Fit::Crop => {
                self.node("ReduceMin", &["length"], "shorter", &keep);
                self.plain("Sub", &["length", "shorter"], "lost");
                self.plain("Mul", &["lost", "half"], "lost before");
                self.plain("Add", &["start", "lost before"], "middle");
                self.plain("Min", &["length", "shorter"], "middle length");
                ("middle", "middle length")
            }
        };
        self.plain("Identity", &[start], "taken");
        self.plain("Identity", &[length], "taken length");
        if self.preparation.fit != Fit::Pad {
            self.constant("before", &[2], &[0.0; 2]);
            self.constant("placed", &[2], &[self.size as f32; 2]);
            return;
        }
        self.constant("size", &[], &[self.size as f32]);
        // In double precision, as which of two whole numbers is nearer may hang on the last bit.
        self.graph.double(&inner("exact size"), self.size as f64);
        self.graph.double(&inner("exact half"), 0.5);
        let double = [Attribute::Integer("to", DOUBLE)];
        self.node("Cast", &["length"], "exact length", &double);
        self.node("ReduceMax", &["exact length"], "longer", &keep);
        self.plain("Div", &["exact size", "longer"], "scale");
        self.plain("Mul", &["exact length", "scale"], "exact placed");
        self.plain("Add", &["exact placed", "exact half"], "placed and half");
        self.plain("Floor", &["placed and half"], "placed whole");
        self.node("Cast", &["placed whole"], "placed or none", &[Attribute::Integer("to", FLOAT)]);
        self.plain("Clip", &["placed or none", "one", "size"], "placed");
        self.plain("Sub", &["size", "placed"], "empty");
        self.plain("Mul", &["empty", "half"], "empty before");
        self.plain("Floor", &["empty before"], "before");
    }

    /// Makes the weights of one direction, `[size, pixels of the photo]`: what each pixel gives each place. With padding,
    /// also `inside` it, `[size, 1]`: whether a place shows the photo.
    fn weights(&mut self, Axis { name, place }: Axis) {
        let of = |value: &str| format!("{name}/{value}");
        for pair in ["taken", "taken length", "before", "placed", "shape"] {
            self.plain("Gather", &[pair, place], &of(pair));
        }
        self.plain("Sub", &["places", &of("before")], &of("place"));
        if self.preparation.fit == Fit::Pad {
            self.plain("Sub", &[&of("placed"), "one"], &of("last"));
            self.plain("Clip", &[&of("place"), "none", &of("last")], &of("place of photo"));
            self.plain("Equal", &[&of("place"), &of("place of photo")], &of("inside"));
        } else {
            self.plain("Identity", &[&of("place")], &of("place of photo"));
        }
        self.plain("Div", &[&of("taken length"), &of("placed")], &of("step"));
        self.plain("Add", &[&of("place of photo"), "half"], &of("middle"));
        self.plain("Mul", &[&of("middle"), &of("step")], &of("middle of taken"));
        self.plain("Add", &[&of("middle of taken"), &of("taken")], &of("centre"));
        self.plain("Range", &["first", &of("shape"), "second"], &of("numbers"));
        self.node("Cast", &[&of("numbers")], &of("edges"), &[Attribute::Integer("to", FLOAT)]);
        self.plain("Add", &[&of("edges"), "half"], &of("pixels"));
        self.plain("Sub", &[&of("pixels"), &of("centre")], &of("distance"));
        // The filter is as wide as what becomes one pixel, so that nothing is aliased.
        self.plain("Max", &[&of("step"), "one"], &of("width"));
        self.plain("Div", &[&of("distance"), &of("width")], &of("distance by width"));
        self.plain("Abs", &[&of("distance by width")], &of("x"));
        match self.preparation.resize {
            Filter::Bilinear => {
                self.plain("Sub", &["one", &of("x")], &of("triangle"));
                self.plain("Relu", &[&of("triangle")], &of("filter"));
            }
            Filter::Bicubic => self.cubic(name),
            Filter::Lanczos => self.lanczos(name),
        }
        if name == "down" {
            self.integers("pixels axis", &[1]);
        }
        let keep = [Attribute::Integer("keepdims", 1)];
        self.node("ReduceSum", &[&of("filter"), "pixels axis"], &of("sum"), &keep);
        self.plain("Div", &[&of("filter"), &of("sum")], &of("shares"));
        self.in_16_bits(name);
    }

    /// Weights as `marque-photo` has them, by Pillow-SIMD's way: whole numbers of 16 bits, of as many bits behind the point as
    /// the largest leaves. Sums of levels are then the same, and so is what they are rounded to.
    fn in_16_bits(&mut self, axis: &str) {
        let of = |value: &str| format!("{axis}/{value}");
        if axis == "down" {
            self.constant("most", &[], &[MOST_WEIGHT]);
            self.constant("ln 2", &[], &[LN_2]);
            self.constant("base", &[], &[2.0]);
            self.constant("most bits", &[], &[MOST_BITS]);
        }
        self.node("ReduceMax", &[&of("shares")], &of("largest"), &[Attribute::Integer("keepdims", 0)]);
        self.plain("Div", &["most", &of("largest")], &of("room"));
        self.plain("Log", &[&of("room")], &of("ln room"));
        self.plain("Div", &[&of("ln room"), "ln 2"], &of("bits of room"));
        self.plain("Ceil", &[&of("bits of room")], &of("bits and one"));
        self.plain("Sub", &[&of("bits and one"), "one"], &of("bits wanted"));
        self.plain("Min", &[&of("bits wanted"), "most bits"], &of("bits"));
        self.plain("Pow", &["base", &of("bits")], &of("unit"));
        self.plain("Mul", &[&of("shares"), &of("unit")], &of("units"));
        self.plain("Add", &[&of("units"), "half"], &of("units and half"));
        self.plain("Floor", &[&of("units and half")], &of("whole units"));
        self.plain("Div", &[&of("whole units"), &of("unit")], &of("weights"));
    }

    /// Keys' cubic with a = −1/2: `(1 − p)(1 + p − 1.5p²) − 0.5(q − 1)(q − 2)²` for p = x up to 1, q = x from 1 to 2.
    fn cubic(&mut self, axis: &str) {
        let of = |value: &str| format!("{axis}/{value}");
        if axis == "down" {
            self.constant("two", &[], &[2.0]);
            self.constant("three halves", &[], &[1.5]);
        }
        self.plain("Clip", &[&of("x"), "none", "one"], &of("p"));
        self.plain("Clip", &[&of("x"), "one", "two"], &of("q"));
        self.plain("Mul", &[&of("p"), &of("p")], &of("pp"));
        self.plain("Mul", &[&of("pp"), "three halves"], &of("1.5pp"));
        self.plain("Add", &["one", &of("p")], &of("1+p"));
        self.plain("Sub", &[&of("1+p"), &of("1.5pp")], &of("1+p-1.5pp"));
        self.plain("Sub", &["one", &of("p")], &of("1-p"));
        self.plain("Mul", &[&of("1-p"), &of("1+p-1.5pp")], &of("inner"));
        self.plain("Sub", &[&of("q"), "two"], &of("q-2"));
        self.plain("Mul", &[&of("q-2"), &of("q-2")], &of("(q-2)(q-2)"));
        self.plain("Sub", &[&of("q"), "one"], &of("q-1"));
        self.plain("Mul", &[&of("q-1"), "half"], &of("0.5(q-1)"));
        self.plain("Mul", &[&of("0.5(q-1)"), &of("(q-2)(q-2)")], &of("outer"));
        self.plain("Sub", &[&of("inner"), &of("outer")], &of("filter"));
    }

    /// `sinc(x) · sinc(x / 3)` for x up to 3, that is `sin(πx) · sin(πx / 3) · 3 / (πx)²`.
    fn lanczos(&mut self, axis: &str) {
        let of = |value: &str| format!("{axis}/{value}");
        if axis == "down" {
            self.constant("pi", &[], &[PI]);
            self.constant("three", &[], &[3.0]);
            self.constant("almost none", &[], &[ALMOST_ZERO]);
        }
        self.plain("Clip", &[&of("x"), "almost none", "three"], &of("x to 3"));
        self.plain("Mul", &[&of("x to 3"), "pi"], &of("pi x"));
        self.plain("Div", &[&of("pi x"), "three"], &of("pi x / 3"));
        for part in ["pi x", "pi x / 3"] {
            self.plain("Sin", &[&of(part)], &of(&format!("sin {part}")));
            self.plain("Div", &[&of(&format!("sin {part}")), &of(part)], &of(&format!("sinc {part}")));
        }
        self.plain("Mul", &[&of("sinc pi x"), &of("sinc pi x / 3")], &of("filter"));
    }

    /// Makes `square`, `[3, size, size]`, in whole levels from 0 to 255.
    fn resize(&mut self) {
        self.node("Cast", &[PHOTO], "levels", &[Attribute::Integer("to", FLOAT)]);
        let planes = [Attribute::Integers("perm", &[2, 0, 1])];
        let turned = [Attribute::Integers("perm", &[1, 0])];
        self.node("Transpose", &["across/weights"], "across/weights turned", &turned);
        let resized = if self.preparation.resize == Filter::Bilinear {
            self.integers("rows", &[0, -1]);
            self.integers("rows and colours", &[self.size as i64, -1, 3]);
            self.plain("Reshape", &["levels", "rows"], "photo rows");
            self.plain("MatMul", &["down/weights", "photo rows"], "down/sums");
            self.rounded("down");
            self.plain("Reshape", &["down/levels", "rows and colours"], "down/pixels of colours");
            self.node("Transpose", &["down/pixels of colours"], "planes", &planes);
            self.plain("MatMul", &["planes", "across/weights turned"], "across/sums");
            self.rounded("across");
            "across/levels"
        } else {
            self.node("Transpose", &["levels"], "planes", &planes);
            self.plain("MatMul", &["planes", "across/weights turned"], "across/sums");
            self.rounded("across");
            self.plain("MatMul", &["down/weights", "across/levels"], "down/sums");
            self.rounded("down");
            "down/levels"
        };
        if self.preparation.fit == Fit::Pad {
            let background = self.preparation.background.map(f32::from);
            self.constant("background", &[3, 1, 1], &background);
            self.node("Transpose", &["across/inside"], "across/inside turned", &turned);
            self.plain("And", &["down/inside", "across/inside turned"], "inside");
            self.plain("Where", &["inside", resized, "background"], "square");
        } else {
            self.plain("Identity", &[resized], "square");
        }
    }

    /// Sums as whole levels, halves upwards.
    fn rounded(&mut self, axis: &str) {
        let of = |value: &str| format!("{axis}/{value}");
        self.plain("Add", &[&of("sums"), "half"], &of("sums and half"));
        self.plain("Floor", &[&of("sums and half")], &of("whole levels"));
        self.plain("Clip", &[&of("whole levels"), "none", "white"], &of("levels"));
    }

    /// Makes [`INPUT`], `[1, 3, size, size]`.
    fn normalise(&mut self, config: &NetworkConfig) {
        self.constant("mean", &[3, 1, 1], &config.mean);
        self.constant("std", &[3, 1, 1], &config.std);
        self.integers("batch axis", &[0]);
        self.plain("Div", &["square", "white"], "shares");
        self.plain("Sub", &["shares", "mean"], "centred");
        self.plain("Div", &["centred", "std"], "normalised");
        self.graph.node("Unsqueeze", &["prepare/normalised", "prepare/batch_axis"], INPUT, &[]);
    }

    fn constant(&mut self, name: &str, shape: &[usize], values: &[f32]) {
        self.graph.constant(&inner(name), shape, values);
    }

    fn integers(&mut self, name: &str, values: &[i64]) {
        self.graph.integers(&inner(name), values);
    }

    /// Adds an operator without attributes.
    fn plain(&mut self, operator: &str, inputs: &[&str], output: &str) {
        self.node(operator, inputs, output, &[]);
    }

    /// Adds an operator; inputs of the graph are called by their own names.
    fn node(&mut self, operator: &str, inputs: &[&str], output: &str, attributes: &[Attribute<'_>]) {
        let named =
            |input: &&str| if [PHOTO, BOX].contains(input) { (*input).to_owned() } else { inner(input) };
        let inputs: Vec<String> = inputs.iter().map(named).collect();
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        self.graph.node(operator, &inputs, &inner(output), attributes);
    }
}

/// The name of a value in the graph, without spaces.
fn inner(name: &str) -> String {
    format!("prepare/{}", name.replace(' ', "_"))
}
