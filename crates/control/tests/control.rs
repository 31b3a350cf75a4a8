//! The control database through its public functions: what an administrator does, and what a later start finds.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write;
use std::hint::black_box;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use indelible_control::{
    AuthError, Binding, Catalogs, Certificate, CertificateHolder, Control, Denied, Error, FirstStart, Grant,
    KeySeed, Kind, NewKey, NewOrganization, NewPerson, OrganizationId, PassphraseHash, Permission, Policy,
    PolicyAction, Role, Salt, Scope, allowed,
};

const NOW: i64 = 1_795_000_000_000;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("control.redb")
    }

    fn open(&self) -> Control {
        open(&self.path()).unwrap()
    }
}

fn open(path: &Path) -> Result<Control, Error> {
    let random = *b"abcdefghijklmnop";
    Control::open(path, &FirstStart { log_host: "node.invalid".to_owned(), random, now_ms: NOW })
}

fn id(text: &str) -> OrganizationId {
    text.parse().unwrap()
}

fn new_org(name: &str) -> NewOrganization {
    NewOrganization {
        id: id(name),
        title: String::new(),
        log_host: "audit.example".to_owned(),
        random: *b"\x01\x23\x45\x67\x89\xab\xcd\xef",
        public: true,
        catalogs: Catalogs::Only(vec!["netop".to_owned()]),
        now_ms: NOW + 1,
    }
}

fn seed(byte: u8) -> KeySeed {
    KeySeed::new([byte; KeySeed::BYTES])
}

fn key(control: &Control, kind: Kind, scope: Scope, byte: u8) -> (String, String) {
    let (key, token) = control.create_key(&NewKey::new(kind, scope), &seed(byte), NOW).unwrap();
    (key.id, token)
}

#[test]
fn first_start_makes_two_organizations_and_no_key() {
    let folder = Folder::new();
    let control = folder.open();
    let seen: Vec<_> = control.orgs().iter().map(|org| (org.id.to_string(), org.log_number)).collect();
    assert_eq!(seen, [("default".to_owned(), 1), ("system".to_owned(), 2)]);
    assert_eq!(control.org("default").unwrap().origin, "node.invalid/log/6162636465666768");
    assert_eq!(control.org("system").unwrap().origin, "node.invalid/log/696a6b6c6d6e6f70");
    assert!(control.list_keys(None).is_empty());
    assert!(!control.has_usable_key(Kind::Admin, NOW));
    let mode = std::fs::metadata(folder.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn everything_is_there_after_a_restart() {
    let folder = Folder::new();
    let control = folder.open();
    let made = control.create_org(new_org("clinic")).unwrap();
    let policy = Policy::from([("code_unknown".to_owned(), PolicyAction::Quarantine)]);
    control.set_org_policy(&id("clinic"), "netop", policy).unwrap();
    let limited = NewKey {
        catalog: Some("netop".to_owned()),
        producer: Some("portal".to_owned()),
        label: "portal of the clinic".to_owned(),
        expires_at_ms: Some(NOW + 10),
        ..NewKey::new(Kind::Ingest, Scope::One(id("clinic")))
    };
    let (_, token) = control.create_key(&limited, &seed(9), NOW).unwrap();
    let (orgs, keys) = (control.orgs(), control.list_keys(None));
    drop(control);

    let again = folder.open();
    assert_eq!(again.orgs(), orgs);
    assert_eq!(again.list_keys(None), keys);
    assert_eq!(made.origin, "audit.example/log/0123456789abcdef");
    assert_eq!(made.log_number, 3);
    let principal = again.authenticate(&token, NOW).unwrap();
    assert_eq!((principal.producer(), principal.catalog()), (Some("portal"), Some("netop")));
    assert!(principal.may_use_catalog("netop") && !principal.may_use_catalog("openkat"));
}

#[test]
fn a_second_opener_is_refused() {
    let folder = Folder::new();
    let _first = folder.open();
    assert!(matches!(open(&folder.path()), Err(Error::InUse { .. })));
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let folder = Folder::new();
    let mut junk = Vec::new();
    junk.resize(100_000, 7_u8);
    std::io::Write::write_all(&mut std::fs::File::create(folder.path()).unwrap(), &junk).unwrap();
    assert!(matches!(open(&folder.path()), Err(Error::Database { .. })));
}

#[test]
fn names_are_checked() {
    for bad in ["", "-a", "a-", "A", "a b", "a/b", "..", "ä", &"a".repeat(65)] {
        assert!(bad.parse::<OrganizationId>().is_err(), "{bad:?} is no organization name");
    }
    for good in ["a", "0", "a-b-1", &"a".repeat(64)] {
        assert_eq!(id(good).as_str(), good);
    }
}

#[test]
fn a_name_is_taken_once() {
    let folder = Folder::new();
    let control = folder.open();
    assert!(matches!(control.create_org(new_org("default")), Err(Error::Exists { .. })));
    let hostile = NewOrganization { log_host: "a\nb".to_owned(), ..new_org("other") };
    assert!(matches!(control.create_org(hostile), Err(Error::Invalid { .. })));
    assert_eq!(control.orgs().len(), 2);
}

#[test]
fn changes_say_what_was_before() {
    let folder = Folder::new();
    let control = folder.open();
    let strict = Policy::from([("late".to_owned(), PolicyAction::Reject)]);
    let first = control.set_org_policy(&id("default"), "openkat", strict.clone()).unwrap();
    assert!(first.before.policy.is_empty());
    assert_eq!(first.after.policy["openkat"], strict);
    let second = control.set_org_policy(&id("default"), "openkat", Policy::new()).unwrap();
    assert_eq!((second.before, second.after.policy.len()), (first.after, 0));
    assert!(control.set_org_public(&id("default"), true).unwrap().after.public);
    let only = Catalogs::Only(vec!["netop".to_owned()]);
    let changed = control.set_org_catalogs(&id("default"), only).unwrap();
    assert!(changed.after.catalogs.contains("netop") && !changed.after.catalogs.contains("openkat"));
    assert!(matches!(control.set_org_public(&id("nobody"), true), Err(Error::Missing { .. })));
    assert!(matches!(
        control.set_org_policy(&id("default"), "A B", Policy::new()),
        Err(Error::Invalid { .. })
    ));
}

#[test]
fn a_key_lives_until_it_is_revoked_or_expires() {
    let folder = Folder::new();
    let control = folder.open();
    let timed = NewKey { expires_at_ms: Some(NOW + 5), ..NewKey::new(Kind::Read, Scope::One(id("default"))) };
    let (read, token) = control.create_key(&timed, &seed(1), NOW).unwrap();
    assert_eq!(control.authenticate(&token, NOW + 4).unwrap().id(), read.id);
    assert_eq!(control.key(&read.id).unwrap().last_used_ms, Some(NOW + 4));
    assert_eq!(control.authenticate(&token, NOW + 5).unwrap_err(), AuthError::Expired);

    let (admin, admin_token) = key(&control, Kind::Admin, Scope::All, 2);
    assert!(control.has_usable_key(Kind::Admin, NOW));
    assert_eq!(control.key(&read.id).unwrap().last_used_ms, Some(NOW + 4), "a change keeps the last use");
    assert!(control.authenticate(&admin_token, i64::MAX).is_ok());
    assert_eq!(control.revoke_key(&admin, NOW + 7).unwrap().before.revoked_at_ms, None);
    assert_eq!(control.revoke_key(&admin, NOW + 8).unwrap().after.revoked_at_ms, Some(NOW + 7));
    assert_eq!(control.authenticate(&admin_token, NOW).unwrap_err(), AuthError::Revoked);
    assert!(!control.has_usable_key(Kind::Admin, NOW));
    assert!(matches!(control.revoke_key("nobody", NOW), Err(Error::Missing { .. })));
}

#[test]
fn strange_tokens_are_refused() {
    let folder = Folder::new();
    let control = folder.open();
    let (_, token) = key(&control, Kind::Read, Scope::One(id("default")), 3);
    for bad in ["", "idl_", &token[1..], &token.to_uppercase(), &token.replace("_rd_", "_ad_")] {
        assert_eq!(control.authenticate(bad, NOW).unwrap_err(), AuthError::Malformed, "{bad}");
    }
    let other = Folder::new();
    let (_, foreign) = key(&other.open(), Kind::Read, Scope::One(id("default")), 4);
    assert_eq!(control.authenticate(&foreign, NOW).unwrap_err(), AuthError::Unknown);
    // The same id with another secret: what a guesser who saw a list of keys would try.
    let mut same_id = [3; KeySeed::BYTES];
    same_id[39] = 0;
    let new = NewKey::new(Kind::Read, Scope::One(id("default")));
    let (_, guess) = other.open().create_key(&new, &KeySeed::new(same_id), NOW).unwrap();
    assert_eq!(control.authenticate(&guess, NOW).unwrap_err(), AuthError::Unknown);
}

#[test]
fn impossible_keys_are_refused() {
    let folder = Folder::new();
    let control = folder.open();
    let refused = |new: NewKey| control.create_key(&new, &seed(1), NOW).unwrap_err();
    assert!(matches!(refused(NewKey::new(Kind::Read, Scope::All)), Error::Invalid { .. }));
    assert!(matches!(refused(NewKey::new(Kind::Read, Scope::One(id("nobody")))), Error::Missing { .. }));
    let base = NewKey::new(Kind::Read, Scope::One(id("default")));
    assert!(matches!(refused(NewKey { expires_at_ms: Some(NOW), ..base.clone() }), Error::Invalid { .. }));
    assert!(matches!(refused(NewKey { label: "a\nb".to_owned(), ..base.clone() }), Error::Invalid { .. }));
    assert!(matches!(
        refused(NewKey { catalog: Some("../x".to_owned()), ..base.clone() }),
        Error::Invalid { .. }
    ));
    control.create_key(&base, &seed(1), NOW).unwrap();
    assert!(matches!(refused(base), Error::Exists { .. }), "the same random bytes twice");
}

#[test]
fn a_key_that_is_bound_to_a_certificate_is_worth_nothing_without_it() {
    let folder = Folder::new();
    let control = folder.open();
    let base = NewKey::new(Kind::Ingest, Scope::One(id("default")));
    let bound = |text: &str, alone| Some(Binding { holder: text.parse().unwrap(), alone });
    let digest = format!("sha256:{}", "0a".repeat(32));
    let with = |certificate, n| {
        control.create_key(&NewKey { certificate, ..base.clone() }, &seed(n), NOW + i64::from(n)).unwrap()
    };
    let (both, token) = with(bound(&digest, false), 1);
    let shown = |key: u8, name: &str| Certificate { key_sha256: [key; 32], names: vec![name.to_owned()] };
    assert_eq!(control.authenticate(&token, NOW).unwrap_err(), AuthError::Certificate);
    let other = shown(11, "gate");
    assert_eq!(control.authenticate_over(Some(&other), &token, NOW).unwrap_err(), AuthError::Certificate);
    let own = shown(10, "gate");
    assert_eq!(control.authenticate_over(Some(&own), &token, NOW).unwrap().id(), both.id);
    assert_eq!(control.authenticate_certificate(&own, NOW).unwrap_err(), AuthError::NoKey);

    let (first, token) = with(bound("name:Gate", true), 2);
    let (second, _) = with(bound("name:gate", true), 3);
    assert_eq!(control.authenticate_certificate(&own, NOW).unwrap().id(), second.id, "the newest");
    assert_eq!(control.authenticate_over(Some(&own), &token, NOW).unwrap().id(), first.id);
    assert_eq!(control.authenticate(&token, NOW).unwrap_err(), AuthError::Certificate, "never without");
    drop(control);
    let control = folder.open();
    control.revoke_key(&second.id, NOW).unwrap();
    assert_eq!(control.authenticate_certificate(&own, NOW).unwrap().id(), first.id);
    control.revoke_key(&first.id, NOW).unwrap();
    assert_eq!(control.authenticate_certificate(&own, NOW).unwrap_err(), AuthError::Revoked);
    assert_eq!(
        control.authenticate_certificate(&shown(10, "gate.example"), NOW).unwrap_err(),
        AuthError::NoKey
    );

    let reader = NewKey { certificate: bound(&digest, false), ..NewKey::new(Kind::Read, base.scope.clone()) };
    assert!(matches!(control.create_key(&reader, &seed(9), NOW), Err(Error::Invalid { .. })));
    for wrong in ["gate", "sha256:0a", "name:", "name:*.example", "name:a b", "Name:a"] {
        assert!(wrong.parse::<CertificateHolder>().is_err(), "{wrong}");
    }
}

#[test]
fn the_database_and_debug_output_hold_no_secret() {
    let folder = Folder::new();
    let control = folder.open();
    let (key_id, token) = key(&control, Kind::Admin, Scope::All, 0xa5);
    let secret = token.rsplit('_').next().unwrap().as_bytes()[..52].to_vec();
    let principal = control.authenticate(&token, NOW).unwrap();
    let shown = format!("{control:?} {principal:?} {:?} {:?}", seed(0xa5), control.key(&key_id));
    assert!(!shown.contains(std::str::from_utf8(&secret).unwrap()));
    drop((principal, control));
    let bytes = std::fs::read(folder.path()).unwrap();
    assert!(bytes.windows(10).any(|part| part == key_id.as_bytes()));
    assert!(!bytes.windows(secret.len()).any(|part| part == secret));
    assert!(!bytes.windows(32).any(|part| part == [0xa5; 32]));
}

/// The whole table of kinds, roles and permissions, as reviewed. A change here is a change of who may do what.
#[test]
fn permissions_are_the_reviewed_table() {
    let folder = Folder::new();
    let control = folder.open();
    control.create_org(new_org("other")).unwrap();
    let of_default = || Scope::One(id("default"));
    let keys = [
        ("in", Kind::Ingest, of_default()),
        ("rd", Kind::Read, of_default()),
        ("ad of default", Kind::Admin, of_default()),
        ("ad of all", Kind::Admin, Scope::All),
    ];
    let mut principals = Vec::new();
    for (byte, (name, kind, scope)) in keys.iter().enumerate() {
        let token = key_or_existing(&control, *kind, scope, byte as u8);
        principals.push(((*name).to_owned(), control.authenticate(&token, NOW).unwrap()));
    }
    for role in Role::ALL {
        for (reach, scope) in [("default", of_default()), ("all", Scope::All)] {
            let name = format!("{role} of {reach}");
            let grants = vec![Grant { role, scope }];
            let new = NewPerson { email: format!("{role}@{reach}.example"), name: name.clone(), grants };
            let mut random = [0; 8];
            random[0] = principals.len() as u8;
            let person = control.create_person(&new, random, NOW).unwrap();
            let digest = [principals.len() as u8; 32];
            control.invite_person(&person.id, digest, NOW).unwrap();
            let hash =
                PassphraseHash::new("a sentence to remember", "", Salt::new([1; Salt::BYTES])).unwrap();
            control.accept_invitation(&digest, hash, NOW).unwrap();
            principals.push((name, control.person_principal(&person.id).unwrap()));
        }
    }
    let mut table = String::from("permission     | holder                   | default | other  | node\n");
    for permission in Permission::ALL {
        for (name, principal) in &principals {
            let cell = |org: Option<&str>| match allowed(principal, permission, org.map(id).as_ref()) {
                Ok(()) => "yes",
                Err(Denied::NotGranted) => "no",
                Err(Denied::OutOfScope) => "hidden",
            };
            let [own, other, node] = [cell(Some("default")), cell(Some("other")), cell(None)];
            writeln!(table, "{:<14} | {name:<24} | {own:<7} | {other:<6} | {node}", permission.name())
                .unwrap();
        }
    }
    assert_eq!(table, include_str!("data/permissions.txt"), "found:\n{table}");
}

fn key_or_existing(control: &Control, kind: Kind, scope: &Scope, byte: u8) -> String {
    let fresh = Folder::new();
    let source = fresh.open();
    let new = NewKey::new(kind, scope.clone());
    let (key, token) = source.create_key(&new, &seed(byte + 40), NOW).unwrap();
    if control.key(&key.id).is_none() {
        control.create_key(&new, &seed(byte + 40), NOW).unwrap();
    }
    token
}

#[test]
fn keys_are_listed_for_their_organization() {
    let folder = Folder::new();
    let control = folder.open();
    control.create_org(new_org("other")).unwrap();
    let (of_default, _) = key(&control, Kind::Read, Scope::One(id("default")), 1);
    let (of_other, _) = key(&control, Kind::Read, Scope::One(id("other")), 2);
    let (of_all, _) = key(&control, Kind::Admin, Scope::All, 3);
    let listed = |org: Option<&str>| {
        let mut ids: Vec<_> = control.list_keys(org.map(id).as_ref()).into_iter().map(|key| key.id).collect();
        ids.sort();
        ids
    };
    let sorted = |mut ids: Vec<String>| {
        ids.sort();
        ids
    };
    assert_eq!(listed(Some("default")), sorted(vec![of_default.clone(), of_all.clone()]));
    assert_eq!(listed(Some("other")), sorted(vec![of_other.clone(), of_all.clone()]));
    assert_eq!(listed(None), sorted(vec![of_default, of_other, of_all]));
}

/// Authentication stands before every request: it must stay far below the cost of parsing one. The bound is loose, so
/// that it fails on a new disk access or password hash and not on a busy machine.
#[test]
#[expect(clippy::disallowed_methods, reason = "a measurement of time")]
fn authentication_is_cheap() {
    let folder = Folder::new();
    let control = folder.open();
    let (_, token) = key(&control, Kind::Ingest, Scope::One(id("default")), 3);
    let rounds = 20_000;
    let start = std::time::Instant::now();
    for _ in 0..rounds {
        black_box(control.authenticate(black_box(&token), NOW)).unwrap();
    }
    let each = start.elapsed() / rounds;
    println!("authenticate: {each:?}");
    assert!(each.as_micros() < 50, "one authentication took {each:?}");
}
