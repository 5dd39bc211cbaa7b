//! Text as the source puts it together, and how a recipe edits it in place.
//!
//! The analysis says which text reaches a sink and where its tokens stand; a recipe edits the expression that builds it.
//! [`Text`] is that expression taken apart: literals with the way back to their bytes, and the operands between them.
//! An operand stays whole as long as it stands for a value; only an operand that stands for a piece of the language itself
//! (a clause, the whole statement) is followed to where it is built. A recipe decides an [`Action`] for each piece, the
//! renderer of the language turns them into edits.

mod chain;
pub(crate) mod java;
pub(crate) mod java_render;
pub(crate) mod java_value;
pub(crate) mod python;
pub(crate) mod python_render;
pub(crate) mod python_value;
mod quoted;

use regex::Regex;
use std::ops::Range;
use surefix_dataflow::{Flow, Frag};
use surefix_dialect::{Dialect, HoleContext};
use surefix_ir::Lang;
use surefix_rewrite::LiteralMap;
use surefix_text::{Reason, Refusal, Span};

pub(crate) use quoted::{Group, Hole, Value, cut_actions, keep_apart, quoted_groups};

/// A refusal in one word.
pub(crate) fn no<T>(reason: Reason, detail: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::new(reason, detail))
}

/// How a template spells its fields and its own sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// `java.util.Formatter`.
    Java,
    /// Python `%`.
    Percent,
    /// Python `str.format`.
    Braces,
}

impl Style {
    /// `text` as a template of this style spells it.
    pub(crate) fn encode(self, text: &str) -> String {
        match self {
            Style::Java | Style::Percent => text.replace('%', "%%"),
            Style::Braces => text.replace('{', "{{").replace('}', "}}"),
        }
    }
}

/// What an operand of a chain is.
#[derive(Clone, Debug)]
pub(crate) enum OperandKind {
    /// A string literal token. F-strings carry their fields in `map`.
    Lit(LiteralMap),
    /// A character literal (Java).
    Char,
    /// Any other expression.
    Val,
    /// A template with arguments.
    Template {
        /// The template's tokens, read; more than one where literals stand side by side.
        tokens: Vec<(Span, LiteralMap)>,
        /// Its style.
        style: Style,
        /// The arguments in the order of the positional fields.
        args: Vec<Span>,
        /// Everything between the template's token and the end of the call (`.format(a)`, `% (a,)`), or the whole call.
        whole: Span,
    },
    /// The pieces stand in a chain of their own (parentheses).
    Nested,
}

/// An operand of a chain.
#[derive(Clone, Debug)]
pub(crate) struct Operand {
    pub kind: OperandKind,
    pub span: Span,
}

/// Operands joined by `+` (or by standing side by side), one or more.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub span: Span,
    pub operands: Vec<Operand>,
    /// Index into [`Text::events`].
    pub event: usize,
    /// The call (`sb.append(…)`, `s.concat(…)`) whose only argument the chain is, and its receiver.
    pub append: Option<(Span, Span)>,
}

/// A step in which the text is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// The statement.
    pub stmt: Span,
    /// It runs under a condition that the sink does not stand under.
    pub guarded: bool,
    /// The statement is the sink's own.
    pub at_sink: bool,
    /// The loop that repeats it; such a step is `guarded` as well.
    pub turn: Option<Span>,
    /// It runs under a condition inside that loop.
    pub sometimes: bool,
}

/// When a step of building the text runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Step {
    pub guarded: bool,
    pub turn: Option<Span>,
    pub sometimes: bool,
}

/// Whether text that grows in a loop is taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loops {
    /// It is refused.
    Refuse,
    /// The steps of a loop are marked by [`Event::turn`].
    Follow,
}

/// A piece of the text.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub chain: usize,
    pub operand: usize,
    pub kind: PieceKind,
}

/// What a piece is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PieceKind {
    /// Constant text: its value and where it stands in the decoded token.
    Lit { text: String, range: Range<usize> },
    /// A value: the expression that gives it, and the field (of a template or f-string) in which it stands.
    Val { expr: Span, field: Option<Field> },
}

/// The field of a template or f-string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// The field in the decoded template; for f-strings the bytes of the token.
    pub range: Range<usize>,
    /// Which argument of the template.
    pub arg: usize,
    /// The value goes in as plain text.
    pub plain: bool,
    /// How the value must be formatted when `plain` is false, as the language's format call wants it.
    pub spec: String,
}

/// A variable that the text goes through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Carrier {
    pub name: String,
    pub declarator: Span,
    /// The declaration or first assignment.
    pub first: Span,
    /// Every mention that is no part of building the text and not the sink's argument.
    pub other_uses: Vec<Span>,
}

/// A text taken apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Text {
    pub chains: Vec<Chain>,
    pub pieces: Vec<Piece>,
    pub events: Vec<Event>,
    /// Pieces of each way in which the text can be built without regard to guards; more than one only after exclusive assignments.
    pub ways: Vec<Vec<usize>>,
    pub carriers: Vec<Carrier>,
    /// Statements that take this many characters off the end of what was built before them.
    pub trims: Vec<(Span, usize)>,
}

/// The place of a name: text that cannot be followed there is a name, whatever it holds.
pub(crate) fn is_name(c: &HoleContext) -> bool {
    use surefix_dialect::Label;
    matches!(
        c.label,
        Label::SqlCall | Label::SqlIdentifier | Label::SqlIdentQuoted | Label::SqlOrderBy | Label::SqlSortDirection
    )
}

/// What becomes of a piece.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Action {
    /// Stays.
    #[default]
    Keep,
    /// Literal: ranges of its text and what replaces them, in order.
    Cut(Vec<(Range<usize>, String)>),
    /// Value: gone.
    Drop,
    /// Value: constant text instead.
    Put(String),
    /// Value: another expression instead.
    Code(String),
}

impl Text {
    /// The piece's event.
    pub(crate) fn event_of(&self, piece: usize) -> Option<&Event> {
        let chain = self.chains.get(self.pieces.get(piece)?.chain)?;
        self.events.get(chain.event)
    }
    /// The expression of a value.
    pub(crate) fn expr(&self, piece: usize) -> Option<Span> {
        match &self.pieces.get(piece)?.kind {
            PieceKind::Val { expr, .. } => Some(*expr),
            PieceKind::Lit { .. } => None,
        }
    }
    /// The constant text of a piece.
    pub(crate) fn lit(&self, piece: usize) -> Option<&str> {
        match &self.pieces.get(piece)?.kind {
            PieceKind::Lit { text, .. } => Some(text),
            PieceKind::Val { .. } => None,
        }
    }
    /// The pieces of a way as the lexers want them.
    pub(crate) fn lex<'t>(&'t self, way: &[usize]) -> Vec<surefix_dialect::Piece<'t>> {
        way.iter()
            .filter_map(|p| self.pieces.get(*p))
            .map(|p| match &p.kind {
                PieceKind::Lit { text, .. } => surefix_dialect::Piece::Lit(text),
                PieceKind::Val { .. } => surefix_dialect::Piece::Hole,
            })
            .collect()
    }
    /// The values of a way with their contexts.
    pub(crate) fn contexts(&self, dialect: Dialect, way: &[usize]) -> Vec<(usize, HoleContext)> {
        let holes = way.iter().copied().filter(|p| self.expr(*p).is_some());
        holes.zip(surefix_dialect::contexts(dialect, &self.lex(way))).collect()
    }
    /// The loops that repeat steps, in order.
    pub(crate) fn turns(&self) -> Vec<Span> {
        let mut out: Vec<Span> = self.events.iter().filter_map(|e| e.turn).collect();
        out.sort_by_key(|s| (s.lo, s.hi));
        out.dedup();
        out
    }
    /// True when some step runs under a condition, or exclusive assignments exist.
    pub(crate) fn branches(&self) -> bool {
        self.ways.len() > 1 || self.events.iter().any(|e| e.guarded)
    }
}

/// What the analysis knows of the values of a text: for each value of the way, the texts it stood for in the shapes (holes as
/// [`HOLE`]); `Err` when a shape does not fit.
pub(crate) struct Inside {
    /// Piece and what was seen inside.
    pub seen: Vec<(usize, Vec<String>)>,
    /// True when the analysis knew the shapes.
    pub known: bool,
}

impl Inside {
    /// The texts that a value stood for.
    pub(crate) fn texts(&self, piece: usize) -> Option<Vec<String>> {
        self.seen.iter().find(|(p, _)| *p == piece).map(|(_, texts)| texts.clone())
    }
}

/// Stands for untrusted text in [`Inside::seen`].
pub(crate) const HOLE: char = '\u{fffc}';
/// Stands for unknown text that is not untrusted.
pub(crate) const CLEAN: char = '\u{fffb}';

/// Compares the text with the shapes that the analysis found at the sink.
pub(crate) fn inside(text: &Text, flow: &Flow) -> Result<Inside, Refusal> {
    let mut seen: Vec<(usize, Vec<String>)> = Vec::new();
    if flow.shapes.is_empty() {
        return Ok(Inside { seen, known: false });
    }
    let mut patterns = Vec::new();
    let mut loops: Vec<(Regex, Vec<usize>, Vec<usize>)> = Vec::new();
    for way in &text.ways {
        let mut pattern = String::from("(?s)^");
        let mut order = Vec::new();
        let mut at = 0;
        let mut turn: Option<Span> = None;
        let mut widened = None;
        while at < way.len() {
            // Pieces of one guarded step are there or not, those of a loop any number of times.
            let event = way.get(at).and_then(|p| text.event_of(*p));
            let own = event.and_then(|e| e.turn);
            if own != turn {
                if turn.is_some() {
                    pattern.push_str(")*");
                    widened = Some((pattern.len(), order.len()));
                }
                pattern.push_str(if own.is_some() { "(?:" } else { "" });
                turn = own;
            }
            let guarded = event.is_some_and(|e| e.guarded && (e.turn.is_none() || e.sometimes)) && text.ways.len() == 1;
            let mut end = at + 1;
            while guarded && end < way.len() && way.get(end).and_then(|p| text.event_of(*p)) == event {
                end += 1;
            }
            pattern.push_str(if guarded { "(?:" } else { "" });
            for p in way.get(at..end).unwrap_or_default() {
                match text.lit(*p) {
                    Some(lit) => pattern.push_str(&regex::escape(&lit.replace("\r\n", "\n"))),
                    None => {
                        pattern.push_str("(.*?)");
                        order.push(*p);
                    }
                }
            }
            pattern.push_str(if guarded { ")?" } else { "" });
            at = end;
        }
        if turn.is_some() {
            pattern.push_str(")*");
            widened = Some((pattern.len(), order.len()));
        }
        pattern.push('$');
        let long = "the text is too long to be compared with what the analysis found";
        let Ok(regex) = Regex::new(&pattern) else { return no(Reason::ShapeUnknown, long) };
        // Turns that differ are one unknown text to the analysis: then any value of the loop, or before it, is untrusted.
        if let Some((end, values)) = widened {
            let rest = format!("(?s)^{HOLE}{}", pattern.get(end..).unwrap_or(""));
            let Ok(rest) = Regex::new(&rest) else { return no(Reason::ShapeUnknown, long) };
            loops.push((
                rest,
                order.iter().take(values).copied().collect(),
                order.iter().skip(values).copied().collect(),
            ));
        }
        patterns.push((regex, order));
    }
    for shape in &flow.shapes {
        let flat = flat(&shape.frags);
        let mut note = |piece: usize, found: &str| match seen.iter_mut().find(|(p, _)| *p == piece) {
            Some((_, list)) if list.iter().any(|f| f == found) => {}
            Some((_, list)) => list.push(found.to_string()),
            None => seen.push((piece, vec![found.to_string()])),
        };
        let known = patterns.iter().find_map(|(r, o)| Some((r.captures(&flat)?, o)));
        let known = known.or_else(|| {
            let (captures, hidden, order) = loops.iter().find_map(|(r, h, o)| Some((r.captures(&flat)?, h, o)))?;
            for p in hidden {
                note(*p, &HOLE.to_string());
            }
            Some((captures, order))
        });
        let Some((captures, order)) = known else {
            return no(Reason::ShapeUnknown, "the text that reaches the call is not built as its expression shows");
        };
        for (i, piece) in order.iter().enumerate() {
            let Some(found) = captures.get(i + 1) else { continue };
            note(*piece, found.as_str());
        }
    }
    Ok(Inside { seen, known: true })
}

fn flat(frags: &[Frag]) -> String {
    let mut out = String::new();
    for f in frags {
        match f {
            // Line ends inside a literal are one character wherever the file comes from.
            Frag::Lit { text, .. } => out.push_str(&text.replace("\r\n", "\n")),
            Frag::Hole(h) => out.push(if h.tainted { HOLE } else { CLEAN }),
            // One turn shows what every turn puts there.
            Frag::Rep(turn) => out.push_str(&flat(turn)),
        }
    }
    out
}

/// The source of a literal token after replacing ranges of its decoded text.
pub(crate) fn literal_source(
    lang: Lang,
    token: &str,
    map: &LiteralMap,
    cuts: &[(Range<usize>, String)],
) -> Option<String> {
    let mut out = String::new();
    let mut at = 0;
    for (range, new) in cuts {
        let src = map.source(range.clone())?;
        out.push_str(token.get(at..src.start)?);
        out.push_str(&map.escape(new)?);
        at = src.end;
    }
    out.push_str(token.get(at..)?);
    // A text block's margin depends on all of its lines: what was cut may have moved it.
    let again = LiteralMap::new(lang, &out)?;
    // Blanks at its end are not part of a text block; a placeholder that follows needs none.
    let same = |a: &str, b: &str| if map.is_triple() { a.trim_end() == b.trim_end() } else { a == b };
    same(again.decoded(), &literal_value(map, cuts)).then_some(out)
}

/// The decoded text after the same replacement.
pub(crate) fn literal_value(map: &LiteralMap, cuts: &[(Range<usize>, String)]) -> String {
    let mut out = String::new();
    let mut at = 0;
    for (range, new) in cuts {
        out.push_str(map.decoded().get(at..range.start).unwrap_or(""));
        out.push_str(new);
        at = range.end;
    }
    out.push_str(map.decoded().get(at..).unwrap_or(""));
    out
}

/// Splits template text at doubled signs (`%%`, `{{`), so that each piece is as long as its spelling or one sign.
pub(crate) fn split_template(
    decoded: &str,
    range: Range<usize>,
    doubled: &[&str],
    push: &mut dyn FnMut(String, Range<usize>),
) {
    let mut at = range.start;
    while at < range.end {
        let rest = decoded.get(at..range.end).unwrap_or("");
        let next = doubled.iter().filter_map(|d| Some((rest.find(d)?, *d))).min_by_key(|x| x.0);
        match next {
            Some((i, sign)) => {
                if i > 0 {
                    push(rest.get(..i).unwrap_or("").to_string(), at..at + i);
                }
                let one = sign.get(..sign.len() / 2).unwrap_or(sign);
                push(one.to_string(), at + i..at + i + sign.len());
                at += i + sign.len();
            }
            None => {
                if !rest.is_empty() {
                    push(rest.to_string(), at..range.end);
                }
                break;
            }
        }
    }
}

/// Cuts of text that several tokens spell, by token.
pub(crate) fn by_token(
    tokens: &[(Span, LiteralMap)],
    cuts: &[(Range<usize>, String)],
) -> Vec<Vec<(Range<usize>, String)>> {
    let mut out = Vec::new();
    let mut base = 0;
    for (n, (_, map)) in tokens.iter().enumerate() {
        let end = base + map.decoded().len();
        let mut mine = Vec::new();
        for (r, new) in cuts {
            // An insertion between two tokens belongs to the first.
            let point = r.is_empty() && r.start >= base && r.start <= end && (n == 0 || r.start > base);
            let (lo, hi) = (r.start.max(base), r.end.min(end));
            if point || (!r.is_empty() && lo < hi) {
                let text = if r.start >= base { new.clone() } else { String::new() };
                mine.push((lo - base..hi - base, text));
            }
        }
        out.push(mine);
        base = end;
    }
    out
}

/// The value of a piece goes in as plain text.
pub(crate) fn plain_field(text: &Text, piece: usize) -> bool {
    !matches!(text.pieces.get(piece).map(|p| &p.kind), Some(PieceKind::Val { field: Some(f), .. }) if !f.plain)
}
