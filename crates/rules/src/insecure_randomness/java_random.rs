//! `new Random()` → `new SecureRandom()`, `Math.random()` → a shared `SecureRandom`.

use crate::{FixCx, Found};
use surefix_dataflow::CallFact;
use surefix_rewrite::{JavaCx, java};
use surefix_syntax::java as tree;
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Span, Tier};
use tree_sitter::Node;

const SECURE: &str = "java.security.SecureRandom";

fn no<T>(reason: Reason, why: &str) -> Result<T, Refusal> {
    Err(Refusal::new(reason, why))
}

pub(super) fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let Some(call) = found.call() else { return no(Reason::NoRecipe, "the call is not known") };
    let jx = cx.java(found.file);
    let mut edits = Vec::new();
    match call.callee.as_str() {
        "java.lang.Math.random" => math_random(&jx, call, &mut edits)?,
        c if c.starts_with("java.util.Random.") => {
            let creation = creation(&jx, call)?;
            unseeded(&jx, call)?;
            replace_type(&jx, creation, &mut edits)?;
        }
        _ => {
            return Err(Refusal::new(
                Reason::NoLocalFix,
                "the library has no drop-in replacement that cannot be predicted",
            )
            .with_steps("Draw the value from java.security.SecureRandom."));
        }
    }
    Ok(Fix {
        title: "Draw the secret from SecureRandom".to_string(),
        edits,
        assurance: Assurance::start(Tier::Preserving),
        needs: vec![(found.file, SECURE.to_string())],
    })
}

/// The `new Random()` that the receiver of the call is: written in place, or the only value its variable ever has.
fn creation<'t>(jx: &'t JavaCx<'_>, call: &CallFact) -> Result<Node<'t>, Refusal> {
    let Some(recv) = jx.receiver(call.span) else {
        return no(Reason::TypeUnknown, "the generator is not written in the call");
    };
    let mut node = jx.node_at(recv);
    while let Some(n) = node.filter(|n| n.kind() == "parenthesized_expression") {
        node = n.named_child(0);
    }
    let Some(node) = node else { return no(Reason::TypeUnknown, "the generator is not written in the call") };
    if node.kind() == "object_creation_expression" {
        return plain(jx, node);
    }
    let name = match node.kind() {
        "identifier" => jx.node_text(node),
        "field_access" if jx.node_text(node).starts_with("this.") => &jx.node_text(node)["this.".len()..],
        _ => return no(Reason::NonOwnedCallee, "the generator is made somewhere else"),
    };
    let init = match jx.uses(name, recv) {
        Some(uses) if node.kind() == "identifier" => {
            if !uses.writes.is_empty() {
                return no(Reason::AlternativesConflict, "the variable of the generator is assigned more than once");
            }
            uses.init.and_then(|i| jx.node_at(i))
        }
        _ => field_init(jx, name, recv),
    };
    match init {
        Some(n) if n.kind() == "object_creation_expression" => plain(jx, n),
        _ => no(Reason::NonOwnedCallee, "the generator is made somewhere else"),
    }
}

/// The initialiser of a field of the classes around `at` that is assigned nowhere else.
fn field_init<'t>(jx: &'t JavaCx<'_>, name: &str, at: Span) -> Option<Node<'t>> {
    let mut found = None;
    let mut other = false;
    tree::walk(jx.root(), &mut |n| {
        match n.kind() {
            "variable_declarator"
                if n.parent().is_some_and(|p| p.kind() == "field_declaration")
                    && n.child_by_field_name("name").is_some_and(|x| jx.node_text(x) == name) =>
            {
                other |= found.is_some();
                let class = n.parent().and_then(|p| p.parent());
                if class.is_some_and(|c| tree::span_of(c).contains(at)) {
                    found = n.child_by_field_name("value");
                }
            }
            "assignment_expression" => {
                let left = n.child_by_field_name("left").map(|l| jx.node_text(l));
                other |= left.is_some_and(|l| l == name || l.strip_suffix(name).is_some_and(|p| p.ends_with('.')));
            }
            _ => {}
        }
        true
    });
    found.filter(|_| !other)
}

/// Refuses a generator that gets a seed later: what it yields is meant to be reproducible, which `SecureRandom` is not.
fn unseeded(jx: &JavaCx<'_>, call: &CallFact) -> Result<(), Refusal> {
    let plain_name = |text: &str| text.strip_prefix("this.").unwrap_or(text).to_string();
    let Some(name) = jx.receiver(call.span).map(|r| plain_name(r.of(jx.text))) else { return Ok(()) };
    let mut seeded = false;
    tree::walk(jx.root(), &mut |n| {
        if n.kind() == "method_invocation"
            && n.child_by_field_name("name").is_some_and(|m| jx.node_text(m) == "setSeed")
        {
            seeded |= n.child_by_field_name("object").is_some_and(|o| plain_name(jx.node_text(o)) == name);
        }
        true
    });
    match seeded {
        true => {
            Err(Refusal::new(Reason::NoLocalFix, "the generator is seeded: its values are meant to be reproducible")
                .with_steps("Draw secrets from a SecureRandom of their own."))
        }
        false => Ok(()),
    }
}

/// A creation without a seed.
fn plain<'t>(jx: &JavaCx<'_>, node: Node<'t>) -> Result<Node<'t>, Refusal> {
    let args = node.child_by_field_name("arguments").map_or(0, |a| a.named_child_count());
    if args > 0 {
        return Err(Refusal::new(
            Reason::NoLocalFix,
            "the generator is seeded: its values are meant to be reproducible",
        )
        .with_steps("Draw secrets from a SecureRandom of their own."));
    }
    let ty = node.child_by_field_name("type").map_or("", |t| jx.node_text(t));
    let body =
        node.named_child(node.named_child_count().saturating_sub(1) as u32).is_some_and(|n| n.kind() == "class_body");
    if !matches!(ty, "Random" | "java.util.Random") || body {
        return no(Reason::TypeUnknown, "the generator is not a plain java.util.Random");
    }
    Ok(node)
}

fn replace_type(jx: &JavaCx<'_>, node: Node<'_>, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let Some(ty) = node.child_by_field_name("type") else { return no(Reason::TypeUnknown, "the creation has no type") };
    let qualified = jx.node_text(ty).contains('.');
    let name = if qualified { SECURE.to_string() } else { jx.bring_type(SECURE, edits)? };
    edits.push(Edit::replace(jx.file, tree::span_of(ty), name));
    Ok(())
}

/// `Math.random()` → `RANDOM.nextDouble()` of a field that the outermost class gets.
fn math_random(jx: &JavaCx<'_>, call: &CallFact, edits: &mut Vec<Edit>) -> Result<(), Refusal> {
    let qualified = jx.receiver(call.span).is_some_and(|r| jx.expr_text(r).contains('.'));
    let ty = if qualified { SECURE.to_string() } else { jx.bring_type(SECURE, edits)? };
    let mut top = jx.class_of(call.span);
    while let Some(outer) =
        top.and_then(|t| t.parent()).and_then(|p| tree::enclosing(p, |n| java::is_type_decl(n.kind())))
    {
        top = Some(outer);
    }
    let body = top.filter(|t| t.kind() == "class_declaration").and_then(|t| t.child_by_field_name("body"));
    let Some(body) = body else {
        return no(Reason::ControlFlow, "there is no class that could hold a shared generator");
    };
    let open = tree::span_of(body).lo + 1;
    let Some(first) = body.named_child(0) else { return no(Reason::ShapeUnknown, "the class is empty") };
    let name = jx.fresh_name("SECURE_RANDOM", call.span, edits);
    let indent = jx.indent_at(tree::span_of(first).lo);
    let eol = jx.eol_at(open);
    edits.push(Edit::insert(
        jx.file,
        open,
        format!("{eol}{indent}private static final {ty} {name} = new {ty}();{eol}"),
    ));
    edits.push(Edit::replace(jx.file, call.span, format!("{name}.nextDouble()")));
    Ok(())
}
