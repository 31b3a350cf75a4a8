//! An event in memory: fields by the table, parameters by the catalog.

use crate::{
    Class, Field, Kind, MAX_PARAM_BYTES, MAX_PARAM_NAME_BYTES, MAX_PARAMS, Map, Time, Value, value::MAX_DEPTH,
};

/// A parameter that the catalog declares, with the class it is committed under.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// `scope.name`, or `name` alone in the event's own scope.
    pub name: String,
    /// Privacy class. Of an event read back it is as much as the stored form tells: plain, separate or personal.
    pub class: Class,
    /// The value; empty text is a value.
    pub value: Value,
}

/// What happened. Holds no index, receipt or received time: those belong to the log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// Sorted by field.
    fields: Vec<(Field, Value)>,
    /// Sorted by name.
    params: Vec<Param>,
}

/// A field or parameter that an event must not have, or not so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path} {what}")]
pub struct EventError {
    /// Path of the field, or `params.<name>`.
    pub path: String,
    /// What was expected instead.
    pub what: String,
}

impl Event {
    /// An event without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// An event with room for so many fields and parameters.
    pub fn with_capacity(fields: usize, params: usize) -> Self {
        Self { fields: Vec::with_capacity(fields), params: Vec::with_capacity(params) }
    }

    /// The value of a field.
    pub fn get(&self, field: Field) -> Option<&Value> {
        let at = self.fields.binary_search_by_key(&field, |(field, _)| *field).ok()?;
        self.fields.get(at).map(|(_, value)| value)
    }

    /// The value of a field, to change it.
    pub fn get_mut(&mut self, field: Field) -> Option<&mut Value> {
        let at = self.fields.binary_search_by_key(&field, |(field, _)| *field).ok()?;
        self.fields.get_mut(at).map(|(_, value)| value)
    }

    /// The text of a field, if it holds one.
    pub fn text(&self, field: Field) -> Option<&str> {
        self.get(field).and_then(Value::as_text)
    }

    /// The time of a field, if it holds one.
    pub fn time(&self, field: Field) -> Option<Time> {
        self.get(field).and_then(Value::as_time)
    }

    /// Sets a field; a value it had is replaced.
    pub fn set(&mut self, field: Field, value: impl Into<Value>) {
        let value = value.into();
        // Fields mostly arrive in the order of the table.
        if self.fields.last().is_none_or(|(last, _)| *last < field) {
            return self.fields.push((field, value));
        }
        match self.fields.binary_search_by_key(&field, |(field, _)| *field) {
            Ok(at) => {
                if let Some((_, old)) = self.fields.get_mut(at) {
                    *old = value;
                }
            }
            Err(at) => self.fields.insert(at, (field, value)),
        }
    }

    /// Takes a field out and returns its value.
    pub fn remove(&mut self, field: Field) -> Option<Value> {
        let at = self.fields.binary_search_by_key(&field, |(field, _)| *field).ok()?;
        Some(self.fields.remove(at).1)
    }

    /// Fields that are present, in the order of the table.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (Field, &Value)> {
        self.fields.iter().map(|(field, value)| (*field, value))
    }

    /// Fields that are present, values to change.
    pub fn fields_mut(&mut self) -> impl ExactSizeIterator<Item = (Field, &mut Value)> {
        self.fields.iter_mut().map(|(field, value)| (*field, value))
    }

    /// Parameters in the order of their names.
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// Parameters, to change their values and classes; names keep their order.
    pub fn params_mut(&mut self) -> impl ExactSizeIterator<Item = (&str, &mut Class, &mut Value)> {
        self.params.iter_mut().map(|param| (param.name.as_str(), &mut param.class, &mut param.value))
    }

    /// A parameter by name.
    pub fn param(&self, name: &str) -> Option<&Param> {
        let at = self.params.binary_search_by(|param| param.name.as_str().cmp(name)).ok()?;
        self.params.get(at)
    }

    /// Sets a parameter; one of the same name is replaced.
    pub fn set_param(&mut self, param: Param) {
        match self.params.binary_search_by(|present| present.name.cmp(&param.name)) {
            Ok(at) => {
                if let Some(old) = self.params.get_mut(at) {
                    *old = param;
                }
            }
            Err(at) => self.params.insert(at, param),
        }
    }

    /// Takes a parameter out.
    pub fn remove_param(&mut self, name: &str) -> Option<Param> {
        let at = self.params.binary_search_by(|param| param.name.as_str().cmp(name)).ok()?;
        Some(self.params.remove(at))
    }

    /// Adds a finding's name to `flags`, once; beyond the field's limit further names are dropped, since the
    /// thirty-third problem of one event tells nothing new.
    pub fn flag(&mut self, name: &str) {
        let Kind::Texts(limit, _) = Field::Flags.def().kind else { return };
        match self.get_mut(Field::Flags) {
            Some(Value::List(flags)) => {
                if flags.len() < limit && !flags.iter().any(|flag| flag.as_text() == Some(name)) {
                    flags.push(name.into());
                }
            }
            _ => self.set(Field::Flags, vec![Value::from(name)]),
        }
    }

    /// Adds a relation to another event or code; beyond the field's limit further ones are dropped.
    pub fn relate(&mut self, kind: &str, id: &str) {
        let Kind::Records(limit, _) = Field::Relates.def().kind else { return };
        let mut relation = Map::with_capacity(2);
        relation.insert("id".to_owned(), id.into());
        relation.insert("kind".to_owned(), kind.into());
        match self.get_mut(Field::Relates) {
            Some(Value::List(list)) if list.len() >= limit => {}
            Some(Value::List(list)) => list.push(Value::Map(relation)),
            _ => self.set(Field::Relates, vec![Value::Map(relation)]),
        }
    }

    /// The findings in `flags`.
    pub fn flags(&self) -> impl Iterator<Item = &str> {
        self.get(Field::Flags).and_then(Value::as_list).unwrap_or_default().iter().filter_map(Value::as_text)
    }

    /// Checks types and limits of every field and parameter; returns the first that is wrong.
    pub fn check(&self) -> Result<(), EventError> {
        let error = |path: String, what: String| EventError { path, what };
        for (field, value) in self.fields() {
            let def = field.def();
            def.check(value).map_err(|what| error(def.path.to_owned(), what))?;
            if value.depth() > MAX_DEPTH {
                return Err(error(def.path.to_owned(), format!("is nested deeper than {MAX_DEPTH}")));
            }
        }
        if self.params.len() > MAX_PARAMS {
            let what = format!("has {} entries, at most {MAX_PARAMS} are taken", self.params.len());
            return Err(error("params".to_owned(), what));
        }
        self.params.iter().try_for_each(|param| {
            check_param(param).map_err(|what| error(format!("params.{}", param.name), what))
        })
    }
}

fn check_param(param: &Param) -> Result<(), String> {
    if param.name.len() > MAX_PARAM_NAME_BYTES {
        return Err(format!(
            "has a name of {} bytes, at most {MAX_PARAM_NAME_BYTES} are taken",
            param.name.len()
        ));
    }
    if !crate::body::is_item_path(&param.name) {
        return Err("has a name with other characters than a-z, 0-9, _ and dots between".to_owned());
    }
    let bytes = match &param.value {
        Value::Text(text) => text.len(),
        Value::List(_) | Value::Map(_) => {
            let mut out = Vec::new();
            param.value.encode(&mut out);
            out.len()
        }
        _ => 0,
    };
    if bytes > MAX_PARAM_BYTES {
        return Err(format!("has {bytes} bytes, at most {MAX_PARAM_BYTES} are taken"));
    }
    if param.value.depth() > MAX_DEPTH {
        return Err(format!("is nested deeper than {MAX_DEPTH}"));
    }
    Ok(())
}
