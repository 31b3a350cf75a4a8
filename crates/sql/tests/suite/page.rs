//! The reference page of the columns, made from the table of fields.

use std::io::Write;
use std::path::Path;

const HEAD: &str = "# Columns of SQL\n\nThe columns of the tables `events` and `quarantined_events`, made from the table of \
                    fields; see [SQL](../guide/sql.md). Write the page again with\n`WRITE_PAGES=1 cargo test -p indelible-sql page`.\n\n";

#[test]
fn the_page_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/sql.md");
    let page = format!("{HEAD}{}", indelible_sql::reference_page());
    if std::env::var_os("WRITE_PAGES").is_some() {
        std::fs::File::create(&path).unwrap().write_all(page.as_bytes()).unwrap();
    }
    let on_disk = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        on_disk, page,
        "docs/reference/sql.md is stale: run WRITE_PAGES=1 cargo test -p indelible-sql page"
    );
}
