//! Sending events and searching them.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use indelible_control::Permission;
use indelible_formats::Format;

use super::Answer;
use crate::access::Access;
use crate::app::Shared;
use crate::endpoints::INTAKE;
use crate::intake::answer::{Answer as Taken, Fate, Outcome};
use crate::intake::{self, Source};
use crate::problem::{Code, Problem};
use crate::request::Params;

pub(crate) use super::search::{search, search_long};

/// Longest idempotency key: UUIDs and hashes fit, a payload does not.
const MAX_KEY_BYTES: usize = 128;
/// Content types whose body is JSON or lines of JSON.
const JSON_TYPES: [&str; 4] =
    ["application/json", "application/x-ndjson", "application/ndjson", "application/jsonl"];
/// Content types that foreign formats may come in besides.
const OTHER_TYPES: [&str; 3] = ["text/csv", "text/plain", "application/octet-stream"];

pub(crate) async fn send(
    State(app): State<Shared>,
    Path(org): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let access = app.access(&headers, &org, Permission::IngestWrite)?;
    if *app.stopping.borrow() {
        let detail = "the server is stopping; send again to the next process";
        return Err(Problem::new(Code::LogUnavailable, detail).retry_after(2));
    }
    let source = source(access, &Params::read(&uri, INTAKE)?, &headers)?;
    let lines = check_content_type(&headers, source.format)?;
    let bytes = crate::body::read(&headers, body).await?;
    if bytes.trim_ascii().is_empty() {
        return Err(Problem::new(Code::RequestMalformed, "the body is empty; send an event"));
    }
    let single = !lines && source.format == Format::Native && is_single(&bytes);
    let taken = intake::take(&app, source, bytes).await?;
    match taken.outcomes.as_slice() {
        [outcome] if single => one(&taken, outcome),
        _ => {
            let status = StatusCode::from_u16(taken.batch_status()).unwrap_or(StatusCode::OK);
            Ok(json(status, taken.batch()))
        }
    }
}

fn source(access: Access, params: &Params, headers: &HeaderMap) -> Result<Source, Problem> {
    let refuse = |what: String| Problem::new(Code::RequestMalformed, what);
    let format = params.text("format").unwrap_or("native");
    let format: Format =
        format.parse().map_err(|error: indelible_formats::UnknownFormat| refuse(error.to_string()))?;
    let text = |name: &str| params.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let key = headers.get("idempotency-key").map(|value| value.to_str().unwrap_or_default());
    if key.is_some_and(|key| key.is_empty() || key.len() > MAX_KEY_BYTES) {
        return Err(refuse(format!("Idempotency-Key must have 1 to {MAX_KEY_BYTES} visible characters")));
    }
    let zone = text("zone");
    if let Some(zone) = &zone {
        check_zone(zone)?;
    }
    let first_row = params.parsed("first_row", "a row number from 1 on")?;
    if first_row == Some(0) {
        return Err(refuse("first_row counts from 1".to_owned()));
    }
    let repeats = params.text("repeats").unwrap_or_default().split(',').filter(|part| !part.is_empty());
    let repeat = |part: &str| {
        Some({
            let (row, nth) = part.split_once(':')?;
            (row.parse().ok()?, nth.parse().ok()?)
        })
    };
    let repeats = repeats.map(repeat).collect::<Option<Vec<_>>>();
    Ok(Source {
        access,
        format,
        zone,
        time_format: text("time_format"),
        producer: text("producer"),
        instance: text("instance"),
        first_row,
        repeats: repeats.ok_or_else(|| refuse("repeats must be row:times, comma-separated".to_owned()))?,
        idempotency_key: key.map(str::to_owned),
        atomic: params.switch("atomic")?,
        releases: None,
        heard: true,
    })
}

pub(crate) fn check_zone(zone: &str) -> Result<(), Problem> {
    let offset = || indelible_formats::rfc3339::parse(&format!("2000-01-01T00:00:00{zone}")).is_some();
    if jiff::tz::TimeZone::get(zone).is_ok() || offset() {
        return Ok(());
    }
    let detail = format!(
        "zone {zone:?} is neither an IANA zone such as Europe/Amsterdam nor an offset such as +01:00"
    );
    Err(Problem::new(Code::RequestMalformed, detail))
}

/// Refuses types that are surely something else; says whether the body is lines.
fn check_content_type(headers: &HeaderMap, format: Format) -> Result<bool, Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(false) };
    let name =
        value.to_str().unwrap_or("?").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    // What curl says when nobody says otherwise.
    let unsaid = name == "application/x-www-form-urlencoded";
    let foreign = format != Format::Native && OTHER_TYPES.contains(&name.as_str());
    if JSON_TYPES.contains(&name.as_str()) || unsaid || foreign {
        return Ok(name.ends_with("ndjson") || name.ends_with("jsonl"));
    }
    let detail =
        format!("Content-Type {name:?} is not taken here; send application/json or application/x-ndjson");
    Err(Problem::new(Code::EncodingUnsupported, detail))
}

/// Whether a body is one event and not a batch of one.
fn is_single(bytes: &[u8]) -> bool {
    let start = bytes.len() - bytes.trim_ascii_start().len();
    let object = bytes.get(start) == Some(&b'{');
    let line = Format::Native.decode(bytes).lines().and_then(|mut lines| lines.next());
    // Whether such a line is an event or an error, it is answered alone: no need to read it twice.
    if object && line.is_some_and(|(_, range)| range.start == start) {
        return true;
    }
    match Format::Native.decode(bytes).next() {
        Some(Ok(raw)) => raw.bytes.start == start && object,
        Some(Err(_)) => true,
        None => false,
    }
}

pub(super) fn one(taken: &Taken, outcome: &Outcome) -> Answer {
    let status = match &outcome.fate {
        Fate::Rejected(problem) => return Err(problem.clone()),
        Fate::Stored(_) | Fate::Quarantined(..) => StatusCode::CREATED,
        Fate::Duplicate(_) | Fate::Skipped(_) => StatusCode::OK,
    };
    let mut response = json(status, taken.single(outcome));
    if let Fate::Stored(place) | Fate::Quarantined(place, _) | Fate::Duplicate(place) = &outcome.fate {
        let path = format!("/api/v1/orgs/{}/events/{}", taken.organization, place.id);
        let link = format!("<{path}/proof>; rel=\"proof\"");
        for (name, value) in [(header::LOCATION, path), (header::LINK, link)] {
            if let Ok(value) = value.parse() {
                response.headers_mut().insert(name, value);
            }
        }
    }
    Ok(response)
}

fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
