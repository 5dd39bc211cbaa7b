//! Function summaries, projections of arguments, and the table that holds them.

use crate::heap::{Fact, Obj, Site};
use crate::names::{G, Linked};
use crate::val::{C, Csts, ObjId, Val};
use crate::{FnRef, Place};
use rustc_hash::{FxHashMap, FxHasher};
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};
use surefix_ir::{FnId, ValueId};
use surefix_models::Kind;

/// What a caller tells of an argument: the part of its value that can decide something inside the callee.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Proj {
    pub cst: Option<Csts>,
    pub tys: Vec<G>,
    pub num: bool,
    pub func: Option<ProjFn>,
    pub elems: Option<Vec<Proj>>,
    pub entries: Option<Vec<(C, Proj)>>,
    pub fields: Vec<(G, Proj)>,
    /// On the first parameter: how many specialised callers are nested around. Part of the key, so that a summary depends on
    /// its key alone.
    pub level: u8,
}

/// A function value as an argument.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum ProjFn {
    Closure(FnId, u32),
    Bound(G),
}

impl Proj {
    pub fn is_empty(&self) -> bool {
        *self == Proj::default()
    }
}

/// Key of a summary: the function and what is known of its parameters (empty: symbolic).
pub(crate) type Key = (FnRef, Arc<Vec<Proj>>);

/// What happens at one call with a sink or watch row (or at a store or return that is a sink).
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub func: FnRef,
    pub value: ValueId,
    pub callee: G,
    pub tags: Vec<Arc<str>>,
    pub recv: Option<Snap>,
    pub args: Vec<Snap>,
    /// Sink kind, argument index (`None`: receiver or the instruction itself), value.
    pub sinks: Vec<(Kind, Option<usize>, Val)>,
    /// Parameters that decide whether this happens or with which constants.
    pub deps: u64,
    /// Call sites from the function where the event lies outwards.
    pub via: Vec<Place>,
}

/// An argument as it was at the moment of the call.
#[derive(Clone, Debug)]
pub(crate) struct Snap {
    pub val: Val,
    pub props: BTreeMap<Arc<str>, Val>,
    pub alloc: Option<Place>,
    pub elems: Option<Vec<Val>>,
}

impl Snap {
    /// Drops the references to objects: an event is evidence, and objects kept for it would be copied into every caller.
    pub fn forget_objects(&mut self) {
        self.val.refs.clear();
        self.props.values_mut().for_each(|p| p.refs.clear());
        self.elems.iter_mut().flatten().for_each(|e| e.refs.clear());
    }
}

/// Effect of a call as its caller needs it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    /// Result; `None` when the function never returns.
    pub ret: Option<Val>,
    /// Objects at return, by id of the callee's run.
    pub heap: BTreeMap<ObjId, Arc<Obj>>,
    pub sites: Vec<Site>,
    pub globals: BTreeMap<(G, G), Val>,
    pub events: Vec<Event>,
    /// Parameters worth specialising on.
    pub relevant: u64,
    /// Facts about parameters after a normal return, after returning true, after returning false.
    pub post: [Vec<(u16, Fact)>; 3],
    /// Project functions called.
    pub calls: Vec<FnRef>,
    pub budget: Option<&'static str>,
}

impl Summary {
    /// Equality that matters for a recursive fixpoint.
    pub fn settled(&self, o: &Summary) -> bool {
        self.ret == o.ret && self.heap == o.heap && self.events.len() == o.events.len() && self.relevant == o.relevant
    }
}

const SHARDS: usize = 64;

/// The table of finished summaries. Every entry is a function of its key alone, so threads may race to fill it.
pub(crate) struct Table {
    shards: Vec<Mutex<FxHashMap<Key, Arc<Summary>>>>,
}

impl Table {
    pub fn new() -> Table {
        Table { shards: (0..SHARDS).map(|_| Mutex::new(FxHashMap::default())).collect() }
    }
    fn shard(&self, key: &Key) -> &Mutex<FxHashMap<Key, Arc<Summary>>> {
        let mut h = FxHasher::default();
        key.0.hash(&mut h);
        &self.shards[(h.finish() >> 7) as usize % SHARDS]
    }
    pub fn get(&self, key: &Key) -> Option<Arc<Summary>> {
        self.shard(key).lock().unwrap_or_else(|e| e.into_inner()).get(key).cloned()
    }
    pub fn put(&self, key: Key, s: Arc<Summary>) {
        self.shard(&key).lock().unwrap_or_else(|e| e.into_inner()).insert(key, s);
    }
    /// Number of functions with at least one summary.
    pub fn functions(&self) -> usize {
        let mut all: Vec<FnRef> = Vec::new();
        for s in &self.shards {
            all.extend(s.lock().unwrap_or_else(|e| e.into_inner()).keys().map(|k| k.0));
        }
        all.sort();
        all.dedup();
        all.len()
    }
    /// All finished summaries, sorted by key.
    pub fn all(&self) -> Vec<(Key, Arc<Summary>)> {
        let mut all = Vec::new();
        for s in &self.shards {
            all.extend(s.lock().unwrap_or_else(|e| e.into_inner()).iter().map(|(k, v)| (k.clone(), v.clone())));
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }
}

/// What one thread needs while it evaluates.
#[derive(Default)]
pub(crate) struct Ctx {
    pub stack: Vec<(Key, Arc<Summary>)>,
    /// Summaries that rest on an unfinished one: valid while that stack entry's round lasts.
    pub provisional: FxHashMap<Key, (usize, Arc<Summary>)>,
    /// Lowest stack entry that the current evaluation has read unfinished.
    pub low: usize,
    /// Globals being evaluated, against endless recursion.
    pub globals: Vec<(G, G)>,
}

/// What is stored in a global: its value, and the one object it refers to.
pub(crate) type GlobalFact = (Option<Val>, Vec<Arc<Obj>>);

/// Everything shared by the threads of one analysis.
pub(crate) struct Engine<'a> {
    pub link: &'a Linked<'a>,
    pub table: Table,
    pub globals: Mutex<FxHashMap<(G, G), GlobalFact>>,
    pub entries: FxHashMap<FnRef, crate::entry::EntryInfo>,
}

const MAX_DEPTH: usize = 120;
const MAX_ROUNDS: usize = 4;
/// Frames of one function on the stack with different projections (recursion with a counter).
const MAX_SELF: usize = 12;

impl Engine<'_> {
    /// The summary of a function under a projection, computed now if need be.
    pub fn summary(&self, ctx: &mut Ctx, f: FnRef, proj: Arc<Vec<Proj>>) -> Arc<Summary> {
        let mut key = (f, proj);
        if let Some(s) = self.table.get(&key) {
            return s;
        }
        if let Some((low, s)) = ctx.provisional.get(&key) {
            ctx.low = ctx.low.min(*low);
            return s.clone();
        }
        let same = ctx.stack.iter().filter(|e| e.0.0 == f).count();
        if same >= MAX_SELF && !key.1.is_empty() {
            key.1 = Arc::new(Vec::new());
            ctx.low = 0;
        }
        if let Some(at) = ctx.stack.iter().position(|e| e.0 == key) {
            ctx.low = ctx.low.min(at);
            return ctx.stack[at].1.clone();
        }
        let at = ctx.stack.len();
        if at >= MAX_DEPTH {
            ctx.low = 0;
            return Arc::new(Summary { ret: Some(Val::top()), budget: Some("call depth"), ..Summary::default() });
        }
        ctx.stack.push((key.clone(), Arc::new(Summary::default())));
        let outer_low = std::mem::replace(&mut ctx.low, usize::MAX);
        let mut rounds = 0;
        let (result, low) = loop {
            ctx.low = usize::MAX;
            let mut s = stacker::maybe_grow(256 * 1024, 4 * 1024 * 1024, || {
                crate::interp::Frame::new(self, ctx, f, key.1.clone()).run()
            });
            let low = ctx.low;
            rounds += 1;
            let recursive = low <= at;
            if !recursive || low > at || s.settled(&ctx.stack[at].1) {
                break (s, low);
            }
            if rounds >= MAX_ROUNDS {
                if let Some(r) = &mut s.ret {
                    r.widen();
                    r.refs.clear();
                }
                s.budget = s.budget.or(Some("recursion"));
                break (s, low);
            }
            ctx.stack[at].1 = Arc::new(s);
            ctx.provisional.retain(|_, (l, _)| *l < at);
        };
        ctx.stack.pop();
        let result = Arc::new(result);
        ctx.provisional.retain(|_, (l, _)| *l < at);
        if low < at {
            ctx.provisional.insert(key, (low, result.clone()));
        } else {
            self.table.put(key, result.clone());
        }
        ctx.low = outer_low.min(if low < at { low } else { usize::MAX });
        result
    }
}
