//! Java: the text at a sink, planned and checked, ready for the recipe of a library.

use super::java_bind::{Bind, Site, choose};
use super::plan::{GUARD_NOTE, NAME_PATTERN, Plan, Slot, Spelling, is_value, plan};
use crate::FixCx;
use crate::guards::{Draft, Spot, java_guard, java_swallowed};
use crate::shapes::{self, Action, Loops, PieceKind, Text, java, java_render, no};
use surefix_dataflow::Flow;
use surefix_dialect::Dialect;
use surefix_rewrite::JavaCx;
use surefix_syntax::java::enclosing;
use surefix_text::{Assurance, Edit, EditKind, Reason, Refusal, Span, Tier};

/// The text at a sink and what becomes of it.
pub(crate) struct Sql<'s, 'a> {
    pub cx: &'s JavaCx<'a>,
    pub flow: &'s Flow,
    pub text: Text,
    pub plan: Plan,
    /// The sink's argument.
    pub arg: Span,
    /// The statement of the sink.
    pub stmt: Span,
    /// Edits of the text; those inside the argument come first when it is moved.
    pub text_edits: Vec<Edit>,
}

/// How many values there are, and how they are bound.
pub(crate) enum Binds {
    /// One expression each.
    Each(Vec<Bind>),
    /// Collected in a list of this name while the text is built.
    List(String),
}

/// Names of methods that run or prepare SQL text.
pub(crate) const RUNS_SQL: &[&str] = &[
    "execute",
    "executeQuery",
    "executeUpdate",
    "executeLargeUpdate",
    "addBatch",
    "prepareStatement",
    "prepareCall",
    "nativeSQL",
    "query",
    "queryForObject",
    "queryForList",
    "queryForMap",
    "queryForRowSet",
    "queryForStream",
    "queryForInt",
    "queryForLong",
    "update",
    "batchUpdate",
    "createQuery",
    "createNativeQuery",
    "createSQLQuery",
    "sql",
];

impl<'s, 'a> Sql<'s, 'a> {
    /// Reads and plans the text of the flow's argument.
    pub(crate) fn read(
        cx: &'s JavaCx<'a>,
        flow: &'s Flow,
        stmt: Span,
        placeholder: &dyn Fn(usize, &Slot) -> String,
        loops: Loops,
    ) -> Result<Sql<'s, 'a>, Refusal> {
        let Some(arg) = flow.arg.and_then(|i| flow.call.args.get(i)).map(|a| a.span) else {
            return no(Reason::ShapeUnknown, "the text does not reach the call as an argument");
        };
        let text = java::text_in(cx, Dialect::Sql, arg, stmt, &is_value, loops)?;
        let whole = text.pieces.iter().all(|p| matches!(p.kind, PieceKind::Val { .. }));
        if whole && let Some(expr) = text.expr(0) {
            let parameter = cx
                .uses(expr.of(cx.text), expr)
                .is_some_and(|u| u.kind == surefix_rewrite::java::locals::LocalKind::Parameter);
            let callers =
                flow.trace.iter().any(|s| s.place.span != expr && s.what == surefix_dataflow::StepKind::Argument);
            if parameter && callers {
                return no(Reason::NonOwnedCallee, "the text is built by the callers of the method that runs it");
            }
        }
        let inside = shapes::inside(&text, flow)?;
        let spelling = Spelling {
            count: |p| p.question,
            placeholder,
            choose: &|text, piece, context, tainted, _| choose(cx, flow, text, piece, context, tainted),
        };
        let plan = plan(&text, &inside, &spelling)?;
        let sql = Sql { cx, flow, text, plan, arg, stmt, text_edits: Vec::new() };
        sql.check_other_uses()?;
        Ok(sql)
    }

    /// Renders the edits of the text.
    pub(crate) fn render(&mut self) -> Result<(), Refusal> {
        let mut edits = Vec::new();
        java_render::render(self.cx, &self.text, &self.plan.actions, &mut edits)?;
        let mut draft = Draft { edits, needs: Vec::new() };
        for p in &self.plan.guards {
            self.guard(*p, &mut draft)?;
        }
        self.text_edits = draft.edits;
        Ok(())
    }

    /// The check in front of the step that puts a name into the text.
    fn guard(&self, piece: usize, draft: &mut Draft) -> Result<(), Refusal> {
        let (Some(expr), Some(event)) = (self.text.expr(piece), self.text.event_of(piece)) else {
            return no(Reason::ShapeUnknown, "a value is not an expression");
        };
        if java_swallowed(self.cx, event.stmt, self.flow.call.span) {
            return no(Reason::ControlFlow, "an exception thrown in front of the text would be caught before it runs");
        }
        let name = expr.of(self.cx.text);
        let pattern = self.cx.string_literal(NAME_PATTERN);
        let condition = format!("{name} != null && !{name}.matches({pattern})");
        let exceptions = ["java.lang.IllegalArgumentException"];
        java_guard(self.cx, Spot::Before(event.stmt), &condition, ".matches(", &exceptions, "not a column name", draft)
    }

    /// Tells what the checks change.
    pub(crate) fn note_guards(&self, a: &mut Assurance) {
        if !self.plan.guards.is_empty() {
            a.lower(Tier::Observable, GUARD_NOTE);
        }
    }

    /// A variable that carries the text may be shown elsewhere, but not run or built into other text.
    fn check_other_uses(&self) -> Result<(), Refusal> {
        for c in &self.text.carriers {
            for r in &c.other_uses {
                if self.arg.contains(*r) {
                    continue;
                }
                let Some(id) = self.cx.node_at(*r) else { continue };
                let found = std::cell::Cell::new("");
                enclosing(id, |n| {
                    match n.kind() {
                        "argument_list" => {
                            let name = n
                                .parent()
                                .and_then(|p| p.child_by_field_name("name"))
                                .map_or("", |n| self.cx.node_text(n));
                            let literal = n
                                .parent()
                                .and_then(|p| p.child_by_field_name("object"))
                                .map_or("", |o| self.cx.node_text(o));
                            if RUNS_SQL.contains(&name) {
                                found.set("runs as another statement");
                            } else if name == "append" || name == "concat" || (name == "format" && literal == "String")
                            {
                                found.set("goes into other text");
                            }
                            return true;
                        }
                        "variable_declarator" | "assignment_expression" => found.set("goes into another variable"),
                        "return_statement" => found.set("is returned"),
                        "lambda_expression" => found.set("is used in a lambda"),
                        _ => return n.kind().ends_with("_statement"),
                    }
                    true
                });
                if !found.get().is_empty() {
                    return no(Reason::AlternativesConflict, format!("the text in {} also {}", c.name, found.get()));
                }
            }
        }
        Ok(())
    }

    /// True when the text is also shown or logged: it now shows placeholders.
    pub(crate) fn is_shown(&self) -> bool {
        self.text.carriers.iter().any(|c| c.other_uses.iter().any(|r| !self.arg.contains(*r)))
    }

    /// The binds, directly or by a list that is filled while the text is built.
    pub(crate) fn binds(
        &self,
        cx: &FixCx<'_>,
        assurance: &mut Assurance,
        edits: &mut Vec<Edit>,
    ) -> Result<Binds, Refusal> {
        let _ = cx;
        let site = Site { cx: self.cx, flow: self.flow, text: &self.text, stmt: self.stmt };
        if site.same_on_every_way(&self.plan) {
            let slots = self.plan.ways.first().map(Vec::as_slice).unwrap_or_default();
            return Ok(Binds::Each(site.binds(slots, assurance, edits)?));
        }
        self.list(&site, assurance, edits).map(Binds::List)
    }

    /// `List<Object> params` that grows beside the text.
    fn list(&self, site: &Site<'_, '_>, assurance: &mut Assurance, edits: &mut Vec<Edit>) -> Result<String, Refusal> {
        let jx = self.cx;
        let slots: Vec<&Slot> = {
            let mut seen: Vec<&Slot> = Vec::new();
            for s in self.plan.ways.iter().flatten() {
                if !seen.iter().any(|o| o.first == s.first) {
                    seen.push(s);
                }
            }
            seen
        };
        if slots.iter().any(|s| s.before > 0) {
            return no(Reason::AlternativesConflict, "placeholders of the text mix with values bound under conditions");
        }
        // The order of the steps must be the order of the placeholders.
        for way in &self.plan.ways {
            let at: Vec<u32> = way.iter().filter_map(|s| self.text.event_of(s.first)).map(|e| e.stmt.lo).collect();
            if at.windows(2).any(|w| w.first() > w.get(1)) {
                return no(Reason::AlternativesConflict, "the text is not built from left to right");
            }
        }
        let first = self.text.carriers.iter().filter_map(|c| jx.stmt_of(c.declarator)).min_by_key(|s| s.lo);
        let Some(first) = first else {
            return no(Reason::AlternativesConflict, "the text is chosen inside one expression");
        };
        let name = jx.fresh_name("params", self.stmt, edits);
        let list = jx.bring_type("java.util.List", edits)?;
        let array = jx.bring_type("java.util.ArrayList", edits)?;
        jx.insert_before_stmt(first, &[&format!("{list}<Object> {name} = new {array}<>();")], edits)?;
        for s in slots {
            let bind = site.bind(s, true, assurance, edits)?;
            let Some(event) = self.text.event_of(s.first) else { continue };
            let line = format!("{name}.add({});", bind.expr);
            match event.at_sink {
                true => jx.insert_before_stmt(event.stmt, &[&line], edits)?,
                false => jx.insert_after_stmt(event.stmt, &[&line], edits)?,
            }
        }
        Ok(name)
    }

    /// Only names were replaced; the statement stays what it is.
    pub(crate) fn binds_nothing(&self) -> bool {
        self.plan.ways.iter().all(Vec::is_empty)
    }

    /// The argument's text after the edits inside it.
    pub(crate) fn new_arg(&self) -> String {
        applied(self.cx.text, self.arg, &self.text_edits)
    }

    /// The edits outside the argument.
    pub(crate) fn outer_edits(&self) -> Vec<Edit> {
        self.text_edits.iter().filter(|e| !self.arg.contains(e.span)).cloned().collect()
    }

    /// The text stands in the argument itself.
    pub(crate) fn is_inline(&self) -> bool {
        self.text.carriers.is_empty()
    }

    /// Every step of building the text lies before `at`, and what carries it is visible there.
    pub(crate) fn is_ready_at(&self, at: Span) -> bool {
        !self.is_inline()
            && self.text.events.iter().all(|e| e.stmt.hi <= at.lo || (e.at_sink && self.steps_at_sink() == 0))
            && self
                .text
                .carriers
                .iter()
                .all(|c| self.cx.uses(&c.name, c.declarator).is_some_and(|u| u.scope.contains(at)))
    }

    /// The text in the argument is the same at `at` as at the call: what stays in it are variables that never change, checked
    /// in front of `at`.
    pub(crate) fn is_same_at(&self, at: Span) -> bool {
        let kept = (0..self.text.pieces.len()).filter(|p| {
            let stays = matches!(self.plan.actions.get(*p), None | Some(Action::Keep));
            self.text.expr(*p).is_some() && stays
        });
        let same = |p: usize| {
            let expr = self.text.expr(p).unwrap_or_default();
            let uses = self.cx.uses(expr.of(self.cx.text), expr);
            let checked = self.text.event_of(p).is_some_and(|e| e.stmt.lo <= at.lo);
            checked && uses.is_some_and(|u| u.is_effectively_final() && u.declarator.hi <= at.lo)
        };
        self.is_inline() && kept.into_iter().all(same)
    }

    /// Pieces that are put together in the sink's own statement.
    fn steps_at_sink(&self) -> usize {
        let at_sink = |p: usize| self.text.event_of(p).is_some_and(|e| e.at_sink);
        (0..self.text.pieces.len()).filter(|p| at_sink(*p)).count()
    }
}

/// `span` of the text after `edits` inside it.
pub(crate) fn applied(text: &str, span: Span, edits: &[Edit]) -> String {
    let mut inside: Vec<&Edit> =
        edits.iter().filter(|e| e.kind == EditKind::Replace && span.contains(e.span)).collect();
    inside.sort_by_key(|e| (e.span.lo, e.span.hi));
    let mut out = String::new();
    let mut at = span.lo;
    for e in inside {
        out.push_str(Span::new(at, e.span.lo.max(at)).of(text));
        out.push_str(&e.text);
        at = e.span.hi;
    }
    out.push_str(Span::new(at, span.hi).of(text));
    out
}
