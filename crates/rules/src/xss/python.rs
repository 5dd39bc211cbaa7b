//! Python: escape what is put into a response, mark-up built from text, environments without escaping.

use crate::encoders::{self, PagePlace};
use crate::operands;
use crate::origins::Origins;
use crate::syntaxes::PyText;
use crate::{DetectCx, FixCx, Found, RuleMeta, flows};
use surefix_dataflow::{CallFact, ConstVal, Flow};
use surefix_ir::{Lang, Op, ValueId};
use surefix_rewrite::PyCx;
use surefix_text::{Assurance, FileId, Fix, Reason, Refusal, Span, Tier};

const SPECIAL: &str = "<>&\"'";
const ENVIRONMENT: &str = "environment";

/// Reports Jinja environments that are made without escaping.
pub fn environments(cx: &DetectCx<'_>, meta: &RuleMeta, out: &mut Vec<Found>) {
    for call in flows::watched(cx, meta) {
        let environment = call.callee.ends_with("Environment") && call.callee.starts_with("jinja2.");
        if !environment || call.args.iter().any(|a| a.spread == 2) {
            continue;
        }
        let setting = call.args.iter().find(|a| a.keyword == "autoescape");
        let off = match setting {
            None => true,
            Some(a) => {
                a.consts.as_deref().is_some_and(|c| !c.is_empty() && c.iter().all(|c| *c == ConstVal::Bool(false)))
            }
        };
        if off && renders_pages(cx, call) {
            let message = "Templates of this environment are not escaped".to_string();
            out.push(flows::from_call(meta, call, "autoescape", message, ENVIRONMENT));
        }
    }
}

/// True when the project shows that the environment makes pages: a template with an HTML name is asked for in the file, or the file
/// belongs to a web application. Environments for configuration, mail or code are left alone.
fn renders_pages(cx: &DetectCx<'_>, call: &CallFact) -> bool {
    let file = FileId(call.file);
    let text = cx.text(file);
    let html = [".html\"", ".html'", ".htm\"", ".htm'", "<html", "<p>", "<div", "<h1", "text/html"]
        .iter()
        .any(|k| text.contains(k));
    let other =
        [".yaml", ".yml", ".conf", ".cfg", ".sql", ".tex", ".md\"", ".txt\"", ".toml", ".sh\"", ".py\"", ".j2\""]
            .iter()
            .any(|k| text.contains(k));
    html && !other
}

/// Plans the fix.
pub fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    if found.variant == ENVIRONMENT {
        return environment(cx, found);
    }
    let Some(flow) = &found.flow else {
        return Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"));
    };
    let syntax = PyText::new(cx);
    let px = syntax.file(found.file);
    px.no_error_at(flow.call.span)?;
    escaped_by_hand(cx, flow)?;
    let callee = flow.call.callee.rsplit('.').next().unwrap_or("");
    if flow.call.callee.ends_with("mark_safe") || flow.call.callee.ends_with("SafeString") {
        if let Some(fix) = format_html(cx, &px, flow)? {
            return Ok(fix);
        }
    } else if callee == "Markup"
        && let Some(fix) = markup(&px, flow)?
    {
        return Ok(fix);
    }
    let arg = match flow.arg {
        Some(i) => value_span(&px, flow.call.span, i),
        None => Some(flow.call.span),
    };
    let Some(arg) = arg else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the sink's argument is not found"));
    };
    if flow.call.args.get(flow.arg.unwrap_or(usize::MAX)).is_some_and(|a| a.elems.is_some()) {
        return Err(Refusal::new(Reason::ShapeUnknown, "the response is given in several parts"));
    }
    if flow.call.callee.starts_with("tornado.") && answers_otherwise(cx.detect, flow) {
        let why = "the class of the handler, or one it builds on, sets another content type than HTML";
        return Err(Refusal::new(Reason::ContextUnsafe, why).with_steps(
            "Give error messages to write_error(), or set the content type where the response is written.",
        ));
    }
    let mut edits = Vec::new();
    let sites = operands::sites(cx, &syntax, flow, arg, |c| SPECIAL.contains(c))?;
    super::made_by_known_code(flow, &sites, "")?;
    for site in &sites {
        for (before, after) in &site.around {
            if encoders::page_place(before, after)? == PagePlace::JsString {
                return Err(Refusal::new(Reason::ContextUnsafe, "the value stands in a string of a script")
                    .with_steps(
                        "Pass the value to the script as JSON in a data attribute, or with the template's json filter.",
                    ));
            }
        }
        let px = syntax.file(site.file);
        let text = site.span.of(px.text);
        let escape = escape_function(cx, &px, site.span, &mut edits)?;
        // The standard library's function takes text only.
        let standard = escape.module == "html";
        let is_text = matches!(site.ty.as_deref(), Some("str"));
        let inner = if standard && !is_text { format!("str({text})") } else { text.to_string() };
        let call = format!("{}({inner})", escape.name);
        // `"<p>" + escape(x)` of markupsafe would escape the text on the left as well.
        let new = if escape.module == "markupsafe" && is_added(&px, site.span) { format!("str({call})") } else { call };
        px.replace_expr(site.span, &new, &mut edits)?;
    }
    let mut assurance = Assurance::start(Tier::AttackOnly);
    if sites.iter().any(|s| s.span == arg) {
        assurance
            .lower(Tier::AttackOnly, "the whole response text is escaped: it holds no markup of the program's own");
    }
    Ok(Fix { title: "Escape the value for the page it is put into".into(), edits, assurance, needs: Vec::new() })
}

/// True when the response is given a type later that browsers do not render as a page: `response.mimetype = "application/json"`,
/// `response.headers["Content-Type"] = …`.
pub fn other_type_later(cx: &DetectCx<'_>, flow: &Flow) -> bool {
    if cx.lang(FileId(flow.call.file)) != Lang::Python {
        return false;
    }
    let Some(origins) = Origins::of_sink(cx, flow) else { return false };
    let response = ValueId(flow.call.value);
    let is_response = |v: ValueId| origins.behind(v) == response;
    let name = |s| origins.module.strings.get(s).to_ascii_lowercase();
    let types = origins.func.instrs.iter().filter_map(|i| match &i.op {
        Op::StoreField(base, field, value)
            if is_response(*base) && matches!(name(*field).as_str(), "mimetype" | "content_type") =>
        {
            Some(*value)
        }
        Op::StoreIndex(base, key, value) => {
            let header = origins.text(*key).is_some_and(|k| k.eq_ignore_ascii_case("content-type"));
            let headers = match origins.op(origins.behind(*base)) {
                Some(Op::LoadField(b, f)) => is_response(*b) && name(*f) == "headers",
                _ => is_response(*base),
            };
            (header && headers).then_some(*value)
        }
        _ => None,
    });
    let known: Vec<Option<&str>> = types.map(|v| origins.text(v)).collect();
    !known.is_empty() && known.iter().all(|t| t.is_some_and(|t| !super::content_type::renders(t)))
}

/// Sinks that write a dictionary as JSON, with the content type for it.
const JSON_FOR_DICTIONARIES: &[&str] = &[
    "flask.Flask.make_response",
    "flask.make_response",
    "tornado.web.RequestHandler.write",
    "tornado.web.RequestHandler.finish",
];

/// True when the sink is given a dictionary that it writes as JSON.
pub fn sent_as_json(cx: &DetectCx<'_>, flow: &Flow) -> bool {
    if !JSON_FOR_DICTIONARIES.contains(&flow.call.callee.as_str()) {
        return false;
    }
    // Flask does the same with lists.
    let flask = flow.call.callee.starts_with("flask.");
    let json = |t: &String| t == "dict" || (flask && t == "list");
    if flow.arg.and_then(|a| flow.call.args.get(a)).is_some_and(|a| a.types.iter().any(json)) {
        return true;
    }
    let Some(origins) = Origins::of_sink(cx, flow) else { return false };
    let value = origins.sink_value(flow).and_then(|(v, _)| origins.op(origins.behind(v)));
    match value {
        Some(Op::Aggregate(surefix_ir::AggKind::Dict, _)) => true,
        Some(Op::Aggregate(surefix_ir::AggKind::List, _)) => flask,
        _ => false,
    }
}

/// True when the class around the sink, or a class of the project that it is derived from, sets a content type that is no HTML.
fn answers_otherwise(cx: &DetectCx<'_>, flow: &Flow) -> bool {
    let module = cx.module(FileId(flow.call.file));
    let around = module.classes.iter().filter(|c| c.span.contains(flow.call.span)).min_by_key(|c| c.span.len());
    let mut todo: Vec<String> = around.map(|c| module.strings.get(c.name).to_string()).into_iter().collect();
    let mut seen: Vec<String> = Vec::new();
    while let Some(name) = todo.pop() {
        if seen.contains(&name) || seen.len() > 40 {
            continue;
        }
        for (i, m) in cx.program.modules.iter().enumerate().filter(|(_, m)| m.lang == Lang::Python) {
            for class in m.classes.iter().filter(|c| m.strings.get(c.name) == name) {
                let code = class.span.of(&cx.texts[i]);
                let sets = |l: &str| {
                    let lower = l.to_ascii_lowercase();
                    lower.contains("set_header") && lower.contains("content-type") && !lower.contains("html")
                };
                if code.lines().any(sets) {
                    return true;
                }
                let bases = class.supers.iter().map(|t| m.strings.get(t.name));
                todo.extend(bases.map(|b| b.rsplit('.').next().unwrap_or(b).to_string()));
            }
        }
        seen.push(name);
    }
    false
}

/// True for an operand of `+` or the right side of `+=`.
fn is_added(px: &PyCx<'_>, span: Span) -> bool {
    use ruff_python_ast::{AnyNodeRef, Operator};
    let path = px.path_to(span);
    let parent = path.iter().rev().find(|n| {
        let r = ruff_text_size::Ranged::range(*n);
        Span::new(r.start().to_u32(), r.end().to_u32()) != span
    });
    match parent {
        Some(AnyNodeRef::ExprBinOp(b)) => b.op == Operator::Add,
        Some(AnyNodeRef::StmtAugAssign(_)) => true,
        _ => false,
    }
}

/// The value of argument `index` in source order.
fn value_span(px: &PyCx<'_>, call: Span, index: usize) -> Option<Span> {
    px.args(call).get(index).map(|a| a.value)
}

struct Escape {
    module: &'static str,
    name: String,
}

/// The project's own escape function: Flask brings `markupsafe`, Django its utilities; else the standard library.
fn escape_function(
    cx: &FixCx<'_>,
    px: &PyCx<'_>,
    at: Span,
    edits: &mut Vec<surefix_text::Edit>,
) -> Result<Escape, Refusal> {
    let path = cx.path(px.file);
    let uses = |packages: &[&str]| {
        packages.iter().any(|p| {
            let dotted = format!("{p}.");
            px.module.imports.iter().any(|i| {
                let path = px.module.strings.get(i.path);
                path == *p || path.starts_with(&dotted)
            })
        })
    };
    let dep = |name: &str| cx.detect.project.has_dep(path, name).is_some();
    let module = if uses(&["django", "rest_framework"]) {
        "django.utils.html"
    } else if uses(&["flask", "markupsafe", "jinja2", "werkzeug"])
        || ["markupsafe", "flask", "jinja2"].iter().any(|d| dep(d))
    {
        "markupsafe"
    } else if dep("django") {
        "django.utils.html"
    } else {
        "html"
    };
    let name = match module {
        "html" => format!("{}.escape", px.bring("html", at, edits)?),
        m => px.bring_from(m, "escape", at, edits)?,
    };
    Ok(Escape { module, name })
}

/// `mark_safe(f"<b>{x}</b>")` → `format_html("<b>{}</b>", x)`.
fn format_html(_cx: &FixCx<'_>, px: &PyCx<'_>, flow: &Flow) -> Result<Option<Fix>, Refusal> {
    let Some((template, values)) = template(px, flow)? else { return Ok(None) };
    let mut edits = Vec::new();
    let call = flow.call.span;
    let Some(callee) = px.callee(call) else { return Ok(None) };
    let name = px.bring_from("django.utils.html", "format_html", call, &mut edits)?;
    px.no_comment_inside(call)?;
    let mut args = vec![px.string_literal(&template)];
    args.extend(values);
    edits.push(surefix_text::Edit::replace(
        px.file,
        Span::new(callee.lo, call.hi),
        format!("{name}({})", args.join(", ")),
    ));
    Ok(Some(Fix {
        title: "Format markup with escaped values".into(),
        edits,
        assurance: Assurance::start(Tier::AttackOnly),
        needs: Vec::new(),
    }))
}

/// `Markup(f"<b>{x}</b>")` → `Markup("<b>{}</b>").format(x)`.
fn markup(px: &PyCx<'_>, flow: &Flow) -> Result<Option<Fix>, Refusal> {
    let Some((template, values)) = template(px, flow)? else { return Ok(None) };
    let call = flow.call.span;
    let Some(callee) = px.callee(call) else { return Ok(None) };
    px.no_comment_inside(call)?;
    let text = format!("{}({}).format({})", callee.of(px.text), px.string_literal(&template), values.join(", "));
    let edits = vec![surefix_text::Edit::replace(px.file, call, text)];
    Ok(Some(Fix {
        title: "Format markup with escaped values".into(),
        edits,
        assurance: Assurance::start(Tier::AttackOnly),
        needs: Vec::new(),
    }))
}

/// An f-string or `+` chain as a template for `format` with its values, when every value stands where escaping is enough.
fn template(px: &PyCx<'_>, flow: &Flow) -> Result<Option<(String, Vec<String>)>, Refusal> {
    use ruff_python_ast::{ConversionFlag, Expr};
    let args = px.args(flow.call.span);
    let [arg] = args.as_slice() else { return Ok(None) };
    if arg.unpacked {
        return Ok(None);
    }
    let mut out = String::new();
    let mut values: Vec<String> = Vec::new();
    let mut parts: Vec<(Option<String>, String)> = Vec::new();
    let mut ok = true;
    fn literal(s: &str, parts: &mut Vec<(Option<String>, String)>) {
        parts.push((None, s.to_string()));
    }
    let mut add = |e: &Expr, parts: &mut Vec<(Option<String>, String)>| match e {
        Expr::StringLiteral(s) => literal(s.value.to_str(), parts),
        Expr::FString(f) => {
            for el in f.value.elements() {
                match (el.as_interpolation(), el.as_literal()) {
                    (Some(i), _) => {
                        if i.conversion != ConversionFlag::None || i.format_spec.is_some() || i.debug_text.is_some() {
                            ok = false;
                        }
                        parts.push((
                            Some(surefix_syntax::python::span_of(&*i.expression).of(px.text).to_string()),
                            String::new(),
                        ));
                    }
                    (None, Some(l)) => literal(&l.value, parts),
                    _ => ok = false,
                }
            }
        }
        e => parts.push((Some(surefix_syntax::python::span_of(e).of(px.text).to_string()), String::new())),
    };
    let Some(expr) = px.expr_at(arg.value) else { return Ok(None) };
    match expr {
        Expr::FString(_) => add(expr, &mut parts),
        Expr::BinOp(_) => {
            for span in crate::syntaxes::py_operands(px, arg.value) {
                match px.expr_at(span) {
                    Some(e) => add(e, &mut parts),
                    None => return Ok(None),
                }
            }
        }
        _ => return Ok(None),
    }
    if !ok || !parts.iter().any(|p| p.0.is_none()) {
        return Ok(None);
    }
    // Other variable parts may be markup on purpose: only values that are untrusted or plain may be escaped.
    let holes: usize = flow
        .shapes
        .iter()
        .map(|s| {
            operands::flat(s)
                .iter()
                .filter(|f| matches!(f, surefix_dataflow::Frag::Hole(h) if !h.tainted && !h.number))
                .count()
        })
        .max()
        .unwrap_or(0);
    if holes > 0 {
        return Ok(None);
    }
    let text = |from: usize, to: usize| -> String {
        parts[from..to].iter().map(|p| if p.0.is_some() { operands::HOLE.to_string() } else { p.1.clone() }).collect()
    };
    for (i, (value, lit)) in parts.iter().enumerate() {
        match value {
            Some(v) => {
                if encoders::page_place(&text(0, i), &text(i + 1, parts.len()))? == PagePlace::JsString {
                    return Err(Refusal::new(Reason::ContextUnsafe, "the value stands in a string of a script"));
                }
                out.push_str("{}");
                values.push(v.clone());
            }
            None => out.push_str(&lit.replace('{', "{{").replace('}', "}}")),
        }
    }
    Ok(Some((out, values)))
}

/// `Environment(…)` → `Environment(…, autoescape=select_autoescape())`.
fn environment(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(call) = &found.call else {
        return Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"));
    };
    let px = cx.python(found.file);
    let mut edits = Vec::new();
    let name = px.bring_from("jinja2", "select_autoescape", call.span, &mut edits)?;
    px.set_keyword(call.span, "autoescape", &format!("{name}()"), &mut edits)?;
    let mut assurance = Assurance::start(Tier::Observable);
    assurance.lower(
        Tier::Observable,
        "values in templates with HTML names and in templates from strings are escaped from now on",
    );
    Ok(Fix { title: "Escape values in HTML templates".into(), edits, assurance, needs: Vec::new() })
}

fn escaped_by_hand(cx: &FixCx<'_>, flow: &Flow) -> Result<(), Refusal> {
    for step in flow.trace.iter().filter(|s| s.what == surefix_dataflow::StepKind::Through) {
        let text = step.place.span.of(cx.detect.text(step.place.file));
        if ["&lt;", "&amp;", "&quot;", "&#39;", "&#x27;", "&gt;"].iter().any(|e| text.contains(e)) {
            return Err(Refusal::new(
                Reason::AlreadyEscaped,
                "the value is escaped by hand on its way, but not for every character that matters; a second escaping would show \
                 the escapes",
            )
            .with_steps("Replace the replacements by one call of an escape function."));
        }
    }
    Ok(())
}
