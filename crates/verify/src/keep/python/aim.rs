//! From a finding to the test: which call carries the attack, and where it is watched.

use super::text::{Check, Test, literal};
use super::{Def, argument, around, head, imports, module_names};
use crate::probe::python::CONNECTS;
use ruff_python_ast::visitor::source_order::{SourceOrderVisitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, ModModule, Parameter, Stmt, StmtFunctionDef};
use surefix_dataflow::Flow;
use surefix_syntax::python;
use surefix_text::Span;

/// Names that the test uses itself.
const TAKEN: &[&str] = &[
    "mock",
    "unittest",
    "contextlib",
    "os",
    "shlex",
    "asyncio",
    "inspect",
    "flask",
    "call",
    "database",
    "statements",
    "request",
    "response",
    "body",
    "paths",
    "opened",
    "popen",
    "system",
    "command",
    "words",
    "messages",
    "logs",
    "ATTACK",
    "started",
    "calls",
    "filters",
    "queries",
    "location",
];

/// What is known of a finding.
pub(super) struct Aim<'a> {
    pub rule: &'a str,
    pub file: &'a str,
    pub tree: &'a ModModule,
    pub source: Span,
    pub source_name: &'a str,
    pub sink_file: &'a str,
    pub sink_tree: &'a ModModule,
    pub flow: &'a Flow,
}

/// Where the input comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Input<'a> {
    Parameter(&'a str),
    Flask,
    Django,
}

impl Aim<'_> {
    /// The test; `module`, `sink_module`: dotted names by which tests import the two files.
    pub(super) fn test(&self, module: &str, sink_module: &str, raises: bool) -> Result<Test, String> {
        let defs = around(self.tree, self.source);
        let Some((Def::Function(function), classes)) = defs.split_last() else {
            return Err("the input does not come in through a function".to_string());
        };
        if classes.iter().any(|d| matches!(d, Def::Function(_))) {
            return Err("the function stands inside another one".to_string());
        }
        let input = self.input(function)?;
        let mut t = Test { function: function.name.to_string(), raises, ..Test::default() };
        if !t.function.is_ascii() {
            return Err("the function's name is not plain".to_string());
        }
        let alias = import(&mut t, module);
        let sink_alias = if self.sink_file == self.file { alias.clone() } else { import(&mut t, sink_module) };
        if sink_alias == alias && self.sink_file != self.file {
            return Err("two modules have the same name".to_string());
        }
        let root = if matches!(self.rule, "sql-injection" | "ldap-injection" | "xpath-injection") {
            self.stand_in(&mut t, &sink_alias, function)?
        } else {
            None
        };
        let answers = matches!(self.rule, "xss" | "open-redirect" | "template-injection");
        if answers && raises {
            return Err("the function ends with an exception instead of an answer".to_string());
        }
        self.request(&mut t, input, &alias, function);
        let class: Vec<&str> = classes
            .iter()
            .filter_map(|d| match d {
                Def::Class(name) => Some(*name),
                Def::Function(_) => None,
            })
            .collect();
        let args = self.args(input, root.as_deref(), function, !class.is_empty());
        let mut owner = vec![alias.as_str()];
        owner.extend(class);
        owner.push(function.name.as_str());
        let mut callee = owner.join(".");
        if function.decorator_list.iter().any(|d| !transparent(&d.expression)) {
            t.imports.insert("import inspect".to_string());
            callee = format!("inspect.unwrap({callee})");
        }
        let mut call = format!("{callee}({})", args.join(", "));
        if function.is_async {
            t.imports.insert("import asyncio".to_string());
            call = format!("asyncio.run({call})");
        }
        if call.contains("mock.") {
            t.imports.insert("from unittest import mock".to_string());
        }
        self.watch(&mut t, &sink_alias, input, call)?;
        Ok(t)
    }

    fn input(&self, function: &StmtFunctionDef) -> Result<Input<'_>, String> {
        let name = self.source_name;
        if !name.contains('.') {
            let there = function.parameters.iter().any(|p| p.name().as_str() == name);
            return if there { Ok(Input::Parameter(name)) } else { Err("the parameter is not found".to_string()) };
        }
        match name {
            n if n.contains("flask") || n.contains("werkzeug") => Ok(Input::Flask),
            n if n.contains("django") => Ok(Input::Django),
            n => Err(format!("the input of {n} cannot be given to a call")),
        }
    }

    /// Puts a stand-in in the place of the object on which the sink is called. Gives the parameter that it is passed in, if any.
    fn stand_in(&self, t: &mut Test, alias: &str, function: &StmtFunctionDef) -> Result<Option<String>, String> {
        t.imports.insert("from unittest import mock".to_string());
        let call = self.sink_call().ok_or("the sink is no call")?;
        let defs = around(self.sink_tree, self.flow.call.span);
        let outer = defs.iter().rev().find_map(|d| match d {
            Def::Function(f) => Some(*f),
            Def::Class(_) => None,
        });
        t.setup.push("database = mock.MagicMock()".to_string());
        let missing = || "what the sink is called on cannot be stood in for".to_string();
        let outer = outer.ok_or_else(missing)?;
        let mut name = head(&call.func).ok_or_else(missing)?;
        let mut root = None;
        for _ in 0..8 {
            if outer.parameters.iter().any(|p| p.name().as_str() == name) {
                root = Some((name, true));
                break;
            }
            match value_of(outer, name).map(head) {
                Some(Some(next)) if next != name => name = next,
                Some(_) => break,
                None => {
                    root = Some((name, false));
                    break;
                }
            }
        }
        match root {
            Some((name, true)) if self.sink_file == self.file && outer.range == function.range => {
                return Ok(Some(name.to_string()));
            }
            Some((name, false)) if module_names(self.sink_tree).contains(name) && !is_package(self.sink_tree, name) => {
                t.contexts.push(format!("mock.patch.object({alias}, {}, database)", literal(name)));
                return Ok(None);
            }
            _ => {}
        }
        let mut known = CONNECTS.iter().filter(|c| c.rsplit_once('.').is_some_and(|(p, _)| imports(self.sink_tree, p)));
        match (known.next(), known.next()) {
            (Some(one), None) => t.contexts.push(format!("mock.patch({}, database)", literal(one))),
            _ => return Err(missing()),
        }
        Ok(None)
    }

    fn sink_call(&self) -> Option<&ExprCall> {
        match python::expr_at(self.sink_tree, self.flow.call.span) {
            Some(Expr::Call(c)) => Some(c),
            _ => None,
        }
    }

    /// The request that carries the attack.
    fn request(&self, t: &mut Test, input: Input<'_>, alias: &str, function: &StmtFunctionDef) {
        let values = self.values(function);
        let part = self.source_name.rsplit('.').next().unwrap_or("");
        match input {
            Input::Parameter(_) if !imports_flask(self.tree) => {}
            Input::Parameter(_) => {
                let app = self.app(t, alias);
                t.contexts.push(format!("{app}.test_request_context(\"/\")"));
            }
            Input::Flask => {
                let app = self.app(t, alias);
                let how = match part {
                    "form" | "values" => format!("method=\"POST\", data={values}"),
                    "json" | "get_json" => format!("method=\"POST\", json={values}"),
                    "data" | "get_data" => "method=\"POST\", data=ATTACK".to_string(),
                    "headers" => format!("headers={values}"),
                    _ => format!("query_string={values}"),
                };
                t.contexts.push(format!("{app}.test_request_context(\"/\", {how})"));
            }
            Input::Django => {
                t.imports.insert("from django.test import RequestFactory".to_string());
                let made = match part {
                    "POST" => format!("post(\"/\", {values})"),
                    "body" => "post(\"/\", data=ATTACK.encode(), content_type=\"text/plain\")".to_string(),
                    "COOKIES" => "get(\"/\")".to_string(),
                    _ => format!("get(\"/\", {values})"),
                };
                t.setup.push(format!("request = RequestFactory().{made}"));
                if part == "COOKIES" {
                    t.setup.push(format!("request.COOKIES = {values}"));
                }
                let mut used = Attributes::default();
                function.body.iter().for_each(|s| used.visit_stmt(s));
                if used.0.iter().any(|a| a == "user") {
                    t.imports.insert("from unittest import mock".to_string());
                    t.setup.push("request.user = mock.MagicMock()".to_string());
                }
                if used.0.iter().any(|a| a == "session") {
                    t.setup.push("request.session = {}".to_string());
                }
            }
        }
    }

    /// The application of the module, or a fresh one.
    fn app(&self, t: &mut Test, alias: &str) -> String {
        for s in &self.tree.body {
            if let Stmt::Assign(a) = s
                && let ([Expr::Name(n)], Expr::Call(c)) = (a.targets.as_slice(), &*a.value)
                && last_name(&c.func) == Some("Flask")
            {
                return format!("{alias}.{}", n.id);
            }
        }
        t.imports.insert("import flask".to_string());
        "flask.Flask(\"test\")".to_string()
    }

    /// All inputs of the function by name: the attack under its own, `"1"` under the others.
    fn values(&self, function: &StmtFunctionDef) -> String {
        let mut keys = Keys { source: self.source, best: None, all: Vec::new() };
        function.body.iter().for_each(|s| keys.visit_stmt(s));
        let own = keys.best.map_or("surefix".to_string(), |(_, k)| k);
        let mut out = vec![format!("{}: ATTACK", literal(&own))];
        keys.all.sort();
        keys.all.dedup();
        out.extend(keys.all.iter().filter(|k| **k != own).map(|k| format!("{}: \"1\"", literal(k))));
        format!("{{{}}}", out.join(", "))
    }

    fn args(&self, input: Input<'_>, root: Option<&str>, function: &StmtFunctionDef, method: bool) -> Vec<String> {
        let mut out = Vec::new();
        let named = |d: &str| function.decorator_list.iter().any(|x| last_name(&x.expression) == Some(d));
        let skip = usize::from(method && named("classmethod"));
        let own = method && !named("classmethod") && !named("staticmethod");
        let mut by_name = false;
        let p = &function.parameters;
        let positional = p.posonlyargs.iter().chain(&p.args).skip(skip).enumerate().map(|(i, p)| (i, p, false));
        for (i, p, keyword) in positional.chain(p.kwonlyargs.iter().map(|p| (usize::MAX, p, true))) {
            let name = p.parameter.name.as_str();
            let value = if input == Input::Parameter(name) {
                "ATTACK".to_string()
            } else if root == Some(name) {
                "database".to_string()
            } else if input == Input::Django && name == "request" {
                "request".to_string()
            } else if own && i == 0 {
                "mock.MagicMock()".to_string()
            } else if p.default.is_some() {
                by_name = true;
                continue;
            } else {
                self.filler(&p.parameter)
            };
            out.push(if by_name || keyword { format!("{name}={value}") } else { value });
        }
        out
    }

    fn filler(&self, p: &Parameter) -> String {
        let kind = p.annotation.as_deref().and_then(|a| match a {
            Expr::Name(n) => Some(n.id.as_str()),
            _ => None,
        });
        match kind {
            Some("int") => "1",
            _ if self.rule == "path-traversal" => "\"/srv/files\"",
            Some("str") => "\"1\"",
            _ => "mock.MagicMock()",
        }
        .to_string()
    }

    /// Sets the attack, the call and what is looked at.
    fn watch(&self, t: &mut Test, alias: &str, input: Input<'_>, call: String) -> Result<(), String> {
        let holds = |t: &mut Test, e: &str| t.checks.push(Check::Holds(e.to_string()));
        t.call.clone_from(&call);
        match self.rule {
            "sql-injection" | "ldap-injection" | "xpath-injection" => {
                let (attack, what) = match self.rule {
                    "sql-injection" => ("x' OR 'x'='x", "statements"),
                    "ldap-injection" => ("*)(cn=*", "filters"),
                    _ => ("x' or 'x'='x", "queries"),
                };
                t.attack = literal(attack);
                let method = self.flow.call.callee.rsplit('.').next().unwrap_or("");
                let arg = argument(self.flow);
                let there = if arg.contains("kwargs") { "call.kwargs" } else { "call.args" };
                t.after.push(format!(
                    "calls = [call for call in database.mock_calls if call[0].endswith({})]",
                    literal(method)
                ));
                t.after.push(format!("{what} = [str({arg}) for call in calls if {there}]"));
                holds(t, what);
                t.checks.push(Check::Fails(format!("any(ATTACK in text for text in {what})")));
            }
            "command-injection" => {
                t.attack = literal("1; touch surefix");
                t.imports.insert("from unittest import mock".to_string());
                t.imports.insert("import shlex".to_string());
                t.contexts.push("mock.patch(\"subprocess.Popen\", side_effect=OSError) as popen".to_string());
                t.contexts.push("mock.patch(\"os.system\", side_effect=OSError) as system".to_string());
                t.raises = true;
                t.after.push("started = popen.call_args or system.call_args".to_string());
                t.after.push("command = started.args[0]".to_string());
                t.after.push("words = shlex.split(command) if isinstance(command, str) else command".to_string());
                t.checks.push(Check::Lacks("\"touch\"".to_string(), "words".to_string()));
            }
            "path-traversal" => {
                t.attack = literal("../../../../../../../../../../etc/passwd");
                t.imports.insert("from unittest import mock".to_string());
                t.imports.insert("import os".to_string());
                t.contexts.push(format!("{} as opened", self.opener(alias)?));
                let arg = argument(self.flow);
                t.after.push(format!("paths = [os.path.abspath({arg}) for call in opened.call_args_list]"));
                t.checks.push(Check::Lacks("\"/etc/passwd\"".to_string(), "paths".to_string()));
            }
            "log-injection" => {
                t.attack = literal("1\r\nforged: 1");
                t.log = true;
                holds(t, "messages");
                t.checks.push(Check::Fails("any(\"\\nforged\" in message for message in messages)".to_string()));
            }
            "xss" => {
                t.attack = literal("'\"><script>alert(1)</script>");
                self.answer(t, input, &call)?;
                t.checks.push(Check::Lacks("\"<script>alert(1)\"".to_string(), "body".to_string()));
            }
            "template-injection" => {
                t.attack = literal("{{7*191}}");
                self.answer(t, input, &call)?;
                t.checks.push(Check::Lacks("\"1337\"".to_string(), "body".to_string()));
            }
            "open-redirect" => {
                t.attack = literal("https://attacker.example/");
                self.answer(t, input, &call)?;
                t.after = vec!["location = response.headers.get(\"Location\", \"\")".to_string()];
                t.checks.push(Check::Fails("location.startswith(ATTACK)".to_string()));
            }
            "code-injection" | "insecure-deserialization" => {
                t.attack = literal(if self.rule == "code-injection" {
                    "__import__('os').system('true')"
                } else {
                    "!!python/object/apply:os.system [true]"
                });
                t.imports.insert("from unittest import mock".to_string());
                t.contexts.push("mock.patch(\"os.system\") as system".to_string());
                t.raises = true;
                t.checks.push(Check::Fails("system.called".to_string()));
            }
            rule => return Err(format!("no regression test is written for {rule}")),
        }
        Ok(())
    }

    /// The answer of a view and its text.
    fn answer(&self, t: &mut Test, input: Input<'_>, call: &str) -> Result<(), String> {
        if input == Input::Django {
            t.call = format!("response = {call}");
            t.after.push("body = response.content.decode()".to_string());
        } else if input == Input::Flask || imports_flask(self.tree) {
            t.imports.insert("import flask".to_string());
            t.call = format!("response = flask.make_response({call})");
            t.after.push("body = response.get_data(as_text=True)".to_string());
        } else {
            return Err("what the function answers is not known".to_string());
        }
        Ok(())
    }

    /// Takes the place of what opens the file.
    fn opener(&self, alias: &str) -> Result<String, String> {
        let call = self.sink_call().ok_or("the sink is no call")?;
        let callee = self.flow.call.callee.as_str();
        match &*call.func {
            Expr::Name(n) if module_names(self.sink_tree).contains(n.id.as_str()) => {
                Ok(format!("mock.patch.object({alias}, {})", literal(&n.id)))
            }
            Expr::Name(n) if n.id.as_str() == "open" => {
                Ok("mock.patch(\"builtins.open\", mock.mock_open(read_data=\"\"))".to_string())
            }
            Expr::Attribute(_) if callee.starts_with("pathlib.Path.") && self.flow.arg.is_none() => {
                Ok(format!("mock.patch({}, autospec=True)", literal(callee)))
            }
            Expr::Attribute(a)
                if callee.matches('.').count() == 1
                    && matches!(&*a.value, Expr::Name(n) if callee.starts_with(&format!("{}.", n.id))) =>
            {
                Ok(format!("mock.patch({})", literal(callee)))
            }
            _ => Err(format!("what opens the file ({callee}) cannot be stood in for")),
        }
    }
}

/// Imports a module; gives the name by which the test uses it.
fn import(t: &mut Test, module: &str) -> String {
    let (package, last) = module.rsplit_once('.').map_or((None, module), |(p, l)| (Some(p), l));
    let taken = TAKEN.contains(&last);
    let alias = if taken { format!("{last}_module") } else { last.to_string() };
    let more = if taken { format!(" as {alias}") } else { String::new() };
    t.own_imports.insert(match package {
        Some(p) => format!("from {p} import {last}{more}"),
        None => format!("import {last}{more}"),
    });
    alias
}

/// Decorators after which the name still means the function itself.
fn transparent(d: &Expr) -> bool {
    match d {
        Expr::Call(c) => match &*c.func {
            Expr::Attribute(a) => matches!(a.attr.as_str(), "route" | "get" | "post" | "put" | "delete" | "patch"),
            _ => false,
        },
        Expr::Name(n) => matches!(n.id.as_str(), "staticmethod" | "classmethod"),
        _ => false,
    }
}

fn last_name(e: &Expr) -> Option<&str> {
    match e {
        Expr::Name(n) => Some(n.id.as_str()),
        Expr::Attribute(a) => Some(a.attr.as_str()),
        _ => None,
    }
}

fn imports_flask(tree: &ModModule) -> bool {
    tree.body.iter().any(|s| match s {
        Stmt::Import(i) => i.names.iter().any(|a| a.name.as_str() == "flask"),
        Stmt::ImportFrom(i) => i.module.as_ref().is_some_and(|m| m.as_str() == "flask"),
        _ => false,
    })
}

/// True when the name is a package that opens connections: the package cannot be stood in for as a whole.
fn is_package(tree: &ModModule, name: &str) -> bool {
    imports(tree, name) || CONNECTS.iter().any(|c| c.split('.').next() == Some(name))
}

/// The first value that a function gives to a local variable.
fn value_of<'a>(function: &'a StmtFunctionDef, name: &str) -> Option<&'a Expr> {
    let mut v = Values { name, found: None };
    function.body.iter().for_each(|s| v.visit_stmt(s));
    v.found
}

struct Values<'a, 'n> {
    name: &'n str,
    found: Option<&'a Expr>,
}

impl<'a> SourceOrderVisitor<'a> for Values<'a, '_> {
    fn visit_stmt(&mut self, s: &'a Stmt) {
        let named = |e: &Expr| matches!(e, Expr::Name(n) if n.id.as_str() == self.name);
        let value = match s {
            Stmt::Assign(a) if a.targets.iter().any(named) => Some(&*a.value),
            Stmt::With(w) => {
                w.items.iter().find(|i| i.optional_vars.as_deref().is_some_and(named)).map(|i| &i.context_expr)
            }
            _ => None,
        };
        self.found = self.found.or(value);
        walk_stmt(self, s);
    }
}

/// Names of attributes that are used.
#[derive(Default)]
struct Attributes(Vec<String>);

impl<'a> SourceOrderVisitor<'a> for Attributes {
    fn visit_expr(&mut self, e: &'a Expr) {
        if let Expr::Attribute(a) = e {
            self.0.push(a.attr.to_string());
        }
        walk_expr(self, e);
    }
}

/// Names under which inputs are asked for.
struct Keys {
    source: Span,
    /// The smallest expression around the source that names one.
    best: Option<(u32, String)>,
    all: Vec<String>,
}

impl<'a> SourceOrderVisitor<'a> for Keys {
    fn visit_expr(&mut self, e: &'a Expr) {
        let text = |e: &Expr| match e {
            Expr::StringLiteral(s) => Some(s.value.to_str().to_string()),
            _ => None,
        };
        let key = match e {
            Expr::Subscript(s) => text(&s.slice),
            Expr::Call(c) => match &*c.func {
                Expr::Attribute(a) if matches!(a.attr.as_str(), "get" | "getlist" | "pop") => {
                    c.arguments.args.first().and_then(text)
                }
                _ => None,
            },
            _ => None,
        };
        if let Some(k) = key {
            let span = python::span_of(e);
            let size = span.hi - span.lo;
            let covers = span.lo <= self.source.lo && self.source.hi <= span.hi;
            if covers && self.best.as_ref().is_none_or(|(s, _)| size < *s) {
                self.best = Some((size, k.clone()));
            }
            self.all.push(k);
        }
        walk_expr(self, e);
    }
}
