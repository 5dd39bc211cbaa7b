//! What the analysis finds in small programs. A method whose name begins with `bad` must hold a flow, one that begins with
//! `good` must not.

use std::collections::BTreeSet;
use std::sync::Arc;
use surefix_dataflow::{Analysis, Options, Program, Resource, analyze};
use surefix_ir::Lang;
use surefix_lower::{Input, lower};

fn program(files: &[(&str, &str)]) -> Program {
    let mut p = Program::default();
    for (path, text) in files {
        let (lang, module) = match path.rsplit_once('.') {
            Some((_, "java")) => (Lang::Java, String::new()),
            Some((stem, "py")) => (Lang::Python, stem.replace('/', ".")),
            _ => {
                p.resources.push(Resource { path: path.to_string(), text: text.to_string() });
                continue;
            }
        };
        let m = lower(lang, Input { path, text, module: &module, is_package: path.ends_with("__init__.py") });
        assert!(m.error_spans.is_empty(), "{path} has a syntax error");
        p.modules.push(Arc::new(m));
        p.paths.push(path.to_string());
    }
    p
}

fn run(p: &Program) -> Analysis {
    analyze(p, surefix_models::builtin(), &Options::default())
}

/// The functions that hold a sink of a flow.
fn holding(p: &Program, a: &Analysis) -> BTreeSet<String> {
    a.flows
        .iter()
        .map(|f| {
            let m = &p.modules[f.call.file as usize];
            m.strings.get(m.functions[f.call.func as usize].name).to_string()
        })
        .collect()
}

fn check(files: &[(&str, &str)]) {
    let p = program(files);
    let found = holding(&p, &run(&p));
    let mut wrong = Vec::new();
    for m in &p.modules {
        for f in &m.functions {
            let name = m.strings.get(f.name);
            if name.starts_with("bad") && !found.contains(name) {
                wrong.push(format!("missed: {name}"));
            }
            if name.starts_with("good") && found.contains(name) {
                wrong.push(format!("false alarm: {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn java_values() {
    check(&[("app/Values.java", include_str!("java/Values.java"))]);
}

#[test]
fn java_calls() {
    check(&[("app/Calls.java", include_str!("java/Calls.java"))]);
}

#[test]
fn java_spring() {
    check(&[("app/Spring.java", include_str!("java/Spring.java"))]);
}

#[test]
fn python_web() {
    check(&[("web.py", include_str!("python/web.py"))]);
}

/// The shapes of the first flow, holes as `<code>`, repetitions in braces.
fn shapes(path: &str, text: &str) -> Vec<String> {
    use surefix_dataflow::Frag;
    fn print(frags: &[Frag], text: &str) -> String {
        frags
            .iter()
            .map(|f| match f {
                Frag::Lit { text, .. } => text.clone(),
                Frag::Hole(h) => format!("<{}>", h.place.span.of(text)),
                Frag::Rep(inner) => format!("{{{}}}", print(inner, text)),
            })
            .collect()
    }
    let a = run(&program(&[(path, text)]));
    a.flows.first().map(|f| f.shapes.iter().map(|s| print(&s.frags, text)).collect()).unwrap_or_default()
}

#[test]
fn a_loop_repeats_a_part_of_the_text() {
    let java = r#"
class A {
    void a(javax.servlet.http.HttpServletRequest r, java.sql.Statement st) throws Exception {
        StringBuilder b = new StringBuilder("select 1 where 1=1");
        for (String v : r.getParameterValues("x")) {
            b.append(" or x='").append(v).append("'");
        }
        st.execute(b.toString());
    }
}
"#;
    assert_eq!(shapes("A.java", java), ["select 1 where 1=1{ or x='<v>'}"]);
    let python = r#"
import sqlite3
from flask import Flask, request
app = Flask(__name__)
@app.route("/")
def a():
    sql = "select 1 where 1=1"
    for v in request.args.getlist("x"):
        sql += f" or x='{v}'"
    sqlite3.connect("x").execute(sql)
"#;
    assert_eq!(shapes("a.py", python), ["select 1 where 1=1{ or x='<v>'}"]);
}

#[test]
fn attributes_that_a_class_makes_up() {
    let p = program(&[(
        "a.py",
        r#"
from flask import Flask, request
from pymongo import MongoClient
app = Flask(__name__)
db = MongoClient().shop
@app.route("/", methods=["POST"])
def bad_find():
    return {"n": db.users.find_one({"name": request.json["name"]})}
"#,
    )]);
    assert!(holding(&p, &run(&p)).contains("bad_find"));
}

#[test]
fn a_validator_proves_characters_of_its_argument() {
    check(&[(
        "web.py",
        r#"
from flask import Flask, request
app = Flask(__name__)

def validate(name, kind):
    if "/" in name or "\\" in name:
        raise ValueError("separator")

def plain(name):
    if "/" in name:
        return False
    if "\\" in name:
        return False
    return True

def half(name):
    if "/" in name:
        raise ValueError("separator")

def no_member(names):
    if "/" in names or "\\" in names:
        raise ValueError("separator")

@app.route("/1", methods=["POST"])
def good_validated():
    name = request.files["content"].filename
    validate(name, kind=3)
    return str(len(open("/srv/" + name).read()))

@app.route("/2")
def good_asked():
    name = request.args["name"]
    if plain(name):
        return str(len(open("/srv/" + name).read()))
    return ""

@app.route("/3")
def bad_half():
    name = request.args["name"]
    half(name[1:])
    return str(len(open("/srv/" + name).read()))

@app.route("/4")
def bad_members():
    names = [request.args["a"], request.args["b"]]
    no_member(names)
    return str(len(open("/srv/" + names[0]).read()))
"#,
    )]);
}

#[test]
fn managers_of_django_models() {
    check(&[
        (
            "shop/models.py",
            r#"
from django.db import models

class Item(models.Model):
    image = models.CharField(max_length=100)
"#,
        ),
        (
            "shop/views.py",
            r#"
import subprocess
from django.http import HttpRequest, JsonResponse
from django.views.generic import View
from shop.models import Item

def bad_raw(request: HttpRequest):
    name = request.POST.get("name")
    rows = Item.objects.raw("SELECT * FROM shop_item WHERE name='" + name + "'")
    return JsonResponse({"n": len(rows)})

def good_key(request: HttpRequest):
    Item.objects.filter(name=request.POST.get("name")).delete()
    return JsonResponse({"n": 1})
"#,
        ),
    ]);
}
