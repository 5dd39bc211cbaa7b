//! The JavaScript lexer: strings, templates, comments and regular expressions.

use crate::chars::{ALNUM, Breaks, LINE_ENDS, NUMBER, bit, mask};
use crate::{HoleContext, Label, Quote};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
enum Mode {
    Code,
    Slash,
    Line,
    Block { star: bool },
    Text { quote: char, escape: bool },
    Template { escape: bool, dollar: bool },
    Regex { class: bool, escape: bool },
}

/// The state of the JavaScript lexer between two pieces.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JsState {
    mode: Mode,
    /// Open braces inside each `${` that is open.
    templates: Vec<u32>,
    /// The last character that is not space.
    last: char,
    word: String,
    token: String,
}

impl Default for JsState {
    fn default() -> Self {
        Self { mode: Mode::Code, templates: Vec::new(), last: ';', word: String::new(), token: String::new() }
    }
}

impl JsState {
    fn regex_may_start(&self) -> bool {
        if matches!(
            self.word.as_str(),
            "return"
                | "typeof"
                | "case"
                | "in"
                | "of"
                | "delete"
                | "void"
                | "throw"
                | "new"
                | "else"
                | "do"
                | "instanceof"
                | "yield"
                | "await"
        ) {
            return true;
        }
        !(self.last.is_alphanumeric() || matches!(self.last, ')' | ']' | '}' | '_' | '$' | '"' | '\'' | '`'))
    }

    /// Read one character.
    pub(crate) fn step(&mut self, c: char) {
        match &mut self.mode {
            Mode::Code => self.code(c),
            Mode::Slash => match c {
                '/' => self.mode = Mode::Line,
                '*' => self.mode = Mode::Block { star: false },
                _ if self.regex_may_start() => {
                    self.mode = Mode::Regex { class: c == '[', escape: c == '\\' };
                }
                _ => {
                    self.mode = Mode::Code;
                    self.last = '/';
                    self.word.clear();
                    self.code(c);
                }
            },
            Mode::Line => {
                if matches!(c, '\n' | '\r' | '\u{2028}' | '\u{2029}') {
                    self.mode = Mode::Code;
                }
            }
            Mode::Block { star } => {
                if *star && c == '/' {
                    self.mode = Mode::Code;
                } else {
                    *star = c == '*';
                }
            }
            Mode::Text { quote, escape } => {
                if *escape {
                    *escape = false;
                    self.token.push(c);
                } else if c == *quote || c == '\n' || c == '\r' {
                    self.last = *quote;
                    self.end_token();
                } else {
                    *escape = c == '\\';
                    self.token.push(c);
                }
            }
            Mode::Template { escape, dollar } => {
                let opened = *dollar && c == '{';
                *dollar = !*escape && c == '$';
                let ends = !*escape && c == '`';
                *escape = !*escape && c == '\\';
                if ends {
                    self.last = '`';
                    self.end_token();
                } else if opened {
                    self.templates.push(0);
                    self.end_token();
                    self.last = '{';
                } else {
                    self.token.push(c);
                }
            }
            Mode::Regex { class, escape } => {
                if *escape {
                    *escape = false;
                } else {
                    match c {
                        '\\' => *escape = true,
                        '[' => *class = true,
                        ']' => *class = false,
                        '/' if !*class => {
                            self.last = ')';
                            self.end_token();
                        }
                        '\n' => self.end_token(),
                        _ => {}
                    }
                }
            }
        }
    }

    fn end_token(&mut self) {
        self.mode = Mode::Code;
        self.token.clear();
        self.word.clear();
    }

    fn code(&mut self, c: char) {
        if c.is_whitespace() {
            return;
        }
        match c {
            '/' => {
                self.mode = Mode::Slash;
                return;
            }
            '\'' | '"' => self.mode = Mode::Text { quote: c, escape: false },
            '`' => self.mode = Mode::Template { escape: false, dollar: false },
            '{' => {
                if let Some(depth) = self.templates.last_mut() {
                    *depth = depth.saturating_add(1);
                }
            }
            '}' => match self.templates.last_mut() {
                Some(0) => {
                    self.templates.pop();
                    self.mode = Mode::Template { escape: false, dollar: false };
                }
                Some(depth) => *depth -= 1,
                None => {}
            },
            _ => {}
        }
        if c.is_alphanumeric() || c == '_' || c == '$' {
            if !(self.last.is_alphanumeric() || self.last == '_' || self.last == '$') {
                self.word.clear();
            }
            if self.word.len() < 16 {
                self.word.push(c);
            }
        } else {
            self.word.clear();
        }
        self.last = c;
    }

    /// The context of a hole at this place; the lexer then stands behind the hole.
    pub(crate) fn hole(&mut self) -> HoleContext {
        if self.mode == Mode::Slash {
            self.mode = Mode::Code;
            self.last = '/';
        }
        let code = Breaks::all_but(NUMBER);
        let context = match &mut self.mode {
            Mode::Code | Mode::Slash => {
                self.last = 'h';
                self.word.clear();
                HoleContext::new(Label::JsCode, code)
            }
            Mode::Line => HoleContext::new(Label::JsComment, Breaks::of(LINE_ENDS)),
            Mode::Block { star } => {
                *star = false;
                HoleContext::new(Label::JsComment, Breaks::of(mask("/")))
            }
            Mode::Text { quote, escape } => {
                *escape = false;
                let (kind, sign) = if *quote == '"' { (Quote::Double, b'"') } else { (Quote::Single, b'\'') };
                HoleContext::new(Label::JsString, Breaks::of(bit(sign) | mask("\\"))).quoted(kind)
            }
            Mode::Template { escape, dollar } => {
                let after_dollar = std::mem::take(dollar);
                *escape = false;
                let extra = if after_dollar { mask("{") } else { 0 };
                HoleContext::new(Label::JsTemplate, Breaks::of(mask("`$\\") | extra)).quoted(Quote::Backtick)
            }
            Mode::Regex { escape, .. } => {
                *escape = false;
                HoleContext::new(Label::JsRegex, Breaks::of(!(ALNUM | mask(" _,-"))))
            }
        }
        .after(&self.token);
        self.token.clear();
        context
    }
}
