//! MATLAB values in memory.

use crate::Error;

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
    /// Numbers, complex numbers or logicals.
    Numeric(Numeric),
    /// A character array of one row (or none: the empty text).
    Text(String),
    /// A character array of several rows, padded with blanks to the length of the longest. One row
    /// is read back as [`Text`](Self::Text).
    TextRows(Vec<String>),
    /// A cell array: any value in each place.
    Cell(Cell),
    /// A struct array: the same named fields for each element.
    Struct(Struct),
    /// An array of a class this crate passes over: sparse, object, function handle, opaque.
    Unread {
        /// The class number of the array flags.
        class: u8,
    },
}

/// A numeric array, column-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Numeric {
    /// Lengths, at least two of them. Their product is the number of elements.
    pub dims: Vec<usize>,
    /// The (real parts of the) elements.
    pub real: Numbers,
    /// Imaginary parts, of the same class and number as `real`.
    pub imaginary: Option<Numbers>,
    /// Whether MATLAB shows the numbers as `true` and `false`.
    pub logical: bool,
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

macro_rules! numbers {
    ($($variant:ident $number:ty, $class:literal;)*) => {
        /// Numbers of one MATLAB class.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Numbers {
            $(
                #[doc = concat!("Class `", $class, "`.")]
                $variant(Vec<$number>),
            )*
        }

        impl Numbers {
            /// How many there are.
            pub fn len(&self) -> usize {
                match self { $(Self::$variant(numbers) => numbers.len(),)* }
            }

            /// Whether there are none.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// MATLAB's name of the class.
            pub fn class(&self) -> &'static str {
                match self { $(Self::$variant(_) => $class,)* }
            }

            /// Number `index` as a double: exact, except for 64-bit integers beyond 2⁵³.
            pub fn get(&self, index: usize) -> Option<f64> {
                match self { $(Self::$variant(numbers) => numbers.get(index).map(|n| *n as f64),)* }
            }
        }

        $(
            impl From<Vec<$number>> for Numbers {
                fn from(numbers: Vec<$number>) -> Self {
                    Self::$variant(numbers)
                }
            }
        )*
    };
}

numbers! {
    F64 f64, "double";
    F32 f32, "single";
    I8 i8, "int8";
    U8 u8, "uint8";
    I16 i16, "int16";
    U16 u16, "uint16";
    I32 i32, "int32";
    U32 u32, "uint32";
    I64 i64, "int64";
    U64 u64, "uint64";
}

impl Numeric {
    /// A 1 × n array of real numbers.
    pub fn row(numbers: impl Into<Numbers>) -> Self {
        let real = numbers.into();
        Self { dims: vec![1, real.len()], real, imaginary: None, logical: false }
    }
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
    /// The number, if this is a single real one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Numeric(n) if n.real.len() == 1 && n.imaginary.is_none() => n.real.get(0),
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
            Self::Numeric(numeric) if numeric.logical => "logical",
            Self::Numeric(numeric) => numeric.real.class(),
            Self::Text(_) | Self::TextRows(_) => "char",
            Self::Cell(_) => "cell",
            Self::Struct(_) => "struct",
            Self::Unread { .. } => "a class that is not read",
        }
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Numeric(Numeric::row(vec![number]))
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
