//! Python: modes that let everybody write.

use crate::guards::Draft;
use crate::{DetectCx, FixCx, Found, declarative};
use surefix_dataflow::{ArgFact, CallFact, ConstVal};
use surefix_rewrite::PyCx;
use surefix_text::{FileId, Fix, Reason, Refusal, Tier};

const WORLD_WRITE: i64 = 0o002;

/// The mode argument of the call and its value.
fn mode(call: &CallFact) -> Option<(usize, i64)> {
    let at = match call.callee.as_str() {
        "os.chmod" | "os.fchmod" | "os.mkfifo" | "os.mknod" | "os.mkdir" | "os.makedirs" => 1,
        "os.open" => 2,
        "os.umask" | "pathlib.Path.chmod" | "pathlib.Path.mkdir" | "pathlib.Path.touch" => 0,
        _ => return None,
    };
    let named = |a: &ArgFact| a.keyword == "mode";
    let at =
        call.args.iter().position(named).or_else(|| call.args.get(at).filter(|a| a.keyword.is_empty()).map(|_| at))?;
    match call.args.get(at)?.consts.as_deref() {
        Some([ConstVal::Int(n)]) => Some((at, *n)),
        _ => None,
    }
}

/// The new mode and what is wrong with the old one.
pub(super) fn judge(call: &CallFact) -> Option<(i64, &'static str)> {
    let (_, n) = mode(call)?;
    if !(0..=0o7777).contains(&n) {
        return None;
    }
    if call.callee == "os.umask" {
        // A mask that keeps nothing from others.
        return (n & WORLD_WRITE == 0).then_some((n | 0o022, "New files may be written by every user of the machine"));
    }
    // The mask of the process still applies where something is created.
    let explicit = call.callee.ends_with("chmod");
    let sticky = n & 0o1000 != 0;
    (explicit && n & WORLD_WRITE != 0 && !sticky)
        .then_some((n & !0o022, "Every user of the machine may write the file"))
}

/// True for `old = os.umask(0)` where `os.umask(old)` follows: the mask is only asked for, or put aside on purpose.
pub(super) fn restored(cx: &DetectCx<'_>, call: &CallFact) -> bool {
    if call.callee != "os.umask" {
        return false;
    }
    let file = FileId(call.file);
    let (text, module) = (cx.text(file), cx.module(file));
    let py = PyCx::new(file, text, module);
    let Some(name) = declarative::assigned_name(&py, call.span) else { return false };
    let end = module.functions.get(call.func as usize).map_or(0, |f| f.span.hi.max(call.span.hi));
    let after = text.get(call.span.hi as usize..end as usize).unwrap_or("");
    after.contains(&format!("umask({name})"))
}

/// Plans the fix.
pub(super) fn fix(cx: &FixCx<'_>, found: &Found, call: &CallFact) -> Result<Fix, Refusal> {
    let py = cx.python(found.file);
    let (Some((new, _)), Some((at, _))) = (judge(call), mode(call)) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the mode is not a constant"));
    };
    let Some(value) = py.args(call.span).get(at).map(|a| a.value) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the mode is not an argument of the call"));
    };
    if !py.expr_at(value).is_some_and(|e| e.is_number_literal_expr()) {
        return Err(Refusal::new(Reason::ShapeUnknown, "the mode is not written as a number"));
    }
    let mut draft = Draft::default();
    py.replace_expr(value, &format!("0o{new:03o}"), &mut draft.edits)?;
    let why = "other users and groups of the machine that wrote the file no longer can";
    Ok(draft.done("Take the right to write from other users", Tier::Observable, why))
}
