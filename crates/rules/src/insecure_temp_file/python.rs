//! Python: `mkstemp`, which creates the file that it names.

use crate::guards::{Draft, python_target};
use crate::{FixCx, Found};
use surefix_dataflow::CallFact;
use surefix_text::{Edit, Fix, Reason, Refusal, Tier};

/// Plans the fix.
pub(super) fn fix(cx: &FixCx<'_>, found: &Found, call: &CallFact) -> Result<Fix, Refusal> {
    let py = cx.python(found.file);
    py.no_error_at(call.span)?;
    let Some((name, stmt)) = python_target(&py, call.span) else {
        return Err(Refusal::new(Reason::NoRecipe, "the name is not put into a variable by a statement of its own")
            .with_steps(STEPS));
    };
    // Something that must not exist yet, or no file at all.
    if let Some(uses) = py.uses(name, call.span) {
        let rest: Vec<&str> = uses.reads.iter().filter_map(|r| line(py.text, r.lo)).collect();
        let other = [
            "mkdir", "makedirs", "mkfifo", "bind(", "symlink", "os.link", "copytree", "O_EXCL", "\"x\"", "'x'",
            "return ",
        ];
        if rest.iter().any(|l| other.iter().any(|o| l.contains(o))) {
            let why = "the name is used for something that must not exist yet";
            return Err(Refusal::new(Reason::NoLocalFix, why).with_steps(STEPS));
        }
    }
    let Some(callee) = py.callee(call.span) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the call is not known"));
    };
    let mut draft = Draft::default();
    let new = match callee.of(py.text).strip_suffix("mktemp") {
        Some(module) if !module.is_empty() => format!("{module}mkstemp"),
        _ => draft.python_name(&py, "tempfile", "mkstemp", call.span)?,
    };
    let os = draft.python_module(&py, "os", stmt)?;
    let fd = py.fresh_name("fd", &draft.edits);
    draft.edits.push(Edit::insert(py.file, stmt.lo, format!("{fd}, ")));
    draft.edits.push(Edit::replace(py.file, callee, new));
    py.insert_after_stmt(stmt, &[&format!("{os}.close({fd})")], &mut draft.edits)?;
    let why = "the file exists from the start and belongs to its owner alone";
    Ok(draft.done("Create the temporary file with its name", Tier::AttackOnly, why))
}

fn line(text: &str, at: u32) -> Option<&str> {
    let (head, tail) = text.split_at_checked(at as usize)?;
    let lo = head.rfind('\n').map_or(0, |i| i + 1);
    let hi = tail.find('\n').map_or(text.len(), |i| at as usize + i);
    text.get(lo..hi)
}

/// What a person does where the name is used otherwise.
const STEPS: &str = "Make a directory with `tempfile.mkdtemp()` (or `TemporaryDirectory`) and put the file, socket or FIFO into it, or \
    open the file at once with `NamedTemporaryFile`.";
