//! One lexer for all dialects, with a state that can be kept and resumed.

use crate::css::CssState;
use crate::html::HtmlState;
use crate::js::JsState;
use crate::plain::{LdapState, PathState, RegexState, UrlState, XPathState};
use crate::shell::{CmdState, ShellState};
use crate::sql::SqlState;
use crate::{Breaks, Dialect, HoleContext, Label, chars};
use serde::{Deserialize, Serialize};

/// Where a lexer stands; comparable, so that two ways to build a text can be seen to agree.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// SQL.
    Sql(SqlState),
    /// HTML.
    Html(Box<HtmlState>),
    /// POSIX shell.
    Shell(ShellState),
    /// Windows command interpreter.
    Cmd(CmdState),
    /// LDAP.
    Ldap(LdapState),
    /// XPath.
    XPath(XPathState),
    /// File path.
    Path(PathState),
    /// URL.
    Url(UrlState),
    /// Header value or log line: nothing to remember.
    Line,
    /// Regular expression.
    Regex(RegexState),
    /// JavaScript.
    Js(JsState),
    /// CSS.
    Css(CssState),
}

impl State {
    /// The state at the start of a text.
    #[must_use]
    pub fn start(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Sql => Self::Sql(SqlState::default()),
            Dialect::Html => Self::Html(Box::default()),
            Dialect::Shell => Self::Shell(ShellState::default()),
            Dialect::Cmd => Self::Cmd(CmdState::default()),
            Dialect::Ldap => Self::Ldap(LdapState::default()),
            Dialect::XPath => Self::XPath(XPathState::default()),
            Dialect::Path => Self::Path(PathState::default()),
            Dialect::Url => Self::Url(UrlState::default()),
            Dialect::Header | Dialect::Log => Self::Line,
            Dialect::Regex => Self::Regex(RegexState::default()),
            Dialect::Js => Self::Js(JsState::default()),
            Dialect::Css => Self::Css(CssState::default()),
        }
    }
}

/// A lexer that reads literals and holes in turn.
#[derive(Debug, Clone)]
pub struct Lexer {
    dialect: Dialect,
    state: State,
    last_len: usize,
}

impl Lexer {
    /// A lexer at the start of a text.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self::resume(dialect, State::start(dialect))
    }

    /// A lexer that goes on from a kept state; a state of another dialect counts as the start.
    #[must_use]
    pub fn resume(dialect: Dialect, state: State) -> Self {
        let fresh = State::start(dialect);
        let state = if std::mem::discriminant(&fresh) == std::mem::discriminant(&state) { state } else { fresh };
        Self { dialect, state, last_len: 0 }
    }

    /// Read constant text.
    pub fn feed(&mut self, text: &str) {
        self.last_len = text.len();
        for c in text.chars() {
            match &mut self.state {
                State::Sql(state) => state.step(c),
                State::Html(state) => state.step(c),
                State::Shell(state) => state.step(c),
                State::Cmd(state) => state.step(c),
                State::Ldap(state) => state.step(c),
                State::XPath(state) => state.step(c),
                State::Path(state) => state.step(c),
                State::Url(state) => state.step(c),
                State::Line => return,
                State::Regex(state) => state.step(c),
                State::Js(state) => state.step(c),
                State::Css(state) => state.step(c),
            }
        }
    }

    /// The context of a hole at this place. The lexer then stands behind the hole, which is taken
    /// to stay inside its context. What only the text after the hole tells is missing.
    pub fn hole(&mut self) -> HoleContext {
        let mut context = match &mut self.state {
            State::Sql(state) => state.hole(),
            State::Html(state) => state.hole(),
            State::Shell(state) => state.hole(),
            State::Cmd(state) => state.hole(),
            State::Ldap(state) => state.hole(),
            State::XPath(state) => state.hole(),
            State::Path(state) => state.hole(),
            State::Url(state) => state.hole(),
            State::Line => HoleContext::new(
                if self.dialect == Dialect::Log { Label::LogValue } else { Label::HeaderValue },
                Breaks::of(chars::LINE_ENDS),
            ),
            State::Regex(state) => state.hole(),
            State::Js(state) => state.hole(),
            State::Css(state) => state.hole(),
        };
        context.start_in_lit = self.last_len.saturating_sub(context.prefix.len());
        self.last_len = 0;
        context
    }

    pub(crate) fn refine(&self, context: &mut HoleContext, next: &str, more: bool) {
        match &self.state {
            State::Sql(state) => state.refine(context, next, more),
            State::Html(state) => state.refine(context, next),
            State::Shell(state) => state.refine(context, next),
            State::Path(_) => PathState::refine(context, next),
            State::Url(state) => state.refine(context, next),
            State::Regex(state) => state.refine(context, next, more),
            State::XPath(state) => state.refine(context, next),
            State::Ldap(state) => state.refine(context, next, more),
            State::Cmd(_) | State::Line | State::Js(_) | State::Css(_) => {}
        }
    }

    pub(crate) fn several_statements(&self) -> bool {
        matches!(&self.state, State::Sql(state) if state.grammar_several())
    }

    /// Where the lexer stands.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The language the lexer reads.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }
}
