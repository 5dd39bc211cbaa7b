//! Django: its own check of targets, which knows the host of the request.

use crate::guards::{Draft, Spot, python_guard};
use crate::{FixCx, Found};
use ruff_python_ast::{Expr, ExprCall};
use surefix_rewrite::PyCx;
use surefix_text::{Fix, Reason, Refusal, Span, Tier};

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
    if let Some(maker) = made_by_project(cx, &py, name, arg.span) {
        let why = format!(
            "the address is put together by {maker}, which may lead to another host of the project's own on purpose"
        );
        return Err(Refusal::new(Reason::DecisionNeeded, why).with_steps(super::STEPS));
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

/// The function of the project that gets more than the request and makes what the variable holds.
fn made_by_project(cx: &FixCx<'_>, py: &PyCx<'_>, variable: &str, at: Span) -> Option<String> {
    let uses = py.uses(variable, at)?;
    let values = uses.writes.iter().filter_map(|w| w.value);
    values.filter_map(|v| py.expr_at(v)).find_map(|e| {
        let Expr::Call(ExprCall { func, arguments, .. }) = e else { return None };
        let Expr::Name(maker) = &**func else { return None };
        let request = |e: &Expr| matches!(e, Expr::Name(n) if n.id.as_str() == "request");
        let more = !arguments.args.iter().all(request) || !arguments.keywords.iter().all(|k| request(&k.value));
        (more && of_project(cx, py, &maker.id)).then(|| maker.id.to_string())
    })
}

/// True when the name means a function of the module or of another module of the project.
fn of_project(cx: &FixCx<'_>, py: &PyCx<'_>, name: &str) -> bool {
    let text = |s| py.module.strings.get(s);
    if py.module.functions.iter().any(|f| text(f.name) == name) {
        return true;
    }
    let import = py.module.imports.iter().find(|i| text(i.local) == name);
    import
        .and_then(|i| text(i.path).rsplit_once('.'))
        .is_some_and(|(home, _)| cx.detect.program.modules.iter().any(|m| m.strings.get(m.name) == home))
}
