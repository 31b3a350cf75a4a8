//! The reference page of the names that a query may use, from the table that the parser reads.

const HEAD: &str = "\
# Fields of a query

Generated from `crates/query/src/fields.rs` by `cargo xtask gen`. The language itself is in the
[guide](../guide/query.md). Names are read without regard to case.

";

pub(super) fn page() -> String {
    format!("{HEAD}{}", indelible_query::reference_page())
}
