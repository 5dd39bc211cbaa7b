//! Editing the arguments of Python calls.

use super::PyCx;
use crate::layout::{first_on_line, no, push_insert};
use crate::wrap::{self, List};
use ruff_python_ast::{AnyNodeRef, ArgOrKeyword, Expr, ExprCall};
use surefix_syntax::python::span_of;
use surefix_text::{Edit, Reason, Refusal, Span};

/// One argument of a call as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arg {
    /// The keyword's name; `None` for positional arguments and `*x`, `**x`.
    pub name: Option<String>,
    /// The whole argument (`key=value`, `*x`).
    pub span: Span,
    /// The value alone, parentheses around it not counted.
    pub value: Span,
    /// True for `*x` and `**x`.
    pub unpacked: bool,
}

impl PyCx<'_> {
    /// The call at `call`, or the closest call around it.
    pub fn call_at(&self, call: Span) -> Option<&ExprCall> {
        if let Some(Expr::Call(c)) = self.expr_at(call) {
            return Some(c);
        }
        self.path_to(call).into_iter().rev().find_map(|n| match n {
            AnyNodeRef::ExprCall(c) => Some(c),
            _ => None,
        })
    }

    /// The arguments of the call at `call`, in source order.
    pub fn args(&self, call: Span) -> Vec<Arg> {
        let Some(call) = self.call_at(call) else { return Vec::new() };
        let one = |a: ArgOrKeyword<'_>| match a {
            ArgOrKeyword::Arg(e) => {
                let inner = if let Expr::Starred(s) = e { span_of(&*s.value) } else { span_of(e) };
                Arg { name: None, span: span_of(e), value: inner, unpacked: e.is_starred_expr() }
            }
            ArgOrKeyword::Keyword(k) => Arg {
                name: k.arg.as_ref().map(ToString::to_string),
                span: span_of(k),
                value: span_of(&k.value),
                unpacked: k.arg.is_none(),
            },
        };
        call.arguments.iter_source_order().map(one).collect()
    }

    /// The value of the keyword argument `name`.
    pub fn keyword(&self, call: Span, name: &str) -> Option<Span> {
        self.args(call).into_iter().find(|a| a.name.as_deref() == Some(name)).map(|a| a.value)
    }

    /// The callee (`a.b` in `a.b(c)`).
    pub fn callee(&self, call: Span) -> Option<Span> {
        self.call_at(call).map(|c| span_of(&*c.func))
    }

    /// The receiver (`a` in `a.b(c)`).
    pub fn receiver(&self, call: Span) -> Option<Span> {
        match &*self.call_at(call)?.func {
            Expr::Attribute(a) => Some(span_of(&*a.value)),
            _ => None,
        }
    }

    /// The function's own name in a call (`b` in `a.b(c)`).
    pub fn call_name(&self, call: Span) -> Option<Span> {
        match &*self.call_at(call)?.func {
            Expr::Attribute(a) => Some(span_of(&a.attr)),
            Expr::Name(n) => Some(span_of(n)),
            _ => None,
        }
    }

    /// Replaces the value of argument `index` (in source order).
    pub fn replace_arg(&self, call: Span, index: usize, new: &str, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        match self.args(call).get(index) {
            Some(arg) => self.replace_expr(arg.value, new, edits),
            None => no(Reason::ShapeUnknown, format!("the call has no argument {}", index + 1)),
        }
    }

    /// Sets the keyword argument `name`: replaces its value, or adds it. Refuses when `**x` might hold it.
    pub fn set_keyword(&self, call: Span, name: &str, value: &str, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        if let Some(old) = self.keyword(call, name) {
            return if old.of(self.text) == value { Ok(()) } else { self.replace_expr(old, value, edits) };
        }
        let args = self.args(call);
        if args.iter().any(|a| a.unpacked && self.text.get(a.span.lo as usize..).is_some_and(|t| t.starts_with("**"))) {
            return no(Reason::ShapeUnknown, format!("the unpacked mapping may already hold {name}"));
        }
        self.insert_arg(call, args.len(), &format!("{name}={value}"), edits)
    }

    /// Breaks the line of the call's arguments between them where the edits made it too long; see the file's own longest line.
    pub fn wrap_args(&self, call: Span, edits: &mut Vec<Edit>) {
        let Some(node) = self.call_at(call) else { return };
        let span = span_of(&node.arguments);
        let args: Vec<Span> = self.args(call).iter().map(|a| self.with_parens(a.span, span)).collect();
        let unit = self.indent_unit();
        let list = List { file: self.file, text: self.text, span, args: &args, unit, narrow: 88, steps: 1, hang: true };
        wrap::arguments(&list, edits);
    }

    /// Removes the keyword argument `name`; nothing happens when it is not written.
    pub fn remove_keyword(&self, call: Span, name: &str, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        match self.args(call).iter().position(|a| a.name.as_deref() == Some(name)) {
            Some(i) => self.remove_arg(call, i, edits),
            None => Ok(()),
        }
    }

    /// Inserts an argument (`value` or `key=value`) so that it becomes argument `index` in source order.
    pub fn insert_arg(&self, call: Span, index: usize, new: &str, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        let Some(node) = self.call_at(call) else { return no(Reason::ShapeUnknown, "there is no call at the place") };
        let list = span_of(&node.arguments);
        self.no_error_at(list)?;
        let args = self.args(call);
        let spans: Vec<Span> = args.iter().map(|a| self.with_parens(a.span, list)).collect();
        let bare_generator = matches!(&*node.arguments.args, [Expr::Generator(g)] if !g.parenthesized);
        if bare_generator {
            return no(Reason::ShapeUnknown, "the call's argument is a generator without parentheses");
        }
        let gap = |at: u32| match first_on_line(self.text, at) {
            true => format!("{}{}", self.eol_at(at), self.indent_at(at)),
            false => " ".to_owned(),
        };
        match (spans.get(index), spans.last()) {
            (Some(next), _) => push_insert(edits, self.file, next.lo, &format!("{new},{}", gap(next.lo))),
            (None, Some(last)) if index == spans.len() => {
                push_insert(edits, self.file, last.hi, &format!(",{}{new}", gap(last.lo)));
            }
            (None, None) if index == 0 => push_insert(edits, self.file, list.lo + 1, new),
            _ => return no(Reason::ShapeUnknown, format!("the call has only {} arguments", spans.len())),
        }
        Ok(())
    }

    /// Removes argument `index` (in source order) with its comma.
    pub fn remove_arg(&self, call: Span, index: usize, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        let Some(node) = self.call_at(call) else { return no(Reason::ShapeUnknown, "there is no call at the place") };
        let list = span_of(&node.arguments);
        let spans: Vec<Span> = self.args(call).iter().map(|a| self.with_parens(a.span, list)).collect();
        let Some(arg) = spans.get(index).copied() else {
            return no(Reason::ShapeUnknown, format!("the call has no argument {}", index + 1));
        };
        let before = index.checked_sub(1).and_then(|i| spans.get(i));
        let gone = match (before, spans.get(index + 1)) {
            (Some(before), _) => Span::new(before.hi, arg.hi),
            (None, Some(next)) => Span::new(arg.lo, next.lo),
            // A trailing comma goes too.
            (None, None) => {
                let tail = Span::new(arg.hi, list.hi.saturating_sub(1)).of(self.text);
                let comma = tail.trim_start().starts_with(',');
                let hi = if comma { arg.hi + crate::layout::to_u32(tail.find(',').unwrap_or(0) + 1) } else { arg.hi };
                Span::new(arg.lo, hi)
            }
        };
        self.no_comment_inside(gone)?;
        self.no_error_at(gone)?;
        edits.push(Edit::delete(self.file, gone));
        Ok(())
    }

    /// An argument with the parentheses that stand around it inside the argument list.
    fn with_parens(&self, arg: Span, list: Span) -> Span {
        let (mut lo, mut hi) = (arg.lo, arg.hi);
        loop {
            let before = Span::new(list.lo + 1, lo).of(self.text).trim_end();
            let after = Span::new(hi, list.hi.saturating_sub(1)).of(self.text);
            let skipped = after.len() - after.trim_start().len();
            if !before.ends_with('(') || !after.trim_start().starts_with(')') {
                return Span::new(lo, hi);
            }
            lo = list.lo + crate::layout::to_u32(before.len());
            hi += crate::layout::to_u32(skipped + 1);
        }
    }
}
