//! `regex-injection`: regular expression built from untrusted text.

use crate::guards::Draft;
use crate::origins::Origins;
use crate::shapes::{self, Action, PieceKind, Text};
use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use ruff_python_ast::{AnyNodeRef, ExceptHandler};
use surefix_dialect::{Dialect, HoleContext, Label};
use surefix_ir::{Lang, ValueId};
use surefix_models::Kind;
use surefix_rewrite::{JavaCx, PyCx};
use surefix_syntax::python as pytree;
use surefix_text::{Fix, Reason, Refusal, Span, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "regex-injection",
    title: "Regular expression built from untrusted text",
    cwe: &[730, 625, 1333],
    severity: Severity::Medium,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::AttackOnly,
    page: include_str!("../../../../docs/rules/regex-injection.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    flows::report(cx, &META, &[Kind::Regex], flows::any, out);
}

/// What a person does where the meaning of the value is open.
const STEPS: &str = "Where the value is text to look for, quote it (`Pattern.quote`, `re.escape`) or use a search for text (`contains`, `in`). \
    Where users may write expressions, run them with a time limit or on an engine without backtracking (RE2).";

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(flow) = &found.flow else { return Err(Refusal::new(Reason::ShapeUnknown, "the finding has no flow")) };
    let Some(arg) = flow.arg.and_then(|i| flow.call.args.get(i)).map(|a| a.span) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the expression is not an argument of the call"));
    };
    let Some(origins) = Origins::of_sink(cx.detect, flow) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the call is not known well enough"));
    };
    let mut draft = Draft::default();
    match cx.detect.lang(found.file) {
        Lang::Java => {
            let java = cx.java(found.file);
            let Some(stmt) = java.stmt_of(found.span) else { return whole() };
            if expects_errors_java(&java, found.span) {
                return expected();
            }
            let text = shapes::java::text(&java, Dialect::Regex, arg, stmt, &is_part)?;
            let pattern = draft.java_type(&java, "java.util.regex.Pattern")?;
            let quote = |e: Span| format!("{pattern}.quote({})", e.of(java.text));
            let actions = actions(&text, &origins, &quote)?;
            shapes::java_render::render(&java, &text, &actions, &mut draft.edits)?;
        }
        Lang::Python => {
            let py = cx.python(found.file);
            let Some(stmt) = py.stmt_of(found.span) else { return whole() };
            if expects_errors_python(&py, found.span) {
                return expected();
            }
            let text = shapes::python::text(&py, Dialect::Regex, arg, stmt, &is_part)?;
            let re = draft.python_module(&py, "re", found.span)?;
            let quote = |e: Span| format!("{re}.escape({})", e.of(py.text));
            let actions = actions(&text, &origins, &quote)?;
            shapes::python_render::render(&py, &text, &actions, &mut draft.edits)?;
        }
    }
    let why = "signs of the expression's language in the value stand for themselves";
    Ok(draft.done("Take the value literally in the expression", Tier::AttackOnly, why))
}

fn is_part(context: &HoleContext) -> bool {
    context.label == Label::RegexPart
}

/// Nothing stands around the value: it may well be meant as an expression.
fn whole<T>() -> Result<T, Refusal> {
    let why = "the value is the whole expression, and it is not known whether users may write expressions";
    Err(Refusal::new(Reason::DecisionNeeded, why).with_steps(STEPS))
}

/// Whoever catches the error of a malformed expression takes expressions, not text.
fn expected<T>() -> Result<T, Refusal> {
    let why = "the code expects malformed expressions, so users are meant to write expressions";
    Err(Refusal::new(Reason::DecisionNeeded, why).with_steps(STEPS))
}

fn expects_errors_java(java: &JavaCx<'_>, at: Span) -> bool {
    let mut node = java.covering(at);
    while let Some(n) = node {
        let mut cursor = n.walk();
        if n.kind().starts_with("try_")
            && n.children(&mut cursor).any(|c| {
                c.kind() == "catch_clause"
                    && c.named_child(0).is_some_and(|p| java.node_text(p).contains("PatternSyntaxException"))
            })
        {
            return true;
        }
        node = n.parent();
    }
    false
}

fn expects_errors_python(py: &PyCx<'_>, at: Span) -> bool {
    let named = |t: &str| ["re.error", "re.PatternError", "sre_constants.error"].iter().any(|e| t.contains(e));
    py.path_to(at).iter().any(|n| match n {
        AnyNodeRef::StmtTry(t) => t.handlers.iter().any(|h| {
            let ExceptHandler::ExceptHandler(h) = h;
            h.type_.as_deref().is_some_and(|t| named(py.expr_text(pytree::span_of(t))))
        }),
        _ => false,
    })
}

/// Quotes every untrusted part.
fn actions(text: &Text, origins: &Origins<'_>, quote: &dyn Fn(Span) -> String) -> Result<Vec<Action>, Refusal> {
    let mut actions = vec![Action::Keep; text.pieces.len()];
    let [way] = text.ways.as_slice() else {
        return Err(Refusal::new(Reason::AlternativesConflict, "the expression is built in several ways"));
    };
    let values = text.contexts(Dialect::Regex, way);
    let untrusted = |p: usize| {
        text.expr(p).is_some_and(|e| {
            origins
                .func
                .instrs
                .iter()
                .enumerate()
                .any(|(i, instr)| instr.span == e && origins.depends(ValueId(u32::try_from(i).unwrap_or(0))))
        })
    };
    let sure: Vec<usize> = values.iter().map(|v| v.0).filter(|p| untrusted(*p)).collect();
    if sure.is_empty() && values.len() != 1 {
        return Err(Refusal::new(Reason::ShapeUnknown, "it is not known which part of the expression is untrusted"));
    }
    for (p, context) in values.iter().filter(|v| sure.is_empty() || sure.contains(&v.0)) {
        match context.label {
            Label::RegexPart => {}
            Label::RegexWhole => return whole(),
            _ => {
                let why = format!("quoting does not work where the value stands ({})", context.label);
                return Err(Refusal::new(Reason::ContextUnsafe, why).with_steps(STEPS));
            }
        }
        let plain = matches!(text.pieces.get(*p).map(|p| &p.kind), Some(PieceKind::Val { field, .. }) if field.as_ref().is_none_or(|f| f.plain));
        if !plain {
            return Err(Refusal::new(Reason::NoRecipe, "the value is formatted"));
        }
        if let (Some(a), Some(e)) = (actions.get_mut(*p), text.expr(*p)) {
            *a = Action::Code(quote(e));
        }
    }
    Ok(actions)
}
