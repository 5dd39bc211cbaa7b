//! The HTML lexer: the tokenizer of the HTML standard as far as it decides where a hole stands,
//! with the script and style lexers inside.

use crate::chars::{ALNUM, Breaks, bit, mask};
use crate::css::CssState;
use crate::js::JsState;
use crate::{HoleContext, Label, Quote};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
enum Mode {
    Data,
    TagOpen,
    TagName,
    BeforeAttr,
    AttrName,
    AfterAttrName,
    BeforeValue,
    Value(Quote),
    AfterValue,
    /// After `<!`: a comment, a declaration or CDATA.
    Markup,
    /// A declaration; ends at `>`.
    Bogus,
    /// A comment, with its last two characters; `fresh` right after `<!--`.
    Comment {
        last: [char; 2],
        fresh: bool,
    },
    CData {
        last: [char; 2],
    },
    /// The content of an element without tags inside.
    Raw,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
enum Raw {
    Script,
    Style,
    Text,
}

/// The state of the HTML lexer between two pieces.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HtmlState {
    mode: Mode,
    /// Name of the current tag in lower case; the open element in raw content.
    tag: String,
    closing: bool,
    attr: String,
    /// Constant start of the attribute value since the value's start or the last hole.
    value: String,
    /// The value had a hole before.
    value_hole: bool,
    raw: Raw,
    /// The last characters of raw content or of `<!`, in lower case.
    tail: String,
    /// `<!--` in a script: 1, with `<script` inside: 2.
    escaped: u8,
    /// A character reference that is being read in an attribute with code.
    entity: Option<String>,
    js: JsState,
    css: CssState,
}

impl Default for HtmlState {
    fn default() -> Self {
        Self {
            mode: Mode::Data,
            tag: String::new(),
            closing: false,
            attr: String::new(),
            value: String::new(),
            value_hole: false,
            raw: Raw::Text,
            tail: String::new(),
            escaped: 0,
            entity: None,
            js: JsState::default(),
            css: CssState::default(),
        }
    }
}

const TAIL: usize = 24;

fn is_url_attr(tag: &str, attr: &str) -> bool {
    matches!(
        attr,
        "href"
            | "src"
            | "action"
            | "formaction"
            | "poster"
            | "background"
            | "cite"
            | "ping"
            | "xlink:href"
            | "srcset"
            | "manifest"
            | "longdesc"
            | "icon"
            | "codebase"
            | "usemap"
    ) || (tag == "object" && attr == "data")
}

fn loads_code(tag: &str) -> bool {
    matches!(tag, "script" | "iframe" | "frame" | "object" | "embed" | "link" | "base")
}

fn is_event_attr(attr: &str) -> bool {
    attr.len() > 2 && attr.starts_with("on")
}

impl HtmlState {
    /// Read one character.
    pub(crate) fn step(&mut self, c: char) {
        let space = matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}');
        match self.mode {
            Mode::Data => {
                if c == '<' {
                    self.mode = Mode::TagOpen;
                    self.closing = false;
                }
            }
            Mode::TagOpen => match c {
                '/' if !self.closing => self.closing = true,
                '!' if !self.closing => {
                    self.tail.clear();
                    self.mode = Mode::Markup;
                }
                '?' => self.mode = Mode::Bogus,
                '>' if self.closing => self.mode = Mode::Data,
                _ if c.is_ascii_alphabetic() => {
                    self.tag.clear();
                    self.tag.push(c.to_ascii_lowercase());
                    self.mode = Mode::TagName;
                }
                _ if self.closing => self.mode = Mode::Bogus,
                '<' => {}
                _ => self.mode = Mode::Data,
            },
            Mode::TagName => match c {
                '>' => self.end_tag(),
                '/' => self.mode = Mode::BeforeAttr,
                _ if space => self.mode = Mode::BeforeAttr,
                _ => {
                    if self.tag.len() < TAIL {
                        self.tag.push(c.to_ascii_lowercase());
                    }
                }
            },
            Mode::BeforeAttr | Mode::AfterValue => match c {
                '>' => self.end_tag(),
                '/' => self.mode = Mode::BeforeAttr,
                _ if space => self.mode = Mode::BeforeAttr,
                _ => {
                    self.attr.clear();
                    self.attr.push(c.to_ascii_lowercase());
                    self.mode = Mode::AttrName;
                }
            },
            Mode::AttrName => match c {
                '>' => self.end_tag(),
                '/' => self.mode = Mode::BeforeAttr,
                '=' => self.mode = Mode::BeforeValue,
                _ if space => self.mode = Mode::AfterAttrName,
                _ => {
                    if self.attr.len() < TAIL {
                        self.attr.push(c.to_ascii_lowercase());
                    }
                }
            },
            Mode::AfterAttrName => match c {
                '>' => self.end_tag(),
                '/' => self.mode = Mode::BeforeAttr,
                '=' => self.mode = Mode::BeforeValue,
                _ if space => {}
                _ => {
                    self.attr.clear();
                    self.attr.push(c.to_ascii_lowercase());
                    self.mode = Mode::AttrName;
                }
            },
            Mode::BeforeValue => match c {
                '>' => self.end_tag(),
                '"' => self.begin_value(Quote::Double),
                '\'' => self.begin_value(Quote::Single),
                _ if space => {}
                _ => {
                    self.begin_value(Quote::None);
                    self.value_char(c);
                }
            },
            Mode::Value(quote) => match (quote, c) {
                (Quote::Double, '"') | (Quote::Single, '\'') => self.mode = Mode::AfterValue,
                (Quote::None, '>') => self.end_tag(),
                (Quote::None, _) if space => self.mode = Mode::BeforeAttr,
                _ => self.value_char(c),
            },
            Mode::Markup => {
                if c == '>' {
                    self.mode = Mode::Data;
                    return;
                }
                self.tail.push(c.to_ascii_lowercase());
                if self.tail == "--" {
                    self.mode = Mode::Comment { last: [' '; 2], fresh: true };
                } else if self.tail == "[cdata[" {
                    self.mode = Mode::CData { last: [' '; 2] };
                } else if !("--".starts_with(&self.tail) || "[cdata[".starts_with(&self.tail)) {
                    self.mode = Mode::Bogus;
                }
            }
            Mode::Bogus => {
                if c == '>' {
                    self.mode = Mode::Data;
                }
            }
            Mode::Comment { last, fresh } => {
                // `<!-->` and `<!--->` are whole comments; `--!>` ends one too.
                let dash = last == ['-', '-'] || last == ['-', '!'];
                let short = fresh && last == [' ', '-'];
                self.mode = if c == '>' && (dash || short || (fresh && last == [' '; 2])) {
                    Mode::Data
                } else {
                    let held = if last == ['-', '-'] && c == '!' {
                        ['-', '!']
                    } else if c == '!' {
                        [' ', '!']
                    } else if last[1] == '!' {
                        [' ', c]
                    } else {
                        [last[1], c]
                    };
                    Mode::Comment { last: held, fresh: fresh && last == [' '; 2] && c == '-' }
                };
            }
            Mode::CData { last } => {
                self.mode =
                    if c == '>' && last == [']', ']'] { Mode::Data } else { Mode::CData { last: [last[1], c] } };
            }
            Mode::Raw => self.raw_char(c, space),
        }
    }

    fn end_tag(&mut self) {
        self.mode = Mode::Data;
        if self.closing {
            return;
        }
        let raw = match self.tag.as_str() {
            "script" => Raw::Script,
            "style" => Raw::Style,
            "title" | "textarea" | "xmp" | "iframe" | "noembed" | "noframes" | "plaintext" => Raw::Text,
            _ => return,
        };
        self.raw = raw;
        self.mode = Mode::Raw;
        self.tail.clear();
        self.escaped = 0;
        self.js = JsState::default();
        self.css = CssState::default();
    }

    fn raw_char(&mut self, c: char, space: bool) {
        let ends_name = space || c == '/' || c == '>';
        if ends_name && self.tail.ends_with(self.tag.as_str()) {
            let open = self.tail.strip_suffix(self.tag.as_str()).unwrap_or_default();
            if open.ends_with("</") {
                if self.escaped == 2 {
                    self.escaped = 1;
                } else {
                    self.tail.clear();
                    self.closing = true;
                    self.mode = if c == '>' { Mode::Data } else { Mode::BeforeAttr };
                    return;
                }
            } else if open.ends_with('<') && self.escaped == 1 {
                self.escaped = 2;
            }
        }
        self.tail.push(c.to_ascii_lowercase());
        if self.tail.len() > TAIL {
            let drop = self.tail.chars().next().map_or(0, char::len_utf8);
            self.tail.drain(..drop);
        }
        match self.raw {
            Raw::Script => {
                if self.tail.ends_with("<!--") && self.escaped == 0 {
                    self.escaped = 1;
                } else if self.tail.ends_with("-->") {
                    self.escaped = 0;
                }
                self.js.step(c);
            }
            Raw::Style => self.css.step(c),
            Raw::Text => {}
        }
    }

    fn begin_value(&mut self, quote: Quote) {
        self.mode = Mode::Value(quote);
        self.value.clear();
        self.value_hole = false;
        self.entity = None;
        self.js = JsState::default();
        self.css = CssState::default();
    }

    fn value_char(&mut self, c: char) {
        self.value.push(c);
        if let Some(entity) = &mut self.entity {
            if (c.is_ascii_alphanumeric() || c == '#') && entity.len() < 10 {
                entity.push(c);
                return;
            }
            let (name, done) = (std::mem::take(entity), c == ';');
            self.entity = None;
            match decode(&name) {
                Some(decoded) => self.code_char(decoded),
                None => {
                    self.code_char('&');
                    for c in name.chars() {
                        self.code_char(c);
                    }
                }
            }
            if done {
                return;
            }
        }
        if c == '&' {
            self.entity = Some(String::new());
        } else {
            self.code_char(c);
        }
    }

    fn code_char(&mut self, c: char) {
        if is_event_attr(&self.attr) {
            self.js.step(c);
        } else if self.attr == "style" {
            self.css.step(c);
        }
    }

    /// The context of a hole at this place; the lexer then stands behind the hole.
    pub(crate) fn hole(&mut self) -> HoleContext {
        let all = Breaks::all_but(0);
        match self.mode {
            Mode::Data => HoleContext::new(Label::HtmlText, Breaks::of(mask("<"))),
            Mode::TagOpen => {
                self.tag.clear();
                self.tag.push('\u{1}');
                self.mode = Mode::TagName;
                HoleContext::new(Label::HtmlTagName, all)
            }
            Mode::TagName => {
                let prefix = std::mem::take(&mut self.tag);
                self.tag.push('\u{1}');
                HoleContext::new(Label::HtmlTagName, all).after(&prefix)
            }
            Mode::BeforeAttr | Mode::AfterValue | Mode::AttrName | Mode::AfterAttrName => {
                let prefix = if self.mode == Mode::AttrName { std::mem::take(&mut self.attr) } else { String::new() };
                self.attr.clear();
                self.attr.push('\u{1}');
                self.mode = Mode::AttrName;
                HoleContext::new(Label::HtmlAttrName, all).after(&prefix)
            }
            Mode::BeforeValue => {
                self.begin_value(Quote::None);
                self.value_context(Quote::None)
            }
            Mode::Value(quote) => self.value_context(quote),
            Mode::Markup | Mode::Bogus => {
                self.mode = Mode::Bogus;
                HoleContext::new(Label::HtmlComment, Breaks::of(mask(">")))
            }
            Mode::Comment { .. } => {
                self.mode = Mode::Comment { last: ['h'; 2], fresh: false };
                HoleContext::new(Label::HtmlComment, Breaks::of(mask(">")))
            }
            Mode::CData { .. } => {
                self.mode = Mode::CData { last: ['h'; 2] };
                HoleContext::new(Label::HtmlText, Breaks::of(mask("<>")))
            }
            Mode::Raw => self.raw_context(),
        }
    }

    fn raw_context(&mut self) -> HoleContext {
        self.tail.clear();
        self.tail.push('\u{1}');
        let element = Breaks::of(mask("<"));
        match self.raw {
            Raw::Text => HoleContext::new(Label::HtmlRcdata, element),
            Raw::Style => {
                let mut context = self.css.hole();
                context.label = Label::HtmlCss;
                context.breaks = context.breaks.or(element);
                context.nested = true;
                context
            }
            Raw::Script => {
                let mut context = self.js.hole();
                // `</script` needs a slash as a comment's end does.
                if context.label != Label::JsComment || context.breaks.set != mask("/") {
                    context.breaks = context.breaks.or(element);
                }
                context.label = match context.label {
                    Label::JsString => Label::HtmlJsString,
                    Label::JsTemplate => Label::HtmlJsTemplate,
                    _ => Label::HtmlJsCode,
                };
                context.nested = true;
                context
            }
        }
    }

    fn value_context(&mut self, quote: Quote) -> HoleContext {
        let (label, own) = match quote {
            Quote::Double => (Label::HtmlAttrDouble, Breaks::of(bit(b'"'))),
            Quote::Single => (Label::HtmlAttrSingle, Breaks::of(bit(b'\''))),
            _ => (Label::HtmlAttrBare, Breaks::of(!(ALNUM | mask("-_.:,;#%&/+!?@$()*[]{}|~^\\")))),
        };
        if let Some(entity) = self.entity.take() {
            self.code_char('&');
            for c in entity.chars() {
                self.code_char(c);
            }
        }
        let reference = Breaks::of(mask("&"));
        let prefix = std::mem::take(&mut self.value);
        let first = !std::mem::replace(&mut self.value_hole, true);
        let mut context = if is_event_attr(&self.attr) {
            let inner = self.js.hole();
            let mut context = HoleContext::new(Label::HtmlEventAttr, inner.breaks.or(own).or(reference));
            context.nested = true;
            context.quoted(inner.quote)
        } else if self.attr == "style" {
            let inner = self.css.hole();
            let mut context = HoleContext::new(Label::HtmlCss, inner.breaks.or(own).or(reference));
            context.nested = true;
            context.quoted(inner.quote)
        } else if self.attr == "srcdoc" {
            // The value is a document of its own.
            HoleContext::new(label, own.or(Breaks::of(mask("<&")))).quoted(quote)
        } else if is_url_attr(&self.tag, &self.attr) {
            let url = if first { url_breaks(&self.tag, &prefix) } else { Breaks::of(0) };
            HoleContext::new(Label::HtmlUrlAttr, own.or(url)).quoted(quote)
        } else {
            HoleContext::new(label, own).quoted(quote)
        };
        context.prefix = prefix;
        context
    }

    /// Add what the text after the hole tells.
    pub(crate) fn refine(&self, context: &mut HoleContext, next: &str) {
        context.suffix = match self.mode {
            Mode::Value(Quote::Double) => next.split('"').next(),
            Mode::Value(Quote::Single) => next.split('\'').next(),
            Mode::Value(_) => next.split([' ', '\t', '\n', '\r', '>']).next(),
            _ => None,
        }
        .unwrap_or_default()
        .to_owned();
    }
}

/// What lets a hole choose the scheme of a URL, or for elements that load code the host.
fn url_breaks(tag: &str, prefix: &str) -> Breaks {
    let start: String =
        prefix.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect::<String>().to_ascii_lowercase();
    let code = loads_code(tag);
    if start.is_empty() {
        let host = if code { mask("/\\") } else { 0 };
        return Breaks::of(mask(":&") | host);
    }
    if start.starts_with("javascript:") || start.starts_with("data:") || start.starts_with("vbscript:") {
        return Breaks::all_but(0);
    }
    if code {
        let rest = match start.split_once("//") {
            Some((scheme, rest)) if scheme.is_empty() || scheme.ends_with(':') => Some(rest),
            _ => None,
        };
        if let Some(host) = rest {
            return if host.contains(['/', '?', '#']) { Breaks::of(0) } else { Breaks::all_but(0) };
        }
        if start == "/" {
            return Breaks::of(mask("/\\"));
        }
    }
    if start.contains(['/', '?', '#', ':']) { Breaks::of(0) } else { Breaks::of(mask(":&")) }
}

fn decode(name: &str) -> Option<char> {
    match name {
        "quot" | "QUOT" => Some('"'),
        "apos" => Some('\''),
        "amp" | "AMP" => Some('&'),
        "lt" | "LT" => Some('<'),
        "gt" | "GT" => Some('>'),
        "lpar" => Some('('),
        "rpar" => Some(')'),
        "grave" => Some('`'),
        "bsol" => Some('\\'),
        "NewLine" => Some('\n'),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}
