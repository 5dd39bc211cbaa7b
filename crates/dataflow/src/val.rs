//! Abstract values: constants, taint, types, references, string shapes.

use crate::names::G;
use crate::shared::List;
use crate::{Crumbs, FnRef, Place, StepKind};
use smallvec::{SmallVec, smallvec};
use std::cmp::Ordering;
use std::sync::Arc;
use surefix_models::{Kind, Kinds, SourceKind};
use surefix_text::Span;

/// A constant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum C {
    Null,
    Bool(bool),
    Int(i64),
    Float(u64),
    Char(u32),
    Str(Arc<str>),
    /// A project class as a value.
    Class(G),
    /// A project function as a value.
    Func(FnRef),
    /// A library module, class, function or attribute by its qualified name.
    Path(G),
}

/// The constants a value can be; `Top` when unknown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Csts {
    Top,
    Set(SmallVec<[C; 1]>),
}

const MAX_CSTS: usize = 6;

impl Csts {
    pub fn one(c: C) -> Csts {
        Csts::Set(smallvec![c])
    }
    pub fn single(&self) -> Option<&C> {
        match self {
            Csts::Set(s) if s.len() == 1 => s.first(),
            _ => None,
        }
    }
    pub fn all(&self) -> Option<&[C]> {
        match self {
            Csts::Set(s) => Some(s),
            Csts::Top => None,
        }
    }
    pub fn join(&mut self, o: &Csts) {
        match (&mut *self, o) {
            (Csts::Top, _) => {}
            (_, Csts::Top) => *self = Csts::Top,
            (Csts::Set(a), Csts::Set(b)) => {
                for c in b {
                    if let Err(i) = a.binary_search(c) {
                        a.insert(i, c.clone());
                    }
                }
                if a.len() > MAX_CSTS {
                    *self = Csts::Top;
                }
            }
        }
    }
}

/// A step of an access path from a parameter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Step {
    Field(G),
    Elem,
    Idx(u32),
    Key(C),
    Text,
}

/// An access path below a parameter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Path(Option<Arc<[Step]>>);

impl Path {
    /// The path one step further.
    pub fn with(&self, step: Step) -> Path {
        Path(Some(self.iter().cloned().chain([step]).collect()))
    }
}

impl PartialEq for Path {
    fn eq(&self, o: &Path) -> bool {
        self.cmp(o).is_eq()
    }
}

impl Eq for Path {}

impl std::hash::Hash for Path {
    fn hash<H: std::hash::Hasher>(&self, h: &mut H) {
        self[..].hash(h);
    }
}

impl PartialOrd for Path {
    fn partial_cmp(&self, o: &Path) -> Option<Ordering> {
        Some(self.cmp(o))
    }
}

impl Ord for Path {
    fn cmp(&self, o: &Path) -> Ordering {
        match (&self.0, &o.0) {
            // The same path is mostly the same allocation.
            (Some(a), Some(b)) if Arc::ptr_eq(a, b) => Ordering::Equal,
            _ => self[..].cmp(&o[..]),
        }
    }
}

impl std::ops::Deref for Path {
    type Target = [Step];
    fn deref(&self) -> &[Step] {
        self.0.as_deref().unwrap_or(&[])
    }
}

/// Access paths are followed this deep; below, the deepest known value stands for all.
pub(crate) const MAX_PATH: usize = 3;

/// Where a taint comes from: a real source, or a parameter of the function under analysis.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Src {
    Real { kind: SourceKind, name: G, at: Place },
    Param(u16, Path),
}

/// Facts about attacker-chosen text that no mask of characters expresses.
pub(crate) mod tflag {
    /// Contains no `..`.
    pub const NO_DOTDOT: u8 = 1;
    /// Is a canonical absolute path.
    pub const NORMAL: u8 = 2;
    /// Quotes are doubled or escaped for SQL.
    pub const SQL_ESCAPED: u8 = 4;
    /// Is one character.
    pub const ONE_CHAR: u8 = 8;
}

/// One origin of untrusted text in a value and what is proven about that text.
#[derive(Clone, Debug)]
pub(crate) struct Taint {
    pub src: Src,
    /// Kinds made harmless on the way.
    pub clean: Kinds,
    /// Kinds that an undone encoding made harmful again (applies to what the caller cleaned).
    pub decoded: Kinds,
    /// Characters that do not occur.
    pub deny: u128,
    /// The only ASCII characters that can occur (all bits: no restriction).
    pub allow: u128,
    /// Bits of [`tflag`].
    pub flags: u8,
    pub crumbs: Crumbs,
    pub trace: Trace,
}

impl PartialEq for Taint {
    fn eq(&self, o: &Taint) -> bool {
        // Traces are evidence, not meaning: a different trace must not keep a fixpoint running.
        (&self.src, self.clean, self.decoded, self.deny, self.allow, self.flags, self.crumbs)
            == (&o.src, o.clean, o.decoded, o.deny, o.allow, o.flags, o.crumbs)
    }
}

impl Taint {
    pub fn new(src: Src, trace: Trace) -> Taint {
        Taint {
            src,
            clean: Kinds::NONE,
            decoded: Kinds::NONE,
            deny: 0,
            allow: u128::MAX,
            flags: 0,
            crumbs: Crumbs::default(),
            trace,
        }
    }
    pub fn label(&self) -> Kinds {
        match &self.src {
            Src::Real { kind, .. } => kind.label(),
            Src::Param(..) => Kinds::ALL,
        }
    }
    pub fn live(&self, k: Kind) -> bool {
        self.label().minus(self.clean).has(k)
    }
    fn merge(&mut self, o: &Taint) {
        self.clean = self.clean.and(o.clean);
        self.decoded = self.decoded.or(o.decoded);
        self.deny &= o.deny;
        self.allow |= o.allow;
        self.flags &= o.flags;
        self.crumbs = self.crumbs.or(o.crumbs);
        if o.trace.len() < self.trace.len() {
            self.trace = o.trace.clone();
        }
    }
    /// What holds for caller's taint `actual` after going the way that `self` (a parameter taint) describes.
    pub fn compose(&self, actual: &Taint, call: Place, callee: G) -> Taint {
        Taint {
            src: actual.src.clone(),
            clean: actual.clean.minus(self.decoded).or(self.clean),
            decoded: actual.decoded.or(self.decoded),
            deny: if self.decoded.is_empty() { actual.deny | self.deny } else { self.deny },
            allow: if self.decoded.is_empty() { actual.allow & self.allow } else { self.allow },
            flags: if self.decoded.is_empty() { actual.flags | self.flags } else { self.flags },
            crumbs: actual.crumbs.then(self.crumbs),
            trace: actual.trace.step(call, StepKind::Argument, callee).follow(&self.trace),
        }
    }
}

/// A trace: persistent list of steps.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace(Option<Arc<Node>>);

#[derive(Debug)]
struct Node {
    place: Place,
    what: StepKind,
    name: G,
    prev: Trace,
    inner: Trace,
    len: u32,
}

impl Drop for Node {
    fn drop(&mut self) {
        // Long chains must not drop recursively.
        let mut next = self.prev.0.take();
        while let Some(n) = next {
            match Arc::try_unwrap(n) {
                Ok(mut n) => next = n.prev.0.take(),
                Err(_) => break,
            }
        }
    }
}

const MAX_TRACE: u32 = 60;

impl Trace {
    pub fn len(&self) -> u32 {
        self.0.as_ref().map_or(0, |n| n.len)
    }
    pub fn step(&self, place: Place, what: StepKind, name: G) -> Trace {
        if self.len() >= MAX_TRACE {
            return self.clone();
        }
        if let Some(n) = &self.0
            && n.place == place
            && n.what == what
        {
            return self.clone();
        }
        Trace(Some(Arc::new(Node { place, what, name, prev: self.clone(), inner: Trace(None), len: self.len() + 1 })))
    }
    /// This trace continued by the steps of `inner`.
    pub fn follow(&self, inner: &Trace) -> Trace {
        let Some(n) = &inner.0 else { return self.clone() };
        if self.len() + n.len >= MAX_TRACE {
            return self.clone();
        }
        Trace(Some(Arc::new(Node {
            place: n.place,
            what: n.what,
            name: n.name,
            prev: self.clone(),
            inner: inner.clone(),
            len: self.len() + n.len,
        })))
    }
    /// Steps from the source on.
    pub fn steps(&self) -> Vec<(Place, StepKind, G)> {
        let mut out = Vec::new();
        let mut at = self.clone();
        while let Some(n) = at.0.clone() {
            if n.inner.0.is_some() {
                let mut inner = n.inner.steps();
                inner.reverse();
                out.extend(inner);
            } else {
                out.push((n.place, n.what, n.name));
            }
            at = n.prev.clone();
        }
        out.reverse();
        out
    }
}

/// A part of a shape.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SFrag {
    Lit { text: Arc<str>, at: Option<Place> },
    Hole(Arc<SHole>),
    Rep(Arc<Vec<SFrag>>),
}

/// A hole.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SHole {
    pub place: Place,
    pub stmt: Span,
    pub func: FnRef,
    pub value: u32,
    pub taint: Taints,
    pub ty: Option<G>,
    pub num: bool,
    /// The hole is exactly this value of the function under analysis.
    pub ident: Option<(u16, Path)>,
    pub via: SmallVec<[Place; 2]>,
}

pub(crate) type SShape = Arc<Vec<SFrag>>;
pub(crate) type Shapes = List<SShape>;
pub(crate) type Taints = List<Taint>;

/// Identity of an abstract object inside one function run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ObjId(pub u32);

/// An abstract value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Val {
    pub cst: Csts,
    pub taint: Taints,
    /// Qualified type names; empty: unknown.
    pub tys: SmallVec<[G; 2]>,
    /// The types are those of allocations, not of declarations.
    pub exact: bool,
    pub refs: SmallVec<[ObjId; 2]>,
    /// Alternatives of how the text is built; empty: one unknown piece.
    pub shapes: Shapes,
    /// Number or boolean.
    pub num: bool,
    /// Parameters that the value depends on in any way (bit n: parameter n, the last bit for all above).
    pub deps: u64,
    /// The value is exactly that parameter (or a part of it).
    pub ident: Option<(u16, Path)>,
}

const MAX_SHAPES: usize = 8;
const MAX_FRAGS: usize = 120;
const MAX_TAINTS: usize = 6;

impl Val {
    pub fn top() -> Val {
        Val {
            cst: Csts::Top,
            taint: Taints::new(),
            tys: SmallVec::new(),
            exact: false,
            refs: SmallVec::new(),
            shapes: Shapes::new(),
            num: false,
            deps: 0,
            ident: None,
        }
    }
    pub fn cst(c: C) -> Val {
        let num = matches!(c, C::Int(_) | C::Float(_) | C::Bool(_));
        Val { cst: Csts::one(c), num, ..Val::top() }
    }
    pub fn str(s: &str) -> Val {
        Val::cst(C::Str(s.into()))
    }
    pub fn bool(b: bool) -> Val {
        Val::cst(C::Bool(b))
    }
    pub fn int(i: i64) -> Val {
        Val::cst(C::Int(i))
    }
    pub fn number() -> Val {
        Val { num: true, ..Val::top() }
    }
    pub fn typed(t: G) -> Val {
        Val { tys: smallvec![t], ..Val::top() }
    }
    pub fn obj(o: ObjId) -> Val {
        Val { refs: smallvec![o], ..Val::top() }
    }
    pub fn with_deps(mut self, deps: u64) -> Val {
        self.deps |= deps;
        self
    }
    pub fn is_null(&self) -> bool {
        self.cst.single() == Some(&C::Null)
    }
    pub fn as_str(&self) -> Option<Arc<str>> {
        match self.cst.single() {
            Some(C::Str(s)) => Some(s.clone()),
            Some(C::Char(c)) => char::from_u32(*c).map(|c| c.to_string().into()),
            _ => None,
        }
    }
    pub fn as_int(&self) -> Option<i64> {
        match self.cst.single() {
            Some(C::Int(i)) => Some(*i),
            Some(C::Char(c)) => Some(*c as i64),
            Some(C::Bool(b)) => Some(*b as i64),
            _ => None,
        }
    }
    /// Truth of the value when decided: `Some(true)`, `Some(false)` or unknown.
    pub fn truth(&self) -> Option<bool> {
        let all = self.cst.all()?;
        let mut out = None;
        for c in all {
            let t = match c {
                C::Null => false,
                C::Bool(b) => *b,
                C::Int(i) => *i != 0,
                C::Float(f) => f64::from_bits(*f) != 0.0,
                C::Str(s) => !s.is_empty(),
                C::Char(_) | C::Class(_) | C::Func(_) => true,
                C::Path(_) => return None,
            };
            if out.is_some_and(|o| o != t) {
                return None;
            }
            out = Some(t);
        }
        out
    }
    pub fn add_taint(&mut self, t: &Taint) {
        add_taint(&mut self.taint, t);
    }
    /// Adds all taints of `o` with a lossy step.
    pub fn absorb(&mut self, o: &Val, crumbs: Crumbs) {
        for t in &o.taint {
            let mut t = t.clone();
            t.crumbs = t.crumbs.then(crumbs);
            add_taint(&mut self.taint, &t);
        }
        self.deps |= o.deps;
    }
    /// As [`Val::absorb`], for a part of something opaque: what unknown code made is not asked by chance.
    pub fn absorb_part(&mut self, of: &Val) {
        for t in &of.taint {
            let mut t = t.clone();
            if t.crumbs.has(Crumbs::UNKNOWN_CALLEE) {
                t.crumbs = t.crumbs.through_unknown();
            }
            add_taint(&mut self.taint, &t);
        }
        self.deps |= of.deps;
    }
    pub fn join(&mut self, o: &Val) {
        if self == o {
            return;
        }
        let (a_null, b_null) = (self.is_null(), o.is_null());
        self.num = (self.num || a_null) && (o.num || b_null) && !(a_null && b_null);
        // The same text is not needed twice; different texts are alternatives.
        if self.shapes != o.shapes || self.cst != o.cst {
            let (mine, theirs) = (self.shape_list(), o.shape_list());
            match (a_null, b_null, mine, theirs) {
                (true, _, _, Some(t)) => self.shapes = t,
                (_, true, Some(m), _) => self.shapes = m,
                (_, _, Some(mut m), Some(t)) => {
                    for s in t {
                        if !m.contains(&s) {
                            m.push(s);
                        }
                    }
                    drop_covered(&mut m);
                    if m.len() > MAX_SHAPES { self.shapes.clear() } else { self.shapes = m }
                }
                _ => self.shapes.clear(),
            }
        }
        self.cst.join(&o.cst);
        for t in &o.taint {
            add_taint(&mut self.taint, t);
        }
        self.exact = match (self.tys.is_empty(), o.tys.is_empty()) {
            (true, true) => false,
            (true, false) => o.exact && a_null,
            (false, true) => self.exact && b_null,
            (false, false) => self.exact && o.exact,
        };
        for t in &o.tys {
            if let Err(i) = self.tys.binary_search(t) {
                self.tys.insert(i, *t);
            }
        }
        for r in &o.refs {
            if let Err(i) = self.refs.binary_search(r) {
                self.refs.insert(i, *r);
            }
        }
        self.deps |= o.deps;
        if self.ident != o.ident {
            self.ident = None;
        }
    }
    /// The known shapes, deriving them from constants; `None` when unknown.
    pub fn shape_list(&self) -> Option<Shapes> {
        if !self.shapes.is_empty() {
            return Some(self.shapes.clone());
        }
        let all = self.cst.all()?;
        let mut out = Shapes::new();
        for c in all {
            let text = const_text(c)?;
            out.push(Arc::new(vec![SFrag::Lit { text, at: None }]));
        }
        if out.is_empty() { None } else { Some(out) }
    }
    /// Forgets constants and collapses shapes: used at loop heads.
    pub fn widen(&mut self) {
        let list = if self.shapes.is_empty() { None } else { self.shape_list() };
        self.cst = Csts::Top;
        self.shapes = list.and_then(|l| repeated(&l)).into_iter().collect();
    }
}

/// Drops alternatives that another one with a repetition stands for already.
fn drop_covered(list: &mut Shapes) {
    let loops = |s: &SShape| s.iter().any(|f| matches!(f, SFrag::Rep(_)));
    if !list.iter().any(loops) {
        return;
    }
    let all = list.clone();
    list.retain(|s| !all.iter().any(|p| p != s && loops(p) && covers(p, s)));
}

/// True when the repetitions of `pattern` can be unrolled to `text`.
fn covers(pattern: &[SFrag], text: &[SFrag]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([], _) => false,
        ([SFrag::Rep(turn), after @ ..], _) => {
            if covers(after, text) {
                return true;
            }
            let rest = match text {
                [first @ SFrag::Rep(_), rest @ ..] if *first == pattern[0] => Some(rest),
                _ => text.strip_prefix(turn.as_slice()),
            };
            !turn.is_empty() && rest.is_some_and(|r| covers(pattern, r))
        }
        ([p, after @ ..], [t, rest @ ..]) => p == t && covers(after, rest),
        (_, []) => false,
    }
}

/// Longest part of a text that counts as one turn of a loop.
const MAX_TURN: usize = 24;

/// One shape for text that a loop goes on building: what all alternatives begin with, then the part of one turn repeated.
/// `None` when the turns differ.
fn repeated(list: &[SShape]) -> Option<SShape> {
    let mut base: &[SFrag] = list.iter().map(|s| s.as_slice()).min_by_key(|s| s.len())?;
    while let [head @ .., SFrag::Rep(_)] = base {
        base = head;
    }
    let rest: Vec<&[SFrag]> = list.iter().map(|s| s.strip_prefix(base)).collect::<Option<_>>()?;
    let first = rest.iter().filter(|r| !r.is_empty()).min_by_key(|r| r.len())?;
    let turn: &[SFrag] = match first {
        [SFrag::Rep(inner), ..] => inner,
        other => other,
    };
    if turn.len() > MAX_TURN {
        return None;
    }
    for mut r in rest {
        while let Some(frag) = r.first() {
            r = match frag {
                SFrag::Rep(inner) if inner.as_slice() == turn => &r[1..],
                _ => r.strip_prefix(turn)?,
            };
        }
    }
    let mut out = base.to_vec();
    out.push(SFrag::Rep(Arc::new(turn.to_vec())));
    Some(Arc::new(out))
}

/// The text of a constant as concatenation shows it.
pub(crate) fn const_text(c: &C) -> Option<Arc<str>> {
    Some(match c {
        C::Str(s) => s.clone(),
        C::Char(c) => char::from_u32(*c)?.to_string().into(),
        C::Int(i) => i.to_string().into(),
        C::Bool(b) => if *b { "true" } else { "false" }.into(),
        _ => return None,
    })
}

pub(crate) fn add_taint(list: &mut Taints, t: &Taint) {
    match list.binary_search_by(|x| x.src.cmp(&t.src)) {
        Ok(i) => list[i].merge(t),
        Err(i) if list.len() < MAX_TAINTS => list.insert(i, t.clone()),
        Err(_) => {}
    }
}

/// Concatenates shapes; `None` parts are unknown. Gives at most eight alternatives, else none.
pub(crate) fn concat_shapes(parts: &[Shapes]) -> Shapes {
    let mut out: Vec<Vec<SFrag>> = vec![Vec::new()];
    for part in parts {
        if part.is_empty() {
            return Shapes::new();
        }
        if out.len() * part.len() > MAX_SHAPES {
            return Shapes::new();
        }
        let mut next = Vec::with_capacity(out.len() * part.len());
        for head in &out {
            for tail in part {
                if head.len() + tail.len() > MAX_FRAGS {
                    return Shapes::new();
                }
                let mut s = head.clone();
                s.extend(
                    tail.iter().filter(|f| !matches!(f, SFrag::Lit { text, at: None } if text.is_empty())).cloned(),
                );
                next.push(s);
            }
        }
        out = next;
    }
    out.into_iter().map(Arc::new).collect()
}

/// The constant text of a shape, when it has no holes.
pub(crate) fn shape_text(s: &SShape) -> Option<String> {
    let mut out = String::new();
    for f in s.iter() {
        match f {
            SFrag::Lit { text, .. } => out.push_str(text),
            _ => return None,
        }
    }
    Some(out)
}
