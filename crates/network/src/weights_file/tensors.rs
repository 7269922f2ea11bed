//! The tensors of a pickle, by the names under which PyTorch's modules know them.

use std::collections::BTreeMap;

use super::pickle::{Id, Pickle, Value};

/// Containers within containers that are looked into.
const DEEPEST: usize = 32;

/// Values that are looked at: containers may hold one another, so that there are more ways to a value than values.
const MOST_VALUES: usize = 1 << 20;

/// Keys of a module's state that are no part of the names.
const WITHOUT_NAME: [&str; 3] = ["_parameters", "_buffers", "_modules"];

/// Functions that a function's arguments are wrapped in.
const DEEPEST_CALL: usize = 4;

/// Where a tensor's values lie: element `i, j, …` at `offset + i × strides[0] + j × strides[1] + …` of a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Name of the storage in the archive.
    pub(super) storage: String,
    /// PyTorch's name of the values' type: "Float", "Half", …
    pub(super) kind: String,
    /// In elements.
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    /// In elements.
    pub(super) strides: Vec<usize>,
}

/// All tensors in dictionaries, lists and modules, by their paths: `state_dict.module.conv1.weight`.
///
/// # Errors
/// If a tensor is not as PyTorch describes them, or there are more values than any checkpoint has.
pub(super) fn tensors(pickle: &Pickle) -> Result<BTreeMap<String, Place>, String> {
    let mut tensors = BTreeMap::new();
    let mut next = vec![(pickle.root(), String::new(), 0)];
    let mut looked_at = 0;
    while let Some((id, path, depth)) = next.pop() {
        looked_at += 1;
        if looked_at > MOST_VALUES {
            return Err(format!("there are more than {MOST_VALUES} values in it"));
        }
        if let Value::Call { callable, arguments, state } = pickle.value(id) {
            match tensor(pickle, *callable, *arguments) {
                Some(Ok(place)) => _ = tensors.insert(path, place),
                Some(Err(reason)) => return Err(format!("the tensor {path} in it is damaged: {reason}")),
                None => next.extend(state.map(|state| (state, path, depth + 1))),
            }
        } else if depth < DEEPEST {
            let children = children(pickle, id, &path).into_iter();
            next.extend(children.map(|(path, id)| (id, path, depth + 1)));
        }
    }
    Ok(tensors)
}

/// What a dictionary or list holds, each with its path; of two entries under one key the later.
fn children(pickle: &Pickle, id: Id, path: &str) -> Vec<(String, Id)> {
    let mut children = BTreeMap::new();
    match pickle.value(id) {
        Value::Dict(items) => {
            for (key, value) in items {
                match pickle.value(*key) {
                    Value::Text(name) => _ = children.insert(name.clone(), *value),
                    Value::Int(number) => _ = children.insert(number.to_string(), *value),
                    _ => {}
                }
            }
        }
        Value::List(items) | Value::Tuple(items) => {
            children.extend(items.iter().enumerate().map(|(i, item)| (i.to_string(), *item)));
        }
        _ => {}
    }
    let below = |name: String| match path {
        _ if WITHOUT_NAME.contains(&name.as_str()) => path.to_owned(),
        "" => name,
        path => format!("{path}.{name}"),
    };
    children.into_iter().map(|(name, id)| (below(name), id)).collect()
}

/// A tensor, if this call would make one.
fn tensor(pickle: &Pickle, mut callable: Id, mut arguments: Id) -> Option<Result<Place, String>> {
    for _ in 0..DEEPEST_CALL {
        let given = pickle.items(arguments)?;
        match pickle.global(callable)? {
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => {
                return Some(place(pickle, given, None).ok_or_else(not_as_described));
            }
            ("torch._utils", "_rebuild_tensor_v3") => {
                let kind = given.get(6).and_then(|kind| pickle.global(*kind));
                return Some(place(pickle, given, kind.map(|(_, kind)| kind)).ok_or_else(not_as_described));
            }
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                match pickle.value(*given.first()?) {
                    Value::Call { callable: inner, arguments: its, .. } => {
                        (callable, arguments) = (*inner, *its);
                    }
                    _ => return None,
                }
            }
            ("torch._tensor", "_rebuild_from_type_v2") => {
                (callable, arguments) = (*given.first()?, *given.get(2)?);
            }
            _ => return None,
        }
    }
    None
}

fn not_as_described() -> String {
    "its storage, shape or strides are not numbers".to_owned()
}

/// Storage, offset, shape and strides, as the arguments give them. `kind` goes over what the storage says.
fn place(pickle: &Pickle, given: &[Id], kind: Option<&str>) -> Option<Place> {
    let [storage, offset, shape, strides, ..] = given else { return None };
    let Value::Persistent(name) = pickle.value(*storage) else { return None };
    let [_, class, storage, ..] = pickle.items(*name)? else { return None };
    let kind = match kind {
        Some(kind) => kind,
        None => pickle.global(*class)?.1.trim_end_matches("Storage"),
    };
    let (shape, strides) = (pickle.naturals(*shape)?, pickle.naturals(*strides)?);
    (shape.len() == strides.len()).then_some(Place {
        storage: pickle.text(*storage)?.to_owned(),
        kind: kind.to_owned(),
        offset: pickle.natural(*offset)?,
        shape,
        strides,
    })
}
