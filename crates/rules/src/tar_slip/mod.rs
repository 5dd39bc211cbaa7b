//! `tar-slip`: archive extraction outside the target directory.

use crate::guards::Draft;
use crate::{DetectCx, FixCx, Found, Rule, RuleMeta, Severity, flows};
use ruff_python_ast::AnyNodeRef;
use surefix_dataflow::{ArgFact, CallFact, ConstVal};
use surefix_ir::{Lang, Op};
use surefix_rewrite::PyCx;
use surefix_syntax::python::span_of;
use surefix_text::{FileId, Fix, Reason, Refusal, Tier};

/// Facts about the class.
pub const META: RuleMeta = RuleMeta {
    id: "tar-slip",
    title: "Archive extraction outside the target directory",
    cwe: &[22],
    severity: Severity::High,
    langs: &[Lang::Python],
    best_tier: Tier::AttackOnly,
    page: include_str!("../../../../docs/rules/tar-slip.md"),
};

/// The class.
pub const RULE: Rule = Rule { meta: META, detect, fix };

fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for call in flows::watched(cx, &META) {
        let path = &cx.program.paths[call.file as usize];
        // From 3.14 on the safe filter is the default.
        if cx.project.python_min(path) >= (3, 14) || !is_open(cx, call) || for_old_interpreters(cx, call) {
            continue;
        }
        let name = flows::short(&call.callee);
        let message = format!("{name} writes members of the archive wherever their names say");
        out.push(flows::from_call(&META, call, "filter", message, ""));
    }
}

/// No filter, no list of members, and the archive is known to be a tar archive.
fn is_open(cx: &DetectCx<'_>, call: &CallFact) -> bool {
    if call.args.iter().any(|a| matches!(a.keyword.as_str(), "filter" | "members") || a.spread != 0) {
        return false;
    }
    match call.callee.as_str() {
        "tarfile.TarFile.extractall" => {
            call.args.iter().filter(|a| a.keyword.is_empty()).count() < 2 && !has_filter(cx, call)
        }
        "tarfile.TarFile.extract" => !has_filter(cx, call),
        "shutil.unpack_archive" => {
            // Formats of zip files take no filter.
            let named = |a: &ArgFact| {
                a.consts
                    .as_ref()
                    .is_some_and(|c| !c.is_empty() && c.iter().all(|c| matches!(c, ConstVal::Str(s) if is_tar(s))))
            };
            let format =
                call.args.iter().enumerate().find(|(i, a)| a.keyword == "format" || (a.keyword.is_empty() && *i == 2));
            match format {
                Some((_, a)) => named(a),
                None => call.args.first().is_some_and(named),
            }
        }
        _ => false,
    }
}

fn is_tar(name: &str) -> bool {
    ["tar", "gztar", "bztar", "xztar"].contains(&name)
        || [".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"].iter().any(|e| name.ends_with(e))
}

/// The call stands for interpreters without filters: another one in the function gives a filter, and a test or a handler decides
/// between them. Nothing more can be done there.
fn for_old_interpreters(cx: &DetectCx<'_>, call: &CallFact) -> bool {
    let file = FileId(call.file);
    let py = PyCx::new(file, cx.text(file), cx.module(file));
    let around = py.path_to(call.span).into_iter().rev();
    let tests = ["data_filter", "tar_filter", "version_info", "extraction_filter"];
    let asks = |code: &str| tests.iter().any(|t| code.contains(t));
    for n in around {
        match n {
            AnyNodeRef::StmtFunctionDef(_) => return false,
            AnyNodeRef::StmtIf(s) if asks(py.expr_text(span_of(&*s.test))) => {
                return py.expr_text(span_of(s)).contains("filter=");
            }
            AnyNodeRef::StmtTry(t) => {
                let tried = t.body.iter().any(|b| py.expr_text(span_of(b)).contains("filter="));
                let handled = t.handlers.iter().any(|h| span_of(h).contains(call.span));
                if tried && handled {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// The function sets `extraction_filter` on some archive.
fn has_filter(cx: &DetectCx<'_>, call: &CallFact) -> bool {
    let module = cx.module(FileId(call.file));
    let Some(func) = module.functions.get(call.func as usize) else { return false };
    func.instrs
        .iter()
        .any(|i| matches!(&i.op, Op::StoreField(_, name, _) if module.strings.get(*name) == "extraction_filter"))
}

fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(call) = found.call() else { return Err(Refusal::new(Reason::ShapeUnknown, "the call is not known")) };
    let py = cx.python(found.file);
    py.no_error_at(found.span)?;
    let mut draft = Draft::default();
    let quote = py.string_literal("data");
    let why = "members outside the directory, links out of it, devices and unusual modes are refused or reset";
    if cx.detect.project.python_min(cx.path(found.file)) >= (3, 12) {
        py.set_keyword(call.span, "filter", &quote, &mut draft.edits)?;
        return Ok(draft.done("Extract with the data filter", Tier::AttackOnly, why));
    }
    // Interpreters without filters leave the attribute alone.
    let receiver = py.receiver(call.span).filter(|r| py.is_simple_pure(*r) && call.callee.starts_with("tarfile."));
    let Some(receiver) = receiver else {
        let why = "the project supports versions of Python whose call has no filter argument";
        return Err(Refusal::new(Reason::LanguageLevel, why).with_steps(STEPS));
    };
    let stmt = py.hoist_point(call.span)?;
    let module = draft.python_module(&py, "tarfile", stmt)?;
    let line = format!("{}.extraction_filter = getattr({module}, {quote}, None)", receiver.of(py.text))
        .replace("\"data\"", "\"data_filter\"")
        .replace("'data'", "'data_filter'");
    py.insert_before_stmt(stmt, &[&line], &mut draft.edits)?;
    Ok(draft.done("Extract with the data filter", Tier::AttackOnly, why))
}

/// What a person does where no filter can be given.
const STEPS: &str = "Require Python 3.12 (or 3.8.17, 3.9.17, 3.10.12, 3.11.4, which have the filters too) and pass `filter=\"data\"`, \
    or check every member's name before it is extracted.";
