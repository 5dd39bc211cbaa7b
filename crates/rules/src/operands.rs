//! Finds the expression of the source text that carries untrusted data into a sink: the operand of a concatenation, the
//! argument of an `append`, the field of an f-string, or the sink's argument itself.
//!
//! Recipes that encode (HTML, log lines, headers) change that expression and nothing else, so that the constant text
//! around it stays what the author wrote.

use crate::FixCx;
use surefix_dataflow::{Flow, Frag, Hole, Shape};
use surefix_ir::{Callee, FnId, Function, Op, ValueId};
use surefix_text::{FileId, Reason, Refusal, Span};

/// An expression that carries untrusted text.
#[derive(Clone, Debug)]
pub struct Site {
    /// Its file.
    pub file: FileId,
    /// Its bytes.
    pub span: Span,
    /// Its static type when the analysis knows it.
    pub ty: Option<String>,
    /// For each alternative text that it is part of: the text before it (holes as a private-use character) and after it.
    pub around: Vec<(String, String)>,
}

/// What stands for a hole in [`Site::around`].
pub const HOLE: char = '\u{e000}';

/// The text of fragments with [`HOLE`]s; a repetition counts once.
pub fn text_of(frags: &[Frag]) -> String {
    let mut out = String::new();
    for f in frags {
        match f {
            Frag::Lit { text, .. } => out.push_str(text),
            Frag::Hole(_) => out.push(HOLE),
            Frag::Rep(inner) => out.push_str(&text_of(inner)),
        }
    }
    out
}

/// Repetitions opened: the holes of a loop's body count as standing there once.
pub fn flat(shape: &Shape) -> Vec<Frag> {
    fn go(frags: &[Frag], out: &mut Vec<Frag>) {
        for f in frags {
            match f {
                Frag::Rep(inner) => stacker_free(inner, out),
                f => out.push(f.clone()),
            }
        }
    }
    // Repetitions do not nest deeper than loops do.
    fn stacker_free(inner: &[Frag], out: &mut Vec<Frag>) {
        go(inner, out);
    }
    let mut out = Vec::new();
    go(&shape.frags, &mut out);
    out
}

/// True when a constant part of one of the texts contains a character that `special` accepts.
pub fn constants_hold(shapes: &[Shape], special: impl Fn(char) -> bool) -> bool {
    shapes.iter().any(|s| flat(s).iter().any(|f| matches!(f, Frag::Lit { text, .. } if text.contains(&special))))
}

/// The function of a fact.
pub fn function<'a>(cx: &FixCx<'a>, file: FileId, func: u32) -> Option<&'a Function> {
    cx.detect.program.modules.get(file.0 as usize)?.functions.get(func as usize)
}

/// True when `to` is computed from `from` inside `f`.
pub fn reaches(f: &Function, from: ValueId, to: ValueId) -> bool {
    let mut seen = vec![false; f.instrs.len()];
    let mut work = vec![to];
    while let Some(v) = work.pop() {
        if v == from {
            return true;
        }
        if let Some(s) = seen.get_mut(v.0 as usize)
            && !std::mem::replace(s, true)
            && let Some(i) = f.instrs.get(v.0 as usize)
        {
            i.op.operands(&mut |o| work.push(o));
        }
    }
    false
}

/// The tainted holes of the flow with the fragments around them.
fn tainted(shapes: &[Shape]) -> Vec<(Hole, Vec<Frag>, usize)> {
    let mut out = Vec::new();
    for s in shapes {
        let frags = flat(s);
        for (i, f) in frags.iter().enumerate() {
            if let Frag::Hole(h) = f
                && h.tainted
                && !h.number
            {
                out.push(((**h).clone(), frags.clone(), i));
            }
        }
    }
    out
}

/// A language's syntax as far as the search needs it.
pub trait Syntax {
    /// When the expression at `span` is an operand of a text concatenation (`+`, `+=`, f-string, `%`, `.format`): the operand,
    /// parentheses included.
    fn operand_at(&self, file: FileId, span: Span) -> Option<Span>;
    /// The operands of the concatenation at `span`, in order; one for any other expression.
    fn operands(&self, file: FileId, span: Span) -> Vec<Span>;
    /// True for a literal.
    fn is_literal(&self, file: FileId, span: Span) -> bool;
}

/// Names of library methods that put their argument into a text.
const TEXT_METHODS: &[&str] =
    &["append", "concat", "format", "formatted", "join", "insert", "replace", "valueOf", "writelines"];

/// The expressions to encode for `flow`, whose sink argument stands at `arg`. `special` are the characters that encoding changes:
/// where constant text holds some, only the operand may be encoded, not the whole argument.
pub fn sites(
    cx: &FixCx<'_>,
    syntax: &dyn Syntax,
    flow: &Flow,
    arg: Span,
    special: impl Fn(char) -> bool + Copy,
) -> Result<Vec<Site>, Refusal> {
    let file = FileId(flow.call.file);
    let fact = flow.arg.and_then(|i| flow.call.args.get(i));
    let whole = |around: Vec<(String, String)>| Site {
        file,
        span: arg,
        ty: fact.and_then(|f| (f.types.len() == 1).then(|| f.types[0].clone())),
        around,
    };
    let holes = tainted(&flow.shapes);
    if holes.is_empty() {
        return Ok(vec![whole(vec![(String::new(), String::new())])]);
    }
    let marked = constants_hold(&flow.shapes, special);
    let mut out: Vec<Site> = Vec::new();
    for (hole, frags, at) in &holes {
        let around = (text_of(&frags[..*at]), text_of(frags.get(at + 1..).unwrap_or_default()));
        let inside = hole.place.file == file && arg.contains(hole.place.span) && arg != hole.place.span;
        let site = if inside {
            syntax.operand_at(file, hole.place.span).map(|span| Site {
                file,
                span,
                ty: hole.ty.clone(),
                around: vec![around.clone()],
            })
        } else {
            None
        };
        let site = site.or_else(|| sliced(cx, syntax, flow, arg, hole, frags, &around, special));
        let site = match site {
            Some(s) => s,
            // The text is put together elsewhere from constants that encoding does not change: encode at the sink.
            None if !marked => whole(vec![(String::new(), String::new())]),
            None => match placed(cx, syntax, hole, around) {
                Some(s) => s,
                None => {
                    return Err(Refusal::new(
                        Reason::ShapeUnknown,
                        "the expression that puts the untrusted value into the text is not found",
                    ));
                }
            },
        };
        match out.iter_mut().find(|s| s.file == site.file && s.span == site.span) {
            Some(s) => {
                for a in site.around {
                    if !s.around.contains(&a) {
                        s.around.push(a);
                    }
                }
            }
            None => out.push(site),
        }
    }
    // A whole argument and a part of it cannot both be encoded.
    let nested = |a: &Site| out.iter().any(|b| a.file == b.file && a.span != b.span && a.span.contains(b.span));
    if out.iter().any(nested) {
        return Err(Refusal::new(
            Reason::AlternativesConflict,
            "the untrusted value reaches the text in more than one way",
        ));
    }
    out.sort_by_key(|s| (s.file, s.span));
    Ok(out)
}

/// The operand of the sink argument's own concatenation that the hole reaches.
#[allow(clippy::too_many_arguments)]
fn sliced(
    cx: &FixCx<'_>,
    syntax: &dyn Syntax,
    flow: &Flow,
    arg: Span,
    hole: &Hole,
    frags: &[Frag],
    around: &(String, String),
    special: impl Fn(char) -> bool,
) -> Option<Site> {
    let file = FileId(flow.call.file);
    let operands = syntax.operands(file, arg);
    if operands.len() < 2 {
        return None;
    }
    let f = function(cx, file, flow.call.func)?;
    let concat = f.instrs.iter().find_map(|i| match &i.op {
        Op::Concat(parts) if i.span == arg && parts.len() == operands.len() => Some(parts.clone()),
        _ => None,
    });
    let mut hits: Vec<usize> = match concat {
        Some(parts) if hole.func.file == file && hole.func.id == FnId(flow.call.func) => {
            (0..parts.len()).filter(|i| reaches(f, ValueId(hole.value), parts[*i])).collect()
        }
        _ => Vec::new(),
    };
    if hits.is_empty() {
        hits = (0..operands.len()).filter(|i| !syntax.is_literal(file, operands[*i])).collect();
    }
    let [only] = hits.as_slice() else { return None };
    let span = *operands.get(*only)?;
    // The constants that come with this operand must stay as they are.
    let own_lits = |p: Span| arg.contains(p) && operands.contains(&p);
    let foreign = frags.iter().any(|f| match f {
        Frag::Lit { text, at } => {
            let own = at.is_some_and(|a| a.file == file && own_lits(a.span));
            !own && text.contains(&special)
        }
        _ => false,
    });
    if foreign {
        return None;
    }
    Some(Site { file, span, ty: None, around: vec![around.clone()] })
}

/// The place in the hole's own function where its value goes into a text.
fn placed(cx: &FixCx<'_>, syntax: &dyn Syntax, hole: &Hole, around: (String, String)) -> Option<Site> {
    let file = hole.place.file;
    let site = |span: Span| Site { file, span, ty: hole.ty.clone(), around: vec![around.clone()] };
    if let Some(span) = syntax.operand_at(file, hole.place.span) {
        return Some(site(span));
    }
    let f = function(cx, file, hole.func.id.0)?;
    let m = &cx.detect.program.modules[file.0 as usize];
    let value = ValueId(hole.value);
    let mut found: Vec<Span> = Vec::new();
    for i in &f.instrs {
        match &i.op {
            Op::Call(c) => {
                let name = match &c.callee {
                    Callee::Method { name, .. } => m.strings.get(*name),
                    Callee::New { .. } => "append",
                    _ => "",
                };
                if TEXT_METHODS.contains(&name) {
                    found.extend(
                        c.args.iter().filter(|a| a.value == value && a.name == surefix_ir::Sym::EMPTY).map(|a| a.span),
                    );
                }
            }
            Op::Concat(parts) => {
                let operands = syntax.operands(file, i.span);
                if operands.len() == parts.len() {
                    found.extend(parts.iter().zip(&operands).filter(|(p, _)| **p == value).map(|(_, s)| *s));
                }
            }
            _ => {}
        }
    }
    found.sort();
    found.dedup();
    match found.as_slice() {
        [only] => Some(site(*only)),
        _ => None,
    }
}
