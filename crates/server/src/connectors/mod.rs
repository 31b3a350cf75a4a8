//! Sources and routes at work: what administrators configure becomes tasks, and every change an event with before and
//! after. The API and the console ask the same functions.
//!
//! What connectors do on the network is `indelible-connect`'s; here is what they need of the log: where records go
//! (`sources.rs`), what is read and in what form it leaves (`routes.rs`, `outgoing.rs`).

pub(crate) mod outgoing;
pub(crate) mod routes;
pub(crate) mod sources;

use std::sync::Arc;

use indelible_connect::{HIDDEN, hide, keep_hidden};
use indelible_control::{Connector, ConnectorRole, Error, Permission, allowed};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::access::{Access, not_granted};
use crate::app::Shared;
use crate::audit::Act;
use crate::http::Caller;
use crate::problem::{Code, Problem};

/// Who changes something, and from where.
pub(crate) type By<'a> = (&'a Access, &'a Caller);

/// A connector of the organization.
pub(crate) fn found(
    app: &Shared,
    access: &Access,
    role: ConnectorRole,
    name: &str,
) -> Result<Arc<Connector>, Problem> {
    let word = role.word();
    app.control.connector(role, &access.org.id, name).ok_or_else(|| {
        Problem::new(Code::NotFound, format!("there is no {word} {name:?} in this organization"))
    })
}

/// Reads settings strictly.
pub(crate) fn read<T: DeserializeOwned>(role: ConnectorRole, settings: &Value) -> Result<T, Problem> {
    serde_json::from_value(settings.clone()).map_err(|error| {
        let said = error.to_string();
        let unknown = said.starts_with("unknown field") || said.starts_with("unknown variant");
        let code = if unknown { Code::MemberUnknown } else { Code::RequestMalformed };
        Problem::new(code, format!("the settings of the {} cannot be read: {said}", role.word()))
    })
}

/// Refuses whoever is no administrator of the node.
pub(crate) fn needs_node_admin(access: &Access) -> Result<(), Problem> {
    allowed(&access.principal, Permission::NodeAdmin, None).map_err(|_| not_granted(Permission::NodeAdmin))
}

/// Keeps a connector that is new (`seen` is none) or changed, and records it.
pub(crate) async fn keep(
    app: &Shared,
    (access, caller): By<'_>,
    (role, name): (ConnectorRole, &str),
    seen: Option<&Arc<Connector>>,
    (paused, settings): (bool, Value),
) -> Result<Connector, Problem> {
    let (worker, organization, name) = (Shared::clone(app), access.org.id.clone(), name.to_owned());
    let before = seen.cloned();
    let after = crate::blocking(move || {
        let now_ms = worker.now_ms();
        let kept = match &before {
            None => worker.control.create_connector((role, &organization, &name), settings, now_ms),
            Some(seen) => {
                worker.control.update_connector(seen, (paused, settings), now_ms).map(|changed| changed.after)
            }
        };
        kept.map_err(refused)
    })
    .await?;
    let code = if seen.is_some() { "CONFIG.UPDATE" } else { "CONFIG.CREATE" };
    let act = Act::new(code).by(&access.principal).from(caller).target(role.word(), &after.name);
    let act = differences(act, seen.map(Arc::as_ref), Some(&after));
    app.record_and_wait(access.log, act).await?;
    Ok(after)
}

/// Forgets a connector, and records it.
pub(crate) async fn forget(
    app: &Shared,
    (access, caller): By<'_>,
    seen: &Arc<Connector>,
) -> Result<(), Problem> {
    let (worker, gone) = (Shared::clone(app), Arc::clone(seen));
    crate::blocking(move || worker.control.delete_connector(&gone).map_err(refused)).await?;
    let act =
        Act::new("CONFIG.DELETE").by(&access.principal).from(caller).target(seen.role.word(), &seen.name);
    app.record_and_wait(access.log, differences(act, Some(seen), None)).await
}

/// What was sent, with the secrets that were hidden from its sender.
pub(crate) fn with_secrets(mut settings: Value, seen: Option<&Arc<Connector>>) -> Result<Value, Problem> {
    if let Some(seen) = seen {
        keep_hidden(&mut settings, &seen.settings);
    }
    if holds_hidden(&settings) {
        let detail = format!("{HIDDEN:?} stands for a secret that is not there; send the secret");
        return Err(Problem::new(Code::RequestMalformed, detail));
    }
    Ok(settings)
}

fn holds_hidden(settings: &Value) -> bool {
    match settings {
        Value::Object(members) => members.values().any(holds_hidden),
        other => other == HIDDEN,
    }
}

/// Settings as everybody may see them.
pub(crate) fn shown(settings: &Value) -> Value {
    let mut shown = settings.clone();
    hide(&mut shown);
    shown
}

fn refused(error: Error) -> Problem {
    match &error {
        Error::Stale { .. } => Problem::new(Code::VersionConflict, error.to_string()),
        _ => crate::api::refused(error),
    }
}

/// What differs between a connector before and after, as changes of an act. A secret that changed shows as hidden.
fn differences(act: Act, before: Option<&Connector>, after: Option<&Connector>) -> Act {
    let said = |of: Option<&Connector>| {
        let mut said = Vec::new();
        if let Some(of) = of {
            said.push(("paused".to_owned(), Value::Bool(of.paused)));
            flatten("", &of.settings, &mut said);
        }
        said
    };
    let (old, new) = (said(before), said(after));
    let mut names: Vec<&String> = old.iter().chain(&new).map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    names.into_iter().fold(act, |act, name| {
        let of = |said: &[(String, Value)]| {
            said.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        };
        let (old, new) = (of(&old), of(&new));
        if old == new {
            return act;
        }
        let secret = indelible_connect::SECRETS.iter().any(|secret| name.ends_with(&format!(".{secret}")));
        let text = |value: Option<Value>| match value {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) if text.is_empty() => text,
            Some(_) if secret => HIDDEN.to_owned(),
            Some(Value::String(text)) => text,
            Some(other) => other.to_string(),
        };
        act.change(name, text(old), text(new))
    })
}

fn flatten(path: &str, value: &Value, said: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, member, said);
            }
        }
        other => said.push((path.to_owned(), other.clone())),
    }
}
