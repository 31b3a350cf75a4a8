//! `param(json, 'name')`: a member of a JSON object as text, for parameters and for every other column that holds JSON.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringViewBuilder};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use serde_json::Value;

/// The name that statements call it by.
pub(crate) const NAME: &str = "param";

/// The function, to be registered.
pub(crate) fn function() -> ScalarUDF {
    let signature = Signature::exact(vec![DataType::Utf8View, DataType::Utf8View], Volatility::Immutable);
    ScalarUDF::new_from_impl(Member { signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Member {
    signature: Signature,
}

impl ScalarUDFImpl for Member {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let [json, name] = args.args.as_slice() else { return exec_err!("param takes a column and a name") };
        let (json, name) = (json.to_array(rows)?, name.to_array(rows)?);
        let (Some(json), Some(name)) = (json.as_string_view_opt(), name.as_string_view_opt()) else {
            return exec_err!("param takes texts");
        };
        let mut out = StringViewBuilder::with_capacity(json.len());
        for (json, name) in json.iter().zip(name.iter()) {
            out.append_option(json.zip(name).and_then(|(json, name)| member(json, name)));
        }
        Ok(ColumnarValue::Array(Arc::new(out.finish()) as ArrayRef))
    }
}

/// The member of this name, or at this path of names and numbers with dots between; text without quotes, lists and
/// objects as JSON. `None` when it is not there, is null, or the text is no JSON.
fn member(json: &str, name: &str) -> Option<String> {
    let whole: Value = serde_json::from_str(json).ok()?;
    let found = whole.get(name).or_else(|| {
        name.split('.').try_fold(&whole, |value, step| match value {
            Value::Array(list) => list.get(step.parse::<usize>().ok()?),
            other => other.get(step),
        })
    })?;
    match found {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_dots_paths_and_numbers() {
        let json = r#"{"guest.nrc":"42","a":{"b":[1,{"c":true}]},"n":null,"x":1.50}"#;
        for (name, found) in [
            ("guest.nrc", Some("42")),
            ("a.b.1.c", Some("true")),
            ("a.b", Some(r#"[1,{"c":true}]"#)),
            ("n", None),
            ("missing", None),
            ("a.b.7", None),
        ] {
            assert_eq!(member(json, name).as_deref(), found, "{name}");
        }
        assert_eq!(member("no json", "a"), None);
    }
}
