//! Per-file string interning.

use hashbrown::HashTable;
use rustc_hash::FxHasher;
use serde::{Deserialize, Serialize};
use std::hash::{Hash, Hasher};

/// An interned string of one [`Interner`]. `Sym(0)` is always the empty string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sym(pub u32);

impl Sym {
    /// The empty string.
    pub const EMPTY: Sym = Sym(0);
}

/// Interns strings; ids are given in order of first appearance, so the same file always gives the same ids.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Interner {
    text: String,
    ends: Vec<u32>,
    table: HashTable<u32>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    text: String,
    ends: Vec<u32>,
}

impl From<Interner> for Stored {
    fn from(i: Interner) -> Stored {
        Stored { text: i.text, ends: i.ends }
    }
}

impl From<Stored> for Interner {
    fn from(s: Stored) -> Interner {
        let mut out = Interner { text: s.text, ends: s.ends, table: HashTable::new() };
        for id in 0..out.ends.len() as u32 {
            let hash = hash(out.get(Sym(id)));
            let Interner { text, ends, table } = &mut out;
            table.insert_unique(hash, id, |&o| hash_at(text, ends, o));
        }
        out
    }
}

fn hash(s: &str) -> u64 {
    let mut h = FxHasher::default();
    s.hash(&mut h);
    h.finish()
}

fn slice<'a>(text: &'a str, ends: &[u32], id: u32) -> &'a str {
    let lo = if id == 0 { 0 } else { ends[id as usize - 1] as usize };
    &text[lo..ends[id as usize] as usize]
}

fn hash_at(text: &str, ends: &[u32], id: u32) -> u64 {
    hash(slice(text, ends, id))
}

impl Default for Interner {
    fn default() -> Interner {
        let mut i = Interner { text: String::new(), ends: Vec::new(), table: HashTable::new() };
        i.intern("");
        i
    }
}

impl Interner {
    /// The id of `s`, given now if it is new.
    pub fn intern(&mut self, s: &str) -> Sym {
        let h = hash(s);
        let Interner { text, ends, table } = self;
        if let Some(&id) = table.find(h, |&id| slice(text, ends, id) == s) {
            return Sym(id);
        }
        let id = ends.len() as u32;
        text.push_str(s);
        ends.push(text.len() as u32);
        table.insert_unique(h, id, |&o| hash_at(text, ends, o));
        Sym(id)
    }
    /// The id of `s` if it was interned.
    pub fn find(&self, s: &str) -> Option<Sym> {
        self.table.find(hash(s), |&id| slice(&self.text, &self.ends, id) == s).map(|&id| Sym(id))
    }
    /// The string of `sym`.
    pub fn get(&self, sym: Sym) -> &str {
        slice(&self.text, &self.ends, sym.0)
    }
    /// Number of strings.
    pub fn len(&self) -> usize {
        self.ends.len()
    }
    /// Never true: the empty string is always there.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }
    /// All strings in id order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len() as u32).map(|i| self.get(Sym(i)))
    }
}
