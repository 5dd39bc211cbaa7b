//! Python: the text at a sink, planned and checked, and the expressions that are bound.

use super::plan::{Choice, GUARD_NOTE, NAME_PATTERN, Plan, Slot, Spelling, is_value, list_refusal, may_be_list, plan};
use super::python_list;
use crate::guards::{Draft, Spot, python_guard, python_leave, python_swallowed};
use crate::shapes::{self, Action, Loops, PieceKind, Text, Value, no, python, python_render, python_value};
use ruff_python_ast::{AnyNodeRef, Expr};
use surefix_dataflow::{Flow, Frag, StepKind};
use surefix_dialect::{Dialect, HoleContext, Label, Placeholders};
use surefix_rewrite::PyCx;
use surefix_syntax::python::span_of;
use surefix_text::{Assurance, Edit, Reason, Refusal, Span, Tier};

/// The text at a sink and what becomes of it.
pub(crate) struct Sql<'s, 'a> {
    pub cx: &'s PyCx<'a>,
    pub flow: &'s Flow,
    pub text: Text,
    pub plan: Plan,
    pub stmt: Span,
    lenient: bool,
    lists: Option<&'static str>,
}

/// How a driver wants the text.
pub(crate) struct Reading {
    /// How many placeholders of its kind there are.
    pub count: fn(&Placeholders) -> usize,
    /// A text value fills a numeric column.
    pub lenient: bool,
    /// Whether values may be collected in a loop.
    pub loops: Loops,
    /// The placeholder, when it is the same for every value.
    pub lists: Option<&'static str>,
}

/// How values are bound.
pub(crate) enum Binds {
    /// One expression each.
    Each(Vec<String>),
    /// Collected in a list of this name while the text is built.
    List(String),
}

const RUNS_SQL: &[&str] = &[
    "execute",
    "executemany",
    "executescript",
    "fetch",
    "fetchrow",
    "fetchval",
    "raw",
    "RawSQL",
    "text",
    "read_sql",
    "read_sql_query",
    "scalar",
    "scalars",
    "query",
    "sql",
];

impl<'s, 'a> Sql<'s, 'a> {
    /// Reads and plans the text of the flow's argument.
    pub(crate) fn read(
        cx: &'s PyCx<'a>,
        flow: &'s Flow,
        stmt: Span,
        reading: Reading,
        placeholder: &dyn Fn(usize, &Slot) -> String,
    ) -> Result<Sql<'s, 'a>, Refusal> {
        let index = flow.arg.unwrap_or(usize::MAX);
        let Some(arg) = cx.args(flow.call.span).get(index).map(|a| a.value) else {
            return no(Reason::ShapeUnknown, "the text does not reach the call as an argument");
        };
        Sql::read_at(cx, flow, arg, stmt, reading, placeholder)
    }

    /// As [`Sql::read`], for a text that is only a part of the argument.
    pub(crate) fn read_at(
        cx: &'s PyCx<'a>,
        flow: &'s Flow,
        arg: Span,
        stmt: Span,
        reading: Reading,
        placeholder: &dyn Fn(usize, &Slot) -> String,
    ) -> Result<Sql<'s, 'a>, Refusal> {
        let Reading { count, lenient, loops, lists } = reading;
        let text = python::text_in(cx, Dialect::Sql, arg, stmt, &is_value, loops)?;
        let whole = text.pieces.iter().all(|p| matches!(p.kind, PieceKind::Val { .. }));
        if whole
            && let Some(Expr::Name(n)) = text.expr(0).and_then(|e| cx.expr_at(e))
            && cx.uses(&n.id, span_of(n)).is_some_and(|u| u.param.is_some())
            && flow.trace.iter().any(|s| s.what == StepKind::Argument)
        {
            return no(Reason::NonOwnedCallee, "the text is built by the callers of the function that runs it");
        }
        let inside = shapes::inside(&text, flow)?;
        let spelling = Spelling {
            count,
            placeholder,
            choose: &|text, p, c, t, seen| choose(cx, flow, text, p, c, (t, seen), lists),
        };
        let plan = plan(&text, &inside, &spelling)?;
        let sql = Sql { cx, flow, text, plan, stmt, lenient, lists };
        sql.check_other_uses()?;
        Ok(sql)
    }

    /// Only names were replaced or checked; no value goes behind the text.
    pub(crate) fn binds_nothing(&self) -> bool {
        self.plan.ways.iter().all(Vec::is_empty)
    }

    /// True when the constant text holds percent signs.
    pub(crate) fn has_percent(&self) -> bool {
        (0..self.text.pieces.len()).any(|p| self.text.lit(p).is_some_and(|t| t.contains('%')))
    }

    /// Percent signs of the constant text, once the driver reads placeholders in it.
    pub(crate) fn double_percents(&mut self) {
        for (i, piece) in self.text.pieces.iter().enumerate() {
            let PieceKind::Lit { text, .. } = &piece.kind else { continue };
            let Some(action) = self.plan.actions.get_mut(i) else { continue };
            let mut cuts = match std::mem::take(action) {
                Action::Cut(c) => c,
                _ => Vec::new(),
            };
            for (at, _) in text.match_indices('%') {
                if !cuts.iter().any(|(r, _)| r.contains(&at)) {
                    cuts.push((at..at, "%".to_string()));
                }
            }
            cuts.sort_by_key(|(r, _)| (r.start, r.end));
            if !cuts.is_empty() {
                *action = Action::Cut(cuts);
            }
        }
    }

    /// Renders the edits of the text.
    pub(crate) fn render(&self, a: &mut Assurance, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
        python_render::render(self.cx, &self.text, &self.plan.actions, edits)?;
        let mut draft = Draft { edits: std::mem::take(edits), needs: Vec::new() };
        for p in &self.plan.guards {
            self.guard(*p, &mut draft)?;
            a.lower(Tier::Observable, GUARD_NOTE);
        }
        *edits = draft.edits;
        Ok(())
    }

    /// The check in front of the step that puts a name into the text.
    fn guard(&self, piece: usize, draft: &mut Draft) -> Result<(), Refusal> {
        let (Some(expr), Some(event)) = (self.text.expr(piece), self.text.event_of(piece)) else {
            return no(Reason::ShapeUnknown, "a value is not an expression");
        };
        let stmt = event.stmt;
        if python_swallowed(self.cx, stmt, self.flow.call.span)? {
            return no(Reason::ControlFlow, "an exception raised in front of the text would be caught before it runs");
        }
        let re = draft.python_module(self.cx, "re", stmt)?;
        let pattern = format!("r{}", self.cx.string_literal(NAME_PATTERN));
        let condition = format!("not {re}.fullmatch({pattern}, {})", expr.of(self.cx.text));
        let leave = python_leave(self.cx, stmt, "not a column name", draft)?;
        python_guard(self.cx, Spot::Before(stmt), &condition, &leave, draft)
    }

    /// A variable that carries the text may be shown elsewhere, but not run or built into other text.
    fn check_other_uses(&self) -> Result<(), Refusal> {
        for c in &self.text.carriers {
            for r in &c.other_uses {
                let mut found = "";
                for n in self.cx.path_to(*r).into_iter().rev() {
                    match n {
                        AnyNodeRef::ExprCall(call) if span_of(&call.arguments).contains(*r) => {
                            let name = self.cx.call_name(span_of(call)).map_or("", |s| s.of(self.cx.text));
                            if RUNS_SQL.contains(&name) {
                                found = "runs as another statement";
                            }
                            break;
                        }
                        AnyNodeRef::StmtAssign(_) | AnyNodeRef::StmtAugAssign(_) | AnyNodeRef::StmtAnnAssign(_) => {
                            found = "goes into another variable";
                            break;
                        }
                        AnyNodeRef::StmtReturn(_) => {
                            found = "is returned";
                            break;
                        }
                        n if n.is_statement() => break,
                        _ => {}
                    }
                }
                if !found.is_empty() {
                    return no(Reason::AlternativesConflict, format!("the text in {} also {found}", c.name));
                }
            }
        }
        Ok(())
    }

    /// Notes that a shown text now has placeholders.
    pub(crate) fn note_shown(&self, a: &mut Assurance) {
        if self.text.carriers.iter().any(|c| !c.other_uses.is_empty()) {
            a.lower(
                Tier::AttackOnly,
                "where the text is also shown or logged, it now shows placeholders instead of the values",
            );
        }
    }

    /// The binds, directly or by a list that is filled while the text is built.
    pub(crate) fn binds(&self, a: &mut Assurance, edits: &mut Vec<Edit>) -> Result<Binds, Refusal> {
        if self.same_on_every_way() {
            let slots = self.plan.ways.first().map(Vec::as_slice).unwrap_or_default();
            let list: Result<Vec<String>, Refusal> = slots.iter().map(|s| self.bind(s, false, a, edits)).collect();
            return Ok(Binds::Each(list?));
        }
        let mut slots: Vec<&Slot> = Vec::new();
        for s in self.plan.ways.iter().flatten() {
            if !slots.iter().any(|o| o.first == s.first) {
                slots.push(s);
            }
        }
        for way in &self.plan.ways {
            let at: Vec<u32> = way.iter().filter_map(|s| self.text.event_of(s.first)).map(|e| e.stmt.lo).collect();
            if at.windows(2).any(|w| w.first() > w.get(1)) {
                return no(Reason::AlternativesConflict, "the text is not built from left to right");
            }
        }
        let first = self.text.carriers.iter().filter_map(|c| self.cx.stmt_of(c.declarator)).min_by_key(|s| s.lo);
        let Some(first) = first else {
            return no(Reason::AlternativesConflict, "the text is chosen inside one expression");
        };
        // The list must exist on every way, so it stands in front of the outermost condition.
        let first = self.outermost(first);
        let name = self.cx.fresh_name("params", edits);
        self.cx.insert_before_stmt(first, &[&format!("{name} = []")], edits)?;
        for s in slots {
            let value = self.bind(s, true, a, edits)?;
            let Some(event) = self.text.event_of(s.first) else { continue };
            let line = format!("{name}.append({value})");
            match event.at_sink {
                true => self.cx.insert_before_stmt(event.stmt, &[&line], edits)?,
                false => self.cx.insert_after_stmt(event.stmt, &[&line], edits)?,
            }
        }
        Ok(Binds::List(name))
    }

    /// The statement around `stmt` that stands beside (an ancestor of) the sink.
    fn outermost(&self, stmt: Span) -> Span {
        let path = self.cx.path_to(stmt);
        let around = path.iter().filter(|n| n.is_statement()).map(|n| python_render::node_span(*n));
        around.filter(|s| !s.contains(self.stmt)).find(|s| s.contains(stmt)).unwrap_or(stmt)
    }

    fn same_on_every_way(&self) -> bool {
        let shape = |s: &Slot| {
            let part = |p: &Value| match p {
                Value::Text(t) => t.clone(),
                Value::Piece(p) => self.text.expr(*p).map_or(String::new(), |e| e.of(self.cx.text).to_string()),
            };
            s.parts.iter().map(part).collect::<Vec<String>>()
        };
        let guarded = self.plan.ways.iter().flatten().any(|s| self.text.event_of(s.first).is_some_and(|e| e.guarded));
        let all: Vec<Vec<_>> = self.plan.ways.iter().map(|w| w.iter().map(shape).collect()).collect();
        all.windows(2).all(|w| w.first() == w.get(1)) && (all.len() > 1 || !guarded)
    }

    fn is_number(&self, expr: Span) -> bool {
        is_number(self.flow, self.cx, expr)
    }

    /// The expression of one bind; `in_place` when it is evaluated at the step of the text that it belongs to.
    pub(crate) fn bind(
        &self,
        slot: &Slot,
        in_place: bool,
        a: &mut Assurance,
        edits: &mut Vec<Edit>,
    ) -> Result<String, Refusal> {
        let cx = self.cx;
        if let Some(list) = &slot.list {
            if in_place {
                return no(Reason::AlternativesConflict, "a list of values mixes with values bound under conditions");
            }
            if let Some(init) = &list.init {
                let taken = self.plan.ways.iter().flatten().filter_map(|s| s.list.as_ref());
                if taken.filter(|l| l.name == list.name).count() > 1 {
                    return no(Reason::NoRecipe, "the text holds several lists of values");
                }
                cx.assign_before(list.stmt, &list.name, init, edits)?;
            }
            if let (Some(call), Some(sign)) = (list.call, self.lists) {
                cx.replace_expr(call, &python_list::placeholders(cx, sign, list), edits)?;
            }
            let converted = list.quoted || (self.lenient && list.beside_column);
            if !converted {
                a.lower(
                    Tier::Observable,
                    "the values of the list are now bound: the database may compare text differently with a number",
                );
            }
            return Ok(format!("*{}", list.name));
        }
        if let [Value::Piece(p)] = slot.parts.as_slice() {
            let value = self.operand(*p, in_place, edits)?;
            let number = self.text.expr(*p).is_some_and(|e| self.is_number(e));
            if slot.label == Label::SqlLimit && !number {
                return Ok(format!("int({value})"));
            }
            if slot.quoted && number {
                return Ok(format!("str({value})"));
            }
            let as_text = !slot.quoted && !number && slot.label != Label::SqlLimit;
            let converted = self.lenient && self.beside_column(slot.first);
            if as_text && !converted {
                a.lower(
                    Tier::Observable,
                    "a value that stood without quotes is now bound as text: the database may compare it differently with a number",
                );
            }
            return Ok(value);
        }
        // Constant text and values in one string: an f-string.
        let mut out = String::new();
        for part in &slot.parts {
            match part {
                Value::Text(t) => out.push_str(&t.replace('{', "{{").replace('}', "}}")),
                Value::Piece(p) => {
                    let value = self.operand(*p, in_place, edits)?;
                    if value.contains(['"', '\'', '\\', '\n', '#']) {
                        return self.concatenation(slot, in_place, edits);
                    }
                    let spec = match self.text.pieces.get(*p).map(|p| &p.kind) {
                        Some(PieceKind::Val { field: Some(f), .. }) if !f.plain => Some(f.spec.as_str()),
                        _ => None,
                    };
                    if spec.is_some() {
                        return self.concatenation(slot, in_place, edits);
                    }
                    out.push_str(&format!("{{{value}}}"));
                }
            }
        }
        Ok(format!("f{}", cx.string_literal(&out)))
    }

    /// `"%" + str(x) + "%"`.
    fn concatenation(&self, slot: &Slot, in_place: bool, edits: &mut Vec<Edit>) -> Result<String, Refusal> {
        let mut parts = Vec::new();
        for part in &slot.parts {
            match part {
                Value::Text(t) => parts.push(self.cx.string_literal(t)),
                Value::Piece(p) => parts.push(format!("str({})", self.operand(*p, in_place, edits)?)),
            }
        }
        Ok(parts.join(" + "))
    }

    /// The text before the value ends in `column =` or the like, or it fills a column of a row.
    fn beside_column(&self, piece: usize) -> bool {
        let way = self.plan.ways.iter().position(|w| w.iter().any(|s| s.first == piece)).unwrap_or(0);
        let Some(way) = self.text.ways.get(way) else { return false };
        let before: String =
            way.iter().take_while(|p| **p != piece).map(|p| self.text.lit(*p).unwrap_or("\u{fffc}")).collect();
        let upper = before.trim_end().to_ascii_uppercase();
        if upper.starts_with("INSERT") && upper.contains("VALUES") {
            return true;
        }
        let Some(head) = upper.strip_suffix(['=', '<', '>']) else { return false };
        let head = head.trim_end_matches(['=', '<', '>', '!', ' ']);
        let last =
            head.rsplit(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.' | '"' | '`'))).next().unwrap_or("");
        last.chars().next().is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | '"' | '`'))
    }

    fn operand(&self, piece: usize, in_place: bool, edits: &mut Vec<Edit>) -> Result<String, Refusal> {
        let (cx, text) = (self.cx, &self.text);
        let Some(PieceKind::Val { expr, field }) = text.pieces.get(piece).map(|p| &p.kind) else {
            return no(Reason::ShapeUnknown, "a value is not an expression");
        };
        cx.no_comment_inside(*expr)?;
        let source = unescaped(cx, *expr);
        let source =
            if source.contains('\n') && !source.starts_with(['(', '[', '{']) { format!("({source})") } else { source };
        let value = match field {
            Some(f) if !f.plain => match f.spec.split_once(':') {
                Some(("", spec)) => format!("format({source}, {})", cx.string_literal(spec)),
                Some(("!r", "")) => format!("repr({source})"),
                Some(("!a", "")) => format!("ascii({source})"),
                _ if f.spec.starts_with('%') && matches!(f.spec.as_str(), "%d" | "%i") => source,
                _ => return no(Reason::NoRecipe, "the format of a field has no equivalent outside the template"),
            },
            _ => source,
        };
        let Some(event) = text.event_of(piece) else { return no(Reason::ShapeUnknown, "a value has no place") };
        if event.at_sink || in_place || python_value::keeps(cx, *expr) {
            return Ok(value);
        }
        let same_block = {
            let parent = |s: Span| {
                cx.path_to(s)
                    .iter()
                    .rev()
                    .find(|n| python_render::node_span(**n) != s)
                    .map(|n| python_render::node_span(*n))
            };
            parent(event.stmt).is_some_and(|p| p.contains(self.stmt))
        };
        if event.guarded || !same_block {
            return no(Reason::SideEffect, "a value of the text is no longer known where the statement runs");
        }
        let name = cx.fresh_name(&python_value::name_for(cx, *expr), edits);
        cx.assign_before(event.stmt, &name, &value, edits)?;
        Ok(name)
    }
}

/// What becomes of a value: untrusted text is bound, a sort direction is mapped to a constant. `lists` is the placeholder that
/// a list of values repeats.
fn choose(
    cx: &PyCx<'_>,
    flow: &Flow,
    text: &Text,
    piece: usize,
    c: &HoleContext,
    (tainted, seen): (bool, Option<&[String]>),
    lists: Option<&str>,
) -> Result<Choice, Refusal> {
    let Some(expr) = text.expr(piece) else { return Ok(Choice::Keep) };
    if c.label == Label::SqlSortDirection && tainted {
        let value = expr.of(cx.text);
        let word = value.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
        if word {
            let q = |s: &str| cx.string_literal(s);
            return Ok(Choice::Code(format!(
                "({} if str({value}).lower() == {} else {})",
                q("DESC"),
                q("desc"),
                q("ASC")
            )));
        }
    }
    let bare = c.quote == surefix_dialect::Quote::None && c.prefix.is_empty() && c.suffix.is_empty();
    if c.label == Label::SqlOrderBy && tainted && bare && matches!(cx.expr_at(expr), Some(Expr::Name(_))) {
        return Ok(Choice::Guard);
    }
    if tainted && let Some(list) = python_list::joined(cx, text, piece, c, seen, flow.call.span)? {
        return match lists {
            Some(sign) => Ok(Choice::List(python_list::placeholders(cx, sign, &list), list)),
            None => no(Reason::NoRecipe, "the driver's placeholders cannot be repeated for a list of values"),
        };
    }
    if tainted && may_be_list(text, piece, c) && !is_number(flow, cx, expr) {
        return list_refusal();
    }
    Ok(if tainted { Choice::Bind } else { Choice::Keep })
}

fn is_number(flow: &Flow, cx: &PyCx<'_>, expr: Span) -> bool {
    flow.shapes
        .iter()
        .flat_map(|s| &s.frags)
        .any(|f| matches!(f, Frag::Hole(h) if h.place.file == cx.file && h.place.span == expr && h.number))
}

/// The expression without an escape by hand around it.
pub(crate) fn unescaped(cx: &PyCx<'_>, expr: Span) -> String {
    if let Some(Expr::Call(c)) = cx.expr_at(expr)
        && let Expr::Attribute(a) = &*c.func
    {
        let quotes = ["\"'\"", "\"''\""].map(|s| s.to_string());
        let given: Vec<&str> = cx.args(expr).iter().map(|a| a.span.of(cx.text)).collect();
        let doubled = a.attr.as_str() == "replace"
            && given.len() == 2
            && given.iter().zip(&quotes).all(|(g, q)| *g == q.as_str());
        if doubled {
            return span_of(&*a.value).of(cx.text).to_string();
        }
    }
    expr.of(cx.text).to_string()
}
