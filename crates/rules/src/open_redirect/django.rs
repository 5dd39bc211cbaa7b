//! Django: its own check of targets, which knows the host of the request.

use crate::guards::{Draft, Spot, python_guard};
use crate::{FixCx, Found};
use surefix_text::{Fix, Refusal, Tier};

/// The check in front of the redirect, where the target is a variable and the request is at hand.
pub(super) fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Option<Fix>, Refusal> {
    let py = cx.python(found.file);
    let Some(flow) = &found.flow else { return Ok(None) };
    let Some(arg) = flow.arg.and_then(|i| flow.call.args.get(i)) else { return Ok(None) };
    let django = py.module.imports.iter().any(|i| {
        let path = py.module.strings.get(i.path);
        path == "django" || path.starts_with("django.")
    });
    let name = arg.span.of(py.text);
    let variable = py.expr_at(arg.span).is_some_and(|e| e.is_name_expr());
    let request = py.uses("request", arg.span).is_some_and(|u| u.param.is_some() && u.writes.is_empty());
    if !django || !variable || !request {
        return Ok(None);
    }
    let before = py.hoist_point(arg.span)?;
    let mut draft = Draft::default();
    let check = draft.python_name(&py, "django.utils.http", "url_has_allowed_host_and_scheme", before)?;
    let condition =
        format!("not {check}({name}, allowed_hosts={{request.get_host()}}, require_https=request.is_secure())");
    let home = py.string_literal("/");
    python_guard(&py, Spot::Before(before), &condition, &format!("{name} = {home}"), &mut draft)?;
    let why = "targets on other hosts lead to the start page";
    Ok(Some(draft.done("Redirect within the site only", Tier::AttackOnly, why)))
}
