//! The SQL lexer: quotes, comments, parentheses and just enough grammar to name the place of a
//! bare hole. It accepts the union of what the common database engines accept.

mod grammar;
pub(crate) mod plan;

use crate::chars::{Breaks, LINE_ENDS, NUMBER, mask};
use crate::{HoleContext, Label, Quote};
pub(crate) use grammar::{Expect, Grammar};
use serde::{Deserialize, Serialize};

/// How a string in single quotes was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Flavour {
    Plain,
    National,
    Escape,
    /// `X'..'`, `_utf8'..'`, `DATE '..'`: not a plain string value.
    Typed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Mode {
    Normal,
    Word(String),
    Number,
    AfterHole,
    Dash,
    Slash,
    Hash,
    Single(Flavour),
    SingleEscape,
    SingleEnd(Flavour),
    Double,
    DoubleEnd,
    Backtick,
    BacktickEnd,
    Bracket,
    Line,
    Block { depth: u8, last: char, live: bool, fresh: bool },
    Tag(String),
    Dollar { tag: String, tail: String },
    OracleStart,
    Oracle { close: char, ended: bool },
}

/// The state of the SQL lexer between two pieces.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SqlState {
    pub(crate) mode: Mode,
    pub(crate) grammar: Grammar,
    /// Text of the current token since its start or the last hole in it.
    pub(crate) token: String,
    /// Holes so far in the current quoted token.
    holes: u16,
    /// The quoted token stands where a name is expected, or in a statement without parameters.
    role: Role,
    like: bool,
    /// A backslash stands directly before a quote: vendors disagree where the string ends.
    pub(crate) ambiguous: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
enum Role {
    Value,
    Name,
    Ddl,
}

const QUOTED: Breaks = Breaks::of(mask("'\\"));
const BARE: Breaks = Breaks::all_but(NUMBER);
/// A word, with dots, stays one name: which one, is for others to judge.
const NAME: Breaks = Breaks::all_but(mask("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_."));

impl Default for SqlState {
    fn default() -> Self {
        Self {
            mode: Mode::Normal,
            grammar: Grammar::default(),
            token: String::new(),
            holes: 0,
            role: Role::Value,
            like: false,
            ambiguous: false,
        }
    }
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || !c.is_ascii()
}

impl SqlState {
    fn open_single(&mut self, flavour: Flavour) {
        let flavour = if flavour == Flavour::Plain && self.grammar.typed { Flavour::Typed } else { flavour };
        self.role = if self.grammar.ddl {
            Role::Ddl
        } else if self.grammar.expect == Expect::Ident {
            Role::Name
        } else {
            Role::Value
        };
        self.like = self.grammar.like;
        self.open(Mode::Single(flavour));
    }

    fn open(&mut self, mode: Mode) {
        self.mode = mode;
        self.token.clear();
        self.holes = 0;
    }

    /// Read one character.
    pub(crate) fn step(&mut self, c: char) {
        match &mut self.mode {
            Mode::Normal => self.normal(c),
            Mode::Word(word) => {
                if is_word(c) || c == '$' || c == '#' {
                    word.push(c);
                    self.token.push(c);
                } else if c == '\'' && is_string_prefix(word) {
                    let upper = word.to_ascii_uppercase();
                    match upper.as_str() {
                        "N" => self.open_single(Flavour::National),
                        "E" => self.open_single(Flavour::Escape),
                        "Q" | "NQ" => self.open(Mode::OracleStart),
                        _ => self.open_single(Flavour::Typed),
                    }
                } else {
                    self.end_word();
                    self.normal(c);
                }
            }
            Mode::Number => {
                if is_word(c) || c == '.' {
                    self.token.push(c);
                } else {
                    self.end_word();
                    self.normal(c);
                }
            }
            Mode::AfterHole => {
                if !is_word(c) {
                    self.mode = Mode::Normal;
                    self.normal(c);
                }
            }
            Mode::Dash => {
                if c == '-' {
                    self.mode = Mode::Line;
                } else {
                    self.grammar.operator('-');
                    self.mode = Mode::Normal;
                    self.normal(c);
                }
            }
            Mode::Slash => {
                if c == '*' {
                    self.mode = Mode::Block { depth: 1, last: ' ', live: false, fresh: true };
                } else {
                    self.grammar.operator('/');
                    self.mode = Mode::Normal;
                    self.normal(c);
                }
            }
            Mode::Hash => {
                // `#` starts a comment in MySQL only; elsewhere it is an operator or a name.
                if c.is_whitespace() {
                    self.mode = if c == '\n' { Mode::Normal } else { Mode::Line };
                } else if is_word(c) {
                    self.token.clear();
                    self.token.push(c);
                    self.mode = Mode::Word(format!("#{c}"));
                } else {
                    self.grammar.operator('#');
                    self.mode = Mode::Normal;
                    self.normal(c);
                }
            }
            Mode::Single(flavour) => {
                let flavour = *flavour;
                if c == '\'' {
                    if flavour != Flavour::Escape
                        && self.token.ends_with('\\')
                        && !(self.token == "\\" && self.grammar.last_word == "ESCAPE")
                    {
                        self.ambiguous = true;
                    }
                    self.mode = Mode::SingleEnd(flavour);
                } else {
                    self.token.push(c);
                    if c == '\\' && flavour == Flavour::Escape {
                        self.mode = Mode::SingleEscape;
                    }
                }
            }
            Mode::SingleEscape => {
                self.token.push(c);
                self.mode = Mode::Single(Flavour::Escape);
            }
            Mode::SingleEnd(flavour) => {
                if c == '\'' {
                    self.token.push_str("''");
                    self.mode = Mode::Single(*flavour);
                } else {
                    self.operand();
                    self.normal(c);
                }
            }
            Mode::Double => {
                if c == '"' {
                    self.mode = Mode::DoubleEnd;
                } else {
                    self.token.push(c);
                }
            }
            Mode::DoubleEnd => {
                if c == '"' {
                    self.token.push_str("\"\"");
                    self.mode = Mode::Double;
                } else {
                    self.name();
                    self.normal(c);
                }
            }
            Mode::Backtick => {
                if c == '`' {
                    self.mode = Mode::BacktickEnd;
                } else {
                    self.token.push(c);
                }
            }
            Mode::BacktickEnd => {
                if c == '`' {
                    self.token.push_str("``");
                    self.mode = Mode::Backtick;
                } else {
                    self.name();
                    self.normal(c);
                }
            }
            Mode::Bracket => {
                if c == ']' {
                    self.name();
                } else {
                    self.token.push(c);
                }
            }
            Mode::Line => {
                if c == '\n' || c == '\r' {
                    self.mode = Mode::Normal;
                }
            }
            Mode::Block { depth, last, live, fresh } => {
                if *fresh && (c == '!' || c == '+') {
                    *live = true;
                }
                *fresh = false;
                let before = std::mem::replace(last, c);
                if before == '*' && c == '/' {
                    *last = ' ';
                    *depth = depth.saturating_sub(1);
                    if *depth == 0 {
                        self.mode = Mode::Normal;
                    }
                } else if before == '/' && c == '*' {
                    *last = ' ';
                    // Only some engines nest comments; those that do not end at the first `*/`.
                }
            }
            Mode::Tag(tag) => {
                if c == '$' {
                    let tag = std::mem::take(tag);
                    self.open(Mode::Dollar { tag: format!("${tag}$"), tail: String::new() });
                } else if is_word(c) {
                    tag.push(c);
                    if tag.starts_with(|first: char| first.is_ascii_digit()) {
                        self.token.clear();
                        self.mode = Mode::Number;
                    }
                } else {
                    let named = !tag.is_empty();
                    self.mode = Mode::Normal;
                    if named {
                        self.operand();
                    } else {
                        self.grammar.operator('$');
                    }
                    self.normal(c);
                }
            }
            Mode::Dollar { tag, tail } => {
                self.token.push(c);
                tail.push(c);
                if tail.len() > tag.len() {
                    let drop = tail.chars().next().map_or(0, char::len_utf8);
                    tail.drain(..drop);
                }
                if tail == tag {
                    self.operand();
                }
            }
            Mode::OracleStart => {
                let close = match c {
                    '[' => ']',
                    '(' => ')',
                    '{' => '}',
                    '<' => '>',
                    other => other,
                };
                self.mode = Mode::Oracle { close, ended: false };
            }
            Mode::Oracle { close, ended } => {
                if *ended && c == '\'' {
                    self.operand();
                } else {
                    *ended = c == *close;
                    self.token.push(c);
                }
            }
        }
    }

    fn operand(&mut self) {
        self.mode = Mode::Normal;
        self.token.clear();
        self.grammar.operand(false);
    }

    fn name(&mut self) {
        self.mode = Mode::Normal;
        self.token.clear();
        self.grammar.operand(true);
    }

    fn end_word(&mut self) {
        match std::mem::replace(&mut self.mode, Mode::Normal) {
            Mode::Word(word) => self.grammar.word(&word),
            Mode::Number => self.grammar.operand(false),
            other => self.mode = other,
        }
        self.token.clear();
    }

    fn normal(&mut self, c: char) {
        self.token.clear();
        match c {
            _ if c.is_whitespace() => {}
            '\'' => self.open_single(Flavour::Plain),
            '"' => self.open(Mode::Double),
            '`' => self.open(Mode::Backtick),
            '[' if !self.grammar.after_name && !self.grammar.is_array() => {
                self.open(Mode::Bracket);
            }
            '-' => self.mode = Mode::Dash,
            '/' => self.mode = Mode::Slash,
            '#' => self.mode = Mode::Hash,
            '$' => self.mode = Mode::Tag(String::new()),
            '0'..='9' => {
                self.token.push(c);
                self.mode = Mode::Number;
            }
            _ if is_word(c) || c == '@' => {
                self.token.push(c);
                self.mode = Mode::Word(c.to_string());
            }
            _ => self.grammar.operator(c),
        }
    }

    /// The context of a hole at this place; the lexer then stands behind the hole.
    pub(crate) fn hole(&mut self) -> HoleContext {
        match self.mode {
            Mode::SingleEnd(_) => self.operand(),
            Mode::DoubleEnd | Mode::BacktickEnd => self.name(),
            Mode::Dash => {
                self.grammar.operator('-');
                self.mode = Mode::Normal;
            }
            Mode::Slash => {
                self.grammar.operator('/');
                self.mode = Mode::Normal;
            }
            _ => {}
        }
        self.grammar.significant();
        let quoted = |label, breaks, quote| HoleContext::new(label, breaks).quoted(quote);
        let mut context = match &self.mode {
            Mode::Single(flavour) => {
                let label = match self.role {
                    Role::Ddl => Label::SqlDdl,
                    Role::Name => Label::SqlIdentQuoted,
                    Role::Value if self.holes == 0 && self.token.is_empty() => {
                        if *flavour == Flavour::Typed {
                            Label::SqlQuotedPart
                        } else {
                            Label::SqlQuotedWhole
                        }
                    }
                    Role::Value => Label::SqlQuotedPart,
                };
                let mut context = quoted(label, QUOTED, Quote::Single).after(&self.token);
                context.like = self.like;
                context
            }
            Mode::SingleEscape => quoted(Label::SqlQuotedPart, BARE, Quote::Single).after(&self.token),
            Mode::Double => quoted(Label::SqlIdentQuoted, Breaks::of(mask("\"\\")), Quote::Double).after(&self.token),
            Mode::Backtick => quoted(Label::SqlIdentQuoted, Breaks::of(mask("`")), Quote::Backtick).after(&self.token),
            Mode::Bracket => quoted(Label::SqlIdentQuoted, Breaks::of(mask("]")), Quote::Bracket).after(&self.token),
            Mode::Dollar { .. } => {
                quoted(Label::SqlQuotedPart, Breaks::of(mask("$")), Quote::Dollar).after(&self.token)
            }
            Mode::Tag(_) | Mode::OracleStart => HoleContext::new(Label::SqlClause, BARE).after(&self.token),
            Mode::Oracle { .. } => {
                quoted(Label::SqlQuotedPart, Breaks::of(mask("'")), Quote::Custom).after(&self.token)
            }
            Mode::Line | Mode::Hash => HoleContext::new(Label::SqlComment, Breaks::of(LINE_ENDS)),
            Mode::Block { live, .. } => {
                HoleContext::new(Label::SqlComment, if *live { BARE } else { Breaks::of(mask("/")) })
            }
            _ => {
                let label = self.grammar.label();
                let breaks = if names(label) { NAME } else { BARE };
                let mut context = HoleContext::new(label, breaks).after(&self.token);
                context.like = self.grammar.like;
                context
            }
        };
        context.in_list = self.grammar.in_list();
        context.several_statements = self.grammar.several;
        match &mut self.mode {
            Mode::Single(_) | Mode::Double | Mode::Backtick | Mode::Bracket => {
                self.holes = self.holes.saturating_add(1);
            }
            Mode::SingleEscape => self.mode = Mode::Single(Flavour::Escape),
            Mode::Dollar { tail, .. } => tail.clear(),
            Mode::Oracle { ended, .. } => *ended = false,
            Mode::Block { last, fresh, .. } => {
                *last = ' ';
                *fresh = false;
            }
            Mode::Line => {}
            Mode::Hash => self.mode = Mode::Line,
            _ => {
                self.mode = Mode::AfterHole;
                self.grammar.operand(true);
            }
        }
        self.token.clear();
        context
    }

    pub(crate) fn grammar_several(&self) -> bool {
        self.grammar.several
            || (self.grammar.ended() && !matches!(self.mode, Mode::Normal | Mode::Line | Mode::Block { .. }))
    }

    /// Add what the text after the hole tells.
    pub(crate) fn refine(&self, context: &mut HoleContext, next: &str, more: bool) {
        match &self.mode {
            Mode::Single(_) | Mode::Double | Mode::Backtick | Mode::Bracket => {
                let (suffix, closed) = self.rest_of_quoted(next);
                if context.label == Label::SqlQuotedWhole && (!suffix.is_empty() || (!closed && more)) {
                    context.label = Label::SqlQuotedPart;
                }
                context.suffix = suffix;
            }
            Mode::AfterHole => {
                context.suffix = next.chars().take_while(|c| is_word(*c)).collect();
                if context.label == Label::SqlClause
                    && context.suffix.is_empty()
                    && self.grammar.was_condition
                    && starts_comparison(next)
                {
                    context.label = Label::SqlIdentifier;
                }
            }
            _ => {}
        }
    }

    /// The text up to the quote that closes the current token, and whether there is one.
    pub(crate) fn rest_of_quoted(&self, next: &str) -> (String, bool) {
        let mut ahead = self.clone();
        ahead.token.clear();
        let mut end = None;
        for (at, c) in next.char_indices() {
            ahead.step(c);
            match ahead.mode {
                Mode::SingleEnd(_) | Mode::DoubleEnd | Mode::BacktickEnd => end = Some(at),
                Mode::Single(_) | Mode::SingleEscape | Mode::Double | Mode::Backtick | Mode::Bracket
                    if end.is_none() || ahead.token.ends_with(['\'', '"', '`']) =>
                {
                    end = None;
                }
                _ => {
                    let text = next.get(..end.unwrap_or(at)).unwrap_or_default();
                    return (text.to_owned(), true);
                }
            }
        }
        match end {
            Some(at) => (next.get(..at).unwrap_or_default().to_owned(), true),
            None => (next.to_owned(), false),
        }
    }
}

/// Labels of places where a name stands.
fn names(label: Label) -> bool {
    matches!(label, Label::SqlIdentifier | Label::SqlOrderBy | Label::SqlSortDirection)
}

fn is_string_prefix(word: &str) -> bool {
    matches!(word.to_ascii_uppercase().as_str(), "N" | "E" | "X" | "B" | "Q" | "NQ" | "U&") || word.starts_with('_')
}

fn starts_comparison(next: &str) -> bool {
    let rest = next.trim_start();
    if rest.starts_with(['=', '<', '>', '!']) {
        return true;
    }
    let word: String = rest.chars().take_while(|c| is_word(*c)).collect::<String>().to_ascii_uppercase();
    next.starts_with(char::is_whitespace)
        && matches!(word.as_str(), "LIKE" | "ILIKE" | "IN" | "IS" | "BETWEEN" | "NOT" | "REGEXP" | "RLIKE")
}
