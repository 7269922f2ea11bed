//! What is written is read back, whatever it is.

use marque_mat5::{Cell, Error, Numeric, Struct, Value, Variable, read, read_file, write};
use proptest::collection::vec;
use proptest::prelude::*;

fn numbers(count: usize) -> impl Strategy<Value = Vec<f64>> {
    prop_oneof![
        vec(-1e300..1e300, count),
        vec((0..70_000).prop_map(f64::from), count),
        vec((-40_000..40_000).prop_map(f64::from), count),
        vec((-300_i16..300).prop_map(f64::from), count),
        vec(any::<i32>().prop_map(f64::from), count),
        vec(any::<u32>().prop_map(f64::from), count),
    ]
}

fn dims() -> impl Strategy<Value = Vec<usize>> {
    vec(0_usize..4, 2..4)
}

fn numeric() -> impl Strategy<Value = Value> {
    dims().prop_flat_map(|dims| {
        let count = dims.iter().product();
        numbers(count).prop_map(move |numbers| Value::Numeric(Numeric { dims: dims.clone(), numbers }))
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
    let misfit = Numeric { dims: vec![2, 2], numbers: vec![1.0] };
    let ragged =
        Struct { dims: vec![1, 1], fields: vec!["a".into(), "b".into()], rows: vec![vec![1.0.into()]] };
    let cases: [(&str, Value, &str); 7] = [
        ("", 1.0.into(), "name"),
        ("1st", 1.0.into(), "name"),
        ("x", nested, "nested"),
        ("x", misfit.into(), "dimensions"),
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
