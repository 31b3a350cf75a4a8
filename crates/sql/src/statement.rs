//! Which texts are statements that may be run: one, of bounded length, that reads.

use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::Statement as Sql;

use crate::error::SqlError;
use crate::size;

/// Deepest nesting of parentheses and subqueries; the parser's own limit, which its recursion is made for.
const MAX_NESTING: usize = 50;

/// Reads a text of at most so many bytes; refuses what is no single statement or does more than read.
pub(crate) fn parse(text: &str, max_bytes: usize) -> Result<Statement, SqlError> {
    if text.len() > max_bytes {
        let what = format!("the statement has {} bytes, at most {max_bytes} are taken", text.len());
        return Err(SqlError::Invalid(what));
    }
    let parser = DFParserBuilder::new(text).with_recursion_limit(MAX_NESTING).build();
    let parsed = parser.and_then(|mut parser| parser.parse_statements());
    let mut statements = parsed.map_err(|error| SqlError::of(&error, 0))?;
    let first = statements.pop_front();
    if !statements.is_empty() {
        let what = format!("there are {} statements in the text, one is taken", statements.len() + 1);
        return Err(SqlError::Invalid(what));
    }
    let statement = first.ok_or_else(|| SqlError::Invalid("there is no statement in the text".to_owned()))?;
    reads(&statement)?;
    Ok(statement)
}

/// Refuses by the kind of the statement. What a query could hide inside is refused again when it has been planned.
fn reads(statement: &Statement) -> Result<(), SqlError> {
    match statement {
        Statement::Explain(explain) => reads(&explain.statement),
        Statement::Statement(sql) => match &**sql {
            Sql::Query(_) => size::check(sql),
            Sql::ExplainTable { .. }
            | Sql::ShowTables { .. }
            | Sql::ShowColumns { .. }
            | Sql::ShowFunctions { .. } => Ok(()),
            Sql::Explain { statement, .. } => reads(&Statement::Statement(statement.clone())),
            other => Err(SqlError::NotAllowed(verb(&other.to_string()))),
        },
        other => Err(SqlError::NotAllowed(verb(&other.to_string()))),
    }
}

/// The first words of a statement, to name it by.
fn verb(text: &str) -> String {
    let word = |word: &&str| word.bytes().all(|byte| byte.is_ascii_uppercase());
    let words: Vec<&str> = text.split_whitespace().take_while(word).take(2).collect();
    if words.is_empty() { "this statement".to_owned() } else { words.join(" ").to_ascii_lowercase() }
}
