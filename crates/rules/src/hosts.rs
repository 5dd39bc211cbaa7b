//! The check of an address against the hosts that the project's owner allows, for every class in which a caller chooses a host.

use crate::guards::{Draft, Spot, java_guard, java_swallowed, python_guard, python_leave, python_swallowed};
use crate::origins::Origins;
use crate::{DetectCx, FixCx, Found};
use surefix_dataflow::Flow;
use surefix_ir::{Callee, Lang, Op, ValueId};
use surefix_text::{Fix, Reason, Refusal, Span, Tier};

const MESSAGE: &str = "host is not allowed";

/// Inserts the check when the owner has decided (`allowed-hosts`); abstains with `steps` otherwise.
pub(crate) fn fix(cx: &FixCx<'_>, found: &Found, steps: &'static str) -> Result<Fix, Refusal> {
    let hosts = cx.decisions.get(found.rule, "allowed-hosts");
    let Some(flow) = &found.flow else { return Err(Refusal::new(Reason::ShapeUnknown, "the finding has no flow")) };
    if hosts.is_empty() {
        let why = "the caller chooses the host, and only the owner of the project knows which hosts are meant";
        return Err(Refusal::new(Reason::DecisionNeeded, why).with_steps(steps));
    }
    let Some(arg) = address(cx.detect, flow) else {
        return Err(Refusal::new(Reason::NoRecipe, "the address is not an argument of the call").with_steps(steps));
    };
    match cx.detect.lang(found.file) {
        Lang::Java => java(cx, found, arg.1, hosts),
        Lang::Python => python(cx, found, arg.1, hosts),
    }
}

/// The text behind the address: through `new URL(x)`, `URI.create(x)` and what turns one into the other.
pub(crate) fn address(cx: &DetectCx<'_>, flow: &Flow) -> Option<(ValueId, Span)> {
    let origins = Origins::of_sink(cx, flow)?;
    let (mut value, mut span) = origins.sink_value(flow)?;
    for _ in 0..8 {
        let Some(Op::Call(c)) = origins.op(origins.behind(value)) else { break };
        match (&c.callee, c.args.as_slice()) {
            (Callee::New { .. }, [one]) => (value, span) = (one.value, one.span),
            (Callee::Method { name, .. }, [one]) if origins.module.strings.get(*name) == "create" => {
                (value, span) = (one.value, one.span);
            }
            (Callee::Method { recv, name }, []) if matches!(origins.module.strings.get(*name), "toURL" | "toURI") => {
                (value, span) = (*recv, origins.span(*recv));
            }
            _ => break,
        }
    }
    Some((value, span))
}

fn not_a_variable<T>() -> Result<T, Refusal> {
    Err(Refusal::new(Reason::NoRecipe, "the address is no variable of type String, so a check would evaluate it twice"))
}

fn java(cx: &FixCx<'_>, found: &Found, arg: Span, hosts: &[String]) -> Result<Fix, Refusal> {
    let java = cx.java(found.file);
    let name = arg.of(java.text);
    let text = java.uses(name, arg).filter(|u| matches!(java.type_text(u), Some("String" | "java.lang.String")));
    if text.is_none() {
        return not_a_variable();
    }
    let before = java.hoist_point(arg)?;
    if java_swallowed(&java, before, found.span) {
        return Err(Refusal::new(
            Reason::ControlFlow,
            "an exception thrown in front of the call would be caught before it",
        ));
    }
    let mut draft = Draft::default();
    let list: Vec<String> = hosts.iter().map(|h| java.string_literal(h)).collect();
    let arrays = draft.java_type(&java, "java.util.Arrays")?;
    let uri = draft.java_type(&java, "java.net.URI")?;
    let condition = format!("!{arrays}.asList({}).contains({uri}.create({name}).getHost())", list.join(", "));
    let exceptions = ["java.io.IOException", "java.lang.IllegalArgumentException"];
    java_guard(&java, Spot::Before(before), &condition, ".contains(", &exceptions, MESSAGE, &mut draft)?;
    Ok(draft.done("Allow only the configured hosts", Tier::Decision, "the allowed hosts come from the configuration"))
}

fn python(cx: &FixCx<'_>, found: &Found, arg: Span, hosts: &[String]) -> Result<Fix, Refusal> {
    let py = cx.python(found.file);
    if !py.expr_at(arg).is_some_and(|e| e.is_name_expr()) {
        return not_a_variable();
    }
    let name = arg.of(py.text);
    let before = py.hoist_point(arg)?;
    if python_swallowed(&py, before, found.span)? {
        return Err(Refusal::new(
            Reason::ControlFlow,
            "an exception thrown in front of the call would be caught before it",
        ));
    }
    let mut draft = Draft::default();
    let list: Vec<String> = hosts.iter().map(|h| py.string_literal(h)).collect();
    let split = draft.python_name(&py, "urllib.parse", "urlsplit", before)?;
    let condition = format!("{split}({name}).hostname not in {{{}}}", list.join(", "));
    let leave = python_leave(&py, before, MESSAGE, &mut draft)?;
    python_guard(&py, Spot::Before(before), &condition, &leave, &mut draft)?;
    Ok(draft.done("Allow only the configured hosts", Tier::Decision, "the allowed hosts come from the configuration"))
}
