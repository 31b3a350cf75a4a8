//! A loaded catalog: what one product's events are called and what they mean. Immutable once loaded; every look-up is by hash.

use crate::event_type::{Case, CodeRange, Entity, EventType, Family, Group, Hint, KnownFinding, ParamDef};
use crate::policy::Policy;
use crate::routing::Template;
use crate::rule::Rule;
use crate::word::{CodeKind, Outcome, OutcomeBy, Required, Retention, Session, Severity, Unavailable, words};
use foldhash::fast::FixedState;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

/// Most types of one catalog: a product with more has families.
pub const MAX_TYPES: usize = 10_000;
/// Most bytes of one catalog's files together.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Longest code in bytes.
pub const MAX_CODE_BYTES: usize = 64;
/// Longest title in characters: one line of a table.
pub const MAX_TITLE_CHARS: usize = 80;

words! {
    /// What a JSON number becomes when it is sent as a code.
    NumberForm { Pad = "pad", Plain = "plain", Refuse = "refuse" }
}
words! {
    /// What a text shorter than the code's width becomes.
    ShortForm { Refuse = "refuse", Pad = "pad" }
}

/// A semantic version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version {
    /// Incompatible changes.
    pub major: u64,
    /// Additions.
    pub minor: u64,
    /// Wording.
    pub patch: u64,
}

impl Version {
    /// Reads `1.2.3`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(|part| part.parse::<u64>().ok());
        let version = Self { major: parts.next()??, minor: parts.next()??, patch: parts.next()?? };
        parts.next().is_none().then_some(version)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The document that a catalog was written from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceDocument {
    /// File name.
    pub file: String,
    /// SHA-256 of its bytes, in hex.
    pub sha256: String,
}

/// How codes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeForm {
    /// Digits, entity and action, or any text.
    pub kind: CodeKind,
    /// Least and most digits.
    pub width: (usize, usize),
    /// What numbers become.
    pub number: NumberForm,
    /// What short texts become.
    pub short: ShortForm,
}

impl Default for CodeForm {
    fn default() -> Self {
        Self {
            kind: CodeKind::Text,
            width: (1, MAX_CODE_BYTES),
            number: NumberForm::Plain,
            short: ShortForm::Refuse,
        }
    }
}

impl CodeForm {
    /// The code that a JSON number stands for; `None` when numbers are refused or it has no such code.
    pub fn number_code(&self, number: i64) -> Option<String> {
        let number = u64::try_from(number).ok().filter(|number| *number < 1 << 53)?;
        match self.number {
            NumberForm::Refuse => None,
            NumberForm::Plain => Some(number.to_string()),
            NumberForm::Pad => Some(format!("{number:0width$}", width = self.width.0)),
        }
    }

    /// Whether a code has this form.
    pub fn fits(&self, code: &str) -> bool {
        let (least, most) = self.width;
        let digits = self.kind != CodeKind::Digits
            || ((least..=most).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit()));
        digits && (1..=MAX_CODE_BYTES).contains(&code.len())
    }
}

/// How outcomes are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutcomeRule {
    /// The encoding.
    pub by: OutcomeBy,
    /// Result codes and what they say.
    pub results: Vec<crate::event_type::ResultMeaning>,
    /// Suffixes of the code and what they say.
    pub suffixes: Vec<(String, Outcome)>,
}

/// What holds for types that do not say otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// Severity.
    pub severity: Severity,
    /// Retention class.
    pub retention: Retention,
    /// Fail mode.
    pub on_unavailable: Unavailable,
    /// Session rule.
    pub session: Session,
    /// Parts that must be there.
    pub requires: Vec<Required>,
}

/// Texts of one language.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Language {
    /// BCP 47 tag.
    pub tag: String,
    /// Titles by code.
    pub titles: Vec<(String, String)>,
    /// Message templates by code, filled in when an event is read.
    pub messages: Vec<(String, String)>,
}

/// What a catalog says of itself.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) id: String,
    pub(crate) version: Version,
    pub(crate) title: String,
    pub(crate) extends: Option<(String, u64)>,
    pub(crate) source: Option<SourceDocument>,
    pub(crate) added: Vec<String>,
    pub(crate) code: CodeForm,
    pub(crate) outcome: OutcomeRule,
    pub(crate) template_text: String,
    pub(crate) template: Template,
    pub(crate) app: String,
    pub(crate) scopes: Vec<String>,
    pub(crate) defaults: Defaults,
    pub(crate) policy: Policy,
    pub(crate) harmless: Vec<String>,
}

type Names<V> = HashMap<String, V, FixedState>;

#[derive(Debug, Default)]
struct Index {
    by_code: Names<usize>,
    by_act: Names<Names<Vec<usize>>>,
    by_group_code: Names<usize>,
    families: Vec<FamilyEntry>,
}

#[derive(Debug)]
struct FamilyEntry {
    literal: usize,
    family: usize,
}

/// One catalog.
pub struct Catalog {
    /// Name, at most 32 bytes.
    pub id: String,
    /// Version.
    pub version: Version,
    /// Version as text, as events carry it.
    pub version_text: String,
    /// Title.
    pub title: String,
    /// SHA-256 over names and contents of its files.
    pub hash: [u8; 32],
    /// Folder its files came from.
    pub folder: String,
    /// Catalog and major version it is an overlay of.
    pub extends: Option<(String, u64)>,
    /// The document it was written from.
    pub source: Option<SourceDocument>,
    /// Fields that the document lacks.
    pub added: Vec<String>,
    /// How codes are written.
    pub code: CodeForm,
    /// How outcomes are found.
    pub outcome: OutcomeRule,
    /// Routing template as written.
    pub template_text: String,
    /// Application name in routing keys.
    pub app: String,
    /// Scopes of parameters.
    pub scopes: Vec<String>,
    /// What holds unless a type says otherwise.
    pub defaults: Defaults,
    /// What is done about findings.
    pub policy: Policy,
    /// Names and paths that only look secret.
    pub harmless: Vec<String>,
    pub(crate) template: Template,
    pub(crate) parts: Parts,
    pub(crate) types: Vec<EventType>,
    index: Index,
}

/// The lists of a catalog besides its types.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    pub(crate) groups: Vec<Group>,
    pub(crate) entities: Vec<Entity>,
    pub(crate) params: Vec<ParamDef>,
    pub(crate) families: Vec<Family>,
    pub(crate) ranges: Vec<CodeRange>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) hints: Vec<Hint>,
    pub(crate) languages: Vec<Language>,
    pub(crate) counts: Vec<(String, i64)>,
    pub(crate) crude_counts: Vec<(String, i64)>,
    pub(crate) known: Vec<KnownFinding>,
    pub(crate) cases: Vec<Case>,
}

/// What a code was found to be.
#[derive(Debug, Clone, Copy)]
pub enum Found<'c> {
    /// A type of its own.
    Type(&'c EventType),
    /// A type by its code without the suffix, and what the suffix says.
    Suffixed(&'c EventType, Outcome),
    /// A family.
    Family(&'c Family),
    /// The row of a group.
    Group(&'c Group),
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Catalog({} {}, {} types)", self.id, self.version, self.types.len())
    }
}

impl Catalog {
    pub(crate) fn build(
        identity: Identity,
        folder: String,
        hash: [u8; 32],
        types: Vec<EventType>,
        parts: Parts,
    ) -> Self {
        let index = Index::build(&types, &parts);
        Self {
            version_text: identity.version.to_string(),
            id: identity.id,
            version: identity.version,
            title: identity.title,
            hash,
            folder,
            extends: identity.extends,
            source: identity.source,
            added: identity.added,
            code: identity.code,
            outcome: identity.outcome,
            template_text: identity.template_text,
            app: identity.app,
            scopes: identity.scopes,
            defaults: identity.defaults,
            policy: identity.policy,
            harmless: identity.harmless,
            template: identity.template,
            parts,
            types,
            index,
        }
    }

    /// Every type, in the order of the files.
    pub fn types(&self) -> &[EventType] {
        &self.types
    }

    /// The type with exactly this code.
    pub fn type_by_code(&self, code: &str) -> Option<&EventType> {
        self.index.by_code.get(code).and_then(|at| self.types.get(*at))
    }

    /// The types of one entity and action, in the order of the files.
    pub fn types_by_act<'c>(
        &'c self,
        entity: &str,
        action: &str,
    ) -> impl Iterator<Item = &'c EventType> + use<'c> {
        let found = self.index.by_act.get(entity).and_then(|actions| actions.get(action));
        found.into_iter().flatten().filter_map(|at| self.types.get(*at))
    }

    /// Groups.
    pub fn groups(&self) -> &[Group] {
        &self.parts.groups
    }

    /// Entities, if the catalog lists them.
    pub fn entities(&self) -> &[Entity] {
        &self.parts.entities
    }

    /// Parameters declared for several types.
    pub fn params(&self) -> &[ParamDef] {
        &self.parts.params
    }

    /// Families.
    pub fn families(&self) -> &[Family] {
        &self.parts.families
    }

    /// Code ranges of all sets.
    pub fn ranges(&self) -> &[CodeRange] {
        &self.parts.ranges
    }

    /// Match rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.parts.rules
    }

    /// Hints for other formats.
    pub fn hints(&self) -> &[Hint] {
        &self.parts.hints
    }

    /// Translations.
    pub fn languages(&self) -> &[Language] {
        &self.parts.languages
    }

    /// Cases that the catalog's author wrote.
    pub fn cases(&self) -> &[Case] {
        &self.parts.cases
    }

    /// What a code, with its entity and action where known, stands for.
    pub fn find(&self, code: &str, entity: &str, action: &str) -> Option<Found<'_>> {
        if let Some(found) = self.type_by_code(code) {
            return Some(Found::Type(found));
        }
        for (suffix, outcome) in &self.outcome.suffixes {
            if let Some(found) = code.strip_suffix(suffix.as_str()).and_then(|base| self.type_by_code(base)) {
                return Some(Found::Suffixed(found, *outcome));
            }
        }
        if let Some(group) = self.index.by_group_code.get(code).and_then(|at| self.parts.groups.get(*at)) {
            return Some(Found::Group(group));
        }
        self.family(code, entity, action).map(Found::Family)
    }

    fn family(&self, code: &str, entity: &str, action: &str) -> Option<&Family> {
        let families = self
            .index
            .families
            .iter()
            .filter_map(|entry| Some((entry.literal, self.parts.families.get(entry.family)?)));
        let fits = |globs: &[crate::glob::Glob], name: &str| {
            if globs.is_empty() {
                Some(0)
            } else {
                globs.iter().filter(|glob| glob.matches(name)).map(|glob| glob.literal_prefix().len()).max()
            }
        };
        let mut best: Option<(usize, &Family)> = None;
        for (most, family) in families {
            // Entries are in falling order of what they can reach.
            if best.is_some_and(|(literal, _)| literal >= most) {
                break;
            }
            let literal =
                fits(&family.code, code).zip(fits(&family.entity, entity)).zip(fits(&family.action, action));
            let literal = literal.map(|((code, entity), action)| code + entity + action);
            if let Some(literal) = literal.filter(|literal| best.is_none_or(|(known, _)| *literal > known)) {
                best = Some((literal, family));
            }
        }
        best.map(|(_, family)| family)
    }
}

impl Index {
    fn build(types: &[EventType], parts: &Parts) -> Self {
        let mut index = Self::default();
        for (at, t) in types.iter().enumerate() {
            index.by_code.entry(t.code.clone()).or_insert(at);
            index.by_act.entry(t.entity.clone()).or_default().entry(t.action.clone()).or_default().push(at);
        }
        for (at, group) in parts.groups.iter().enumerate() {
            if let Some(code) = &group.code {
                index.by_group_code.entry(code.clone()).or_insert(at);
            }
        }
        let longest = |globs: &[crate::glob::Glob]| {
            globs.iter().map(|glob| glob.literal_prefix().len()).max().unwrap_or(0)
        };
        let entry = |(family, f): (usize, &Family)| FamilyEntry {
            literal: longest(&f.code) + longest(&f.entity) + longest(&f.action),
            family,
        };
        index.families = parts.families.iter().enumerate().map(entry).collect();
        index.families.sort_by_key(|entry| std::cmp::Reverse(entry.literal));
        index
    }
}

/// The catalogs of one organization or node, in the order in which their rules are tried.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    catalogs: Vec<Arc<Catalog>>,
}

impl Registry {
    /// A registry of these catalogs, in this order. A later one with the same name replaces an earlier one in place.
    pub fn new(catalogs: impl IntoIterator<Item = Arc<Catalog>>) -> Self {
        let mut registry = Self::default();
        for catalog in catalogs {
            registry.add(catalog);
        }
        registry
    }

    /// Adds or replaces a catalog.
    pub fn add(&mut self, catalog: Arc<Catalog>) {
        match self.catalogs.iter_mut().find(|known| known.id == catalog.id) {
            Some(known) => *known = catalog,
            None => self.catalogs.push(catalog),
        }
    }

    /// The catalog of this name.
    pub fn get(&self, id: &str) -> Option<&Arc<Catalog>> {
        self.catalogs.iter().find(|catalog| catalog.id == id)
    }

    /// Every catalog, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Catalog>> {
        self.catalogs.iter()
    }

    /// Catalog and code of the event types of which a title or text, in any language, is told by `holds`.
    pub fn types_with(&self, holds: impl Fn(&str) -> bool) -> Vec<(String, String)> {
        let mut types = Vec::new();
        for catalog in &self.catalogs {
            let translated = catalog.languages().iter().flat_map(|language| &language.titles);
            let translated: HashSet<&str> =
                translated.filter(|(_, title)| holds(title)).map(|(code, _)| code.as_str()).collect();
            let held = |of: &&EventType| {
                holds(&of.title) || holds(&of.text) || translated.contains(of.code.as_str())
            };
            let found = catalog.types().iter().filter(held);
            types.extend(found.map(|of| (catalog.id.clone(), of.code.clone())));
        }
        types
    }

    /// Those of these names, in the order of the names.
    pub fn select<'n>(&self, ids: impl IntoIterator<Item = &'n str>) -> Self {
        Self::new(ids.into_iter().filter_map(|id| self.get(id).cloned()))
    }

    /// Number of catalogs.
    pub fn len(&self) -> usize {
        self.catalogs.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.catalogs.is_empty()
    }

    /// Names near an unknown one.
    pub fn suggest(&self, id: &str) -> Vec<String> {
        let names: Vec<_> = self.catalogs.iter().map(|catalog| catalog.id.as_str()).collect();
        crate::suggest::nearest_word(id, &names).into_iter().collect()
    }
}
