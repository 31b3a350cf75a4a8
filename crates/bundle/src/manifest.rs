//! The manifest: what a bundle is of, what was left out, and the hash of every part. And the bundle as it is put together.

use serde_json::{Value, json};

use crate::archive::{Part, pack};
use crate::error::BundleError;
use crate::page;

/// Parameter of the event that recorded a bundle: SHA-256 of its manifest, in hexadecimal.
pub const MANIFEST_PARAM: &str = "manifest_sha256";

/// Something that the events lack, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// `raw`, `erased`, `role` or `after_checkpoint`.
    pub what: &'static str,
    /// Events it is true of, where that is known.
    pub events: Option<u64>,
    /// The reason in a sentence.
    pub why: String,
}

/// A catalog that gives codes their meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogPart {
    /// Its id.
    pub id: String,
    /// Its version now in force.
    pub version: String,
    /// SHA-256 of its files, as the log's own events name it.
    pub sha256: String,
    /// Events of the bundle that are of it.
    pub events: u64,
    /// Versions that those events were recorded under.
    pub versions_of_events: Vec<String>,
    /// The catalog as JSON.
    pub json: Vec<u8>,
}

/// What a bundle is of; times as RFC 3339.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The organization.
    pub organization: String,
    /// Name of the log.
    pub origin: String,
    /// The signed checkpoint that everything is proven up to: size, root in base64, note.
    pub size: u64,
    /// Root, base64.
    pub root: String,
    /// The note.
    pub checkpoint: String,
    /// The query as it was asked, and its canonical text with absolute times.
    pub asked: String,
    /// The canonical text.
    pub query: String,
    /// Begin of the window, if it has one.
    pub since: Option<String>,
    /// End of the window, if it has one.
    pub until: Option<String>,
    /// Zone of the times in the query.
    pub zone: String,
    /// When it was made.
    pub made_at: String,
    /// Who made it, as JSON; null when nobody can tell.
    pub made_by: Value,
    /// What for.
    pub purpose: Option<String>,
    /// Whether its making was recorded in the log.
    pub recorded: bool,
    /// Events in it.
    pub rows: u64,
    /// First index.
    pub first: u64,
    /// Last index.
    pub last: u64,
    /// What is left out.
    pub left_out: Vec<LeftOut>,
    /// Public keys of the log.
    pub keys: Vec<String>,
    /// Catalogs of the events.
    pub catalogs: Vec<CatalogPart>,
}

/// A bundle before it is packed.
#[derive(Debug)]
pub struct Bundle {
    parts: Vec<Part>,
    manifest: Vec<u8>,
    page: String,
}

impl Bundle {
    /// Puts the parts together: events as NDJSON, proofs as [`crate::proofs`] writes them, and the page with its empty slot.
    pub fn new(about: &About, (events, proofs): (Vec<u8>, Vec<u8>), page: &str) -> Result<Self, BundleError> {
        let keys = about.keys.iter().fold(String::new(), |lines, key| lines + key + "\n");
        let mut parts = vec![
            Part::new(crate::EVENTS, events),
            Part::new(crate::PROOFS, proofs),
            Part::new(crate::CHECKPOINT, about.checkpoint.as_bytes()),
            Part::new(crate::KEYS, keys),
        ];
        let catalogs = about.catalogs.iter();
        parts.extend(catalogs.map(|of| Part::new(catalog_name(&of.id), of.json.as_slice())));
        parts.push(Part::new(crate::README, include_str!("readme.txt")));
        let mut named: Vec<Value> = parts.iter().map(|part| named(&part.name, &part.bytes)).collect();
        named.push(self::named(crate::PAGE, page.as_bytes()));
        let mut manifest = written(about);
        manifest["parts"] = Value::Array(named);
        let mut text = serde_json::to_vec_pretty(&manifest).unwrap_or_default();
        text.push(b'\n');
        Ok(Self { parts, manifest: text, page: page.to_owned() })
    }

    /// SHA-256 of the manifest, in hexadecimal: what is recorded.
    pub fn manifest_sha256(&self) -> String {
        crate::sha256_hex(&self.manifest)
    }

    /// The zip file; with the proof of the event that recorded the manifest, if it was recorded.
    pub fn packed(mut self, manifest_proof: Option<&str>) -> Result<Vec<u8>, BundleError> {
        let mut parts = vec![Part::new(crate::MANIFEST, self.manifest)];
        parts.extend(manifest_proof.map(|proof| Part::new(crate::MANIFEST_PROOF, proof)));
        parts.append(&mut self.parts);
        let page = page::filled(&self.page, &parts)?;
        parts.push(Part::new(crate::PAGE, page));
        pack(&parts)
    }
}

fn catalog_name(id: &str) -> String {
    format!("catalogs/{id}.json")
}

fn named(name: &str, bytes: &[u8]) -> Value {
    json!({ "name": name, "bytes": bytes.len(), "sha256": crate::sha256_hex(bytes) })
}

fn written(about: &About) -> Value {
    let left_out = about.left_out.iter();
    let left_out = left_out.map(|left| json!({ "what": left.what, "events": left.events, "why": left.why }));
    let catalogs = about.catalogs.iter().map(|of| {
        json!({
            "id": of.id, "version": of.version, "sha256": of.sha256, "events": of.events,
            "versions_of_events": of.versions_of_events, "part": catalog_name(&of.id),
        })
    });
    json!({
        "bundle": crate::KIND,
        "organization": about.organization,
        "log": { "origin": about.origin, "size": about.size, "root": about.root },
        "query": {
            "asked": about.asked, "text": about.query,
            "since": about.since, "until": about.until, "tz": about.zone,
        },
        "columns": "all",
        "order": "index",
        "rows": about.rows,
        "first_index": about.first,
        "last_index": about.last,
        "complete": true,
        "left_out": left_out.collect::<Vec<_>>(),
        "catalogs": catalogs.collect::<Vec<_>>(),
        "made_at": about.made_at,
        "made_by": about.made_by,
        "purpose": about.purpose,
        "recorded": about.recorded,
        "program": concat!("indelible ", env!("CARGO_PKG_VERSION")),
    })
}

/// What a manifest claims and verification compares.
#[derive(Debug)]
pub(crate) struct Claims {
    pub(crate) organization: String,
    pub(crate) origin: String,
    pub(crate) size: u64,
    pub(crate) root: String,
    pub(crate) rows: u64,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) recorded: bool,
    /// Names with their sizes and hashes.
    pub(crate) parts: Vec<(String, u64, String)>,
}

impl Claims {
    pub(crate) fn read(manifest: &Value) -> Result<Self, BundleError> {
        let lacking =
            |what: &str| BundleError::Malformed { part: crate::MANIFEST, why: format!("it lacks {what}") };
        let text = |at: &str| {
            manifest.pointer(at).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| lacking(at))
        };
        let number = |at: &str| manifest.pointer(at).and_then(Value::as_u64).ok_or_else(|| lacking(at));
        if text("/bundle")? != crate::KIND {
            return Err(lacking("the word indelible-bundle@v1"));
        }
        let parts = manifest["parts"].as_array().ok_or_else(|| lacking("/parts"))?.iter().map(|part| {
            Some((
                part["name"].as_str()?.to_owned(),
                part["bytes"].as_u64()?,
                part["sha256"].as_str()?.to_owned(),
            ))
        });
        Ok(Self {
            organization: text("/organization")?,
            origin: text("/log/origin")?,
            size: number("/log/size")?,
            root: text("/log/root")?,
            rows: number("/rows")?,
            first: number("/first_index")?,
            last: number("/last_index")?,
            recorded: manifest["recorded"].as_bool().ok_or_else(|| lacking("/recorded"))?,
            parts: parts.collect::<Option<_>>().ok_or_else(|| lacking("a part's name, size or hash"))?,
        })
    }
}
