//! The profile file: what is written is read back, and a file that others may read is refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use indelible_control::{Error, Profile, Profiles, profile_path};

fn profile(token: Option<&str>) -> Profile {
    Profile {
        server: "http://127.0.0.1:7513".to_owned(),
        organization: Some("default".to_owned()),
        token: token.map(str::to_owned),
        token_file: None,
        ca: None,
    }
}

fn put(path: &Path, mode: u32, text: &str) {
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path).unwrap();
    file.set_permissions(fs::Permissions::from_mode(mode)).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn written_profiles_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/profiles.toml");
    assert_eq!(Profiles::read(&path).unwrap(), Profiles::default());
    let mut profiles = Profiles { current: Some("home".to_owned()), ..Profiles::default() };
    profiles.profile.insert("home".to_owned(), profile(Some("idl_x")));
    profiles.write(&path).unwrap();
    profiles.profile.insert("work".to_owned(), profile(None));
    profiles.write(&path).unwrap();
    assert_eq!(Profiles::read(&path).unwrap(), profiles);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    assert!(!format!("{profiles:?}").contains("idl_x"));
}

#[test]
fn a_file_open_to_others_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profiles.toml");
    put(&path, 0o640, "");
    let error = Profiles::read(&path).unwrap_err();
    assert!(matches!(error, Error::Exposed { mode: 0o640, .. }));
    assert!(error.to_string().contains("chmod 600"));
}

#[test]
fn mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("profiles.toml");
    let cases = [
        ("[profile.a]\nserver = \"http://x\"\ntokne = \"y\"\n", "tokne"),
        ("[profile.a]\nserver = \"x\"\n", "http://"),
        ("current = \"b\"\n[profile.a]\nserver = \"http://x\"\n", "profile b"),
        ("[profile.a]\nserver = \"http://x\"\ntoken = \"y\"\ntoken_file = \"z\"\n", "keep one"),
    ];
    for (text, expected) in cases {
        put(&path, 0o600, text);
        let error = Profiles::read(&path).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn tokens_come_by_value_or_by_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    put(&file, 0o600, "idl_from_file\n");
    assert_eq!(profile(Some("idl_x")).read_token().unwrap().unwrap(), "idl_x");
    assert_eq!(profile(None).read_token().unwrap(), None);
    let by_file = Profile { token_file: Some(file.clone()), ..profile(None) };
    assert_eq!(by_file.read_token().unwrap().unwrap(), "idl_from_file");
    put(&file, 0o604, "idl_from_file\n");
    assert!(matches!(by_file.read_token(), Err(Error::Exposed { .. })));
}

#[test]
fn the_profile_is_chosen_by_name_then_current_then_alone() {
    let mut profiles = Profiles::default();
    assert!(profiles.select(None).is_none());
    profiles.profile.insert("a".to_owned(), profile(None));
    assert_eq!(profiles.select(None).unwrap().0, "a");
    profiles.profile.insert("b".to_owned(), profile(None));
    assert!(profiles.select(None).is_none());
    profiles.current = Some("b".to_owned());
    assert_eq!(profiles.select(None).unwrap().0, "b");
    assert_eq!(profiles.select(Some("a")).unwrap().0, "a");
    assert!(profiles.select(Some("c")).is_none());
}

#[test]
fn the_path_follows_the_environment_given() {
    let text = |value: &str| Some(OsString::from(value));
    assert_eq!(profile_path(text("/x.toml"), text("/c"), text("/h")).unwrap(), Path::new("/x.toml"));
    assert_eq!(
        profile_path(text(""), text("/c"), text("/h")).unwrap(),
        Path::new("/c/indelible/profiles.toml")
    );
    assert_eq!(
        profile_path(None, None, text("/h")).unwrap(),
        Path::new("/h/.config/indelible/profiles.toml")
    );
    assert_eq!(profile_path(None, None, None), None);
}
