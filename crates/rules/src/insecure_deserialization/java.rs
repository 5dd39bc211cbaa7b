//! Java: object streams, YAML, XStream, Jackson's default typing.

use crate::encoders::older;
use crate::{Confidence, DetectCx, FixCx, Found, RuleMeta, flows};
use surefix_ir::Lang;
use surefix_rewrite::JavaCx;
use surefix_text::{Assurance, Edit, Fix, Reason, Refusal, Tier};

const STREAM: &str = "java.io.ObjectInputStream.";
const YAML: &str = "org.yaml.snakeyaml.Yaml.";
const XSTREAM: &str = "com.thoughtworks.xstream.XStream.";
const TYPING: &str = "default-typing";

fn callee(found: &Found) -> &str {
    found.call().map_or("", |c| c.callee.as_str())
}

/// True when the deserializer is known to make only harmless objects.
pub fn is_safe(cx: &DetectCx<'_>, found: &Found) -> bool {
    if cx.lang(found.file) != Lang::Java {
        return false;
    }
    let Some(call) = found.call() else { return false };
    let path = cx.program.paths[found.file.0 as usize].as_str();
    let dep = |name: &str| cx.project.has_dep(path, name).flatten();
    let recv = call.recv.as_ref();
    if call.callee.starts_with(YAML) {
        if dep("org.yaml:snakeyaml").is_some_and(|v| !older(&v, (2, 0, 0))) {
            // Version 2 refuses global tags unless told otherwise.
            return true;
        }
        let Some(place) = recv.and_then(|r| r.alloc) else { return false };
        return place.span.of(cx.text(place.file)).contains("SafeConstructor");
    }
    if call.callee.starts_with(XSTREAM) {
        let set = recv.is_some_and(|r| r.props.contains_key("permissions"));
        return set || dep("com.thoughtworks.xstream:xstream").is_some_and(|v| !older(&v, (1, 4, 18)));
    }
    if call.callee.starts_with("com.esotericsoftware.kryo.") {
        return recv.is_some_and(|r| r.props.contains_key("registrationRequired"));
    }
    if call.callee.starts_with(STREAM) {
        return recv.is_some_and(|r| r.props.keys().any(|k| k.contains("filter"))) || filtered(cx, found);
    }
    false
}

/// True when a filter is set on the stream's variable before it is read.
fn filtered(cx: &DetectCx<'_>, found: &Found) -> bool {
    let jx = JavaCx::new(found.file, cx.text(found.file), cx.module(found.file));
    let Some(call) = found.call() else { return false };
    let Some(object) = jx.receiver(call.args_span) else { return false };
    let name = object.of(jx.text);
    let method = jx.method_span(call.span).map_or("", |m| m.of(jx.text));
    method.contains(&format!("{name}.setObjectInputFilter(")) || method.contains("resolveClass(")
}

/// Reports Jackson's default typing for every class.
pub fn default_typing(cx: &DetectCx<'_>, meta: &RuleMeta, out: &mut Vec<Found>) {
    for call in flows::watched(cx, meta) {
        if call.callee.contains(".enableDefaultTyping") {
            let message = "Documents may name any class to be created".to_string();
            let mut found = flows::from_call(meta, call, "typing", message, TYPING);
            found.confidence = Confidence::Medium;
            out.push(found);
        }
    }
}

/// Plans the fix.
pub fn fix(cx: &FixCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let jx = cx.java(found.file);
    let Some(call) = found.call() else {
        return Err(Refusal::new(Reason::NoRecipe, "no recipe covers this shape"));
    };
    jx.no_error_at(call.span)?;
    if found.variant == TYPING {
        return Err(Refusal::new(Reason::DecisionNeeded, "only the owner knows which classes documents may name")
            .with_steps(
                "1. List the base types or packages that documents may name.\n\
             2. Replace the call by activateDefaultTyping with a BasicPolymorphicTypeValidator that allows these.\n\
             3. Where no document names classes, delete the call.",
            ));
    }
    let callee = callee(found);
    if callee.starts_with(STREAM) {
        return object_filter(cx, &jx, found);
    }
    if callee.starts_with(YAML) {
        return safe_constructor(cx, &jx, found);
    }
    if callee.starts_with(XSTREAM) {
        return xstream(cx, &jx, found);
    }
    Err(Refusal::new(Reason::NoLocalFix, "the format lets the sender choose the classes that are created").with_steps(
        "1. Replace the format by one that holds data only (JSON).\n\
         2. Until then, accept documents from authenticated senders only and check a signature before reading.",
    ))
}

/// The decided class patterns (`com.example.model.*`), validated.
fn patterns(cx: &FixCx<'_>, key: &str) -> Vec<String> {
    let ok = |p: &&String| !p.is_empty() && p.chars().all(|c| c.is_alphanumeric() || "._$*/[]".contains(c));
    cx.decisions.get("insecure-deserialization", key).iter().filter(ok).cloned().collect()
}

fn object_filter(cx: &FixCx<'_>, jx: &JavaCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let call = found.call().ok_or_else(|| Refusal::new(Reason::NoRecipe, "no recipe covers this shape"))?;
    let classes = patterns(cx, "classes");
    if classes.is_empty() {
        return Err(Refusal::new(Reason::DecisionNeeded, "only the owner knows which classes the stream may hold")
            .with_steps(
                "1. List the classes or packages that are read, with those of their fields.\n\
             2. Write them to surefix.toml: [decisions.insecure-deserialization] classes = [\"com.example.model.*\"].\n\
             3. Run the fix again: it sets an ObjectInputFilter on the stream. Better: replace the format by JSON.",
            ));
    }
    let level = cx.detect.project.java_level(cx.path(found.file)).unwrap_or(8);
    if level < 9 {
        return Err(Refusal::new(Reason::LanguageLevel, "filters of object streams are public from Java 9 on"));
    }
    let object = jx.receiver(call.args_span).filter(|o| jx.is_local(o.of(jx.text), *o));
    let Some(object) = object else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the stream is not a local variable"));
    };
    let stmt = jx.hoist_point(call.span)?;
    let mut edits: Vec<Edit> = Vec::new();
    let ty = jx.bring_type("java.io.ObjectInputFilter", &mut edits)?;
    let filter = format!("maxdepth=20;maxrefs=10000;maxbytes=1000000;{};java.base/*;!*", classes.join(";"));
    let line = format!(
        "{}.setObjectInputFilter({ty}.Config.createFilter({}));",
        object.of(jx.text),
        jx.string_literal(&filter)
    );
    jx.insert_before_stmt(stmt, &[&line], &mut edits)?;
    let mut assurance = Assurance::start(Tier::Observable);
    assurance.lower(Tier::Observable, "objects of classes that are not listed are refused");
    Ok(Fix { title: "Allow only the listed classes in the stream".into(), edits, assurance, needs: Vec::new() })
}

fn safe_constructor(cx: &FixCx<'_>, jx: &JavaCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let call = found.call().ok_or_else(|| Refusal::new(Reason::NoRecipe, "no recipe covers this shape"))?;
    if call.callee.ends_with(".loadAs") {
        return Err(Refusal::new(Reason::DecisionNeeded, "the document becomes an object of the program's class").with_steps(
            "Create the Yaml object with new Constructor(TheClass.class, options) and a tag inspector that refuses global tags, or \
             update to SnakeYAML 2.",
        ));
    }
    let Some(version) = cx.detect.project.has_dep(cx.path(found.file), "org.yaml:snakeyaml").flatten() else {
        return Err(Refusal::new(
            Reason::TypeUnknown,
            "the version of SnakeYAML is not written in a build file: version 2 is safe, version 1 not",
        )
        .with_steps("Update to SnakeYAML 2, or give new SafeConstructor() to the Yaml object."));
    };
    let place = call.recv.as_ref().and_then(|r| r.alloc).filter(|p| p.file == found.file);
    let creation =
        place.and_then(|p| jx.node_at(p.span).filter(|n| n.kind() == "object_creation_expression").map(|_| p.span));
    let Some(creation) = creation else {
        return Err(Refusal::new(Reason::NonOwnedCallee, "the Yaml object is created elsewhere"));
    };
    if !jx.args(creation).is_empty() {
        return Err(Refusal::new(
            Reason::NoRecipe,
            "the Yaml object is created with a constructor or options of its own",
        ));
    }
    let mut edits: Vec<Edit> = Vec::new();
    let ty = jx.bring_type("org.yaml.snakeyaml.constructor.SafeConstructor", &mut edits)?;
    let _ = version;
    jx.insert_arg(creation, 0, &format!("new {ty}()"), &mut edits)?;
    let mut assurance = Assurance::start(Tier::Observable);
    assurance.lower(Tier::Observable, "documents with tags of Java classes are refused");
    Ok(Fix { title: "Read plain data only from YAML".into(), edits, assurance, needs: Vec::new() })
}

fn xstream(cx: &FixCx<'_>, jx: &JavaCx<'_>, found: &Found) -> Result<Fix, Refusal> {
    let call = found.call().ok_or_else(|| Refusal::new(Reason::NoRecipe, "no recipe covers this shape"))?;
    let types = patterns(cx, "classes");
    if types.is_empty() {
        return Err(Refusal::new(Reason::DecisionNeeded, "only the owner knows which types documents may name").with_steps(
            "1. Update to XStream 1.4.20, which refuses unknown types.\n\
             2. Or list the types in surefix.toml: [decisions.insecure-deserialization] classes = [\"com.example.model.**\"].",
        ));
    }
    let object = jx.receiver(call.args_span).filter(|o| jx.is_local(o.of(jx.text), *o));
    let Some(object) = object else {
        return Err(Refusal::new(Reason::ShapeUnknown, "the XStream object is not a local variable"));
    };
    let stmt = jx.hoist_point(call.span)?;
    let mut edits: Vec<Edit> = Vec::new();
    let none = jx.bring_type("com.thoughtworks.xstream.security.NoTypePermission", &mut edits)?;
    let name = object.of(jx.text);
    let list: Vec<String> = types.iter().map(|t| jx.string_literal(t)).collect();
    let lines = [
        format!("{name}.addPermission({none}.NONE);"),
        format!("{name}.allowTypesByWildcard(new String[] {{{}}});", list.join(", ")),
    ];
    jx.insert_before_stmt(stmt, &[&lines[0], &lines[1]], &mut edits)?;
    let mut assurance = Assurance::start(Tier::Observable);
    assurance.lower(Tier::Observable, "types that are not listed are refused");
    Ok(Fix { title: "Allow only the listed types".into(), edits, assurance, needs: Vec::new() })
}
