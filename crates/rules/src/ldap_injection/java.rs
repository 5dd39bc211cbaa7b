//! Java: JNDI fills placeholders and escapes the values itself; elsewhere the library's encoder goes around the value.

use super::{Spot, is_value, values};
use crate::shapes::java_value::{keeps_until, name_for, type_in};
use crate::shapes::{self, Action, Inside, Text, java, java_render, no};
use crate::{FixCx, Found};
use surefix_dataflow::Flow;
use surefix_dialect::Dialect;
use surefix_rewrite::JavaCx;
use surefix_syntax::java::span_of;
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Span, Tier};

/// The fix of an LDAP call.
pub(crate) fn fix(cx: &FixCx<'_>, found: &Found, flow: &Flow) -> Result<Fix, Refusal> {
    let j = cx.java(found.file);
    let callee = flow.call.callee.as_str();
    let Some(arg) = flow.arg.and_then(|i| flow.call.args.get(i)).map(|a| a.span) else {
        return no(Reason::ShapeUnknown, "the filter does not reach the call as an argument");
    };
    let stmt = j.stmt_of(flow.call.span).unwrap_or(flow.call.stmt);
    let text = java::text(&j, Dialect::Ldap, arg, stmt, &is_value)?;
    let inside = shapes::inside(&text, flow)?;
    let a = Assurance::start(Tier::AttackOnly);
    let mut edits = Vec::new();
    let jndi = callee.starts_with("javax.naming.");
    let (found, actions) = values(&text, &inside)?;
    let filters = found.iter().all(|(_, s)| *s == Spot::Filter);
    let search = jndi && callee.ends_with(".search") && flow.arg == Some(1);
    let title = if search && filters {
        let site = Site { j: &j, flow, text: &text, arg, stmt };
        site.placeholders(&found, actions, &mut edits)?;
        "Give the values to the search as filter arguments"
    } else {
        encode(&j, callee, &text, &inside, &found, actions, &mut edits)?;
        "Escape the value for LDAP"
    };
    Ok(Fix { title: title.to_string(), edits, assurance: a, needs: Vec::new() })
}

struct Site<'s, 'a> {
    j: &'s JavaCx<'a>,
    flow: &'s Flow,
    text: &'s Text,
    arg: Span,
    stmt: Span,
}

impl Site<'_, '_> {
    /// `search(name, filter, controls)` becomes `search(name, filter, args, controls)`.
    fn placeholders(
        &self,
        found: &[(usize, Spot)],
        mut actions: Vec<Action>,
        edits: &mut Vec<Edit>,
    ) -> Result<(), Refusal> {
        let j = self.j;
        let call = self.flow.call.span;
        let args = j.args(call);
        if self.text.branches() {
            return no(Reason::AlternativesConflict, "the filter is built under conditions");
        }
        let constant: String = (0..self.text.pieces.len()).filter_map(|p| self.text.lit(p)).collect();
        let (old, array) = match args.len() {
            3 if has_field(&constant) => {
                return no(Reason::NoRecipe, "the filter holds braces that would be taken for placeholders");
            }
            3 => (0, None),
            4 => {
                let Some(list) = args.get(2).copied() else {
                    return no(Reason::ShapeUnknown, "the call has no filter arguments");
                };
                let (n, place) = self.array(list)?;
                (n, Some(place))
            }
            _ => return no(Reason::NoRecipe, "this overload of search has no recipe"),
        };
        let mut list = Vec::new();
        for (n, (piece, _)) in found.iter().enumerate() {
            if let Some(a) = actions.get_mut(*piece) {
                *a = Action::Put(format!("{{{}}}", old + n));
            }
            list.push(self.value(*piece, edits)?);
        }
        java_render::render(j, self.text, &actions, edits)?;
        self.other_uses()?;
        let body = list.join(", ");
        match array {
            None => j.insert_arg(call, 2, &format!("new Object[] {{{body}}}"), edits),
            Some((at, empty)) => {
                let text = if empty { body } else { format!(", {body}") };
                surefix_rewrite::layout::push_insert(edits, j.file, at, &text);
                Ok(())
            }
        }
    }

    /// The array of filter arguments: its length, and where more elements go.
    fn array(&self, list: Span) -> Result<(usize, (u32, bool)), Refusal> {
        let j = self.j;
        let Some(mut node) = j.node_at(list) else {
            return no(Reason::ShapeUnknown, "the filter arguments are not readable");
        };
        if node.kind() == "identifier" {
            let name = j.node_text(node);
            let uses = j.uses(name, list).filter(|u| u.writes.is_empty() && u.reads.len() == 1);
            let init = uses.and_then(|u| u.init).and_then(|i| j.node_at(i));
            let Some(init) = init else {
                return no(Reason::ShapeUnknown, "the filter arguments are built where they cannot be extended");
            };
            node = init;
        }
        let init =
            if node.kind() == "array_creation_expression" { node.child_by_field_name("value") } else { Some(node) };
        let Some(init) = init.filter(|n| n.kind() == "array_initializer") else {
            return no(Reason::ShapeUnknown, "the filter arguments are built where they cannot be extended");
        };
        let element = node.child_by_field_name("type").map_or("Object", |t| j.node_text(t));
        if element != "Object" {
            return no(Reason::TypeUnknown, "the filter arguments are no array of Object");
        }
        let mut cursor = init.walk();
        let all: Vec<Span> =
            init.named_children(&mut cursor).filter(|n| !n.kind().ends_with("_comment")).map(span_of).collect();
        let at = all.last().map_or(span_of(init).lo + 1, |s| s.hi);
        Ok((all.len(), (at, all.is_empty())))
    }

    /// The value as it can be given to the search.
    fn value(&self, piece: usize, edits: &mut Vec<Edit>) -> Result<String, Refusal> {
        let j = self.j;
        let Some(expr) = self.text.expr(piece) else { return no(Reason::ShapeUnknown, "a value is not an expression") };
        if !crate::shapes::plain_field(self.text, piece) {
            return no(Reason::NoRecipe, "the value is formatted on its way into the filter");
        }
        let Some(event) = self.text.event_of(piece) else { return no(Reason::ShapeUnknown, "a value has no place") };
        j.no_comment_inside(expr)?;
        // Filter arguments are put in where the search runs, and the array may stand before it.
        let first = self.j.args(self.flow.call.span).get(2).filter(|_| j.args(self.flow.call.span).len() == 4).copied();
        let at = first
            .and_then(|s| j.uses(s.of(j.text), s))
            .and_then(|u| u.statement)
            .map_or(self.stmt, |s| Span::new(s.lo, s.hi));
        let visible = j.uses(expr.of(j.text), expr).is_none_or(|u| u.scope.contains(at) && u.declarator.hi <= at.lo);
        if (event.at_sink && at == self.stmt) || (keeps_until(j, expr, at) && visible) {
            return Ok(expr.of(j.text).to_string());
        }
        if at != self.stmt || event.guarded {
            return no(Reason::SideEffect, "the value is not known where the filter arguments are made");
        }
        let name = j.fresh_name(&name_for(j, expr, "value"), expr, edits);
        let ty = type_in(j, expr, self.flow).filter(|t| t == "String").unwrap_or_else(|| "Object".to_string());
        j.declare_before(event.stmt, &ty, &name, expr.of(j.text), edits)?;
        Ok(name)
    }

    /// A filter with placeholders must not go to another search.
    fn other_uses(&self) -> Result<(), Refusal> {
        for c in &self.text.carriers {
            for r in c.other_uses.iter().filter(|r| !self.arg.contains(**r)) {
                let call = self.j.call_span(*r).and_then(|s| self.j.call_name(s)).map_or("", |n| n.of(self.j.text));
                if call == "search" {
                    return no(
                        Reason::AlternativesConflict,
                        format!("the filter in {} also goes to another search", c.name),
                    );
                }
            }
        }
        Ok(())
    }
}

/// `{0}` and the like.
fn has_field(text: &str) -> bool {
    text.split('{').skip(1).any(|rest| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        digits > 0 && rest.as_bytes().get(digits) == Some(&b'}')
    })
}

/// The encoder of the library, around each value.
fn encode(
    j: &JavaCx<'_>,
    callee: &str,
    text: &Text,
    inside: &Inside,
    found: &[(usize, Spot)],
    mut actions: Vec<Action>,
    edits: &mut Vec<Edit>,
) -> Result<(), Refusal> {
    let _ = inside;
    for (piece, spot) in found {
        let Some(expr) = text.expr(*piece) else { continue };
        let value = expr.of(j.text);
        let string = crate::shapes::java_value::is_string(j, expr);
        let as_text = if string { value.to_string() } else { format!("String.valueOf({value})") };
        let code = match (spot, callee) {
            (Spot::Name, c) if c.starts_with("org.springframework.ldap.") => {
                format!(
                    "{}.nameEncode({as_text})",
                    j.bring_type("org.springframework.ldap.support.LdapEncoder", edits)?
                )
            }
            (Spot::Filter, c) if c.starts_with("org.springframework.ldap.") => {
                format!(
                    "{}.filterEncode({as_text})",
                    j.bring_type("org.springframework.ldap.support.LdapEncoder", edits)?
                )
            }
            (Spot::Filter, c) if c.starts_with("com.unboundid.") => {
                format!("{}.encodeValue({as_text})", j.bring_type("com.unboundid.ldap.sdk.Filter", edits)?)
            }
            // A null value went into the name as the text null, and still does.
            (Spot::Name, _) => {
                format!("{}.escapeValue(String.valueOf({value}))", j.bring_type("javax.naming.ldap.Rdn", edits)?)
            }
            (Spot::Filter, _) => {
                return no(Reason::NoRecipe, "the library of this call has no known encoder for filters");
            }
        };
        if let Some(a) = actions.get_mut(*piece) {
            *a = Action::Code(code);
        }
    }
    java_render::render(j, text, &actions, edits)
}
