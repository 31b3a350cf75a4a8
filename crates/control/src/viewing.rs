//! Viewer tokens: a part of what somebody may read, lent for some minutes to a page or a program of others.
//!
//! They are in memory alone, like sessions: a restart ends them, and thousands a day leave nothing behind but their events.
//! A token ends with whoever made it, at the latest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Error;
use crate::key::{Credential, Key, KeySeed, Scope};
use crate::organization::OrganizationId;
use crate::permission::Kind;
use crate::token::{compose, id_of};

/// Longest life of a token: a working day and its breaks; a page that stays open longer asks for another.
pub const MAX_VIEWER_MS: i64 = 12 * 3600 * 1000;
/// Tokens at once, some 2 KiB each.
pub const MAX_VIEWERS: usize = 20_000;
/// Longest filter; others refuse queries from here on, too.
const MAX_FILTER: usize = 8 * 1024;

/// Origins that may embed; each travels with every answer.
const MAX_ORIGINS: usize = 16;
/// As long as a host name with scheme and port.
const MAX_ORIGIN: usize = 280;

/// What a viewer token shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewing {
    /// Query text that is added to whatever is asked.
    pub filter: String,
    /// Origins whose pages may embed ours.
    pub frame_ancestors: Vec<String>,
    /// Id of the key or the person that made it.
    pub issuer: String,
}

/// What is needed to make one.
#[derive(Debug, Clone)]
pub struct NewViewer {
    /// Whose events.
    pub organization: OrganizationId,
    /// The one catalog that the issuer is limited to.
    pub catalog: Option<String>,
    /// What it shows.
    pub viewing: Viewing,
    /// What people call it.
    pub label: String,
    /// When it ends, Unix milliseconds.
    pub until_ms: i64,
}

/// Tokens in use.
#[derive(Default)]
pub(crate) struct Viewers(Mutex<HashMap<String, Arc<Credential>>>);

impl Viewers {
    pub(crate) fn make(&self, new: NewViewer, seed: &KeySeed, now_ms: i64) -> Result<(Key, String), Error> {
        new.check(now_ms)?;
        let (id, secret) = seed.parts();
        let id = id_of(id);
        let (token, secret_sha256) = compose(Kind::Viewer, &id, &secret);
        let key = Key {
            id: id.clone(),
            kind: Kind::Viewer,
            scope: Scope::One(new.organization),
            catalog: new.catalog,
            producer: None,
            person: None,
            certificate: None,
            viewing: Some(new.viewing),
            label: new.label,
            created_at_ms: now_ms,
            expires_at_ms: Some(new.until_ms),
            revoked_at_ms: None,
            last_used_ms: None,
        };
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if made.len() >= MAX_VIEWERS {
            made.retain(|_, of| of.key.expires_at_ms.is_some_and(|until| until > now_ms));
        }
        if made.len() >= MAX_VIEWERS {
            let hint = "wait until some have ended, or make them shorter";
            return Err(Error::Limit { what: "viewer tokens", limit: MAX_VIEWERS, hint });
        }
        let last_used_ms = std::sync::atomic::AtomicI64::new(0);
        made.insert(id, Arc::new(Credential { key: key.clone(), secret_sha256, last_used_ms }));
        Ok((key, token))
    }

    pub(crate) fn find(&self, id: &str) -> Option<Arc<Credential>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }
}

impl NewViewer {
    fn check(&self, now_ms: i64) -> Result<(), Error> {
        let invalid = |what, why: &str| Err(Error::Invalid { what, why: why.to_owned() });
        if self.viewing.filter.trim().is_empty() || self.viewing.filter.len() > MAX_FILTER {
            return invalid("filter of a viewer", "say a query of at most 8 KiB that narrows what is seen");
        }
        if self.until_ms <= now_ms || self.until_ms - now_ms > MAX_VIEWER_MS {
            return invalid("life of a viewer token", "use a second to twelve hours");
        }
        let origins = &self.viewing.frame_ancestors;
        if origins.len() > MAX_ORIGINS || !origins.iter().all(|origin| is_origin(origin)) {
            return invalid(
                "frame_ancestors",
                "use at most 16 origins such as https://portal.example.org, without a path",
            );
        }
        if self.label.len() > 128 || self.label.chars().any(char::is_control) {
            return invalid("key label", "use at most 128 bytes without control characters");
        }
        Ok(())
    }
}

/// `https://host` or `http://host`, perhaps with a port: what a browser calls an origin. Nothing in it can end a directive of
/// a content security policy.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    text.len() <= MAX_ORIGIN
        && host.is_some_and(|host| {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b".-:[]".contains(&b);
            !host.is_empty() && host.bytes().all(plain)
        })
}
