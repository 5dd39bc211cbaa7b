//! Lists and maps that share their content until one of the holders changes it: abstract values and states are copied far
//! more often than they are changed.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A list that costs nothing to copy and nothing when it is empty.
#[derive(Debug)]
pub(crate) struct List<T>(Option<Arc<Vec<T>>>);

impl<T: Clone> List<T> {
    pub const fn new() -> List<T> {
        List(None)
    }
    pub fn one(x: T) -> List<T> {
        List(Some(Arc::new(vec![x])))
    }
    fn inner(&mut self) -> &mut Vec<T> {
        Arc::make_mut(self.0.get_or_insert_default())
    }
    pub fn push(&mut self, x: T) {
        self.inner().push(x);
    }
    pub fn insert(&mut self, at: usize, x: T) {
        self.inner().insert(at, x);
    }
    pub fn clear(&mut self) {
        self.0 = None;
    }
    pub fn retain(&mut self, keep: impl FnMut(&T) -> bool) {
        if !self.is_empty() {
            self.inner().retain(keep);
        }
    }
    pub fn extend(&mut self, more: impl IntoIterator<Item = T>) {
        let mut more = more.into_iter().peekable();
        if more.peek().is_some() {
            self.inner().extend(more);
        }
    }
    /// True when both hold the very same content, so that there is no need to compare it.
    fn same(&self, o: &List<T>) -> bool {
        match (&self.0, &o.0) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        List(self.0.clone())
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        List(None)
    }
}

impl<T: Clone + PartialEq> PartialEq for List<T> {
    fn eq(&self, o: &Self) -> bool {
        self.same(o) || **self == **o
    }
}

impl<T> Deref for List<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        self.0.as_ref().map_or(&[], |v| v.as_slice())
    }
}

impl<T: Clone> DerefMut for List<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.0 {
            None => &mut [],
            Some(v) => Arc::make_mut(v).as_mut_slice(),
        }
    }
}

impl<T: Clone> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(iter: I) -> Self {
        let all: Vec<T> = iter.into_iter().collect();
        List((!all.is_empty()).then(|| Arc::new(all)))
    }
}

impl<'x, T> IntoIterator for &'x List<T> {
    type Item = &'x T;
    type IntoIter = std::slice::Iter<'x, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'x, T: Clone> IntoIterator for &'x mut List<T> {
    type Item = &'x mut T;
    type IntoIter = std::slice::IterMut<'x, T>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

impl<T: Clone> IntoIterator for List<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;
    fn into_iter(self) -> Self::IntoIter {
        let all = self.0.map_or_else(Vec::new, |v| Arc::try_unwrap(v).unwrap_or_else(|v| (*v).clone()));
        all.into_iter()
    }
}

/// A sorted map that costs nothing to copy.
#[derive(Debug)]
pub(crate) struct Map<K, V>(Arc<BTreeMap<K, V>>);

impl<K: Ord + Clone, V: Clone> Map<K, V> {
    pub fn insert(&mut self, k: K, v: V) {
        Arc::make_mut(&mut self.0).insert(k, v);
    }
    /// The map itself, to change it: its content is copied first when somebody else holds it too.
    pub fn edit(&mut self) -> &mut BTreeMap<K, V> {
        Arc::make_mut(&mut self.0)
    }
    /// True when both hold the very same content.
    pub fn same(&self, o: &Map<K, V>) -> bool {
        Arc::ptr_eq(&self.0, &o.0)
    }
}

impl<K, V> Clone for Map<K, V> {
    fn clone(&self) -> Self {
        Map(self.0.clone())
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Map(Arc::new(BTreeMap::new()))
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Map<K, V> {
    fn eq(&self, o: &Self) -> bool {
        Arc::ptr_eq(&self.0, &o.0) || self.0 == o.0
    }
}

impl<K, V> Deref for Map<K, V> {
    type Target = BTreeMap<K, V>;
    fn deref(&self) -> &BTreeMap<K, V> {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_what_it_had() {
        let mut a: List<u32> = List::one(1);
        let b = a.clone();
        a.push(2);
        a.iter_mut().for_each(|x| *x += 10);
        assert_eq!((&*a, &*b), (&[11, 12][..], &[1][..]));
        let mut m: Map<u32, u32> = Map::default();
        m.insert(1, 1);
        let n = m.clone();
        assert!(m.same(&n));
        m.edit().retain(|_, _| false);
        assert!(m.is_empty() && n.get(&1) == Some(&1) && m != n);
    }

    #[test]
    fn empty_lists_are_equal_however_they_came_to_be() {
        let mut a: List<u32> = List::one(1);
        a.retain(|_| false);
        assert_eq!(a, List::new());
        assert_eq!(List::from_iter([1, 2]), [1, 2].into_iter().collect());
    }
}
