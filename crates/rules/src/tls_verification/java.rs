//! Java: verifiers and trust managers that accept everything.

use crate::{DetectCx, FixCx, Found, facts, flows, removal};
use surefix_dataflow::{ArgFact, CallFact, ConstVal};
use surefix_ir::{Callee, Class, Const, Function, Module, Op, Term, TypeRef, ValueId};
use surefix_rewrite::JavaCx;
use surefix_syntax::java as tree;
use surefix_text::{Edit, FileId, Reason, Refusal, Span};
use tree_sitter::Node;

/// Methods that take a verifier of host names.
const TAKES_VERIFIER: &[&str] =
    &["setHostnameVerifier", "setDefaultHostnameVerifier", "hostnameVerifier", "setSSLHostnameVerifier"];

/// Library types that accept every certificate or name.
const TRUSTING: &[&str] = &[
    "NoopHostnameVerifier",
    "AllowAllHostnameVerifier",
    "TrustAllStrategy",
    "InsecureTrustManagerFactory",
    "ALLOW_ALL_HOSTNAME_VERIFIER",
];

const NAMES: &str = "Host names are not verified: any holder of a certificate can pose as the server";
const CERTIFICATES: &str = "Certificates are not verified: anybody on the way can pose as the server";

type Judged = Option<(&'static str, &'static str, &'static str)>;

/// What is wrong with a watched call: subject, message, variant.
pub(super) fn judge(cx: &DetectCx<'_>, call: &CallFact) -> Judged {
    let name = facts::last(&call.callee);
    let jx = || JavaCx::new(FileId(call.file), cx.text(FileId(call.file)), cx.module(FileId(call.file)));
    match name {
        n if TAKES_VERIFIER.contains(&n) => {
            accepts_all(cx, &jx(), call.args.first()?, &["verify"]).then_some(("arg0", NAMES, "verifier"))
        }
        "init" if call.callee == "javax.net.ssl.SSLContext.init" => {
            let managers = call.args.get(1)?;
            trusting_managers(cx, &jx(), managers).then_some(("arg1", CERTIFICATES, "context"))
        }
        "loadTrustMaterial" => {
            let last = call.args.last()?;
            accepts_all(cx, &jx(), last, &["isTrusted"]).then_some(("strategy", CERTIFICATES, "link"))
        }
        "trustManager" if call.callee.starts_with("io.netty.") => {
            known(call.args.first()?).then_some(("arg0", CERTIFICATES, "link"))
        }
        "<init>" if flows::short(&call.callee) == "SSLConnectionSocketFactory.<init>" => {
            let at = call.args.iter().position(known)?;
            (at > 0).then_some(("verifier", NAMES, "constructor"))
        }
        _ => None,
    }
}

/// One of the library's objects that accept everything.
fn known(arg: &ArgFact) -> bool {
    let by_const = |c: &ConstVal| matches!(c, ConstVal::Ref(r) if r.split('.').any(|p| TRUSTING.contains(&p)));
    facts::always(Some(arg), by_const)
        || (!arg.types.is_empty() && arg.types.iter().all(|t| TRUSTING.contains(&facts::last(t))))
}

/// A known object, a lambda that says yes, or a class of the project whose method says yes.
fn accepts_all(cx: &DetectCx<'_>, jx: &JavaCx<'_>, arg: &ArgFact, methods: &[&str]) -> bool {
    if known(arg) {
        return true;
    }
    if let Some(node) = made(jx, arg.span) {
        match node.kind() {
            "lambda_expression" => return lambda_says_yes(jx, node),
            "object_creation_expression" | "field_access" => {
                let text = jx.node_text(node);
                if node.kind() == "field_access" && TRUSTING.iter().any(|t| text.split('.').any(|p| p == *t)) {
                    return true;
                }
            }
            _ => {}
        }
    }
    let classes = classes_of(cx, arg);
    !classes.is_empty()
        && classes
            .iter()
            .all(|(module, class)| methods.iter().any(|m| method(module, class, m).is_some_and(returns_true)))
}

/// The expression that an argument is: written in the call, or the only value of the variable or field named there.
fn made<'t>(jx: &'t JavaCx<'_>, span: Span) -> Option<Node<'t>> {
    let node = jx.node_at(span)?;
    if node.kind() != "identifier" {
        return Some(node);
    }
    let name = jx.node_text(node);
    if let Some(uses) = jx.uses(name, span) {
        return if uses.writes.is_empty() { uses.init.and_then(|i| jx.node_at(i)) } else { None };
    }
    let finals = jx.fields(name).into_iter().filter(|(_, is_final)| *is_final);
    let found: Vec<Node<'_>> = finals.filter_map(|(d, _)| d.child_by_field_name("value")).collect();
    match found.as_slice() {
        [one] => Some(*one),
        _ => None,
    }
}

fn lambda_says_yes(jx: &JavaCx<'_>, lambda: Node<'_>) -> bool {
    let Some(body) = lambda.child_by_field_name("body") else { return false };
    if body.kind() == "true" {
        return true;
    }
    let mut cursor = body.walk();
    let statements: Vec<_> = body.named_children(&mut cursor).filter(|n| !n.kind().ends_with("_comment")).collect();
    matches!(statements.as_slice(), [one] if one.kind() == "return_statement" && jx.node_text(*one).replace(char::is_whitespace, "") == "returntrue;")
}

/// The classes of the project that an argument can be an instance of.
fn classes_of<'c>(cx: &'c DetectCx<'_>, arg: &ArgFact) -> Vec<(&'c Module, &'c Class)> {
    let mut out = Vec::new();
    for t in &arg.types {
        for m in &cx.program.modules {
            out.extend(m.classes.iter().filter(|c| m.strings.get(c.qualified) == t).map(|c| (&**m, c)));
        }
    }
    if out.is_empty()
        && let Some(at) = arg.alloc
        && let Some(m) = cx.program.modules.get(at.file.0 as usize)
    {
        out.extend(created(m, at.span).map(|c| (&**m, c)));
    }
    out
}

/// The anonymous class that `new T() { … }` at `span` makes.
fn created(m: &Module, span: Span) -> Option<&Class> {
    let instr = m.functions.iter().flat_map(|f| &f.instrs).find(|i| i.span == span && matches!(i.op, Op::Call(_)))?;
    match &instr.op {
        Op::Call(c) => match &c.callee {
            Callee::New { body: Some(id), .. } => m.classes.get(id.0 as usize),
            _ => None,
        },
        _ => None,
    }
}

fn method<'m>(m: &'m Module, class: &Class, name: &str) -> Option<&'m Function> {
    class.methods.iter().filter_map(|id| m.functions.get(id.0 as usize)).find(|f| m.strings.get(f.name) == name)
}

/// Every way out of the function is `return true`.
fn returns_true(f: &Function) -> bool {
    let yes = |v: &ValueId| matches!(f.instr(*v).op, Op::Const(Const::Bool(true)));
    let mut returns = 0;
    f.blocks.iter().all(|b| match &b.term {
        Term::Return(Some(v)) => {
            returns += 1;
            yes(v)
        }
        Term::Throw(_) => false,
        _ => true,
    }) && returns > 0
}

/// An array with a trust manager of the project that never objects.
fn trusting_managers(cx: &DetectCx<'_>, jx: &JavaCx<'_>, managers: &ArgFact) -> bool {
    if let Some(elems) = &managers.elems
        && !elems.is_empty()
        && elems.iter().any(|e| classes_of(cx, e).iter().any(|(m, c)| never_objects(m, c)))
    {
        return true;
    }
    // The array is written out: its elements are creations.
    let Some(node) = made(jx, managers.span) else { return false };
    let mut found = false;
    let module = cx.module(jx.file);
    tree::walk(node, &mut |n| {
        if n.kind() == "object_creation_expression" {
            let body = created(module, tree::span_of(n));
            let named = n.child_by_field_name("type").map(|t| jx.node_text(t));
            let class = body.or_else(|| {
                let local = module.classes.iter().find(|c| Some(module.strings.get(c.name)) == named);
                local.filter(|_| named.is_some())
            });
            found |= class.is_some_and(|c| never_objects(module, c));
        }
        n.kind() != "class_body"
    });
    found
}

/// `checkServerTrusted` neither throws nor asks anybody.
fn never_objects(m: &Module, class: &Class) -> bool {
    let is_manager = |t: &TypeRef| m.strings.get(t.name).ends_with("TrustManager");
    if !class.supers.iter().any(is_manager) {
        return false;
    }
    let Some(check) = method(m, class, "checkServerTrusted") else { return false };
    const HARMLESS: &[&str] = &[
        "println", "print", "printf", "debug", "info", "warn", "trace", "error", "log", "fine", "getName", "toString",
    ];
    !check.blocks.iter().any(|b| matches!(b.term, Term::Throw(_)))
        && check.instrs.iter().all(|i| match &i.op {
            Op::Call(c) => match &c.callee {
                Callee::Method { name, .. } | Callee::Name(name) => HARMLESS.contains(&m.strings.get(*name)),
                _ => false,
            },
            _ => true,
        })
}

pub(super) fn fix(cx: &FixCx<'_>, found: &Found, call: &CallFact, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let jx = cx.java(found.file);
    jx.no_error_at(call.span)?;
    match found.variant {
        "verifier" | "link" => removal::java_link(&jx, call.span, edits),
        "context" => {
            unused_managers(&jx, call.span, edits);
            jx.replace_arg(call.span, 1, "null", edits)
        }
        "constructor" => {
            let Some(at) = call.args.iter().position(known) else {
                return Err(Refusal::new(Reason::ShapeUnknown, "the verifier is not an argument of the call"));
            };
            let package = if call.callee.starts_with("org.apache.hc.") {
                "org.apache.hc.client5.http.ssl"
            } else {
                "org.apache.http.conn.ssl"
            };
            let ty = jx.bring_type(&format!("{package}.DefaultHostnameVerifier"), edits)?;
            jx.replace_arg(call.span, at, &format!("new {ty}()"), edits)
        }
        _ => Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape")),
    }
}

/// Takes out the declaration of a local variable that only the context was given: an array of managers whose making has no effect.
fn unused_managers(jx: &JavaCx<'_>, call: Span, edits: &mut Vec<Edit>) {
    let args = jx.args(call);
    let Some(arg) = args.get(1).filter(|a| jx.node_at(**a).is_some_and(|n| n.kind() == "identifier")) else { return };
    let Some(uses) = jx.uses(jx.expr_text(*arg), *arg) else { return };
    let Some(stmt) = uses.statement.filter(|_| uses.alone && uses.writes.is_empty() && uses.reads.len() == 1) else {
        return;
    };
    let made = uses.init.and_then(|i| jx.node_at(i)).is_some_and(|n| {
        match n.kind() {
            "array_initializer" => Some(n),
            "array_creation_expression" => n.child_by_field_name("value"),
            _ => None,
        }
        .is_some_and(|list| {
            let mut cursor = list.walk();
            // Constructors without arguments, or the object itself in its place.
            list.named_children(&mut cursor).all(|e| {
                e.kind() == "object_creation_expression"
                    && e.child_by_field_name("arguments").is_some_and(|a| a.named_child_count() == 0)
            })
        })
    });
    if made && jx.no_comment_inside(stmt).is_ok() {
        removal::java_declaration(jx, stmt, edits);
    }
}
