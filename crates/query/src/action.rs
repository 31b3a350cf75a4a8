//! What a click on a value does to a query. Every action on a valid query gives a valid query.

use crate::ast::{EventQuery, FieldRef, FieldTerm, Node, Scalar, Test};
use crate::time::{Instant, Interval, TimeExpr};

impl EventQuery {
    /// Keeps events with this value. A second value of a field makes a list; including what is excluded drops the
    /// exclusion.
    pub fn include(&self, field: &FieldRef, test: &Test) -> Self {
        let mut nodes = self.conjuncts().to_vec();
        if take_out(&mut nodes, field, test, true) {
            return Self::from_conjuncts(nodes);
        }
        let listed = nodes.iter_mut().find_map(|node| tests_of(node, field, false));
        match listed {
            Some(tests) if tests.contains(test) => {}
            Some(tests) => tests.push(test.clone()),
            None => nodes.push(term(field, test)),
        }
        Self::from_conjuncts(nodes)
    }

    /// Drops events with this value. The value leaves the list of those included.
    pub fn exclude(&self, field: &FieldRef, test: &Test) -> Self {
        let mut nodes = self.conjuncts().to_vec();
        let was_listed = take_out(&mut nodes, field, test, false);
        // One value per event: what is listed still leaves this one out already.
        let still_listed = nodes.iter_mut().any(|node| {
            tests_of(node, field, false)
                .is_some_and(|tests| tests.iter().all(|test| matches!(test, Test::Is(_))))
        });
        if was_listed && still_listed && field.def.is_single() {
            return Self::from_conjuncts(nodes);
        }
        match nodes.iter_mut().find_map(|node| tests_of(node, field, true)) {
            Some(tests) if tests.contains(test) => {}
            Some(tests) => tests.push(test.clone()),
            None => nodes.push(Node::not(term(field, test))),
        }
        Self::from_conjuncts(nodes)
    }

    /// Keeps only events with this value: every other condition on the field goes.
    pub fn only(&self, field: &FieldRef, test: &Test) -> Self {
        let mut nodes = self.conjuncts().to_vec();
        nodes.retain_mut(|node| {
            tests_of(node, field, false).is_none() && tests_of(node, field, true).is_none()
        });
        nodes.push(term(field, test));
        Self::from_conjuncts(nodes)
    }

    /// Takes this value out of the conditions that include or exclude it.
    pub fn remove(&self, field: &FieldRef, test: &Test) -> Self {
        let mut nodes = self.conjuncts().to_vec();
        while take_out(&mut nodes, field, test, false) || take_out(&mut nodes, field, test, true) {}
        Self::from_conjuncts(nodes)
    }

    /// Keeps events that occurred within the interval, in place of what was asked about that time before.
    pub fn zoom(&self, interval: Interval) -> Self {
        let Some(occurred) = FieldRef::named("occurred") else { return self.clone() };
        let mut nodes = self.conjuncts().to_vec();
        nodes.retain(|node| match node {
            Node::Field(term) => !matches!(term.field.def.name, "occurred" | "since" | "until"),
            _ => true,
        });
        let last = Instant(interval.end.0.saturating_sub(1).max(interval.start.0));
        let from = Scalar::Time(TimeExpr::starting_at(interval.start));
        nodes.push(term(&occurred, &Test::Between(from, Scalar::Time(TimeExpr::at(last)))));
        Self::from_conjuncts(nodes)
    }
}

fn term(field: &FieldRef, test: &Test) -> Node {
    Node::Field(FieldTerm { field: field.clone(), tests: vec![test.clone()] })
}

/// The tests of a condition on just this field, negated or not.
fn tests_of<'a>(node: &'a mut Node, field: &FieldRef, negated: bool) -> Option<&'a mut Vec<Test>> {
    match node {
        Node::Field(term) if !negated && term.field == *field => Some(&mut term.tests),
        Node::Not(inner) if negated => tests_of(inner, field, false),
        _ => None,
    }
}

/// Takes the test out of the first condition that has it; the condition goes when nothing is left of it.
fn take_out(nodes: &mut Vec<Node>, field: &FieldRef, test: &Test, negated: bool) -> bool {
    let has = |node: &mut Node| tests_of(node, field, negated).is_some_and(|tests| tests.contains(test));
    let Some(at) = nodes.iter_mut().position(has) else { return false };
    let Some(node) = nodes.get_mut(at) else { return false };
    let emptied = tests_of(node, field, negated).is_some_and(|tests| {
        tests.retain(|known| known != test);
        tests.is_empty()
    });
    if emptied {
        nodes.remove(at);
    }
    true
}
