//! `catalog.toml`: who the catalog is and what holds for all its types.

use crate::catalog::{
    CodeForm, Defaults, Identity, MAX_CODE_BYTES, NumberForm, OutcomeRule, ShortForm, SourceDocument, Version,
};
use crate::event_type::ResultMeaning;
use crate::finding::{FindingId, Level};
use crate::policy::Policy;
use crate::read::{Node, Table};
use crate::routing::{DEFAULT_TEMPLATE, Template};
use crate::word::{CodeKind, Outcome, OutcomeBy, Required, Retention, Session, Severity, Unavailable};

/// Longest name of a catalog in bytes: it is part of every event.
const MAX_ID_BYTES: usize = 32;

/// What the file says; `None` where it is silent.
#[derive(Debug, Clone, Default)]
pub(super) struct IdentityDraft {
    pub(super) id: String,
    pub(super) version: Version,
    pub(super) title: String,
    pub(super) extends: Option<(String, u64)>,
    source: Option<SourceDocument>,
    added: Option<Vec<String>>,
    code: Option<CodeForm>,
    outcome: Option<OutcomeRule>,
    template: Option<(String, Template)>,
    app: Option<String>,
    scopes: Option<Vec<String>>,
    severity: Option<Severity>,
    retention: Option<Retention>,
    on_unavailable: Option<Unavailable>,
    session: Option<Session>,
    requires: Option<Vec<Required>>,
    policy: Policy,
    harmless: Vec<String>,
}

impl IdentityDraft {
    /// The same with the base's words where it is silent.
    pub(super) fn over(mut self, base: Option<&Self>) -> Self {
        let Some(base) = base.cloned() else { return self };
        let mut policy = base.policy;
        policy.overlay(&self.policy);
        self.policy = policy;
        self.harmless.extend(base.harmless);
        self.code = self.code.or(base.code);
        self.outcome = self.outcome.or(base.outcome);
        self.template = self.template.or(base.template);
        self.app = self.app.or(base.app);
        self.scopes = self.scopes.or(base.scopes);
        self.severity = self.severity.or(base.severity);
        self.retention = self.retention.or(base.retention);
        self.on_unavailable = self.on_unavailable.or(base.on_unavailable);
        self.session = self.session.or(base.session);
        self.requires = self.requires.or(base.requires);
        self
    }

    /// The same with every silence filled.
    pub(super) fn complete(self) -> Identity {
        let default_template =
            || Template::parse(DEFAULT_TEMPLATE).expect("the default template has known parts only");
        let (template_text, template) =
            self.template.unwrap_or_else(|| (DEFAULT_TEMPLATE.to_owned(), default_template()));
        Identity {
            app: self.app.unwrap_or_else(|| self.id.clone()),
            id: self.id,
            version: self.version,
            title: self.title,
            extends: self.extends,
            source: self.source,
            added: self.added.unwrap_or_default(),
            code: self.code.unwrap_or_default(),
            outcome: self.outcome.unwrap_or(OutcomeRule {
                by: OutcomeBy::Said,
                results: Vec::new(),
                suffixes: Vec::new(),
            }),
            template_text,
            template,
            scopes: self.scopes.unwrap_or_default(),
            defaults: Defaults {
                severity: self.severity.unwrap_or(Severity::Info),
                retention: self.retention.unwrap_or(Retention::Standard),
                on_unavailable: self.on_unavailable.unwrap_or(Unavailable::Spool),
                session: self.session.unwrap_or(Session::Optional),
                requires: self.requires.unwrap_or_else(|| vec![Required::Actor]),
            },
            policy: self.policy,
            harmless: self.harmless,
        }
    }
}

pub(super) fn read(root: Table<'_>) -> IdentityDraft {
    let mut draft = IdentityDraft::default();
    if let Some(table) = root.need("catalog").and_then(|node| node.table()) {
        read_catalog(table, &mut draft);
    }
    if let Some(table) = root.table("source") {
        draft.source =
            Some(SourceDocument { file: table.need_text("file"), sha256: table.need_text("sha256") });
        table.finish();
    }
    draft.added = root.texts("added");
    draft.code = root.table("code").map(read_code);
    draft.outcome = root.table("outcome").map(read_outcome);
    if let Some(table) = root.table("routing") {
        draft.template = table.get("template").and_then(|node| read_template(&node));
        draft.app = table.text("app");
        table.finish();
    }
    draft.scopes = root.texts("scopes");
    if let Some(table) = root.table("defaults") {
        read_defaults(table, &mut draft);
    }
    if let Some(node) = root.get("policy") {
        read_policy(&node, &mut draft.policy);
    }
    draft.harmless = root.texts("harmless").unwrap_or_default();
    root.finish();
    draft
}

fn read_catalog(table: Table<'_>, draft: &mut IdentityDraft) {
    draft.id = table.need_text("id");
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    if draft.id.is_empty() || draft.id.len() > MAX_ID_BYTES || !draft.id.bytes().all(fits) {
        table.fault(
            format!("\"{}\" cannot be a catalog's id", draft.id),
            format!("use 1 to {MAX_ID_BYTES} of a-z, 0-9, - and _"),
        );
    }
    let version = table.need_text("version");
    match Version::parse(&version) {
        Some(version) => draft.version = version,
        None => table.fault(format!("\"{version}\" is not a version"), "write three numbers: 1.0.0"),
    }
    draft.title = table.need_text("title");
    if let Some(text) = table.text("extends") {
        draft.extends =
            text.split_once('@').and_then(|(id, major)| Some((id.to_owned(), major.parse().ok()?)));
        if draft.extends.is_none() {
            table.fault(format!("\"{text}\" is not a base"), "write its id and major version: openkat@1");
        }
    }
    table.finish();
}

fn read_code(table: Table<'_>) -> CodeForm {
    let mut form = CodeForm::default();
    if let Some(kind) = table.need("form").and_then(|node| node.word(CodeKind::parse, CodeKind::WORDS)) {
        form.kind = kind;
    }
    if let Some(node) = table.get("width") {
        let widths: Vec<_> = node
            .items()
            .iter()
            .filter_map(Node::int)
            .filter_map(|width| usize::try_from(width).ok())
            .collect();
        match widths.as_slice() {
            [least, most] if 1 <= *least && least <= most && *most <= MAX_CODE_BYTES => {
                form.width = (*least, *most);
            }
            _ => node.fault(
                "is not a pair of widths",
                format!("write [least, most], between 1 and {MAX_CODE_BYTES}"),
            ),
        }
    }
    if let Some(number) = table.get("number").and_then(|node| node.word(NumberForm::parse, NumberForm::WORDS))
    {
        form.number = number;
    }
    if let Some(short) = table.get("short").and_then(|node| node.word(ShortForm::parse, ShortForm::WORDS)) {
        form.short = short;
    }
    table.finish();
    form
}

fn read_outcome(table: Table<'_>) -> OutcomeRule {
    let by = table
        .need("by")
        .and_then(|node| node.word(OutcomeBy::parse, OutcomeBy::WORDS))
        .unwrap_or(OutcomeBy::Said);
    let rows = |table: Option<Table<'_>>| -> Vec<(String, Outcome)> {
        let entries = table.map(|table| table.entries()).unwrap_or_default();
        entries
            .into_iter()
            .filter_map(|(code, node)| Some((code, node.word(Outcome::parse, Outcome::WORDS)?)))
            .collect()
    };
    let results = rows(table.table("results")).into_iter();
    let results =
        results.map(|(code, outcome)| ResultMeaning { code, outcome, text: String::new() }).collect();
    let suffixes = rows(table.table("suffixes"));
    table.finish();
    OutcomeRule { by, results, suffixes }
}

fn read_template(node: &Node<'_>) -> Option<(String, Template)> {
    let text = node.text()?;
    match Template::parse(&text) {
        Ok(template) => Some((text, template)),
        Err(message) => {
            node.fault(message, "correct the template");
            None
        }
    }
}

fn read_defaults(table: Table<'_>, draft: &mut IdentityDraft) {
    draft.severity = table.get("severity").and_then(|node| node.word(Severity::parse, Severity::WORDS));
    draft.retention = table.get("retention").and_then(|node| node.word(Retention::parse, Retention::WORDS));
    draft.on_unavailable =
        table.get("on_unavailable").and_then(|node| node.word(Unavailable::parse, Unavailable::WORDS));
    draft.session = table.get("session").and_then(|node| node.word(Session::parse, Session::WORDS));
    draft.requires = table.get("requires").map(|node| read_requires(&node));
    table.finish();
}

pub(super) fn read_requires(node: &Node<'_>) -> Vec<Required> {
    node.items().iter().filter_map(|item| item.word(Required::parse, Required::WORDS)).collect()
}

fn read_policy(node: &Node<'_>, policy: &mut Policy) {
    let Some(table) = node.table() else { return };
    for (name, node) in table.entries() {
        let Some(id) = FindingId::parse(&name) else {
            let near = crate::suggest::nearest_word(&name, FindingId::WORDS);
            let remedy = near.map_or_else(
                || format!("findings: {}", FindingId::WORDS.join(", ")),
                |near| format!("did you mean \"{near}\"?"),
            );
            node.fault(format!("\"{name}\" is not a finding"), remedy);
            continue;
        };
        let Some(level) = node.word(Level::parse, Level::WORDS) else { continue };
        if let Err(message) = policy.set(id, level) {
            node.fault(message, "choose one of them");
        }
    }
}
