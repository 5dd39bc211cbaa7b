//! The POSIX shell lexer: quotes, substitutions, here-documents, and the words of a command as far
//! as they tell whether another interpreter reads the text again.

use crate::chars::{ALNUM, Breaks, DIGITS, mask};
use crate::{HoleContext, Label, Quote};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
enum Kind {
    Top,
    /// `( )`
    Group,
    /// `$( )`
    Subst,
    Backtick,
    /// `$(( ))`, with open parentheses
    Arith(u16),
    /// `${ }`
    Param,
    Double,
}

/// The words of the command that is being read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
struct Command {
    /// Finished words, the command's name first.
    words: u16,
    name: String,
    /// Constant text of the current word since its start or the last hole.
    word: String,
    in_word: bool,
    /// The current word had a hole.
    holes: bool,
    /// The current word is the target of a redirection.
    redirect: bool,
    /// The current word is the delimiter of a here-document.
    heredoc: bool,
    heredoc_quoted: bool,
    heredoc_strip: bool,
    /// The option letters after which an interpreter takes program text.
    letters: String,
    /// What follows is read again by another interpreter.
    second: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
struct Frame {
    kind: Kind,
    command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
enum Mode {
    Normal,
    Escape,
    Single,
    /// `$'..'`
    Ansi {
        escape: bool,
    },
    Dollar,
    DollarParen,
    Comment,
    Less,
    LessLess,
    Heredoc,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
struct Document {
    delimiter: String,
    quoted: bool,
    strip: bool,
}

/// The state of the shell lexer between two pieces.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ShellState {
    mode: Mode,
    frames: Vec<Frame>,
    documents: Vec<Document>,
    line: String,
    arith_end: bool,
}

impl Default for ShellState {
    fn default() -> Self {
        Self {
            mode: Mode::Normal,
            frames: vec![Frame { kind: Kind::Top, command: Command::default() }],
            documents: Vec::new(),
            line: String::new(),
            arith_end: false,
        }
    }
}

const PLAIN: u128 = ALNUM | mask("_./:@%+,=-");
const MAX_FRAMES: usize = 256;

fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, ';' | '|' | '&' | '<' | '>' | '(' | ')')
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    })
}

/// The option letters after which a program takes program text.
fn program_letters(name: &str) -> Option<&'static str> {
    Some(match name {
        "sh" | "bash" | "dash" | "ksh" | "zsh" | "ash" | "su" | "fish" => "c",
        "python" | "python2" | "python3" => "c",
        "perl" | "ruby" | "lua" | "Rscript" => "eE",
        "node" | "nodejs" => "ep",
        "php" => "r",
        "psql" => "c",
        "mysql" => "e",
        "pwsh" | "powershell" => "cCe",
        _ => return None,
    })
}

impl Command {
    fn end_word(&mut self) {
        if !self.in_word {
            return;
        }
        let word = std::mem::take(&mut self.word);
        let hole = std::mem::take(&mut self.holes);
        self.in_word = false;
        if self.redirect {
            self.redirect = false;
            return;
        }
        let base = word.rsplit('/').next().unwrap_or_default();
        if self.words == 0 {
            if !hole && is_assignment(&word) {
                return;
            }
            let again = matches!(
                word.as_str(),
                "if" | "then" | "elif" | "else" | "do" | "while" | "until" | "!" | "{" | "time"
            );
            if again && !hole {
                return;
            }
            self.words = 1;
            self.name = if hole { "\u{1}".to_owned() } else { base.to_owned() };
            self.second = matches!(base, "eval" | "trap" | "watch");
            self.letters = program_letters(base).unwrap_or_default().to_owned();
            return;
        }
        self.words = self.words.saturating_add(1);
        let option = word.starts_with('-');
        match self.name.as_str() {
            "ssh" if !option && !hole && self.words >= 2 => self.second = true,
            "ssh" if hole => self.second = true,
            "sed" if option && (word.ends_with('e') || word == "--expression") => {
                self.second = true;
            }
            "sudo" | "env" | "nohup" | "nice" | "exec" | "command" | "xargs" | "timeout" | "doas"
                if matches!(base, "eval" | "ssh" | "awk" | "gawk" | "mawk" | "sed")
                    || program_letters(base).is_some() =>
            {
                self.name = base.to_owned();
                self.words = 1;
                self.second = base == "eval";
            }
            _ => {}
        }
        if option {
            let long = word.starts_with("--");
            let hit = word.chars().any(|c| self.letters.contains(c)) && !long;
            if hit
                || (long
                    && !self.letters.is_empty()
                    && matches!(word.as_str(), "--command" | "--eval" | "--print" | "--execute"))
            {
                self.second = true;
            }
        } else if let Some(letters) = program_letters(base) {
            self.letters = letters.to_owned();
        }
        if !option
            && matches!(self.name.as_str(), "awk" | "gawk" | "mawk" | "sed")
            && base != self.name
            && self.words >= 2
        {
            // The program text was this word; what follows are files.
            self.second = false;
            self.name.push('\u{1}');
        }
    }

    /// Another interpreter reads the word that is being read now.
    fn reads_again(&self) -> bool {
        self.second || (matches!(self.name.as_str(), "awk" | "gawk" | "mawk" | "sed") && !self.word.starts_with('-'))
    }

    fn end(&mut self) {
        self.end_word();
        *self = Self::default();
    }
}

impl ShellState {
    fn kind(&self) -> Kind {
        self.frames.last().map_or(Kind::Top, |frame| frame.kind)
    }

    /// The command the current word belongs to.
    fn command(&mut self) -> &mut Command {
        let at = self
            .frames
            .iter()
            .rposition(|frame| !matches!(frame.kind, Kind::Double | Kind::Param | Kind::Arith(_)))
            .unwrap_or(0);
        if self.frames.is_empty() {
            self.frames.push(Frame { kind: Kind::Top, command: Command::default() });
        }
        &mut self.frames[at].command
    }

    fn push(&mut self, kind: Kind) {
        if self.frames.len() < MAX_FRAMES {
            self.frames.push(Frame { kind, command: Command::default() });
        }
    }

    fn pop(&mut self) {
        if self.frames.len() > 1 {
            self.frames.pop();
        }
    }

    fn char_of_word(&mut self, c: char) {
        let command = self.command();
        command.in_word = true;
        command.word.push(c);
    }

    fn begin_word(&mut self) {
        self.command().in_word = true;
    }

    fn end_word(&mut self) {
        let command = self.command();
        if command.heredoc && command.in_word {
            let document = Document {
                delimiter: std::mem::take(&mut command.word),
                quoted: command.heredoc_quoted,
                strip: command.heredoc_strip,
            };
            command.in_word = false;
            command.heredoc = false;
            command.holes = false;
            self.documents.push(document);
        } else {
            command.end_word();
        }
    }

    /// Read one character.
    pub(crate) fn step(&mut self, c: char) {
        match self.mode {
            Mode::Normal => self.normal(c),
            Mode::Escape => {
                self.mode = Mode::Normal;
                if c != '\n' {
                    self.char_of_word(c);
                    if self.kind() != Kind::Double {
                        self.command().heredoc_quoted = true;
                    }
                }
            }
            Mode::Single => {
                if c == '\'' {
                    self.mode = Mode::Normal;
                } else {
                    self.char_of_word(c);
                }
            }
            Mode::Ansi { escape } => {
                if !escape && c == '\'' {
                    self.mode = Mode::Normal;
                } else {
                    self.char_of_word(c);
                    self.mode = Mode::Ansi { escape: !escape && c == '\\' };
                }
            }
            Mode::Dollar => {
                self.mode = Mode::Normal;
                match c {
                    '(' => self.mode = Mode::DollarParen,
                    '{' => {
                        self.begin_word();
                        self.push(Kind::Param);
                    }
                    '\'' if self.kind() != Kind::Double => {
                        self.begin_word();
                        self.mode = Mode::Ansi { escape: false };
                    }
                    _ => {
                        self.char_of_word('$');
                        self.normal(c);
                    }
                }
            }
            Mode::DollarParen => {
                self.mode = Mode::Normal;
                self.begin_word();
                if c == '(' {
                    self.arith_end = false;
                    self.push(Kind::Arith(0));
                } else {
                    self.push(Kind::Subst);
                    self.normal(c);
                }
            }
            Mode::Comment => {
                if c == '\n' {
                    self.mode = Mode::Normal;
                    self.normal(c);
                }
            }
            Mode::Less => {
                self.mode = Mode::Normal;
                if c == '<' {
                    self.mode = Mode::LessLess;
                } else if c == '&' || c == '>' {
                    self.command().redirect = true;
                } else {
                    self.command().redirect = true;
                    self.normal(c);
                }
            }
            Mode::LessLess => {
                self.mode = Mode::Normal;
                if c == '<' {
                    // A here-string is an ordinary word.
                    return;
                }
                let command = self.command();
                command.heredoc = true;
                command.heredoc_quoted = false;
                command.heredoc_strip = c == '-';
                if c != '-' {
                    self.normal(c);
                }
            }
            Mode::Heredoc => {
                if c == '\n' {
                    let line = std::mem::take(&mut self.line);
                    self.heredoc_line(&line);
                } else {
                    self.line.push(c);
                }
            }
        }
    }

    fn heredoc_line(&mut self, line: &str) {
        let ended = self.documents.first().is_none_or(|document| {
            let line = if document.strip { line.trim_start_matches('\t') } else { line };
            line == document.delimiter
        });
        if ended {
            if !self.documents.is_empty() {
                self.documents.remove(0);
            }
            if self.documents.is_empty() {
                self.mode = Mode::Normal;
            }
        }
    }

    fn normal(&mut self, c: char) {
        match self.kind() {
            Kind::Double => match c {
                '"' => self.pop(),
                '\\' => self.mode = Mode::Escape,
                '$' => self.mode = Mode::Dollar,
                '`' => self.backtick(),
                _ => self.char_of_word(c),
            },
            Kind::Param => match c {
                '}' => self.pop(),
                '\\' => self.mode = Mode::Escape,
                '$' => self.mode = Mode::Dollar,
                '`' => self.backtick(),
                '"' => self.push(Kind::Double),
                _ => {}
            },
            Kind::Arith(depth) => {
                let ended = std::mem::take(&mut self.arith_end);
                match c {
                    '(' => self.set_arith(depth.saturating_add(1)),
                    ')' if depth > 0 => self.set_arith(depth - 1),
                    ')' if ended => self.pop(),
                    ')' => self.arith_end = true,
                    '$' => self.mode = Mode::Dollar,
                    '`' => self.backtick(),
                    _ => {}
                }
            }
            Kind::Top | Kind::Group | Kind::Subst | Kind::Backtick => self.code(c),
        }
    }

    fn set_arith(&mut self, depth: u16) {
        if let Some(frame) = self.frames.last_mut() {
            frame.kind = Kind::Arith(depth);
        }
    }

    fn backtick(&mut self) {
        self.begin_word();
        match self.frames.iter().rposition(|frame| frame.kind == Kind::Backtick) {
            Some(at) => self.frames.truncate(at.max(1)),
            None => self.push(Kind::Backtick),
        }
    }

    fn code(&mut self, c: char) {
        match c {
            '\n' => {
                self.end_word();
                self.command().end();
                if !self.documents.is_empty() {
                    self.line.clear();
                    self.mode = Mode::Heredoc;
                }
            }
            _ if c.is_whitespace() => self.end_word(),
            '\'' => {
                self.begin_word();
                self.command().heredoc_quoted = true;
                self.mode = Mode::Single;
            }
            '"' => {
                self.begin_word();
                self.command().heredoc_quoted = true;
                self.push(Kind::Double);
            }
            '\\' => self.mode = Mode::Escape,
            '$' => self.mode = Mode::Dollar,
            '`' => self.backtick(),
            '#' if !self.command().in_word => self.mode = Mode::Comment,
            ';' | '|' | '&' => {
                let command = self.command();
                if c == '&' && command.redirect && !command.in_word {
                    return;
                }
                self.end_word();
                self.command().end();
            }
            '<' => {
                self.descriptor();
                self.mode = Mode::Less;
            }
            '>' => {
                self.descriptor();
                self.command().redirect = true;
            }
            '(' => {
                self.end_word();
                self.push(Kind::Group);
            }
            ')' => {
                self.end_word();
                self.command().end();
                if matches!(self.kind(), Kind::Group | Kind::Subst) {
                    self.pop();
                }
            }
            _ => self.char_of_word(c),
        }
    }

    /// The digits before `<` and `>` name a descriptor, they are no word.
    fn descriptor(&mut self) {
        let command = self.command();
        if !command.holes && command.word.chars().all(|c| c.is_ascii_digit()) {
            command.word.clear();
            command.in_word = false;
        }
        self.end_word();
    }

    fn settle(&mut self) {
        match self.mode {
            Mode::Dollar => {
                self.char_of_word('$');
                self.mode = Mode::Normal;
            }
            Mode::DollarParen => {
                self.begin_word();
                self.push(Kind::Subst);
                self.mode = Mode::Normal;
            }
            Mode::Less => {
                self.command().redirect = true;
                self.mode = Mode::Normal;
            }
            Mode::LessLess => {
                self.command().heredoc = true;
                self.mode = Mode::Normal;
            }
            _ => {}
        }
    }

    /// The context of a hole at this place; the lexer then stands behind the hole.
    pub(crate) fn hole(&mut self) -> HoleContext {
        self.settle();
        let bare = Breaks::all_but(PLAIN);
        let everything = Breaks::all_but(0);
        let kinds = |wanted: fn(&Kind) -> bool| self.frames.iter().any(|frame| wanted(&frame.kind));
        let nested = kinds(|kind| matches!(kind, Kind::Subst | Kind::Backtick | Kind::Param));
        let ticks = kinds(|kind| *kind == Kind::Backtick);
        let kind = self.kind();
        let mode = self.mode;
        let command = self.command();
        let second = command.reads_again();
        let (prefix, holes) = (command.word.clone(), command.holes);
        let first = command.words == 0 && !command.redirect && !command.heredoc;
        let redirect = command.redirect;
        let assignment = is_assignment(&prefix);
        let (label, breaks, quote) = match mode {
            Mode::Comment => (Label::ShComment, Breaks::of(mask("\n")), Quote::None),
            Mode::Heredoc => {
                let quoted = self.documents.first().is_some_and(|document| document.quoted);
                if quoted {
                    (Label::ShHeredoc, Breaks::of(mask("\n")), Quote::Single)
                } else {
                    (Label::ShHeredoc, Breaks::of(mask("\n$`\\")), Quote::None)
                }
            }
            Mode::Single => (Label::ShSingle, Breaks::of(mask("'")), Quote::Single),
            Mode::Ansi { .. } => (Label::ShSingle, Breaks::of(mask("'\\")), Quote::Single),
            _ => match kind {
                Kind::Arith(_) => (Label::ShArith, Breaks::all_but(DIGITS), Quote::None),
                Kind::Param => (Label::ShSubst, everything, Quote::None),
                Kind::Double => (Label::ShDouble, Breaks::of(mask("\"$`\\")), Quote::Double),
                Kind::Subst | Kind::Backtick if !first => (Label::ShSubst, bare, Quote::None),
                _ if redirect => (Label::ShRedirect, bare, Quote::None),
                _ if first && !assignment && !holes => (Label::ShCommand, everything, Quote::None),
                _ if prefix.starts_with('-') && !prefix.contains('=') => (Label::ShOption, bare, Quote::None),
                _ if prefix.is_empty() && !holes => (Label::ShWord, bare, Quote::None),
                _ => (Label::ShWordPart, bare, Quote::None),
            },
        };
        let (label, breaks) = if !matches!(label, Label::ShComment | Label::ShHeredoc) && second {
            (Label::ShSecondParser, everything)
        } else if ticks && !matches!(label, Label::ShComment | Label::ShArith) {
            (Label::ShSubst, breaks.or(Breaks::of(mask("`\\"))))
        } else {
            (label, breaks)
        };
        let mut context = HoleContext::new(label, breaks).quoted(quote);
        context.nested = nested;
        match mode {
            Mode::Comment => {}
            Mode::Heredoc => {
                context.prefix = std::mem::take(&mut self.line);
                // The line can no longer be the delimiter.
                self.line.push('\u{1}');
            }
            _ => {
                let command = self.command();
                context.prefix = std::mem::take(&mut command.word);
                command.in_word = true;
                command.holes = true;
                if mode == Mode::Escape {
                    self.mode = Mode::Normal;
                } else if let Mode::Ansi { .. } = mode {
                    self.mode = Mode::Ansi { escape: false };
                }
                self.arith_end = false;
            }
        }
        context
    }

    /// Add what the text after the hole tells.
    pub(crate) fn refine(&self, context: &mut HoleContext, next: &str) {
        context.suffix = match context.quote {
            _ if matches!(self.mode, Mode::Comment | Mode::Heredoc) => return,
            Quote::Single => next.split('\'').next().unwrap_or_default().to_owned(),
            Quote::Double => next.split(['"', '$', '`', '\\']).next().unwrap_or_default().to_owned(),
            _ => next.chars().take_while(|c| !ends_word(*c)).collect(),
        };
        if context.label == Label::ShWord && !context.suffix.is_empty() {
            context.label = Label::ShWordPart;
        }
    }
}

/// The state of the lexer of the Windows command interpreter between two pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CmdState {
    quoted: bool,
    caret: bool,
    word: String,
}

impl CmdState {
    /// Read one character.
    pub(crate) fn step(&mut self, c: char) {
        let caret = std::mem::take(&mut self.caret);
        match c {
            '\n' => {
                self.quoted = false;
                self.word.clear();
            }
            '"' if !caret => {
                self.quoted = !self.quoted;
                self.word.clear();
            }
            '^' if !self.quoted && !caret => self.caret = true,
            _ if !self.quoted && !caret && (c.is_whitespace() || "&|<>(),;=".contains(c)) => {
                self.word.clear();
            }
            _ => self.word.push(c),
        }
    }

    /// The context of a hole at this place; the lexer then stands behind the hole.
    pub(crate) fn hole(&mut self) -> HoleContext {
        self.caret = false;
        let context = if self.quoted {
            HoleContext::new(Label::CmdQuoted, Breaks::of(mask("\"%!\r\n"))).quoted(Quote::Double)
        } else {
            HoleContext::new(Label::CmdBare, Breaks::all_but(ALNUM | mask("_./:\\@+-")))
        }
        .after(&self.word);
        self.word.clear();
        context
    }
}
