//! Python: ldap3 and python-ldap have escapes for filters and for names.

use super::{Spot, is_value, values};
use crate::shapes::{self, Action, no, python, python_render};
use crate::{FixCx, Found};
use surefix_dataflow::Flow;
use surefix_dialect::Dialect;
use surefix_text::{Assurance, Fix, Reason, Refusal, Tier};

/// The fix of an LDAP call.
pub(crate) fn fix(cx: &FixCx<'_>, found: &Found, flow: &Flow) -> Result<Fix, Refusal> {
    let p = cx.python(found.file);
    let Some(arg) = flow.arg.and_then(|i| p.args(flow.call.span).get(i).map(|a| a.value)) else {
        return no(Reason::ShapeUnknown, "the filter does not reach the call as an argument");
    };
    let stmt = p.stmt_of(flow.call.span).unwrap_or(flow.call.stmt);
    let text = python::text(&p, Dialect::Ldap, arg, stmt, &is_value)?;
    let inside = shapes::inside(&text, flow)?;
    let (values, mut actions) = values(&text, &inside)?;
    let mut edits = Vec::new();
    let ldap3 = flow.call.callee.starts_with("ldap3.");
    for (piece, spot) in values {
        let Some(expr) = text.expr(piece) else { continue };
        let (module, name) = match (ldap3, spot) {
            (true, Spot::Filter) => ("ldap3.utils.conv", "escape_filter_chars"),
            (true, Spot::Name) => ("ldap3.utils.dn", "escape_rdn"),
            (false, Spot::Filter) => ("ldap.filter", "escape_filter_chars"),
            (false, Spot::Name) => ("ldap.dn", "escape_dn_chars"),
        };
        let function = p.bring_from(module, name, expr, &mut edits)?;
        let value = expr.of(p.text);
        // A missing value went in as the text None, and still does.
        let value =
            if shapes::python_value::may_be_none(&p, expr) { format!("str({value})") } else { value.to_string() };
        if let Some(a) = actions.get_mut(piece) {
            *a = Action::Code(format!("{function}({value})"));
        }
    }
    python_render::render(&p, &text, &actions, &mut edits)?;
    let title = "Escape the value for LDAP".to_string();
    Ok(Fix { title, edits, assurance: Assurance::start(Tier::AttackOnly), needs: Vec::new() })
}
