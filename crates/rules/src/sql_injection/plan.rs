//! What becomes of the pieces of SQL text: which values get a placeholder and what is cut around them.

use super::python_list::ValueList;
use crate::shapes::{self, Action, Group, HOLE, Inside, Text, Value, no};
use surefix_dialect::{HoleContext, Label, Placeholders, SqlProblem, SqlText, sql_plan, sql_text};
use surefix_text::{Reason, Refusal, Span};

/// A placeholder and what is bound to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub parts: Vec<Value>,
    /// The first value's piece.
    pub first: usize,
    /// It stood in quotes: the value is text whatever its type.
    pub quoted: bool,
    pub label: Label,
    /// Placeholders in the text before it that were there already.
    pub before: usize,
    /// The values are those of a list, and the placeholders depend on its length.
    pub list: Option<ValueList>,
}

/// A plan for a text.
pub(crate) struct Plan {
    pub actions: Vec<Action>,
    /// For each way the placeholders in order.
    pub ways: Vec<Vec<Slot>>,
    /// The first word of the statement, upper case.
    pub verb: String,
    /// Facts about the constant text of the first way.
    pub facts: SqlText,
    /// No value is left in the text.
    pub constant: bool,
    /// Values that stay in the text behind a check.
    pub guards: Vec<usize>,
}

/// What the recipe decides about one value.
pub(crate) enum Choice {
    /// A placeholder.
    Bind,
    /// Stays in the text.
    Keep,
    /// Another expression in its place.
    Code(String),
    /// The placeholders that this expression gives, for the values of a list.
    List(String, ValueList),
    /// Stays in the text; a check in front of it lets only names pass.
    Guard,
}

/// A name of a column, with the name of its table: what [`Choice::Guard`] lets pass.
pub(crate) const NAME_PATTERN: &str = "[A-Za-z_][A-Za-z0-9_.]{0,62}";

/// What a guard changes, for the commit message.
pub(crate) const GUARD_NOTE: &str =
    "sort columns that are no plain name (expressions, several columns) are rejected; any column can still be named";

/// True when a context is a place for a value, which a placeholder can take.
pub(crate) fn is_value(c: &HoleContext) -> bool {
    c.label.sql_bindable()
}

/// Decides about a value: the text, the piece, its context, whether untrusted text is in it, and what the analysis saw there.
pub(crate) type Choose<'s> =
    dyn Fn(&Text, usize, &HoleContext, bool, Option<&[String]>) -> Result<Choice, Refusal> + 's;

/// How the language spells things.
pub(crate) struct Spelling<'s> {
    /// How many placeholders of the driver's kind there are.
    pub count: fn(&Placeholders) -> usize,
    /// The placeholder number n (from zero), when `before` placeholders of the old text precede it.
    pub placeholder: &'s dyn Fn(usize, &Slot) -> String,
    /// What to do with a value; the flag says whether untrusted text is in it.
    pub choose: &'s Choose<'s>,
}

/// Plans the placeholders of a text.
pub(crate) fn plan(text: &Text, inside: &Inside, spelling: &Spelling<'_>) -> Result<Plan, Refusal> {
    let mut actions: Vec<Option<Action>> = vec![None; text.pieces.len()];
    let mut ways = Vec::new();
    let mut guards: Vec<usize> = Vec::new();
    let mut bound = false;
    for way in &text.ways {
        let (mine, slots, checked) = plan_way(text, inside, way, spelling)?;
        bound |= !checked.is_empty();
        guards.extend(checked);
        bound |= !slots.is_empty() || mine.iter().any(|a| matches!(a, Action::Code(_)));
        for p in way {
            let (Some(old), Some(new)) = (actions.get_mut(*p), mine.get(*p)) else { continue };
            match old {
                Some(old) if old != new => {
                    return no(
                        Reason::AlternativesConflict,
                        "two ways of building the text need different edits of one part",
                    );
                }
                _ => *old = Some(new.clone()),
            }
        }
        for (stmt, n) in &text.trims {
            let last = way.iter().rev().find(|p| text.event_of(**p).is_some_and(|e| e.stmt.hi <= stmt.lo));
            let kept = last.is_some_and(|p| {
                let certain = text.event_of(*p).is_some_and(|e| !e.sometimes && (!e.guarded || e.turn.is_some()));
                certain && trim_is_kept(text, *p, *n, mine.get(*p))
            });
            // Without any turn the cut takes the end of what stands before the loop.
            let turn = last.and_then(|p| text.event_of(*p)).and_then(|e| e.turn);
            let before = way.iter().take_while(|p| text.event_of(**p).is_some_and(|e| e.turn != turn)).last();
            let same = turn.is_none() || before.is_some_and(|p| end_is_untouched(text, *p, *n, mine.get(*p)));
            if !kept || !same {
                return no(Reason::ShapeUnknown, "what is cut from the end of the text is not a separator alone");
            }
        }
        for turn in text.turns() {
            two_turns(text, inside, way, turn, &mine, spelling)?;
        }
        // Without each guarded step, and without any turn of a loop, the rest must get the same edits.
        let steps = text.events.iter().enumerate().filter(|(_, e)| e.guarded && (e.turn.is_none() || e.sometimes));
        let steps: Vec<(Option<usize>, Option<Span>)> = steps.map(|(i, _)| (Some(i), None)).collect();
        let loops = text.turns().into_iter().map(|t| (None, Some(t)));
        for (step, turn) in steps.into_iter().chain(loops) {
            let gone = |p: &usize| {
                let own = text.pieces.get(*p).and_then(|p| text.chains.get(p.chain)).map(|c| c.event);
                (step.is_some() && own == step) || (turn.is_some() && text.event_of(*p).is_some_and(|e| e.turn == turn))
            };
            let shorter: Vec<usize> = way.iter().copied().filter(|p| !gone(p)).collect();
            let (other, _, _) = plan_way(text, inside, &shorter, spelling)?;
            if shorter.iter().any(|p| other.get(*p) != mine.get(*p) && !is_put(mine.get(*p), other.get(*p))) {
                return no(
                    Reason::AlternativesConflict,
                    "a conditional part of the text changes what its neighbours mean",
                );
            }
        }
        ways.push(slots);
    }
    if !bound {
        return no(Reason::ShapeUnknown, "no value of the text can be told apart as untrusted");
    }
    let first = text.ways.first().map(Vec::as_slice).unwrap_or_default();
    let lex = text.lex(first);
    let head: String = first.iter().filter_map(|p| text.lit(*p)).take(1).collect();
    let verb = head.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
    let verb = verb.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or("").to_ascii_uppercase();
    let constant = first
        .iter()
        .all(|p| text.lit(*p).is_some() || matches!(actions.get(*p), Some(Some(Action::Put(_) | Action::Drop))));
    let facts = sql_text(&lex);
    let mut actions: Vec<Action> = actions.into_iter().map(Option::unwrap_or_default).collect();
    shapes::keep_apart(text, &|p| inside.texts(p), &mut actions);
    guards.sort_unstable();
    guards.dedup();
    Ok(Plan { actions, ways, verb, facts, constant, guards })
}

/// Which pieces a turn has.
type Which<'w> = &'w dyn Fn(usize) -> bool;

/// A second turn of a loop must get the same edits as the first, and change nothing in what stands around them.
fn two_turns(
    text: &Text,
    inside: &Inside,
    way: &[usize],
    turn: Span,
    mine: &[Action],
    spelling: &Spelling<'_>,
) -> Result<(), Refusal> {
    if text.ways.len() > 1 {
        return no(Reason::AlternativesConflict, "the text is built in alternatives and in a loop");
    }
    let own = |p: &usize| text.event_of(*p).is_some_and(|e| e.turn == Some(turn));
    let run: Vec<usize> = way.iter().copied().filter(own).collect();
    let (Some(from), Some(to)) = (way.iter().position(own), way.iter().rposition(own)) else { return Ok(()) };
    if to + 1 - from != run.len() {
        return no(Reason::ControlFlow, "what one turn of the loop adds does not stand together");
    }
    // Pieces of the second turn are copies.
    let mut longer = text.clone();
    let mut seen = inside.seen.clone();
    let mut copies = Vec::new();
    for p in &run {
        let Some(piece) = text.pieces.get(*p) else { continue };
        longer.pieces.push(piece.clone());
        let copy = longer.pieces.len() - 1;
        if let Some((_, s)) = inside.seen.iter().find(|(q, _)| q == p) {
            seen.push((copy, s.clone()));
        }
        copies.push((*p, copy));
    }
    let inside = Inside { seen, known: inside.known };
    let second: Vec<usize> = copies.iter().map(|c| c.1).collect();
    let before = way.get(..from).unwrap_or_default();
    let after = way.get(to + 1..).unwrap_or_default();
    // A step that some turns leave out: only a separator may be between two values.
    let sometimes = |p: usize| longer.event_of(p).is_some_and(|e| e.sometimes);
    let separators = run.iter().filter(|p| sometimes(**p)).all(|p| text.lit(*p).is_some_and(is_separator));
    let full = |_: usize| true;
    let often = |p: usize| !sometimes(p);
    let checks: &[(Which<'_>, Which<'_>)] = match separators {
        true => &[(&full, &full)],
        false => &[(&full, &full), (&often, &full), (&full, &often), (&often, &often)],
    };
    for (in_first, in_second) in checks {
        let mut all = before.to_vec();
        all.extend(run.iter().copied().filter(|p| in_first(*p)));
        all.extend(second.iter().copied().filter(|p| in_second(*p)));
        all.extend(after);
        let (actions, _, _) = plan_way(&longer, &inside, &all, spelling)?;
        let kept = |p: usize| all.contains(&p);
        let old = way.iter().filter(|p| kept(**p)).all(|p| actions.get(*p) == mine.get(*p));
        let new = copies.iter().filter(|c| kept(c.1)).all(|(p, c)| actions.get(*c) == mine.get(*p));
        if !old || !new {
            return no(Reason::AlternativesConflict, "a second turn of the loop changes what the values mean");
        }
    }
    Ok(())
}

/// A bare value is all that stands in the parentheses of an `IN`, or behind it: it may be a list of values.
pub(crate) fn may_be_list(text: &Text, piece: usize, c: &HoleContext) -> bool {
    if c.label != Label::SqlInList || c.quote != surefix_dialect::Quote::None {
        return false;
    }
    if text.event_of(piece).is_some_and(|e| e.turn.is_some()) {
        return false;
    }
    let Some(way) = text.ways.iter().find(|w| w.contains(&piece)) else { return true };
    let Some(at) = way.iter().position(|p| *p == piece) else { return true };
    let lit = |i: Option<usize>| i.and_then(|i| way.get(i)).and_then(|p| text.lit(*p)).unwrap_or("");
    let (before, after) = (lit(at.checked_sub(1)).trim_end(), lit(at.checked_add(1)).trim_start());
    let first = before.ends_with('(') || before.to_ascii_uppercase().ends_with("IN");
    first && !after.starts_with(',')
}

/// The refusal for it.
pub(crate) fn list_refusal<T>() -> Result<T, Refusal> {
    Err(Refusal::new(Reason::TypeUnknown, "the value may be a list, which one placeholder cannot take")
        .with_steps("Split the value into a list, write one placeholder for each of its elements and bind them."))
}

/// The last `n` characters of a piece are a separator and stay what they are.
fn trim_is_kept(text: &Text, piece: usize, n: usize, action: Option<&Action>) -> bool {
    let end = text.lit(piece).and_then(|t| t.get(t.len().checked_sub(n)?..));
    end_is_untouched(text, piece, n, action) && end.is_some_and(is_separator)
}

/// The last `n` characters of a literal stay what they are.
fn end_is_untouched(text: &Text, piece: usize, n: usize, action: Option<&Action>) -> bool {
    let Some(from) = text.lit(piece).and_then(|t| t.len().checked_sub(n)) else { return false };
    match action {
        None | Some(Action::Keep) => true,
        Some(Action::Cut(cuts)) => cuts.iter().all(|(r, _)| r.end <= from),
        _ => false,
    }
}

/// Text that stands between two values of a list or two conditions.
fn is_separator(text: &str) -> bool {
    matches!(text.trim().to_ascii_uppercase().as_str(), "" | "," | "AND" | "OR")
}

/// Numbered placeholders differ between ways and are checked by the recipe.
fn is_put(a: Option<&Action>, b: Option<&Action>) -> bool {
    matches!((a, b), (Some(Action::Put(a)), Some(Action::Put(b))) if a == b)
}

/// What one way through the text needs: an action a piece, the values to bind, the pieces to guard.
type Way = (Vec<Action>, Vec<Slot>, Vec<usize>);

fn plan_way(text: &Text, inside: &Inside, way: &[usize], spelling: &Spelling<'_>) -> Result<Way, Refusal> {
    let mut guards = Vec::new();
    let mut actions = vec![Action::Keep; text.pieces.len()];
    let contexts = text.contexts(surefix_dialect::Dialect::Sql, way);
    let holes = match sql_plan(&text.lex(way)) {
        Ok(h) => h,
        Err(p) => return problem(p),
    };
    let mut bind: Vec<usize> = Vec::new();
    let mut lists: Vec<(usize, String, ValueList)> = Vec::new();
    for ((piece, context), hole) in contexts.iter().zip(&holes) {
        let seen = inside.seen.iter().find(|(p, _)| p == piece).map(|(_, s)| s.as_slice());
        let tainted = !inside.known || seen.is_some_and(|s| s.iter().any(|t| t.contains(HOLE)));
        let own_quotes = seen.is_some_and(|s| s.iter().any(|t| t.contains(['\'', '"', '`'])));
        match (spelling.choose)(text, *piece, context, tainted, seen)? {
            Choice::Bind if context.label.sql_bindable() => {
                let bare = context.quote == surefix_dialect::Quote::None;
                if bare && own_quotes {
                    return no(Reason::AlreadyEscaped, "the value brings its own quotes into the text");
                }
                bind.push(hole.group);
            }
            Choice::List(code, list) => {
                bind.push(hole.group);
                lists.push((*piece, code, list));
            }
            Choice::Code(c) => {
                if let Some(a) = actions.get_mut(*piece) {
                    *a = Action::Code(c);
                }
            }
            Choice::Guard => guards.push(*piece),
            _ if tainted => return refuse(context),
            _ => {}
        }
    }
    let chosen: Vec<shapes::Hole> = contexts
        .iter()
        .zip(&holes)
        .filter(|(_, h)| bind.contains(&h.group))
        .map(|((piece, c), h)| shapes::Hole {
            piece: *piece,
            group: h.group,
            cut_before: h.cut_before,
            cut_after: h.cut_after,
            prefix: h.prefix.clone(),
            suffix: h.suffix.clone(),
            quoted: c.quote != surefix_dialect::Quote::None,
        })
        .collect();
    let (groups, cuts) = shapes::quoted_groups(text, way, &chosen);
    shapes::cut_actions(text, &cuts, &mut actions);
    let mut slots = Vec::new();
    for g in groups {
        let Some(((_, context), hole)) = contexts.iter().zip(&holes).find(|((p, _), _)| *p == g.first) else {
            continue;
        };
        let Group { parts, first, quoted } = g;
        let list = lists.iter().find(|l| l.0 == first);
        if list.is_some() && parts.len() > 1 {
            return no(Reason::ShapeUnknown, "a list of values stands in a longer string");
        }
        let before = (spelling.count)(&hole.before);
        let slot = Slot { parts, first, quoted, label: context.label, before, list: list.map(|l| l.2.clone()) };
        if let Some((_, code, _)) = list {
            // What a variable carries is edited where it is put together.
            if slot.list.as_ref().is_some_and(|l| l.call.is_none())
                && let Some(a) = actions.get_mut(first)
            {
                *a = Action::Code(code.clone());
            }
            slots.push(slot);
            continue;
        }
        for p in &slot.parts {
            if let Value::Piece(p) = p
                && let Some(a) = actions.get_mut(*p)
            {
                *a = if *p == first { Action::Put((spelling.placeholder)(slots.len(), &slot)) } else { Action::Drop };
            }
        }
        slots.push(slot);
    }
    Ok((actions, slots, guards))
}

pub(crate) fn problem<T>(p: SqlProblem) -> Result<T, Refusal> {
    match p {
        SqlProblem::SeveralStatements => {
            no(Reason::NoLocalFix, "the text holds several statements, which cannot be prepared as one")
        }
        SqlProblem::Backslash { .. } => {
            no(Reason::ContextUnsafe, "a string of the text holds a backslash, which databases read differently")
        }
        SqlProblem::CustomQuote { .. } => {
            no(Reason::NoRecipe, "the value stands in a string with a delimiter of its own")
        }
        SqlProblem::TypedLiteral { .. } => {
            no(Reason::NoRecipe, "the string belongs to a typed literal, which a placeholder cannot fill")
        }
        SqlProblem::Unterminated { .. } => no(Reason::ShapeUnknown, "the string around the value does not end"),
        SqlProblem::PartialToken { .. } => {
            no(Reason::IdentifierHole, "the value is only a part of a word, which no placeholder can fill")
        }
    }
}

/// Why a value in this place cannot be bound.
pub(crate) fn refuse<T>(c: &HoleContext) -> Result<T, Refusal> {
    let (what, steps) = match c.label {
        Label::SqlIdentifier | Label::SqlIdentQuoted => (
            "a name (table, column) stands where the value goes, and names cannot be bound",
            "Map the request's value to a constant name with a lookup that rejects everything else, and put that constant into the text.",
        ),
        Label::SqlOrderBy => (
            "the value chooses a sort column, and columns cannot be bound",
            "Map the request's value to one of the sortable columns with a lookup that rejects everything else. A bound placeholder would sort by a constant.",
        ),
        Label::SqlCall => (
            "the value chooses the procedure that is called, and names cannot be bound",
            "Map the request's value to the name of an allowed procedure, and bind its arguments.",
        ),
        Label::SqlWholeStatement => (
            "the whole statement comes from outside",
            "Let the caller choose among statements that stand in the code, and bind the values.",
        ),
        Label::SqlDdl => (
            "the statement takes no parameters (data definition)",
            "Check the value against a pattern of letters and digits before it goes into the text.",
        ),
        Label::SqlComment => ("the value stands inside a comment", "Remove the value from the comment."),
        Label::SqlSortDirection => (
            "the value chooses the sort direction, which cannot be bound",
            "Compare the value with \"desc\" and use the constant ASC or DESC.",
        ),
        _ => (
            "the value is a keyword or a whole clause, which cannot be bound",
            "Choose among constant clauses in the code and bind the values inside them.",
        ),
    };
    Err(Refusal::new(Reason::IdentifierHole, what).with_steps(steps))
}
