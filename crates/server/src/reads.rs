//! What reading a log needs, whether the service runs or only its folder is there.

use std::sync::Arc;

use indelible_catalog::catalog::Registry;
use indelible_durable::clock::Clock;
use indelible_search::Searcher;
use indelible_store::store::Store;

use crate::app::App;

/// Whoever can be read from: the running service, or a folder that is looked at.
pub(crate) trait Reads: Send + Sync {
    /// Where events are.
    fn store(&self) -> &Store;
    /// Who finds them.
    fn searcher(&self) -> &Searcher;
    /// What relative times are relative to, and what limits are measured by.
    fn clock(&self) -> &Clock;
    /// What codes mean.
    fn catalogs(&self) -> Arc<Registry>;
}

impl Reads for App {
    fn store(&self) -> &Store {
        &self.store
    }

    fn searcher(&self) -> &Searcher {
        &self.searcher
    }

    fn clock(&self) -> &Clock {
        &self.clock
    }

    fn catalogs(&self) -> Arc<Registry> {
        Self::catalogs(self)
    }
}
