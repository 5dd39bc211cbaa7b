//! `exec("tool -x " + value)`: the words become an argument vector, so that a value stays one word.

use super::java::{Command, no};
use super::program::{Role, role};
use crate::guards::Draft;
use crate::shapes::java_value::{keeps_until, type_in};
use crate::shapes::{PieceKind, Text, java as texts};
use surefix_dialect::Dialect;
use surefix_text::{Fix, Reason, Refusal, Span, Tier};

/// Plans the fix.
pub(super) fn fix(c: &Command<'_>) -> Result<Fix, Refusal> {
    let java = c.java;
    let arg = c.arg.1;
    let Some(stmt) = java.stmt_of(c.sink) else { return no(Reason::ShapeUnknown, "the call stands in no statement") };
    let text = texts::text(java, Dialect::Shell, arg, stmt, &|_| true)?;
    let [way] = text.ways.as_slice() else {
        return no(Reason::AlternativesConflict, "the command line is built in several ways");
    };
    if text.branches() {
        return no(Reason::AlternativesConflict, "the command line is built in several ways");
    }
    let words = words(c, &text, way)?;
    let array = words.join(", ");
    let mut draft = Draft::default();
    let chain = match text.chains.as_slice() {
        [one] => one,
        _ => return no(Reason::NoRecipe, "the command line is built over several statements"),
    };
    match text.carriers.as_slice() {
        [] => java.replace_expr(arg, &format!("new String[] {{{array}}}"), &mut draft.edits)?,
        [carrier] => {
            let Some(uses) = java.uses(&carrier.name, arg) else {
                return no(Reason::ShapeUnknown, "the variable is not known");
            };
            let alone = uses.alone && carrier.other_uses.is_empty() && uses.writes.is_empty() && uses.reads.len() == 1;
            let ty = uses.type_span.filter(|t| t.of(java.text) == "String");
            let (Some(ty), Some(init), true) = (ty, uses.init, alone) else {
                return no(Reason::NoRecipe, "the variable that holds the command line is used elsewhere");
            };
            if !init.contains(chain.span) {
                return no(Reason::NoRecipe, "the command line is built over several statements");
            }
            java.no_comment_inside(init)?;
            draft.edits.push(surefix_text::Edit::replace(java.file, ty, "String[]"));
            draft.edits.push(surefix_text::Edit::replace(java.file, init, format!("{{{array}}}")));
        }
        _ => return no(Reason::NoRecipe, "the command line is built over several statements"),
    }
    let why = "a value with blanks is one argument now instead of several";
    Ok(draft.done("Pass the command's arguments as a vector", Tier::AttackOnly, why))
}

/// The words as Java expressions.
fn words(c: &Command<'_>, text: &Text, way: &[usize]) -> Result<Vec<String>, Refusal> {
    let java = c.java;
    // A word is a list of pieces of source; a literal piece is still plain text.
    let mut words: Vec<Vec<Part>> = vec![Vec::new()];
    for p in way {
        let Some(piece) = text.pieces.get(*p) else { continue };
        match &piece.kind {
            PieceKind::Lit { text, .. } => {
                for (i, run) in text.split([' ', '\t', '\n', '\r', '\u{c}']).enumerate() {
                    if i > 0 {
                        words.push(Vec::new());
                    }
                    if let (false, Some(w)) = (run.is_empty(), words.last_mut()) {
                        w.push(Part::Lit(run.to_string()));
                    }
                }
            }
            PieceKind::Val { expr, field } => {
                if field.is_some() {
                    return no(Reason::NoRecipe, "the command line is made by a format call");
                }
                let untrusted = c.origins.func.instrs.iter().enumerate().any(|(i, instr)| {
                    instr.span == *expr && c.origins.depends(surefix_ir::ValueId(u32::try_from(i).unwrap_or(0)))
                });
                let kind = type_in(java, *expr, c.flow);
                let number =
                    matches!(kind.as_deref(), Some("int" | "long" | "short" | "byte" | "Integer" | "Long" | "boolean"));
                if !untrusted && !number {
                    return no(
                        Reason::ShapeUnknown,
                        format!("it is not known whether `{}` is one word", expr.of(java.text)),
                    );
                }
                if !expr_stays(c, *expr) {
                    return no(Reason::SideEffect, "the value cannot be read again where the vector stands");
                }
                if let Some(w) = words.last_mut() {
                    w.push(Part::Val(*expr, kind.as_deref() == Some("String")));
                }
            }
        }
    }
    words.retain(|w| !w.is_empty());
    let program = match words.first().map(Vec::as_slice) {
        Some([Part::Lit(p)]) => p.clone(),
        _ => return super::program_chosen(),
    };
    if role(&program) != Role::Plain {
        return no(Reason::ContextUnsafe, "the program reads its arguments as commands");
    }
    Ok(words.iter().map(|w| word(c, w)).collect())
}

/// The value is used in the same statement, or reads the same there.
fn expr_stays(c: &Command<'_>, expr: Span) -> bool {
    let same = c.java.stmt_of(expr) == c.java.stmt_of(c.sink);
    same || keeps_until(c.java, expr, c.sink) || c.java.stmt_of(expr).is_some()
}

enum Part {
    Lit(String),
    /// Expression, and whether it is a `String` for certain.
    Val(Span, bool),
}

fn word(c: &Command<'_>, parts: &[Part]) -> String {
    let java = c.java;
    match parts {
        [Part::Val(span, true)] => span.of(java.text).to_string(),
        [Part::Val(span, false)] => format!("String.valueOf({})", span.of(java.text)),
        _ => {
            let each = parts.iter().map(|p| match p {
                Part::Lit(t) => java.string_literal(t),
                Part::Val(span, _) => java.as_primary(span.of(java.text)),
            });
            let text = each.collect::<Vec<_>>().join(" + ");
            // Without a literal at the front or behind the first value `+` might add numbers.
            let textual = parts.iter().take(2).any(|p| matches!(p, Part::Lit(_) | Part::Val(_, true)));
            if textual { text } else { format!("\"\" + {text}") }
        }
    }
}
