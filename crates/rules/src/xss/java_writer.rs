//! Java: encode what is written to a response.

use crate::encoders::{self, Operand, PagePlace};
use crate::operands::{self, HOLE, Site};
use crate::syntaxes::JavaText;
use crate::{FixCx, Found};
use surefix_dataflow::{ArgFact, CallFact, Flow};
use surefix_models::Kind;
use surefix_rewrite::{JavaCx, LiteralMap, formats};
use surefix_syntax::java;
use surefix_text::{Assurance, Edit, FileId, Fix, Reason, Refusal, Span, Tier};

const SPECIAL: &str = "<>&\"'";

/// Plans the fix.
pub fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(flow) = &found.flow else {
        return Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"));
    };
    let syntax = JavaText::new(cx);
    let jx = syntax.file(found.file);
    jx.no_error_at(flow.call.span)?;
    not_escaped_by_hand(cx, flow)?;
    super::content_type::certainly_page(cx, flow)?;
    // The array of values that a template takes is no array of bytes.
    let template = matches!(flow.call.callee.rsplit('.').next(), Some("printf" | "format"));
    let get_bytes = |at: &Span| {
        jx.node_at(*at)
            .filter(|n| n.kind() == "method_invocation")
            .is_some_and(|n| n.child_by_field_name("name").is_some_and(|name| jx.node_text(name) == "getBytes"))
    };
    let written = flow.arg.and_then(|i| jx.args(flow.call.args_span).get(i).copied());
    let typed = flow.arg.and_then(|a| flow.call.args.get(a)).is_some_and(|a| bytes(&a.types));
    if !template && (typed || written.as_ref().is_some_and(get_bytes)) {
        return Err(Refusal::new(
            Reason::ContextUnsafe,
            "bytes are sent, and encoding them as text would destroy them",
        )
        .with_steps("Set a content type that browsers do not render, and `X-Content-Type-Options: nosniff`."));
    }
    let mut edits = Vec::new();
    let mut assurance = Assurance::start(Tier::AttackOnly);
    let sink = Sink::read(&jx, flow)?;
    match &sink {
        Sink::Element(elements) => {
            for (span, before, after) in elements {
                let site =
                    Site { file: found.file, span: *span, ty: None, around: vec![(before.clone(), after.clone())] };
                encode_site(cx, &syntax, &site, "", &mut edits, &mut assurance)?;
            }
        }
        Sink::Range { text, from, length, replaced } => {
            let operand = range(&jx, *text, *from, *length);
            let place = encoders::page_place(&written_before(&jx, &flow.call), "")?;
            if operands::constants_hold(&flow.shapes, |c| SPECIAL.contains(c)) {
                return Err(Refusal::new(Reason::ContextUnsafe, "a part of a text that holds markup is written"));
            }
            let new = encoders::encode_java(cx, &jx, flow.call.span, &operand, place, &mut edits, &mut assurance)?;
            jx.no_comment_inside(*replaced)?;
            edits.push(Edit::replace(found.file, *replaced, new));
        }
        Sink::Template { arg, alone } => {
            let sites = operands::sites(cx, &syntax, flow, *arg, |c| SPECIAL.contains(c))?;
            let before = written_before(&jx, &flow.call);
            super::made_by_known_code(flow, &sites, &before)?;
            let whole = sites.iter().any(|s| s.span == *arg);
            for s in &sites {
                encode_site(cx, &syntax, s, &before, &mut edits, &mut assurance)?;
            }
            // The value must not be read as a template either.
            if whole && *alone {
                edits.push(Edit::insert(found.file, arg.lo, "\"%s\", "));
            }
        }
        Sink::Plain { arg } => {
            let sites = operands::sites(cx, &syntax, flow, *arg, |c| SPECIAL.contains(c))?;
            let before = written_before(&jx, &flow.call);
            if flow.arg.is_none() || flow.call.callee.starts_with("org.springframework.http.") {
                returned_page(&jx, flow, &sites)?;
            }
            super::made_by_known_code(flow, &sites, &before)?;
            for s in &sites {
                encode_site(cx, &syntax, s, &before, &mut edits, &mut assurance)?;
            }
        }
    }
    Ok(Fix { title: "Encode the value for the page it is written to".into(), edits, assurance, needs: Vec::new() })
}

/// A text that a handler returns is sent as what its reader asks for: a page to a browser, plain text to a program. It is a page for certain
/// when the handler says so, or when markup stands around every value.
fn returned_page(jx: &JavaCx<'_>, flow: &Flow, sites: &[Site]) -> Result<(), Refusal> {
    if super::content_type::declared_page(jx, flow) || sites.iter().all(super::stands_in_markup) {
        return Ok(());
    }
    let why = "the handler returns a text without markup of its own: programs that read it would get it encoded";
    Err(Refusal::new(Reason::ContextUnsafe, why).with_steps(
        "Say what the handler produces: `produces = \"text/plain\"` is not rendered by browsers, `produces = \"text/html\"` wants every value \
         encoded.",
    ))
}

/// True for a value that is no text but its bytes, or those of a picture.
fn bytes(types: &[String]) -> bool {
    !types.is_empty() && types.iter().all(|t| matches!(t.as_str(), "[]" | "byte[]" | "bytes"))
}

/// How the sink takes the text.
enum Sink {
    /// One argument is the text.
    Plain { arg: Span },
    /// The argument is the template of `printf` or `format`; `alone`: nothing else is given.
    Template { arg: Span, alone: bool },
    /// Values for a constant template: each with the template's text before and after it.
    Element(Vec<(Span, String, String)>),
    /// `write(text, from, length)`; `replaced` spans the three arguments.
    Range { text: Span, from: Span, length: Span, replaced: Span },
}

impl Sink {
    fn read(jx: &JavaCx<'_>, flow: &Flow) -> Result<Sink, Refusal> {
        let call = &flow.call;
        let unknown = |what: &str| Err(Refusal::new(Reason::ShapeUnknown, what.to_string()));
        let args = jx.args(call.args_span);
        let Some(index) = flow.arg else {
            let method = jx.method_of(call.span).and_then(|m| m.child_by_field_name("type")).map(|t| jx.node_text(t));
            return match method {
                Some("String" | "java.lang.String") => Ok(Sink::Plain { arg: call.span }),
                _ => unknown("what is returned is no text, but an object that holds it"),
            };
        };
        let Some(arg) = args.get(index).copied() else { return unknown("the sink's argument is not found") };
        let name = jx.call_name(call.args_span).map_or("", |s| s.of(jx.text));
        match name {
            "printf" | "format" => {
                let locale = usize::from(args.len() > 1 && is_locale(jx, args[0], call.args.first()));
                if index == locale {
                    return Ok(Sink::Template { arg, alone: args.len() == locale + 1 });
                }
                let Some(template) = args.get(locale).copied() else { return unknown("the template is not found") };
                elements(jx, call, template, locale + 1, index, arg)
            }
            "write" if args.len() == 3 && index == 0 => Ok(Sink::Range {
                text: args[0],
                from: args[1],
                length: args[2],
                replaced: Span::new(args[0].lo, args[2].hi),
            }),
            "append" if args.len() == 3 => {
                Err(Refusal::new(Reason::NoRecipe, "a part of a character sequence is appended"))
            }
            _ => Ok(Sink::Plain { arg }),
        }
    }
}

fn is_locale(jx: &JavaCx<'_>, arg: Span, fact: Option<&ArgFact>) -> bool {
    let text = arg.of(jx.text);
    fact.is_some_and(|f| f.types.iter().any(|t| t == "java.util.Locale"))
        || text.contains("Locale.")
        || text.ends_with("getLocale()")
}

/// The tainted values given for a template, each with its surroundings in the page.
fn elements(
    jx: &JavaCx<'_>,
    call: &CallFact,
    template: Span,
    first: usize,
    index: usize,
    arg: Span,
) -> Result<Sink, Refusal> {
    let before = written_before(jx, call);
    let format = constant_text(jx, template);
    let around = |value: usize| -> (String, String) {
        let Some(format) = &format else { return (before.clone(), String::new()) };
        match split_format(format, value) {
            Some((b, a)) => (format!("{before}{b}"), a),
            None => (before.clone(), String::new()),
        }
    };
    let fact = call.args.get(index);
    let array = fact.is_some_and(|f| f.types.iter().any(|t| t == "[]" || t.ends_with("[]"))) || is_array(jx, arg);
    if !array {
        let (b, a) = around(index - first);
        return Ok(Sink::Element(vec![(arg, b, a)]));
    }
    let elems = fact.and_then(|f| f.elems.as_ref());
    let spans = array_elements(jx, arg, elems.map(Vec::len))?;
    let mut out = Vec::new();
    for (i, spans) in spans.iter().enumerate() {
        let tainted = elems.is_none_or(|e| e.get(i).is_some_and(|f| f.taint.has(Kind::Xss) && !f.number));
        if tainted {
            let (b, a) = around(i);
            out.extend(spans.iter().map(|s| (*s, b.clone(), a.clone())));
        }
    }
    if out.is_empty() {
        return Err(Refusal::new(Reason::ShapeUnknown, "the element that holds the untrusted value is not found"));
    }
    Ok(Sink::Element(out))
}

fn is_array(jx: &JavaCx<'_>, arg: Span) -> bool {
    match jx.node_at(arg) {
        Some(n) if n.kind() == "identifier" => {
            let uses = jx.uses(jx.node_text(n), arg);
            let declared = uses.as_ref().and_then(|u| jx.type_text(u).map(str::to_owned));
            let after = uses.is_some_and(|u| u.declarator.of(jx.text).contains("[]"));
            after || declared.is_some_and(|t| t.trim_end().ends_with(']'))
        }
        Some(n) => matches!(n.kind(), "array_creation_expression" | "array_initializer"),
        None => false,
    }
}

/// The expressions that fill the array at `arg`, by index.
fn array_elements(jx: &JavaCx<'_>, arg: Span, count: Option<usize>) -> Result<Vec<Vec<Span>>, Refusal> {
    let unknown = |what: &str| Err(Refusal::new(Reason::ShapeUnknown, what.to_string()));
    let Some(mut node) = jx.node_at(arg) else { return unknown("the array is not found") };
    let mut out: Vec<Vec<Span>> = Vec::new();
    if node.kind() == "identifier" {
        let name = jx.node_text(node);
        let Some(uses) = jx.uses(name, arg) else { return unknown("the array is no local variable") };
        if !uses.writes.is_empty() || uses.captured {
            return unknown("the array variable is assigned more than once");
        }
        let Some(init) = uses.init.and_then(|i| jx.node_at(i)) else {
            return unknown("the array's initialiser is not found");
        };
        // Every other mention must fill an element: an encoded element may be used for nothing but this page.
        for read in uses.reads.iter().filter(|r| **r != arg) {
            let access = jx.node_at(*read).and_then(|n| n.parent()).filter(|p| p.kind() == "array_access");
            let assignment = access.and_then(|a| {
                a.parent().filter(|p| p.kind() == "assignment_expression" && p.child_by_field_name("left") == Some(a))
            });
            let index =
                access.and_then(|a| a.child_by_field_name("index")).and_then(|i| jx.node_text(i).parse::<usize>().ok());
            let right = assignment.and_then(|a| a.child_by_field_name("right"));
            let (Some(index), Some(right)) = (index.filter(|i| *i < 64), right) else {
                return Err(Refusal::new(Reason::SideEffect, "the array of values is used for something else too"));
            };
            if out.len() <= index {
                out.resize(index + 1, Vec::new());
            }
            out[index].push(java::span_of(right));
        }
        node = init;
    }
    if node.kind() == "array_creation_expression" {
        match node.child_by_field_name("value") {
            Some(v) => node = v,
            None if !out.is_empty() => return Ok(out),
            None => return unknown("the array's elements are not found"),
        }
    }
    if node.kind() != "array_initializer" {
        return unknown("the array's elements are not found");
    }
    let mut cursor = node.walk();
    let spans: Vec<Span> =
        node.named_children(&mut cursor).filter(|n| !n.kind().ends_with("comment")).map(java::span_of).collect();
    if count.is_some_and(|c| c != spans.len()) {
        return unknown("the array has other elements than its initialiser");
    }
    if out.len() < spans.len() {
        out.resize(spans.len(), Vec::new());
    }
    for (i, s) in spans.into_iter().enumerate() {
        // An element assigned afterwards replaces this one.
        if out[i].is_empty() {
            out[i].push(s);
        }
    }
    Ok(out)
}

/// The text of the template around the value with this index.
fn split_format(format: &str, value: usize) -> Option<(String, String)> {
    let fields = formats::java_fields(format)?;
    let mut next = 0usize;
    let mut out: Option<(usize, usize)> = None;
    let mut spans = Vec::new();
    for f in &fields {
        let n = match f.name.parse::<usize>() {
            Ok(n) => n.checked_sub(1)?,
            Err(_) => {
                next += 1;
                next - 1
            }
        };
        spans.push(f.range.clone());
        if n == value && out.is_none() {
            out = Some((f.range.start, f.range.end));
        }
    }
    let (lo, hi) = out?;
    let blank = |text: &str, base: usize| {
        let mut s = String::new();
        let mut at = base;
        for r in spans.iter().filter(|r| r.start >= base && r.end <= base + text.len()) {
            s.push_str(format.get(at..r.start).unwrap_or(""));
            s.push(HOLE);
            at = r.end;
        }
        s.push_str(format.get(at..base + text.len()).unwrap_or(""));
        s.replace("%n", "\n").replace("%%", "%")
    };
    Some((blank(format.get(..lo)?, 0), blank(format.get(hi..)?, hi)))
}

/// The value of a string literal, or of a chain of them; unknown parts become [`HOLE`].
fn constant_text(jx: &JavaCx<'_>, span: Span) -> Option<String> {
    let mut out = String::new();
    let mut known = false;
    for part in crate::syntaxes::java_operands(jx, span) {
        let literal = jx.node_at(part).is_some_and(|n| n.kind() == "string_literal");
        match LiteralMap::new(surefix_ir::Lang::Java, part.of(jx.text)).filter(|_| literal) {
            Some(map) => {
                known = true;
                out.push_str(map.decoded());
            }
            None => out.push(HOLE),
        }
    }
    known.then_some(out)
}

/// `write(text, from, length)` as one text.
fn range(jx: &JavaCx<'_>, text: Span, from: Span, length: Span) -> Operand {
    let (from, length) = (from.of(jx.text).trim(), length.of(jx.text).trim());
    let source = match jx.node_at(text) {
        // The characters of a text: cut the text instead.
        Some(n)
            if n.kind() == "method_invocation"
                && n.child_by_field_name("name").is_some_and(|x| jx.node_text(x) == "toCharArray") =>
        {
            n.child_by_field_name("object").map(|o| jx.node_text(o).to_string())
        }
        _ => None,
    };
    let chars = source.is_none() && is_array(jx, text);
    if chars {
        let t = text.of(jx.text);
        return Operand { text: format!("new String({t}, {from}, {length})"), string: true, present: true };
    }
    let source = source.unwrap_or_else(|| text.of(jx.text).to_string());
    let source = jx.as_primary(&source);
    let whole = from == "0" && length.strip_suffix(".length()").is_some_and(|l| l == source);
    if whole {
        return Operand { text: source, string: true, present: true };
    }
    let end = match (from, length) {
        ("0", l) => l.to_string(),
        (f, l) => match (f.parse::<u32>(), l.parse::<u32>()) {
            (Ok(a), Ok(b)) => (u64::from(a) + u64::from(b)).to_string(),
            _ => format!("{f} + {l}"),
        },
    };
    Operand { text: format!("{source}.substring({from}, {end})"), string: true, present: true }
}

/// Encodes one expression.
fn encode_site(
    cx: &FixCx<'_>,
    syntax: &JavaText<'_>,
    site: &Site,
    written: &str,
    edits: &mut Vec<Edit>,
    assurance: &mut Assurance,
) -> Result<(), Refusal> {
    let jx = syntax.file(site.file);
    let mut places: Vec<PagePlace> = Vec::new();
    for (before, after) in &site.around {
        let p = encoders::page_place(&format!("{written}{before}"), after)?;
        if !places.contains(&p) {
            places.push(p);
        }
    }
    places.sort();
    let place = match places.as_slice() {
        [one] => *one,
        [PagePlace::Html, PagePlace::SingleQuoted] => PagePlace::SingleQuoted,
        _ => {
            return Err(Refusal::new(
                Reason::AlternativesConflict,
                "the value stands in parts of the page that need different encoders",
            ));
        }
    };
    let Some(mut node) = jx.node_at(site.span) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the untrusted expression is not found in the text"));
    };
    while node.kind() == "parenthesized_expression"
        && let Some(inner) = node.named_child(0)
    {
        node = inner;
    }
    // Characters of a text: encode the text.
    let chars = node.kind() == "method_invocation"
        && node.child_by_field_name("name").is_some_and(|n| jx.node_text(n) == "toCharArray");
    if chars && let Some(object) = node.child_by_field_name("object") {
        let span = java::span_of(object);
        let mut operand = encoders::java_operand(&jx, span, Some("java.lang.String"));
        // A null text has no characters: it failed before and may fail in the encoder.
        operand.present = true;
        let new = encoders::encode_java(cx, &jx, span, &operand, place, edits, assurance)?;
        return jx.replace_expr(span, &new, edits);
    }
    if is_array(&jx, site.span) {
        let t = site.span.of(jx.text);
        let operand = Operand { text: format!("new String({t})"), string: true, present: true };
        let new = encoders::encode_java(cx, &jx, site.span, &operand, place, edits, assurance)?;
        return jx.replace_expr(site.span, &new, edits);
    }
    let operand = encoders::java_operand(&jx, site.span, site.ty.as_deref());
    let new = encoders::encode_java(cx, &jx, site.span, &operand, place, edits, assurance)?;
    jx.replace_expr(site.span, &new, edits)
}

/// What the method has written to the same writer before the call, in the order of the source: it decides in which part of the page the
/// call writes. Unknown parts are [`HOLE`]s.
fn written_before(jx: &JavaCx<'_>, call: &CallFact) -> String {
    let Some(method) = jx.method_of(call.span) else { return String::new() };
    let Some(target) = jx.receiver(call.args_span).map(|r| r.of(jx.text)) else { return String::new() };
    let mut out = String::new();
    java::walk(method, &mut |n| {
        let s = java::span_of(n);
        if s.lo >= call.span.hi {
            return false;
        }
        if n.kind() == "method_invocation" && s.hi <= call.span.lo {
            let name = n.child_by_field_name("name").map_or("", |x| jx.node_text(x));
            let object = n.child_by_field_name("object").map_or("", |x| jx.node_text(x));
            if object == target && matches!(name, "print" | "println" | "write" | "append" | "printf" | "format") {
                for a in jx.args(s) {
                    if let Some(n) = jx.node_at(a)
                        && !n.kind().ends_with("integer_literal")
                    {
                        match constant_text(jx, a) {
                            Some(t) => out.push_str(&t),
                            None => out.push(HOLE),
                        }
                    }
                }
                if name == "println" {
                    out.push('\n');
                }
            }
        }
        true
    });
    out
}

/// A value that was escaped by hand, or given markup on purpose, must not be encoded a second time.
fn not_escaped_by_hand(cx: &FixCx<'_>, flow: &Flow) -> Result<(), Refusal> {
    for step in &flow.trace {
        if step.what != surefix_dataflow::StepKind::Through {
            continue;
        }
        let file: FileId = step.place.file;
        let text = step.place.span.of(cx.detect.text(file));
        let replaces = step.name.contains(".replace") || step.name.contains(".re.sub");
        if ["&lt;", "&amp;", "&quot;", "&#39;", "&#x27;", "&gt;"].iter().any(|e| text.contains(e)) {
            return Err(Refusal::new(
                Reason::AlreadyEscaped,
                "the value is escaped by hand on its way, but not for every character that matters; a second encoding would show \
                 the escapes",
            )
            .with_steps("Replace the replacements by one call of an encoder."));
        }
        if replaces && text.contains("\"<") {
            // Removing markup is fine; inserting it is not.
            let inserts = text.split(',').skip(1).any(|t| t.contains("\"<"));
            if inserts {
                return Err(Refusal::new(
                    Reason::ContextUnsafe,
                    "markup is put into the value on its way, encoding the whole would show it as text",
                ));
            }
        }
    }
    Ok(())
}
