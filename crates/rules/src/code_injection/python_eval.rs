//! Python: `eval` of data becomes `ast.literal_eval`; code that runs has no local fix.

use crate::operands;
use crate::{FixCx, Found};
use surefix_dataflow::Frag;
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Tier};

const STEPS: &str = "1. Decide what the text may be: a number, a list, a name, an operation.\n\
    2. Read data with json.loads or ast.literal_eval.\n\
    3. For names or operations, look them up in a dictionary of allowed ones.";

/// True for sinks that only parse: `ast.parse`, and `compile` for a tree.
pub fn only_parses(found: &Found) -> bool {
    let Some(call) = found.call() else { return false };
    call.callee == "ast.parse"
        || (call.callee.ends_with("compile")
            && call.args.iter().any(|a| {
                a.consts.as_deref().is_some_and(|c| {
                    c.iter().any(|c| matches!(c, surefix_dataflow::ConstVal::Ref(r) if r.ends_with("PyCF_ONLY_AST")))
                })
            }))
}

/// Plans the fix.
pub fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(flow) = &found.flow else {
        return Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"));
    };
    let px = cx.python(found.file);
    px.no_error_at(flow.call.span)?;
    let no = |detail: &str| Err(Refusal::new(Reason::NoLocalFix, detail.to_string()).with_steps(STEPS));
    if !matches!(flow.call.callee.as_str(), "eval" | "builtins.eval") {
        return no("untrusted text runs as a program");
    }
    let args = px.args(flow.call.span);
    if args.len() != 1 || args.iter().any(|a| a.unpacked) {
        return Err(Refusal::new(Reason::DecisionNeeded, "the expression is evaluated with names of the program")
            .with_steps(STEPS));
    }
    let whole = flow.shapes.iter().all(|s| matches!(operands::flat(s).as_slice(), [Frag::Hole(_)]));
    if !whole {
        return no("the untrusted text is a part of an expression of the program");
    }
    let used = flow.call.result_used;
    if !used {
        return no("the expression is evaluated for its effect");
    }
    let Some(callee) = px.callee(flow.call.span) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the call is not found in the text"));
    };
    let mut edits: Vec<Edit> = Vec::new();
    let ast = px.bring("ast", flow.call.span, &mut edits)?;
    px.replace_expr(callee, &format!("{ast}.literal_eval"), &mut edits)?;
    let mut assurance = Assurance::start(Tier::Observable);
    assurance.lower(
        Tier::Observable,
        "only literals (text, numbers, lists, dictionaries, True, None) are read; operations are refused",
    );
    Ok(Fix { title: "Read the value as a literal instead of running it".into(), edits, assurance, needs: Vec::new() })
}
