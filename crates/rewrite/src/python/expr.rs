//! Replacing Python expressions and judging whether they may be moved.

use super::{PyCx, span};
use crate::layout::no;
use ruff_python_ast::token::parenthesized_range;
use ruff_python_ast::{AnyNodeRef, Expr, ExprContext, ExprRef, Operator, OperatorPrecedence as P};
use surefix_syntax::python::{deep, span_of};
use surefix_text::{Edit, Reason, Refusal, Span};

impl PyCx<'_> {
    /// Replaces the expression at `span` by `new`, in parentheses where the place needs them. Refuses when a comment would be
    /// lost, when `new` is not an expression, or at a syntax error.
    pub fn replace_expr(&self, span: Span, new: &str, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        self.no_error_at(span)?;
        for comment in self.comments_in(span) {
            if !new.contains(comment.of(self.text)) {
                return no(Reason::CommentInside, "a comment stands inside the expression that would be replaced");
            }
        }
        let text = self.parenthesized(span, new)?;
        edits.push(Edit::replace(self.file, span, text));
        Ok(())
    }

    /// `new` as it can stand at `span`: in parentheses when it binds less tightly than the place asks for.
    pub fn parenthesized(&self, at: Span, new: &str) -> Result<String, Refusal> {
        let Some(expr) = self.expr_at(at) else {
            return no(Reason::ShapeUnknown, "the replaced text is not one expression");
        };
        let own = precedence(new)?;
        let path = self.path_to(at);
        let pattern = path.iter().any(|n| n.is_pattern());
        let target = match expr {
            Expr::Name(e) => e.ctx != ExprContext::Load,
            Expr::Attribute(e) => e.ctx != ExprContext::Load,
            Expr::Subscript(e) => e.ctx != ExprContext::Load,
            _ => false,
        };
        if pattern || target {
            return no(Reason::ShapeUnknown, "the replaced text is a pattern or the target of an assignment");
        }
        let parent = path.iter().rev().find(|n| span(**n) != at || n.is_statement());
        let needed = match parent {
            // The search trusts that brackets match.
            Some(p)
                if self.parsed().errors().is_empty()
                    && parenthesized_range(ExprRef::from(expr), *p, self.parsed().tokens()).is_some() =>
            {
                P::None
            }
            Some(p) => needed(*p, at),
            None => P::None,
        };
        let number = new.trim().bytes().all(|b| b.is_ascii_digit());
        let attribute = matches!(parent, Some(AnyNodeRef::ExprAttribute(_)));
        Ok(if own < needed || (number && attribute) { format!("({new})") } else { new.to_owned() })
    }

    /// `text` in parentheses unless `.attribute` or a call can follow it as it is.
    pub fn as_primary(&self, text: &str) -> String {
        let number = text.trim().bytes().all(|b| b.is_ascii_digit());
        match precedence(text) {
            Ok(p) if p >= P::CallAttribute && !number => text.to_owned(),
            _ => format!("({text})"),
        }
    }

    /// True when evaluating the expression at `span` again gives the same value and has no effect: names, literals, attributes of
    /// `self` and of modules' constants, `+` and f-strings of such. A variable counts whatever is assigned to it; ask
    /// [`PyCx::uses`] for that.
    pub fn is_simple_pure(&self, span: Span) -> bool {
        self.expr_at(span).is_some_and(|e| pure(e, 0))
    }
}

fn pure(expr: &Expr, depth: u32) -> bool {
    if depth > 100 {
        return false;
    }
    match expr {
        Expr::Name(_)
        | Expr::StringLiteral(_)
        | Expr::BytesLiteral(_)
        | Expr::NumberLiteral(_)
        | Expr::BooleanLiteral(_)
        | Expr::NoneLiteral(_)
        | Expr::EllipsisLiteral(_) => true,
        Expr::Attribute(a) => {
            let constant = a.attr.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
            match &*a.value {
                Expr::Name(n) => constant || n.id.as_str() == "self" || n.id.as_str() == "cls",
                inner @ Expr::Attribute(_) => constant && pure(inner, depth + 1),
                _ => false,
            }
        }
        Expr::BinOp(b) => b.op == Operator::Add && pure(&b.left, depth + 1) && pure(&b.right, depth + 1),
        Expr::FString(f) => f.value.elements().all(|e| match e.as_interpolation() {
            Some(i) => i.format_spec.is_none() && pure(&i.expression, depth + 1),
            None => true,
        }),
        _ => false,
    }
}

fn precedence(new: &str) -> Result<P, Refusal> {
    let text = new.trim();
    deep(text, || match ruff_python_parser::parse_expression(text) {
        Ok(parsed) => {
            let expr = &*parsed.syntax().body;
            // A tuple without parentheses is not an operand.
            let bare_tuple = matches!(expr, Expr::Tuple(t) if !t.parenthesized);
            Ok(if bare_tuple { P::None } else { P::from_expr(expr) })
        }
        Err(_) => no(Reason::ShapeUnknown, "the new text is not an expression"),
    })
}

/// The least tight operator that can stand at `at` in `parent` without parentheses.
fn needed(parent: AnyNodeRef<'_>, at: Span) -> P {
    let above = |p: P| match p {
        P::Or => P::And,
        P::And => P::Not,
        P::ComparisonsMembershipIdentity => P::BitOr,
        P::BitOr => P::BitXor,
        P::BitXor => P::BitAnd,
        P::BitAnd => P::LeftRightShift,
        P::LeftRightShift => P::AddSub,
        P::AddSub => P::MulDivRemain,
        P::MulDivRemain => P::PosNegBitNot,
        P::IfElse => P::Or,
        p => p,
    };
    match parent {
        AnyNodeRef::ExprBinOp(b) => {
            let own = P::from(b.op);
            match (span_of(&*b.left) == at, own) {
                (true, P::Exponent) => P::Await,
                (false, P::Exponent) => P::PosNegBitNot,
                (true, p) => p,
                (false, p) => above(p),
            }
        }
        AnyNodeRef::ExprBoolOp(b) => above(P::from(b.op)),
        AnyNodeRef::ExprCompare(_) => P::BitOr,
        AnyNodeRef::ExprUnaryOp(u) => match u.op {
            ruff_python_ast::UnaryOp::Not => P::Not,
            _ => P::PosNegBitNot,
        },
        AnyNodeRef::ExprIf(e) if span_of(&*e.orelse) == at => P::IfElse,
        AnyNodeRef::ExprIf(_) => P::Or,
        AnyNodeRef::ExprAttribute(_) => P::CallAttribute,
        AnyNodeRef::ExprSubscript(s) if span_of(&*s.value) == at => P::CallAttribute,
        AnyNodeRef::ExprCall(c) if span_of(&*c.func) == at => P::CallAttribute,
        AnyNodeRef::ExprAwait(_) => P::CallAttribute,
        AnyNodeRef::ExprStarred(_) => P::BitOr,
        AnyNodeRef::Comprehension(c) if span_of(&c.target) != at => P::Or,
        // Elements, arguments, fields of f-strings: everything but a bare tuple or yield.
        AnyNodeRef::InterpolatedElement(_) => P::IfElse,
        AnyNodeRef::StmtReturn(_) | AnyNodeRef::StmtAssign(_) | AnyNodeRef::StmtExpr(_) => P::None,
        _ => P::Lambda,
    }
}
