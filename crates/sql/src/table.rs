//! The tables of a statement: the same columns over the events that count, and over those that were set apart.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use indelible_query::{EventQuery, Node};

use crate::columns::{self, ColumnDef};
use crate::filter::implied;
use crate::scan::{EventScan, Reading, Wanted};

/// Events as a table.
#[derive(Debug)]
pub(crate) struct EventTable {
    reading: Arc<Reading>,
    /// What every row satisfies, whatever the statement says.
    scope: EventQuery,
}

impl EventTable {
    /// The events of a log that satisfy `scope`.
    pub(crate) fn new(reading: Arc<Reading>, scope: EventQuery) -> Self {
        Self { reading, scope }
    }
}

#[async_trait]
impl TableProvider for EventTable {
    fn schema(&self) -> SchemaRef {
        columns::schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Every condition is dealt with by the scan: as a query, or by looking at each row, or both.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all = columns::columns();
        let mut columns: Vec<&'static ColumnDef> = match projection {
            Some(wanted) => wanted.iter().filter_map(|at| all.get(*at)).collect(),
            None => all.iter().collect(),
        };
        let shown = columns.len();
        let (mut nodes, mut checked): (Vec<Node>, Vec<&Expr>) = (Vec::new(), Vec::new());
        for filter in filters {
            let found = implied(filter);
            if !found.as_ref().is_some_and(|found| found.exact) {
                checked.push(filter);
            }
            nodes.extend(found.map(|found| found.node));
        }
        // In the order of their names, so that a plan looks the same each time.
        let refs = checked.iter().flat_map(|check| check.column_refs());
        let names: BTreeSet<&str> = refs.map(|column| column.name.as_str()).collect();
        for column in names.into_iter().filter_map(columns::column) {
            if columns.iter().all(|known| known.name != column.name) {
                columns.push(column);
            }
        }
        let schema = schema_of(&columns);
        let named = DFSchema::try_from(Arc::clone(&schema))?;
        let check = |filter: &&Expr| state.create_physical_expr(without_table((*filter).clone())?, &named);
        let checks = checked.iter().map(check).collect::<Result<Vec<_>>>()?;
        let query = self.scope.clone().and(EventQuery::from_conjuncts(nodes));
        let wanted = Wanted { columns, shown, schema };
        Ok(Arc::new(EventScan::new(Arc::clone(&self.reading), query, wanted, checks, limit)))
    }
}

fn schema_of(columns: &[&'static ColumnDef]) -> SchemaRef {
    let all = columns::schema();
    let field = |column: &&ColumnDef| all.field_with_name(&column.name).cloned();
    Arc::new(Schema::new(columns.iter().filter_map(|column| field(column).ok()).collect::<Vec<_>>()))
}

/// The condition with columns named without their table, of which there is one.
fn without_table(condition: Expr) -> Result<Expr> {
    use datafusion::common::Column;
    use datafusion::common::tree_node::{Transformed, TreeNode};
    let plain = |expr| {
        Ok(match expr {
            Expr::Column(column) => Transformed::yes(Expr::Column(Column::new_unqualified(column.name))),
            other => Transformed::no(other),
        })
    };
    condition.transform(plain).map(|done| done.data)
}
