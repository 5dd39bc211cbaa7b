//! Java: the expressions that are bound, with the setter that keeps the SQL type.

use super::plan::{Choice, Plan, Slot, list_refusal, may_be_list};
use crate::shapes::java_value::{keeps_until, name_for, type_in};
use crate::shapes::{PieceKind, Text, Value, no};
use surefix_dataflow::Flow;
use surefix_dialect::{HoleContext, Label};
use surefix_rewrite::JavaCx;
use surefix_syntax::java::span_of;
use surefix_text::{Assurance, Edit, Reason, Refusal, Span, Tier};

/// A value to bind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bind {
    /// The expression.
    pub expr: String,
    /// `setString`, `setInt`, … of a prepared statement.
    pub setter: &'static str,
    /// The expression is a `String`.
    pub text: bool,
}

/// Where binding happens.
pub(crate) struct Site<'s, 'a> {
    pub cx: &'s JavaCx<'a>,
    pub flow: &'s Flow,
    pub text: &'s Text,
    /// The statement in front of which the values are bound.
    pub stmt: Span,
}

/// What becomes of a value: text in a value's place is bound, numbers too; a sort direction is mapped to a constant.
pub(crate) fn choose(
    cx: &JavaCx<'_>,
    flow: &Flow,
    text: &Text,
    piece: usize,
    c: &HoleContext,
    tainted: bool,
) -> Result<Choice, Refusal> {
    let Some(expr) = text.expr(piece) else { return Ok(Choice::Keep) };
    if c.label == Label::SqlSortDirection && tainted {
        let plain = text.pieces.get(piece).is_some_and(|p| matches!(p.kind, PieceKind::Val { field: None, .. }));
        if plain && type_in(cx, expr, flow).as_deref() == Some("String") {
            let value = expr.of(cx.text);
            return Ok(Choice::Code(format!("(\"desc\".equalsIgnoreCase({value}) ? \"DESC\" : \"ASC\")")));
        }
    }
    let ty = type_in(cx, expr, flow);
    let bare = c.quote == surefix_dialect::Quote::None && c.prefix.is_empty() && c.suffix.is_empty();
    if c.label == Label::SqlOrderBy
        && tainted
        && bare
        && ty.as_deref() == Some("String")
        && cx.uses(expr.of(cx.text), expr).is_some()
    {
        return Ok(Choice::Guard);
    }
    let number = ty.as_deref().and_then(setter_of).is_some();
    if tainted && !number && !ty.as_deref().is_some_and(is_boxed) && may_be_list(text, piece, c) {
        return list_refusal();
    }
    Ok(if tainted || (number && c.label != Label::SqlLimit) { Choice::Bind } else { Choice::Keep })
}

/// The setter for a primitive number.
fn setter_of(ty: &str) -> Option<&'static str> {
    Some(match ty {
        "int" => "setInt",
        "long" => "setLong",
        "short" => "setShort",
        "byte" => "setByte",
        "double" => "setDouble",
        "float" => "setFloat",
        "BigDecimal" => "setBigDecimal",
        _ => return None,
    })
}

/// Objects that every driver takes as they are when they stood bare in the text.
fn is_boxed(ty: &str) -> bool {
    matches!(ty, "Integer" | "Long" | "Short" | "Byte" | "Double" | "Float" | "Boolean" | "BigInteger")
}

impl Site<'_, '_> {
    /// The binds of one way, in order. Values that cannot be evaluated later are kept in locals declared where they were.
    pub(crate) fn binds(
        &self,
        slots: &[Slot],
        assurance: &mut Assurance,
        edits: &mut Vec<Edit>,
    ) -> Result<Vec<Bind>, Refusal> {
        slots.iter().map(|s| self.bind(s, false, assurance, edits)).collect()
    }

    /// One bind; `in_place` when it is evaluated at the step of the text that it belongs to.
    pub(crate) fn bind(
        &self,
        slot: &Slot,
        in_place: bool,
        assurance: &mut Assurance,
        edits: &mut Vec<Edit>,
    ) -> Result<Bind, Refusal> {
        let mut parts: Vec<(String, bool)> = Vec::new();
        for p in &slot.parts {
            match p {
                Value::Text(t) => parts.push((self.cx.string_literal(t), true)),
                Value::Piece(p) => parts.push(self.operand(*p, in_place, edits)?),
            }
        }
        let single = match slot.parts.as_slice() {
            [Value::Piece(p)] => self.text.expr(*p).filter(|_| crate::shapes::plain_field(self.text, *p)),
            _ => None,
        };
        let ty = single.and_then(|e| type_in(self.cx, e, self.flow));
        let Some((first, first_text)) = parts.first().cloned() else {
            return no(Reason::ShapeUnknown, "a placeholder has no value");
        };
        let is_text = |ty: Option<&str>| ty == Some("String");
        if parts.len() > 1 {
            let second = parts.get(1).is_some_and(|p| p.1);
            let head = if first_text || second { "" } else { "\"\" + " };
            let all: Vec<String> = parts.iter().map(|(e, _)| self.operand_of_plus(e)).collect();
            return Ok(Bind { expr: format!("{head}{}", all.join(" + ")), setter: "setString", text: true });
        }
        if slot.label == Label::SqlLimit {
            return Ok(match ty.as_deref() {
                Some(t) if setter_of(t).is_some() || is_boxed(t) => {
                    Bind { expr: first, setter: setter_of(t).unwrap_or("setObject"), text: false }
                }
                t if is_text(t) || first_text => {
                    Bind { expr: format!("Integer.parseInt({first})"), setter: "setInt", text: false }
                }
                _ => return no(Reason::TypeUnknown, "the type of the row limit is not known"),
            });
        }
        if slot.quoted {
            let text = is_text(ty.as_deref()) || first_text;
            let expr = if text { first } else { format!("String.valueOf({first})") };
            return Ok(Bind { expr, setter: "setString", text: true });
        }
        if let Some(t) = ty.as_deref() {
            if let Some(setter) = setter_of(t) {
                return Ok(Bind { expr: first, setter, text: false });
            }
            if is_boxed(t) {
                return Ok(Bind { expr: first, setter: "setObject", text: false });
            }
        }
        if is_text(ty.as_deref()) || first_text {
            assurance.lower(
                Tier::Observable,
                "a value that stood without quotes is now bound as text: a database that compares strictly by type may refuse it for a numeric column",
            );
            return Ok(Bind { expr: first, setter: "setString", text: true });
        }
        no(Reason::TypeUnknown, "the type of a value that stands without quotes is not known")
    }

    /// An operand's expression and whether it is text.
    fn operand(&self, piece: usize, in_place: bool, edits: &mut Vec<Edit>) -> Result<(String, bool), Refusal> {
        let (cx, text) = (self.cx, self.text);
        let Some(PieceKind::Val { expr, field }) = text.pieces.get(piece).map(|p| &p.kind) else {
            return no(Reason::ShapeUnknown, "a value is not an expression");
        };
        let (expr, is_text) = (*expr, type_in(cx, *expr, self.flow).as_deref() == Some("String"));
        cx.no_comment_inside(expr)?;
        let source = self.unescaped(expr);
        let wrap = |e: String| match field {
            Some(f) if !f.plain => (format!("String.format({}, {e})", cx.string_literal(&f.spec)), true),
            _ => (e, is_text),
        };
        let Some(event) = text.event_of(piece) else { return no(Reason::ShapeUnknown, "a value has no place") };
        if event.at_sink || in_place || keeps_until(cx, expr, self.stmt) {
            return Ok(wrap(source));
        }
        let visible = cx.node_at(event.stmt).and_then(|n| n.parent()).is_some_and(|p| span_of(p).contains(self.stmt));
        if event.guarded || !visible {
            return no(Reason::SideEffect, "a value of the text is no longer known where the statement runs");
        }
        let name = cx.fresh_name(&name_for(cx, expr, "value"), expr, edits);
        let (value, text) = wrap(source);
        let (ty, value) = match (text, type_in(cx, expr, self.flow)) {
            (true, _) => ("String".to_string(), value),
            (false, Some(t)) if setter_of(&t).is_some() || is_boxed(&t) => (t, value),
            _ => ("String".to_string(), format!("String.valueOf({value})")),
        };
        let text = ty == "String";
        cx.declare_before(event.stmt, &ty, &name, &value, edits)?;
        Ok((name, text))
    }

    /// The expression without an escape by hand around it: a bound value must not be escaped.
    fn unescaped(&self, expr: Span) -> String {
        let cx = self.cx;
        let Some(node) = cx.node_at(expr).filter(|n| n.kind() == "method_invocation") else {
            return expr.of(cx.text).to_string();
        };
        let name = node.child_by_field_name("name").map_or("", |n| cx.node_text(n));
        let args: Vec<&str> = cx.args(expr).into_iter().map(|a| a.of(cx.text)).collect();
        let object = node.child_by_field_name("object").map(|o| cx.node_text(o));
        let inner = match (name, args.as_slice(), object) {
            ("replace" | "replaceAll", ["\"'\"", "\"''\""], Some(o)) => o,
            ("escapeSql", [one], _) => one,
            _ => return expr.of(cx.text).to_string(),
        };
        inner.to_string()
    }

    /// An expression as an operand of `+`.
    fn operand_of_plus(&self, e: &str) -> String {
        let simple = e.starts_with('"') || self.cx.as_primary(e) == e;
        if simple { e.to_string() } else { format!("({e})") }
    }

    /// Binds that are the same on every way, when nothing depends on a condition.
    pub(crate) fn same_on_every_way(&self, plan: &Plan) -> bool {
        let shape = |s: &Slot| {
            let parts = s.parts.iter().map(|p| match p {
                Value::Text(t) => t.clone(),
                Value::Piece(p) => self.text.expr(*p).map_or(String::new(), |e| e.of(self.cx.text).to_string()),
            });
            (s.quoted, parts.collect::<Vec<String>>())
        };
        let guarded_bind = plan.ways.iter().flatten().any(|s| self.text.event_of(s.first).is_some_and(|e| e.guarded));
        let all: Vec<Vec<_>> = plan.ways.iter().map(|w| w.iter().map(shape).collect()).collect();
        let same = all.windows(2).all(|w| w.first() == w.get(1));
        // A single way with guarded steps that bind nothing is straight as well.
        same && (all.len() > 1 || !guarded_bind)
    }
}
