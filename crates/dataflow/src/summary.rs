//! Function summaries, projections of arguments, and the table that holds them.

use crate::entry::EntryInfo;
use crate::graph::Order;
use crate::heap::{Fact, Obj, Site};
use crate::names::{G, Linked};
use crate::reuse::{Globals, Kept};
use crate::shared::Map;
use crate::val::{C, Csts, ObjId, Src, Val};
use crate::{FnRef, Place};
use litemap::LiteMap;
use rustc_hash::{FxHashMap, FxHasher};
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use surefix_ir::{FnId, ValueId};
use surefix_models::Kind;
use surefix_text::FileId;

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

/// Key of a summary: the function, the turn of the recursion, and what is known of its parameters (empty: symbolic).
pub(crate) type Key = (FnRef, u8, Arc<Vec<Proj>>);

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

impl Event {
    /// Callers decide what comes of it.
    pub fn latent(&self) -> bool {
        let from_caller = |v: &Val| v.taint.iter().any(|t| matches!(t.src, Src::Param(..)));
        self.deps != 0 || self.sinks.iter().any(|s| from_caller(&s.2))
    }
}

/// An argument as it was at the moment of the call.
#[derive(Clone, Debug)]
pub(crate) struct Snap {
    pub val: Val,
    pub props: LiteMap<Arc<str>, Val>,
    pub alloc: Option<Place>,
    pub elems: Option<Vec<Val>>,
}

impl Snap {
    /// Drops the references to objects: an event is evidence, and objects kept for it would be copied into every caller.
    pub fn forget_objects(&mut self) {
        self.val.refs.clear();
        self.props.iter_mut().for_each(|(_, p)| p.refs.clear());
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
    pub globals: Map<(G, G), Val>,
    pub events: Vec<Event>,
    /// Parameters worth specialising on.
    pub relevant: u64,
    /// Facts about parameters after a normal return, after returning true, after returning false.
    pub post: [Vec<(u16, Fact)>; 3],
    /// Project functions called.
    pub calls: Vec<FnRef>,
    /// Slots of the summaries that this one was made with.
    pub asked: Vec<u32>,
    /// Fields and globals whose initial value was asked for.
    pub globals_asked: Vec<(G, G)>,
    /// Slot in the table.
    pub slot: u32,
    pub budget: Option<&'static str>,
    /// Work that the run took, with that of the specialised callees it asked for.
    pub cost: u64,
}

const SHARDS: usize = 64;

/// The place of one summary.
struct Slot {
    /// Tells slots apart; in the order in which they were asked for, so nothing may be sorted by it.
    id: u32,
    summary: OnceLock<Arc<Summary>>,
}

/// The table of summaries. Every entry is a function of its key alone; a thread that needs one that another thread is at waits for it.
pub(crate) struct Table {
    shards: Vec<Mutex<FxHashMap<Key, Arc<Slot>>>>,
    next: AtomicU32,
}

impl Table {
    pub fn new() -> Table {
        Table { shards: (0..SHARDS).map(|_| Mutex::new(FxHashMap::default())).collect(), next: AtomicU32::new(0) }
    }
    fn shard(&self, f: FnRef) -> std::sync::MutexGuard<'_, FxHashMap<Key, Arc<Slot>>> {
        let mut h = FxHasher::default();
        f.hash(&mut h);
        let shard = &self.shards[(h.finish() >> 7) as usize % SHARDS];
        shard.lock().unwrap_or_else(|e| e.into_inner())
    }
    fn slot(&self, key: &Key) -> Arc<Slot> {
        let mut shard = self.shard(key.0);
        if let Some(slot) = shard.get(key) {
            return slot.clone();
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let slot = Arc::new(Slot { id, summary: OnceLock::new() });
        shard.insert(key.clone(), slot.clone());
        slot
    }
    /// A summary that is there already.
    pub fn get(&self, key: &Key) -> Option<Arc<Summary>> {
        self.shard(key.0).get(key)?.summary.get().cloned()
    }
    /// Slots that were ever made.
    pub fn slots(&self) -> usize {
        self.next.load(Ordering::Relaxed) as usize
    }
    /// Drops the summaries for which `keep` is false, and what was never finished.
    pub fn retain(&mut self, keep: impl Fn(&Summary) -> bool) {
        for s in &mut self.shards {
            let s = s.get_mut().unwrap_or_else(|e| e.into_inner());
            s.retain(|_, slot| slot.summary.get().is_some_and(|s| keep(s)));
        }
    }
    /// All summaries, sorted by key.
    pub fn all(&self) -> Vec<(Key, Arc<Summary>)> {
        let mut all = Vec::new();
        for s in &self.shards {
            let s = s.lock().unwrap_or_else(|e| e.into_inner());
            all.extend(s.iter().filter_map(|(k, v)| Some((k.clone(), v.summary.get()?.clone()))));
        }
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }
}

/// What is stored in a global.
#[derive(Clone, Default)]
pub(crate) struct GlobalFact {
    /// Its value.
    pub val: Option<Val>,
    /// The one object it refers to.
    pub object: Option<Arc<Obj>>,
    /// Whether code elsewhere changes a container of that name; `None` when it made no difference.
    pub mutated: Option<bool>,
}

/// A field or global that initialisers may decide.
pub(crate) struct Global {
    /// Functions that store something in it; empty: none, or too many.
    pub writers: Vec<FnRef>,
    /// The first of them in the order.
    pub first: Option<u32>,
    /// What they store, by the turn of the recursion.
    pub facts: [OnceLock<GlobalFact>; MAX_ROUND as usize + 1],
}

/// Everything shared by the threads of one analysis.
pub(crate) struct Engine<'a> {
    pub link: &'a Linked<'a>,
    pub order: Order,
    pub table: Table,
    pub globals: Mutex<Globals>,
    pub entries: FxHashMap<FnRef, EntryInfo>,
    /// Files that are looked at function by function only, by index.
    local: &'a [bool],
}

/// Turns of a recursion that are followed after the first; the last of them without regard to what callers know.
pub(crate) const MAX_ROUND: u8 = 1;

impl<'a> Engine<'a> {
    pub fn new(
        link: &'a Linked<'a>,
        local: &'a [bool],
        order: Order,
        entries: FxHashMap<FnRef, EntryInfo>,
        kept: Kept,
    ) -> Engine<'a> {
        Engine { link, order, table: kept.table, globals: Mutex::new(kept.globals), entries, local }
    }

    /// True when the functions of that file are judged alone, without what they call.
    pub fn local(&self, file: FileId) -> bool {
        self.local.get(file.0 as usize).copied().unwrap_or(false)
    }

    /// The turn of the recursion in which `caller`, in turn `round`, asks for `callee`; `None` when no further turn is followed.
    /// What asks and what is asked for always differ in this turn or in rank, so that nothing ever waits for itself.
    pub fn round(&self, caller: FnRef, round: u8, callee: FnRef) -> Option<u8> {
        let next = if self.order.rank(callee) > self.order.rank(caller) { round } else { round + 1 };
        (next <= MAX_ROUND).then_some(next)
    }

    /// The summary of a function under a projection, computed now if need be. Whoever asks inside an evaluation asks by
    /// [`Engine::round`].
    pub fn summary(&self, f: FnRef, round: u8, proj: Arc<Vec<Proj>>) -> Arc<Summary> {
        let key = (f, round, proj);
        let slot = self.table.slot(&key);
        let run = || crate::interp::Frame::new(self, f, round, key.2.clone()).run();
        let made = || stacker::maybe_grow(256 * 1024, 4 * 1024 * 1024, || Arc::new(Summary { slot: slot.id, ..run() }));
        slot.summary.get_or_init(made).clone()
    }

    /// A field or global by its owner and name.
    pub fn global(&self, owner: G, name: G) -> Arc<Global> {
        let known = || self.globals.lock().unwrap_or_else(|e| e.into_inner());
        let found = known().get(&(owner, name)).cloned();
        found.unwrap_or_else(|| {
            let writers = self.link.writers(owner, name).unwrap_or_default();
            let first = writers.iter().map(|w| self.order.rank(*w)).min();
            let global = Arc::new(Global { writers, first, facts: Default::default() });
            // Another thread may have been faster: facts are computed once.
            known().entry((owner, name)).or_insert(global).clone()
        })
    }

    /// All summaries, sorted by key.
    pub fn summaries(&self) -> Vec<(Key, Arc<Summary>)> {
        self.table.all()
    }
}
