//! MATLAB values in memory.

use crate::storage::class;
use crate::{Error, NumericClass};

/// A named value of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// The name under which MATLAB knows it.
    pub name: String,
    /// Its value.
    pub value: Value,
}

impl Variable {
    /// A variable called `name`.
    pub fn new(name: impl Into<String>, value: impl Into<Value>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// A MATLAB array. Everything in MATLAB is an array; a number is one of 1 × 1.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Numbers or logicals.
    Numeric(Numeric),
    /// A character array of one row (or none: the empty text).
    Text(String),
    /// A cell array: any value in each place.
    Cell(Cell),
    /// A struct array: the same named fields for each element.
    Struct(Struct),
    /// An array that this crate passes over: sparse, object, function handle, opaque, of several rows of characters, or of
    /// complex numbers, which have the class number of their parts.
    Unread {
        /// The class number of the array flags.
        class: u8,
    },
}

/// An array of real numbers, column-major. Whatever their class in a file, they are doubles here, with the same values.
#[derive(Debug, Clone, PartialEq)]
pub struct Numeric {
    /// What MATLAB computes with.
    pub class: NumericClass,
    /// Lengths, at least two of them. Their product is the number of elements.
    pub dims: Vec<usize>,
    /// The elements.
    pub numbers: Vec<f64>,
}

/// A cell array, column-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Lengths, at least two of them. Their product is the number of items.
    pub dims: Vec<usize>,
    /// The items.
    pub items: Vec<Value>,
}

/// A struct array, column-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Struct {
    /// Lengths, at least two of them. Their product is the number of rows.
    pub dims: Vec<usize>,
    /// Field names in file order.
    pub fields: Vec<String>,
    /// Per element of the array, one value per field.
    pub rows: Vec<Vec<Value>>,
}

impl Cell {
    /// A 1 × n cell array.
    pub fn row(items: impl IntoIterator<Item = Value>) -> Self {
        let items: Vec<_> = items.into_iter().collect();
        Self { dims: vec![1, items.len()], items }
    }
}

impl Struct {
    /// A 1 × 0 struct array with these fields, to be filled with [`push`](Self::push).
    pub fn new<F: Into<String>>(fields: impl IntoIterator<Item = F>) -> Self {
        Self { dims: vec![1, 0], fields: fields.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Appends an element, which makes the array 1 × n.
    ///
    /// # Errors
    /// [`Error::RowLength`] unless there is one value per field.
    pub fn push(&mut self, row: impl IntoIterator<Item = Value>) -> Result<(), Error> {
        let row: Vec<_> = row.into_iter().collect();
        if row.len() != self.fields.len() {
            return Err(Error::RowLength { expected: self.fields.len(), found: row.len() });
        }
        self.rows.push(row);
        self.dims = vec![1, self.rows.len()];
        Ok(())
    }

    /// Position of a field in each row.
    pub fn field(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field == name)
    }

    /// Field `name` of element `row`.
    pub fn get(&self, row: usize, name: &str) -> Option<&Value> {
        self.rows.get(row)?.get(self.field(name)?)
    }
}

impl Value {
    /// The number, if this is a single one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Numeric(numeric) => match numeric.numbers[..] {
                [number] => Some(number),
                _ => None,
            },
            _ => None,
        }
    }

    /// The text, if this is text of one row.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What kind of array this is, in MATLAB's words.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Numeric(numeric) => numeric.class.name(),
            Self::Text(_) | Self::Unread { class: class::CHAR } => "char",
            Self::Cell(_) => "cell",
            Self::Struct(_) => "struct",
            Self::Unread { class: class::OBJECT } => "object",
            Self::Unread { class: class::SPARSE } => "sparse",
            Self::Unread { class: class::FUNCTION } => "function_handle",
            Self::Unread { class: class::OPAQUE } => "opaque",
            Self::Unread { .. } => "complex",
        }
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Numeric(Numeric { class: NumericClass::Double, dims: vec![1, 1], numbers: vec![number] })
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Numeric> for Value {
    fn from(numeric: Numeric) -> Self {
        Self::Numeric(numeric)
    }
}

impl From<Cell> for Value {
    fn from(cell: Cell) -> Self {
        Self::Cell(cell)
    }
}

impl From<Struct> for Value {
    fn from(array: Struct) -> Self {
        Self::Struct(array)
    }
}
