//! The classes that are drawn: official class names of Stanford Cars in official order, each with what its drawing shows
//! and its share of the photos.
//!
//! The shares follow the real data, 16,185 photos: brands Audi 1169, BMW 1055, Chevrolet 1799, Dodge 1253, Ford 1035,
//! other makes 9874; types Convertible 1907, Coupe 2143, SUV 2855, Van 832 without minivans, other 8448; years up to
//! 2009 5172, later 11013.

/// The look of the front, the rear and the rims. Five makes have a face of their own; the other makes share ten faces,
/// each make keeping to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Face {
    /// Tall framed trapezoid grille, four interlocking rings.
    Audi,
    /// Twin kidneys, twin round lamps, blue and white roundel.
    Bmw,
    /// Grille split by a bar with a golden bowtie, twin round tail lamps.
    Chevrolet,
    /// Crosshair grille, tail lamp across the whole width.
    Dodge,
    /// Three broad chrome bars, blue oval, upright tail lamps.
    Ford,
    /// Narrow slot with an oval emblem over a wide low mouth.
    Slot,
    /// A single chrome wing between the lamps.
    Wing,
    /// A large star in a ring on two slats.
    Star,
    /// Low hexagon mouth with waves.
    Hexagon,
    /// Seven upright slots between round lamps.
    SevenSlots,
    /// Upright mesh grille between one large and one small round lamp a side.
    Mesh,
    /// Temple front of upright chrome bars.
    Temple,
    /// No grille; wide low intakes.
    LowMouth,
    /// Square grille with a diagonal slash.
    Slash,
    /// Shield-shaped egg-crate grille between upright lamps.
    Shield,
}

/// The body that is modelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Body {
    Convertible,
    Coupe,
    Sedan,
    Hatchback,
    Wagon,
    Suv,
    Minivan,
    Van,
    Pickup,
}

/// One class of the sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Class {
    /// The official name: make, model, body, year.
    pub(crate) name: &'static str,
    pub(crate) face: Face,
    pub(crate) body: Body,
    /// The model year, the last word of the name.
    pub(crate) year: u16,
    /// Number of photos relative to the other classes.
    pub(crate) share: u32,
}

impl Class {
    /// Whether the class counts as "2009 and earlier".
    pub(crate) fn is_early(&self) -> bool {
        self.year <= 2009
    }
}

const fn class(name: &'static str, face: Face, body: Body, year: u16, share: u32) -> Class {
    Class { name, face, body, year, share }
}

use Body::{Convertible, Coupe, Hatchback, Minivan, Pickup, Sedan, Suv, Van, Wagon};
use Face::{
    Audi, Bmw, Chevrolet, Dodge, Ford, Hexagon, LowMouth, Mesh, SevenSlots, Shield, Slash, Slot, Star,
    Temple, Wing,
};

/// All classes, in the official order.
pub(crate) const CLASSES: [Class; 55] = [
    class("AM General Hummer SUV 2000", SevenSlots, Suv, 2000, 170),
    class("Acura TL Sedan 2012", Shield, Sedan, 2012, 300),
    class("Aston Martin V8 Vantage Convertible 2012", Mesh, Convertible, 2012, 170),
    class("Aston Martin V8 Vantage Coupe 2012", Mesh, Coupe, 2012, 190),
    class("Audi RS 4 Convertible 2008", Audi, Convertible, 2008, 110),
    class("Audi A5 Coupe 2012", Audi, Coupe, 2012, 190),
    class("Audi 100 Wagon 1994", Audi, Wagon, 1994, 130),
    class("Audi TT Hatchback 2011", Audi, Hatchback, 2011, 130),
    class("Audi S4 Sedan 2012", Audi, Sedan, 2012, 160),
    class("BMW 3 Series Sedan 2012", Bmw, Sedan, 2012, 150),
    class("BMW 6 Series Convertible 2007", Bmw, Convertible, 2007, 130),
    class("BMW X5 SUV 2007", Bmw, Suv, 2007, 110),
    class("BMW M3 Coupe 2012", Bmw, Coupe, 2012, 120),
    class("BMW X3 SUV 2012", Bmw, Suv, 2012, 140),
    class("Bentley Continental GT Coupe 2007", Mesh, Coupe, 2007, 130),
    class("Cadillac SRX SUV 2012", Shield, Suv, 2012, 200),
    class("Chevrolet Silverado 1500 Hybrid Crew Cab 2012", Chevrolet, Pickup, 2012, 190),
    class("Chevrolet Camaro Convertible 2012", Chevrolet, Convertible, 2012, 130),
    class("Chevrolet Impala Sedan 2007", Chevrolet, Sedan, 2007, 150),
    class("Chevrolet Tahoe Hybrid SUV 2012", Chevrolet, Suv, 2012, 180),
    class("Chevrolet Sonic Sedan 2012", Chevrolet, Sedan, 2012, 190),
    class("Chevrolet Express Van 2007", Chevrolet, Van, 2007, 120),
    class("Chevrolet Monte Carlo Coupe 2007", Chevrolet, Coupe, 2007, 150),
    class("Chrysler Crossfire Convertible 2008", Shield, Convertible, 2008, 180),
    class("Chrysler Town and Country Minivan 2012", Shield, Minivan, 2012, 190),
    class("Dodge Caliber Wagon 2012", Dodge, Wagon, 2012, 170),
    class("Dodge Caravan Minivan 1997", Dodge, Minivan, 1997, 110),
    class("Dodge Ram Pickup 3500 Quad Cab 2009", Dodge, Pickup, 2009, 110),
    class("Dodge Journey SUV 2012", Dodge, Suv, 2012, 140),
    class("Dodge Durango SUV 2007", Dodge, Suv, 2007, 100),
    class("Dodge Charger Sedan 2012", Dodge, Sedan, 2012, 150),
    class("Ferrari 458 Italia Coupe 2012", LowMouth, Coupe, 2012, 180),
    class("Ford Mustang Convertible 2007", Ford, Convertible, 2007, 100),
    class("Ford Freestar Minivan 2007", Ford, Minivan, 2007, 90),
    class("Ford Edge SUV 2012", Ford, Suv, 2012, 120),
    class("Ford GT Coupe 2006", Ford, Coupe, 2006, 90),
    class("Ford F-150 Regular Cab 2012", Ford, Pickup, 2012, 120),
    class("Ford Fiesta Sedan 2012", Ford, Sedan, 2012, 120),
    class("Honda Odyssey Minivan 2012", Wing, Minivan, 2012, 170),
    class("Honda Accord Sedan 2012", Wing, Sedan, 2012, 350),
    class("Hyundai Tucson SUV 2012", Hexagon, Suv, 2012, 190),
    class("Hyundai Elantra Sedan 2007", Hexagon, Sedan, 2007, 280),
    class("Jeep Grand Cherokee SUV 2012", SevenSlots, Suv, 2012, 210),
    class("Mercedes-Benz 300-Class Convertible 1993", Star, Convertible, 1993, 170),
    class("Mercedes-Benz C-Class Sedan 2012", Star, Sedan, 2012, 360),
    class("Nissan Leaf Hatchback 2012", Wing, Hatchback, 2012, 360),
    class("Nissan 240SX Coupe 1998", Wing, Coupe, 1998, 140),
    class("Rolls-Royce Phantom Drophead Coupe Convertible 2012", Temple, Convertible, 2012, 180),
    class("Rolls-Royce Phantom Sedan 2012", Temple, Sedan, 2012, 220),
    class("Toyota Camry Sedan 2012", Slot, Sedan, 2012, 370),
    class("Toyota 4Runner SUV 2012", Slot, Suv, 2012, 200),
    class("Volkswagen Golf Hatchback 1991", Hexagon, Hatchback, 1991, 300),
    class("Volkswagen Beetle Hatchback 2012", Hexagon, Hatchback, 2012, 220),
    class("Volvo C30 Hatchback 2012", Slash, Hatchback, 2012, 300),
    class("Volvo 240 Sedan 1993", Slash, Sedan, 1993, 260),
];

/// Shares `photos` out over the classes in proportion to their shares, by largest remainder; every class gets at least
/// one photo as soon as there are as many photos as classes.
pub(crate) fn apportion(photos: u32) -> Vec<u32> {
    let total: u64 = CLASSES.iter().map(|class| u64::from(class.share)).sum();
    let floor = u64::from(photos as usize >= CLASSES.len());
    let spread = u64::from(photos) - floor * if floor == 1 { CLASSES.len() as u64 } else { 0 };
    let mut counts: Vec<u64> =
        CLASSES.iter().map(|class| floor + spread * u64::from(class.share) / total).collect();
    let mut order: Vec<usize> = (0..CLASSES.len()).collect();
    order.sort_by_key(|&at| (std::cmp::Reverse(spread * u64::from(CLASSES[at].share) % total), at));
    let missing = u64::from(photos).saturating_sub(counts.iter().sum());
    for &at in order.iter().cycle().take(missing as usize) {
        counts[at] += 1;
    }
    counts.into_iter().map(|count| count as u32).collect()
}
