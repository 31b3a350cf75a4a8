//! Puts a value read from a raw event into one place of ours, in the form that the place has. A value that does not fit is refused
//! with the reason and changes nothing.

use crate::event_type::ParamDef;
use crate::finding::{Finding, FindingId};
use crate::path::Target;
use indelible_event::{Class, Event, Field, Kind, MAX_PARAM_NAME_BYTES, Map, Param, Value};

/// The text of a scalar.
pub(crate) fn to_text(value: Value) -> Result<String, String> {
    match value {
        Value::Text(text) | Value::Decimal(text) => Ok(text),
        Value::Int(number) => Ok(number.to_string()),
        Value::Bool(value) => Ok(value.to_string()),
        other => Err(format!("{} is no text", other.kind_name())),
    }
}

/// An integer, or the text of one.
pub(crate) fn to_int(value: &Value) -> Option<i64> {
    value.as_int().or_else(|| value.as_text().and_then(|text| text.trim().parse().ok()))
}

/// True or false, or the text of it.
pub(crate) fn to_bool(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A value in the form of a field's kind.
fn fit(kind: Kind, value: Value) -> Result<Value, String> {
    let wrong = |value: &Value, wanted: &str| format!("{} is not {wanted}", value.kind_name());
    match kind {
        Kind::Text(_) | Kind::Word(_) => to_text(value).map(Value::Text),
        Kind::Int(..) | Kind::Sequence => {
            to_int(&value).map(Value::Int).ok_or_else(|| wrong(&value, "an integer"))
        }
        Kind::Bool => to_bool(&value).map(Value::Bool).ok_or_else(|| wrong(&value, "true or false")),
        Kind::Time => match value {
            Value::Time(_) => Ok(value),
            other => Err(format!("{}; add as = \"time\" to the rule", wrong(&other, "a time"))),
        },
        Kind::Texts(..) => match value {
            Value::List(items) => items
                .into_iter()
                .map(|item| to_text(item).map(Value::Text))
                .collect::<Result<_, _>>()
                .map(Value::List),
            other => to_text(other).map(|text| Value::List(vec![Value::Text(text)])),
        },
        Kind::Records(..) | Kind::Record(_) | Kind::Free => Ok(value),
    }
}

/// Puts a value into a place of the event itself.
pub(crate) fn place(event: &mut Event, target: &Target, value: Value) -> Result<(), String> {
    match target {
        Target::Field(field) => {
            let value = fit(field.def().kind, value)?;
            field.def().check(&value)?;
            event.set(*field, value);
            Ok(())
        }
        Target::Item(field, index) => {
            let text = Value::Text(to_text(value)?);
            change_list(event, *field, |items| match items.get_mut(*index) {
                Some(item) => *item = text,
                None => items.push(text),
            })
        }
        Target::Member(field, index, name) => {
            let value = member_value(value)?;
            change_list(event, *field, |items| {
                let at = (*index).min(items.len());
                if at == items.len() {
                    items.push(Value::Map(Map::new()));
                }
                if let Some(Value::Map(record)) = items.get_mut(at) {
                    record.insert((*name).to_owned(), value);
                }
            })
        }
        Target::RecordMember(field, name) => {
            let mut record = match event.get(*field) {
                Some(Value::Map(record)) => record.clone(),
                _ => Map::new(),
            };
            record.insert((*name).to_owned(), member_value(value)?);
            let record = Value::Map(record);
            field.def().check(&record)?;
            event.set(*field, record);
            Ok(())
        }
        Target::Param(name) => {
            event.set_param(Param { name: name.clone(), class: Class::Separate, value });
            Ok(())
        }
        Target::Params | Target::Extra(_) | Target::Key => Ok(()),
    }
}

fn member_value(value: Value) -> Result<Value, String> {
    match value {
        Value::List(_) | Value::Bool(_) | Value::Map(_) => Ok(value),
        other => to_text(other).map(Value::Text),
    }
}

fn change_list(event: &mut Event, field: Field, change: impl FnOnce(&mut Vec<Value>)) -> Result<(), String> {
    let mut items = match event.get(field) {
        Some(Value::List(items)) => items.clone(),
        _ => Vec::new(),
    };
    change(&mut items);
    let list = Value::List(items);
    field.def().check(&list)?;
    event.set(field, list);
    Ok(())
}

/// Where the values go that no setting named.
pub(crate) struct Placed<'a> {
    pub(crate) event: &'a mut Event,
    pub(crate) extra: &'a mut Map,
    pub(crate) findings: &'a mut Vec<Finding>,
}

impl Placed<'_> {
    /// Parameters by the keys of a map: `scope.name`, objects by scope, or names that one declared parameter has.
    pub(crate) fn params(&mut self, declared: &[ParamDef], map: Map) {
        let scoped =
            |scope: &str| declared.iter().any(|def| def.scope() == scope && def.name != def.bare_name());
        for (key, value) in map {
            match value {
                Value::Map(inner) if scoped(&key) => {
                    for (name, value) in inner {
                        self.param(declared, format!("{key}.{name}"), value);
                    }
                }
                value => self.param(declared, key, value),
            }
        }
    }

    fn param(&mut self, declared: &[ParamDef], key: String, value: Value) {
        let same_bare: Vec<_> = declared.iter().filter(|def| def.bare_name() == key).collect();
        let exact = declared.iter().find(|def| def.name == key);
        let only = if let [def] = same_bare.as_slice() { Some(*def) } else { None };
        if let Some(def) = exact.or(only) {
            self.event.set_param(Param { name: def.name.clone(), class: Class::Separate, value });
            return;
        }
        let (id, hint) = if same_bare.is_empty() {
            (FindingId::ParamUndeclared, "the name is not declared; it is kept in data")
        } else {
            (FindingId::ParamScopeUnknown, "the name is declared in several scopes; it is kept in data")
        };
        if !self.findings.iter().any(|finding| finding.id == id) {
            self.findings.push(Finding::new(id, "/params", hint));
        }
        self.extra.insert(key, value);
    }

    /// What no rule used: a declared parameter's name becomes the parameter, everything else is kept by the sender's names.
    pub(crate) fn rest(&mut self, declared: &[ParamDef], rest: Map) {
        for (key, value) in rest {
            let is_param = key.len() <= MAX_PARAM_NAME_BYTES
                && declared.iter().any(|def| def.name == key)
                && self.event.param(&key).is_none();
            if is_param {
                self.event.set_param(Param { name: key, class: Class::Separate, value });
            } else if self.extra.get(&key).is_none() {
                self.extra.insert(key, value);
            }
        }
    }
}
