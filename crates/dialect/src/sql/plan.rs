//! What a fixer needs to turn SQL text with holes into text with placeholders.

use super::{Flavour, Mode, SqlState, is_word};
use crate::label::Dialect;
use crate::{Label, Piece, contexts};
use serde::{Deserialize, Serialize};

/// Placeholders that already stand in SQL text, counted per style; a driver knows one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placeholders {
    /// `?` outside strings and comments (`??` is an escaped operator, not a placeholder).
    pub question: usize,
    /// `%s`, wherever it stands: drivers of this style do not know SQL strings.
    pub format: usize,
    /// Names of `%(name)s`, in order.
    pub format_named: Vec<String>,
    /// Names of `:name` outside strings and comments, in order.
    pub named: Vec<String>,
    /// Names of `@name` outside strings and comments, in order.
    pub at_named: Vec<String>,
    /// The highest number of `$1`; zero for none.
    pub dollar: usize,
    /// `#{name}`.
    pub mybatis: usize,
}

impl Placeholders {
    /// There is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One hole of SQL text and the edit that makes room for a placeholder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlHole {
    /// The number of the hole, from zero.
    pub index: usize,
    /// The place of the hole.
    pub label: Label,
    /// Bytes to cut from the end of the run of literals directly before the hole: for the first hole
    /// of a string its opening quote (with `N` or `E`) and what follows it, for a later hole of the
    /// same string all the text since the hole before.
    pub cut_before: usize,
    /// Bytes to cut from the start of the run of literals directly after the hole: for the last hole
    /// of a string up to and including the closing quote, otherwise zero.
    pub cut_after: usize,
    /// Constant text inside the quotes before the hole (since the hole before), doubled quotes undone.
    pub prefix: String,
    /// Constant text inside the quotes after the last hole of the string, doubled quotes undone.
    pub suffix: String,
    /// Holes with the same group stand in one string and become one placeholder, bound to the
    /// concatenation of prefix, hole, prefix, hole, ..., suffix.
    pub group: usize,
    /// Inside the parentheses of `IN`.
    pub in_list: bool,
    /// The operator before the string is `LIKE` or `ILIKE`.
    pub like: bool,
    /// Placeholders that stand in the text before the hole.
    pub before: Placeholders,
}

/// Why no placeholder can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SqlProblem {
    /// The text holds more than one statement.
    SeveralStatements,
    /// A string with a hole holds a backslash, which vendors read differently.
    Backslash {
        /// The number of the hole.
        hole: usize,
    },
    /// The hole stands in a string with a delimiter of its own (`$$`, `q'[`).
    CustomQuote {
        /// The number of the hole.
        hole: usize,
    },
    /// The string belongs to a typed literal such as `DATE '..'` or `X'..'`.
    TypedLiteral {
        /// The number of the hole.
        hole: usize,
    },
    /// The string with the hole does not end.
    Unterminated {
        /// The number of the hole.
        hole: usize,
    },
    /// A bare value is glued to other text of the same word.
    PartialToken {
        /// The number of the hole.
        hole: usize,
    },
}

/// Facts about the constant text, for drivers that give it a meaning.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlText {
    /// All placeholders.
    pub placeholders: Placeholders,
    /// Percent signs that are no placeholder, as (number of the piece, byte offset): drivers of the
    /// `%s` style need them doubled. Already doubled signs are listed as two.
    pub percents: Vec<(usize, usize)>,
    /// Words after a colon inside strings or comments that a `:name` scanner without knowledge of
    /// SQL takes for a placeholder.
    pub colon_words: Vec<String>,
    /// The text holds more than one statement.
    pub several_statements: bool,
}

/// Where a string in single quotes was opened.
struct Open {
    /// Bytes since the last hole (or the start) at which the string starts, with its prefix letter.
    start: usize,
    flavour: Flavour,
    group: usize,
}

struct Walk {
    state: SqlState,
    /// Bytes since the last hole.
    run: usize,
    open: Option<Open>,
    groups: usize,
    previous: [char; 2],
    found: Placeholders,
    /// A placeholder word that is being read: its opening text and the word.
    pending: Option<(char, String)>,
    colon_words: Vec<String>,
    percents: Vec<(usize, usize)>,
    percent: Percent,
}

enum Percent {
    None,
    Sign((usize, usize)),
    Name((usize, usize), String),
    Type((usize, usize), String),
}

impl Walk {
    fn new() -> Self {
        Self {
            state: SqlState::default(),
            run: 0,
            open: None,
            groups: 0,
            previous: [' '; 2],
            found: Placeholders::default(),
            pending: None,
            colon_words: Vec::new(),
            percents: Vec::new(),
            percent: Percent::None,
        }
    }

    fn is_code(&self) -> bool {
        matches!(
            self.state.mode,
            Mode::Normal
                | Mode::Word(_)
                | Mode::Number
                | Mode::AfterHole
                | Mode::Tag(_)
                | Mode::SingleEnd(_)
                | Mode::DoubleEnd
                | Mode::BacktickEnd
                | Mode::Dash
                | Mode::Slash
        )
    }

    fn step(&mut self, c: char, piece: usize, at: usize) {
        self.percent(c, piece, at);
        let code = self.is_code();
        let word = match &self.state.mode {
            Mode::Word(word) => word.len(),
            _ => 0,
        };
        let hash = self.state.mode == Mode::Hash;
        let was_string = matches!(self.state.mode, Mode::Single(_) | Mode::SingleEnd(_));
        self.state.step(c);
        if let Mode::Single(flavour) = self.state.mode
            && !was_string
            && self.state.token.is_empty()
            && c == '\''
        {
            let letters = match flavour {
                Flavour::National | Flavour::Escape | Flavour::Typed => word,
                Flavour::Plain => 0,
            };
            self.open = Some(Open { start: self.run.saturating_sub(letters), flavour, group: self.groups });
            self.groups += 1;
        } else if !matches!(self.state.mode, Mode::Single(_) | Mode::SingleEscape | Mode::SingleEnd(_)) {
            self.open = None;
        }
        self.placeholder(c, code && self.is_code(), hash);
        self.run += c.len_utf8();
        self.previous = [self.previous[1], c];
    }

    fn placeholder(&mut self, c: char, code: bool, hash: bool) {
        if let Some((sign, word)) = &mut self.pending {
            if is_word(c) {
                word.push(c);
                return;
            }
            let (sign, word) = (*sign, std::mem::take(word));
            self.end_pending(sign, word, code);
        }
        if hash && c == '{' {
            self.found.mybatis += 1;
        }
        let before = self.previous[1];
        match c {
            // `a::text`, `12:30` and `a[1:2]` are no placeholders.
            ':' if before != ':' && !is_word(before) => {
                self.pending = Some((if code { ':' } else { ';' }, String::new()));
            }
            '@' if code && before != '@' && !is_word(before) => {
                self.pending = Some(('@', String::new()));
            }
            '$' if code && !is_word(before) => self.pending = Some(('$', String::new())),
            '?' if code => {
                if before == '?' && self.found.question > 0 {
                    self.found.question -= 1;
                    self.previous[1] = ' ';
                } else {
                    self.found.question += 1;
                }
            }
            '|' | '&' if code && before == '?' => {
                // The operators `?|` and `?&`.
                self.found.question = self.found.question.saturating_sub(1);
            }
            _ => {}
        }
    }

    fn end_pending(&mut self, sign: char, word: String, _code: bool) {
        self.pending = None;
        if word.is_empty() {
            return;
        }
        let digits = word.chars().all(|c| c.is_ascii_digit());
        match sign {
            ':' => self.found.named.push(word),
            ';' if !digits => self.colon_words.push(word),
            '@' => self.found.at_named.push(word),
            '$' if digits => {
                let number = word.parse::<usize>().unwrap_or(0);
                self.found.dollar = self.found.dollar.max(number);
            }
            _ => {}
        }
    }

    fn percent(&mut self, c: char, piece: usize, at: usize) {
        match std::mem::replace(&mut self.percent, Percent::None) {
            Percent::Sign(_) if c == 's' => {
                self.found.format += 1;
                return;
            }
            Percent::Sign(sign) if c == '(' => {
                self.percent = Percent::Name(sign, String::new());
                return;
            }
            Percent::Sign(sign) => self.percents.push(sign),
            Percent::Name(sign, name) if c == ')' => {
                self.percent = Percent::Type(sign, name);
                return;
            }
            Percent::Name(sign, mut name) if is_word(c) || c == '.' => {
                name.push(c);
                self.percent = Percent::Name(sign, name);
                return;
            }
            Percent::Type(_, name) if c == 's' => {
                self.found.format_named.push(name);
                return;
            }
            Percent::Name(sign, _) | Percent::Type(sign, _) => self.percents.push(sign),
            Percent::None => {}
        }
        if c == '%' {
            self.percent = Percent::Sign((piece, at));
        }
    }

    fn flush(&mut self) {
        match std::mem::replace(&mut self.percent, Percent::None) {
            Percent::Sign(sign) | Percent::Name(sign, _) | Percent::Type(sign, _) => {
                self.percents.push(sign);
            }
            Percent::None => {}
        }
        if let Some((sign, word)) = self.pending.take() {
            self.end_pending(sign, word, true);
        }
    }
}

/// The holes of SQL text and the edits that make room for placeholders, or the first reason why a
/// placeholder cannot be written. Holes that no placeholder can stand for (names, clauses) are part
/// of the answer; their label says so.
///
/// # Errors
/// The reason why the text as a whole or one of its strings cannot be rewritten.
pub fn sql_plan(pieces: &[Piece<'_>]) -> Result<Vec<SqlHole>, SqlProblem> {
    let known = contexts(Dialect::Sql, pieces);
    if known.iter().any(|context| context.several_statements) {
        return Err(SqlProblem::SeveralStatements);
    }
    let mut walk = Walk::new();
    let mut holes: Vec<SqlHole> = Vec::new();
    let mut known = known.into_iter();
    for (number, piece) in pieces.iter().enumerate() {
        let text = match piece {
            Piece::Lit(text) => text,
            Piece::Hole => {
                let Some(context) = known.next() else { break };
                walk.flush();
                let index = holes.len();
                let (raw, ended) = (walk.state.token.clone(), walk.run);
                let in_string = matches!(walk.state.mode, Mode::Single(_) | Mode::SingleEscape);
                let custom = matches!(
                    walk.state.mode,
                    Mode::Dollar { .. } | Mode::Oracle { .. } | Mode::Tag(_) | Mode::OracleStart
                );
                if walk.state.ambiguous {
                    return Err(SqlProblem::Backslash { hole: index });
                }
                walk.state.hole();
                let mut hole = SqlHole {
                    index,
                    label: context.label,
                    cut_before: 0,
                    cut_after: 0,
                    prefix: String::new(),
                    suffix: String::new(),
                    group: walk.groups,
                    in_list: context.in_list,
                    like: context.like,
                    before: walk.found.clone(),
                };
                if custom {
                    return Err(SqlProblem::CustomQuote { hole: index });
                }
                if let Some(open) = walk.open.as_mut().filter(|_| in_string) {
                    if open.flavour == Flavour::Typed {
                        return Err(SqlProblem::TypedLiteral { hole: index });
                    }
                    let next = run_after(pieces, number);
                    let (rest, closed) = walk.state.rest_of_quoted(&next);
                    let more = pieces.get(number + 1..).is_some_and(|rest| rest.contains(&Piece::Hole));
                    if raw.contains('\\') || rest.contains('\\') {
                        return Err(SqlProblem::Backslash { hole: index });
                    }
                    if !closed && !more {
                        return Err(SqlProblem::Unterminated { hole: index });
                    }
                    hole.group = open.group;
                    hole.cut_before = ended.saturating_sub(open.start);
                    hole.prefix = raw.replace("''", "'");
                    if closed {
                        hole.cut_after = rest.len() + 1;
                        hole.suffix = rest.replace("''", "'");
                    }
                    // The next hole of this string cuts all the text since this one.
                    open.start = 0;
                } else {
                    walk.groups += 1;
                    let glued = !context.prefix.is_empty() || !context.suffix.is_empty();
                    if glued && context.label.sql_bindable() {
                        return Err(SqlProblem::PartialToken { hole: index });
                    }
                }
                walk.run = 0;
                walk.previous = ['h'; 2];
                holes.push(hole);
                continue;
            }
        };
        for (at, c) in text.char_indices() {
            walk.step(c, number, at);
        }
    }
    Ok(holes)
}

fn run_after(pieces: &[Piece<'_>], number: usize) -> String {
    pieces
        .get(number + 1..)
        .unwrap_or_default()
        .iter()
        .map_while(|piece| match piece {
            Piece::Lit(text) => Some(*text),
            Piece::Hole => None,
        })
        .collect()
}

/// Facts about the constant pieces of SQL text.
#[must_use]
pub fn sql_text(pieces: &[Piece<'_>]) -> SqlText {
    let mut walk = Walk::new();
    for (number, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Lit(text) => {
                for (at, c) in text.char_indices() {
                    walk.step(c, number, at);
                }
            }
            Piece::Hole => {
                walk.flush();
                walk.state.hole();
                walk.run = 0;
                walk.previous = ['h'; 2];
            }
        }
    }
    walk.flush();
    SqlText {
        placeholders: walk.found,
        percents: walk.percents,
        colon_words: walk.colon_words,
        several_statements: walk.state.grammar_several(),
    }
}
