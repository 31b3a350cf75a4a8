//! Every type of every built-in catalog: an example of it is valid, found, and makes no finding.

use crate::fixtures::{builtins, fingerprint};
use indelible_catalog::example::example;
use indelible_catalog::finding::FindingId;
use indelible_catalog::resolve::SentHints;
use indelible_event::{Class, Event, Field, Param, Value};

fn hints() -> SentHints<'static> {
    SentHints { organization: "test", fingerprint: Some(&fingerprint), ..SentHints::default() }
}

#[test]
fn an_example_of_every_type_resolves_without_a_finding() {
    let mut count = 0;
    for catalog in builtins().iter() {
        for of in catalog.types() {
            for n in [0, 1, 7] {
                let mut event = example(catalog, of, n);
                let findings = catalog.resolve(&mut event, &hints());
                assert_eq!(findings, [], "{} {}", catalog.id, of.code);
                assert_eq!(event.check(), Ok(()), "{} {}", catalog.id, of.code);
                assert_eq!(event.text(Field::TypeFrom), Some("type"));
                assert_eq!(event.text(Field::Crude), of.crude.map(indelible_catalog::word::Crude::as_str));
                assert!(event.text(Field::Routing).is_some_and(|key| !key.is_empty()));
            }
            count += 1;
        }
    }
    assert!(count >= 452, "{count}");
}

#[test]
fn entity_and_action_are_as_good_as_a_code() {
    for catalog in builtins().iter() {
        for of in catalog.types() {
            let mut event = example(catalog, of, 0);
            event.remove(Field::Code);
            event.set(Field::Entity, of.entity.as_str());
            event.set(Field::Action, of.action.as_str());
            if let Some(outcome) = of.outcome {
                event.set(Field::Outcome, outcome.as_str());
            }
            catalog.resolve(&mut event, &hints());
            let found = event.text(Field::Code).and_then(|code| catalog.type_by_code(code)).unwrap();
            assert_eq!((&found.entity, &found.action), (&of.entity, &of.action), "{}", of.code);
        }
    }
}

fn ids(catalog: &str, code: &str, change: impl FnOnce(&mut Event)) -> Vec<FindingId> {
    let registry = builtins();
    let catalog = registry.get(catalog).unwrap();
    let of = catalog.type_by_code(code).unwrap();
    let mut event = example(catalog, of, 0);
    change(&mut event);
    let findings = catalog.resolve(&mut event, &hints());
    findings.iter().map(|finding| finding.id).collect()
}

fn param(name: &str, value: impl Into<Value>) -> Param {
    Param { name: name.to_owned(), class: Class::Separate, value: value.into() }
}

#[test]
fn what_does_not_agree_is_said_precisely() {
    let zoneless = |event: &mut Event| {
        event.remove(Field::OccurredAt);
    };
    assert_eq!(ids("openkat", "091111", zoneless), [FindingId::TimeMissing]);
    assert_eq!(ids("openkat", "091111", |e| e.set(Field::Code, "0800083")), [FindingId::CodeUnknown]);
    assert_eq!(ids("openkat", "091111", |e| e.set(Field::Code, Value::Int(91_111))), [FindingId::CodeNumber]);
    assert_eq!(ids("openkat", "091111", |e| e.set(Field::Code, "91111")), [FindingId::CodeUnknown]);
    assert_eq!(ids("openkat", "091111", |e| e.set(Field::Entity, "Session")), [FindingId::WrongEntity]);
    assert_eq!(ids("openkat", "091111", |e| e.set(Field::Crude, "R")), [FindingId::CrudeDiffers]);
    assert_eq!(ids("openkat", "091111", |e| e.set(Field::Outcome, "failure")), [FindingId::OutcomeDiffers]);
    assert_eq!(
        ids("openkat", "091111", |e| e.set_param(param("colour", "red"))),
        [FindingId::ParamUndeclared]
    );
    assert_eq!(ids("sanernow", "1004", |e| e.set(Field::Code, "1000")), [FindingId::GroupCode]);
    let actorless = |event: &mut Event| {
        for field in [Field::ActorId, Field::ActorName, Field::ActorKind] {
            event.remove(field);
        }
    };
    assert_eq!(ids("openkat", "091111", actorless), [FindingId::ActorMissing]);
    let always_empty = |event: &mut Event| event.set_param(param("file_name", "x.exe"));
    assert_eq!(ids("netop", "DEVICE.WEB_UPDATE_CHECK", always_empty), [FindingId::NotEmpty]);
    let session = |event: &mut Event| event.set(Field::SessionId, "s");
    assert_eq!(ids("netop", "DEVICE.KEYBOARD_LOCKED", session), [FindingId::SessionUnexpected]);
}

#[test]
fn an_unknown_code_is_answered_with_the_one_that_was_meant() {
    let registry = builtins();
    let catalog = registry.get("openkat").unwrap();
    let mut event = example(catalog, catalog.type_by_code("800083").unwrap(), 0);
    event.set(Field::Code, "0800083");
    let findings = catalog.resolve(&mut event, &hints());
    assert_eq!(findings[0].suggest, ["800083"]);
    assert_eq!(findings[0].value.as_deref(), Some("0800083"));
    assert_eq!(findings[0].pointer, "/code");
    assert_eq!(findings[0].hint, "did you mean 800083, schedule deleted?");
    assert_eq!(event.text(Field::Code), Some("0800083"));
    assert_eq!(event.text(Field::TypeFrom), Some("none"));
}

#[test]
fn result_codes_have_the_polarity_of_their_type() {
    let registry = builtins();
    let catalog = registry.get("netop").unwrap();
    let outcome = |code: &str, result: Option<&str>| {
        let mut event = example(catalog, catalog.type_by_code(code).unwrap(), 0);
        event.remove(Field::ResultCode);
        if let Some(result) = result {
            event.set(Field::ResultCode, result);
        }
        catalog.resolve(&mut event, &hints());
        event.text(Field::Outcome).unwrap().to_owned()
    };
    assert_eq!(outcome("DEVICE.GATEWAY_LOGIN", Some("0")), "success");
    assert_eq!(outcome("DEVICE.GATEWAY_LOGIN", Some("2")), "failure");
    assert_eq!(outcome("ACCOUNT.CREATE", Some("0")), "success");
    assert_eq!(outcome("ACCOUNT.CREATE", Some("17")), "failure");
    assert_eq!(outcome("ACCOUNT.CREATE", Some("x")), "unknown");
    assert_eq!(outcome("ACCOUNT.CREATE", None), "unknown");
}
