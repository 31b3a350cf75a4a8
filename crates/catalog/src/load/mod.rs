//! From files to catalogs. A folder with a fault is refused as a whole and the others keep working; no file is read here, their texts arrive as arguments.

mod identity;
mod others;
mod rules;
mod types;

use crate::catalog::{Catalog, MAX_BYTES, MAX_TYPES, Parts};
use crate::problem::Problem;
use crate::read::{Doc, Table, parse};
use crate::rule::{MAX_MAP_ROWS, MAX_RULES};
use identity::IdentityDraft;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use types::{DraftType, FamilyDraft};

/// One file of a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Folder and name, `openkat/types.toml`.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// What came of loading.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The catalogs without a fault, in the order of their folders' first files.
    pub catalogs: Vec<Arc<Catalog>>,
    /// The faults of the others.
    pub problems: Vec<Problem>,
}

/// Everything read from one folder, before types are resolved. Overlays start from a copy of their base's.
#[derive(Debug, Clone, Default)]
struct Folder {
    identity: Option<IdentityDraft>,
    drafts: Vec<DraftType>,
    families: Vec<FamilyDraft>,
    parts: Parts,
}

/// Loads every folder among these files.
pub fn load(files: &[Source]) -> Loaded {
    let mut folders: Vec<(&str, Vec<&Source>)> = Vec::new();
    for file in files {
        let folder = file.name.split_once('/').map_or("", |(folder, _)| folder);
        match folders.iter_mut().find(|(name, _)| *name == folder) {
            Some((_, list)) => list.push(file),
            None => folders.push((folder, vec![file])),
        }
    }
    let mut loader = Loader::default();
    for (folder, files) in &folders {
        loader.read(folder, files);
    }
    for (folder, _) in &folders {
        loader.finish(folder, 0);
    }
    let mut loaded = Loaded { catalogs: Vec::new(), problems: loader.problems };
    for (folder, _) in &folders {
        loaded.catalogs.extend(loader.done.remove(*folder).flatten().map(|(_, catalog)| catalog));
    }
    loaded
}

#[derive(Debug, Default)]
struct Loader {
    read: BTreeMap<String, (Folder, [u8; 32])>,
    /// `None`: refused.
    done: BTreeMap<String, Option<(Folder, Arc<Catalog>)>>,
    problems: Vec<Problem>,
}

/// Longest chain of overlays: each level makes it harder to say what holds.
const MAX_OVERLAYS: usize = 4;

impl Loader {
    fn read(&mut self, name: &str, files: &[&Source]) {
        let mut folder = Folder::default();
        let before = self.problems.len();
        let mut files: Vec<_> = files.iter().filter(|file| is_catalog_file(&file.name)).collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let bytes: usize = files.iter().map(|file| file.text.len()).sum();
        if bytes > MAX_BYTES {
            self.fault(
                name,
                "",
                format!("the files have {bytes} bytes together, at most {MAX_BYTES} are allowed"),
                "use families for codes that mean the same",
            );
        } else {
            for file in &files {
                self.problems.extend(folder.read_file(file));
            }
        }
        if folder.identity.is_none() && self.problems.len() == before {
            self.fault(
                name,
                "catalog",
                "there is no catalog.toml".to_owned(),
                "add one with catalog = { id = …, version = …, title = … }",
            );
        }
        self.problems.extend(folder.over_limits(name));
        if self.problems.len() == before {
            self.read.insert(name.to_owned(), (folder, hash(&files)));
        } else {
            self.done.insert(name.to_owned(), None);
        }
    }

    fn fault(&mut self, folder: &str, field: &str, message: String, remedy: &str) {
        let file = format!("{folder}/catalog.toml");
        self.problems.push(Problem {
            file,
            line: 0,
            field: field.to_owned(),
            message,
            remedy: remedy.to_owned(),
        });
    }

    /// Resolves a folder, its base first.
    fn finish(&mut self, name: &str, depth: usize) {
        if self.done.contains_key(name) {
            return;
        }
        let Some((folder, hash)) = self.read.get(name).cloned() else { return };
        let extends = folder.identity.as_ref().and_then(|identity| identity.extends.clone());
        let base = match extends {
            None => None,
            Some((id, major)) => match self.base(&id, major, depth) {
                Ok(base) => Some(base),
                Err(message) => {
                    self.fault(name, "catalog.extends", message, "correct the name, or load the base too");
                    self.done.insert(name.to_owned(), None);
                    return;
                }
            },
        };
        let folder = match base {
            Some(base) => base.overlaid(folder),
            None => folder,
        };
        let result = folder.build(name, hash).and_then(|catalog| self.unique(name, catalog));
        let entry = match result {
            Ok(catalog) => Some((folder, Arc::new(catalog))),
            Err(problems) => {
                self.problems.extend(problems);
                None
            }
        };
        self.done.insert(name.to_owned(), entry);
    }

    fn unique(&self, name: &str, catalog: Catalog) -> Result<Catalog, Vec<Problem>> {
        let taken =
            self.done.iter().find(|(_, done)| done.as_ref().is_some_and(|(_, known)| known.id == catalog.id));
        match taken {
            None => Ok(catalog),
            Some((other, _)) => Err(vec![Problem {
                file: format!("{name}/catalog.toml"),
                line: 0,
                field: "catalog.id".to_owned(),
                message: format!("\"{}\" is already the name of the catalog in folder {other}", catalog.id),
                remedy: "give it another id".to_owned(),
            }]),
        }
    }

    fn base(&mut self, id: &str, major: u64, depth: usize) -> Result<Folder, String> {
        if depth >= MAX_OVERLAYS {
            return Err(format!("more than {MAX_OVERLAYS} catalogs extend one another"));
        }
        let is_it = |folder: &Folder| folder.identity.as_ref().is_some_and(|identity| identity.id == id);
        let found = self.read.iter().find(|(_, (folder, _))| is_it(folder)).map(|(name, _)| name.clone());
        let name = found.ok_or_else(|| format!("the base \"{id}\" is not there or was refused"))?;
        self.finish(&name, depth + 1);
        let base = self
            .done
            .get(&name)
            .cloned()
            .flatten()
            .ok_or_else(|| format!("the base \"{id}\" was refused"))?;
        if base.1.version.major != major {
            return Err(format!("the base \"{id}\" has version {}, not {major}", base.1.version));
        }
        Ok(base.0)
    }
}

fn is_catalog_file(name: &str) -> bool {
    let inner = name.split_once('/').map_or(name, |(_, inner)| inner);
    let is_toml = std::path::Path::new(inner).extension().is_some_and(|extension| extension == "toml");
    is_toml && (!inner.contains('/') || inner.starts_with("lang/") || inner.starts_with("cases/"))
}

fn hash(files: &[&&Source]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for file in files {
        for part in [file.name.as_bytes(), file.text.as_bytes()] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    hasher.finalize().into()
}

impl Folder {
    fn read_file(&mut self, file: &Source) -> Vec<Problem> {
        let doc = Doc::new(&file.name, &file.text);
        if let Some(table) = parse(&doc, &file.text) {
            let inner = file.name.split_once('/').map_or(file.name.as_str(), |(_, inner)| inner);
            self.read_table(inner, Table::root(&doc, &table));
        }
        doc.into_problems()
    }

    fn read_table(&mut self, inner: &str, root: Table<'_>) {
        let name = inner.strip_suffix(".toml").unwrap_or(inner);
        let is =
            |kind: &str| name == kind || name.strip_prefix(kind).is_some_and(|rest| rest.starts_with('-'));
        if name == "catalog" {
            self.identity = Some(identity::read(root));
        } else if is("types") {
            types::read(root, self);
        } else if is("ranges") {
            others::ranges(root, &mut self.parts);
        } else if is("match") {
            rules::read(root, &mut self.parts);
        } else if is("map") {
            others::hints(root, &mut self.parts);
        } else if is("expect") {
            others::expect(root, &mut self.parts);
        } else if let Some(tag) = name.strip_prefix("lang/") {
            others::language(root, tag, &mut self.parts);
        } else if name.starts_with("cases/") {
            others::cases(root, &mut self.parts);
        } else {
            root.fault(
                "a file of this name has no meaning in a catalog",
                "known: catalog, types, types-*, ranges, match, map, expect, lang/<tag>, cases/*",
            );
        }
    }

    fn over_limits(&self, name: &str) -> Vec<Problem> {
        let rows = self
            .parts
            .rules
            .iter()
            .flat_map(|rule| &rule.settings)
            .map(|setting| rules::map_rows(&setting.value))
            .sum();
        let limits = [
            ("types.toml", "type", self.drafts.len(), MAX_TYPES),
            ("match.toml", "match", self.parts.rules.len(), MAX_RULES),
            ("match.toml", "map", rows, MAX_MAP_ROWS),
        ];
        let over = limits.into_iter().filter(|(_, _, count, limit)| count > limit);
        over.map(|(file, field, count, limit)| Problem {
            file: format!("{name}/{file}"),
            line: 0,
            field: field.to_owned(),
            message: format!("there are {count} entries, at most {limit} are allowed"),
            remedy: "use families, or split the catalog".to_owned(),
        })
        .collect()
    }

    /// This folder as a base, changed by an overlay's.
    fn overlaid(mut self, over: Folder) -> Folder {
        let base = self.identity.take();
        self.identity = over.identity.map(|identity| identity.over(base.as_ref()));
        types::settle_bases(&mut self.drafts);
        for draft in over.drafts {
            let same = self.drafts.iter().position(|known| known.code == draft.code);
            match same {
                Some(at) if draft.remove => {
                    self.drafts.remove(at);
                }
                Some(at) => {
                    if let Some(known) = self.drafts.get_mut(at) {
                        *known = draft.over(known);
                    }
                }
                None => self.drafts.push(draft),
            }
        }
        self.families.extend(over.families);
        let (mut parts, base) = (over.parts, self.parts);
        append_missing(&mut parts.groups, base.groups, |group| group.id.clone());
        append_missing(&mut parts.entities, base.entities, |entity| entity.id.clone());
        append_missing(&mut parts.params, base.params, |param| param.name.clone());
        append_missing(&mut parts.rules, base.rules, |rule| rule.id.clone());
        if parts.ranges.is_empty() {
            parts.ranges = base.ranges;
        }
        parts.hints.extend(base.hints);
        append_missing(&mut parts.languages, base.languages, |language| language.tag.clone());
        self.parts = parts;
        self
    }

    fn build(&self, name: &str, hash: [u8; 32]) -> Result<Catalog, Vec<Problem>> {
        let Some(identity) = self.identity.clone().map(IdentityDraft::complete) else {
            return Err(Vec::new());
        };
        let mut parts = self.parts.clone();
        let types = types::resolve(&self.drafts, &identity, &parts)?;
        parts.families = types::resolve_families(&self.families, &identity, &parts);
        Ok(Catalog::build(identity, name.to_owned(), hash, types, parts))
    }
}

fn append_missing<T>(own: &mut Vec<T>, base: Vec<T>, id: fn(&T) -> String) {
    for item in base {
        if !own.iter().any(|known| id(known) == id(&item)) {
            own.push(item);
        }
    }
}
