//! MongoDB from Java: a document that is put together as JSON text is built from keys and values instead.

use crate::shapes::{self, PieceKind, Text, java, no};
use crate::{FixCx, Found};
use surefix_dataflow::Flow;
use surefix_dialect::Dialect;
use surefix_rewrite::JavaCx;
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Span, Tier};

const STEPS: &str = "Build the document with new Document(key, value) or Filters.eq(field, value) instead of text.";

/// The fix of `BasicDBObject.parse(text)` and `Document.parse(text)`.
pub(crate) fn fix(cx: &FixCx<'_>, found: &Found, flow: &Flow) -> Result<Fix, Refusal> {
    let j = cx.java(found.file);
    let kind = match flow.call.callee.as_str() {
        "com.mongodb.BasicDBObject.parse" => "com.mongodb.BasicDBObject",
        "org.bson.Document.parse" => "org.bson.Document",
        c if c.ends_with(".where") || c.ends_with("mapReduce") => {
            return no(Reason::NoLocalFix, "the value is a part of code that the database runs").map_err(
                |r: Refusal| {
                    r.with_steps(
                        "Express the condition by query operators on fields, such as Filters.eq(field, value).",
                    )
                },
            );
        }
        _ => return no(Reason::NoRecipe, "no recipe covers this call").map_err(|r: Refusal| r.with_steps(STEPS)),
    };
    let call = flow.call.span;
    let args = j.args(call);
    let [arg] = args.as_slice() else { return no(Reason::NoRecipe, "the call takes a decoder") };
    let stmt = j.stmt_of(call).unwrap_or(flow.call.stmt);
    // No text of JSON is a value: everything that is put together is followed.
    let text = java::text(&j, Dialect::XPath, *arg, stmt, &|c| c.quote != surefix_dialect::Quote::None)?;
    shapes::inside(&text, flow)?;
    if text.branches() {
        return no(Reason::AlternativesConflict, "the text is built under conditions")
            .map_err(|r: Refusal| r.with_steps(STEPS));
    }
    if text.carriers.iter().any(|c| c.other_uses.iter().any(|r| !arg.contains(*r))) {
        return no(Reason::AlternativesConflict, "the text is used elsewhere too")
            .map_err(|r: Refusal| r.with_steps(STEPS));
    }
    let entries = entries(&j, &text, stmt)?;
    let mut edits = Vec::new();
    let ty = j.bring_type(kind, &mut edits)?;
    let mut code = String::new();
    for (n, (key, value)) in entries.iter().enumerate() {
        let key = j.string_literal(key);
        match n {
            0 => code.push_str(&format!("new {ty}({key}, {value})")),
            _ => code.push_str(&format!(".append({key}, {value})")),
        }
    }
    j.replace_expr(call, &code, &mut edits)?;
    for c in &text.carriers {
        drop_declaration(&j, c.declarator, &mut edits)?;
    }
    let title = "Build the document from keys and values".to_string();
    Ok(Fix { title, edits, assurance: Assurance::start(Tier::AttackOnly), needs: Vec::new() })
}

/// A declaration that nothing reads any more.
fn drop_declaration(j: &JavaCx<'_>, declarator: Span, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    use surefix_rewrite::layout::{first_on_line, last_on_line, line_start, next_line};
    let Some(stmt) = j.stmt_of(declarator) else { return no(Reason::ShapeUnknown, "the text is not declared here") };
    let name = declarator.of(j.text).split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or("");
    let Some(uses) = j.uses(name, declarator) else { return no(Reason::ShapeUnknown, "the text is not declared here") };
    if !uses.alone || !uses.writes.is_empty() || uses.reads.len() != 1 {
        return no(Reason::NoRecipe, "the text is built in several steps").map_err(|r: Refusal| r.with_steps(STEPS));
    }
    j.no_comment_inside(stmt)?;
    let own = first_on_line(j.text, stmt.lo) && last_on_line(j.text, stmt.hi);
    let gone = if own { Span::new(line_start(j.text, stmt.lo), next_line(j.text, stmt.hi)) } else { stmt };
    edits.push(Edit::delete(j.file, gone));
    Ok(())
}

/// One token of flat JSON with values in it.
enum Token {
    Sign(char),
    /// A quoted text: constant parts and pieces.
    Text(Vec<Part>),
    Word(String),
}

enum Part {
    Const(String),
    Piece(usize),
}

/// Keys and value expressions of a flat document.
fn entries(j: &JavaCx<'_>, text: &Text, stmt: Span) -> Result<Vec<(String, String)>, Refusal> {
    let other = || {
        no(Reason::NoRecipe, "the document is not a flat list of keys and values")
            .map_err(|r: Refusal| r.with_steps(STEPS))
    };
    let tokens = tokens(text)?;
    let mut out = Vec::new();
    let mut at = tokens.iter();
    if !matches!(at.next(), Some(Token::Sign('{'))) {
        return other();
    }
    loop {
        let key = match at.next() {
            Some(Token::Word(w)) => w.clone(),
            Some(Token::Text(parts)) => match parts.as_slice() {
                [Part::Const(c)] => c.clone(),
                _ => return other(),
            },
            _ => return other(),
        };
        if !matches!(at.next(), Some(Token::Sign(':'))) || key.starts_with('$') {
            return other();
        }
        let value = match at.next() {
            Some(Token::Text(parts)) => bound(j, text, parts, stmt)?,
            Some(Token::Word(w)) if matches!(w.as_str(), "true" | "false" | "null") || w.parse::<i32>().is_ok() => {
                w.clone()
            }
            _ => return other(),
        };
        out.push((key, value));
        match at.next() {
            Some(Token::Sign(',')) => {}
            Some(Token::Sign('}')) if at.next().is_none() => return Ok(out),
            _ => return other(),
        }
    }
}

/// The expression for a quoted text.
fn bound(j: &JavaCx<'_>, text: &Text, parts: &[Part], stmt: Span) -> Result<String, Refusal> {
    let mut out: Vec<String> = Vec::new();
    let mut string = false;
    for p in parts {
        match p {
            Part::Const(c) => {
                out.push(j.string_literal(c));
                string = true;
            }
            Part::Piece(p) => {
                let Some(expr) = text.expr(*p) else { return no(Reason::ShapeUnknown, "a value is not an expression") };
                let at_sink = text.event_of(*p).is_some_and(|e| e.at_sink);
                if !at_sink && !shapes::java_value::keeps_until(j, expr, stmt) {
                    return no(Reason::SideEffect, "a value is no longer known where the document is built");
                }
                j.no_comment_inside(expr)?;
                string |= shapes::java_value::is_string(j, expr);
                out.push(expr.of(j.text).to_string());
            }
        }
    }
    match out.as_slice() {
        [] => Ok("\"\"".to_string()),
        [one] if string => Ok(one.clone()),
        [one] => Ok(format!("String.valueOf({one})")),
        list => Ok(list.join(" + ")),
    }
}

fn tokens(text: &Text) -> Result<Vec<Token>, Refusal> {
    let mut out: Vec<Token> = Vec::new();
    let mut quote: Option<char> = None;
    let way = text.ways.first().cloned().unwrap_or_default();
    let open = |out: &mut Vec<Token>, part: Part| {
        if let Some(Token::Text(parts)) = out.last_mut() {
            match (parts.last_mut(), part) {
                (Some(Part::Const(old)), Part::Const(new)) => old.push_str(&new),
                (_, part) => parts.push(part),
            }
        }
    };
    for p in way {
        match text.pieces.get(p).map(|p| &p.kind) {
            Some(PieceKind::Lit { text: lit, .. }) => {
                for c in lit.chars() {
                    match quote {
                        Some(q) if c == q => quote = None,
                        Some(_) if c == '\\' => {
                            return no(Reason::NoRecipe, "a text of the document holds a backslash");
                        }
                        Some(_) => open(&mut out, Part::Const(c.to_string())),
                        None if c == '\'' || c == '"' => {
                            quote = Some(c);
                            out.push(Token::Text(Vec::new()));
                        }
                        None if c.is_whitespace() => {
                            if matches!(out.last(), Some(Token::Word(_))) {
                                out.push(Token::Word(String::new()));
                            }
                        }
                        None if c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | '-') => match out.last_mut() {
                            Some(Token::Word(w)) => w.push(c),
                            _ => out.push(Token::Word(c.to_string())),
                        },
                        None => out.push(Token::Sign(c)),
                    }
                }
            }
            Some(PieceKind::Val { field, .. }) => {
                if quote.is_none() || field.as_ref().is_some_and(|f| !f.plain) {
                    return no(
                        Reason::ContextUnsafe,
                        "the value does not stand inside quotes: it is a part of the document itself",
                    )
                    .map_err(|r: Refusal| r.with_steps(STEPS));
                }
                open(&mut out, Part::Piece(p));
            }
            None => {}
        }
    }
    out.retain(|t| !matches!(t, Token::Word(w) if w.is_empty()));
    Ok(out)
}
