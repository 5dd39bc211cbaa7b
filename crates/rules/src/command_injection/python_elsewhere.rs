//! Python: the command line is put together in one function and run in another (`run("ping " + host)`): each value is quoted
//! where it goes into the text.

use super::program_chosen;
use crate::encoders;
use crate::guards::Draft;
use crate::operands::{self, Site};
use crate::syntaxes::PyText;
use crate::{FixCx, Found};
use ruff_python_ast::{AnyNodeRef, Expr, Operator};
use surefix_dataflow::Flow;
use surefix_dialect::{Dialect, Label};
use surefix_rewrite::PyCx;
use surefix_text::{Fix, Reason, Refusal, Span, Tier};

/// Plans the fix; `arg` is the command's expression at the sink.
pub(super) fn fix(cx: &FixCx<'_>, found: &Found, flow: &Flow, arg: Span) -> Result<Fix, Refusal> {
    let syntax = PyText::new(cx);
    let sites = operands::sites(cx, &syntax, flow, arg, |_| true)?;
    let mut draft = Draft::default();
    for site in &sites {
        if site.file == found.file && site.span == arg {
            return program_chosen();
        }
        one_word(site)?;
        let py = syntax.file(site.file);
        py.no_error_at(site.span)?;
        if !joined_as_is(&py, site.span) {
            return Err(Refusal::new(Reason::NoRecipe, "the value is formatted, not joined, into the command"));
        }
        let module = draft.python_module(&py, "shlex", site.span)?;
        let source = site.span.of(py.text);
        let text = if site.ty.as_deref() == Some("str") { source.to_string() } else { format!("str({source})") };
        py.replace_expr(site.span, &format!("{module}.quote({text})"), &mut draft.edits)?;
    }
    let why = "a value with blanks or signs of the shell is one word";
    Ok(draft.done("Quote the value for the shell", Tier::AttackOnly, why))
}

/// The value stands where a word of the command stands, outside quotes, in every text that it is part of.
fn one_word(site: &Site) -> Result<(), Refusal> {
    if site.around.is_empty() {
        return Err(Refusal::new(Reason::ShapeUnknown, "the place of the value in the command is not known"));
    }
    for (before, after) in &site.around {
        let c = encoders::context_in(Dialect::Shell, before, after);
        match c.label {
            Label::ShCommand => return program_chosen(),
            Label::ShWord | Label::ShWordPart | Label::ShOption | Label::ShRedirect if !c.nested => {}
            _ => {
                let why = format!("the shell reads the value as more than a word ({})", c.label);
                return Err(Refusal::new(Reason::ContextUnsafe, why));
            }
        }
    }
    Ok(())
}

/// True when the value itself becomes part of the text: an operand of `+` or a plain field of an f-string.
fn joined_as_is(py: &PyCx<'_>, span: Span) -> bool {
    let whole = |n: &AnyNodeRef<'_>| {
        let r = ruff_text_size::Ranged::range(n);
        Span::new(r.start().to_u32(), r.end().to_u32()) == span
    };
    match py.path_to(span).into_iter().rev().find(|n| !whole(n)) {
        Some(AnyNodeRef::InterpolatedElement(i)) => {
            i.format_spec.is_none() && i.conversion.is_none() && i.debug_text.is_none()
        }
        Some(AnyNodeRef::ExprBinOp(b)) => {
            // A conditional or a product is no text to be quoted whole.
            b.op == Operator::Add && !matches!(py.expr_at(span), Some(Expr::If(_) | Expr::BinOp(_)))
        }
        Some(AnyNodeRef::StmtAugAssign(a)) => a.op == Operator::Add,
        _ => false,
    }
}
