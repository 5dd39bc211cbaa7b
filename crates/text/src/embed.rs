//! Text of one language inside another: spans of the inner text, traced back to the host file.

use crate::Span;

/// A run of inner text that stands in the host, from one segment start to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Segment {
    inner: u32,
    host: u32,
    /// Bytes of inner text.
    len: u32,
    /// Bytes of host text.
    host_len: u32,
    /// An escape: indivisible.
    unit: bool,
}

/// A region of a host file whose decoded content is a text of its own (a string literal's value, a script in a page).
///
/// Built from left to right by [`Region::verbatim`], [`Region::escaped`] and [`Region::skip`]. An escape sequence is one
/// indivisible unit: a span that touches any byte of its decoded form covers the whole escape in the host.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Region {
    /// The host bytes of the whole content, delimiters not included.
    pub host_span: Span,
    segments: Vec<Segment>,
    inner_len: u32,
    host_end: u32,
}

impl Region {
    /// A region whose content starts at `host_span.lo`, nothing decoded yet.
    pub fn new(host_span: Span) -> Region {
        Region { host_span, segments: Vec::new(), inner_len: 0, host_end: host_span.lo }
    }

    /// A region whose inner text is the host text itself.
    pub fn identity(host_span: Span) -> Region {
        let mut r = Region::new(host_span);
        r.verbatim(host_span.hi.saturating_sub(host_span.lo));
        r
    }

    /// The next `len` bytes are the same in both texts.
    pub fn verbatim(&mut self, len: u32) {
        if len == 0 {
            return;
        }
        let end = (self.inner_len, self.host_end);
        match self.segments.last_mut() {
            Some(s) if !s.unit && (s.inner + s.len, s.host + s.host_len) == end => {
                s.len = s.len.saturating_add(len);
                s.host_len = s.len;
            }
            _ => self.segments.push(Segment { inner: end.0, host: end.1, len, host_len: len, unit: false }),
        }
        self.advance(len, len);
    }

    /// The next `host_len` host bytes (an escape sequence) stand for `inner_len` inner bytes.
    pub fn escaped(&mut self, host_len: u32, inner_len: u32) {
        if inner_len > 0 && host_len > 0 {
            self.segments.push(Segment {
                inner: self.inner_len,
                host: self.host_end,
                len: inner_len,
                host_len,
                unit: true,
            });
        }
        self.advance(inner_len, host_len);
    }

    /// The next `host_len` host bytes stand for nothing (a line continuation, stripped indentation).
    pub fn skip(&mut self, host_len: u32) {
        self.advance(0, host_len);
    }

    fn advance(&mut self, inner: u32, host: u32) {
        self.inner_len = self.inner_len.saturating_add(inner);
        self.host_end = self.host_end.saturating_add(host);
    }

    /// Bytes of inner text decoded so far.
    pub fn inner_len(&self) -> u32 {
        self.inner_len
    }

    /// The host span of an inner span: the smallest that covers every byte of it. An empty span gives the point where
    /// text inserted there would go. `None` outside the inner text.
    pub fn to_host(&self, inner: Span) -> Option<Span> {
        if inner.lo > inner.hi || inner.hi > self.inner_len {
            return None;
        }
        if inner.is_empty() {
            return self.point(inner.lo).map(Span::point);
        }
        let lo = self.find(inner.lo).and_then(|s| s.host_at(inner.lo, false))?;
        let hi = self.find(inner.hi - 1).and_then(|s| s.host_at(inner.hi, true))?;
        Some(Span::new(lo, hi))
    }

    /// True when the inner span stands in the host character for character, so that editing it is editing the host.
    pub fn is_verbatim(&self, inner: Span) -> bool {
        self.to_host(inner).is_some_and(|h| h.hi - h.lo == inner.hi - inner.lo)
            && self.segments.iter().filter(|s| s.inner < inner.hi && inner.lo < s.inner + s.len).all(|s| !s.unit)
    }

    /// The inner offset of a host offset; `None` outside, in skipped text and strictly inside an escape.
    pub fn to_inner(&self, host: u32) -> Option<u32> {
        if host == self.host_end {
            return Some(self.inner_len);
        }
        let n = self.segments.partition_point(|s| s.host <= host);
        let s = self.segments.get(n.checked_sub(1)?)?;
        let into = host - s.host;
        match into {
            0 => Some(s.inner),
            _ if into < s.host_len && !s.unit => Some(s.inner + into),
            _ => None,
        }
    }

    fn point(&self, at: u32) -> Option<u32> {
        match self.find(at) {
            Some(s) if at == s.inner => Some(s.host),
            Some(s) => s.host_at(at, false),
            None => Some(self.segments.last().map_or(self.host_span.lo, |s| s.host + s.host_len)),
        }
    }

    fn find(&self, inner: u32) -> Option<&Segment> {
        let n = self.segments.partition_point(|s| s.inner <= inner);
        self.segments.get(n.checked_sub(1)?).filter(|s| inner < s.inner + s.len)
    }
}

impl Segment {
    fn host_at(&self, inner: u32, end: bool) -> Option<u32> {
        let into = inner.checked_sub(self.inner)?;
        Some(match (self.unit, end) {
            (false, _) => self.host + into,
            (true, false) => self.host,
            (true, true) => self.host + self.host_len,
        })
    }
}
