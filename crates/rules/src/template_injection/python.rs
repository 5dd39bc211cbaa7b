//! Python: untrusted values become variables of the template.

use crate::syntaxes::py_operands;
use crate::{FixCx, Found};
use ruff_python_ast::{ConversionFlag, Expr};
use surefix_dataflow::{CallFact, Frag, StepKind};
use surefix_ir::Lang;
use surefix_models::{Entry, EntryHow, EntryParams, Kind};
use surefix_rewrite::PyCx;
use surefix_text::{Assurance, Edit, FileId, Fix, Reason, Refusal, Span, Tier};

const STEPS: &str = "1. Keep the template's text in the program or in a file of the application.\n\
    2. Give untrusted values to the template as variables.\n\
    3. Where users must write templates, use jinja2.sandbox.SandboxedEnvironment and decide what it may reach.";

/// Plans the fix.
pub fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(flow) = &found.flow else {
        return Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"));
    };
    let px = cx.python(found.file);
    px.no_error_at(flow.call.span)?;
    let call = flow.call.span;
    let callee = flow.call.callee.as_str();
    // The call that takes the variables.
    let render = if callee.ends_with("template_string") {
        Some(call)
    } else if callee == "jinja2.Template" || callee == "jinja2.Environment.from_string" {
        rendered_at_once(&px, call)
    } else {
        None
    };
    let Some(render) = render else {
        return Err(Refusal::new(Reason::NoLocalFix, "the text of a template is untrusted").with_steps(STEPS));
    };
    let Some(arg) = flow.arg.and_then(|i| px.args(call).get(i).filter(|a| !a.unpacked).map(|a| a.value)) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the template's text is no argument of the call"));
    };
    let whole =
        flow.shapes.iter().all(|s| !s.frags.iter().any(|f| matches!(f, Frag::Lit { text, .. } if !text.is_empty())))
            && !flow.trace.iter().any(|s| s.what == StepKind::Concat);
    if whole {
        return Err(Refusal::new(Reason::NoLocalFix, "the whole text of the template is untrusted").with_steps(STEPS));
    }
    // What is edited: the argument, or the value of the variable that stands there.
    let arg = built_at(&px, arg, call).unwrap_or(arg);
    let parts = parts(&px, arg)?;
    if !parts.iter().any(|p| matches!(p, Part::Text(t) if !t.is_empty())) {
        return Err(Refusal::new(Reason::NoLocalFix, "the whole text of the template is untrusted").with_steps(STEPS));
    }
    px.no_comment_inside(arg)?;
    let names_taken: Vec<String> = px.args(render).iter().filter_map(|a| a.name.clone()).collect();
    if px.args(render).iter().any(|a| a.unpacked) {
        return Err(Refusal::new(Reason::ShapeUnknown, "the template's variables are given as an unpacked mapping"));
    }
    let constant: String =
        parts.iter().filter_map(|p| if let Part::Text(t) = p { Some(t.as_str()) } else { None }).collect();
    let mut template = String::new();
    let mut values: Vec<(String, String)> = Vec::new();
    for p in &parts {
        match p {
            Part::Text(t) => template.push_str(t),
            Part::Value(text) => {
                if inside_code(&template) {
                    return Err(Refusal::new(
                        Reason::ContextUnsafe,
                        "the untrusted value is part of the template's code",
                    )
                    .with_steps(STEPS));
                }
                let known = values.iter().find(|(_, v)| v == text).map(|(n, _)| n.clone());
                let name = known.unwrap_or_else(|| {
                    let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                        && text.starts_with(|c: char| c.is_ascii_lowercase());
                    // `request.url` is shown as `url`.
                    let last = text.rsplit('.').next().unwrap_or("");
                    let path = text.split('.').all(|p| {
                        p.starts_with(|c: char| c.is_ascii_lowercase())
                            && p.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
                    });
                    let base = match () {
                        () if plain => text.clone(),
                        () if path => last.to_string(),
                        () => "value".to_string(),
                    };
                    let free = |n: &str| {
                        let word = constant.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|w| w == n);
                        let in_code = word && (constant.contains("{{") || constant.contains("{%"));
                        !names_taken.iter().any(|t| t == n) && !values.iter().any(|(t, _)| t == n) && !in_code
                    };
                    let mut name = base.clone();
                    let mut n = 1;
                    while !free(&name) && n < 100 {
                        n += 1;
                        name = format!("{base}{n}");
                    }
                    values.push((name.clone(), text.clone()));
                    name
                });
                template.push_str(&format!("{{{{ {name} }}}}"));
            }
        }
    }
    let mut edits: Vec<Edit> = Vec::new();
    px.replace_expr(arg, &literal(&px, arg, &template), &mut edits)?;
    let page = !callee.ends_with("template_string") && is_sent_as_page(cx, found.file, &flow.call);
    let escape = match page {
        true => Some(px.bring_from("markupsafe", "escape", call, &mut edits)?),
        false => None,
    };
    let given = |v: &String| escape.as_ref().map_or_else(|| v.clone(), |e| format!("{e}({v})"));
    let list: Vec<String> = values.iter().map(|(n, v)| format!("{n}={}", given(v))).collect();
    let count = px.args(render).len();
    px.insert_arg(render, count, &list.join(", "), &mut edits)?;
    let mut assurance = Assurance::start(Tier::AttackOnly);
    if page {
        assurance.lower(Tier::AttackOnly, "markup in the value is shown as text: the page did not escape it");
    } else if !callee.ends_with("template_string") {
        assurance.lower(Tier::AttackOnly, "whether the value is escaped is the environment's setting");
    }
    Ok(Fix {
        title: "Give the untrusted value to the template as a variable".into(),
        edits,
        assurance,
        needs: Vec::new(),
    })
}

/// True when what is rendered is returned by a handler whose text is sent as a page: nothing but the template would escape it.
fn is_sent_as_page(cx: &FixCx<'_>, file: FileId, call: &CallFact) -> bool {
    let module = cx.detect.module(file);
    let Some(func) = module.functions.get(call.func as usize) else { return false };
    let last = |name: &str| name.rsplit('.').next().unwrap_or("").to_string();
    let decorators: Vec<String> = func.annotations.iter().map(|a| last(module.strings.get(a.name))).collect();
    let sends = |e: &Entry| {
        let page = matches!(e.params, EntryParams::Returns(kinds) if kinds.has(Kind::Xss));
        page && e.how == EntryHow::Annotation && decorators.contains(&last(&e.what))
    };
    cx.detect.models.entries.iter().any(|(lang, e)| *lang == Lang::Python && sends(e))
        && crate::purpose::downstream(cx.detect, call).1
}

/// `X(…).render(…)`: the call of `render`.
fn rendered_at_once(px: &PyCx<'_>, call: Span) -> Option<Span> {
    let path = px.path_to(call);
    path.iter().rev().find_map(|n| match n {
        ruff_python_ast::AnyNodeRef::ExprCall(c) => match &*c.func {
            Expr::Attribute(a) if a.attr.as_str() == "render" && surefix_syntax::python::span_of(&*a.value) == call => {
                Some(surefix_syntax::python::span_of(*c))
            }
            _ => None,
        },
        _ => None,
    })
}

/// The value of a variable that is assigned once, in front of the call under no other condition, and read nowhere else.
fn built_at(px: &PyCx<'_>, arg: Span, call: Span) -> Option<Span> {
    let Some(Expr::Name(n)) = px.expr_at(arg) else { return None };
    let uses = px.uses(&n.id, arg)?;
    let [write] = uses.writes.as_slice() else { return None };
    let alone = uses.is_single_assignment() && !uses.captured && !uses.is_global && uses.reads.as_slice() == [arg];
    let value = write.value.filter(|_| alone && write.stmt.hi <= call.lo)?;
    let body = |span: Span| {
        let path = px.path_to(span);
        path.iter().rev().filter(|n| n.is_statement()).map(|n| crate::shapes::python_render::node_span(*n)).nth(1)
    };
    // The next statement outwards is the same: nothing else decides whether the text is built.
    let stmt = px.stmt_of(call)?;
    (body(write.stmt) == body(stmt)).then_some(value)
}

/// The parts of `'…%s…' % value` and `'…{}…'.format(value)`, when each field is plain and takes one argument in order.
fn template_parts(px: &PyCx<'_>, expr: &Expr) -> Option<Vec<Part>> {
    use surefix_rewrite::formats;
    let (text, fields, values, doubled): (String, _, Vec<Span>, &[&str]) = match expr {
        Expr::BinOp(b) if b.op == ruff_python_ast::Operator::Mod => {
            let Expr::StringLiteral(s) = &*b.left else { return None };
            let values = match &*b.right {
                Expr::Tuple(t) => t.elts.iter().map(surefix_syntax::python::span_of).collect(),
                Expr::Dict(_) | Expr::Starred(_) => return None,
                // A variable may hold a tuple of several values; with one field it must be one.
                e => vec![surefix_syntax::python::span_of(e)],
            };
            let text = s.value.to_str().to_string();
            (text.clone(), formats::percent_fields(&text)?, values, &["%%"])
        }
        Expr::Call(c) => {
            let Expr::Attribute(a) = &*c.func else { return None };
            let Expr::StringLiteral(s) = &*a.value else { return None };
            let plain = c.arguments.keywords.is_empty() && !c.arguments.args.iter().any(|a| a.is_starred_expr());
            if a.attr.as_str() != "format" || !plain {
                return None;
            }
            let text = s.value.to_str().to_string();
            let values = c.arguments.args.iter().map(surefix_syntax::python::span_of).collect();
            (text.clone(), formats::brace_fields(&text)?, values, &["{{", "}}"])
        }
        _ => return None,
    };
    if fields.len() != values.len() || !fields.iter().all(|f| f.is_plain() && f.name.is_empty()) {
        return None;
    }
    let plain = |t: &str| doubled.iter().fold(t.to_string(), |t, d| t.replace(d, d.get(1..).unwrap_or("")));
    let mut out = Vec::new();
    let mut at = 0;
    for (f, v) in fields.iter().zip(values) {
        out.push(Part::Text(plain(text.get(at..f.range.start)?)));
        out.push(Part::Value(v.of(px.text).to_string()));
        at = f.range.end;
    }
    out.push(Part::Text(plain(text.get(at..)?)));
    Some(out)
}

enum Part {
    Text(String),
    Value(String),
}

fn parts(px: &PyCx<'_>, arg: Span) -> Result<Vec<Part>, Refusal> {
    let unknown = |what: &str| Refusal::new(Reason::ShapeUnknown, what.to_string()).with_steps(STEPS);
    let mut out = Vec::new();
    let expr = px.expr_at(arg).ok_or_else(|| unknown("the template's text is not found"))?;
    if let Some(parts) = template_parts(px, expr) {
        return Ok(parts);
    }
    let spans = if matches!(expr, Expr::BinOp(_)) { py_operands(px, arg) } else { vec![arg] };
    for span in spans {
        match px.expr_at(span) {
            Some(Expr::StringLiteral(s)) => out.push(Part::Text(s.value.to_str().to_string())),
            Some(Expr::FString(f)) => {
                for e in f.value.elements() {
                    match (e.as_interpolation(), e.as_literal()) {
                        (Some(i), _)
                            if i.conversion == ConversionFlag::None
                                && i.format_spec.is_none()
                                && i.debug_text.is_none() =>
                        {
                            out.push(Part::Value(
                                surefix_syntax::python::span_of(&*i.expression).of(px.text).to_string(),
                            ));
                        }
                        (None, Some(l)) => out.push(Part::Text(l.value.to_string())),
                        _ => return Err(unknown("a field of the text is formatted")),
                    }
                }
            }
            Some(Expr::BinOp(_)) | None => {
                return Err(unknown("the template's text is computed in a way that is not followed"));
            }
            Some(_) if span == arg => {
                return Err(Refusal::new(Reason::ShapeUnknown, "the template's text is put together elsewhere")
                    .with_steps(STEPS));
            }
            Some(_) => out.push(Part::Value(span.of(px.text).to_string())),
        }
    }
    Ok(out)
}

/// True when the text so far ends inside `{{ … }}` or `{% … %}`.
fn inside_code(text: &str) -> bool {
    [("{{", "}}"), ("{%", "%}"), ("{#", "#}")]
        .iter()
        .any(|(open, close)| text.rfind(open).is_some_and(|o| text.get(o..).is_some_and(|t| !t.contains(close))))
}

/// The template as a literal; several lines stay several lines.
fn literal(px: &PyCx<'_>, arg: Span, template: &str) -> String {
    let old = arg.of(px.text);
    let quotes = ["\"\"\"", "'''"].into_iter().find(|q| old.contains(q));
    match quotes {
        Some(q)
            if template.contains('\n')
                && !template.contains(q)
                && !template.contains('\\')
                && !template.ends_with(q.chars().next().unwrap_or('"')) =>
        {
            format!("{q}{template}{q}")
        }
        _ => px.string_literal(template),
    }
}
