//! Questions about the arguments of a call.

use surefix_dataflow::{ArgFact, CallFact, ConstVal};

/// No position: the argument is only given by keyword.
pub(crate) const KEYWORD_ONLY: usize = usize::MAX;

/// The argument at position `at` or with the keyword; nothing when an unpacked sequence stands before the position.
pub(crate) fn arg<'a>(call: &'a CallFact, at: usize, keyword: &str) -> Option<&'a ArgFact> {
    let named = call.args.iter().find(|a| !keyword.is_empty() && a.keyword == keyword);
    named.or_else(|| {
        let a = call.args.get(at).filter(|a| a.keyword.is_empty())?;
        call.args.get(..=at)?.iter().all(|a| a.spread == 0).then_some(a)
    })
}

/// True when an unpacked `*x` or `**x` may hold arguments that are not seen.
pub(crate) fn hides(call: &CallFact) -> bool {
    call.args.iter().any(|a| a.spread != 0)
}

/// True when all values that the argument can have are known and fulfil `f`.
pub(crate) fn always(arg: Option<&ArgFact>, f: impl Fn(&ConstVal) -> bool) -> bool {
    arg.and_then(|a| a.consts.as_deref()).is_some_and(|c| !c.is_empty() && c.iter().all(f))
}

/// True when the argument is this truth value.
pub(crate) fn is_bool(arg: Option<&ArgFact>, value: bool) -> bool {
    always(arg, |c| *c == ConstVal::Bool(value))
}

/// The only text that the argument can be.
pub(crate) fn text(arg: Option<&ArgFact>) -> Option<&str> {
    match arg?.consts.as_deref()? {
        [ConstVal::Str(s)] => Some(s),
        _ => None,
    }
}

/// True for the named constant: `name` is its qualified name or the end of it.
pub(crate) fn refers(c: &ConstVal, name: &str) -> bool {
    matches!(c, ConstVal::Ref(r) if r == name || r.strip_suffix(name).is_some_and(|p| p.ends_with('.')))
}

/// The last part of a dotted name.
pub(crate) fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}
