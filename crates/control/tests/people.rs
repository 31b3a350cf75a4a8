//! People through the public functions of the control database: how they get in, and how they are kept out.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use indelible_control::{
    AuthError, Control, Enrolment, Error, FirstStart, Grant, INVITED_MS, KeySeed, NewKey, NewPerson,
    PassphraseHash, Permission, Person, PersonChange, PersonState, RecoverySeed, Role, Salt, Scope, allowed,
    secret_of_text,
};

const NOW: i64 = 1_111_111_111_000;
const PHRASE: &str = "seven quiet herons";
const DAY: i64 = 86_400_000;

fn open(folder: &tempfile::TempDir) -> Control {
    let first = FirstStart { log_host: "node.invalid".to_owned(), random: *b"abcdefghijklmnop", now_ms: NOW };
    Control::open(&folder.path().join("control.redb"), &first).unwrap()
}

fn hash(phrase: &str) -> PassphraseHash {
    PassphraseHash::new(phrase, "", Salt::new([9; Salt::BYTES])).unwrap()
}

fn person(control: &Control, name: &str, role: Role, scope: Scope) -> Person {
    let new = NewPerson {
        name: name.to_owned(),
        email: format!("{name}@example.org"),
        grants: vec![Grant { role, scope }],
    };
    let mut id = [0; 8];
    id.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from);
    control.create_person(&new, id, NOW).unwrap()
}

fn let_in(control: &Control, person: &Person) {
    let digest = [person.id.as_bytes()[0]; 32];
    control.invite_person(&person.id, digest, NOW).unwrap();
    control.accept_invitation(&digest, hash(PHRASE), NOW).unwrap();
}

#[test]
fn an_invitation_is_taken_up_once_and_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let control = open(&folder);
    let ann = person(&control, "ann", Role::Analyst, Scope::One("default".parse().unwrap()));
    assert_eq!(ann.state, PersonState::Invited);
    assert_eq!(control.person_principal(&ann.id).unwrap_err(), AuthError::Disabled);
    control.invite_person(&ann.id, [1; 32], NOW).unwrap();
    control.invite_person(&ann.id, [2; 32], NOW).unwrap();
    assert!(
        control.accept_invitation(&[1; 32], hash(PHRASE), NOW).is_err(),
        "the later one voids the earlier"
    );
    assert!(control.accept_invitation(&[2; 32], hash(PHRASE), NOW + INVITED_MS).is_err(), "a week is over");
    assert!(control.person_of_passphrase("ann@example.org", PHRASE).is_none());
    control.accept_invitation(&[2; 32], hash(PHRASE), NOW + INVITED_MS - 1).unwrap();
    assert!(control.accept_invitation(&[2; 32], hash("another sentence"), NOW).is_err(), "used");
    drop(control);
    let control = open(&folder);
    let found = control.person_of_passphrase(" ANN@Example.org", PHRASE).unwrap();
    assert_eq!((found.id.as_str(), found.state), (ann.id.as_str(), PersonState::Active));
    assert!(control.person_of_passphrase("ann@example.org", "seven quiet heron").is_none());
    assert!(control.person_of_passphrase("nobody@example.org", PHRASE).is_none());
}

#[test]
fn an_address_is_of_one_person() {
    let folder = tempfile::tempdir().unwrap();
    let control = open(&folder);
    person(&control, "ann", Role::Analyst, Scope::All);
    let new = |name: &str, email: &str, grants: Vec<Grant>| {
        let new = NewPerson { name: name.to_owned(), email: email.to_owned(), grants };
        control.create_person(&new, *b"12345678", NOW)
    };
    assert!(matches!(new("Ann", "ANN@EXAMPLE.ORG", vec![]), Err(Error::Exists { .. })));
    for (name, email) in
        [("", "a@b"), ("a\nb", "a@b"), ("a", "ann"), ("a", "a b@c"), ("a", "a@"), ("a", "a@b@c")]
    {
        assert!(matches!(new(name, email, vec![]), Err(Error::Invalid { .. })), "{name:?} {email:?}");
    }
    let nowhere = Grant { role: Role::Owner, scope: Scope::One("nowhere".parse().unwrap()) };
    assert!(matches!(new("b", "b@c.org", vec![nowhere]), Err(Error::Missing { .. })));
}

#[test]
fn codes_count_once_and_recovery_codes_too() {
    let folder = tempfile::tempdir().unwrap();
    let control = open(&folder);
    let ann = person(&control, "ann", Role::Analyst, Scope::All);
    let_in(&control, &ann);
    assert!(control.use_code(&ann.id, "", NOW).unwrap(), "nothing to show yet");
    let secret = secret_of_text("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").unwrap();
    let recovery = RecoverySeed::new(std::array::from_fn(|at| at as u8));
    let enrol = |code| control.enrol_totp(&ann.id, &Enrolment { secret, code, recovery: &recovery }, NOW);
    assert!(enrol("050472").is_err());
    enrol("050471").unwrap();
    assert!(!control.use_code(&ann.id, "050471", NOW).unwrap(), "it was used to enrol");
    assert!(!control.use_code(&ann.id, "", NOW).unwrap());
    // RFC 6238: this is the code of that second.
    assert!(control.use_code(&ann.id, "005924", 1_234_567_890_000).unwrap());
    assert!(!control.use_code(&ann.id, "005924", 1_234_567_890_000).unwrap());
    let codes = recovery.codes();
    let typed = codes[3].to_uppercase().replace('-', " ");
    assert!(control.use_code(&ann.id, &typed, NOW).unwrap());
    assert!(!control.use_code(&ann.id, &typed, NOW).unwrap());
    assert_eq!(control.person(&ann.id).unwrap().recovery_codes, codes.len() - 1);
    let shown = format!("{control:?} {:?} {recovery:?}", control.person_principal(&ann.id));
    assert!(!shown.contains(&codes[0]));
    drop(control);
    let bytes = std::fs::read(folder.path().join("control.redb")).unwrap();
    for secret in [PHRASE, &codes[0], &codes[0].replace('-', "")] {
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret}");
    }
}

#[test]
fn rights_are_those_of_now_and_an_owner_remains() {
    let folder = tempfile::tempdir().unwrap();
    let control = open(&folder);
    let owner = person(&control, "owen", Role::Owner, Scope::All);
    let ann = person(&control, "ann", Role::Analyst, Scope::One("default".parse().unwrap()));
    assert!(!control.has_owner(), "nobody of them can get in yet");
    let_in(&control, &owner);
    let_in(&control, &ann);
    assert!(control.has_owner());
    let (_, token) =
        control.create_key(&NewKey::of_person(&ann.id, "laptop"), &KeySeed::new([5; 40]), NOW).unwrap();
    let principal = control.authenticate(&token, NOW).unwrap();
    let default = "default".parse().unwrap();
    assert!(allowed(&principal, Permission::EventsRead, Some(&default)).is_ok());
    assert_eq!((principal.id(), principal.name()), (ann.id.as_str(), "ann"));
    let grants = vec![Grant { role: Role::Source, scope: Scope::One("default".parse().unwrap()) }];
    let change = PersonChange { grants: Some(grants), ..PersonChange::default() };
    let changed = control.change_person(&ann.id, &change, NOW + DAY).unwrap();
    assert_eq!((changed.before.grants[0].role, changed.after.grants[0].role), (Role::Analyst, Role::Source));
    assert_eq!(changed.after.changed_at_ms, NOW + DAY);
    let now = control.authenticate(&token, NOW).unwrap();
    assert!(allowed(&now, Permission::EventsRead, Some(&default)).is_err());
    let out = PersonChange { disabled: Some(true), ..PersonChange::default() };
    control.change_person(&ann.id, &out, NOW).unwrap();
    assert_eq!(control.authenticate(&token, NOW).unwrap_err(), AuthError::Disabled);
    assert!(control.person_of_passphrase(&ann.email, PHRASE).is_none());
    assert!(control.invite_person(&ann.id, [3; 32], NOW).is_err(), "disabled");
    for change in [out, PersonChange { grants: Some(vec![]), ..PersonChange::default() }] {
        assert!(matches!(control.change_person(&owner.id, &change, NOW), Err(Error::Invalid { .. })));
    }
    assert!(control.has_owner());
}

/// A database of format 1, as the version before people wrote it: it has no table of people and keys without `person`.
#[test]
fn a_database_from_before_people_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let control = open(&folder);
    let scope = Scope::One("default".parse().unwrap());
    let new = NewKey::new(indelible_control::Kind::Read, scope);
    let (_, token) = control.create_key(&new, &KeySeed::new([7; 40]), NOW).unwrap();
    drop(control);
    let path = folder.path().join("control.redb");
    let meta: redb::TableDefinition<'_, &str, u32> = redb::TableDefinition::new("meta");
    let people: redb::TableDefinition<'_, &str, &[u8]> = redb::TableDefinition::new("people");
    let set = |format: u32| {
        let database = redb::Database::open(&path).unwrap();
        let change = database.begin_write().unwrap();
        change.open_table(meta).unwrap().insert("format", format).unwrap();
        if format == 1 {
            assert!(change.delete_table(people).unwrap());
        }
        change.commit().unwrap();
    };
    set(1);
    let control = open(&folder);
    assert!(control.authenticate(&token, NOW).is_ok() && control.people().is_empty());
    person(&control, "ann", Role::Analyst, Scope::All);
    drop(control);
    assert_eq!(open(&folder).people().len(), 1);
    set(4);
    let first = FirstStart { log_host: "node.invalid".to_owned(), random: [0; 16], now_ms: NOW };
    assert!(matches!(Control::open(&path, &first), Err(Error::Newer { found: 4, known: 3, .. })));
}
