//! Python: what a logger writes as one line whatever it holds.

use surefix_dataflow::{ArgFact, ConstVal, Flow};
use surefix_rewrite::formats;

/// Types whose text is made of the `repr` of what they hold: line breaks in it are written as escapes.
const ESCAPED: &[&str] = &[
    "bytes",
    "bytearray",
    "dict",
    "list",
    "tuple",
    "set",
    "frozenset",
    "django.http.QueryDict",
    "werkzeug.datastructures.MultiDict",
    "werkzeug.datastructures.ImmutableMultiDict",
];

/// False when the value is written by `repr`, because it is no text or because the template says so (`%r`).
pub(super) fn one_text(flow: &Flow) -> bool {
    if !flow.call.callee.starts_with("logging.") {
        return true;
    }
    let Some(arg) = flow.arg.and_then(|i| flow.call.args.get(i)) else { return true };
    let escaped = !arg.types.is_empty() && arg.types.iter().all(|t| ESCAPED.contains(&t.as_str()));
    !escaped && conversion(flow).is_none_or(|c| !matches!(c.as_str(), "r" | "a"))
}

/// How the logger's template writes the argument of the flow, when both are known.
fn conversion(flow: &Flow) -> Option<String> {
    let at = flow.arg?;
    let args = &flow.call.args;
    if args.iter().take(at + 1).any(|a| a.spread != 0 || !a.keyword.is_empty()) {
        return None;
    }
    let template = template(args.get(usize::from(flow.call.callee.ends_with(".log")))?)?;
    let first = usize::from(flow.call.callee.ends_with(".log")) + 1;
    let fields = formats::percent_fields(template)?;
    if fields.iter().any(|f| !f.name.is_empty() || f.spec.contains('*')) {
        return None;
    }
    Some(fields.get(at.checked_sub(first)?)?.conversion.clone())
}

fn template(arg: &ArgFact) -> Option<&str> {
    match arg.consts.as_deref()? {
        [ConstVal::Str(s)] => Some(s),
        _ => None,
    }
}
