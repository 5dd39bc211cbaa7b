//! The CSS lexer: strings, unquoted `url( )` and comments.

use crate::chars::{ALNUM, Breaks, LINE_ENDS, bit, mask};
use crate::{HoleContext, Label, Quote};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
enum Mode {
    Code,
    Slash,
    Comment { star: bool },
    Text { quote: char, escape: bool },
    UrlStart,
    Url { escape: bool },
}

/// The state of the CSS lexer between two pieces.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CssState {
    mode: Mode,
    word: String,
}

impl Default for CssState {
    fn default() -> Self {
        Self { mode: Mode::Code, word: String::new() }
    }
}

impl CssState {
    /// Read one character.
    pub(crate) fn step(&mut self, c: char) {
        match &mut self.mode {
            Mode::Code => self.code(c),
            Mode::Slash => {
                if c == '*' {
                    self.mode = Mode::Comment { star: false };
                } else {
                    self.mode = Mode::Code;
                    self.code(c);
                }
            }
            Mode::Comment { star } => {
                if *star && c == '/' {
                    self.mode = Mode::Code;
                } else {
                    *star = c == '*';
                }
            }
            Mode::Text { quote, escape } => {
                if *escape {
                    *escape = false;
                } else if c == *quote || c == '\n' {
                    self.mode = Mode::Code;
                } else {
                    *escape = c == '\\';
                }
            }
            Mode::UrlStart => match c {
                '"' | '\'' => self.mode = Mode::Text { quote: c, escape: false },
                ')' => self.mode = Mode::Code,
                _ if c.is_whitespace() => {}
                _ => self.mode = Mode::Url { escape: c == '\\' },
            },
            Mode::Url { escape } => {
                if *escape {
                    *escape = false;
                } else if c == ')' {
                    self.mode = Mode::Code;
                } else {
                    *escape = c == '\\';
                }
            }
        }
    }

    fn code(&mut self, c: char) {
        match c {
            '/' => self.mode = Mode::Slash,
            '"' | '\'' => self.mode = Mode::Text { quote: c, escape: false },
            '(' if self.word.eq_ignore_ascii_case("url") => self.mode = Mode::UrlStart,
            _ if c.is_alphanumeric() || c == '-' => {
                if self.word.len() < 8 {
                    self.word.push(c);
                }
                return;
            }
            _ => {}
        }
        self.word.clear();
    }

    /// The context of a hole at this place; the lexer then stands behind the hole.
    pub(crate) fn hole(&mut self) -> HoleContext {
        match &mut self.mode {
            Mode::Code | Mode::Slash => {
                self.mode = Mode::Code;
                self.word = "h".to_owned();
                HoleContext::new(Label::CssCode, Breaks::of(!(ALNUM | mask("#.%-_ ,"))))
            }
            Mode::Comment { star } => {
                *star = false;
                HoleContext::new(Label::CssComment, Breaks::of(mask("/")))
            }
            Mode::Text { quote, escape } => {
                *escape = false;
                let (kind, sign) = if *quote == '"' { (Quote::Double, b'"') } else { (Quote::Single, b'\'') };
                HoleContext::new(Label::CssString, Breaks::of(bit(sign) | mask("\\") | LINE_ENDS)).quoted(kind)
            }
            Mode::UrlStart | Mode::Url { .. } => {
                self.mode = Mode::Url { escape: false };
                HoleContext::new(Label::CssUrl, Breaks::of(mask(")'\"\\( \t:") | LINE_ENDS))
            }
        }
    }
}
