//! What is not usual: stories that somebody who searches can find.

use std::ops::RangeInclusive;

use super::cast::{Organization, Person};
use super::chance::Chance;
use super::{Act, DAY_SECONDS, Demo, Events};

/// The producer that loses events,
pub(super) const LOSSY: &str = "portal";
/// and the numbers of those.
pub(super) const LOST: RangeInclusive<i64> = 1_204..=1_207;

/// Where the guessing comes from.
pub(crate) const GUESSER: &str = "198.51.100.77";
/// Days ago that passwords were guessed,
pub(crate) const GUESSED: i64 = 6;
/// that a leaving administrator cleaned up,
pub(crate) const CLEANED: i64 = 12;
/// and that support was at a machine.
pub(crate) const SUPPORTED: i64 = 3;
/// What was taken out at the end of the first story.
const EXPORTED: &str = "LOG_REPORT.CREATE";
/// Who left.
pub(crate) const LEAVER: &str = "u-115";
/// Session of the support.
pub(crate) const SUPPORT_SESSION: &str = "nrc-5e1f";

/// Every story of an organization.
pub(super) fn all(demo: &Demo, org: &Organization, out: &mut Events) {
    if !org.loses {
        return;
    }
    let mut chance = Chance::new(org.seed ^ 1);
    guessed(demo, org, &mut chance, out);
    cleaned(demo, org, &mut chance, out);
    supported(demo, org, &mut chance, out);
}

/// The midnight so many days ago.
fn midnight(demo: &Demo, days: i64) -> i64 {
    demo.now() - demo.now().rem_euclid(DAY_SECONDS) - days * DAY_SECONDS
}

fn of_id<'o>(org: &'o Organization, id: &str) -> &'o Person {
    org.people.iter().find(|person| person.id == id).unwrap_or(&org.service)
}

/// Forty wrong passwords and a right one, then the second factor goes and a key comes.
fn guessed(demo: &Demo, org: &Organization, chance: &mut Chance, out: &mut Events) {
    let victim = of_id(org, "u-109");
    let mut at = midnight(demo, GUESSED) + 3 * 3_600 + 12 * 60;
    let mut push = |act: Act<'_>, chance: &mut Chance| {
        let act = Act { address: Some(GUESSER), session: Some("7c9e01aa".to_owned()), ..act };
        out.extend(demo.event(&act, chance).map(|event| (act.at, event)));
    };
    let own = Some("i.osman".to_owned());
    for _ in 0..40 {
        push(
            Act { failed: true, target: own.clone(), ..Act::new("netop", "USER.LOGIN", at, victim) },
            chance,
        );
        at += 2 + chance.seconds(4);
    }
    push(Act { target: own.clone(), ..Act::new("netop", "USER.LOGIN", at, victim) }, chance);
    let off = Some(("mfa", "required", "off"));
    push(Act { target: own, change: off, ..Act::new("sanernow", "10004", at + 95, victim) }, chance);
    let key = Some("siem export (copy)".to_owned());
    push(Act { target: key, ..Act::new("sanernow", "1004", at + 140, victim) }, chance);
    push(
        Act {
            target: Some("srv-pacs-02".to_owned()),
            ..Act::new("netop", "DEVICE.CONNECT", at + 260, victim)
        },
        chance,
    );
    let report = Some("Vendor access".to_owned());
    push(Act { target: report, ..Act::new("netop", EXPORTED, at + 280, victim) }, chance);
    for (wait, code) in
        [(300, "DEVICE.FILETRANSFER_SESSION_STARTED"), (1_460, "DEVICE.FILETRANSFER_SESSION_STOPPED")]
    {
        push(
            Act { target: Some("srv-pacs-02".to_owned()), ..Act::new("netop", code, at + wait, victim) },
            chance,
        );
    }
}

/// An administrator removes people and a dashboard in the night before leaving.
fn cleaned(demo: &Demo, org: &Organization, chance: &mut Chance, out: &mut Events) {
    let leaver = of_id(org, LEAVER);
    let mut at = midnight(demo, CLEANED) + 2 * 3_600 + 14 * 60;
    let mut push = |act: Act<'_>, chance: &mut Chance| {
        let act = Act { session: Some("b41d77f0".to_owned()), ..act };
        out.extend(demo.event(&act, chance).map(|event| (act.at, event)));
    };
    push(Act { target: Some("o.petrova".to_owned()), ..Act::new("openkat", "091111", at, leaver) }, chance);
    let raised = Some(("role", "analyst", "administrator"));
    at += 40;
    push(
        Act {
            target: Some("o.petrova".to_owned()),
            change: raised,
            ..Act::new("openkat", "900212", at, leaver)
        },
        chance,
    );
    for member in ["d.vermeer", "e.yilmaz", "h.sorensen", "j.meijer", "l.hendriks"] {
        at += 25 + chance.seconds(30);
        push(Act { target: Some(member.to_owned()), ..Act::new("openkat", "900213", at, leaver) }, chance);
    }
    at += 60;
    push(Act { target: Some("Perimeter".to_owned()), ..Act::new("openkat", "900303", at, leaver) }, chance);
    push(
        Act { target: Some("o.petrova".to_owned()), ..Act::new("openkat", "092222", at + 30, leaver) },
        chance,
    );
}

/// Support is at a machine: one session with everything in it that begins and ends.
fn supported(demo: &Demo, org: &Organization, chance: &mut Chance, out: &mut Events) {
    let helper = of_id(org, "u-102");
    let begin = midnight(demo, SUPPORTED) + 10 * 3_600 + 5 * 60;
    let steps = [
        (0, "DEVICE.NRC_SESSION_STARTED"),
        (12, "DEVICE.REMOTECTRL_SESSION_STARTED"),
        (95, "DEVICE.CHAT_SESSION_STARTED"),
        (410, "DEVICE.FILETRANSFER_SESSION_STARTED"),
        (655, "DEVICE.FILETRANSFER_SESSION_STOPPED"),
        (820, "DEVICE.CHAT_SESSION_STOPPED"),
        (1_190, "DEVICE.REMOTECTRL_SESSION_STOPPED"),
        (1_200, "DEVICE.NRC_SESSION_STOPPED"),
    ];
    for (after, code) in steps {
        let session = Some(SUPPORT_SESSION.to_owned());
        let target = Some("ws-radiology-07".to_owned());
        let act = Act { session, target, ..Act::new("netop", code, begin + after, helper) };
        out.extend(demo.event(&act, chance).map(|event| (act.at, event)));
    }
}
