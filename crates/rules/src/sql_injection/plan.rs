//! What becomes of the pieces of SQL text: which values get a placeholder and what is cut around them.

use crate::shapes::{self, Action, Group, HOLE, Inside, Text, Value, no};
use surefix_dialect::{HoleContext, Label, Placeholders, SqlProblem, SqlText, sql_plan, sql_text};
use surefix_text::{Reason, Refusal};

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
}

/// What the recipe decides about one value.
pub(crate) enum Choice {
    /// A placeholder.
    Bind,
    /// Stays in the text.
    Keep,
    /// Another expression in its place.
    Code(String),
}

/// True when a context is a place for a value, which a placeholder can take.
pub(crate) fn is_value(c: &HoleContext) -> bool {
    c.label.sql_bindable()
}

/// Decides about a value: the text, the piece, its context, and whether untrusted text is in it.
pub(crate) type Choose<'s> = dyn Fn(&Text, usize, &HoleContext, bool) -> Result<Choice, Refusal> + 's;

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
    let mut bound = false;
    for way in &text.ways {
        let (mine, slots) = plan_way(text, inside, way, spelling)?;
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
        // Without each guarded step the rest must get the same edits.
        for (i, event) in text.events.iter().enumerate().filter(|(_, e)| e.guarded) {
            let _ = event;
            let shorter: Vec<usize> = way
                .iter()
                .copied()
                .filter(|p| text.pieces.get(*p).and_then(|p| text.chains.get(p.chain)).is_none_or(|c| c.event != i))
                .collect();
            let (other, _) = plan_way(text, inside, &shorter, spelling)?;
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
    let actions = actions.into_iter().map(Option::unwrap_or_default).collect();
    Ok(Plan { actions, ways, verb, facts, constant })
}

/// Numbered placeholders differ between ways and are checked by the recipe.
fn is_put(a: Option<&Action>, b: Option<&Action>) -> bool {
    matches!((a, b), (Some(Action::Put(a)), Some(Action::Put(b))) if a == b)
}

fn plan_way(
    text: &Text,
    inside: &Inside,
    way: &[usize],
    spelling: &Spelling<'_>,
) -> Result<(Vec<Action>, Vec<Slot>), Refusal> {
    let mut actions = vec![Action::Keep; text.pieces.len()];
    let contexts = text.contexts(surefix_dialect::Dialect::Sql, way);
    let holes = match sql_plan(&text.lex(way)) {
        Ok(h) => h,
        Err(p) => return problem(p),
    };
    let mut bind: Vec<usize> = Vec::new();
    for ((piece, context), hole) in contexts.iter().zip(&holes) {
        let seen = inside.seen.iter().find(|(p, _)| p == piece).map(|(_, s)| s.as_slice());
        let tainted = !inside.known || seen.is_some_and(|s| s.iter().any(|t| t.contains(HOLE)));
        let own_quotes = seen.is_some_and(|s| s.iter().any(|t| t.contains(['\'', '"', '`'])));
        match (spelling.choose)(text, *piece, context, tainted)? {
            Choice::Bind if context.label.sql_bindable() => {
                let bare = context.quote == surefix_dialect::Quote::None;
                if bare && own_quotes {
                    return no(Reason::AlreadyEscaped, "the value brings its own quotes into the text");
                }
                bind.push(hole.group);
            }
            Choice::Code(c) => {
                if let Some(a) = actions.get_mut(*piece) {
                    *a = Action::Code(c);
                }
            }
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
        let slot = Slot { parts, first, quoted, label: context.label, before: (spelling.count)(&hole.before) };
        for p in &slot.parts {
            if let Value::Piece(p) = p
                && let Some(a) = actions.get_mut(*p)
            {
                *a = if *p == first { Action::Put((spelling.placeholder)(slots.len(), &slot)) } else { Action::Drop };
            }
        }
        slots.push(slot);
    }
    Ok((actions, slots))
}

fn problem<T>(p: SqlProblem) -> Result<T, Refusal> {
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
fn refuse<T>(c: &HoleContext) -> Result<T, Refusal> {
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
