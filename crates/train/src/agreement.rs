//! Which fine class implies which other classes, read off the training photos.

use std::collections::BTreeMap;

use marque_contracts::schema::Head;
use marque_network::Agreement;

use crate::data::{Data, Sample};
use crate::stage::head_config;
use crate::target::Target;
use crate::{Error, Settings};

/// Contradictions told in a message.
const TOLD: usize = 4;

/// What `implies` of a head's table asks for, if one does. A fine class that no training photo has, or whose photos lack
/// a label that it should imply, implies nothing.
pub(crate) fn agreement(settings: &Settings, data: &Data) -> Result<Option<Agreement>, Error> {
    let Some((fine, names)) = settings.implications() else { return Ok(None) };
    let position = |name: &str| {
        let position = data.heads.iter().position(|head| head.name == name);
        position.ok_or_else(|| Error::Settings(format!("train.heads.{fine}: there is no head `{name}`")))
    };
    let fine = position(fine)?;
    let (mut implies, mut contradictions) = (BTreeMap::new(), Vec::new());
    for name in names {
        let head = position(name)?;
        let implied = implied(data, fine, head, &mut contradictions);
        implies.insert(name.clone(), implied);
    }
    if !contradictions.is_empty() {
        let more = contradictions.len().saturating_sub(TOLD);
        contradictions.truncate(TOLD);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let (name, found) = (&data.heads[fine].name, contradictions.join("; "));
        return Err(Error::Settings(format!(
            "train.heads.{name}.implies: photos of one class must have one label each, but {found}{more}"
        )));
    }
    Ok(Some(Agreement { head: head_config(&data.heads[fine]), implies }))
}

/// The class of the head at position `head` for each class of the one at position `fine`.
fn implied(data: &Data, fine: usize, head: usize, contradictions: &mut Vec<String>) -> Vec<Option<usize>> {
    let class = |sample: &Sample, position: usize| match sample.targets.get(position) {
        Some(Target::Class(class)) => Some(*class),
        _ => None,
    };
    let mut implied: Vec<Option<usize>> = vec![None; data.heads[fine].classes.len()];
    for sample in &data.train {
        let (Some(from), Some(to)) = (class(sample, fine), class(sample, head)) else { continue };
        let Some(known) = implied.get_mut(from) else { continue };
        if *known.get_or_insert(to) != to {
            let name = |head: &Head, class: usize| head.classes.get(class).cloned().unwrap_or_default();
            let (fine, head) = (&data.heads[fine], &data.heads[head]);
            let first = known.map_or_else(String::new, |first| name(head, first));
            let contradiction =
                format!("`{}` has {} `{first}` and `{}`", name(fine, from), head.name, name(head, to));
            if !contradictions.contains(&contradiction) {
                contradictions.push(contradiction);
            }
        }
    }
    implied
}
