//! SQL over the events of an organization, in builds that have it. What a statement may do is decided in `indelible-sql`;
//! here it gets its log, its permission and its record.

use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::http::HeaderMap;
use indelible_control::Permission;
use serde::Deserialize;

use super::Answer;
use crate::app::Shared;
use crate::http::Caller;
#[cfg(not(feature = "sql"))]
use crate::problem::{Code, Problem};
use crate::request;

/// What is asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(not(feature = "sql"), expect(dead_code, reason = "read only by builds that answer it"))]
pub(crate) struct Asked {
    pub(crate) sql: String,
    pub(crate) limit: Option<usize>,
}

pub(crate) async fn sql(
    State(app): State<Shared>,
    Path(org): Path<String>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let access = app.access(&headers, &org, Permission::EventsSurvey)?;
    let asked: Asked = request::json(&headers, body).await?;
    answer(&app, access, asked, (&caller, &headers)).await
}

#[cfg(feature = "sql")]
use crate::sql::answer;

#[cfg(not(feature = "sql"))]
#[expect(clippy::unused_async, reason = "stands in for what builds with the feature do")]
async fn answer(_: &Shared, _: crate::access::Access, _: Asked, _: (&Caller, &HeaderMap)) -> Answer {
    Err(missing())
}

/// What a build without the feature answers, wherever it is asked.
#[cfg(not(feature = "sql"))]
pub(crate) fn missing() -> Problem {
    let detail = "sql is not part of this build, because its engine takes longer to build than everything else; get it \
                  with `cargo build --release -p indelible-cli --features sql`, or ask with search, facets, histogram \
                  and groups";
    Problem::new(Code::NotSupported, detail)
}
