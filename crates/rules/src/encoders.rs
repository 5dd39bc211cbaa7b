//! The choice of an encoder for a place in a page, and how its call is written.

use crate::FixCx;
use crate::operands::HOLE;
use surefix_dialect::{Dialect, HoleContext, Label, Lexer};
use surefix_rewrite::JavaCx;
use surefix_syntax::java;
use surefix_text::{Assurance, Edit, FileId, Reason, Refusal, Span, Tier};
use tree_sitter::Node;

/// Where in a page the value stands, as far as encoders differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PagePlace {
    /// Text or a value in double quotes.
    Html,
    /// A value in single quotes.
    SingleQuoted,
    /// A string literal of a script.
    JsString,
}

const STEPS: &str = "1. Find out in which part of the page the value ends up (script, style, URL, attribute name).\n\
    2. Move it to a place where one encoder is enough: element text or a quoted attribute, for scripts a data attribute.\n\
    3. For a whole URL, allow only http, https and relative references before it is written.";

/// The place by the text around a value (constant text, [`HOLE`] for unknown parts), or why it cannot be encoded.
pub fn page_place(before: &str, after: &str) -> Result<PagePlace, Refusal> {
    let refuse = |what: &str| Err(Refusal::new(Reason::ContextUnsafe, what.to_string()).with_steps(STEPS));
    let c = context(before, after);
    match c.label {
        Label::HtmlText | Label::HtmlRcdata | Label::HtmlAttrDouble => Ok(PagePlace::Html),
        Label::HtmlAttrSingle => Ok(PagePlace::SingleQuoted),
        Label::HtmlUrlAttr if !safe_prefix(&c.prefix) => {
            refuse("the value starts a URL: encoding does not keep out a script scheme")
        }
        Label::HtmlUrlAttr => match c.quote {
            surefix_dialect::Quote::Double => Ok(PagePlace::Html),
            surefix_dialect::Quote::Single => Ok(PagePlace::SingleQuoted),
            _ => refuse("the value stands in an attribute without quotes"),
        },
        Label::HtmlJsString => Ok(PagePlace::JsString),
        Label::HtmlAttrBare => refuse("the value stands in an attribute without quotes"),
        Label::HtmlEventAttr => refuse("the value stands inside an event handler"),
        Label::HtmlJsCode | Label::HtmlJsTemplate => {
            refuse("the value stands inside script code, not in a quoted string")
        }
        Label::HtmlCss => refuse("the value stands inside a style"),
        Label::HtmlComment => refuse("the value stands inside a comment of the page"),
        Label::HtmlTagName | Label::HtmlAttrName => refuse("the value is part of a tag's or attribute's name"),
        _ => refuse("the place of the value in the page is not known"),
    }
}

/// True when a URL that starts with this constant text cannot become a script.
fn safe_prefix(prefix: &str) -> bool {
    prefix.contains(['/', '?', '#']) || prefix.starts_with("mailto:") || prefix.starts_with("tel:")
}

/// The context of a value between two texts of a page.
pub fn context(before: &str, after: &str) -> HoleContext {
    context_in(Dialect::Html, before, after)
}

/// The context of a value between two texts (constant text, [`HOLE`] for unknown parts).
pub fn context_in(dialect: Dialect, before: &str, after: &str) -> HoleContext {
    let mut pieces: Vec<surefix_dialect::Piece<'_>> = Vec::new();
    let mut parts = before.split(HOLE);
    if let Some(first) = parts.next() {
        pieces.push(surefix_dialect::Piece::Lit(first));
    }
    for p in parts {
        pieces.push(surefix_dialect::Piece::Hole);
        pieces.push(surefix_dialect::Piece::Lit(p));
    }
    let at = pieces.iter().filter(|p| matches!(p, surefix_dialect::Piece::Hole)).count();
    pieces.push(surefix_dialect::Piece::Hole);
    let mut parts = after.split(HOLE);
    if let Some(first) = parts.next() {
        pieces.push(surefix_dialect::Piece::Lit(first));
    }
    for p in parts {
        pieces.push(surefix_dialect::Piece::Hole);
        pieces.push(surefix_dialect::Piece::Lit(p));
    }
    let found = surefix_dialect::contexts(dialect, &pieces);
    found.into_iter().nth(at).unwrap_or_else(|| Lexer::new(dialect).hole())
}

/// A Java library that encodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JavaEncoder {
    /// `org.owasp.encoder.Encode`.
    Owasp,
    /// `org.springframework.web.util.HtmlUtils`; true when the overload with an encoding exists.
    Spring(bool),
    /// `org.owasp.esapi.ESAPI.encoder()`.
    Esapi,
    /// `org.apache.commons.text.StringEscapeUtils`.
    CommonsText,
    /// `org.apache.commons.lang3.StringEscapeUtils`.
    CommonsLang3,
    /// A private method of the class.
    Own,
}

/// The encoder that a Java file should use: a library that the project has, else a method of its own.
pub fn java_encoder(cx: &FixCx<'_>, file: FileId, place: PagePlace) -> Result<JavaEncoder, Refusal> {
    let path = cx.path(file);
    let project = cx.detect.project;
    // What is only there to compile against is used where it is used already.
    let has = |names: &[&str], prefix: &str| {
        names.iter().any(|n| project.brings_dep(path, n).is_some())
            || imported(cx, file, prefix, names.iter().any(|n| project.has_dep(path, n).is_some()))
    };
    let spring = [
        "org.springframework:spring-web",
        "org.springframework:spring-webmvc",
        "org.springframework:spring-webflux",
        "org.springframework.boot:spring-boot-starter-web",
        "org.springframework.boot:spring-boot-starter-webflux",
    ];
    if has(&["org.owasp.encoder:encoder"], "org.owasp.encoder.") {
        return Ok(JavaEncoder::Owasp);
    }
    if has(&spring, "org.springframework.web.") {
        let firm = spring.iter().find_map(|d| project.brings_dep(path, d).map(|v| (d, v)));
        let version = firm.or_else(|| spring.iter().find_map(|d| project.has_dep(path, d).map(|v| (d, v))));
        let old = version.is_some_and(|(d, v)| !d.contains("boot") && v.is_some_and(|v| older(&v, (4, 1, 2))));
        return Ok(JavaEncoder::Spring(!old));
    }
    if has(&["org.owasp.esapi:esapi"], "org.owasp.esapi.") {
        return Ok(JavaEncoder::Esapi);
    }
    if place == PagePlace::Html {
        if has(&["org.apache.commons:commons-text"], "org.apache.commons.text.") {
            return Ok(JavaEncoder::CommonsText);
        }
        if has(&["org.apache.commons:commons-lang3"], "org.apache.commons.lang3.StringEscapeUtils") {
            return Ok(JavaEncoder::CommonsLang3);
        }
    }
    Ok(JavaEncoder::Own)
}

/// True when the file, or another one of its module that is no test, imports something below `prefix`.
fn imported(cx: &FixCx<'_>, file: FileId, prefix: &str, only_here: bool) -> bool {
    let path = cx.path(file);
    cx.detect.program.modules.iter().enumerate().any(|(i, m)| {
        let other = &cx.detect.program.paths[i];
        let here = i == file.0 as usize;
        (here || !only_here)
            && m.imports.iter().any(|i| m.strings.get(i.path).starts_with(prefix))
            && (here || (!surefix_rewrite::is_test_path(other) && cx.detect.project.same_module(path, other)))
    })
}

/// True when `version` (`4.1.1.RELEASE`) is known to be below `least`.
pub fn older(version: &str, least: (u32, u32, u32)) -> bool {
    let mut numbers = version.split(['.', '-']).map_while(|p| p.parse::<u32>().ok());
    let Some(major) = numbers.next() else { return false };
    (major, numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < least
}

/// A Java expression that is going to be encoded.
#[derive(Clone, Debug)]
pub struct Operand {
    /// Its text.
    pub text: String,
    /// It is known to be a `String`.
    pub string: bool,
    /// It is known not to be null.
    pub present: bool,
}

/// The call that encodes `operand` at `at`; imports, helpers and dependencies go into `edits`.
pub fn encode_java(
    cx: &FixCx<'_>,
    jx: &JavaCx<'_>,
    at: Span,
    operand: &Operand,
    place: PagePlace,
    edits: &mut Vec<Edit>,
    assurance: &mut Assurance,
) -> Result<String, Refusal> {
    let x = operand.text.as_str();
    let text = |needs_present: bool| match operand.string && (operand.present || !needs_present) {
        true => x.to_string(),
        false => format!("String.valueOf({x})"),
    };
    let mut encoder = java_encoder(cx, jx.file, place)?;
    if place == PagePlace::JsString
        && matches!(encoder, JavaEncoder::Own | JavaEncoder::CommonsText | JavaEncoder::CommonsLang3)
    {
        cx.detect.project.add_dependency(cx.path(jx.file), "org.owasp.encoder:encoder", "1.4.0", edits)?;
        assurance.lower(
            Tier::AttackOnly,
            "adds the OWASP Java Encoder, because no library of the project encodes script strings",
        );
        encoder = JavaEncoder::Owasp;
    }
    let js = place == PagePlace::JsString;
    Ok(match encoder {
        JavaEncoder::Owasp => {
            let name = jx.bring_type("org.owasp.encoder.Encode", edits)?;
            format!("{name}.{}({})", if js { "forJavaScript" } else { "forHtml" }, text(false))
        }
        JavaEncoder::Spring(_) if js => {
            let name = jx.bring_type("org.springframework.web.util.JavaScriptUtils", edits)?;
            format!("{name}.javaScriptEscape({})", text(true))
        }
        JavaEncoder::Spring(charset) => {
            let name = jx.bring_type("org.springframework.web.util.HtmlUtils", edits)?;
            let charset = if charset { ", \"UTF-8\"" } else { "" };
            format!("{name}.htmlEscape({}{charset})", text(true))
        }
        JavaEncoder::Esapi => {
            let name = jx.bring_type("org.owasp.esapi.ESAPI", edits)?;
            format!("{name}.encoder().{}({})", if js { "encodeForJavaScript" } else { "encodeForHTML" }, text(false))
        }
        JavaEncoder::CommonsText => {
            let name = jx.bring_type("org.apache.commons.text.StringEscapeUtils", edits)?;
            format!("{name}.escapeHtml4({})", text(false))
        }
        JavaEncoder::CommonsLang3 => {
            let name = jx.bring_type("org.apache.commons.lang3.StringEscapeUtils", edits)?;
            format!("{name}.escapeHtml4({})", text(false))
        }
        JavaEncoder::Own => format!("{}({})", own_method(cx, jx, at, edits)?, text(false)),
    })
}

/// Name of the private method that escapes; inserted into the outermost class around `at` when it is not there yet.
fn own_method(cx: &FixCx<'_>, jx: &JavaCx<'_>, at: Span, edits: &mut Vec<Edit>) -> Result<String, Refusal> {
    let mut class: Option<Node<'_>> = None;
    let mut node = jx.covering(at);
    while let Some(n) = node {
        if matches!(n.kind(), "class_declaration" | "enum_declaration" | "record_declaration" | "interface_declaration")
        {
            class = Some(n);
        }
        node = n.parent();
    }
    let body = class.and_then(|c| c.child_by_field_name("body"));
    let (Some(class), Some(body)) = (class, body) else {
        return Err(Refusal::new(Reason::ControlFlow, "no class around the sink can hold a method that escapes"));
    };
    let level = cx.detect.project.java_level(cx.path(jx.file)).unwrap_or(8);
    if class.kind() == "interface_declaration" && level < 9 {
        return Err(Refusal::new(Reason::LanguageLevel, "interfaces have private methods from Java 9 on"));
    }
    let close = java::span_of(body).hi.saturating_sub(1);
    jx.no_error_at(Span::new(close, close + 1))?;
    let eol = jx.eol_at(close);
    let outer = jx.indent_at(close);
    let unit = jx.indent_unit();
    let method = |name: &str| {
        let lines = [
            format!("{unit}/** Escapes what has a meaning in HTML text and quoted attributes. */"),
            format!("{unit}private static String {name}(String value) {{"),
            format!(
                "{unit}{unit}return String.valueOf(value).replace(\"&\", \"&amp;\").replace(\"<\", \"&lt;\").replace(\">\", \"&gt;\")"
            ),
            format!("{unit}{unit}{unit}{unit}.replace(\"\\\"\", \"&quot;\").replace(\"'\", \"&#39;\");"),
            format!("{unit}}}"),
        ];
        lines.iter().map(|l| format!("{outer}{l}{eol}")).collect::<String>()
    };
    // A method of an earlier fix is used again.
    let squeezed = |s: &str| s.split_whitespace().collect::<String>();
    let (mut name, mut taken) = ("escapeHtml".to_string(), false);
    let mut n = 1;
    loop {
        let own = squeezed(&method(&name));
        let mut same = false;
        let mut other = false;
        java::walk(class, &mut |m| {
            if m.kind() == "method_declaration"
                && m.child_by_field_name("name").is_some_and(|n| jx.node_text(n) == name)
            {
                let body = m.child_by_field_name("body").map(|b| squeezed(jx.node_text(b))).unwrap_or_default();
                if !body.is_empty() && own.ends_with(&body) { same = true } else { other = true }
            }
            true
        });
        if same {
            return Ok(name);
        }
        taken |= other;
        if !other || n > 9 {
            break;
        }
        n += 1;
        name = format!("escapeHtml{n}");
    }
    if taken && n > 9 {
        return Err(Refusal::new(Reason::NameTaken, "every name for a method that escapes is taken"));
    }
    let at_line_start = jx
        .text
        .get(..close as usize)
        .is_some_and(|t| t.ends_with(outer) && t.trim_end_matches([' ', '\t']).ends_with(['\n', '\r']));
    if !at_line_start {
        return Err(Refusal::new(Reason::ShapeUnknown, "the class is written on one line"));
    }
    let at = close - surefix_len(outer);
    edits.push(Edit::insert(jx.file, at, format!("{eol}{}", method(&name))));
    Ok(name)
}

fn surefix_len(s: &str) -> u32 {
    u32::try_from(s.len()).unwrap_or(u32::MAX)
}

/// What is known of a Java expression's type and presence from its own text and declaration.
pub fn java_operand(jx: &JavaCx<'_>, span: Span, ty: Option<&str>) -> Operand {
    let text = span.of(jx.text).to_string();
    let (string, present) = judge(jx, span, 0);
    Operand { text, string: string || ty == Some("java.lang.String"), present }
}

/// True for the declaration of a parameter that Spring does not call the handler without: it answers 400 or 404 before.
fn given(parameter: &str) -> bool {
    let asked = ["@RequestParam", "@PathVariable"].iter().any(|a| parameter.contains(a));
    asked && !parameter.contains("required")
}

fn judge(jx: &JavaCx<'_>, span: Span, depth: u32) -> (bool, bool) {
    let Some(mut node) = jx.node_at(span) else { return (false, false) };
    while node.kind() == "parenthesized_expression"
        && let Some(inner) = node.named_child(0)
    {
        node = inner;
    }
    match node.kind() {
        "string_literal" => (true, true),
        "binary_expression" => {
            let spans = crate::syntaxes::java_operands(jx, java::span_of(node));
            let text = spans.len() > 1 && depth < 20 && spans.iter().any(|s| judge(jx, *s, depth + 1).0);
            (text, text)
        }
        "identifier" => {
            let Some(uses) = jx.uses(jx.node_text(node), java::span_of(node)) else { return (false, false) };
            let string = matches!(jx.type_text(&uses), Some("String" | "java.lang.String"));
            let set_once = uses.writes.is_empty() && depth < 20;
            // What a method was called on is no null.
            let made = || uses.init.is_some_and(|i| judge(jx, i, depth + 1).1);
            let present = string
                && set_once
                && (made() || jx.used_before(node, &uses.name) || given(uses.declarator.of(jx.text)));
            (string, present)
        }
        "method_invocation" => {
            const TEXT: &[&str] = &[
                "toString",
                "trim",
                "substring",
                "concat",
                "replace",
                "replaceAll",
                "replaceFirst",
                "toLowerCase",
                "toUpperCase",
                "strip",
                "repeat",
            ];
            // Whatever class they belong to, methods of these names answer.
            const PRESENT: &[&str] = &["getAbsolutePath", "getCanonicalPath", "getSimpleName"];
            let name = node.child_by_field_name("name").map_or("", |n| jx.node_text(n));
            let of_string = node
                .child_by_field_name("object")
                .is_some_and(|o| jx.node_text(o) == "String" && matches!(name, "valueOf" | "format" | "join"));
            // `toString` and the like of a receiver that is no text gives a text all the same.
            let text = of_string || TEXT.contains(&name);
            (text, text || PRESENT.contains(&name))
        }
        "object_creation_expression" => {
            let string = node
                .child_by_field_name("type")
                .is_some_and(|t| matches!(jx.node_text(t), "String" | "java.lang.String"));
            (string, true)
        }
        _ => (false, false),
    }
}
