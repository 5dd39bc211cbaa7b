//! MyBatis: `${x}` in the text of `@Select`, `@Insert`, `@Update` and `@Delete` is put into the statement as it is.
//!
//! The text is a constant of the mapper's method, so there is no flow: what is known is the parameter behind the name.

use super::META;
use super::plan::{list_refusal, problem, refuse};
use crate::shapes::no;
use crate::{Confidence, DetectCx, FixCx, Found, flows};
use std::ops::Range;
use surefix_dialect::{Dialect, Label, Quote};
use surefix_ir::Lang;
use surefix_rewrite::{JavaCx, LiteralMap};
use surefix_syntax::java::{self, span_of};
use surefix_text::{Assurance, Edit, FileId, Fix, Reason, Refusal, Span, Tier};
use tree_sitter::Node;

/// The variant of these findings.
pub(crate) const VARIANT: &str = "mybatis";

const PACKAGE: &str = "org.apache.ibatis.annotations";

/// A `${x}`.
struct Field {
    /// What stands between the braces.
    name: String,
    /// The literal, and the field in its text.
    literal: usize,
    range: Range<usize>,
    span: Span,
}

/// A piece of the text.
enum Piece {
    Lit(String),
    Hole,
}

/// The text of one annotation.
struct Statement {
    literals: Vec<(Span, LiteralMap)>,
    pieces: Vec<Piece>,
    fields: Vec<Field>,
    /// It is nothing but literals.
    plain: bool,
}

/// A parameter of the mapper's method.
struct Param {
    /// The name that the text uses.
    name: String,
    /// Its type without package and type arguments.
    ty: String,
}

/// Reports every field whose value may be text.
pub(crate) fn detect(cx: &DetectCx<'_>, out: &mut Vec<Found>) {
    for (i, module) in cx.program.modules.iter().enumerate().filter(|(_, m)| m.lang == Lang::Java) {
        let file = FileId(u32::try_from(i).unwrap_or(u32::MAX));
        let text = cx.text(file);
        if !text.contains(PACKAGE) || !text.contains("${") {
            continue;
        }
        let j = JavaCx::new(file, text, module);
        for (name, annotation) in annotations(&j) {
            let Some(statement) = read(&j, annotation) else { continue };
            let params = params(&j, annotation);
            for f in &statement.fields {
                if !may_be_text(&params, &f.name) {
                    continue;
                }
                let sink = format!("{PACKAGE}.{name}");
                let message = format!("MyBatis puts ${{{}}} into the SQL text as it is", f.name);
                let mut found = flows::from_place(&META, file, f.span, &f.name, &sink, message, VARIANT);
                found.confidence = confidence(&params, f, text);
                out.push(found);
            }
        }
    }
}

/// A property may be a number, unless it stands in quotes.
fn confidence(params: &[Param], f: &Field, text: &str) -> Confidence {
    let own = params.iter().any(|p| p.name == f.name) || matches!(f.name.as_str(), "value" | "_parameter");
    let before = text.get(..f.span.lo as usize).unwrap_or("");
    if own || before.ends_with(['\'', '%']) { Confidence::Medium } else { Confidence::Low }
}

/// The fix: `#{x}`, which MyBatis binds.
pub(crate) fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let j = cx.java(found.file);
    let lost = || Refusal::new(Reason::ShapeUnknown, "the annotation is not readable");
    for (_, annotation) in annotations(&j) {
        if !span_of(annotation).contains(found.span) {
            continue;
        }
        let statement = read(&j, annotation).ok_or_else(lost)?;
        let at = statement.fields.iter().position(|f| f.span == found.span).ok_or_else(lost)?;
        let params = params(&j, annotation);
        let mut a = Assurance::start(Tier::AttackOnly);
        let edit = bind(&j, &statement, &params, at, &mut a)?;
        let title = "Let MyBatis bind the value as a parameter".to_string();
        return Ok(Fix { title, edits: vec![edit], assurance: a, needs: Vec::new() });
    }
    Err(lost())
}

fn bind(j: &JavaCx<'_>, s: &Statement, params: &[Param], at: usize, a: &mut Assurance) -> Result<Edit, Refusal> {
    let Some(field) = s.fields.get(at) else { return no(Reason::ShapeUnknown, "the field is not readable") };
    let all: String = s.literals.iter().map(|(_, m)| m.decoded()).collect();
    if !s.plain {
        return no(Reason::ShapeUnknown, "the text is put together with constants that stand elsewhere");
    }
    if all.trim_start().starts_with("<script") {
        return no(Reason::NoRecipe, "the text is a script of XML elements")
            .map_err(|r: Refusal| r.with_steps("Write #{…} where the value stands in a value's place."));
    }
    let word = |w: &str| {
        w.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
            && w.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if !field.name.split('.').all(word) {
        return no(Reason::NoRecipe, "the field computes its value, which a parameter cannot");
    }
    let lex: Vec<surefix_dialect::Piece<'_>> = s
        .pieces
        .iter()
        .map(|p| match p {
            Piece::Lit(t) => surefix_dialect::Piece::Lit(t),
            Piece::Hole => surefix_dialect::Piece::Hole,
        })
        .collect();
    let contexts = surefix_dialect::contexts(Dialect::Sql, &lex);
    let holes = match surefix_dialect::sql_plan(&lex) {
        Ok(h) => h,
        Err(p) => return problem(p),
    };
    let (Some(c), Some(h)) = (contexts.get(at), holes.get(at)) else {
        return no(Reason::ShapeUnknown, "the place of the field is not known");
    };
    let alone = holes.iter().filter(|o| o.group == h.group).count() == 1;
    let ty = params.iter().find(|p| p.name == field.name).map_or("", |p| p.ty.as_str());
    let token = |i: usize| s.literals.get(i);
    let Some((literal, map)) = token(field.literal) else {
        return no(Reason::ShapeUnknown, "the field is not readable");
    };
    let (before, after) = words_beside(s, at, h.cut_before, h.cut_after);
    let blank = |b: bool| if b { " " } else { "" };
    let edit = |range: Range<usize>| match map.span(literal.lo, range) {
        Some(span) => {
            let text = format!("{}#{{{}}}{}", blank(before), field.name, blank(after));
            Ok(Edit::replace(j.file, span, text))
        }
        None => no(Reason::ShapeUnknown, "the literal cannot be cut where the field stands"),
    };
    match c.label {
        Label::SqlQuotedWhole if c.quote == Quote::Single && h.prefix.is_empty() && h.suffix.is_empty() && alone => {
            let range = field.range.start.saturating_sub(1)..field.range.end + 1;
            if h.cut_before != 1 || h.cut_after != 1 || !quotes_around(map, &range) {
                return no(Reason::ShapeUnknown, "the quotes around the field do not stand in its literal");
            }
            edit(range)
        }
        Label::SqlQuotedWhole | Label::SqlQuotedPart => {
            Err(Refusal::new(Reason::NoRecipe, "the value is only a part of the string that stands in quotes")
                .with_steps("Join the parts in SQL and bind the value: CONCAT('%', #{…}, '%')."))
        }
        Label::SqlInList => list_refusal(),
        Label::SqlValue if ty == "String" => {
            a.lower(
                Tier::Observable,
                "a value that stood without quotes is now bound as text: a database that compares strictly by type may refuse it for a numeric column",
            );
            edit(field.range.clone())
        }
        Label::SqlValue => no(Reason::TypeUnknown, "the type of a value that stands without quotes is not known"),
        Label::SqlLimit => Err(Refusal::new(Reason::TypeUnknown, "a row limit needs a number, and the value is text")
            .with_steps("Declare the parameter as int and write #{…}.")),
        _ => refuse(c),
    }
}

/// Words that stand right before and right behind a field, once this many bytes (its quotes) are gone: MyBatis puts a question
/// mark there, which must not run into them.
fn words_beside(s: &Statement, at: usize, cut_before: usize, cut_after: usize) -> (bool, bool) {
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
    // Literals that stand side by side are one text.
    let text = |range: Option<&[Piece]>, back: bool| -> String {
        let lit = |p: &Piece| match p {
            Piece::Lit(t) => Some(t.clone()),
            Piece::Hole => None,
        };
        let pieces = range.unwrap_or_default();
        match back {
            true => {
                let mut all: Vec<String> = pieces.iter().rev().map_while(lit).collect();
                all.reverse();
                all.concat()
            }
            false => pieces.iter().map_while(lit).collect(),
        }
    };
    let holes = s.pieces.iter().enumerate().filter(|(_, p)| matches!(p, Piece::Hole));
    let Some((hole, _)) = holes.into_iter().nth(at) else { return (false, false) };
    let (left, right) = (text(s.pieces.get(..hole), true), text(s.pieces.get(hole + 1..), false));
    let left = left.get(..left.len().saturating_sub(cut_before)).and_then(|t| t.chars().next_back());
    let right = right.get(cut_after..).and_then(|t| t.chars().next());
    (left.is_some_and(word), right.is_some_and(word))
}

fn quotes_around(map: &LiteralMap, range: &Range<usize>) -> bool {
    map.decoded().get(range.clone()).is_some_and(|t| t.starts_with('\'') && t.ends_with('\''))
}

/// The annotations of MyBatis that hold SQL, with their simple names.
fn annotations<'t>(j: &'t JavaCx<'_>) -> Vec<(&'static str, Node<'t>)> {
    let mut imports = Vec::new();
    let mut found = Vec::new();
    java::walk(j.root(), &mut |n| {
        match n.kind() {
            "import_declaration" => {
                let name: String = j.node_text(n).chars().filter(|c| !c.is_whitespace()).collect();
                imports.push(name.trim_start_matches("import").trim_end_matches(';').to_string());
            }
            "annotation" => found.push(n),
            _ => {}
        }
        true
    });
    let names = ["Select", "Insert", "Update", "Delete"];
    let mut out = Vec::new();
    for n in found {
        let written = n.child_by_field_name("name").map_or("", |x| j.node_text(x));
        let Some(name) = names.into_iter().find(|s| {
            let full = format!("{PACKAGE}.{s}");
            written == full || (written == *s && (imports.contains(&full) || imports.contains(&format!("{PACKAGE}.*"))))
        }) else {
            continue;
        };
        out.push((name, n));
    }
    out
}

/// The text of an annotation; MyBatis joins several strings by a blank.
fn read(j: &JavaCx<'_>, annotation: Node<'_>) -> Option<Statement> {
    let args = annotation.child_by_field_name("arguments")?;
    let mut s = Statement { literals: Vec::new(), pieces: Vec::new(), fields: Vec::new(), plain: true };
    let mut c = args.walk();
    let values: Vec<Node<'_>> = args.named_children(&mut c).filter(|n| !n.kind().ends_with("_comment")).collect();
    let mut value = match values.as_slice() {
        [one] => *one,
        _ => return None,
    };
    if value.kind() == "element_value_pair" {
        value = value.child_by_field_name("value")?;
    }
    let elements: Vec<Node<'_>> = if value.kind() == "element_value_array_initializer" {
        let mut c = value.walk();
        value.named_children(&mut c).filter(|n| !n.kind().ends_with("_comment")).collect()
    } else {
        vec![value]
    };
    for (i, e) in elements.into_iter().enumerate() {
        if i > 0 {
            s.pieces.push(Piece::Lit(" ".to_string()));
        }
        let mut tokens = Vec::new();
        let mut plain = true;
        java::walk(e, &mut |n| {
            match n.kind() {
                "string_literal" => {
                    tokens.push(span_of(n));
                    return false;
                }
                "binary_expression" | "parenthesized_expression" => {}
                _ => plain &= !n.is_named() || n.kind().ends_with("_comment"),
            }
            true
        });
        s.plain &= plain;
        for t in tokens {
            literal(&mut s, t, LiteralMap::new(Lang::Java, t.of(j.text))?)?;
        }
    }
    (!s.fields.is_empty()).then_some(s)
}

/// Splits one literal at `${…}` and `#{…}`; a bound parameter is a placeholder.
fn literal(s: &mut Statement, token: Span, map: LiteralMap) -> Option<()> {
    let index = s.literals.len();
    let text = map.decoded().to_string();
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let next = ["${", "#{"].into_iter().filter_map(|m| Some((rest.find(m)?, m))).min();
        let Some((lo, sign)) = next else { break };
        let Some(end) = rest.get(lo..).and_then(|r| r.find('}')) else { break };
        let range = at + lo..at + lo + end + 1;
        if lo > 0 {
            s.pieces.push(Piece::Lit(rest.get(..lo)?.to_string()));
        }
        if sign == "#{" {
            s.pieces.push(Piece::Lit("?".to_string()));
        } else {
            let name = text.get(range.start + 2..range.end - 1)?.trim().to_string();
            s.pieces.push(Piece::Hole);
            let span = map.span(token.lo, range.clone())?;
            s.fields.push(Field { name, literal: index, range: range.clone(), span });
        }
        at = range.end;
    }
    if at < text.len() {
        let rest = text.get(at..)?.to_string();
        s.pieces.push(Piece::Lit(rest));
    }
    s.literals.push((token, map));
    Some(())
}

/// The parameters of the annotated method.
fn params(j: &JavaCx<'_>, annotation: Node<'_>) -> Vec<Param> {
    let method = java::enclosing(annotation, |n| n.kind() == "method_declaration");
    let Some(list) = method.and_then(|m| m.child_by_field_name("parameters")) else { return Vec::new() };
    let mut c = list.walk();
    let mut out = Vec::new();
    for p in list.named_children(&mut c).filter(|n| n.kind() == "formal_parameter") {
        let own = p.child_by_field_name("name").map_or("", |n| j.node_text(n));
        let ty = p.child_by_field_name("type").map_or("", |n| j.node_text(n));
        let ty = ty.split('<').next().unwrap_or(ty).rsplit('.').next().unwrap_or(ty).trim().to_string();
        let mut named = None;
        java::walk(p, &mut |n| {
            if n.kind() == "annotation" && n.child_by_field_name("name").is_some_and(|x| j.node_text(x) == "Param") {
                let text = n.child_by_field_name("arguments").map_or("", |x| j.node_text(x));
                named = text.split('"').nth(1).map(str::to_string);
            }
            true
        });
        out.push(Param { name: named.unwrap_or_else(|| own.to_string()), ty });
    }
    out
}

/// Types whose values hold no text.
fn is_harmless(ty: &str) -> bool {
    matches!(
        ty,
        "int"
            | "long"
            | "short"
            | "byte"
            | "double"
            | "float"
            | "boolean"
            | "Integer"
            | "Long"
            | "Short"
            | "Byte"
            | "Double"
            | "Float"
            | "Boolean"
            | "BigDecimal"
            | "BigInteger"
            | "UUID"
            | "LocalDate"
            | "LocalDateTime"
            | "Instant"
    )
}

/// The field names a parameter that holds text, or a property of one. A name that no parameter has is a setting.
fn may_be_text(params: &[Param], name: &str) -> bool {
    let root = name.split('.').next().unwrap_or(name);
    if let Some(p) = params.iter().find(|p| p.name == root) {
        return if name == root { p.ty == "String" || p.ty == "Object" } else { !is_harmless(&p.ty) };
    }
    match params {
        // The properties of the only parameter, or its own value under any name.
        [one] => !is_harmless(&one.ty) && (one.ty != "String" || matches!(name, "value" | "_parameter")),
        _ => false,
    }
}
