//! Python's pickles, protocols 0 to 5, as data. A pickle is a program for a stack machine that may ask for any function
//! to be called; here nothing is imported or called, what would be is a [`Value::Call`]. Values lie in one list and name
//! one another by position, so that no nesting, however deep, takes any of the stack.
//!
//! Operations: CPython's `Lib/pickletools.py`.

mod machine;

/// The position of a value.
pub(super) type Id = usize;

/// A value of Python's.
pub(super) enum Value {
    None,
    Int(i64),
    Text(String),
    /// A class or function.
    Global(Box<Global>),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// What would be made by a call, and what would become its state.
    Call {
        callable: Id,
        arguments: Id,
        state: Option<Id>,
    },
    /// What the file keeps elsewhere, by its name: a tensor's storage.
    Persistent(Id),
    /// A number with decimals, bytes, a set: nothing that a tensor is made of.
    Other,
}

/// A class or function, by the module that has it.
pub(super) struct Global {
    pub(super) module: String,
    pub(super) name: String,
}

/// What a pickle holds.
pub(super) struct Pickle {
    values: Vec<Value>,
    root: Id,
}

impl Pickle {
    /// Runs the program.
    ///
    /// # Errors
    /// If it ends early or takes what is not there, with the byte at which it does.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut machine = machine::Machine::new(bytes);
        match machine.run() {
            Some(root) => Ok(Self { values: machine.values, root }),
            None => Err(format!("the pickle in it is damaged at byte {}", machine.at.saturating_sub(1))),
        }
    }

    /// The value that the pickle stands for.
    pub(super) fn root(&self) -> Id {
        self.root
    }

    /// A value.
    pub(super) fn value(&self, id: Id) -> &Value {
        self.values.get(id).unwrap_or(&Value::None)
    }

    /// The text at a position.
    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.value(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The items of a tuple or list.
    pub(super) fn items(&self, id: Id) -> Option<&[Id]> {
        match self.value(id) {
            Value::Tuple(items) | Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// A count or place.
    pub(super) fn natural(&self, id: Id) -> Option<usize> {
        match self.value(id) {
            Value::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        }
    }

    /// A tuple of counts.
    pub(super) fn naturals(&self, id: Id) -> Option<Vec<usize>> {
        self.items(id)?.iter().map(|item| self.natural(*item)).collect()
    }

    /// Module and name of a class or function.
    pub(super) fn global(&self, id: Id) -> Option<(&str, &str)> {
        match self.value(id) {
            Value::Global(global) => Some((&global.module, &global.name)),
            _ => None,
        }
    }
}
