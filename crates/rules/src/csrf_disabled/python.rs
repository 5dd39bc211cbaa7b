//! Django's `@csrf_exempt` and Flask-WTF's `WTF_CSRF_ENABLED`.

use super::{META, message};
use crate::settings::{self, Home};
use crate::{Confidence, DetectCx, Found, flows};
use std::collections::BTreeSet;
use surefix_ir::{Const, Lang};
use surefix_text::{FileId, Span};

/// Words of names of views that other systems call.
const FOR_SYSTEMS: &[&str] =
    &["webhook", "hook", "callback", "api", "notify", "ipn", "stripe", "github", "graphql", "rpc", "health"];

pub(super) fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for s in settings::all(cx, &|n| matches!(n, "WTF_CSRF_ENABLED" | "WTF_CSRF_CHECK_DEFAULT")) {
        if *s.value == Const::Bool(false) && s.home != Home::Module && !settings::is_for_development(cx, &s) {
            out.push(flows::from_place(
                &META,
                s.file,
                s.value_span,
                "csrf",
                s.name,
                message("the application"),
                "flask",
            ));
        }
    }
    for (i, module) in cx.program.modules.iter().enumerate().filter(|(_, m)| m.lang == Lang::Python) {
        let from_django =
            module.imports.iter().any(|i| module.strings.get(i.path).starts_with("django.views.decorators.csrf"));
        if !from_django {
            continue;
        }
        let file = FileId(u32::try_from(i).unwrap_or(u32::MAX));
        let on_functions = module.functions.iter().flat_map(|f| f.annotations.iter().map(move |a| (a, f.span)));
        let on_classes = module.classes.iter().flat_map(|c| c.annotations.iter().map(move |a| (a, c.span)));
        for (a, around) in on_functions.chain(on_classes) {
            if module.strings.get(a.name).rsplit('.').next() == Some("csrf_exempt") {
                let mut f = flows::from_place(
                    &META,
                    file,
                    a.span,
                    "exempt",
                    "django.views.decorators.csrf.csrf_exempt",
                    message("this view"),
                    "exempt",
                );
                f.confidence = confidence(cx, file.0, around);
                out.push(f);
            }
        }
    }
}

/// Views for other systems are right to be exempt: low where the code around says that this is one, and where nothing shows that the
/// view knows the user by what browsers send on their own (the session, a cookie).
pub(super) fn confidence(cx: &DetectCx<'_>, file: u32, around: Span) -> Confidence {
    let text = around.of(cx.text(FileId(file)));
    let head: String = text.lines().take(12).collect::<Vec<_>>().join("\n").to_ascii_lowercase();
    let signed = text.contains("compare_digest")
        || text.contains("HTTP_AUTHORIZATION")
        || text.to_ascii_lowercase().contains("signature");
    let for_systems = signed || FOR_SYSTEMS.iter().any(|w| head.contains(w));
    if for_systems || !knows_user(cx, FileId(file), around) { Confidence::Low } else { Confidence::Medium }
}

/// What code says that recognises the user by the session or by a cookie, or that demands a login.
const SESSION: &[&str] = &[
    "request.user",
    "request.session",
    "request.COOKIES",
    "request.cookies",
    "current_user",
    "session[",
    "session.get(",
    "login_required",
    "LoginRequired",
    "permission_required",
    "PermissionRequired",
    "user_passes_test",
    "UserPassesTest",
    "staff_member_required",
];

/// True when the view, a decorator of it or a function of the project that it names (and so on) reads the session.
fn knows_user(cx: &DetectCx<'_>, file: FileId, around: Span) -> bool {
    let mut seen: BTreeSet<(FileId, Span)> = BTreeSet::new();
    let mut work = vec![(file, around)];
    while let Some((file, span)) = work.pop() {
        if !seen.insert((file, span)) || seen.len() > 64 {
            continue;
        }
        let text = span.of(cx.text(file));
        if SESSION.iter().any(|w| text.contains(w)) {
            return true;
        }
        let names: BTreeSet<&str> = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
        for (i, m) in cx.program.modules.iter().enumerate().filter(|(_, m)| m.lang == Lang::Python) {
            let other = FileId(u32::try_from(i).unwrap_or(u32::MAX));
            let imports = |name: &str| {
                let module = cx.module(file);
                module.imports.iter().any(|im| module.strings.get(im.path).rsplit('.').next() == Some(name))
            };
            for f in m.functions.iter().filter(|f| f.owner.is_none() && !f.blocks.is_empty()) {
                let name = m.strings.get(f.name);
                if names.contains(name) && (other == file || imports(name)) {
                    work.push((other, f.span));
                }
            }
        }
    }
    false
}
