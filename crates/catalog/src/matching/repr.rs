//! Printed forms of a program's objects, where a name or id should stand.

use indelible_event::Value;

/// `<SimpleLazyObject: …>`, `<User object at 0x…>`: how a program prints an object that it should have named.
fn is_repr(text: &str) -> bool {
    let Some(inner) = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) else { return false };
    let name = inner.len()
        - inner.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.').len();
    let rest = inner.get(name..).unwrap_or("");
    name > 0 && (rest.starts_with(": ") || rest.starts_with(" object") || rest.starts_with(" at 0x"))
}

pub(super) fn find_repr(value: &Value, pointer: &mut String, found: &mut Vec<String>) {
    let length = pointer.len();
    match value {
        Value::Text(text) if is_repr(text) => found.push(pointer.clone()),
        Value::Map(map) => {
            for (key, item) in map.iter() {
                pointer.push('/');
                pointer.push_str(key);
                find_repr(item, pointer, found);
                pointer.truncate(length);
            }
        }
        Value::List(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push('/');
                pointer.push_str(&index.to_string());
                find_repr(item, pointer, found);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_told_from_markup() {
        let cases = [
            ("<SimpleLazyObject: <User: jo>>", true),
            ("<User object at 0x7f>", true),
            ("<function f at 0x7f>", false),
            ("<b>bold</b>", false),
            ("<html>", false),
            ("a < b", false),
        ];
        for (text, expected) in cases {
            assert_eq!(is_repr(text), expected, "{text}");
        }
    }
}
