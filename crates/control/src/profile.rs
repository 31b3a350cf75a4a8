//! The command line's file of servers: which server, which organization, which token.
//!
//! `~/.config/indelible/profiles.toml`, or the file that `INDELIBLE_CONFIG` names. It holds tokens, so it is written
//! readable by its owner only and refused when others may read it. Nothing here reads the environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A profile file is some lines; anything larger is another file.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// All profiles of one user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profiles {
    /// The profile used when none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// The profiles by name.
    #[serde(default)]
    pub profile: BTreeMap<String, Profile>,
}

/// One server as one user sees it. The token is given by value or by file, not both.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Base URL, for example `http://127.0.0.1:7513`.
    pub server: String,
    /// The organization used when none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The token itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// A file whose first line is the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// A file with the authorities of the server's certificate; without it the public ones are believed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
}

impl Profile {
    /// The token, read from its file if it is given by file; `None` if the profile has none.
    pub fn read_token(&self) -> Result<Option<String>, Error> {
        let Some(path) = &self.token_file else { return Ok(self.token.clone()) };
        let text = read_private(path)?;
        let token = text.lines().next().unwrap_or_default().trim();
        if token.is_empty() {
            let why = "its first line should be a token".to_owned();
            return Err(Error::Profile { path: path.clone(), why });
        }
        Ok(Some(token.to_owned()))
    }
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("server", &self.server)
            .field("organization", &self.organization)
            .field("token_file", &self.token_file)
            .field("ca", &self.ca)
            .finish_non_exhaustive()
    }
}

/// Where the profile file is: `named` (the value of `INDELIBLE_CONFIG`), else below `config_home` (`XDG_CONFIG_HOME`),
/// else below `home`. `None` if none of the three is given.
pub fn profile_path(
    named: Option<OsString>,
    config_home: Option<OsString>,
    home: Option<OsString>,
) -> Option<PathBuf> {
    let given = |value: Option<OsString>| value.filter(|text| !text.is_empty()).map(PathBuf::from);
    given(named).or_else(|| {
        let folder = given(config_home).or_else(|| given(home).map(|home| home.join(".config")))?;
        Some(folder.join("indelible").join("profiles.toml"))
    })
}

impl Profiles {
    /// Reads the file; a file that does not exist holds no profiles.
    pub fn read(path: &Path) -> Result<Self, Error> {
        match read_private(path) {
            Ok(text) => parse(path, &text),
            Err(Error::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Ok(Self::default())
            }
            Err(error) => Err(error),
        }
    }

    /// The named profile, else the current one, else the only one.
    pub fn select(&self, name: Option<&str>) -> Option<(&str, &Profile)> {
        let wanted = name.or(self.current.as_deref());
        let only = || Some(self.profile.iter().next()).filter(|_| self.profile.len() == 1).flatten();
        let found = match wanted {
            Some(name) => self.profile.get_key_value(name),
            None => only(),
        };
        found.map(|(name, profile)| (name.as_str(), profile))
    }

    /// Writes the file whole, mode 600, through a neighbour that replaces it; folders are made as needed. If we die on
    /// the way the old file stands.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let text = toml::to_string_pretty(self)
            .map_err(|error| Error::Profile { path: path.to_owned(), why: error.to_string() })?;
        parse(path, &text)?;
        let file = |doing: &'static str| {
            let path = path.to_owned();
            move |source| Error::File { doing, path, source }
        };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(file("creating the folder of"))?;
        }
        let new = path.with_extension("toml.new");
        replace(&new, path, text.as_bytes()).map_err(file("writing"))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a profile is no part of the record and lives outside the data folder"
)]
fn replace(new: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(new)?;
    // A neighbour left by an earlier crash may have other permissions.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(new, path)
}

fn parse(path: &Path, text: &str) -> Result<Profiles, Error> {
    let invalid = |why: String| Error::Profile { path: path.to_owned(), why };
    let profiles: Profiles = toml::from_str(text).map_err(|error| invalid(error.to_string()))?;
    for (name, profile) in &profiles.profile {
        if profile.token.is_some() && profile.token_file.is_some() {
            return Err(invalid(format!("profile {name} has both token and token_file: keep one")));
        }
        if !profile.server.starts_with("http://") && !profile.server.starts_with("https://") {
            return Err(invalid(format!("server of profile {name} must start with http:// or https://")));
        }
    }
    match &profiles.current {
        Some(name) if !profiles.profile.contains_key(name) => {
            Err(invalid(format!("current names profile {name}, which is not in the file")))
        }
        _ => Ok(profiles),
    }
}

fn read_private(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::File { doing: "reading", path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(Error::Exposed { path: path.to_owned(), mode });
    }
    if metadata.len() > MAX_FILE_BYTES {
        let why = format!("it is larger than {MAX_FILE_BYTES} bytes");
        return Err(Error::Profile { path: path.to_owned(), why });
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}
