//! `{"sh", "-c", script + value}`: the value becomes a parameter of the script, or the script was one plain command and the
//! shell goes away.

use super::java::{Command, no};
use super::java_leaves::{Leaf, Leaves, Vector};
use super::program::{Role, is_builtin, is_plain_text, role};
use crate::guards::Draft;
use crate::shapes::java_render::render;
use crate::shapes::java_value::keeps_until;
use crate::shapes::{Action, Text, java as texts};
use surefix_dialect::{Dialect, HoleContext, Label};
use surefix_rewrite::layout::push_insert;
use surefix_text::{Edit, Fix, Reason, Refusal, Tier};

/// Plans the fix.
pub(super) fn fix(c: &Command<'_>, leaves: &Leaves<'_>, tainted: &[Leaf]) -> Result<Fix, Refusal> {
    let vector = match &c.varargs {
        Some(elements) => Vector { elements: elements.clone(), adds: None },
        None => match leaves.vector(c.arg.0) {
            Some(v) => v,
            None => return no(Reason::AlternativesConflict, "the argument vector is built in several ways"),
        },
    };
    let [(program, first), (option, _), (_, script)] = vector.elements.as_slice() else {
        return no(Reason::NoRecipe, "the vector is not a shell, its option and a script");
    };
    let program = c.origins.text(*program).unwrap_or("");
    if role(program) != Role::Shell || c.origins.text(*option) != Some("-c") {
        return no(Reason::NoRecipe, "the program is not a POSIX shell for certain");
    }
    let java = c.java;
    let Some(stmt) = java.stmt_of(*script) else {
        return no(Reason::ShapeUnknown, "the script stands in no statement");
    };
    let text = texts::text(java, Dialect::Shell, *script, stmt, &is_data)?;
    let [way] = text.ways.as_slice() else {
        return no(Reason::AlternativesConflict, "the script is built in several ways");
    };
    if text.branches() {
        return no(Reason::AlternativesConflict, "the script is built in several ways");
    }
    let holes: Vec<(usize, HoleContext)> = text
        .contexts(Dialect::Shell, way)
        .into_iter()
        .filter(|(p, _)| text.expr(*p).is_some_and(|e| tainted.iter().any(|l| l.span == e)))
        .collect();
    if holes.len() != tainted.len() || holes.is_empty() || holes.len() > 9 {
        return no(Reason::ShapeUnknown, "the untrusted parts of the script were not all found");
    }
    // The values are read where the vector is made.
    for (p, _) in &holes {
        let expr = text.expr(*p).unwrap_or_default();
        if java.stmt_of(expr) != Some(stmt) && !keeps_until(java, expr, *script) {
            return no(Reason::SideEffect, "the value may be another one where the vector is made");
        }
    }
    if let Some(words) = plain_command(c, &text, way, &holes)
        && vector.adds.is_none()
        && text.carriers.is_empty()
    {
        let whole = first.to(*script);
        java.no_comment_inside(whole)?;
        let mut draft = Draft::default();
        draft.edits.push(Edit::replace(java.file, whole, words.join(", ")));
        let why = "a value with blanks or signs of the shell is one argument";
        return Ok(draft.done("Run the command without a shell", Tier::AttackOnly, why));
    }
    let mut actions = vec![Action::Keep; text.pieces.len()];
    let mut params = Vec::new();
    for (p, context) in &holes {
        let n = params.len() + 1;
        let mut put = positional(context, n, next_char(&text, way, *p))?;
        if let Some(cuts) = whole_quotes(&text, way, *p, context) {
            // `'` + value + `'`: the parameter brings its own quotes.
            put = format!("\"${n}\"");
            for (piece, range) in cuts {
                match actions.get_mut(piece) {
                    Some(Action::Cut(list)) => list.push((range, String::new())),
                    Some(a) => *a = Action::Cut(vec![(range, String::new())]),
                    None => {}
                }
            }
        }
        if let Some(a) = actions.get_mut(*p) {
            *a = Action::Put(put);
        }
        params.push(text.expr(*p).unwrap_or_default().of(java.text).to_string());
    }
    let mut draft = Draft::default();
    render(java, &text, &actions, &mut draft.edits)?;
    match &vector.adds {
        None => push_insert(&mut draft.edits, java.file, script.hi, &format!(", \"sh\", {}", params.join(", "))),
        Some(adds) => {
            let Some(last) = adds.last() else { return no(Reason::ShapeUnknown, "the list is not known") };
            let list = java.receiver(*script).map(|r| r.of(java.text)).unwrap_or("");
            if list.is_empty() || !java.is_simple_pure(java.receiver(*script).unwrap_or_default()) {
                return no(Reason::NoRecipe, "the list is not a variable");
            }
            let mut lines = vec![format!("{list}.add(\"sh\");")];
            lines.extend(params.iter().map(|p| format!("{list}.add({p});")));
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            java.insert_after_stmt(*last, &lines, &mut draft.edits)?;
        }
    }
    let why = "a value with blanks or signs of the shell is one argument";
    Ok(draft.done("Pass the value to the script as a parameter", Tier::AttackOnly, why))
}

fn is_data(context: &HoleContext) -> bool {
    matches!(
        context.label,
        Label::ShWord | Label::ShWordPart | Label::ShDouble | Label::ShSingle | Label::ShRedirect | Label::ShOption
    )
}

/// The two quotes when nothing but the value stands between single quotes.
pub(super) fn whole_quotes(
    text: &Text,
    way: &[usize],
    piece: usize,
    context: &HoleContext,
) -> Option<[(usize, std::ops::Range<usize>); 2]> {
    if context.label != Label::ShSingle || context.nested || !context.prefix.is_empty() || !context.suffix.is_empty() {
        return None;
    }
    let at = way.iter().position(|p| *p == piece)?;
    let (before, after) = (*way.get(at.checked_sub(1)?)?, *way.get(at + 1)?);
    let (b, a) = (text.lit(before)?, text.lit(after)?);
    let plain = b.ends_with('\'') && !b.ends_with("$'") && a.starts_with('\'');
    plain.then(|| [(before, b.len() - 1..b.len()), (after, 0..1)])
}

/// The character behind a value in the script.
fn next_char(text: &Text, way: &[usize], piece: usize) -> Option<char> {
    let at = way.iter().position(|p| *p == piece)?;
    text.lit(*way.get(at + 1)?)?.chars().next()
}

/// How a script names parameter `n` where the value stood.
pub(super) fn positional(context: &HoleContext, n: usize, next: Option<char>) -> Result<String, Refusal> {
    let name = if next.is_some_and(|c| c.is_ascii_digit()) { format!("${{{n}}}") } else { format!("${n}") };
    // `$'…'` gives backslashes a meaning that plain quotes would not give to the rest.
    let ansi = context.label == Label::ShSingle && context.breaks.set & (1 << b'\\') != 0;
    match context.label {
        Label::ShWord | Label::ShWordPart | Label::ShRedirect if !context.nested => Ok(format!("\"{name}\"")),
        Label::ShDouble if !context.nested => Ok(name),
        Label::ShSingle if !ansi && !context.nested => Ok(format!("'\"{name}\"'")),
        _ => no(Reason::ContextUnsafe, format!("the script reads the value as more than a word ({})", context.label)),
    }
}

/// The words of a script that is one plain command, as expressions.
fn plain_command(c: &Command<'_>, text: &Text, way: &[usize], holes: &[(usize, HoleContext)]) -> Option<Vec<String>> {
    let mut words: Vec<Vec<String>> = vec![Vec::new()];
    let mut program = None;
    for p in way {
        match text.lit(*p) {
            Some(lit) => {
                if !is_plain_text(lit) {
                    return None;
                }
                for (i, run) in lit.split([' ', '\t']).enumerate() {
                    if i > 0 {
                        words.push(Vec::new());
                    }
                    if !run.is_empty() {
                        if program.is_none() {
                            program = Some(run.to_string());
                        }
                        words.last_mut()?.push(c.java.string_literal(run));
                    }
                }
            }
            None => {
                let (_, context) = holes.iter().find(|(h, _)| h == p)?;
                if !matches!(context.label, Label::ShWord | Label::ShWordPart) || context.nested {
                    return None;
                }
                let expr = text.expr(*p)?;
                if crate::shapes::java_value::type_in(c.java, expr, c.flow).as_deref() != Some("String") {
                    return None;
                }
                words.last_mut()?.push(c.java.as_primary(expr.of(c.java.text)));
            }
        }
    }
    let program = program?;
    let plain =
        role(&program) == Role::Plain && !is_builtin(&program) && !program.contains('=') && !program.starts_with('-');
    words.retain(|w| !w.is_empty());
    let named = words.first().is_some_and(|w| w.len() == 1 && w.first().is_some_and(|t| t.starts_with('"')));
    (plain && named).then(|| words.iter().map(|w| w.join(" + ")).collect())
}
