//! How large a statement becomes once the names in it are put in. A few lines can name a result twice, and that result
//! twice, and so on: such a statement is refused before it is planned, because planning itself would take the memory.

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{Expr, Query, Select, Statement, Value, ValueWithSpan, Visit, Visitor};

use crate::error::SqlError;

/// Most tables that a statement reads, each as often as it is named: every one is a walk through the log on a thread of its
/// own, with its batches.
pub(crate) const MAX_SOURCES: u64 = 32;
/// Most columns that one expression may come to when results of results are put in; the engine moves conditions down by
/// writing them out.
const MAX_WRITTEN_OUT: u64 = 1 << 16;
/// Most columns of one `select`: each holds up to a batch of values at once.
const MAX_COLUMNS: usize = 512;
/// Deepest nesting of an expression; `a or b or c` nests as deep as it is long. Each level takes stack, and planning looks at
/// every level from every other.
const MAX_DEPTH: usize = 256;
/// Most `select`s, so that what reads no table is bounded too.
const MAX_SELECTS: usize = 64;
/// Longest literal, bytes: a literal that is selected is there once for each row of a batch.
const MAX_LITERAL_BYTES: usize = 4096;

/// Refuses what becomes too large.
pub(crate) fn check(statement: &Statement) -> Result<(), SqlError> {
    let mut sizes = Sizes::default();
    match statement.visit(&mut sizes) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(what) => Err(SqlError::Invalid(what)),
    }
}

/// What a query comes to.
#[derive(Clone, Copy, Debug)]
struct Size {
    sources: u64,
    written_out: u64,
}

/// A query that is being looked at.
#[derive(Debug)]
struct Open {
    /// The name that it is given by `with`.
    name: Option<String>,
    sources: u64,
    /// Most columns in one of its expressions.
    own: u64,
    /// The largest of what it reads.
    below: u64,
}

#[derive(Debug, Default)]
struct Sizes {
    open: Vec<Open>,
    /// Queries that `with` gives names to, by where they are in memory: they are met again on the way down.
    named: HashMap<usize, String>,
    known: HashMap<String, Size>,
    selects: usize,
    depth: usize,
}

fn place(query: &Query) -> usize {
    std::ptr::from_ref(query).addr()
}

impl Sizes {
    fn read(&mut self, size: Size) {
        if let Some(open) = self.open.last_mut() {
            open.sources = open.sources.saturating_add(size.sources);
            open.below = open.below.max(size.written_out);
        }
    }
}

impl Visitor for Sizes {
    type Break = String;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<String> {
        let name = self.named.remove(&place(query));
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            self.named.insert(place(&cte.query), cte.alias.name.value.to_lowercase());
        }
        self.open.push(Open { name, sources: 0, own: 1, below: 1 });
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<String> {
        let Some(open) = self.open.pop() else { return ControlFlow::Continue(()) };
        let size = Size { sources: open.sources, written_out: open.own.saturating_mul(open.below) };
        if size.sources > MAX_SOURCES {
            return ControlFlow::Break(format!(
                "the statement reads tables {} times or more, counting each as often as it is named; at most {MAX_SOURCES} \
                 times are taken",
                size.sources
            ));
        }
        if size.written_out > MAX_WRITTEN_OUT {
            return ControlFlow::Break(
                "the results that are built on each other become too large an expression; use fewer of them, or name \
                 fewer columns in one expression"
                    .to_owned(),
            );
        }
        let Some(name) = open.name else {
            self.read(size);
            return ControlFlow::Continue(());
        };
        let known = self.known.entry(name).or_insert(size);
        // The same name may stand for another result elsewhere in the text: the larger counts for both.
        known.sources = known.sources.max(size.sources);
        known.written_out = known.written_out.max(size.written_out);
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(
        &mut self,
        name: &datafusion::sql::sqlparser::ast::ObjectName,
    ) -> ControlFlow<String> {
        let last = name.0.last().and_then(|part| part.as_ident()).map(|ident| ident.value.to_lowercase());
        let known = last.and_then(|name| self.known.get(&name).copied());
        self.read(known.unwrap_or(Size { sources: 1, written_out: 1 }));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return ControlFlow::Break(format!(
                "an expression has more than {MAX_DEPTH} operators in each other; a list is written as in (…)"
            ));
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<String> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<String> {
        self.selects += 1;
        if self.selects > MAX_SELECTS {
            return ControlFlow::Break(format!("the statement has more than {MAX_SELECTS} selects"));
        }
        if select.projection.len() > MAX_COLUMNS {
            return ControlFlow::Break(format!(
                "a select has {} columns, at most {MAX_COLUMNS} are taken",
                select.projection.len()
            ));
        }
        let most = select.projection.iter().map(columns_in).max().unwrap_or(1).max(1);
        if let Some(open) = self.open.last_mut() {
            open.own = open.own.max(most);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<String> {
        match &value.value {
            Value::SingleQuotedString(text) if text.len() > MAX_LITERAL_BYTES => ControlFlow::Break(format!(
                "a text in the statement has {} bytes, at most {MAX_LITERAL_BYTES} are taken",
                text.len()
            )),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// How many columns are named in something that is selected.
fn columns_in(item: &impl Visit) -> u64 {
    struct Columns(u64);
    impl Visitor for Columns {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            self.0 += u64::from(matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)));
            ControlFlow::Continue(())
        }
    }
    let mut columns = Columns(0);
    let _whole = item.visit(&mut columns);
    columns.0
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    fn refusal(sql: &str) -> Option<String> {
        let statements = Parser::parse_sql(&GenericDialect {}, sql).unwrap();
        check(&statements[0]).err().map(|error| error.to_string())
    }

    fn chain(first: &str, next: impl Fn(usize) -> String, links: usize) -> String {
        let links: Vec<String> = (1..=links).map(|at| format!("t{at} as ({})", next(at - 1))).collect();
        format!("with t0 as ({first}), {} select * from t{}", links.join(", "), links.len())
    }

    #[test]
    fn what_doubles_is_counted_as_often_as_it_is_named() {
        let twice =
            |links| chain("select * from events", |at| format!("select 1 from t{at} a, t{at} b"), links);
        assert_eq!(refusal(&twice(5)), None);
        assert!(refusal(&twice(6)).is_some_and(|refusal| refusal.contains("at most 32 times")));
        assert!(refusal(&twice(200)).is_some());
        let inside = "select * from events where code in (select code from events)";
        assert_eq!(refusal(inside), None);
        assert!(refusal(&vec![inside; 17].join(" union all ")).is_some());
    }

    #[test]
    fn what_is_written_out_is_bounded() {
        let doubled = |links| {
            chain("select code as x from events", |at| format!("select x || x as x from t{at}"), links)
        };
        assert_eq!(refusal(&doubled(10)), None);
        assert!(refusal(&doubled(60)).is_some_and(|refusal| refusal.contains("too large an expression")));
        // A long chain that does not grow is no harm.
        let long = |links| chain("select * from events", |at| format!("select * from t{at}"), links);
        assert_eq!(refusal(&long(60)), None);
        assert!(refusal(&long(200)).is_some_and(|refusal| refusal.contains("more than 64 selects")));
        let literal = format!("select '{}'", "x".repeat(MAX_LITERAL_BYTES + 1));
        assert!(refusal(&literal).is_some_and(|refusal| refusal.contains("at most 4096")));
        assert!(refusal(&format!("select {}", vec!["1"; 513].join(","))).is_some());
    }
}
