//! Java: rights for everybody.

use crate::guards::Draft;
use crate::{FixCx, Found};
use surefix_dataflow::{CallFact, ConstVal};
use surefix_text::{Fix, Reason, Refusal, Tier};

/// What the call gives to everybody, if it does.
pub(super) fn judge(call: &CallFact) -> Option<&'static str> {
    let is = |i: usize, wanted: bool| {
        call.args.get(i).and_then(|a| a.consts.as_deref()).is_some_and(|c| c == [ConstVal::Bool(wanted)])
    };
    if call.args.len() != 2 || !is(0, true) || !is(1, false) {
        return None;
    }
    match call.callee.as_str() {
        "java.io.File.setWritable" => Some("Every user of the machine may write the file"),
        // Reading and running by others is what most files allow anyway.
        _ => None,
    }
}

/// Plans the fix.
pub(super) fn fix(cx: &FixCx<'_>, found: &Found, call: &CallFact) -> Result<Fix, Refusal> {
    let java = cx.java(found.file);
    let args = java.args(call.span);
    let Some(owner) = args.get(1).filter(|a| a.of(java.text) == "false") else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the right is not given by a literal"));
    };
    let mut draft = Draft::default();
    java.replace_expr(*owner, "true", &mut draft.edits)?;
    let why = "other users and groups of the machine that wrote the file no longer can";
    Ok(draft.done("Give the right to the owner alone", Tier::Observable, why))
}
