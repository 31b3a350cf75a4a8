//! Gives an event that names its type everything the catalog knows about that type, and says what does not agree.
//! What the sender said is never overwritten without a trace: where it differs from the catalog it is kept in the map of everything else.

use crate::catalog::{Catalog, Found, ShortForm};
use crate::event_type::{EventType, Variant};
use crate::finding::{Finding, FindingId};
use crate::params::resolve_params;
use crate::routing::{EventParts, Route, TypeParts};
use crate::suggest::nearest_codes;
use crate::word::{CodeKind, Outcome, OutcomeBy, Required, Session, Severity};
use indelible_event::{Event, Field, Map, Value};

/// Makes the fingerprint of a secret's bytes under the organization's key.
pub type Fingerprint<'a> = &'a dyn Fn(&[u8]) -> [u8; 8];

/// What is known of an event besides its fields.
#[derive(Default, Clone, Copy)]
pub struct SentHints<'a> {
    /// Organization that it belongs to.
    pub organization: &'a str,
    /// The code came as a JSON number.
    pub code_was_number: bool,
    /// Routing key as sent, to be compared.
    pub key: Option<&'a str>,
    /// Fingerprint of a secret under the organization's key; without it such secrets are removed.
    pub fingerprint: Option<Fingerprint<'a>>,
    /// Other enabled catalogs, for suggestions.
    pub others: &'a [&'a Catalog],
    /// The meaning of the code under the conditions of this event.
    pub variant: Option<&'a Variant>,
}

impl std::fmt::Debug for SentHints<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SentHints")
            .field("organization", &self.organization)
            .field("code_was_number", &self.code_was_number)
            .finish_non_exhaustive()
    }
}

/// What was sent beside the event, and what has been noticed so far.
struct Said<'s, 'h> {
    sent: &'s SentHints<'h>,
    findings: &'s mut Vec<Finding>,
}

impl Catalog {
    /// Looks up the event's type, fills in what the catalog knows, checks parameters, session and required parts.
    pub fn resolve(&self, event: &mut Event, sent: &SentHints<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        self.resolve_into(event, sent, &mut findings);
        findings
    }

    /// The same, adding to findings already made.
    pub fn resolve_into(&self, event: &mut Event, sent: &SentHints<'_>, findings: &mut Vec<Finding>) {
        self.settle_code(event, sent, findings);
        let found = self.look_up(event);
        if event.text(Field::Catalog) != Some(&self.id) {
            event.set(Field::Catalog, self.id.as_str());
        }
        event.set(Field::CatalogVersion, self.version_text.as_str());
        let mut said = Said { sent, findings };
        match found {
            Some(Found::Type(of)) => self.apply(event, of, None, &mut said),
            Some(Found::Suffixed(of, outcome)) => self.apply(event, of, Some(outcome), &mut said),
            Some(Found::Family(family)) => self.apply_family(event, &family.common, &mut said),
            Some(Found::Group(group)) => {
                let hint =
                    format!("the code is that of the group {}; send the code of what happened", group.title);
                findings.push(
                    Finding::new(FindingId::GroupCode, "/code", hint)
                        .with_value(group.code.as_deref().unwrap_or("")),
                );
                event.set(Field::Group, group.id.as_str());
                self.apply_nothing(event, sent);
            }
            None => {
                if let Some(code) = event.text(Field::Code) {
                    findings.push(self.unknown(code, event.text(Field::Entity), sent));
                }
                self.apply_nothing(event, sent);
            }
        }
        if event.get(Field::OccurredAt).is_none()
            && !findings.iter().any(|finding| finding.id == FindingId::TimeUnreadable)
        {
            findings.push(Finding::new(FindingId::TimeMissing, "/occurred_at", "say when the act began"));
        }
    }

    /// Leaves the event with its code as text, if it has one.
    fn settle_code(&self, event: &mut Event, sent: &SentHints<'_>, findings: &mut Vec<Finding>) {
        let mut number = sent.code_was_number;
        if let Some(Value::Int(code)) = event.get(Field::Code) {
            number = true;
            let text = self.code.number_code(*code).unwrap_or_else(|| code.to_string());
            event.set(Field::Code, text);
        }
        if number {
            let hint = "codes are text: a number loses its leading zeros";
            let code = event.text(Field::Code).unwrap_or("");
            findings.push(Finding::new(FindingId::CodeNumber, "/code", hint).with_value(code));
        }
        if let Some(code) = event.text(Field::Code) {
            let short = self.code.short == ShortForm::Pad
                && code.len() < self.code.width.0
                && code.bytes().all(|byte| byte.is_ascii_digit());
            if short {
                let padded = format!("{code:0>width$}", width = self.code.width.0);
                event.set(Field::Code, padded);
            }
            return;
        }
        match self.code_of_act(event) {
            Some(code) => event.set(Field::Code, code),
            None => findings.push(Finding::new(
                FindingId::CodeMissing,
                "/code",
                "send code, or entity and action",
            )),
        }
    }

    fn code_of_act(&self, event: &Event) -> Option<String> {
        let (entity, action) = (event.text(Field::Entity)?, event.text(Field::Action)?);
        let said = event.text(Field::Outcome);
        let mut best: Option<((bool, bool), &EventType)> = None;
        for of in self.types_by_act(entity, action) {
            let rank = (said.is_some() && of.outcome.map(Outcome::as_str) == said, of.base_code.is_none());
            if best.as_ref().is_none_or(|(known, _)| rank > *known) {
                best = Some((rank, of));
            }
        }
        match best {
            Some((_, of)) => Some(of.code.clone()),
            None if self.code.kind == CodeKind::Pair || !self.parts.families.is_empty() => {
                Some(format!("{entity}.{action}"))
            }
            None => None,
        }
    }

    /// The type or family that an event names, without changing it.
    pub(crate) fn type_of(&self, event: &Event) -> Option<&EventType> {
        let by_act = if event.text(Field::Code).is_none() { self.code_of_act(event) } else { None };
        let code = event.text(Field::Code).or(by_act.as_deref())?;
        let text = |field| event.text(field).unwrap_or("");
        match self.find(code, text(Field::Entity), text(Field::Action))? {
            Found::Type(of) | Found::Suffixed(of, _) => Some(of),
            Found::Family(family) => Some(&family.common),
            Found::Group(_) => None,
        }
    }

    fn look_up(&self, event: &mut Event) -> Option<Found<'_>> {
        let code = event.text(Field::Code)?;
        if let Some(found) = self.type_by_code(code) {
            return Some(Found::Type(found));
        }
        if self.code.kind == CodeKind::Pair
            && (event.get(Field::Entity).is_none() || event.get(Field::Action).is_none())
        {
            let (entity, action) = code.rsplit_once('.')?;
            let (entity, action) = (entity.to_owned(), action.to_owned());
            event.set(Field::Entity, entity);
            event.set(Field::Action, action);
        }
        let text = |field| event.text(field).unwrap_or("");
        self.find(text(Field::Code), text(Field::Entity), text(Field::Action))
    }

    fn unknown(&self, code: &str, entity: Option<&str>, sent: &SentHints<'_>) -> Finding {
        let suggest = nearest_codes(self, code, entity, sent.others);
        let hint = match suggest.first() {
            Some(near) => match self.type_by_code(near) {
                Some(of) => format!("did you mean {near}, {}?", lower_first(&of.title)),
                None => format!("did you mean {near}?"),
            },
            None => format!("the catalog {} {} has no such code", self.id, self.version),
        };
        Finding::new(FindingId::CodeUnknown, "/code", hint).with_value(code).with_suggestions(suggest)
    }

    fn apply(&self, event: &mut Event, of: &EventType, suffix: Option<Outcome>, said: &mut Said<'_, '_>) {
        event.set(Field::TypeFrom, "type");
        let entity = said.sent.variant.and_then(|variant| variant.entity.as_ref()).unwrap_or(&of.entity);
        compare(event, Field::Entity, entity, FindingId::WrongEntity, said.findings);
        compare(event, Field::Action, &of.action, FindingId::WrongEntity, said.findings);
        self.apply_common(event, of, suffix, said);
        let routing = render(&of.route, event, said.sent);
        event.set(Field::Routing, routing);
    }

    fn apply_family(&self, event: &mut Event, common: &EventType, said: &mut Said<'_, '_>) {
        event.set(Field::TypeFrom, "family");
        self.apply_common(event, common, None, said);
        self.route_freely(event, Some(common), said.sent);
    }

    fn apply_common(
        &self,
        event: &mut Event,
        of: &EventType,
        suffix: Option<Outcome>,
        said: &mut Said<'_, '_>,
    ) {
        let sent = said.sent;
        if let Some(group) = &of.group {
            compare(event, Field::Group, group, FindingId::TypeMismatch, said.findings);
        }
        match of.crude {
            Some(crude) => {
                compare(event, Field::Crude, crude.as_str(), FindingId::CrudeDiffers, said.findings);
            }
            None => {
                event.remove(Field::Crude);
            }
        }
        if let (Some(sent), Some(key)) = (sent.key, &of.key)
            && sent != key
        {
            let hint = format!("the type's routing key is {key}");
            said.findings.push(Finding::new(FindingId::KeyDiffers, "/key", hint).with_value(sent));
        }
        let fixed = sent.variant.and_then(|variant| variant.outcome).or(of.outcome).or(suffix);
        self.settle_outcome(event, of, fixed, said.findings);
        if let Some(means) = sent.variant.map(|variant| &variant.means).or(of.means.as_ref()) {
            event.relate(MEANS, means);
        }
        event.set(Field::Severity, of.severity.as_str());
        event.set(Field::Retention, of.retention.as_str());
        if !of.categories.is_empty() {
            let words = of.categories.iter().map(|word| Value::from(word.as_str()));
            event.set(Field::Categories, Value::List(words.collect()));
        }
        check_situation(event, of, said.findings);
        if !of.params.is_empty() || !event.params().is_empty() {
            resolve_params(event, of, sent, said.findings);
        }
        check_session(event, of.session, said.findings);
        check_required(event, &of.requires, said.findings);
    }

    /// For an event whose code means nothing here: only the catalog's defaults.
    fn apply_nothing(&self, event: &mut Event, sent: &SentHints<'_>) {
        event.set(Field::TypeFrom, "none");
        event.remove(Field::Crude);
        if event.text(Field::Outcome).is_none() {
            let said = self.result_outcome(&[], event).unwrap_or(Outcome::Unknown);
            event.set(Field::Outcome, said.as_str());
        }
        event.set(Field::Severity, Severity::Unknown.as_str());
        event.set(Field::Retention, self.defaults.retention.as_str());
        crate::params::undeclared_to_extra(event);
        self.route_freely(event, None, sent);
    }

    /// The routing key of an event whose type does not name everything that goes into it.
    fn route_freely(&self, event: &mut Event, common: Option<&EventType>, sent: &SentHints<'_>) {
        let text = |field| event.text(field).unwrap_or("");
        let parts = TypeParts {
            app: &self.app,
            key: common.and_then(|of| of.key.as_deref()),
            catalog: &self.id,
            group: text(Field::Group),
            entity: text(Field::Entity),
            action: text(Field::Action),
            code: text(Field::Code),
            crude: common.and_then(|of| of.crude),
            outcome: common.and_then(|of| of.outcome),
        };
        let routing = render(&self.template.route(&parts), event, sent);
        event.set(Field::Routing, routing);
    }

    fn settle_outcome(
        &self,
        event: &mut Event,
        of: &EventType,
        fixed: Option<Outcome>,
        findings: &mut Vec<Finding>,
    ) {
        let declared = fixed.or_else(|| self.result_outcome(&of.results, event));
        let said = event.text(Field::Outcome).and_then(Outcome::parse);
        let known = |outcome: Option<Outcome>| outcome.filter(|outcome| *outcome != Outcome::Unknown);
        let differs = known(said).zip(known(declared)).is_some_and(|(said, declared)| said != declared);
        if differs {
            let hint =
                format!("the catalog says {}; what was sent is kept", declared.map_or("", Outcome::as_str));
            findings.push(Finding::new(FindingId::OutcomeDiffers, "/outcome", hint));
        }
        let outcome = match (said, declared) {
            (Some(said), _) if differs => said,
            (Some(said), None | Some(Outcome::Unknown)) => said,
            (_, Some(declared)) => declared,
            (None, None) => Outcome::Unknown,
        };
        if said != Some(outcome) {
            event.set(Field::Outcome, outcome.as_str());
        }
    }

    /// What the result code says: the type's own table, then the catalog's polarity.
    fn result_outcome(&self, own: &[crate::event_type::ResultMeaning], event: &Event) -> Option<Outcome> {
        if own.is_empty() && self.outcome.by != OutcomeBy::ResultCode {
            return None;
        }
        let code = event.text(Field::ResultCode)?;
        let shared =
            if self.outcome.by == OutcomeBy::ResultCode { self.outcome.results.as_slice() } else { &[] };
        let meaning = own.iter().chain(shared).find(|meaning| meaning.covers(code));
        Some(meaning.map_or(Outcome::Unknown, |meaning| meaning.outcome))
    }
}

fn render(route: &Route, event: &Event, sent: &SentHints<'_>) -> String {
    let text = |field| event.text(field).unwrap_or("");
    route.render(EventParts {
        organization: sent.organization,
        account: text(Field::Account),
        outcome: text(Field::Outcome),
    })
}

fn lower_first(title: &str) -> String {
    let mut chars = title.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// Sets a catalog's word; if another was sent, says so and keeps it.
fn compare(event: &mut Event, field: Field, declared: &str, id: FindingId, findings: &mut Vec<Finding>) {
    match event.text(field) {
        Some(sent) if sent == declared => return,
        Some(sent) => {
            let pointer = format!("/{}", field.path());
            findings.push(Finding::new(id, pointer, format!("the catalog says {declared}")).with_value(sent));
            let sent = Value::from(sent);
            add_extra(event, format!("sent_{}", field.path()), sent);
        }
        None => {}
    }
    event.set(field, declared);
}

/// Puts a value into the map of everything else.
pub(crate) fn add_extra(event: &mut Event, name: String, value: Value) {
    if let Some(Value::Map(map)) = event.get_mut(Field::Extra) {
        map.insert(name, value);
        return;
    }
    let mut map = Map::new();
    map.insert(name, value);
    event.set(Field::Extra, Value::Map(map));
}

/// Kind of the relation from an event to the documented code that was meant.
pub const MEANS: &str = "means";

fn check_situation(event: &Event, of: &EventType, findings: &mut Vec<Finding>) {
    let Some(situation) = event.text(Field::Situation) else { return };
    if !of.situations.iter().any(|known| known.id == situation) {
        let known: Vec<_> = of.situations.iter().map(|known| known.id.as_str()).collect();
        let hint = if known.is_empty() {
            "the type has no situations".to_owned()
        } else {
            format!("situations: {}", known.join(", "))
        };
        findings.push(Finding::new(FindingId::TypeMismatch, "/situation", hint));
    }
}

fn check_session(event: &Event, rule: Session, findings: &mut Vec<Finding>) {
    let has = event.text(Field::SessionId).is_some_and(|id| !id.is_empty());
    match rule {
        Session::Required if !has => findings.push(Finding::new(
            FindingId::SessionMissing,
            "/session/id",
            "events of this type have a session",
        )),
        Session::Never if has => findings.push(Finding::new(
            FindingId::SessionUnexpected,
            "/session/id",
            "events of this type never have a session",
        )),
        _ => {}
    }
}

fn check_required(event: &Event, requires: &[Required], findings: &mut Vec<Finding>) {
    for part in requires {
        let (has, id, pointer, hint) = match part {
            Required::Actor => (
                has_actor(event),
                FindingId::ActorMissing,
                "/actor",
                "say who acted; actor.kind may be anonymous, unknown or system",
            ),
            Required::Origin => (
                has_origin(event),
                FindingId::OriginMissing,
                "/origin",
                "say where the act came from: address, host or device",
            ),
            Required::Target => {
                (has_target(event), FindingId::TargetMissing, "/targets", "say what was acted on")
            }
            Required::Account => (
                has_text(event, Field::Account),
                FindingId::OrganizationMissing,
                "/account",
                "say which account it belongs to",
            ),
        };
        if !has {
            findings.push(Finding::new(id, pointer, hint));
        }
    }
}

fn has_text(event: &Event, field: Field) -> bool {
    event.text(field).is_some_and(|text| !text.is_empty())
}

fn has_actor(event: &Event) -> bool {
    let named = [Field::ActorId, Field::ActorName, Field::ActorAltId, Field::ActorEmail]
        .into_iter()
        .any(|field| has_text(event, field));
    named || matches!(event.text(Field::ActorKind), Some("system" | "anonymous" | "unknown"))
}

fn has_origin(event: &Event) -> bool {
    let fields = [
        Field::OriginAddress,
        Field::OriginHost,
        Field::OriginDevice,
        Field::OriginPublicAddress,
        Field::OriginPrivateAddress,
        Field::OriginMac,
    ];
    fields.into_iter().any(|field| has_text(event, field))
}

fn has_target(event: &Event) -> bool {
    let first =
        event.get(Field::Targets).and_then(Value::as_list).and_then(<[Value]>::first).and_then(Value::as_map);
    first.is_some_and(|target| {
        ["id", "name", "query"]
            .into_iter()
            .any(|key| target.get(key).is_some_and(|value| *value != Value::Null))
    })
}
