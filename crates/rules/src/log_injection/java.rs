//! Java: take line breaks out of what is logged.

use crate::encoders;
use crate::operands;
use crate::syntaxes::JavaText;
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
    let fact = flow.arg.and_then(|i| flow.call.args.get(i));
    let arg = flow.arg.and_then(|i| jx.args(flow.call.args_span).get(i).copied());
    let Some(arg) = arg else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the logged value is no argument of the call"));
    };
    let types = fact.map_or(&[][..], |f| f.types.as_slice());
    let ends = |suffix: &[&str]| types.iter().any(|t| suffix.iter().any(|s| t.ends_with(s)));
    if ends(&["Exception", "Error", "Throwable"]) {
        return Err(Refusal::new(
            Reason::NoRecipe,
            "the logged value is an exception: as text it would lose its stack trace",
        )
        .with_steps(
            "Remove line breaks in the logging configuration's pattern, which covers messages of exceptions too.",
        ));
    }
    if ends(&["[]", "Supplier", "Marker"]) {
        return Err(Refusal::new(Reason::ShapeUnknown, "the logged value is not one text"));
    }
    let mut edits: Vec<Edit> = Vec::new();
    for site in operands::sites(cx, &syntax, flow, arg, |c| c == '\r' || c == '\n')? {
        operands::keeps_breaks(cx, flow, &site)?;
        let jx = syntax.file(site.file);
        let operand = encoders::java_operand(&jx, site.span, site.ty.as_deref());
        let text = match operand.string && operand.present {
            true => jx.as_primary(&operand.text),
            false => format!("String.valueOf({})", operand.text),
        };
        jx.replace_expr(site.span, &format!("{text}.replace('\\n', '_').replace('\\r', '_')"), &mut edits)?;
    }
    jx.wrap_args(flow.call.args_span, &mut edits);
    let assurance = Assurance::start(Tier::AttackOnly);
    Ok(Fix { title: "Take line breaks out of the logged value".into(), edits, assurance, needs: Vec::new() })
}
