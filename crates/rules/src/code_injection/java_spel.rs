//! Java: expressions of the Spring Expression Language are evaluated with data binding only.

use crate::{DetectCx, FixCx, Found};
use surefix_ir::Lang;
use surefix_rewrite::JavaCx;
use surefix_syntax::java;
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Span, Tier};

const STEPS: &str = "1. Decide what the text may be: a number, a name, a choice.\n\
    2. Read it as that, or look it up in a map of allowed values.\n\
    3. Where users must write expressions, use a language without access to classes.";
const SIMPLE: &str = "SimpleEvaluationContext";

fn is_spel(found: &Found) -> bool {
    found.call().is_some_and(|c| c.callee.starts_with("org.springframework.expression."))
}

/// The calls that evaluate the expression parsed at `parse`, when all of them are seen.
fn evaluations(jx: &JavaCx<'_>, parse: Span) -> Option<Vec<Span>> {
    let names = ["getValue", "setValue", "getValueType"];
    let node = jx.node_at(parse)?;
    let mut at = node;
    while let Some(p) = at.parent().filter(|p| p.kind() == "parenthesized_expression") {
        at = p;
    }
    let evaluation = |object: tree_sitter::Node<'_>| {
        let p = object
            .parent()
            .filter(|p| p.kind() == "method_invocation" && p.child_by_field_name("object") == Some(object))?;
        let name = p.child_by_field_name("name").map_or("", |n| jx.node_text(n));
        names.contains(&name).then(|| java::span_of(p))
    };
    if let Some(call) = evaluation(at) {
        return Some(vec![call]);
    }
    let declarator = at.parent().filter(|p| p.kind() == "variable_declarator")?;
    let name = declarator.child_by_field_name("name")?;
    let uses = jx.uses(jx.node_text(name), java::span_of(name))?;
    if !uses.writes.is_empty() || uses.captured {
        return None;
    }
    uses.reads.iter().map(|r| jx.node_at(*r).and_then(evaluation)).collect()
}

/// What the first argument of an evaluation is.
enum Context {
    /// No context is given; the argument list can take one in front.
    Absent,
    /// A restricted one.
    Simple,
    /// A full one, created at this expression.
    Full(Span),
    Unknown,
}

fn context(jx: &JavaCx<'_>, evaluation: Span) -> Context {
    let args = jx.args(evaluation);
    let Some(first) = args.first() else { return Context::Absent };
    let text = first.of(jx.text);
    if text.contains(SIMPLE) {
        return Context::Simple;
    }
    if text.ends_with(".class") {
        return Context::Absent;
    }
    let Some(node) = jx.node_at(*first) else { return Context::Unknown };
    match node.kind() {
        "object_creation_expression" if text.contains("StandardEvaluationContext") => Context::Full(*first),
        "identifier" => {
            let Some(uses) = jx.uses(text, *first) else { return Context::Unknown };
            let ty = jx.type_text(&uses).unwrap_or("");
            let init = uses.init.map(|i| i.of(jx.text)).unwrap_or("");
            if ty.ends_with(SIMPLE) || init.contains(SIMPLE) {
                return Context::Simple;
            }
            if ty.ends_with("EvaluationContext") {
                return match uses.init.filter(|i| uses.writes.is_empty() && i.of(jx.text).starts_with("new ")) {
                    Some(init) => Context::Full(init),
                    None => Context::Unknown,
                };
            }
            Context::Absent
        }
        "this" => Context::Absent,
        _ => Context::Unknown,
    }
}

/// True when every evaluation of the parsed expression uses a context without access to types.
pub fn is_restricted(cx: &DetectCx<'_>, found: &Found) -> bool {
    if cx.lang(found.file) != Lang::Java || !is_spel(found) {
        return false;
    }
    let jx = JavaCx::new(found.file, cx.text(found.file), cx.module(found.file));
    evaluations(&jx, found.span).is_some_and(|e| e.iter().all(|s| matches!(context(&jx, *s), Context::Simple)))
}

/// Plans the fix.
pub fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    if !is_spel(found) {
        return Err(Refusal::new(Reason::NoLocalFix, "untrusted text runs as a program").with_steps(STEPS));
    }
    let jx = cx.java(found.file);
    jx.no_error_at(found.span)?;
    let unknown =
        || Refusal::new(Reason::ShapeUnknown, "not every evaluation of the expression is seen").with_steps(STEPS);
    let calls = evaluations(&jx, found.span).filter(|c| !c.is_empty()).ok_or_else(unknown)?;
    let mut edits: Vec<Edit> = Vec::new();
    let simple = jx.bring_type("org.springframework.expression.spel.support.SimpleEvaluationContext", &mut edits)?;
    let builder = format!("{simple}.forReadOnlyDataBinding()");
    let mut done: Vec<Span> = Vec::new();
    for call in calls {
        if jx.call_name(call).is_some_and(|n| n.of(jx.text) == "setValue") {
            return Err(Refusal::new(Reason::NoLocalFix, "the expression names what is written").with_steps(STEPS));
        }
        match context(&jx, call) {
            Context::Simple => {}
            Context::Absent => jx.insert_arg(call, 0, &format!("{builder}.build()"), &mut edits)?,
            Context::Full(creation) if done.contains(&creation) => {}
            Context::Full(creation) => {
                done.push(creation);
                let args = jx.args(creation);
                let new = match args.as_slice() {
                    [] => format!("{builder}.build()"),
                    [root] => format!("{builder}.withRootObject({}).build()", root.of(jx.text)),
                    _ => return Err(unknown()),
                };
                // A variable of the full type takes the general one.
                let declared =
                    jx.node_at(creation).and_then(|n| n.parent()).filter(|p| p.kind() == "variable_declarator");
                if let Some(name) = declared.and_then(|d| d.child_by_field_name("name")) {
                    let uses = jx.uses(jx.node_text(name), java::span_of(name)).ok_or_else(unknown)?;
                    for read in &uses.reads {
                        let method =
                            jx.node_at(*read).and_then(|n| n.parent()).filter(|p| p.kind() == "method_invocation");
                        let name = method
                            .and_then(|m| {
                                m.child_by_field_name("object")
                                    .is_some_and(|o| java::span_of(o) == *read)
                                    .then(|| m.child_by_field_name("name"))
                            })
                            .flatten();
                        if name.is_some_and(|n| jx.node_text(n) != "setVariable") {
                            return Err(Refusal::new(
                                Reason::NoLocalFix,
                                "the evaluation context is set up with functions, types or accessors",
                            )
                            .with_steps(STEPS));
                        }
                    }
                    if let Some(ty) = uses.type_span.filter(|t| t.of(jx.text).ends_with("StandardEvaluationContext")) {
                        edits.push(Edit::replace(found.file, ty, simple.clone()));
                    }
                }
                jx.replace_expr(creation, &new, &mut edits)?;
            }
            Context::Unknown => return Err(unknown()),
        }
    }
    let mut assurance = Assurance::start(Tier::Observable);
    assurance
        .lower(Tier::Observable, "expressions can read properties only: types, constructors and methods are refused");
    Ok(Fix { title: "Evaluate the expression with data binding only".into(), edits, assurance, needs: Vec::new() })
}
