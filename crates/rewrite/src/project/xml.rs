//! Just enough XML to find elements and their bytes.

use crate::layout::to_u32;
use surefix_text::Span;

/// An element.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    pub name: String,
    /// From `<` of the start tag to `>` of the end tag.
    pub span: Span,
    /// Between the tags; empty at the end of a self-closing one.
    pub content: Span,
    pub self_closing: bool,
    pub parent: Option<usize>,
    pub children: Vec<usize>,
}

/// Elements in document order; the first is the root. `None` when tags do not match.
pub(crate) fn read(text: &str) -> Option<Vec<Element>> {
    let mut out: Vec<Element> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0usize;
    while let Some(i) = text.get(at..)?.find('<') {
        let lo = at + i;
        let rest = text.get(lo..)?;
        let skip = |start: &str, end: &str| {
            rest.starts_with(start)
                .then(|| rest.get(start.len()..).and_then(|r| r.find(end)).map(|e| start.len() + e + end.len()))
        };
        let other = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>"), ("<!", ">")];
        if let Some(len) = other.iter().find_map(|(s, e)| skip(s, e)) {
            at = lo + len?;
            continue;
        }
        let end = lo + tag_end(rest)?;
        let tag = text.get(lo..end)?;
        at = end;
        if let Some(name) = tag.strip_prefix("</") {
            let index = open.pop()?;
            let e = out.get_mut(index)?;
            if e.name != local(name.trim_end_matches('>')) {
                return None;
            }
            e.content.hi = to_u32(lo);
            e.span.hi = to_u32(end);
            continue;
        }
        let self_closing = tag.ends_with("/>");
        let name = local(tag.get(1..)?.trim_end_matches('>').trim_end_matches('/'));
        let index = out.len();
        let parent = open.last().copied();
        if let Some(p) = parent.and_then(|p| out.get_mut(p)) {
            p.children.push(index);
        }
        out.push(Element {
            name,
            span: Span::new(to_u32(lo), to_u32(end)),
            content: Span::point(to_u32(end)),
            self_closing,
            parent,
            children: Vec::new(),
        });
        if !self_closing {
            open.push(index);
        }
    }
    (open.is_empty() && !out.is_empty()).then_some(out)
}

/// The end of a tag; `>` inside an attribute's quotes does not count.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    for (i, b) in tag.bytes().enumerate() {
        match (quote, b) {
            (None, b'"' | b'\'') => quote = Some(b),
            (None, b'>') => return Some(i + 1),
            (Some(q), b) if q == b => quote = None,
            _ => {}
        }
    }
    None
}

fn local(tag: &str) -> String {
    let name = tag.split_whitespace().next().unwrap_or("");
    name.rsplit(':').next().unwrap_or("").to_owned()
}

/// Character data of a span without comments.
pub(crate) fn value(text: &str, span: Span) -> String {
    let mut out = String::new();
    let mut rest = span.of(text);
    while let Some((head, tail)) = rest.split_once("<!--") {
        out.push_str(head);
        rest = tail.split_once("-->").map_or("", |t| t.1);
    }
    out.push_str(rest);
    out.trim().to_owned()
}
