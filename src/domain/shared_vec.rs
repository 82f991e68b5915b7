//! A vector that grows at its end and shares everything before it with its older versions.
//!
//! A refresh that adds ten rows to a million must not copy a million; see [`SharedVec::extended`].
//! It also grows to a million without moving what it holds, as one long vector would.

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

    /// The same as [`Self::partition_point`], and quicker when the answer lies a few elements from `near`.
    pub fn partition_point_near(&self, near: usize, mut before: impl FnMut(&T) -> bool) -> usize {
        const MOST_STEPS: usize = 16;
        let mut at = near.min(self.len);
        for _ in 0..MOST_STEPS {
            match at.checked_sub(1).and_then(|n| self.get(n)) {
                Some(last) if !before(last) => at -= 1,
                _ => break,
            }
        }
        for _ in 0..MOST_STEPS {
            match self.get(at) {
                Some(next) if before(next) => at += 1,
                _ => break,
            }
        }
        let holds = |n: Option<usize>| n.and_then(|n| self.get(n)).map(&mut before);
        let (last, next) = (at.checked_sub(1), Some(at));
        match [last, next].map(holds) {
            [Some(false), _] | [_, Some(true)] => self.partition_point(before),
            _ => at,
        }
    }
}

impl<T: Clone> SharedVec<T> {
    /// All elements as one vector; copies those that another version shares.
    pub fn into_vec(self) -> Vec<T> {
        let chunks = Arc::unwrap_or_clone(self.chunks);
        let mut all = Vec::with_capacity(self.len);
        for chunk in chunks {
            all.extend(Arc::unwrap_or_clone(chunk));
        }
        all
    }

    /// Appends one element; cheap while nobody shares the last chunk.
    pub fn push(&mut self, element: T) {
        let chunks = Arc::make_mut(&mut self.chunks);
        match chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => Arc::make_mut(chunk).push(element),
            Some(_) => {
                // Where one chunk is full, the next one will be.
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(element);
                chunks.push(Arc::new(chunk));
            }
            None => chunks.push(Arc::new(vec![element])),
        }
        self.len += 1;
    }

    /// The element at `index`, to be changed; its chunk is copied first when another version shares it.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        let chunk = Arc::make_mut(&mut self.chunks).get_mut(index / CHUNK)?;
        Arc::make_mut(chunk).get_mut(index % CHUNK)
    }

    /// All elements in order, to be changed; chunks that another version shares are copied first.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let chunks = Arc::make_mut(&mut self.chunks).iter_mut();
        chunks.flat_map(|chunk| Arc::make_mut(chunk).iter_mut())
    }

    /// Sorts by a key; quick where little is out of order. Elements with equal keys come in any order.
    pub fn sort_by_key<K: Ord>(&mut self, key: impl Fn(&T) -> K) {
        // As often as this an element may move by one place, before sorting all of them takes less time.
        let mut moves_left = self.len;
        let chunks = Arc::make_mut(&mut self.chunks);
        for index in 1..self.len {
            let mut at = index;
            while at > 0 && precedes(chunks, at, at - 1, &key) {
                if moves_left == 0 {
                    let mut all = std::mem::take(self).into_vec();
                    all.sort_unstable_by_key(key);
                    *self = all.into_iter().collect();
                    return;
                }
                moves_left -= 1;
                swap_with_last(chunks, at);
                at -= 1;
            }
        }
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

/// Whether the element at one place comes before the one at another.
fn precedes<T, K: Ord>(chunks: &[Arc<Vec<T>>], a: usize, b: usize, key: impl Fn(&T) -> K) -> bool {
    let at = |n: usize| chunks.get(n / CHUNK)?.get(n % CHUNK);
    at(a).zip(at(b)).is_some_and(|(a, b)| key(a) < key(b))
}

/// Exchanges the element at a place with the one before it.
fn swap_with_last<T: Clone>(chunks: &mut [Arc<Vec<T>>], at: usize) {
    let (n, within) = (at / CHUNK, at % CHUNK);
    if within > 0 {
        if let Some(chunk) = chunks.get_mut(n) {
            Arc::make_mut(chunk).swap(within - 1, within);
        }
    } else if let Some((before, rest)) = chunks.split_at_mut_checked(n)
        && let (Some(before), Some(chunk)) = (before.last_mut(), rest.first_mut())
        && let (Some(a), Some(b)) = (
            Arc::make_mut(before).last_mut(),
            Arc::make_mut(chunk).first_mut(),
        )
    {
        std::mem::swap(a, b);
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
            for near in [0, 1, found, found + 3, found.saturating_sub(20), 5000, 9000] {
                let again = numbers.partition_point_near(near, |&n| n < wanted);
                assert_eq!(again, found, "for {wanted} near {near}");
            }
        }
        let none = SharedVec::<usize>::default();
        assert_eq!(none.partition_point(|_| true), 0);
        assert_eq!(none.partition_point_near(3, |_| true), 0);
    }

    #[test]
    fn sorts_what_is_nearly_in_order_and_what_is_not() {
        let orders: [fn(usize) -> usize; 3] = [|n| n ^ 1, |n| n, |n| (n * 7919) % 3001];
        for order in orders {
            let mut numbers: SharedVec<usize> = (0..3001).map(order).collect();
            let before = numbers.clone();
            numbers.sort_by_key(|&n| n);
            assert!(numbers.iter().is_sorted());
            assert_eq!(numbers.len(), 3001);
            assert!(before.iter().copied().eq((0..3001).map(order)));
        }
    }
}
