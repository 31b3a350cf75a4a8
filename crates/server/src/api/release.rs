//! Releasing a quarantined event: it is judged again, as it stands or corrected, and committed as a new event that
//! relates to it. The quarantined event itself never changes.

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::HeaderMap;
use bytes::Bytes;
use indelible_catalog::catalog::Registry;
use indelible_control::Permission;
use indelible_event::{Class, Event, EventId, Field, Leaf, Param, Value, Who};
use indelible_formats::{Format, json_out};

use super::{Answer, event, events};
use crate::access::Access;
use crate::app::Shared;
use crate::audit::Act;
use crate::event_json;
use crate::http::Caller;
use crate::intake::answer::Fate;
use crate::intake::{self, Source};
use crate::problem::{Code, Problem};

pub(crate) async fn release(
    State(app): State<Shared>,
    Path((org, id)): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let access = app.access(&headers, &org, Permission::EventsRelease)?;
    let corrected = crate::body::read(&headers, body).await?;
    let (quarantined, waiting) = waiting(&app, &access, &id).await?;
    let (format, bytes) = if corrected.trim_ascii().is_empty() {
        as_it_stands(&app.catalogs(), waiting)
    } else {
        (Format::Native, corrected)
    };
    let taken = intake::take(&app, source(access.clone(), format, quarantined), bytes).await?;
    let [outcome] = taken.outcomes.as_slice() else {
        let detail =
            "a quarantined event is released by one event; send one, or none to judge it as it stands";
        return Err(Problem::new(Code::RequestMalformed, detail));
    };
    if let Fate::Stored(place) = &outcome.fate {
        let act = Act::new("EVENT.RELEASE").by(&access.principal);
        let act = act.from(&caller);
        let act = act.target("event", &quarantined.to_string()).target("event", &place.id.to_string());
        app.record_and_wait(access.log, act).await?;
    }
    events::one(&taken, outcome)
}

/// The quarantined event of this id.
async fn waiting(app: &Shared, access: &Access, id: &str) -> Result<(EventId, Event), Problem> {
    let index = event::find(app, access, id, None).await?;
    let record = event::record(app, access, index).await?;
    let leaf = Leaf::decode(&record.leaf).map_err(|error| Problem::internal(&error))?;
    let (waiting, _) = event_json::read(&leaf, &record.stored).map_err(|error| Problem::internal(&error))?;
    if waiting.text(Field::State) != Some("quarantined") {
        let detail = format!("the event {id} is not quarantined; only such events are released");
        return Err(Problem::new(Code::NotQuarantined, detail));
    }
    Ok((leaf.id, waiting))
}

fn source(access: Access, format: Format, releases: EventId) -> Source {
    Source {
        access,
        format,
        zone: None,
        time_format: None,
        producer: None,
        instance: None,
        first_row: None,
        repeats: Vec::new(),
        idempotency_key: None,
        atomic: true,
        releases: Some(releases),
        heard: true,
    }
}

/// What the producer said, to be judged by today's catalogs.
fn as_it_stands(catalogs: &Registry, mut event: Event) -> (Format, Bytes) {
    if event.get(Field::Catalog).is_none()
        && let Some(Value::Map(data)) = event.get(Field::Extra)
        && let Some(record) = data.get("record")
    {
        let mut json = String::new();
        json_out::value(&mut json, record);
        return (Format::Match, json.into());
    }
    declared_from_extra(catalogs, &mut event);
    for field in Field::ALL {
        let numbering = matches!(field, Field::ProducerName | Field::ProducerInstance | Field::ProducerSeq);
        if field.def().who != Who::Producer || numbering || *field == Field::SourceId {
            event.remove(*field);
        }
    }
    let mut json = String::new();
    json_out::event(&mut json, &event);
    (Format::Native, json.into())
}

/// Parameters that no type declared when the event came in, and that its type declares now.
fn declared_from_extra(catalogs: &Registry, event: &mut Event) {
    let catalog = event.text(Field::Catalog).and_then(|id| catalogs.get(id));
    let declared =
        catalog.zip(event.text(Field::Code)).and_then(|(catalog, code)| catalog.type_by_code(code));
    let Some(of) = declared else { return };
    let Some(Value::Map(mut extra)) = event.remove(Field::Extra) else { return };
    for param in &of.params {
        if let Some(value) = extra.remove(&param.name) {
            event.set_param(Param { name: param.name.clone(), class: Class::Separate, value });
        }
    }
    if !extra.is_empty() {
        event.set(Field::Extra, extra);
    }
}
