//! A vector that grows at its end and shares everything before it with its older versions.
//!
//! A refresh that adds ten rows to a million must not copy a million; see [`SharedVec::extended`].

use std::sync::Arc;

/// Elements of one chunk; a version copies at most one chunk of its predecessor.
const CHUNK: usize = 1024;

/// An append-only vector whose clones and extensions share their chunks.
#[derive(Clone, Debug)]
pub struct SharedVec<T> {
    /// All full, but for the last one.
    chunks: Arc<Vec<Arc<Vec<T>>>>,
    len: usize,
}

impl<T> Default for SharedVec<T> {
    fn default() -> Self {
        Self {
            chunks: Arc::default(),
            len: 0,
        }
    }
}

impl<T> SharedVec<T> {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The element at `index`, or `None` beyond the end.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    /// The last element.
    pub fn last(&self) -> Option<&T> {
        self.get(self.len.checked_sub(1)?)
    }

    /// All elements in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    /// The elements from `index` on.
    pub fn iter_from(&self, index: usize) -> impl Iterator<Item = &T> {
        let first = index / CHUNK;
        self.chunks
            .iter()
            .skip(first)
            .enumerate()
            .flat_map(move |(n, chunk)| {
                let skip = if n == 0 { index % CHUNK } else { 0 };
                chunk.iter().skip(skip)
            })
    }

    /// How many leading elements satisfy `before`, which must hold for a leading part and for nothing after it.
    pub fn partition_point(&self, mut before: impl FnMut(&T) -> bool) -> usize {
        let chunk_idx = self
            .chunks
            .partition_point(|chunk| chunk.last().is_some_and(&mut before));
        let within = self
            .chunks
            .get(chunk_idx)
            .map_or(0, |chunk| chunk.partition_point(&mut before));
        (chunk_idx * CHUNK + within).min(self.len)
    }
}

impl<T: Clone> SharedVec<T> {
    /// Appends one element; cheap while nobody shares the last chunk.
    pub fn push(&mut self, element: T) {
        let chunks = Arc::make_mut(&mut self.chunks);
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => Arc::make_mut(chunk).push(element),
            _ => chunks.push(Arc::new(vec![element])),
        }
        self.len += 1;
    }

    /// A version with `more` at the end; this one stays as it is.
    pub fn extended(&self, more: impl IntoIterator<Item = T>) -> Self {
        let mut longer = self.clone();
        for element in more {
            longer.push(element);
        }
        longer
    }
}

impl<T> FromIterator<T> for SharedVec<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        let mut elements = elements.into_iter();
        let mut chunks = Vec::new();
        let mut len = 0;
        loop {
            let mut chunk: Vec<T> = Vec::with_capacity(CHUNK.min(elements.size_hint().0.max(4)));
            chunk.extend(elements.by_ref().take(CHUNK));
            chunk.shrink_to_fit();
            len += chunk.len();
            let full = chunk.len() == CHUNK;
            if !chunk.is_empty() {
                chunks.push(Arc::new(chunk));
            }
            if !full {
                break;
            }
        }
        Self {
            chunks: Arc::new(chunks),
            len,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_leaves_the_older_version_alone() {
        let old: SharedVec<usize> = (0..3000).collect();
        let new = old.extended(3000..3010);
        assert_eq!((old.len(), new.len()), (3000, 3010));
        assert_eq!(old.last(), Some(&2999));
        assert!(new.iter().copied().eq(0..3010));
        assert!(new.iter_from(2050).copied().eq(2050..3010));
        assert_eq!(new.get(3010), None);
    }

    #[test]
    fn finds_the_first_that_is_not_before() {
        let numbers: SharedVec<usize> = (0..5000).map(|n| n * 2).collect();
        for wanted in [0, 1, 2, 2047, 2048, 2049, 4096, 9998, 9999, 20_000] {
            let found = numbers.partition_point(|&n| n < wanted);
            assert_eq!(found, wanted.div_ceil(2).min(5000), "for {wanted}");
        }
        assert_eq!(SharedVec::<usize>::default().partition_point(|_| true), 0);
    }
}
