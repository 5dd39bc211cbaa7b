//! Text templates: Python `%` and `str.format`, Java `String.format`.

use crate::heap::State;
use crate::interp::Frame;
use crate::names::G;
use crate::val::{SFrag, Shapes, Val, concat_shapes};
use crate::{Crumbs, Place, StepKind};
use std::sync::Arc;
use surefix_ir::ValueId;
use surefix_text::Span;

/// Template language.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    Percent,
    Braces,
    Java,
}

enum Part {
    /// Text and its byte range in the decoded template.
    Text(String, usize, usize),
    /// Positional index or name, and whether the value goes in unchanged.
    Value(usize, String, bool, bool),
}

fn parse(s: &str, syntax: Syntax) -> Option<Vec<Part>> {
    let mut out = Vec::new();
    let b = s.as_bytes();
    let (mut i, mut start, mut next) = (0, 0, 0);
    let mut text = String::new();
    let flush = |text: &mut String, start: usize, end: usize, out: &mut Vec<Part>| {
        if !text.is_empty() {
            out.push(Part::Text(std::mem::take(text), start, end));
        }
    };
    while i < b.len() {
        match (syntax, b[i]) {
            (Syntax::Braces, b'{' | b'}') => {
                if b.get(i + 1) == Some(&b[i]) {
                    text.push(b[i] as char);
                    i += 2;
                    continue;
                }
                if b[i] == b'}' {
                    return None;
                }
                let end = s[i..].find('}')? + i;
                let inner = &s[i + 1..end];
                if inner.contains('{') {
                    return None;
                }
                flush(&mut text, start, i, &mut out);
                let (field, spec) = inner.split_once(':').unwrap_or((inner, ""));
                let (field, conv) = field.split_once('!').unwrap_or((field, ""));
                let root: &str = field.split(['.', '[']).next().unwrap_or("");
                let whole = root.len() == field.len();
                let number = spec.ends_with(['d', 'f', 'x', 'b', 'o', 'e', 'g', '%']);
                let plain = whole && (conv.is_empty() || conv == "s") && spec.is_empty();
                if root.is_empty() {
                    out.push(Part::Value(next, String::new(), plain, number));
                    next += 1;
                } else if let Ok(n) = root.parse::<usize>() {
                    out.push(Part::Value(n, String::new(), plain, number));
                } else {
                    out.push(Part::Value(usize::MAX, root.to_string(), plain, number));
                }
                i = end + 1;
                start = i;
            }
            (Syntax::Percent | Syntax::Java, b'%') => {
                if b.get(i + 1) == Some(&b'%') {
                    text.push('%');
                    i += 2;
                    continue;
                }
                if syntax == Syntax::Java && b.get(i + 1) == Some(&b'n') {
                    text.push('\n');
                    i += 2;
                    continue;
                }
                flush(&mut text, start, i, &mut out);
                let mut j = i + 1;
                let mut name = String::new();
                if syntax == Syntax::Percent && b.get(j) == Some(&b'(') {
                    let end = s[j..].find(')')? + j;
                    name = s[j + 1..end].to_string();
                    j = end + 1;
                }
                let spec_at = j;
                while j < b.len() && (b[j].is_ascii_digit() || b"-+ #.0*$,(<".contains(&b[j])) {
                    if b[j] == b'*' {
                        return None;
                    }
                    j += 1;
                }
                let spec = &s[spec_at..j];
                while j < b.len() && b"hlL".contains(&b[j]) && syntax == Syntax::Percent {
                    j += 1;
                }
                let conv = *b.get(j)?;
                let mut index = next;
                let mut explicit = false;
                if syntax == Syntax::Java {
                    if let Some((n, _)) = spec.split_once('$') {
                        index = n.parse::<usize>().ok()?.checked_sub(1)?;
                        explicit = true;
                    } else if spec.contains('<') {
                        index = next.checked_sub(1)?;
                        explicit = true;
                    }
                }
                if name.is_empty() && !explicit {
                    next += 1;
                }
                let rest = spec.split_once('$').map_or(spec, |x| x.1);
                let plain = conv == b's' && rest.is_empty();
                let number = b"diouxXeEfFgGb".contains(&conv);
                out.push(Part::Value(if name.is_empty() { index } else { usize::MAX }, name, plain, number));
                i = j + 1;
                start = i;
            }
            _ => {
                let c = s[i..].chars().next()?;
                text.push(c);
                i += c.len_utf8();
            }
        }
    }
    flush(&mut text, start, s.len(), &mut out);
    Some(out)
}

/// Gives the value for a position or a name of a template.
type Pick<'p> = &'p mut dyn FnMut(usize, &str) -> Option<(ValueId, Val)>;

impl Frame<'_, '_> {
    /// Fills the template `t`; `pick` gives the value for a position or name. `all` is what flows in when the template is unknown.
    pub fn template(&mut self, _st: &mut State, v: ValueId, t: &Val, all: &Val, syntax: Syntax, pick: Pick<'_>) -> Val {
        let mut out = Val::top();
        let mut used: Vec<Val> = vec![t.clone()];
        let lits = t.shape_list();
        // A template with holes keeps the holes; its literal parts are parsed piece by piece.
        let mut alternatives = Shapes::new();
        let mut ok = lits.is_some();
        for shape in lits.into_iter().flatten() {
            let mut parts: Vec<Shapes> = Vec::new();
            let single = shape.len() == 1;
            for frag in shape.iter() {
                let SFrag::Lit { text, at } = frag else {
                    parts.push(Shapes::one(Arc::new(vec![frag.clone()])));
                    continue;
                };
                if !single && text.contains(['%', '{']) && syntax != Syntax::Percent {
                    ok = false;
                    break;
                }
                let Some(pieces) = parse(text, syntax) else {
                    ok = false;
                    break;
                };
                for p in pieces {
                    match p {
                        Part::Text(s, lo, hi) => {
                            let at = at.map(|a| sub_place(a, text.len(), lo, hi));
                            parts.push(Shapes::one(Arc::new(vec![SFrag::Lit { text: s.into(), at }])));
                        }
                        Part::Value(n, name, plain, number) => match pick(n, &name) {
                            Some((id, x)) => {
                                let mut x = x;
                                x.num |= number && !x.num && x.cst == crate::val::Csts::Top;
                                if !plain {
                                    x.shapes.clear();
                                    if !matches!(x.cst.single(), Some(crate::val::C::Int(_))) {
                                        x.cst = crate::val::Csts::Top;
                                    }
                                }
                                parts.push(self.shapes_of(id, &x));
                                used.push(x);
                            }
                            None => {
                                ok = false;
                                break;
                            }
                        },
                    }
                }
            }
            if !ok {
                break;
            }
            alternatives.extend(concat_shapes(&parts));
        }
        if ok && alternatives.len() <= 8 {
            out.shapes = alternatives;
        } else {
            let mut lossy = all.clone();
            lossy.taint.iter_mut().for_each(|t| t.crumbs = t.crumbs.or(Crumbs::WIDENED));
            used.push(lossy);
        }
        let refs: Vec<&Val> = used.iter().collect();
        self.finish_text(&mut out, refs.into_iter());
        let at = self.place(v);
        for t in &mut out.taint {
            t.trace = t.trace.step(at, StepKind::Concat, G::EMPTY);
        }
        if let Some(t) = self.eng.link.find(if syntax == Syntax::Java { "java.lang.String" } else { "str" }) {
            out.tys.push(t);
        }
        out
    }
}

/// The place of a part of a literal: the whole token, since escapes may shift offsets; recipes locate the part inside.
fn sub_place(at: Place, len: usize, lo: usize, hi: usize) -> Place {
    if lo == 0 && hi == len { at } else { Place { file: at.file, span: Span::new(at.span.lo, at.span.hi) } }
}
