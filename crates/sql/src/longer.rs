//! Functions that make text longer than what they are given: each says how long at most before it does, so that a short
//! statement cannot fill the memory. Functions that need more than a few passes over a text are left out.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringViewBuilder};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, FieldRef, Int64Type};
use datafusion::common::{DFSchema, Result, exec_err};
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;

use crate::watch::Watch;

/// Not part of what statements may call: casts to types of any width, what grows with the product of two lengths, and what
/// tells of the machine.
const LEFT_OUT: &[&str] =
    &["arrow_cast", "arrow_try_cast", "file_row_index", "input_file_name", "levenshtein", "version"];
/// Most bytes that one byte of a pattern of `to_char` becomes: two of them may stand for a whole time.
const BYTES_OF_PATTERN: usize = 16;
/// Bytes of a character.
const CHARACTER: usize = 4;

/// The functions of statements: the engine's, with those bounded that make text longer.
pub(crate) fn functions(watch: &Arc<Watch>) -> Vec<Arc<ScalarUDF>> {
    let all = SessionStateDefaults::default_scalar_functions().into_iter();
    let mut functions: Vec<Arc<ScalarUDF>> = all
        .filter(|function| !LEFT_OUT.contains(&function.name()))
        .map(|function| match length_of(function.name()) {
            Some(length) => Arc::new(ScalarUDF::new_from_impl(Bounded {
                inner: function,
                length,
                watch: Arc::clone(watch),
            })),
            None => function,
        })
        .collect();
    functions.push(Arc::new(joined(watch)));
    functions
}

/// Plans `a || b` as a function that is bounded too.
#[derive(Debug)]
pub(crate) struct JoinPlanner(pub(crate) Arc<Watch>);

impl ExprPlanner for JoinPlanner {
    fn plan_binary_op(&self, expr: RawBinaryExpr, _: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        if expr.op != BinaryOperator::StringConcat {
            return Ok(PlannerResult::Original(expr));
        }
        let call = ScalarFunction::new_udf(Arc::new(joined(&self.0)), vec![expr.left, expr.right]);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }
}

/// How long the text of a function becomes at most.
#[derive(Clone, Copy, Debug)]
enum Length {
    /// All arguments, one after the other.
    Sum,
    /// The first as often as the second says.
    Times,
    /// As many characters as the second says.
    Padded,
    /// The third in each place of the first.
    Replaced,
    /// The first for each group of the second.
    Groups,
    /// The second, written out.
    Pattern,
}

fn length_of(name: &str) -> Option<Length> {
    Some(match name {
        "concat" | "concat_ws" | "overlay" => Length::Sum,
        "repeat" => Length::Times,
        "lpad" | "rpad" => Length::Padded,
        "replace" | "regexp_replace" => Length::Replaced,
        "regexp_match" => Length::Groups,
        "to_char" => Length::Pattern,
        _ => return None,
    })
}

impl Length {
    fn bytes(self, args: &[ColumnarValue], rows: usize) -> Result<usize> {
        let at = |at: usize| args.get(at);
        let bytes = |number: usize| at(number).map_or(Ok(0), |arg| bytes(arg, rows));
        let longest = |number: usize| at(number).map_or(Ok(0), longest);
        let most = |number: usize| at(number).map_or(Ok(0), most);
        Ok(match self {
            Self::Sum => {
                // A separator stands between any two of the others.
                let separators = bytes(0)?.saturating_mul(args.len());
                (1..args.len()).try_fold(separators, |sum, at| {
                    Ok::<_, datafusion::common::DataFusionError>(sum + bytes(at)?)
                })?
            }
            Self::Times => bytes(0)?.saturating_mul(most(1)?),
            Self::Padded => rows.saturating_mul(most(1)?).saturating_mul(CHARACTER),
            Self::Replaced => (bytes(0)? + rows).saturating_mul(longest(2)?).saturating_add(bytes(0)?),
            Self::Groups => bytes(0)?.saturating_mul(longest(1)?),
            Self::Pattern => rows.saturating_mul(longest(1)?).saturating_mul(BYTES_OF_PATTERN),
        })
    }
}

/// Bytes of the texts of an argument, which stands for so many rows.
fn bytes(arg: &ColumnarValue, rows: usize) -> Result<usize> {
    Ok(match arg {
        ColumnarValue::Scalar(value) => {
            value.try_as_str().flatten().map_or(size_of::<u128>(), str::len).saturating_mul(rows)
        }
        ColumnarValue::Array(array) => texts(array)?.as_string_view().iter().flatten().map(str::len).sum(),
    })
}

/// The longest text of an argument, bytes.
fn longest(arg: &ColumnarValue) -> Result<usize> {
    Ok(match arg {
        ColumnarValue::Scalar(value) => value.try_as_str().flatten().map_or(0, str::len),
        ColumnarValue::Array(array) => {
            texts(array)?.as_string_view().iter().flatten().map(str::len).max().unwrap_or(0)
        }
    })
}

/// The largest number of an argument; none below zero.
fn most(arg: &ColumnarValue) -> Result<usize> {
    let array = cast(&arg.to_array(1)?, &DataType::Int64)?;
    let most = array.as_primitive::<Int64Type>().iter().flatten().max().unwrap_or(0);
    Ok(usize::try_from(most).unwrap_or(0))
}

fn texts(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(cast(array, &DataType::Utf8View)?)
}

/// A function of the engine that asks before it makes text longer.
#[derive(Debug)]
struct Bounded {
    inner: Arc<ScalarUDF>,
    length: Length,
    watch: Arc<Watch>,
}

impl PartialEq for Bounded {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl Eq for Bounded {}

impl Hash for Bounded {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl ScalarUDFImpl for Bounded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(types)
    }

    // Simplifying is not passed on: it would put the engine's own function in the place of this one.

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let alone = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if alone { 1 } else { args.number_rows };
        self.watch.grow(self.length.bytes(&args.args, rows)?)?;
        self.inner.invoke_with_args(args)
    }
}

fn joined(watch: &Arc<Watch>) -> ScalarUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    ScalarUDF::new_from_impl(Joined { signature, watch: Arc::clone(watch) })
}

/// `a || b`: null when either is.
#[derive(Debug)]
struct Joined {
    signature: Signature,
    watch: Arc<Watch>,
}

impl PartialEq for Joined {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Joined {}

impl Hash for Joined {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl ScalarUDFImpl for Joined {
    fn name(&self) -> &'static str {
        "joined"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8View)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(vec![DataType::Utf8View; types.len()])
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        self.watch.grow(Length::Sum.bytes(&args.args, rows)?)?;
        let [left, right] = args.args.as_slice() else { return exec_err!("|| takes two texts") };
        let (left, right) = (texts(&left.to_array(rows)?)?, texts(&right.to_array(rows)?)?);
        let mut out = StringViewBuilder::with_capacity(left.len());
        for (left, right) in left.as_string_view().iter().zip(right.as_string_view().iter()) {
            out.append_option(left.zip(right).map(|(left, right)| [left, right].concat()));
        }
        Ok(ColumnarValue::Array(Arc::new(out.finish()) as ArrayRef))
    }
}
