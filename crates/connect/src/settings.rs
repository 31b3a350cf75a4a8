//! How a connector says what it can be told: one definition gives the struct, its JSON and its reference page.

use serde_json::Value;

/// Members of any settings that are never shown: what is shown in their place is [`HIDDEN`], and sending that back keeps
/// what is there.
pub const SECRETS: [&str; 2] = ["password", "secret"];
/// What stands for a secret.
pub const HIDDEN: &str = "(hidden)";

/// One member of a connector's settings.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub doc: &'static str,
}

/// Defines the settings of a connector: a struct with its defaults, read strictly from JSON, and a row for each member.
macro_rules! settings {
    ($(#[doc = $about:literal])+ $name:ident { $($(#[doc = $doc:literal])+ $member:ident: $type:ty = $default:expr,)* }) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name { $($(#[doc = $doc])+ pub $member: $type,)* }

        impl Default for $name {
            fn default() -> Self {
                Self { $($member: $default,)* }
            }
        }

        impl $name {
            /// What it is.
            pub const ABOUT: &'static str = concat!($($about, "\n"),+);
            /// Its members.
            pub const ROWS: &'static [$crate::Row] = &[
                $($crate::Row { name: stringify!($member), doc: concat!($($doc),+) },)*
            ];
        }
    };
}
pub(crate) use settings;

/// Puts [`HIDDEN`] in place of secrets, at any depth.
pub fn hide(value: &mut Value) {
    walk(value, &mut |member| {
        if member.as_str().is_some_and(|text| !text.is_empty()) {
            *member = HIDDEN.into();
        }
    });
}

/// Puts the secrets of `before` where [`HIDDEN`] stands.
pub fn keep_hidden(value: &mut Value, before: &Value) {
    if let (Value::Object(members), Value::Object(old)) = (value, before) {
        for (name, member) in members {
            match old.get(name) {
                Some(old) if SECRETS.contains(&name.as_str()) && member == HIDDEN => *member = old.clone(),
                Some(old) => keep_hidden(member, old),
                None => {}
            }
        }
    }
}

fn walk(value: &mut Value, secret: &mut impl FnMut(&mut Value)) {
    if let Value::Object(members) = value {
        for (name, member) in members {
            if SECRETS.contains(&name.as_str()) { secret(member) } else { walk(member, secret) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_hidden_and_kept() {
        let kept = json!({ "destination": { "webhook": { "url": "https://x", "secret": "s" } } });
        let mut shown = kept.clone();
        hide(&mut shown);
        assert_eq!(shown["destination"]["webhook"], json!({ "url": "https://x", "secret": HIDDEN }));
        shown["destination"]["webhook"]["url"] = json!("https://y");
        keep_hidden(&mut shown, &kept);
        assert_eq!(shown["destination"]["webhook"], json!({ "url": "https://y", "secret": "s" }));
    }
}
