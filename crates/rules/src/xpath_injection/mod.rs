//! `xpath-injection`: XPath injection.

mod java;
mod python;

use crate::shapes::{self, HOLE, Inside, Text, no};
use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_dialect::{Dialect, HoleContext, Label};
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "xpath-injection",
    title: "XPath injection",
    cwe: &[643],
    severity: Severity::High,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::AttackOnly,
    page: include_str!("../../../../docs/rules/xpath-injection.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    flows::report(cx, &META, &[Kind::XPath], flows::any, out);
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(flow) = found.flow.as_deref() else {
        return no(Reason::ShapeUnknown, "the way of the value is not known");
    };
    match cx.detect.lang(found.file) {
        Lang::Java => java::fix(cx, found, flow),
        Lang::Python => python::fix(cx, found, flow),
    }
}

fn is_value(c: &HoleContext) -> bool {
    matches!(c.label, Label::XPathSingle | Label::XPathDouble)
}

/// The strings of the one way in which the expression is built that hold untrusted text, as places for a variable each.
fn strings(text: &Text, inside: &Inside) -> Result<Vec<shapes::Hole>, Refusal> {
    if text.branches() {
        return no(Reason::AlternativesConflict, "the expression is built under conditions");
    }
    let Some(way) = text.ways.first() else { return no(Reason::ShapeUnknown, "the expression is not known") };
    let mut out = Vec::new();
    for (piece, c) in text.contexts(Dialect::XPath, way) {
        let seen = inside.seen.iter().find(|(p, _)| *p == piece);
        let tainted = !inside.known || seen.is_some_and(|(_, s)| s.iter().any(|t| t.contains(HOLE)));
        if !tainted {
            continue;
        }
        if !is_value(&c) {
            return no(Reason::ContextUnsafe, "the value does not stand inside quotes: it is a part of the expression itself")
                .map_err(|r: Refusal| r.with_steps("Give the value as a variable of the expression ($name), converted to the type that the comparison needs."));
        }
        let quote = if c.label == Label::XPathSingle { '\'' } else { '"' };
        let at = way.iter().position(|p| *p == piece).unwrap_or(0);
        let run = |list: &mut dyn Iterator<Item = &usize>| -> Vec<String> {
            list.map_while(|p| text.lit(*p)).map(str::to_string).collect()
        };
        let mut before = run(&mut way.get(..at).unwrap_or_default().iter().rev());
        before.reverse();
        let (before, after) = (before.concat(), run(&mut way.get(at + 1..).unwrap_or_default().iter()).concat());
        let opened = before.rfind(quote);
        let closed = after.find(quote);
        let (Some(o), Some(e)) = (opened, closed) else {
            return no(Reason::NoRecipe, "several values stand in one string of the expression");
        };
        out.push(shapes::Hole {
            piece,
            group: out.len(),
            cut_before: before.len() - o,
            cut_after: e + 1,
            prefix: before.get(o + 1..).unwrap_or("").to_string(),
            suffix: after.get(..e).unwrap_or("").to_string(),
            quoted: true,
        });
    }
    if out.is_empty() {
        return no(Reason::ShapeUnknown, "no value of the expression can be told apart as untrusted");
    }
    Ok(out)
}

/// A fresh variable name for each string: the value's own name where it is one.
fn names(text: &Text, source: &str, holes: &[shapes::Hole], own: &dyn Fn(usize) -> String) -> Vec<String> {
    let constant: String = (0..text.pieces.len()).filter_map(|p| text.lit(p)).collect();
    let mut out: Vec<String> = Vec::new();
    for h in holes {
        let base = own(h.piece);
        let taken = |n: &str, out: &[String]| out.iter().any(|o| o == n) || constant.contains(&format!("${n}"));
        let mut name = base.clone();
        let mut k = 2;
        while taken(&name, &out) {
            name = format!("{base}{k}");
            k += 1;
        }
        out.push(name);
    }
    let _ = source;
    out
}
