//! `ldap-injection`: LDAP injection.

mod java;
mod python;

use crate::shapes::{Action, HOLE, Inside, Text, no};
use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use surefix_dialect::{Dialect, HoleContext, Label};
use surefix_ir::Lang;
use surefix_models::Kind;
use surefix_text::{Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "ldap-injection",
    title: "LDAP injection",
    cwe: &[90],
    severity: Severity::High,
    langs: &[Lang::Java, Lang::Python],
    best_tier: Tier::AttackOnly,
    page: include_str!("../../../../docs/rules/ldap-injection.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    flows::report(cx, &META, &[Kind::Ldap], flows::any, out);
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

/// The place of a value that can be escaped there: in a filter, or in a distinguished name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spot {
    Filter,
    Name,
}

fn spot(c: &HoleContext) -> Option<Spot> {
    match c.label {
        Label::LdapValue => Some(Spot::Filter),
        Label::LdapDn if !c.breaks.any => Some(Spot::Name),
        _ => None,
    }
}

fn is_value(c: &HoleContext) -> bool {
    spot(c).is_some()
}

/// Untrusted values with their spots, and an action for each piece.
type Values = (Vec<(usize, Spot)>, Vec<Action>);

/// The untrusted values of the text with their spots, in order, and actions that keep everything.
fn values(text: &Text, inside: &Inside) -> Result<Values, Refusal> {
    let mut out: Vec<(usize, Spot)> = Vec::new();
    for way in &text.ways {
        for (piece, context) in text.contexts(Dialect::Ldap, way) {
            let seen = inside.seen.iter().find(|(p, _)| *p == piece);
            let tainted = !inside.known || seen.is_some_and(|(_, s)| s.iter().any(|t| t.contains(HOLE)));
            if !tainted {
                continue;
            }
            let Some(spot) = spot(&context) else {
                return no(
                    Reason::ContextUnsafe,
                    "the value is not an assertion value or a part of a name: it decides the structure of the filter",
                )
                .map_err(|r: Refusal| {
                    r.with_steps("Build the filter from constant parts and put the value only behind an attribute's =.")
                });
            };
            match out.iter().find(|(p, _)| *p == piece) {
                Some((_, s)) if *s != spot => {
                    return no(Reason::AlternativesConflict, "a value stands in different places on different ways");
                }
                Some(_) => {}
                None => out.push((piece, spot)),
            }
        }
    }
    if out.is_empty() {
        return no(Reason::ShapeUnknown, "no value of the filter can be told apart as untrusted");
    }
    Ok((out, vec![Action::Keep; text.pieces.len()]))
}
