//! The stack machine that pickles are programs for.

use std::collections::HashMap;

use super::{Global, Id, Value};

/// The stack machine. `None` from its methods: the program cannot go on.
pub(super) struct Machine<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) values: Vec<Value>,
    stack: Vec<Id>,
    /// Heights of the stack at which tuples and the like begin.
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let (stack, marks) = (Vec::new(), Vec::new());
        Self { bytes, at: 0, values: vec![Value::None], stack, marks, memo: HashMap::new() }
    }

    /// Runs the program to its end: the value that it leaves on top.
    pub(super) fn run(&mut self) -> Option<Id> {
        while self.step()? {}
        self.pop()
    }

    /// Carries out one operation; `false` if that was the last.
    fn step(&mut self) -> Option<bool> {
        match self.take(1)?[0] {
            b'.' => return Some(false),
            0x80 => _ = self.take(1)?,
            0x95 => _ = self.take(8)?,
            b'(' => self.marks.push(self.stack.len()),
            b'0' if self.marks.last() == Some(&self.stack.len()) => _ = self.marks.pop(),
            b'0' => _ = self.pop()?,
            b'1' => _ = self.marked()?,
            b'2' => self.stack.push(*self.stack.last()?),
            b'N' => self.push(Value::None),
            0x88 | 0x89 | b'F' | b'G' | b'B' | b'C' | 0x8e | 0x96 | 0x82..=0x84 => self.other()?,
            b'I' | b'L' | b'J' | b'K' | b'M' | 0x8a | 0x8b => self.integer()?,
            b'S' | b'V' | b'T' | b'U' | b'X' | 0x8c | 0x8d => self.text()?,
            b']' => self.push(Value::List(Vec::new())),
            b')' => self.push(Value::Tuple(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            0x8f => self.push(Value::Other),
            b'l' => self.collect(Value::List)?,
            b't' => self.collect(Value::Tuple)?,
            0x91 => self.collect(|_| Value::Other)?,
            b'd' => {
                let items = pairs(self.marked()?)?;
                self.push(Value::Dict(items));
            }
            operation @ 0x85..=0x87 => {
                let items = self.stack.len().checked_sub(usize::from(operation - 0x84))?;
                let items = self.stack.split_off(items);
                self.push(Value::Tuple(items));
            }
            b'a' => {
                let item = self.pop()?;
                self.extend(vec![item])?;
            }
            b'e' | 0x90 => {
                let items = self.marked()?;
                self.extend(items)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.insert(vec![(key, value)])?;
            }
            b'u' => {
                let items = pairs(self.marked()?)?;
                self.insert(items)?;
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Value::Global(Box::new(Global { module, name })));
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let text = |id: Id| match self.values.get(id) {
                    Some(Value::Text(text)) => Some(text.clone()),
                    _ => None,
                };
                let (module, name) = (text(module)?, text(name)?);
                self.push(Value::Global(Box::new(Global { module, name })));
            }
            b'R' | 0x81 => {
                let (arguments, callable) = (self.pop()?, self.pop()?);
                self.call(callable, arguments);
            }
            0x92 => {
                let (_, arguments, callable) = (self.pop()?, self.pop()?, self.pop()?);
                self.call(callable, arguments);
            }
            b'i' => {
                let (module, name) = (self.line()?, self.line()?);
                let arguments = self.marked()?;
                let callable = self.value(Value::Global(Box::new(Global { module, name })));
                let arguments = self.value(Value::Tuple(arguments));
                self.call(callable, arguments);
            }
            b'o' => {
                let mut arguments = self.marked()?.into_iter();
                let callable = arguments.next()?;
                let arguments = self.value(Value::Tuple(arguments.collect()));
                self.call(callable, arguments);
            }
            b'b' => {
                let made = self.pop()?;
                if let Some(Value::Call { state, .. }) = self.values.get_mut(*self.stack.last()?) {
                    *state = Some(made);
                }
            }
            0x94 => _ = self.memo.insert(self.memo.len() as u64, *self.stack.last()?),
            operation @ (b'p' | b'q' | b'r') => {
                let place = self.place(operation)?;
                self.memo.insert(place, *self.stack.last()?);
            }
            operation @ (b'g' | b'h' | b'j') => {
                let place = self.place(operation)?;
                self.stack.push(*self.memo.get(&place)?);
            }
            b'P' => {
                let line = self.line()?;
                let name = self.value(Value::Text(line));
                self.push(Value::Persistent(name));
            }
            b'Q' => {
                let name = self.pop()?;
                self.push(Value::Persistent(name));
            }
            _ => return None,
        }
        Some(true)
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let bytes = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(bytes)
    }

    /// The text up to the end of the line.
    fn line(&mut self) -> Option<String> {
        let length = self.bytes.get(self.at..)?.iter().position(|byte| *byte == b'\n')?;
        let line = self.take(length + 1)?;
        Some(String::from_utf8_lossy(&line[..length]).trim_end_matches('\r').to_owned())
    }

    /// A number of so many bytes, the lowest first.
    fn number(&mut self, bytes: usize) -> Option<u64> {
        Some(self.take(bytes)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn length(&mut self, bytes: usize) -> Option<usize> {
        usize::try_from(self.number(bytes)?).ok()
    }

    /// A place of the memo.
    fn place(&mut self, operation: u8) -> Option<u64> {
        match operation {
            b'p' | b'g' => self.line()?.parse().ok(),
            b'q' | b'h' => self.number(1),
            _ => self.number(4),
        }
    }

    /// Keeps a value that is not on the stack.
    fn value(&mut self, value: Value) -> Id {
        self.values.push(value);
        self.values.len() - 1
    }

    fn push(&mut self, value: Value) {
        let id = self.value(value);
        self.stack.push(id);
    }

    fn pop(&mut self) -> Option<Id> {
        self.stack.pop()
    }

    /// What lies above the last mark.
    fn marked(&mut self) -> Option<Vec<Id>> {
        let mark = self.marks.pop()?;
        (mark <= self.stack.len()).then(|| self.stack.split_off(mark))
    }

    fn collect(&mut self, make: impl Fn(Vec<Id>) -> Value) -> Option<()> {
        let items = self.marked()?;
        self.push(make(items));
        Some(())
    }

    fn other(&mut self) -> Option<()> {
        let length = match self.bytes[self.at - 1] {
            0x88 | 0x89 => 0,
            b'F' => self.line().map(|_| 0)?,
            b'G' => 8,
            b'B' => self.length(4)?,
            b'C' => self.length(1)?,
            0x82 => 1,
            0x83 => 2,
            0x84 => 4,
            _ => self.length(8)?,
        };
        self.take(length)?;
        self.push(Value::Other);
        Some(())
    }

    fn integer(&mut self) -> Option<()> {
        let long = |bytes: &[u8]| {
            let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
            let start = if negative { -1 } else { 0 };
            let number = bytes.iter().rev().fold(start, |number: i64, byte| number << 8 | i64::from(*byte));
            if bytes.len() <= 8 { Value::Int(number) } else { Value::Other }
        };
        let value = match self.bytes[self.at - 1] {
            b'I' | b'L' => {
                let line = self.line()?;
                line.trim_end_matches('L').parse().map_or(Value::Other, Value::Int)
            }
            b'J' => long(self.take(4)?),
            b'K' => Value::Int(self.number(1)? as i64),
            b'M' => Value::Int(self.number(2)? as i64),
            operation => {
                let length = self.length(if operation == 0x8a { 1 } else { 4 })?;
                long(self.take(length)?)
            }
        };
        self.push(value);
        Some(())
    }

    /// Texts, and the bytes that were texts in Python 2.
    fn text(&mut self) -> Option<()> {
        let length = match self.bytes[self.at - 1] {
            b'S' | b'V' => {
                let line = self.line()?;
                let quotes: &[char] = &['\'', '"'];
                self.push(Value::Text(line.trim_matches(quotes).to_owned()));
                return Some(());
            }
            b'U' | 0x8c => self.length(1)?,
            b'T' | b'X' => self.length(4)?,
            _ => self.length(8)?,
        };
        let text = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.push(Value::Text(text));
        Some(())
    }

    /// Adds items to the list, set, or what takes items like one, on top.
    fn extend(&mut self, items: Vec<Id>) -> Option<()> {
        if let Value::List(list) = self.values.get_mut(*self.stack.last()?)? {
            list.extend(items);
        }
        Some(())
    }

    /// Adds items to the dictionary on top. What takes items like one keeps them as its state.
    fn insert(&mut self, items: Vec<(Id, Id)>) -> Option<()> {
        let top = *self.stack.last()?;
        match self.values.get_mut(top)? {
            Value::Dict(dictionary) => dictionary.extend(items),
            Value::Call { state: None, .. } => {
                let made = self.value(Value::Dict(items));
                if let Some(Value::Call { state, .. }) = self.values.get_mut(top) {
                    *state = Some(made);
                }
            }
            Value::Call { state: Some(state), .. } => {
                let state = *state;
                if let Some(Value::Dict(dictionary)) = self.values.get_mut(state) {
                    dictionary.extend(items);
                }
            }
            _ => return None,
        }
        Some(())
    }

    /// A call that would be made; the containers that state dictionaries are, at once.
    fn call(&mut self, callable: Id, arguments: Id) {
        let is_dictionary = matches!(
            self.values.get(callable),
            Some(Value::Global(global)) if global.module == "collections"
                && matches!(global.name.as_str(), "OrderedDict" | "defaultdict")
        );
        if !is_dictionary {
            return self.push(Value::Call { callable, arguments, state: None });
        }
        let items = |id: Id| match self.values.get(id) {
            Some(Value::Tuple(items) | Value::List(items)) => items.as_slice(),
            _ => &[],
        };
        // Python 2 gives the items as a list of pairs.
        let pair = |id: &Id| match items(*id) {
            [key, value] => Some((*key, *value)),
            _ => None,
        };
        let pairs = items(arguments).iter().flat_map(|list| items(*list)).filter_map(pair).collect();
        self.push(Value::Dict(pairs));
    }
}

/// Keys and values, one after the other, as pairs.
fn pairs(items: Vec<Id>) -> Option<Vec<(Id, Id)>> {
    let (pairs, rest) = items.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[key, value]| (*key, *value)).collect())
}
