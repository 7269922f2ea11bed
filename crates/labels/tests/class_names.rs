//! The 196 published class names, and others, taken apart.

use marque_labels::ClassName;

/// Photos in the official training split, then the class name; one published class a line.
const PUBLISHED: &str = include_str!("stanford_cars.tsv");

fn check(text: &str, expected: [&str; 4]) {
    let name = ClassName::parse(text);
    let year = name.year.map(|year| year.to_string());
    let parts = [&name.make, &name.model, &name.body, &year].map(|part| part.as_deref().unwrap_or("-"));
    assert_eq!(parts, expected, "{text}");
    assert_eq!(name.text, text);
}

#[test]
fn names_are_taken_apart() {
    let cases = [
        ("AM General Hummer SUV 2000", ["AM General", "Hummer", "SUV", "2000"]),
        ("Acura TL Type-S 2008", ["Acura", "TL Type-S", "-", "2008"]),
        ("Aston Martin V8 Vantage Coupe 2012", ["Aston Martin", "V8 Vantage", "Coupe", "2012"]),
        ("Audi 100 Sedan 1994", ["Audi", "100", "Sedan", "1994"]),
        ("BMW ActiveHybrid 5 Sedan 2012", ["BMW", "ActiveHybrid 5", "Sedan", "2012"]),
        (
            "Bentley Continental Supersports Conv. Convertible 2012",
            ["Bentley", "Continental Supersports Conv.", "Convertible", "2012"],
        ),
        ("Bugatti Veyron 16.4 Coupe 2009", ["Bugatti", "Veyron 16.4", "Coupe", "2009"]),
        ("Cadillac Escalade EXT Crew Cab 2007", ["Cadillac", "Escalade EXT", "Crew Cab", "2007"]),
        (
            "Chevrolet Silverado 1500 Classic Extended Cab 2007",
            ["Chevrolet", "Silverado 1500 Classic", "Extended Cab", "2007"],
        ),
        ("Chevrolet Express Cargo Van 2007", ["Chevrolet", "Express Cargo", "Van", "2007"]),
        ("Dodge Ram Pickup 3500 Quad Cab 2009", ["Dodge", "Ram Pickup 3500", "Quad Cab", "2009"]),
        ("Ford E-Series Wagon Van 2012", ["Ford", "E-Series Wagon", "Van", "2012"]),
        ("Ford Ranger SuperCab 2011", ["Ford", "Ranger", "SuperCab", "2011"]),
        ("Infiniti G Coupe IPL 2012", ["Infiniti", "G IPL", "Coupe", "2012"]),
        ("Land Rover Range Rover SUV 2012", ["Land Rover", "Range Rover", "SUV", "2012"]),
        ("Lincoln Town Car Sedan 2011", ["Lincoln", "Town Car", "Sedan", "2011"]),
        ("Mercedes-Benz 300-Class Convertible 1993", ["Mercedes-Benz", "300-Class", "Convertible", "1993"]),
        ("Nissan 240SX Coupe 1998", ["Nissan", "240SX", "Coupe", "1998"]),
        ("Ram C/V Cargo Van Minivan 2012", ["Ram", "C/V Cargo Van", "Minivan", "2012"]),
        (
            "Rolls-Royce Phantom Drophead Coupe Convertible 2012",
            ["Rolls-Royce", "Phantom Drophead Coupe", "Convertible", "2012"],
        ),
        ("smart fortwo Convertible 2012", ["smart", "fortwo", "Convertible", "2012"]),
        // Not of the published set.
        ("alfa romeo giulia sedan 2020", ["alfa romeo", "giulia", "sedan", "2020"]),
        ("Land Cruiser 2012", ["Land", "Cruiser", "-", "2012"]),
        ("Peugeot 9999", ["Peugeot", "9999", "-", "-"]),
        ("Ford Van", ["Ford", "-", "Van", "-"]),
        ("Land", ["Land", "-", "-", "-"]),
        ("  2012 ", ["-", "-", "-", "2012"]),
        ("", ["-", "-", "-", "-"]),
    ];
    for (text, expected) in cases {
        check(text, expected);
    }
}

#[test]
fn published_names_have_all_that_they_have() {
    let names: Vec<_> =
        PUBLISHED.lines().map(|line| ClassName::parse(line.rsplit('\t').next().unwrap())).collect();
    assert_eq!(names.len(), 196);
    for name in &names {
        assert!(name.make.is_some() && name.model.is_some() && name.year.is_some(), "{}", name.text);
    }
    let mut makes: Vec<_> = names.iter().filter_map(|name| name.make.as_deref()).collect();
    makes.dedup();
    makes.sort();
    makes.dedup();
    assert_eq!(makes.len(), 49);

    let without_body: Vec<_> = names.iter().filter(|name| name.body.is_none()).collect();
    let models: Vec<_> = without_body.iter().filter_map(|name| name.model.as_deref()).collect();
    assert_eq!(
        models,
        [
            "TL Type-S",
            "Integra Type R",
            "Regal GS",
            "Corvette ZR1",
            "Corvette Ron Fellows Edition Z06",
            "HHR SS",
            "Cobalt SS",
            "TrailBlazer SS",
            "300 SRT-8",
            "Challenger SRT8",
            "Charger SRT-8",
            "500 Abarth",
            "XK XKR",
            "Gallardo LP 570-4 Superleggera",
        ]
    );
}
