//! Finds the expression of the source text that carries untrusted data into a sink: the operand of a concatenation, the
//! argument of an `append`, the field of an f-string, or the sink's argument itself.
//!
//! Recipes that encode (HTML, log lines, headers) change that expression and nothing else, so that the constant text
//! around it stays what the author wrote.

use crate::FixCx;
use surefix_dataflow::{Flow, Frag, Hole, Shape, StepKind, TraceStep};
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

/// The text of fragments with [`HOLE`]s; a repetition, which [`flat`] has opened, counts once.
pub fn text_of(frags: &[Frag]) -> String {
    let piece = |f: &Frag| match f {
        Frag::Lit { text, .. } => text.clone(),
        _ => HOLE.to_string(),
    };
    frags.iter().map(piece).collect()
}

/// Repetitions opened: the holes of a loop's body count as standing there once.
pub fn flat(shape: &Shape) -> Vec<Frag> {
    let mut out = Vec::new();
    let mut work: Vec<&Frag> = shape.frags.iter().rev().collect();
    while let Some(f) = work.pop() {
        match f {
            Frag::Rep(inner) => work.extend(inner.iter().rev()),
            f => out.push(f.clone()),
        }
    }
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

/// Refuses where the whole of a text would be cleaned that was put together with line breaks of the program's own.
pub(crate) fn keeps_breaks(cx: &FixCx<'_>, flow: &Flow, site: &Site) -> Result<(), Refusal> {
    let loses = |s: &TraceStep| {
        let part = s.place.file == site.file && s.place.span.contains(site.span);
        let code = s.place.span.of(cx.detect.text(s.place.file));
        let breaks = code.contains("\\n") || code.contains("\"\"\"") || code.contains("%n");
        s.what == StepKind::Concat && !part && breaks
    };
    if !flow.trace.iter().any(loses) {
        return Ok(());
    }
    let why = "the text has line breaks of the program's own, which would be lost";
    Err(Refusal::new(Reason::ShapeUnknown, why)
        .with_steps("Take the line breaks out of the untrusted value where it is put into the text."))
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
    /// The expressions, literals left out, that the concatenation, `append` or `format` at `span` puts into a text, each with the
    /// constant text before and after it as far as it is seen.
    fn entering(&self, file: FileId, span: Span) -> Vec<Entering>;
    /// The constant text that the expression at `span` adds to, or puts into, a text.
    fn constants(&self, file: FileId, span: Span) -> String;
}

/// An expression that is put into a text.
#[derive(Clone, Debug)]
pub struct Entering {
    /// Its bytes.
    pub span: Span,
    /// Constant text before it ([`HOLE`] for unknown parts).
    pub before: String,
    /// Constant text after it.
    pub after: String,
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
        // The text is not followed: whether it holds constants that encoding would change, the steps of the flow tell.
        let steps = flow.trace.iter().filter(|s| s.what == surefix_dataflow::StepKind::Concat);
        let marked = steps.map(|s| syntax.constants(s.place.file, s.place.span)).any(|t| t.contains(special));
        return match traced(cx, syntax, flow) {
            _ if !marked => Ok(vec![whole(vec![(String::new(), String::new())])]),
            Some(site) => Ok(vec![site]),
            None => Err(lost()),
        };
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
            None => match placed(cx, syntax, hole, frags, *at, around) {
                Some(s) => s,
                None => traced(cx, syntax, flow).ok_or_else(lost)?,
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

fn lost() -> Refusal {
    Refusal::new(Reason::ShapeUnknown, "the expression that puts the untrusted value into the text is not found")
}

/// The place in the hole's own function where its value goes into a text.
fn placed(
    cx: &FixCx<'_>,
    syntax: &dyn Syntax,
    hole: &Hole,
    frags: &[Frag],
    at: usize,
    around: (String, String),
) -> Option<Site> {
    let file = hole.place.file;
    let site = |span: Span| Site { file, span, ty: hole.ty.clone(), around: vec![around.clone()] };
    if let Some(span) = syntax.operand_at(file, hole.place.span) {
        return Some(site(span));
    }
    let f = function(cx, file, hole.func.id.0)?;
    let m = &cx.detect.program.modules[file.0 as usize];
    let value = ValueId(hole.value);
    // The expression, and the whole text that it becomes part of.
    let mut found: Vec<(Span, Span)> = Vec::new();
    for i in &f.instrs {
        match &i.op {
            Op::Call(c) => {
                let name = match &c.callee {
                    Callee::Method { name, .. } => m.strings.get(*name),
                    Callee::New { .. } => "append",
                    _ => "",
                };
                if TEXT_METHODS.contains(&name) {
                    let args = c.args.iter().filter(|a| a.value == value && a.name == surefix_ir::Sym::EMPTY);
                    found.extend(args.map(|a| (a.span, i.span)));
                }
            }
            Op::Concat(parts) => {
                let operands = syntax.operands(file, i.span);
                if operands.len() == parts.len() {
                    found.extend(parts.iter().zip(&operands).filter(|(p, _)| **p == value).map(|(_, s)| (*s, i.span)));
                }
            }
            Op::Format(_, _, given) => {
                let operands: Vec<Span> = syntax.entering(file, i.span).into_iter().map(|e| e.span).collect();
                match f.instrs.get(given.0 as usize).map(|g| &g.op) {
                    _ if *given == value => found.extend(operands.first().map(|s| (*s, i.span))),
                    Some(Op::Aggregate(_, items)) if items.len() == operands.len() => {
                        found.extend(
                            items.iter().zip(&operands).filter(|(x, _)| x.value == value).map(|(_, s)| (*s, i.span)),
                        );
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    found.sort();
    found.dedup_by_key(|f| f.0);
    if found.len() > 1 {
        // The constant text next to the hole tells which of them this is.
        let next_to = |f: Option<&Frag>| match f {
            Some(Frag::Lit { at: Some(p), .. }) if p.file == file => Some(p.span),
            _ => None,
        };
        let near = [at.checked_sub(1).and_then(|i| next_to(frags.get(i))), next_to(frags.get(at + 1))];
        found.retain(|(_, text)| near.iter().flatten().any(|lit| text.contains(*lit)));
    }
    match found.as_slice() {
        [only] => Some(site(only.0)),
        _ => None,
    }
}

/// Where the flow first enters a text, by its steps.
fn traced(cx: &FixCx<'_>, syntax: &dyn Syntax, flow: &Flow) -> Option<Site> {
    let mut site: Option<Site> = None;
    let (mut before, mut after) = (String::new(), String::new());
    for (n, step) in flow.trace.iter().enumerate() {
        if step.what != surefix_dataflow::StepKind::Concat {
            continue;
        }
        let file = step.place.file;
        let mut entering = syntax.entering(file, step.place.span);
        if entering.len() > 1
            && let Some(previous) = n.checked_sub(1).and_then(|i| flow.trace.get(i))
        {
            let hits = carries(cx, file, previous.place.span, step.place.span, &entering);
            entering.retain(|e| hits.contains(&e.span));
        }
        match (entering.as_slice(), &site) {
            ([one], _) => {
                before = format!("{}{before}", one.before);
                after.push_str(&one.after);
                if site.is_none() {
                    site = Some(Site { file, span: one.span, ty: None, around: Vec::new() });
                }
            }
            (_, None) => return None,
            // Further out the surroundings stay unknown.
            (_, Some(_)) => {}
        }
    }
    let mut site = site?;
    site.around.push((before, after));
    Some(site)
}

/// Those of the expressions that the value computed at `from` goes into.
fn carries(cx: &FixCx<'_>, file: FileId, from: Span, text: Span, entering: &[Entering]) -> Vec<Span> {
    let inside = |e: &&Entering| e.span.contains(from) || from == e.span;
    let direct: Vec<Span> = entering.iter().filter(inside).map(|e| e.span).collect();
    if !direct.is_empty() {
        return direct;
    }
    let Some(module) = cx.detect.program.modules.get(file.0 as usize) else { return Vec::new() };
    let around = module.functions.iter().filter(|f| f.span.contains(text)).min_by_key(|f| f.span.hi - f.span.lo);
    let Some(f) = around else { return Vec::new() };
    let values = |span: Span| (0u32..).zip(&f.instrs).filter(move |(_, i)| i.span == span).map(|(n, _)| ValueId(n));
    let hit = |e: &&Entering| values(e.span).any(|to| values(from).any(|v| reaches(f, v, to)));
    entering.iter().filter(hit).map(|e| e.span).collect()
}
