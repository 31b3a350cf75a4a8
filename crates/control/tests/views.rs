//! Views through the control database's public functions: whose they are, and that they outlive a start.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;

use indelible_control::{Control, Error, FirstStart, NewView, OrganizationId, Shows};

const NOW: i64 = 1_795_000_000_000;

fn open(folder: &Path) -> Control {
    let first = FirstStart { log_host: "node.invalid".to_owned(), random: *b"abcdefghijklmnop", now_ms: NOW };
    Control::open(&folder.join("control.redb"), &first).unwrap()
}

fn view(name: &str, team: bool) -> NewView {
    let shows = Shows { q: "outcome:failure".to_owned(), group: Some(String::new()), ..Shows::default() };
    NewView { name: name.to_owned(), team, shows }
}

#[test]
fn views_outlive_a_start_and_are_told_apart_by_owner_and_organization() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second]: [OrganizationId; 2] = ["default", "system"].map(|name| name.parse().unwrap());
    let control = open(folder.path());
    assert!(control.views(&first, "ann").is_empty());
    let own = control.create_view((&first, "ann"), view(" zebra ", false), [1; 8], NOW).unwrap();
    control.create_view((&first, "bob"), view("all", true), [2; 8], NOW).unwrap();
    control.create_view((&second, "ann"), view("other", true), [3; 8], NOW).unwrap();
    drop(control);
    let control = open(folder.path());
    let names =
        |who: &str| control.views(&first, who).iter().map(|view| view.name.clone()).collect::<Vec<_>>();
    assert_eq!((names("ann"), names("bob")), (vec!["all".into(), "zebra".into()], vec!["all".to_owned()]));
    assert_eq!(*control.view(&first, &own.id).unwrap(), own);
    assert!(control.view(&second, &own.id).is_none());
    assert_eq!(own.shows.group.as_deref(), Some(""));
}

#[test]
fn a_change_needs_the_version_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let organization: OrganizationId = "default".parse().unwrap();
    let control = open(folder.path());
    let seen = control.create_view((&organization, "ann"), view("one", false), [1; 8], NOW).unwrap();
    let changed = control.update_view(&seen, view("two", false), NOW + 1).unwrap();
    assert_eq!((changed.before.name.as_str(), changed.after.version), ("one", 2));
    assert!(matches!(control.update_view(&seen, view("three", false), NOW), Err(Error::Stale { .. })));
    assert!(matches!(control.delete_view(&seen), Err(Error::Stale { .. })));
    assert_eq!(control.view(&organization, &seen.id).unwrap().name, "two");
    control.delete_view(&changed.after).unwrap();
    assert!(matches!(control.delete_view(&changed.after), Err(Error::Stale { .. })));
    assert!(control.view(&organization, &seen.id).is_none());
    for wrong in ["", " ", "a\nb", &"x".repeat(101)] {
        let made = control.create_view((&organization, "ann"), view(wrong, false), [4; 8], NOW);
        assert!(matches!(made, Err(Error::Invalid { .. })), "{wrong:?}");
    }
}
