//! Java: arguments in a vector, data as parameters of a script, and where neither fits a guard in front of the command.

use super::java_leaves::{Leaf, Leaves};
use super::program::{CLASS, CLASS_TEXT};
use super::{detect, java_argv, java_shell, program_chosen};
use crate::guards::{Draft, Spot, java_guard, java_swallowed};
use crate::origins::Origins;
use crate::{FixCx, Found};
use surefix_dataflow::Flow;
use surefix_ir::{Op, ValueId};
use surefix_models::Kind;
use surefix_rewrite::JavaCx;
use surefix_syntax::java;
use surefix_text::{Fix, Reason, Refusal, Span, Tier};

const EXCEPTIONS: &[&str] = &["java.io.IOException", "java.lang.IllegalArgumentException"];

pub(super) fn no<T>(reason: Reason, detail: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(reason, detail))
}

/// What the recipes of a command look at.
pub(super) struct Command<'c> {
    pub java: &'c JavaCx<'c>,
    pub origins: &'c Origins<'c>,
    pub flow: &'c Flow,
    /// The call.
    pub sink: Span,
    /// The argument: the command line, or the vector. For varargs the first element.
    pub arg: (ValueId, Span),
    /// The elements when the arguments of the call are the vector themselves.
    pub varargs: Option<Vec<(ValueId, Span)>>,
}

/// Plans the fix.
pub(super) fn fix(cx: &FixCx<'_>, found: &Found, flow: &Flow) -> Result<Fix, Refusal> {
    let Some(origins) = Origins::of_sink(cx.detect, flow) else {
        return no(Reason::ShapeUnknown, "the call is not known well enough");
    };
    let Some(arg) = origins.sink_value(flow) else {
        return no(Reason::ShapeUnknown, "the command is not an argument of the call");
    };
    let java = cx.java(origins.file);
    java.no_error_at(found.span)?;
    let call = match origins.op(ValueId(flow.call.value)) {
        Some(Op::Call(c)) => c,
        _ => return no(Reason::ShapeUnknown, "the command is not an argument of a call"),
    };
    let mut leaves = Leaves::new(&java, &origins);
    let spelled = call.args.len() > 1 && flow.call.callee.contains("ProcessBuilder");
    let varargs = spelled.then(|| call.args.iter().map(|a| (a.value, a.span)).collect::<Vec<_>>());
    match &varargs {
        Some(all) => {
            for (i, (v, span)) in all.iter().enumerate() {
                leaves.walk(*v, *span, i, true, 0);
            }
        }
        None => leaves.walk(arg.0, arg.1, 0, true, 0),
    }
    let tainted = leaves.tainted();
    if tainted.is_empty() {
        return no(Reason::ShapeUnknown, "it is not known which part of the command is untrusted");
    }
    let command = Command { java: &java, origins: &origins, flow, sink: found.span, arg, varargs };
    let whole = |l: &Leaf| l.first && (flow.kind == Kind::CmdLine || l.element == 0 || is_script(&command, &leaves, l));
    if tainted.iter().any(whole) || detect::starts_command(flow) {
        return program_chosen();
    }
    let better = if flow.kind == Kind::CmdLine {
        java_argv::fix(&command)
    } else {
        java_shell::fix(&command, &leaves, &tainted)
    };
    match better {
        Ok(fix) => Ok(fix),
        Err(why) if matches!(why.reason, Reason::CommentInside | Reason::ErrorRegion) => Err(why),
        Err(_) => guard(&command, &tainted),
    }
}

/// The leaf stands where a script begins: behind `-c` or `/c`.
fn is_script(command: &Command<'_>, leaves: &Leaves<'_>, leaf: &Leaf) -> bool {
    let vector = match &command.varargs {
        Some(v) => Some(v.clone()),
        None => leaves.vector(command.arg.0).map(|v| v.elements),
    };
    let before = leaf.element.checked_sub(1);
    match vector.and_then(|v| v.get(before?).map(|e| command.origins.text(e.0).map(str::to_string))) {
        Some(Some(text)) => text.ends_with('c') && text.starts_with(['-', '/']),
        // Not known: the place behind the option is the usual one.
        _ => leaf.element == 2,
    }
}

/// Last resort: the untrusted parts may hold only characters that neither a POSIX shell nor `cmd.exe` gives a meaning.
fn guard(command: &Command<'_>, leaves: &[Leaf]) -> Result<Fix, Refusal> {
    let java = command.java;
    let mut draft = Draft::default();
    let mut done: Vec<(String, Span)> = Vec::new();
    for leaf in leaves {
        let text = leaf.span.of(java.text);
        let same: Vec<Span> = leaves.iter().filter(|l| l.span.of(java.text) == text).map(|l| l.span).collect();
        let (name, spot) = match java.uses(text, leaf.span) {
            Some(uses) => {
                if !java.type_text(&uses).is_some_and(|t| matches!(t, "String" | "java.lang.String" | "var")) {
                    return no(Reason::TypeUnknown, format!("`{text}` is not a String"));
                }
                let spot = before_all(java, text, &same, command.sink)?;
                (text.to_string(), spot)
            }
            None => hoisted(java, leaf, &mut draft)?,
        };
        if java_swallowed(java, spot, command.sink) {
            return no(
                Reason::ControlFlow,
                "an exception thrown in front of the command would be caught before it runs",
            );
        }
        if done.contains(&(name.clone(), spot)) {
            continue;
        }
        let condition = format!(
            "{name} != null && (!{name}.matches(\"{CLASS}*\") || {name}.startsWith(\"-\") || {name}.contains(\" -\"))"
        );
        let message = format!("command argument may hold only {CLASS_TEXT} and no option");
        java_guard(java, Spot::Before(spot), &condition, "|| ", EXCEPTIONS, &message, &mut draft)?;
        done.push((name, spot));
    }
    let why = format!("a value with characters other than {CLASS_TEXT}, or with an option, is rejected");
    Ok(draft.done("Reject characters that a shell gives a meaning", Tier::Observable, &why))
}

/// The statement in front of which a check of `name` stands before every use in `uses` and before the command.
fn before_all(java: &JavaCx<'_>, name: &str, uses: &[Span], sink: Span) -> Result<Span, Refusal> {
    let Some(decl) = uses.first().and_then(|u| java.uses(name, *u)) else {
        return no(Reason::ShapeUnknown, "the untrusted variable is not known");
    };
    let first = uses.iter().copied().min_by_key(|s| s.lo).unwrap_or_default();
    let mut node = java.covering(first);
    let mut best = None;
    while let Some(n) = node {
        let parent = n.parent();
        if parent.is_some_and(|p| matches!(p.kind(), "block" | "constructor_body" | "switch_block_statement_group")) {
            let span = java::span_of(n);
            let block = parent.map(java::span_of).unwrap_or_default();
            let holds = |s: &Span| block.contains(*s);
            let visible = decl.scope.contains(Span::point(span.lo)) && !span.contains(decl.name_span);
            // The value must be there already and stay until it is used.
            let steady = !decl.writes.iter().any(|w| w.lo >= span.lo && uses.iter().any(|u| w.lo < u.hi));
            if !visible || !steady {
                break;
            }
            if uses.iter().all(holds) && holds(&sink) {
                best = Some(span);
                break;
            }
        }
        if parent
            .is_some_and(|p| matches!(p.kind(), "lambda_expression" | "method_declaration" | "constructor_declaration"))
        {
            break;
        }
        node = parent;
    }
    match best {
        Some(s) => Ok(s),
        None if uses.len() == 1 => java.hoist_point(first),
        None => no(Reason::ControlFlow, format!("no single place checks `{name}` before every use")),
    }
}

/// Gives a call a variable of its own in front of its statement.
fn hoisted(java: &JavaCx<'_>, leaf: &Leaf, draft: &mut Draft) -> Result<(String, Span), Refusal> {
    let text_call = java.call_span(leaf.span) == Some(leaf.span)
        && java.call_name(leaf.span).is_some_and(|n| {
            let name = n.of(java.text);
            matches!(
                name,
                "getParameter" | "getHeader" | "getQueryString" | "getPathInfo" | "trim" | "toString" | "getValue"
            )
        });
    if !text_call {
        return no(Reason::SideEffect, "the untrusted part is not a variable, and a guard would evaluate it twice");
    }
    let before = java.hoist_point(leaf.span)?;
    if !java.first_effect(before, leaf.span) {
        return no(Reason::SideEffect, "evaluating the untrusted part earlier would change the order of effects");
    }
    let name = java.fresh_name("argument", before, &draft.edits);
    java.declare_before(before, "String", &name, leaf.span.of(java.text), &mut draft.edits)?;
    java.replace_expr(leaf.span, &name, &mut draft.edits)?;
    Ok((name, before))
}
