//! Python: YAML loaders, pickles and their relatives.

use crate::{Confidence, DetectCx, FixCx, Found, RuleMeta, flows};
use surefix_dataflow::{CallFact, ConstVal};
use surefix_ir::Lang;
use surefix_rewrite::PyCx;
use surefix_text::{Assurance, Edit, FileId, Fix, Reason, Refusal, Span, Tier};

const PICKLE_STEPS: &str = "1. Replace the format by one that holds data only (JSON).\n\
    2. Or accept only documents with a valid HMAC signature, with a key that the sender's users do not have.\n\
    3. Or subclass Unpickler and allow the few classes that are needed in find_class.";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loader {
    /// Makes any object.
    Unsafe,
    /// Makes objects of known names (`FullLoader`).
    Full,
    Safe,
    Unknown,
}

fn yaml_function(call: &CallFact) -> Option<&str> {
    let name = call.callee.strip_prefix("yaml.")?;
    ["load", "load_all", "unsafe_load", "unsafe_load_all", "full_load", "full_load_all"].contains(&name).then_some(name)
}

/// The loader argument with its index.
fn loader_argument(call: &CallFact) -> Option<usize> {
    call.args.iter().position(|a| a.keyword == "Loader").or_else(|| {
        call.args.iter().enumerate().filter(|(_, a)| a.keyword.is_empty() && a.spread == 0).nth(1).map(|(i, _)| i)
    })
}

fn loader(cx: &DetectCx<'_>, call: &CallFact) -> Loader {
    match yaml_function(call) {
        Some(n) if n.starts_with("unsafe") => return Loader::Unsafe,
        Some(n) if n.starts_with("full") => return Loader::Full,
        Some(_) => {}
        None => return Loader::Unknown,
    }
    if call.args.iter().any(|a| a.spread != 0) {
        return Loader::Unknown;
    }
    let Some(arg) = loader_argument(call).and_then(|i| call.args.get(i)) else { return Loader::Unsafe };
    let by_value = arg.consts.as_deref().and_then(|c| match c {
        [ConstVal::Ref(r) | ConstVal::Other(r)] => Some(r.clone()),
        _ => None,
    });
    let written = arg.span.of(cx.text(FileId(call.file)));
    let text = by_value.unwrap_or_else(|| written.rsplit('=').next().unwrap_or("").trim().to_string());
    match text.rsplit('.').next().unwrap_or("") {
        "SafeLoader" | "CSafeLoader" | "BaseLoader" | "CBaseLoader" => Loader::Safe,
        "FullLoader" | "CFullLoader" => Loader::Full,
        "Loader" | "CLoader" | "UnsafeLoader" | "CUnsafeLoader" => Loader::Unsafe,
        _ => Loader::Unknown,
    }
}

fn has_true(call: &CallFact, keyword: &str) -> bool {
    call.args.iter().any(|a| a.keyword == keyword && a.consts.as_deref() == Some(&[ConstVal::Bool(true)]))
}

/// True when the call makes plain data only.
pub fn is_safe(cx: &DetectCx<'_>, found: &Found) -> bool {
    if cx.lang(found.file) != Lang::Python {
        return false;
    }
    let Some(call) = found.call() else { return false };
    match call.callee.as_str() {
        "torch.load" => has_true(call, "weights_only"),
        "numpy.load" => !has_true(call, "allow_pickle"),
        // The loader's own row repeats what the call of `load` says.
        "yaml.Loader" | "yaml.UnsafeLoader" | "yaml.FullLoader" => true,
        "ruamel.yaml.YAML.load" | "ruamel.yaml.YAML.load_all" => true,
        _ => yaml_function(call).is_some_and(|_| matches!(loader(cx, call), Loader::Safe | Loader::Unknown)),
    }
}

/// Reports unsafe loaders whose input is not known to be untrusted.
pub fn loaders(cx: &DetectCx<'_>, meta: &RuleMeta, out: &mut Vec<Found>) {
    for call in flows::watched(cx, meta) {
        if call.callee == "ruamel.yaml.YAML" {
            let typ = call.args.iter().find(|a| a.keyword == "typ");
            let unsafe_type = typ.is_some_and(|a| a.consts.as_deref() == Some(&[ConstVal::Str("unsafe".into())]));
            if unsafe_type {
                let message = "Documents may name any object to be created".to_string();
                out.push(flows::from_call(meta, call, "typ", message, "ruamel"));
            }
            continue;
        }
        // Full loaders are reported with untrusted documents only.
        if yaml_function(call).is_none() || loader(cx, call) != Loader::Unsafe {
            continue;
        }
        let known = out.iter().any(|f| f.file.0 == call.file && f.span == call.span);
        let constant = call.args.first().is_some_and(|a| a.consts.is_some());
        if !known && !constant {
            let message = "Documents may name any object to be created".to_string();
            let mut found = flows::from_call(meta, call, "loader", message, "");
            found.confidence = Confidence::Medium;
            out.push(found);
        }
    }
}

/// Plans the fix.
pub fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(call) = found.call() else {
        return Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"));
    };
    let px = cx.python(found.file);
    px.no_error_at(call.span)?;
    let mut edits: Vec<Edit> = Vec::new();
    let mut assurance = Assurance::start(Tier::AttackOnly);
    match call.callee.as_str() {
        "ruamel.yaml.YAML" => {
            let literal = px.string_literal("safe");
            px.set_keyword(call.span, "typ", &literal, &mut edits)?;
            assurance.lower(Tier::Observable, "documents with tags of Python objects are refused");
        }
        "torch.load" => {
            px.set_keyword(call.span, "weights_only", "True", &mut edits)?;
            assurance.lower(Tier::Observable, "files that hold whole models instead of weights are refused");
        }
        "numpy.load" => {
            px.remove_keyword(call.span, "allow_pickle", &mut edits)?;
            assurance.lower(Tier::Observable, "files that hold Python objects are refused");
        }
        _ if yaml_function(call).is_some() => yaml(cx, &px, call, &mut edits, &mut assurance)?,
        _ => {
            return Err(Refusal::new(Reason::NoLocalFix, "the format runs code that the sender chooses")
                .with_steps(PICKLE_STEPS));
        }
    }
    Ok(Fix { title: "Read plain data only".into(), edits, assurance, needs: Vec::new() })
}

fn yaml(
    cx: &FixCx<'_>,
    px: &PyCx<'_>,
    call: &CallFact,
    edits: &mut Vec<Edit>,
    assurance: &mut Assurance,
) -> Result<(), Refusal> {
    let tags = |t: &str| t.contains("!!python/") || t.contains("tag:yaml.org,2002:python/");
    if cx.detect.program.resources.iter().any(|r| tags(&r.text)) || cx.detect.texts.iter().any(|t| tags(t)) {
        return Err(Refusal::new(
            Reason::NoLocalFix,
            "documents of the project hold tags of Python objects, which a safe loader refuses",
        )
        .with_steps(
            "Write these documents as plain data first, or register constructors on a subclass of SafeLoader.",
        ));
    }
    let adds = |t: &str| t.contains("yaml.add_constructor(") || t.contains("yaml.add_multi_constructor(");
    if adds(px.text) && !px.text.contains("SafeLoader") {
        return Err(Refusal::new(Reason::NoLocalFix, "constructors are registered on the unsafe loaders")
            .with_steps("Register them on a subclass of SafeLoader and load with it."));
    }
    if loader(cx.detect, call) == Loader::Full {
        assurance.lower(Tier::Observable, "documents with tags of tuples, bytes or Python names are refused");
    }
    let name = yaml_function(call).unwrap_or("load");
    let argument = loader_argument(call).filter(|_| name.starts_with("load"));
    let Some(callee) = px.callee(call.span) else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the call is not found in the text"));
    };
    if let Some(index) = argument {
        let value = px.args(call.span).get(index).map(|a| a.value);
        let Some(value) = value else {
            return Err(Refusal::new(Reason::ShapeUnknown, "the loader is not written in the call"));
        };
        let old = value.of(px.text);
        let safe = if old.rsplit('.').next().unwrap_or("").starts_with('C') { "CSafeLoader" } else { "SafeLoader" };
        let new = match old.rsplit_once('.') {
            Some((module, _)) => format!("{module}.{safe}"),
            None => px.bring_from("yaml", safe, value, edits)?,
        };
        return px.replace_expr(value, &new, edits);
    }
    let safe = if name.ends_with("_all") { "safe_load_all" } else { "safe_load" };
    let new = match callee.of(px.text).rsplit_once('.') {
        Some((module, _)) => format!("{module}.{safe}"),
        None => px.bring_from("yaml", safe, callee, edits)?,
    };
    px.replace_expr(Span::new(callee.lo, callee.hi), &new, edits)
}
