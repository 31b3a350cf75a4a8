//! All organizations of the node, for whoever may create one.

use axum::extract::Request;
use indelible_console::notice::Notice;
use indelible_console::organizations::{Organizations, Row};
use indelible_control::{Catalogs, Organization, Permission};

use super::form::Form;
use super::me::{at, first_org};
use super::page;
use super::times::Zone;
use super::visit::{Call, Section};
use crate::api::Answer;
use crate::api::organizations::{New, make};
use crate::app::{App, size};

pub(crate) async fn list(call: Call) -> Answer {
    call.node_access(Permission::NodeAdmin)?;
    let zone = call.zone();
    let rows = call.app.control.orgs();
    page(&Organizations {
        frame: call.frame_of("Organizations", Section::Organizations, first_org(&call).as_deref()),
        csrf: call.visitor()?.session.csrf.clone(),
        notice: call.notice(),
        rows: rows.iter().map(|org| row(&call.app, org, &zone)).collect(),
        zone: zone.name().to_owned(),
    })
}

fn row(app: &App, org: &Organization, zone: &Zone) -> Row {
    Row {
        id: org.id.to_string(),
        title: org.title.clone(),
        size: app.log_of(org).map_or(0, |log| size(&app.store, log)),
        public: org.public,
        catalogs: match &org.catalogs {
            Catalogs::All => "all".to_owned(),
            Catalogs::Only(ids) => ids.join(", "),
        },
        created: at(zone, org.created_at_ms),
        origin: org.origin.clone(),
    }
}

pub(crate) async fn create(call: Call, request: Request) -> Answer {
    let principal = call.node_access(Permission::NodeAdmin)?;
    let form = Form::checked(&call, request.into_body()).await?;
    let new = New::titled(form.get("id").trim(), form.get("title").trim());
    let made = make(&call.app, (&principal, &call.caller), new).await;
    call.lead_with("/organizations", made.map(|org| Notice::good(format!("{} is created.", org.id))))
}
