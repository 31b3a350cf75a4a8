//! `indelible query`: what a query means, without asking anything.

use indelible_catalog::catalog::Registry;
use indelible_query::{
    Clock, Context as QueryContext, Diagnostic, EventQuery, Expansion, MAX_POST_BYTES, TextTerm,
};
use serde_json::{Value, json};

use crate::Context;
use crate::catalogs::CatalogsArg;
use crate::exit::{Exit, Failure, Outcome};
use crate::output::{Format, print, say};
use crate::time::query_clock;

/// Most event types that one free text stands for, as on the server.
const MAX_EXPANSION: usize = 200;

/// Explain queries
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  indelible query explain 'actor:ann -outcome:success since:-3h'\n  indelible query fields --output markdown"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// How a query is read: canonical form, absolute times, event types that free text stands for
    #[command(
        after_help = "Examples:\n  indelible query explain 'code:10000..10044 since:yesterday'\n  indelible query explain 'acter:ann'"
    )]
    Explain(Explain),
    /// The names that a query may use
    #[command(after_help = "Examples:\n  indelible query fields\n  indelible query fields --output markdown")]
    Fields,
}

#[derive(Debug, clap::Args)]
struct Explain {
    /// Query
    query: String,
    /// Zone of days and of times without an offset [default: UTC]
    #[arg(long, short = 'Z', value_name = "ZONE")]
    zone: Option<String>,
    #[command(flatten)]
    catalogs: CatalogsArg,
}

/// A query that was read here.
#[derive(Debug)]
pub(crate) struct Local {
    pub(crate) parsed: EventQuery,
    pub(crate) clock: Clock,
}

impl Local {
    /// The event types that free texts stand for.
    pub(crate) fn expansion(&self, registry: &Registry) -> Expansion {
        let mut expansion = Expansion::none();
        for term in self.parsed.text_terms() {
            let types = registry.types_with(term.finder());
            if !types.is_empty() && types.len() <= MAX_EXPANSION {
                expansion.add(term.clone(), types);
            }
        }
        expansion
    }
}

/// Reads a query; what is wrong with it is shown with a mark below the place.
pub(crate) fn parse_locally(text: &str, registry: &Registry, zone: Option<&str>) -> Result<Local, Failure> {
    let clock = query_clock(zone)?;
    let parameters =
        registry.iter().flat_map(|catalog| catalog.params().iter().map(|param| param.name.clone()));
    let context =
        QueryContext { clock: clock.clone(), max_bytes: MAX_POST_BYTES, parameters: parameters.collect() };
    match indelible_query::parse(text, &context) {
        Ok(parsed) => Ok(Local { parsed, clock }),
        Err(diagnostics) => Err(Failure::new(Exit::Usage, "query_invalid", picture(text, &diagnostics))),
    }
}

impl Args {
    pub(crate) fn run(self, context: &Context) -> Outcome {
        match self.command {
            Command::Explain(explain) => explain.run(context),
            Command::Fields => fields(context),
        }
    }
}

impl Explain {
    fn run(&self, context: &Context) -> Outcome {
        let registry = self.catalogs.registry()?;
        let query = parse_locally(&self.query, &registry, self.zone.as_deref())?;
        let expansion = query.expansion(&registry);
        let codes = expansion.entries().map(|(term, types)| {
            let text = match term {
                TextTerm::Words(words) => words.clone(),
                TextTerm::Like(pattern) => pattern.as_str().to_owned(),
            };
            json!({ "text": text, "types": types.iter().map(|(catalog, code)| format!("{catalog}/{code}")).collect::<Vec<_>>() })
        });
        let explained = json!({
            "text": query.parsed.to_string(),
            "absolute": query.parsed.resolve(&query.clock).to_string(),
            "codes": codes.collect::<Vec<_>>(),
        });
        context.output.document(&explained)?;
        if context.output.format() == Format::Table && !query.parsed.names("state") {
            say("quarantined events stay out unless the query asks for them: state:quarantined");
        }
        Ok(())
    }
}

fn fields(context: &Context) -> Outcome {
    if context.output.format() == Format::Markdown {
        return Ok(print(&indelible_query::reference_page())?);
    }
    let rows: Vec<Value> = indelible_query::fields()
        .iter()
        .map(|field| {
            let values = if field.kind.words().is_empty() { field.kind.title().to_owned() } else { field.kind.words().join(" ") };
            json!({ "field": field.name, "also": field.aliases, "values": values, "meaning": field.doc, "example": field.example })
        })
        .collect();
    Ok(context.output.rows(&["field", "values", "meaning", "example"], &rows)?)
}

/// The query with a mark below each place that is wrong, and what to write instead.
fn picture(text: &str, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::from("the query cannot be read");
    for diagnostic in diagnostics {
        let line_start =
            text.get(..diagnostic.offset).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let line = text.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
        let before = text.get(line_start..diagnostic.offset).unwrap_or_default().chars().count();
        let place = text.get(diagnostic.offset..diagnostic.offset + diagnostic.len).unwrap_or_default();
        let marks = "^".repeat(place.chars().count().max(1));
        let told = format!(
            "\n  {line}\n  {:before$}{marks} {}: {}",
            "",
            diagnostic.code.as_str(),
            diagnostic.message
        );
        out.push_str(&told);
        for suggestion in &diagnostic.suggestions {
            let told = format!("\n  {:before$}{}: {}", "", suggestion.label, shown(&suggestion.replacement));
            out.push_str(&told);
        }
    }
    out
}

fn shown(replacement: &str) -> &str {
    if replacement.is_empty() { "(nothing)" } else { replacement }
}
