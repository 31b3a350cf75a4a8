//! Counts of everything in whole segments by some values, kept and continued: what a log's overview asks again and
//! again is added up once for each segment.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::HashMap;
use indelible_store::part::Part;

use crate::ends::Ends;
use crate::error::SearchError;
use crate::filter::Filter;
use crate::scan::Scan;
use crate::sealed::{Piece, within};
use crate::tally::{Dimension, Key, MAX_COMBINATIONS, Set};

/// Memory of one combination, with what its tables leave free.
const CELL_BYTES: usize = 120;

/// Events of some segments by the combination of their values.
#[derive(Debug)]
pub(crate) struct Cube {
    /// Numbers of the segments, oldest first.
    parts: Vec<u64>,
    pub(crate) counts: HashMap<Key, u64>,
    /// First and last times of combinations, as far as they were asked for; a combination may leave out its last values.
    pub(crate) ends: Mutex<HashMap<Key, Ends>>,
}

impl Cube {
    pub(crate) fn weight(&self) -> usize {
        self.counts.len() * CELL_BYTES + self.parts.len() * 8
    }
}

impl Scan<'_> {
    /// Whether a piece is a whole segment, of which every event matches.
    pub(crate) fn takes_whole(&self, (range, part): &Piece<'_>) -> Result<bool, SearchError> {
        let Some(part) = part.filter(|part| *range == part.range()) else { return Ok(false) };
        if !part.blocks().iter().all(|entry| within(entry, self.window) == Some(true)) {
            return Ok(false);
        }
        let opened = self.walk().filter(part)?;
        Ok(!opened.whole && matches!(*opened.filter, Filter::Always))
    }

    /// The counts of these segments; `None` when there are too many combinations, or more segments are kept together.
    pub(crate) fn cube(
        &self,
        dimensions: &[Dimension],
        parts: &[&Part],
    ) -> Result<Option<Arc<Cube>>, SearchError> {
        let cubes = || self.engine().cubes.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = BuildHasherDefault::<DefaultHasher>::default()
            .hash_one((dimensions, parts.first().map(|part| part.number())));
        let key = (self.log.scope.log, hash);
        let numbers: Vec<u64> = parts.iter().map(|part| part.number()).collect();
        let known = cubes().get(&key);
        let (mut done, mut counts) = (0, HashMap::new());
        match known {
            Some(cube) if cube.parts == numbers => return Ok(Some(cube)),
            Some(cube) if numbers.starts_with(&cube.parts) => {
                (done, counts) = (cube.parts.len(), cube.counts.clone());
            }
            Some(cube) if cube.parts.starts_with(&numbers) => return Ok(None),
            _ => {}
        }
        for part in parts.iter().skip(done) {
            let Some(set) = Set::new(dimensions.to_vec()) else { return Ok(None) };
            let mut sets = [set];
            self.count_part(part, &part.range(), &mut sets)?;
            self.unless_ended()?;
            for (key, of) in sets.into_iter().flat_map(Set::finish) {
                *counts.entry(key).or_insert(0) += of.count;
            }
            if counts.len() > MAX_COMBINATIONS || self.has_too_many_names() {
                return Ok(None);
            }
        }
        let cube = Arc::new(Cube { parts: numbers, counts, ends: Mutex::default() });
        cubes().put(key, &cube, cube.weight());
        Ok(Some(cube))
    }
}
