//! What of a statement's conditions becomes a query of the search.
//!
//! The query that comes out never loses an event that the condition holds for. It may find more: SQL compares text byte by
//! byte and the query language without regard to case. Whoever reads checks the condition again, unless the answer says
//! that the two are the same.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{Between, InList, Like, ScalarFunction};
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use indelible_event::EventId;
use indelible_query::{
    FieldRef, FieldTerm, Instant, Node, Pattern, Place, Scalar, Test, TimeExpr, ValueKind,
};

use crate::columns::{ColumnDef, Source, column};
use crate::member;

/// What every event satisfies that a condition holds for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Implied {
    pub(crate) node: Node,
    /// Whether the condition also holds for every event that satisfies it.
    pub(crate) exact: bool,
}

impl Implied {
    fn exact(node: Node) -> Self {
        Self { node, exact: true }
    }

    fn wider(node: Node) -> Self {
        Self { node, exact: false }
    }
}

/// What is implied when the condition is true; `None` when that is nothing.
pub(crate) fn implied(condition: &Expr) -> Option<Implied> {
    when(condition, true)
}

/// What is implied when the condition is `truth`. A condition that is null is neither.
fn when(condition: &Expr, truth: bool) -> Option<Implied> {
    match condition {
        Expr::Alias(alias) => when(&alias.expr, truth),
        Expr::Not(inner) => when(inner, !truth),
        Expr::IsTrue(inner) if truth => when(inner, true),
        Expr::IsFalse(inner) if truth => when(inner, false),
        Expr::BinaryExpr(binary) => when_binary(binary, truth),
        Expr::IsNull(inner) => presence(operand(inner)?, !truth),
        Expr::IsNotNull(inner) => presence(operand(inner)?, truth),
        Expr::InList(list) => when_in(list, truth),
        Expr::Between(between) => when_between(between, truth),
        Expr::Like(like) => when_like(like, truth),
        // A column that is true or false is a condition by itself.
        Expr::Column(_) => {
            let column = operand(condition)?;
            let only = column.asked.as_ref().is_some_and(|asked| asked.only);
            let is_bool = matches!(column.source, Source::Field(field) if field.def().kind == indelible_event::Kind::Bool);
            let test = Test::Is(Scalar::Text(truth.to_string()));
            (only && is_bool).then(|| term(column, vec![test])).flatten().map(Implied::exact)
        }
        _ => None,
    }
}

fn when_binary(binary: &BinaryExpr, truth: bool) -> Option<Implied> {
    let BinaryExpr { left, op, right } = binary;
    match (op, truth) {
        (Operator::And, true) | (Operator::Or, false) => both(when(left, truth), when(right, truth)),
        (Operator::Or, true) | (Operator::And, false) => {
            Some(either(when(left, truth)?, when(right, truth)?))
        }
        _ => {
            let (operand, op, value) = match (literal(left), literal(right)) {
                (None, Some(value)) => (left, *op, value),
                (Some(value), None) => (right, op.swap()?, value),
                _ => return None,
            };
            let op = if truth { op } else { op.negate()? };
            compare(operand, op, value)
        }
    }
}

fn both(left: Option<Implied>, right: Option<Implied>) -> Option<Implied> {
    match (left, right) {
        (Some(left), Some(right)) => {
            Some(Implied { exact: left.exact && right.exact, node: Node::and(vec![left.node, right.node]) })
        }
        (Some(one), None) | (None, Some(one)) => Some(Implied::wider(one.node)),
        (None, None) => None,
    }
}

fn either(left: Implied, right: Implied) -> Implied {
    Implied { exact: left.exact && right.exact, node: Node::or(vec![left.node, right.node]) }
}

/// The column that an expression is, whatever type it is looked at as.
fn operand(expr: &Expr) -> Option<&'static ColumnDef> {
    match expr {
        Expr::Column(named) => column(&named.name),
        Expr::Cast(cast) if keeps_value(&cast.expr, cast.field.data_type()) => operand(&cast.expr),
        _ => None,
    }
}

/// Whether a column looked at as this type has the same values in the same order.
fn keeps_value(inner: &Expr, to: &datafusion::arrow::datatypes::DataType) -> bool {
    use datafusion::arrow::datatypes::{DataType, TimeUnit};
    let Some(column) = operand(inner) else { return false };
    match &column.data_type {
        DataType::Utf8View => matches!(to, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
        DataType::Timestamp(..) => matches!(to, DataType::Timestamp(TimeUnit::Nanosecond, Some(_))),
        _ => false,
    }
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) if !value.is_null() => Some(value),
        _ => None,
    }
}

fn text_of(value: &ScalarValue) -> Option<&str> {
    match value {
        ScalarValue::Utf8(Some(text))
        | ScalarValue::Utf8View(Some(text))
        | ScalarValue::LargeUtf8(Some(text)) => Some(text),
        _ => None,
    }
}

fn integer_of(value: &ScalarValue) -> Option<String> {
    match value {
        ScalarValue::Int64(Some(number)) => Some(number.to_string()),
        ScalarValue::Int32(Some(number)) => Some(number.to_string()),
        ScalarValue::UInt64(Some(number)) => Some(number.to_string()),
        _ => None,
    }
}

fn instant_of(value: &ScalarValue) -> Option<Instant> {
    match value {
        // Times beyond the ends of what a column can show stand at the ends, where comparing tells nothing.
        ScalarValue::TimestampNanosecond(Some(nanos), Some(_)) if !matches!(*nanos, i64::MIN | i64::MAX) => {
            Some(Instant(i128::from(*nanos)))
        }
        _ => None,
    }
}

fn term(column: &ColumnDef, tests: Vec<Test>) -> Option<Node> {
    let field = column.asked.as_ref()?.field.clone();
    Some(Node::Field(FieldTerm { field, tests }))
}

/// What it tells that a column is there, or is not.
fn presence(column: &ColumnDef, present: bool) -> Option<Implied> {
    let only = column.asked.as_ref()?.only;
    let is = term(column, vec![Test::Present])?;
    match (present, only) {
        (true, true) => Some(Implied::exact(is)),
        (true, false) => Some(Implied::wider(is)),
        (false, true) if column.nullable => Some(Implied::exact(Node::not(is))),
        (false, _) => None,
    }
}

fn compare(operand_: &Expr, op: Operator, value: &ScalarValue) -> Option<Implied> {
    if let (Expr::ScalarFunction(function), Operator::Eq) = (operand_, op) {
        return parameter_is(function, &[value]);
    }
    let column = operand(operand_)?;
    match op {
        Operator::Eq | Operator::IsNotDistinctFrom => is_one_of(column, &[value]),
        Operator::NotEq => is_none_of(column, &[value]),
        Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => range(column, op, value),
        _ => presence(column, true).filter(|_| never_null(op)).map(|is| Implied::wider(is.node)),
    }
}

/// Whether an operator can hold for a value that is not there.
fn never_null(op: Operator) -> bool {
    !matches!(op, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom)
}

/// The test for equality with a value, and whether it finds that value alone.
fn equals(column: &ColumnDef, value: &ScalarValue) -> Option<(Test, bool)> {
    let asked = column.asked.as_ref()?;
    let def = asked.field.def;
    match def.kind {
        ValueKind::Time => {
            let at = TimeExpr::at(instant_of(value)?);
            Some((Test::Is(Scalar::Time(at)), asked.only))
        }
        ValueKind::Integer => Some((Test::Is(Scalar::Text(integer_of(value)?)), asked.only)),
        _ => {
            let text = text_of(value)?;
            let exact = asked.only && compares_exactly(column, def.places.first(), text);
            Some((Test::Is(Scalar::Text(text.to_owned())), exact))
        }
    }
}

/// Whether the query language finds this text of the column and no other spelling of it.
fn compares_exactly(column: &ColumnDef, place: Option<&Place>, text: &str) -> bool {
    let Some(asked) = &column.asked else { return false };
    match (place, asked.field.def.kind) {
        (Some(Place::Exact(_)), ValueKind::Id) => true,
        (Some(Place::EventId), _) => text.parse::<EventId>().is_ok_and(|id| id.to_string() == text),
        (_, ValueKind::Word(words) | ValueKind::Level(words)) => words.contains(&text),
        (_, ValueKind::Text | ValueKind::Code) => text.bytes().all(|byte| byte.is_ascii_digit()),
        _ => false,
    }
}

fn is_one_of(column: &ColumnDef, values: &[&ScalarValue]) -> Option<Implied> {
    let tests: Vec<(Test, bool)> = values.iter().map(|value| equals(column, value)).collect::<Option<_>>()?;
    let exact = tests.iter().all(|(_, exact)| *exact);
    let node = term(column, tests.into_iter().map(|(test, _)| test).collect())?;
    Some(Implied { node, exact })
}

/// There is a value, and it is none of these.
fn is_none_of(column: &ColumnDef, values: &[&ScalarValue]) -> Option<Implied> {
    let present = presence(column, true)?;
    let Some(found) = is_one_of(column, values).filter(|found| found.exact) else {
        return Some(Implied::wider(present.node));
    };
    let not = Node::not(found.node);
    Some(Implied::exact(if column.nullable { Node::and(vec![present.node, not]) } else { not }))
}

/// Times and numbers are in the same order there and here; texts are not.
fn range(column: &ColumnDef, op: Operator, value: &ScalarValue) -> Option<Implied> {
    let asked = column.asked.as_ref()?;
    let scalar = match asked.field.def.kind {
        ValueKind::Time => instant_of(value).map(|at| Scalar::Time(TimeExpr::at(at))),
        ValueKind::Integer => integer_of(value).map(Scalar::Text),
        _ => None,
    };
    let Some(scalar) = scalar else {
        return presence(column, true).map(|is| Implied::wider(is.node));
    };
    let test = match op {
        Operator::Lt => Test::Below(scalar),
        Operator::LtEq => Test::To(scalar),
        Operator::Gt => Test::Above(scalar),
        _ => Test::From(scalar),
    };
    Some(Implied { node: term(column, vec![test])?, exact: asked.only })
}

fn when_between(between: &Between, truth: bool) -> Option<Implied> {
    let (low, high) = (literal(&between.low)?, literal(&between.high)?);
    if between.negated == truth {
        let below = compare(&between.expr, Operator::Lt, low)?;
        return Some(either(below, compare(&between.expr, Operator::Gt, high)?));
    }
    both(compare(&between.expr, Operator::GtEq, low), compare(&between.expr, Operator::LtEq, high))
}

fn when_in(list: &InList, truth: bool) -> Option<Implied> {
    let values: Vec<&ScalarValue> = list.list.iter().map(literal).collect::<Option<_>>()?;
    let wanted = list.negated != truth;
    match &*list.expr {
        Expr::ScalarFunction(function) if wanted => parameter_is(function, &values),
        other if wanted => is_one_of(operand(other)?, &values),
        other => is_none_of(operand(other)?, &values),
    }
}

fn when_like(like: &Like, truth: bool) -> Option<Implied> {
    let column = operand(&like.expr)?;
    let asked = column.asked.as_ref()?;
    let present = presence(column, true).map(|is| Implied::wider(is.node));
    if !asked.field.def.kind.takes_patterns() || like.escape_char.is_some_and(|escape| escape != '\\') {
        return present;
    }
    let Some((pattern, same)) = literal(&like.pattern).and_then(text_of).and_then(pattern) else {
        return present;
    };
    let exact = same
        && asked.only
        && !like.case_insensitive
        && matches!(asked.field.def.places.first(), Some(Place::Exact(_)));
    let found = term(column, vec![Test::Like(pattern)])?;
    match (like.negated != truth, exact) {
        (true, _) => Some(Implied { node: found, exact }),
        (false, true) => Some(Implied::exact(Node::and(vec![present?.node, Node::not(found)]))),
        (false, false) => present,
    }
}

/// A pattern of SQL as one of queries, and whether both match the same texts. What cannot be said there becomes a run of
/// any characters.
fn pattern(like: &str) -> Option<(Pattern, bool)> {
    let (mut word, mut same) = (String::with_capacity(like.len()), true);
    let mut chars = like.chars();
    while let Some(char) = chars.next() {
        let (char, literal) = match char {
            '%' => ('*', true),
            '_' => ('*', false),
            '\\' => (chars.next()?, true),
            other => (other, !matches!(other, '*' | '?')),
        };
        // A run of characters in the place of one that a word of the query language cannot hold.
        let plain =
            char == '*' || char.is_alphanumeric() || matches!(char, '-' | '_' | '@' | ':' | '.' | '+');
        let doubled = char == '.' && word.ends_with('.');
        same &= literal && plain && !doubled;
        word.push(if plain && !doubled { char } else { '*' });
    }
    Some((Pattern::new(&word)?, same))
}

/// `param(params, 'name') = 'x'`: any of the values.
fn parameter_is(function: &ScalarFunction, values: &[&ScalarValue]) -> Option<Implied> {
    let [Expr::Column(of), name] = function.args.as_slice() else { return None };
    if function.name() != member::NAME || of.name != "params" {
        return None;
    }
    let field = FieldRef::named(&format!("param.{}", text_of(literal(name)?)?))?;
    let test = |value: &&ScalarValue| {
        // A list or an object is shown as JSON, which no test of a query compares.
        let text = text_of(value).filter(|text| !text.starts_with(['[', '{']))?;
        Some(Test::Is(Scalar::Text(text.to_owned())))
    };
    let tests = values.iter().map(test).collect::<Option<Vec<_>>>()?;
    Some(Implied::wider(Node::Field(FieldTerm { field, tests })))
}
