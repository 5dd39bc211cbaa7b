//! Resumable lexers of the languages inside strings: for a text with holes they say in which
//! context each hole stands and which characters would leave it.
//!
//! The text is a sequence of literal pieces and holes. A hole is assumed to stay inside its
//! context; [`can_break`] says whether that assumption holds for a set of characters.

pub mod chars;
mod css;
mod html;
mod js;
mod label;
mod plain;
mod shell;
mod sql;
mod state;

pub use chars::Breaks;
pub use label::{Dialect, Label, Quote};
pub use sql::plan::{Placeholders, SqlHole, SqlProblem, SqlText, sql_plan, sql_text};
pub use state::{Lexer, State};

use serde::{Deserialize, Serialize};

/// One piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Piece<'a> {
    /// Constant text.
    Lit(&'a str),
    /// Text that is known only when the program runs.
    Hole,
}

/// What is known about the place of one hole.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HoleContext {
    /// The kind of place.
    pub label: Label,
    /// The characters that leave it.
    pub breaks: Breaks,
    /// The innermost quotes around the hole.
    pub quote: Quote,
    /// Constant text (as written) of the same token, value or component directly before the hole.
    pub prefix: String,
    /// Constant text (as written) of the same token directly after the hole; only [`contexts`] knows it.
    pub suffix: String,
    /// Byte offset in the literal directly before the hole at which `prefix` starts.
    pub start_in_lit: usize,
    /// SQL: the operator before the string is `LIKE` or `ILIKE`.
    pub like: bool,
    /// SQL: inside the parentheses of `IN`.
    pub in_list: bool,
    /// SQL: the text holds more than one statement ([`Lexer`] knows only those so far).
    pub several_statements: bool,
    /// Shell: inside a substitution. HTML: inside a script or style.
    pub nested: bool,
}

impl HoleContext {
    /// A context with a label and its breaking characters, everything else empty.
    #[must_use]
    pub const fn new(label: Label, breaks: Breaks) -> Self {
        Self {
            label,
            breaks,
            quote: Quote::None,
            prefix: String::new(),
            suffix: String::new(),
            start_in_lit: 0,
            like: false,
            in_list: false,
            several_statements: false,
            nested: false,
        }
    }

    pub(crate) fn quoted(mut self, quote: Quote) -> Self {
        self.quote = quote;
        self
    }

    pub(crate) fn after(mut self, prefix: &str) -> Self {
        self.prefix = prefix.to_owned();
        self
    }
}

/// The contexts of the holes of a text, in order.
#[must_use]
pub fn contexts(dialect: Dialect, pieces: &[Piece<'_>]) -> Vec<HoleContext> {
    let mut lexer = Lexer::new(dialect);
    let mut found = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Lit(text) => lexer.feed(text),
            Piece::Hole => {
                let mut context = lexer.hole();
                let rest = pieces.get(at + 1..).unwrap_or_default();
                let next: String = rest
                    .iter()
                    .map_while(|piece| match piece {
                        Piece::Lit(text) => Some(*text),
                        Piece::Hole => None,
                    })
                    .collect();
                let more = rest.contains(&Piece::Hole);
                lexer.refine(&mut context, &next, more);
                found.push(context);
            }
        }
    }
    if lexer.several_statements() {
        for context in &mut found {
            context.several_statements = true;
        }
    }
    found
}

/// Can a value leave this context? `allowed` are the only ASCII characters it may hold (none:
/// unknown), `denied` the characters it is proven not to hold.
#[must_use]
pub fn can_break(context: &HoleContext, allowed: Option<u128>, denied: u128) -> bool {
    match allowed {
        Some(allowed) => allowed & !denied & context.breaks.set != 0,
        None => context.breaks.any || context.breaks.set & !denied != 0,
    }
}
