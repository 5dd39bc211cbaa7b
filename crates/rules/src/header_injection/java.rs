//! Java: take line breaks out of header values, null kept null.

use crate::encoders;
use crate::operands;
use crate::syntaxes::{JavaText, java_operands};
use crate::{FixCx, Found};
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Tier};

/// Plans the fix.
pub fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(flow) = &found.flow else {
        return Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"));
    };
    let syntax = JavaText::new(cx);
    let jx = syntax.file(found.file);
    jx.no_error_at(flow.call.span)?;
    let Some(arg) = flow.arg.and_then(|i| jx.args(flow.call.args_span).get(i).copied()) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the header's value is no argument of the call"));
    };
    let mut edits: Vec<Edit> = Vec::new();
    for site in operands::sites(cx, &syntax, flow, arg, |c| c == '\r' || c == '\n')? {
        let jx = syntax.file(site.file);
        let operand = encoders::java_operand(&jx, site.span, site.ty.as_deref());
        let strip = |text: &str| format!("{text}.replaceAll(\"[\\\\r\\\\n]\", \"\")");
        let whole = site.span == arg && java_operands(&jx, arg).len() == 1;
        let new = match (operand.string, operand.present) {
            (true, true) => strip(&jx.as_primary(&operand.text)),
            // In a concatenation null reads "null" before and after.
            _ if !whole => strip(&format!("String.valueOf({})", operand.text)),
            (true, false) if jx.is_simple_pure(site.span) => {
                format!("{0} == null ? null : {1}", operand.text, strip(&operand.text))
            }
            (true, false) => {
                let stmt = jx.hoist_point(site.span)?;
                if !jx.first_effect(stmt, site.span) {
                    return Err(Refusal::new(
                        Reason::SideEffect,
                        "the value is computed after another call of the same statement",
                    ));
                }
                let name = jx.fresh_name("value", site.span, &edits);
                jx.declare_before(stmt, "String", &name, &operand.text, &mut edits)?;
                format!("{name} == null ? null : {}", strip(&name))
            }
            _ => return Err(Refusal::new(Reason::TypeUnknown, "the header's value is not known to be a text")),
        };
        jx.replace_expr(site.span, &new, &mut edits)?;
    }
    let assurance = Assurance::start(Tier::AttackOnly);
    Ok(Fix { title: "Take line breaks out of the header".into(), edits, assurance, needs: Vec::new() })
}
