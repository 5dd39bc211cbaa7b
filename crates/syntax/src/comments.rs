//! Comments and string literals by small scanners, one pass over the bytes, that hold up on code that does not parse.

use crate::Lang;
use surefix_text::Span;

/// Form of a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommentKind {
    /// `// …`, `# …`, up to the line's end.
    Line,
    /// `/* … */`.
    Block,
    /// `/** … */`.
    Doc,
}

/// A comment with its delimiters, without the line ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Comment {
    /// Its bytes.
    pub span: Span,
    /// Its form.
    pub kind: CommentKind,
}

/// What is not code: a comment, or a string or character literal with prefix and quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Piece {
    /// A comment.
    Comment(Comment),
    /// A literal. An f-string is one literal with everything in it; comments in its fields are listed too.
    Text(Span),
}

impl Piece {
    /// The piece's bytes.
    pub fn span(&self) -> Span {
        match self {
            Piece::Comment(c) => c.span,
            Piece::Text(s) => *s,
        }
    }
}

/// All comments, in order.
pub fn comments(lang: Lang, text: &str) -> Vec<Comment> {
    let only = |p| match p {
        Piece::Comment(c) => Some(c),
        Piece::Text(_) => None,
    };
    pieces(lang, text).into_iter().filter_map(only).collect()
}

/// All comments and literals, sorted by span. A literal that is not terminated ends at its line (triple-quoted: at the end of the text).
pub fn pieces(lang: Lang, text: &str) -> Vec<Piece> {
    let mut out = match lang {
        Lang::Java => java(text.as_bytes()),
        Lang::Python => Python { bytes: text.as_bytes(), at: 0, out: Vec::new(), stack: Vec::new() }.run(),
    };
    out.sort_by_key(|p| (p.span().lo, std::cmp::Reverse(p.span().hi)));
    out
}

/// The text with every byte of comments and literals (but not line endings) turned into a space: offsets stay.
pub fn mask(text: &str, pieces: &[Piece]) -> Vec<u8> {
    let mut out = text.as_bytes().to_vec();
    for p in pieces {
        let Span { lo, hi } = p.span();
        if let Some(bytes) = out.get_mut(lo as usize..hi as usize) {
            bytes.iter_mut().filter(|b| !matches!(b, b'\n' | b'\r')).for_each(|b| *b = b' ');
        }
    }
    out
}

fn span(lo: usize, hi: usize) -> Span {
    Span::new(u32::try_from(lo).unwrap_or(u32::MAX), u32::try_from(hi).unwrap_or(u32::MAX))
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    bytes.get(at..).and_then(|b| memchr::memchr2(b'\n', b'\r', b)).map_or(bytes.len(), |n| at + n)
}

fn java(bytes: &[u8]) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(skip) = bytes.get(at..).and_then(|b| memchr::memchr3(b'/', b'"', b'\'', b)) {
        let lo = at + skip;
        let rest = &bytes[lo..];
        at = lo + 1;
        if rest.starts_with(b"//") {
            at = line_end(bytes, lo);
            out.push(Piece::Comment(Comment { span: span(lo, at), kind: CommentKind::Line }));
        } else if rest.starts_with(b"/*") {
            at = memchr::memmem::find(&rest[2..], b"*/").map_or(bytes.len(), |n| lo + n + 4);
            let doc = rest.starts_with(b"/**") && !rest.starts_with(b"/**/");
            let kind = if doc { CommentKind::Doc } else { CommentKind::Block };
            out.push(Piece::Comment(Comment { span: span(lo, at), kind }));
        } else if rest[0] != b'/' {
            at = literal_end(bytes, lo, rest.starts_with(b"\"\"\""));
            out.push(Piece::Text(span(lo, at)));
        }
    }
    out
}

/// Past the end of the literal whose quote is at `open`. A backslash hides the byte after it.
fn literal_end(bytes: &[u8], open: usize, triple: bool) -> usize {
    let quote = bytes.get(open).copied().unwrap_or(b'"');
    let mut at = open + if triple { 3 } else { 1 };
    while let Some(&b) = bytes.get(at) {
        match b {
            // CRLF after a continuation is one line ending.
            b'\\' if bytes.get(at + 1) == Some(&b'\r') && bytes.get(at + 2) == Some(&b'\n') => at += 3,
            b'\\' => at += 2,
            b'\n' | b'\r' if !triple => return at,
            _ if b == quote && !triple => return at + 1,
            _ if b == quote && closes(bytes, at, quote, true) => return at + 3,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn closes(bytes: &[u8], at: usize, quote: u8, triple: bool) -> bool {
    bytes.get(at) == Some(&quote)
        && (!triple || (bytes.get(at + 1) == Some(&quote) && bytes.get(at + 2) == Some(&quote)))
}

/// What the Python scanner is inside of; f-strings nest.
#[derive(Clone, Copy)]
enum Frame {
    /// Text of an f-string.
    Text { lo: usize, quote: u8, triple: bool, raw: bool },
    /// Code in a replacement field, at a bracket depth.
    Field { depth: u32 },
    /// The format specification of a field.
    Spec { quote: u8, triple: bool },
}

struct Python<'a> {
    bytes: &'a [u8],
    at: usize,
    out: Vec<Piece>,
    stack: Vec<Frame>,
}

impl Python<'_> {
    fn run(mut self) -> Vec<Piece> {
        while let Some(&b) = self.bytes.get(self.at) {
            match self.stack.last().copied() {
                None | Some(Frame::Field { .. }) => self.code(b),
                Some(Frame::Text { lo, quote, triple, raw }) => self.text(b, lo, quote, triple, raw),
                Some(Frame::Spec { quote, triple }) => self.spec(b, quote, triple),
            }
        }
        if let Some(Frame::Text { lo, .. }) = self.stack.first().copied() {
            self.out.push(Piece::Text(span(lo, self.bytes.len())));
        }
        self.out
    }

    fn code(&mut self, b: u8) {
        match b {
            b'#' => {
                let end = line_end(self.bytes, self.at);
                self.out.push(Piece::Comment(Comment { span: span(self.at, end), kind: CommentKind::Line }));
                self.at = end;
            }
            b'"' | b'\'' => self.open(b),
            _ => {
                self.at += 1;
                self.field(b);
            }
        }
    }

    /// Keeps track of where a replacement field ends.
    fn field(&mut self, b: u8) {
        let enclosing = self.stack.len().checked_sub(2).and_then(|i| self.stack.get(i)).copied();
        let Some(Frame::Field { depth }) = self.stack.last_mut() else { return };
        match b {
            b'(' | b'[' | b'{' => *depth = depth.saturating_add(1),
            b')' | b']' | b'}' if *depth > 0 => *depth -= 1,
            b'}' => {
                self.stack.pop();
            }
            b':' if *depth == 0 => {
                if let Some(Frame::Text { quote, triple, .. } | Frame::Spec { quote, triple }) = enclosing {
                    self.stack.pop();
                    self.stack.push(Frame::Spec { quote, triple });
                }
            }
            _ => {}
        }
    }

    fn open(&mut self, quote: u8) {
        let before = self.bytes.get(..self.at).unwrap_or(&[]);
        let prefix = before.iter().rev().take(3).take_while(|b| b"rRbBfFuUtT".contains(b)).count();
        // A longer word that happens to end in such letters is a name (`print"x"` in Python 2).
        let is_name = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_' || *b >= 0x80;
        let word = before.len().checked_sub(prefix + 1).and_then(|i| before.get(i)).is_some_and(is_name) || prefix > 2;
        let prefix = if word { &[][..] } else { &before[before.len() - prefix..] };
        let has = |set: &[u8]| prefix.iter().any(|b| set.contains(b));
        let lo = self.at - prefix.len();
        let triple = closes(self.bytes, self.at, quote, true);
        if has(b"fFtT") {
            self.stack.push(Frame::Text { lo, quote, triple, raw: has(b"rR") });
            self.at += if triple { 3 } else { 1 };
        } else {
            self.at = literal_end(self.bytes, self.at, triple);
            if self.stack.is_empty() {
                self.out.push(Piece::Text(span(lo, self.at)));
            }
        }
    }

    fn text(&mut self, b: u8, lo: usize, quote: u8, triple: bool, raw: bool) {
        let next = self.bytes.get(self.at + 1).copied();
        match b {
            b'\\' => self.at += self.escape(raw, next),
            b'{' if next == Some(b'{') => self.at += 2,
            b'{' => {
                self.at += 1;
                self.stack.push(Frame::Field { depth: 0 });
            }
            b'\n' | b'\r' if !triple => self.close(lo, 0),
            _ if closes(self.bytes, self.at, quote, triple) => self.close(lo, if triple { 3 } else { 1 }),
            _ => self.at += 1,
        }
    }

    fn close(&mut self, lo: usize, width: usize) {
        self.at += width;
        self.stack.pop();
        if self.stack.is_empty() {
            self.out.push(Piece::Text(span(lo, self.at)));
        }
    }

    /// Length of an escape: a backslash hides a quote, a backslash and a line ending, but never a brace, and `\N{…}` is a name.
    fn escape(&self, raw: bool, next: Option<u8>) -> usize {
        match next {
            Some(b'\r') if self.bytes.get(self.at + 2) == Some(&b'\n') => 3,
            Some(b'N') if !raw && self.bytes.get(self.at + 2) == Some(&b'{') => {
                let name = self.bytes.get(self.at + 3..).unwrap_or(&[]);
                let len = name.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'-')).count();
                3 + len + usize::from(name.get(len) == Some(&b'}'))
            }
            Some(b'{') => 1,
            _ => 2,
        }
    }

    fn spec(&mut self, b: u8, quote: u8, triple: bool) {
        match b {
            b'{' => {
                self.at += 1;
                self.stack.push(Frame::Field { depth: 0 });
            }
            b'}' => {
                self.at += 1;
                self.stack.pop();
            }
            b'\n' | b'\r' if !triple => {
                self.stack.pop();
            }
            _ if closes(self.bytes, self.at, quote, triple) => {
                self.stack.pop();
            }
            _ => self.at += 1,
        }
    }
}
