//! Quotes and lines of comma-separated text.

use marque_formats::CellValue;

use crate::project::{TABLE, own_photos};

#[test]
fn only_a_quote_that_is_not_closed_is_refused() {
    let project = own_photos();
    let open = [
        // Up to the end, also in the last row and with escaped quotes after it.
        ("0.jpg,red,\n1.jpg,\"blue,\n2.jpg,green,\n3.jpg,black,x\n", "line 3: the quote before \"blue,\" is"),
        ("0.jpg,red,\n1.jpg,blue,\"well kept\n", "line 3: the quote before \"well kept\" is not closed"),
        ("0.jpg,red,\n1.jpg,blue,\"", "line 3: the quote before \"\" is not closed"),
        ("0.jpg,\"red,\"\"x\"\"\n1.jpg,blue,\n", "line 2: the quote before \"red,"),
        // Up to where another quote opens.
        (
            "0.jpg,red,\n1.jpg,\"blue,\n2.jpg,green,\n3.jpg,black,\"x\"\n",
            "line 3: the quote before \"blue,\" is",
        ),
    ];
    for (rows, message) in open {
        for end in ["\n", "\r\n"] {
            let text = format!("file_name,colour,note\n{rows}").replace('\n', end);
            project.write("cars.csv", text.as_bytes());
            project.fails(TABLE, &["cars.csv has 1 row that cannot be used", message]);
        }
    }
    let closed = [
        ("0.jpg,red,\"well kept,\nlittle used\"\n1.jpg,blue,\n", "well kept,\nlittle used"),
        // As many commas as a row, whole rows, quotes, and an empty line.
        ("0.jpg,red,\"one owner\nclean, red, fast\"\n1.jpg,blue,\n", "one owner\nclean, red, fast"),
        ("0.jpg,red,\"1.jpg,blue,\n2.jpg,green,\"\n1.jpg,blue,\n", "1.jpg,blue,\n2.jpg,green,"),
        ("0.jpg,red,\"the \"\"best\"\"\n\n, of all\"\n1.jpg,blue,\n", "the \"best\"\n\n, of all"),
        ("0.jpg,red,\"a\nb\" \n1.jpg,blue,\n", "a\nb"),
        // Quotes that begin no cell are text, and so is what follows one on the same line.
        ("0.jpg,red,16\" wheels\n1.jpg,blue,\n", "16\" wheels"),
        ("0.jpg,red,\"16\" wheels\n1.jpg,blue,\n", "16 wheels"),
    ];
    for (rows, note) in closed {
        project.write("cars.csv", format!("file_name,colour,note\n{rows}").as_bytes());
        project.succeeds(TABLE);
        let rows = project.annotations().rows;
        assert_eq!(rows.len(), 2, "{note}");
        assert_eq!(rows[0].values[1], Some(CellValue::from(note)));
    }
}

#[test]
fn lines_are_counted_whatever_ends_them() {
    let project = own_photos();
    for (what, text) in [
        ("feeds", "file_name,colour\n0.jpg,red\n1.jpg\n"),
        ("returns and feeds", "file_name,colour\r\n0.jpg,red\r\n1.jpg\r\n"),
        ("returns", "file_name,colour\r0.jpg,red\r1.jpg\r"),
        ("an empty line", "file_name,colour\n\n1.jpg\n2.jpg,red\n"),
        ("a stated separator", "sep=,\r\nfile_name,colour\r\n1.jpg\r\n"),
        ("a cell of two lines", "file_name,colour\r\n0.jpg,\"a\r\nb\"\r\n1.jpg\r\n"),
        ("a byte order mark", "\u{feff}file_name,colour\r\n0.jpg,red\r\n1.jpg\r\n"),
    ] {
        project.write("cars.csv", text.as_bytes());
        let error = project.run(TABLE).unwrap_err();
        let expected = match what {
            "a cell of two lines" => "line 4: 1 cells, not 2",
            _ => "line 3: 1 cells, not 2",
        };
        assert!(error.contains(expected), "{what}: {error}");
    }
}
