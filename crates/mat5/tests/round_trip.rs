//! What is written is read back, whatever it is.

use marque_mat5::{Cell, Error, Numeric, NumericClass, Struct, Value, Variable, read, read_file, write};
use proptest::collection::vec;
use proptest::prelude::*;

fn numbers(count: usize) -> impl Strategy<Value = (NumericClass, Vec<f64>)> {
    let of = |class| move |numbers| (class, numbers);
    let exact = 1_i64 << 53;
    prop_oneof![
        vec(-1e300..1e300, count).prop_map(of(NumericClass::Double)),
        vec((0..70_000).prop_map(f64::from), count).prop_map(of(NumericClass::Double)),
        vec((-40_000..40_000).prop_map(f64::from), count).prop_map(of(NumericClass::Double)),
        vec((-300_i16..300).prop_map(f64::from), count).prop_map(of(NumericClass::Int16)),
        vec(any::<i32>().prop_map(f64::from), count).prop_map(of(NumericClass::Int32)),
        vec(any::<u32>().prop_map(f64::from), count).prop_map(of(NumericClass::Uint32)),
        vec(any::<u32>().prop_map(f64::from), count).prop_map(of(NumericClass::Double)),
        vec(any::<i8>().prop_map(f64::from), count).prop_map(of(NumericClass::Int8)),
        vec(any::<u8>().prop_map(f64::from), count).prop_map(of(NumericClass::Uint8)),
        vec(any::<u16>().prop_map(f64::from), count).prop_map(of(NumericClass::Uint16)),
        vec((-1e30_f32..1e30).prop_map(f64::from), count).prop_map(of(NumericClass::Single)),
        vec((-exact..=exact).prop_map(|n| n as f64), count).prop_map(of(NumericClass::Int64)),
        vec((0..=exact).prop_map(|n| n as f64), count).prop_map(of(NumericClass::Uint64)),
        vec(any::<bool>().prop_map(f64::from), count).prop_map(of(NumericClass::Logical)),
    ]
}

fn dims() -> impl Strategy<Value = Vec<usize>> {
    vec(0_usize..4, 2..4)
}

fn numeric() -> impl Strategy<Value = Value> {
    dims().prop_flat_map(|dims| {
        let count = dims.iter().product();
        numbers(count)
            .prop_map(move |(class, numbers)| Value::Numeric(Numeric { class, dims: dims.clone(), numbers }))
    })
}

fn text() -> impl Strategy<Value = Value> {
    prop_oneof!["[ -~]{0,20}".prop_map(Value::Text), any::<String>().prop_map(Value::Text),]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![numeric(), text()].prop_recursive(3, 40, 6, |inner| {
        let cell = dims().prop_flat_map({
            let inner = inner.clone();
            move |dims| {
                let count = dims.iter().product::<usize>();
                vec(inner.clone(), count).prop_map(move |items| {
                    let dims = dims.clone();
                    Value::Cell(Cell { dims, items })
                })
            }
        });
        let array = (0_usize..4, 0_usize..4).prop_flat_map(move |(fields, rows)| {
            vec(vec(inner.clone(), fields), rows).prop_map(move |rows| {
                Value::Struct(Struct {
                    dims: std::vec![rows.len(), 1],
                    fields: (0..fields).map(|n| format!("field_{n}")).collect(),
                    rows,
                })
            })
        });
        prop_oneof![cell, array]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_variables_come_back(values in vec(value(), 0..4)) {
        let variables: Vec<_> = values
            .into_iter()
            .enumerate()
            .map(|(n, value)| Variable::new(format!("v{n}"), value))
            .collect();
        let bytes = write(&variables).unwrap();
        prop_assert_eq!(&bytes, &write(&variables).unwrap());
        prop_assert_eq!(read(&bytes).unwrap(), variables);
    }
}

#[test]
fn minus_zero_and_infinities_keep_their_bits() {
    let special = [-0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE];
    for number in special {
        let bytes = write(&[Variable::new("x", number)]).unwrap();
        let back = read(&bytes).unwrap()[0].value.as_f64().unwrap();
        assert_eq!(back.to_bits(), number.to_bits());
    }
    let nan = write(&[Variable::new("x", f64::NAN)]).unwrap();
    assert!(read(&nan).unwrap()[0].value.as_f64().unwrap().is_nan());
}

#[test]
fn a_file_round_trips_and_its_errors_name_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cars_meta.mat");
    let variables = [Variable::new("class_names", Cell::row(["Audi S4 Sedan 2012".into()]))];
    std::fs::write(&path, write(&variables).unwrap()).unwrap();
    assert_eq!(read_file(&path).unwrap(), variables);

    std::fs::write(&path, "nothing of the kind").unwrap();
    let error = read_file(&path).unwrap_err();
    assert!(error.to_string().contains("cars_meta.mat"), "{error}");
    assert!(matches!(error, Error::File { source, .. } if matches!(*source, Error::NotMat5 { .. })));

    let error = read_file(folder.path().join("absent.mat")).unwrap_err();
    assert!(matches!(&error, Error::Io { .. }) && error.to_string().contains("absent.mat"));
}

#[test]
fn what_the_format_cannot_hold_is_refused() {
    let mut nested = Value::from(1.0);
    for _ in 0..40 {
        nested = Cell::row([nested]).into();
    }
    let misfit = Numeric { class: NumericClass::Double, dims: vec![2, 2], numbers: vec![1.0] };
    let of = |class, number| Numeric { class, dims: vec![1, 1], numbers: vec![number] };
    let ragged =
        Struct { dims: vec![1, 1], fields: vec!["a".into(), "b".into()], rows: vec![vec![1.0.into()]] };
    let cases: [(&str, Value, &str); 10] = [
        ("", 1.0.into(), "name"),
        ("1st", 1.0.into(), "name"),
        ("x", nested, "nested"),
        ("x", misfit.into(), "dimensions"),
        ("x", of(NumericClass::Uint8, 256.0).into(), "256 is not of the class uint8"),
        ("x", of(NumericClass::Logical, 2.0).into(), "2 is not of the class logical"),
        ("x", of(NumericClass::Single, 0.1).into(), "0.1 is not of the class single"),
        ("x", ragged.into(), "a row of 1 values"),
        ("x", Struct::new(["bad name"]).into(), "field name"),
        ("x", Value::Unread { class: 16 }, "class 16"),
    ];
    for (name, value, reason) in cases {
        let error = write(&[Variable::new(name, value)]).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
    let error = Struct::new(["a", "b"]).push([1.0.into()]).unwrap_err();
    assert!(matches!(error, Error::RowLength { expected: 2, found: 1 }));
}
