//! Editing the arguments of Java calls.

use super::JavaCx;
use crate::layout::{first_on_line, indent_at, no, push_insert};
use crate::wrap::{self, List};
use surefix_syntax::java;
use surefix_text::{Edit, Reason, Refusal, Span};
use tree_sitter::Node;

impl JavaCx<'_> {
    /// The argument list of a call, object creation or explicit constructor call; `call` is the span of the call, of its argument
    /// list, or of anything whose closest call it is.
    pub fn arg_list(&self, call: Span) -> Option<Node<'_>> {
        let node = self.covering(call)?;
        if node.kind() == "argument_list" {
            return Some(node);
        }
        // Several nodes share their bytes where a statement or chain is one call.
        java::enclosing(node, |n| n.child_by_field_name("arguments").is_some_and(|a| a.kind() == "argument_list"))?
            .child_by_field_name("arguments")
    }

    /// The spans of the call's arguments.
    pub fn args(&self, call: Span) -> Vec<Span> {
        let Some(list) = self.arg_list(call) else { return Vec::new() };
        let mut cursor = list.walk();
        list.named_children(&mut cursor).filter(|n| !n.kind().ends_with("_comment")).map(java::span_of).collect()
    }

    /// The receiver of a method call (`a.b` in `a.b.c()`), if it is written.
    pub fn receiver(&self, call: Span) -> Option<Span> {
        let list = self.arg_list(call)?;
        Some(java::span_of(list.parent()?.child_by_field_name("object")?))
    }

    /// The method's name in a call.
    pub fn call_name(&self, call: Span) -> Option<Span> {
        let list = self.arg_list(call)?;
        Some(java::span_of(list.parent()?.child_by_field_name("name")?))
    }

    /// The call around an argument list or an argument: the whole expression.
    pub fn call_span(&self, call: Span) -> Option<Span> {
        Some(java::span_of(self.arg_list(call)?.parent()?))
    }

    /// Replaces argument `index`.
    pub fn replace_arg(&self, call: Span, index: usize, new: &str, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        match self.args(call).get(index) {
            Some(arg) => self.replace_expr(*arg, new, edits),
            None => no(Reason::ShapeUnknown, format!("the call has no argument {}", index + 1)),
        }
    }

    /// Inserts an argument so that it becomes argument `index`.
    pub fn insert_arg(&self, call: Span, index: usize, new: &str, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        let Some(list) = self.arg_list(call) else { return no(Reason::ShapeUnknown, "there is no call at the place") };
        self.no_error_at(java::span_of(list))?;
        let args = self.args(call);
        // One argument a line stays one argument a line.
        let break_of = |at: u32| {
            (first_on_line(self.text, at)).then(|| format!("{}{}", self.eol_at(at), indent_at(self.text, at)))
        };
        match (args.get(index), args.last()) {
            (Some(next), _) => {
                let gap = break_of(next.lo).unwrap_or_else(|| " ".to_owned());
                push_insert(edits, self.file, next.lo, &format!("{new},{gap}"));
            }
            (None, Some(last)) if index == args.len() => {
                let gap = if args.len() > 1 { break_of(last.lo) } else { None }.unwrap_or_else(|| " ".to_owned());
                push_insert(edits, self.file, last.hi, &format!(",{gap}{new}"));
            }
            (None, None) if index == 0 => push_insert(edits, self.file, java::span_of(list).lo + 1, new),
            _ => return no(Reason::ShapeUnknown, format!("the call has only {} arguments", args.len())),
        }
        Ok(())
    }

    /// Removes argument `index` with its comma.
    pub fn remove_arg(&self, call: Span, index: usize, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        let args = self.args(call);
        let Some(arg) = args.get(index) else {
            return no(Reason::ShapeUnknown, format!("the call has no argument {}", index + 1));
        };
        let before = index.checked_sub(1).and_then(|i| args.get(i));
        let gone = match (before, args.get(index + 1)) {
            (Some(before), _) => Span::new(before.hi, arg.hi),
            (None, Some(next)) => Span::new(arg.lo, next.lo),
            (None, None) => *arg,
        };
        self.no_comment_inside(gone)?;
        self.no_error_at(gone)?;
        edits.push(Edit::delete(self.file, gone));
        Ok(())
    }

    /// Breaks the line of the call's arguments between them where the edits made it too long; see the file's own longest line.
    pub fn wrap_args(&self, call: Span, edits: &mut Vec<Edit>) {
        let Some(list) = self.arg_list(call) else { return };
        let (args, span) = (self.args(call), java::span_of(list));
        let unit = self.indent_unit();
        let list =
            List { file: self.file, text: self.text, span, args: &args, unit, narrow: 100, steps: 2, hang: false };
        wrap::arguments(&list, edits);
    }
}
