//! The node's settings: one table, four layers (default, file, environment, flag), each value with its origin.
//!
//! What belongs to an organization (policies, keys) is not here but in `control`. Secrets are never settings.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// What text a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// Any text.
    Text,
    /// A file or folder.
    Path,
    /// `ADDRESS:PORT`.
    Address,
    /// `true` or `false`.
    Bool,
    /// A number with unit: `500ms`, `5s`, `15m`, `24h`, `7d`.
    Duration,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// One setting: its name in the file, its default and what it is for.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// `section.key` in the file; `INDELIBLE__SECTION__KEY` in the environment.
    pub key: &'static str,
    /// What text it takes.
    pub kind: SettingKind,
    /// Used when nothing else is said; empty means not set.
    pub default: &'static str,
    /// One sentence.
    pub doc: &'static str,
}

const fn setting(key: &'static str, kind: SettingKind, default: &'static str, doc: &'static str) -> Setting {
    Setting { key, kind, default, doc }
}

/// Every setting there is; the reference page is generated from this table.
pub const SETTINGS: &[Setting] = &[
    setting(
        "node.data",
        SettingKind::Path,
        "./indelible-data",
        "Folder of the store: events, keys, configuration.",
    ),
    setting(
        "node.must_exist",
        SettingKind::Bool,
        "false",
        "Refuse to found a new store when the data folder is empty: protects against a lost mount.",
    ),
    setting(
        "node.anchor_dir",
        SettingKind::Path,
        "",
        "Folder outside the data folder for the anchor file, which shows when an older copy of the data was put back. Default: the user's state directory.",
    ),
    setting("node.catalogs", SettingKind::Path, "", "Folder with your own catalogs, one folder each."),
    setting(
        "log.host",
        SettingKind::Text,
        "",
        "Host name in the origin of every log created from now on, such as audit.example.org. Default: the node id under .invalid.",
    ),
    setting("http.listen", SettingKind::Address, "127.0.0.1:7513", "Address of the API."),
    setting(
        "http.admin_listen",
        SettingKind::Address,
        "127.0.0.1:7514",
        "Address of health, readiness and metrics.",
    ),
    setting(
        "http.behind_proxy",
        SettingKind::Bool,
        "false",
        "A proxy in front of this server ends TLS; needed to listen on another than a loopback address without tls.certificate.",
    ),
    setting(
        "http.public_url",
        SettingKind::Text,
        "",
        "URL under which clients reach the server; used in links. Default: http:// or https:// and the listen address.",
    ),
    setting(
        "tls.certificate",
        SettingKind::Path,
        "",
        "PEM file with the server's certificate and those between it and its authority; with it the API speaks TLS and nothing else. Read again when it changes and on SIGHUP.",
    ),
    setting(
        "tls.key",
        SettingKind::Path,
        "",
        "PEM file with the private key of tls.certificate; others must not be able to read it.",
    ),
    setting(
        "tls.client_ca",
        SettingKind::Path,
        "",
        "PEM file with the authorities whose certificates clients may show; a key can then be bound to a certificate.",
    ),
    setting(
        "intake.late_after",
        SettingKind::Duration,
        "24h",
        "An event received later than this after it occurred is flagged late.",
    ),
    setting(
        "intake.ahead_after",
        SettingKind::Duration,
        "5m",
        "An event that occurred more than this in the future is flagged clock_ahead.",
    ),
    setting(
        "intake.keep_raw",
        SettingKind::Bool,
        "true",
        "Keep events of foreign formats as received, minus secrets, beside what was read from them.",
    ),
    setting(
        "checkpoint.interval",
        SettingKind::Duration,
        "500ms",
        "Longest time between a commit and the signed checkpoint that covers it; at most 1s.",
    ),
    setting(
        "telemetry.format",
        SettingKind::Word(&["auto", "json", "text"]),
        "auto",
        "Form of the program's own log on standard error: text on a terminal, else JSON.",
    ),
    setting(
        "telemetry.level",
        SettingKind::Word(&["error", "warn", "info", "debug", "trace"]),
        "info",
        "How much the program's own log says.",
    ),
];

/// A value and where it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The value as text.
    pub value: String,
    /// `default`, `FILE:LINE`, the variable's name or the flag's.
    pub origin: String,
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {message}")]
pub struct ConfigError {
    /// Where it was said.
    pub origin: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// Every setting with its value and origin.
#[derive(Clone, Debug)]
pub struct Config {
    said: BTreeMap<&'static str, Said>,
}

/// The variables' common beginning.
const ENV_PREFIX: &str = "INDELIBLE__";

impl Config {
    /// Merges the layers, later ones win: defaults, the file (name and text), environment, flags (flag, key, value).
    pub fn load(
        file: Option<(&str, &str)>,
        environment: impl Iterator<Item = (String, String)>,
        flags: &[(&str, &'static str, String)],
    ) -> Result<Self, ConfigError> {
        let mut config = Self {
            said: SETTINGS
                .iter()
                .map(|s| (s.key, Said { value: s.default.to_owned(), origin: "default".to_owned() }))
                .collect(),
        };
        if let Some((name, text)) = file {
            config.read_file(name, text)?;
        }
        for (name, value) in environment {
            if let Some(rest) = name.strip_prefix(ENV_PREFIX) {
                let key = rest.to_ascii_lowercase().replace("__", ".");
                config.say(&key, value, name)?;
            }
        }
        for (flag, key, value) in flags {
            config.say(key, value.clone(), (*flag).to_owned())?;
        }
        Ok(config)
    }

    fn read_file(&mut self, name: &str, text: &str) -> Result<(), ConfigError> {
        let line = |offset: usize| 1 + text.bytes().take(offset).filter(|&b| b == b'\n').count();
        let at = |span: Option<std::ops::Range<usize>>| {
            span.map_or_else(|| name.to_owned(), |span| format!("{name}:{}", line(span.start)))
        };
        let document = toml_edit::Document::parse(text.to_owned())
            .map_err(|error| ConfigError { origin: at(error.span()), message: error.message().to_owned() })?;
        for (section, item) in document.iter() {
            let table = item.as_table_like().ok_or_else(|| ConfigError {
                origin: at(item.span()),
                message: format!("{section} must be a section: [{section}] with keys below it"),
            })?;
            for (key, item) in table.iter() {
                let origin = at(item.span());
                let value = match item.as_value() {
                    Some(toml_edit::Value::String(text)) => text.value().clone(),
                    Some(toml_edit::Value::Boolean(value)) => value.value().to_string(),
                    Some(toml_edit::Value::Integer(value)) => value.value().to_string(),
                    _ => {
                        let message = format!("{section}.{key} must be text, a number, true or false");
                        return Err(ConfigError { origin, message });
                    }
                };
                self.say(&format!("{section}.{key}"), value, origin)?;
            }
        }
        Ok(())
    }

    fn say(&mut self, key: &str, value: String, origin: String) -> Result<(), ConfigError> {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.key == key) else {
            let nearest = nearest(key, SETTINGS.iter().map(|setting| setting.key));
            let message = format!("there is no setting {key}; did you mean {nearest}?");
            return Err(ConfigError { origin, message });
        };
        check(setting, &value).map_err(|what| ConfigError {
            origin: origin.clone(),
            message: format!("{key} = {value:?} {what}"),
        })?;
        self.said.insert(setting.key, Said { value, origin });
        Ok(())
    }

    /// Every setting in the order of the table, with its value and origin.
    pub fn entries(&self) -> impl Iterator<Item = (&'static Setting, &Said)> {
        SETTINGS.iter().filter_map(|setting| Some((setting, self.said.get(setting.key)?)))
    }

    fn value(&self, key: &str) -> &str {
        &self.said.get(key).expect("asked for a key of the table").value
    }

    /// A text setting; `None` when it is not set.
    pub fn text(&self, key: &str) -> Option<&str> {
        Some(self.value(key)).filter(|text| !text.is_empty())
    }

    /// A path setting; `None` when it is not set.
    pub fn path(&self, key: &str) -> Option<PathBuf> {
        self.text(key).map(PathBuf::from)
    }

    /// An address setting.
    pub fn address(&self, key: &str) -> SocketAddr {
        self.value(key).parse().expect("checked when it was said")
    }

    /// A switch.
    pub fn bool(&self, key: &str) -> bool {
        self.value(key) == "true"
    }

    /// A duration setting.
    pub fn duration(&self, key: &str) -> Duration {
        duration(self.value(key)).expect("checked when it was said")
    }
}

fn check(setting: &Setting, value: &str) -> Result<(), String> {
    if value.is_empty() && setting.default.is_empty() {
        return Ok(());
    }
    let refuse = |what: &str| Err(what.to_owned());
    match setting.kind {
        SettingKind::Text | SettingKind::Path if value.is_empty() => refuse("must not be empty"),
        SettingKind::Address if value.parse::<SocketAddr>().is_err() => {
            refuse("is not an address and port such as 127.0.0.1:7513")
        }
        SettingKind::Bool if !matches!(value, "true" | "false") => refuse("must be true or false"),
        SettingKind::Duration if duration(value).is_none() => {
            refuse("is not a duration such as 500ms, 5s, 15m, 24h or 7d")
        }
        SettingKind::Word(words) if !words.contains(&value) => {
            Err(format!("must be one of {}", words.join(", ")))
        }
        _ => Ok(()),
    }
}

/// A duration as settings say it: `500ms`, `5s`, `15m`, `24h`, `7d`.
pub fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

/// The candidate with the fewest edits from `word`.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> &'a str {
    candidates.min_by_key(|candidate| edits(word, candidate)).unwrap_or_default()
}

fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (slot, to) in row.iter_mut().skip(1).zip(&b) {
            let best = (*slot + 1).min(left + 1).min(diagonal + usize::from(from != *to));
            diagonal = *slot;
            *slot = best;
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// The reference page of all settings, in Markdown.
pub fn reference() -> String {
    let mut page = String::from(
        "# Settings\n\nSaid in a TOML file (`indelible serve --config FILE`), in the environment, or as a flag; later ones win.\n`indelible config show --origin` prints what holds and where it was said.\n\n| setting | default | meaning |\n|---|---|---|\n",
    );
    page.extend(SETTINGS.iter().map(|setting| {
        let default = if setting.default.is_empty() { "not set" } else { setting.default };
        format!("| `{}` | `{default}` | {} |\n", setting.key, setting.doc)
    }));
    page.push_str("\nIn the environment a setting is named `INDELIBLE__SECTION__KEY`, such as `INDELIBLE__HTTP__LISTEN`.\n");
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(file: &str, env: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let env = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Config::load(Some(("node.toml", file)), env, &[])
    }

    #[test]
    fn later_layers_win_and_say_where() {
        let config = load(
            "[http]\nlisten = \"127.0.0.1:1\"\nbehind_proxy = true\n",
            &[("INDELIBLE__HTTP__LISTEN", "127.0.0.1:2"), ("PATH", "/bin")],
        )
        .unwrap();
        let said = |key: &str| config.entries().find(|(s, _)| s.key == key).unwrap().1.clone();
        assert_eq!(said("http.listen").value, "127.0.0.1:2");
        assert_eq!(said("http.listen").origin, "INDELIBLE__HTTP__LISTEN");
        assert_eq!(said("http.behind_proxy").origin, "node.toml:3");
        assert_eq!(said("node.data").origin, "default");
        assert_eq!(config.duration("intake.late_after"), Duration::from_hours(24));
    }

    #[test]
    fn mistakes_name_place_and_remedy() {
        let message = |file: &str| load(file, &[]).unwrap_err().to_string();
        assert_eq!(
            message("[http]\nlisen = \"x\"\n"),
            "node.toml:2: there is no setting http.lisen; did you mean http.listen?"
        );
        assert_eq!(
            message("[http]\n\nlisten = \"x\"\n"),
            "node.toml:3: http.listen = \"x\" is not an address and port such as 127.0.0.1:7513"
        );
        assert!(message("[http\n").starts_with("node.toml:1: "));
        assert!(message("http = 3\n").contains("must be a section"));
    }

    #[test]
    fn defaults_are_valid() {
        for setting in SETTINGS {
            assert_eq!(check(setting, setting.default), Ok(()), "{}", setting.key);
        }
    }
}
