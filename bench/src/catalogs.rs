//! The catalogs of the sample events: every code of the three systems, with the parameters that the generator fills.
//!
//! The built-in catalogs do not declare these parameters, and two of them fix the outcome by the code, while the
//! generator draws it. Catalogs of their own keep every sample event free of findings.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::event::{CATALOG_PREFIX, Code, codes};

/// One catalog as files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalog {
    /// The name of its folder and its id.
    pub id: String,
    /// The contents of `catalog.toml`.
    pub catalog: String,
    /// The contents of `types.toml`.
    pub types: String,
}

struct System {
    name: &'static str,
    code_form: &'static str,
    /// Name, type, class.
    params: &'static [(&'static str, &'static str, &'static str)],
}

const SYSTEMS: [System; 3] = [
    System {
        name: "netop",
        code_form: "{ form = \"pair\" }",
        params: &[
            ("os", "text", "public"),
            ("nrc_version", "text", "public"),
            ("private_ip", "address", "personal(actor)"),
            ("file_name", "text", "public"),
        ],
    },
    System {
        name: "sanernow",
        code_form: "{ form = \"digits\", width = [4, 5], number = \"plain\", short = \"refuse\" }",
        params: &[("job_id", "text", "public"), ("group", "text", "public"), ("policy", "text", "public")],
    },
    System {
        name: "openkat",
        code_form: "{ form = \"digits\", width = [6, 6], number = \"pad\", short = \"refuse\" }",
        params: &[("ooi", "text", "public"), ("plugin", "text", "public")],
    },
];

/// The three catalogs.
pub fn all() -> Vec<Catalog> {
    let codes = codes();
    SYSTEMS
        .iter()
        .map(|system| catalog(system, codes.iter().filter(|code| code.system == system.name)))
        .collect()
}

fn catalog<'a>(system: &System, codes: impl Iterator<Item = &'a Code>) -> Catalog {
    let id = format!("{CATALOG_PREFIX}{}", system.name);
    let catalog = format!(
        "# Sample events for measurements. Written by `indelible-bench catalogs`; do not edit.\n\
         catalog  = {{ id = \"{id}\", version = \"1.0.0\", title = \"Sample events after {}\" }}\n\
         code     = {}\n\
         outcome  = {{ by = \"said\" }}\n\
         routing  = {{ template = \"{{catalog}}.{{entity}}.{{action}}\" }}\n\
         defaults = {{ severity = \"info\", retention = \"standard\", on_unavailable = \"spool\", \
         session = \"optional\", requires = [\"actor\", \"account\", \"target\"] }}\n",
        system.name, system.code_form
    );
    Catalog { id, catalog, types: types(system, codes) }
}

fn types<'a>(system: &System, codes: impl Iterator<Item = &'a Code>) -> String {
    let names: Vec<String> = system.params.iter().map(|(name, ..)| format!("\"{name}\"")).collect();
    let params = names.join(", ");
    let mut entities = BTreeSet::new();
    let mut types = String::new();
    for code in codes {
        let (entity, action) = code.code.split_once('.').unwrap_or(("SAMPLE", code.code));
        entities.insert(entity);
        let id = if code.code.contains('.') { String::new() } else { format!("code = \"{}\", ", code.code) };
        put!(
            types,
            "  {{ {id}entity = \"{entity}\", action = \"{action}\", crude = \"{}\", title = \"{}\", text = \"{}\", \
             params = [{params}] }},\n",
            code.crude,
            code.name.replace('"', "'"),
            code.name.replace('"', "'"),
        );
    }
    let mut text = String::from("# Written by `indelible-bench catalogs`; do not edit.\nentity = [\n");
    for entity in entities {
        put!(text, "  {{ id = \"{entity}\" }},\n");
    }
    text.push_str("]\nparam = [\n");
    for (name, kind, class) in system.params {
        put!(
            text,
            "  {{ name = \"{name}\", type = \"{kind}\", class = \"{class}\", text = \"A sample parameter.\" }},\n"
        );
    }
    put!(text, "]\ntype = [\n{types}]\n");
    text
}
