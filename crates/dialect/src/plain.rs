//! The small lexers: LDAP, XPath, paths, URLs and regular expressions.

use crate::chars::{Breaks, DIGITS, NUMBER, mask};
use crate::{HoleContext, Label, Quote};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
enum LdapMode {
    #[default]
    Start,
    /// Inside a filter, between parentheses.
    Between,
    /// Right after `(`.
    Open,
    Attr,
    Value,
    DnAttr,
    DnValue,
}

/// The state of the LDAP lexer between two pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LdapState {
    mode: LdapMode,
    escape: bool,
    token: String,
}

impl LdapState {
    /// Read one character.
    pub(crate) fn step(&mut self, c: char) {
        let mode = self.mode;
        self.mode = match mode {
            LdapMode::Start if c.is_whitespace() => mode,
            LdapMode::Start if c == '(' => LdapMode::Open,
            LdapMode::Start => LdapMode::DnAttr,
            LdapMode::Between if c == '(' => LdapMode::Open,
            LdapMode::Between => mode,
            LdapMode::Open if c == '(' => LdapMode::Open,
            LdapMode::Open if matches!(c, '&' | '|' | '!' | ')') => LdapMode::Between,
            LdapMode::Open | LdapMode::Attr => match c {
                '=' => LdapMode::Value,
                ')' => LdapMode::Between,
                _ => LdapMode::Attr,
            },
            LdapMode::Value if c == ')' => LdapMode::Between,
            LdapMode::Value => mode,
            LdapMode::DnAttr if c == '=' => LdapMode::DnValue,
            LdapMode::DnAttr => mode,
            LdapMode::DnValue => {
                let escaped = std::mem::take(&mut self.escape);
                self.escape = !escaped && c == '\\';
                if !escaped && matches!(c, ',' | ';' | '+') { LdapMode::DnAttr } else { mode }
            }
        };
        if self.mode == mode && matches!(mode, LdapMode::Value | LdapMode::DnValue | LdapMode::Attr) {
            self.token.push(c);
        } else {
            self.token.clear();
            if self.mode == LdapMode::Attr {
                self.token.push(c);
            }
        }
    }

    /// The context of a hole at this place; the lexer then stands behind the hole.
    pub(crate) fn hole(&mut self) -> HoleContext {
        let all = Breaks::all_but(0);
        let (label, breaks) = match self.mode {
            LdapMode::Start | LdapMode::Between => (Label::LdapOther, all),
            LdapMode::Open | LdapMode::Attr => (Label::LdapAttr, all),
            LdapMode::Value => (Label::LdapValue, Breaks::of(mask("*()\\\0"))),
            LdapMode::DnAttr => (Label::LdapDn, all),
            LdapMode::DnValue => (Label::LdapDn, Breaks::of(mask(",+\"\\<>;=#\0\r\n"))),
        };
        match self.mode {
            LdapMode::Start => self.mode = LdapMode::Between,
            LdapMode::Open => self.mode = LdapMode::Attr,
            _ => {}
        }
        self.escape = false;
        let context = HoleContext::new(label, breaks).after(&self.token);
        self.token.clear();
        context
    }

    /// Add what the text after the hole tells.
    pub(crate) fn refine(&self, context: &mut HoleContext, next: &str, _more: bool) {
        context.suffix = match context.label {
            Label::LdapValue => next.split(')').next(),
            Label::LdapDn => next.split([',', ';', '+']).next(),
            _ => None,
        }
        .unwrap_or_default()
        .to_owned();
    }
}

/// The state of the XPath lexer between two pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct XPathState {
    quote: Quote,
    token: String,
}

impl XPathState {
    /// Read one character.
    pub(crate) fn step(&mut self, c: char) {
        let next = match (self.quote, c) {
            (Quote::None, '\'') => Quote::Single,
            (Quote::None, '"') => Quote::Double,
            (Quote::Single, '\'') | (Quote::Double, '"') => Quote::None,
            (Quote::None, _) => return,
            (same, _) => {
                self.token.push(c);
                same
            }
        };
        if next != self.quote {
            self.token.clear();
            self.quote = next;
        }
    }

    /// The context of a hole at this place; the lexer then stands behind the hole.
    pub(crate) fn hole(&mut self) -> HoleContext {
        let (label, breaks) = match self.quote {
            Quote::Single => (Label::XPathSingle, Breaks::of(mask("'"))),
            Quote::Double => (Label::XPathDouble, Breaks::of(mask("\""))),
            _ => (Label::XPathBare, Breaks::all_but(NUMBER)),
        };
        let context = HoleContext::new(label, breaks).quoted(self.quote).after(&self.token);
        self.token.clear();
        context
    }

    /// Add what the text after the hole tells.
    pub(crate) fn refine(&self, context: &mut HoleContext, next: &str) {
        context.suffix = match self.quote {
            Quote::Single => next.split('\'').next(),
            Quote::Double => next.split('"').next(),
            _ => None,
        }
        .unwrap_or_default()
        .to_owned();
    }
}

/// The state of the path lexer between two pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PathState {
    text: String,
    holes: bool,
}

impl PathState {
    /// Read one character.
    pub(crate) fn step(&mut self, c: char) {
        self.text.push(c);
    }

    /// The context of a hole at this place; the lexer then stands behind the hole.
    pub(crate) fn hole(&mut self) -> HoleContext {
        let text = std::mem::take(&mut self.text);
        let separators = Breaks::of(mask("/\\"));
        let whole = Breaks::of(mask("/\\."));
        let first = !std::mem::replace(&mut self.holes, true);
        let (label, breaks) = if first && text.is_empty() {
            (Label::PathWhole, whole)
        } else if !first {
            (Label::PathMiddle, separators)
        } else if text.ends_with(['/', '\\']) {
            (Label::PathAfterDir, separators)
        } else {
            (Label::PathPrefixPart, separators)
        };
        HoleContext::new(label, breaks).after(&text)
    }

    /// Add what the text after the hole tells.
    pub(crate) fn refine(context: &mut HoleContext, next: &str) {
        next.clone_into(&mut context.suffix);
        if context.label == Label::PathAfterDir && !next.is_empty() {
            if next.contains(['/', '\\']) {
                context.label = Label::PathMiddle;
                // `..` alone leaves a component that is followed by another.
                context.breaks = Breaks::of(mask("/\\."));
            } else {
                context.label = Label::PathSuffixed;
            }
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
enum UrlMode {
    #[default]
    Start,
    /// After `scheme:`, with the number of slashes.
    Slashes(u8),
    Host,
    Port,
    Path,
    Query,
    Fragment,
    /// `mailto:`, `javascript:` and the like.
    Opaque,
}

/// The state of the URL lexer between two pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct UrlState {
    mode: UrlMode,
    /// The scheme, or the relative text read so far.
    scheme: String,
    token: String,
    bracket: bool,
    holes: bool,
    /// The path is a single slash so far: another one would make it a host.
    lone_slash: bool,
}

fn needs_host(scheme: &str) -> bool {
    matches!(scheme, "http" | "https" | "ws" | "wss" | "ftp" | "file" | "")
}

impl UrlState {
    fn to(&mut self, mode: UrlMode) {
        self.mode = mode;
        self.token.clear();
    }

    /// Read one character.
    pub(crate) fn step(&mut self, c: char) {
        // Browsers drop these anywhere, and read a backslash as a slash.
        if matches!(c, '\t' | '\n' | '\r') {
            return;
        }
        let slash = c == '/' || c == '\\';
        if self.mode != UrlMode::Path && self.mode != UrlMode::Start {
            self.lone_slash = false;
        }
        match self.mode {
            UrlMode::Start => match c {
                ':' if !self.holes => {
                    self.scheme.make_ascii_lowercase();
                    self.to(UrlMode::Slashes(0));
                }
                ':' => self.to(UrlMode::Slashes(0)),
                '?' => self.to(UrlMode::Query),
                '#' => self.to(UrlMode::Fragment),
                _ if slash && self.scheme.is_empty() && !self.holes => {
                    self.to(UrlMode::Slashes(1));
                    self.lone_slash = true;
                }
                _ if slash => self.to(UrlMode::Path),
                _ if c.is_whitespace() && self.scheme.is_empty() => {}
                _ => {
                    self.scheme.push(c);
                    self.token.push(c);
                }
            },
            UrlMode::Slashes(count) => {
                if slash {
                    if count == 0 {
                        self.to(UrlMode::Slashes(1));
                    } else {
                        self.to(UrlMode::Host);
                    }
                } else if count == 0 && !needs_host(&self.scheme) {
                    self.to(UrlMode::Opaque);
                    self.token.push(c);
                } else if self.scheme.is_empty() && !self.holes {
                    self.to(UrlMode::Path);
                    self.path(c);
                } else {
                    // `http:host` and `http:/host` reach the host all the same.
                    self.to(UrlMode::Host);
                    self.step(c);
                }
            }
            UrlMode::Host | UrlMode::Port => match c {
                '?' => self.to(UrlMode::Query),
                '#' => self.to(UrlMode::Fragment),
                '@' => self.to(UrlMode::Host),
                '[' => {
                    self.bracket = true;
                    self.token.push(c);
                }
                ']' => {
                    self.bracket = false;
                    self.token.push(c);
                }
                ':' if !self.bracket => self.to(UrlMode::Port),
                _ if slash && self.token.is_empty() && self.mode == UrlMode::Host && self.scheme != "file" => {}
                _ if slash => self.to(UrlMode::Path),
                _ => self.token.push(c),
            },
            UrlMode::Path => self.path(c),
            UrlMode::Query => {
                if c == '#' {
                    self.to(UrlMode::Fragment);
                } else if c == '&' {
                    self.token.clear();
                } else {
                    self.token.push(c);
                }
            }
            UrlMode::Fragment | UrlMode::Opaque => self.token.push(c),
        }
    }

    fn path(&mut self, c: char) {
        match c {
            '?' => self.to(UrlMode::Query),
            '#' => self.to(UrlMode::Fragment),
            _ => self.token.push(c),
        }
    }

    /// The context of a hole at this place; the lexer then stands behind the hole.
    pub(crate) fn hole(&mut self) -> HoleContext {
        let all = Breaks::all_but(0);
        let path = Breaks::of(mask("/\\?#"));
        let part = Breaks::of(mask("/\\?#@:"));
        let prefix = self.token.clone();
        let (label, breaks, next) = match self.mode {
            UrlMode::Start if self.holes => (Label::UrlSchemeHost, all, UrlMode::Start),
            UrlMode::Start if self.scheme.is_empty() => (Label::UrlWhole, all, UrlMode::Start),
            UrlMode::Start => {
                // `page` + H is relative unless H brings a colon.
                let breaks = Breaks::of(mask(":/\\?#"));
                (Label::UrlSchemeHost, breaks, UrlMode::Start)
            }
            UrlMode::Slashes(1) if self.scheme.is_empty() && !self.holes => (Label::UrlPath, path, UrlMode::Path),
            UrlMode::Slashes(0) if !needs_host(&self.scheme) => (Label::UrlPath, all, UrlMode::Opaque),
            UrlMode::Slashes(_) => (Label::UrlSchemeHost, all, UrlMode::Host),
            UrlMode::Host if prefix.is_empty() && !self.holes => (Label::UrlSchemeHost, all, UrlMode::Host),
            UrlMode::Host => (Label::UrlHostPart, all, UrlMode::Host),
            UrlMode::Port => (Label::UrlPort, Breaks::all_but(DIGITS), UrlMode::Port),
            UrlMode::Path => (Label::UrlPath, path, UrlMode::Path),
            UrlMode::Query => (Label::UrlQuery, Breaks::of(mask("&#")), UrlMode::Query),
            UrlMode::Fragment => (Label::UrlFragment, Breaks::of(0), UrlMode::Fragment),
            UrlMode::Opaque => {
                let breaks = if matches!(self.scheme.as_str(), "javascript" | "data" | "vbscript") {
                    all
                } else {
                    Breaks::of(mask("?#&"))
                };
                (Label::UrlPath, breaks, UrlMode::Opaque)
            }
        };
        let breaks = if label == Label::UrlHostPart { breaks.or(part) } else { breaks };
        self.mode = next;
        self.holes = true;
        self.lone_slash = false;
        self.token.clear();
        if self.mode == UrlMode::Host {
            // A slash after the hole ends the host.
            self.token.push('\u{1}');
        }
        let prefix = prefix.replace('\u{1}', "");
        HoleContext::new(label, breaks).after(&prefix)
    }

    /// Add what the text after the hole tells.
    pub(crate) fn refine(&self, context: &mut HoleContext, next: &str) {
        let part = Breaks::of(mask("/\\?#@:"));
        let authority = next.split(['/', '\\', '?', '#']).next().unwrap_or_default();
        match context.label {
            Label::UrlSchemeHost | Label::UrlHostPart | Label::UrlPort
                if matches!(self.mode, UrlMode::Host | UrlMode::Port) =>
            {
                if authority.contains('@') {
                    context.label = Label::UrlUserinfo;
                    context.breaks = part;
                    context.suffix = authority.split('@').next().unwrap_or_default().to_owned();
                    return;
                }
                if context.label == Label::UrlPort {
                    return;
                }
                let host = authority.split(':').next().unwrap_or_default();
                host.clone_into(&mut context.suffix);
                if host.len() > 1 && host.starts_with('.') {
                    // The constant end of the name stays unless the hole ends the host first.
                    context.label = Label::UrlHostPart;
                    context.breaks = part;
                } else if !host.is_empty() {
                    context.label = Label::UrlHostPart;
                }
            }
            Label::UrlPath => {
                context.suffix = next.split(['?', '#']).next().unwrap_or_default().to_owned();
            }
            Label::UrlQuery => {
                context.suffix = next.split(['&', '#']).next().unwrap_or_default().to_owned();
            }
            Label::UrlFragment | Label::UrlWhole => next.clone_into(&mut context.suffix),
            _ => {}
        }
    }
}

/// The state of the regular expression lexer between two pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RegexState {
    begun: bool,
    class: u8,
    escape: bool,
    quoted: bool,
}

impl RegexState {
    /// Read one character.
    pub(crate) fn step(&mut self, c: char) {
        self.begun = true;
        let escaped = std::mem::take(&mut self.escape);
        if self.quoted {
            if escaped && c == 'E' {
                self.quoted = false;
            }
            self.escape = c == '\\';
        } else if escaped {
            self.quoted = c == 'Q';
        } else {
            match c {
                '\\' => self.escape = true,
                '[' => self.class = self.class.saturating_add(1).min(2),
                ']' => self.class = self.class.saturating_sub(1),
                _ => {}
            }
        }
    }

    /// The context of a hole at this place; the lexer then stands behind the hole.
    pub(crate) fn hole(&mut self) -> HoleContext {
        let syntax = Breaks::of(mask("\\^$.|?*+()[]{}"));
        let whole = !std::mem::replace(&mut self.begun, true);
        self.escape = false;
        let (label, breaks) = if self.quoted {
            (Label::RegexQuoted, Breaks::of(mask("\\")))
        } else if self.class > 0 {
            (Label::RegexClass, Breaks::of(mask("]\\^-[&")))
        } else if whole {
            (Label::RegexWhole, syntax)
        } else {
            (Label::RegexPart, syntax)
        };
        HoleContext::new(label, breaks)
    }

    /// Add what the text after the hole tells.
    pub(crate) fn refine(&self, context: &mut HoleContext, next: &str, more: bool) {
        if context.label == Label::RegexWhole && (more || !next.is_empty()) {
            context.label = Label::RegexPart;
        }
    }
}
