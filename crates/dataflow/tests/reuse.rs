//! An analysis that builds on the last one answers as one that starts from nothing, whatever was edited between.

use std::sync::Arc;
use surefix_dataflow::{Options, Program, Reuse, analyze, analyze_again};
use surefix_ir::Lang;
use surefix_lower::{Input, lower};

struct Project {
    program: Program,
    texts: Vec<String>,
    past: Option<Reuse>,
}

impl Project {
    fn new(files: &[(&str, &str)]) -> Project {
        let mut p = Project { program: Program::default(), texts: Vec::new(), past: None };
        for (path, text) in files {
            p.program.paths.push(path.to_string());
            p.program.modules.push(Arc::new(module(path, text)));
            p.texts.push(text.to_string());
        }
        p
    }

    /// Replaces in one file and gives how many flows there are now, which must be the same from scratch.
    fn edit(&mut self, path: &str, from: &str, to: &str) -> usize {
        let i = self.program.paths.iter().position(|p| p == path).unwrap();
        assert!(self.texts[i].contains(from), "{path} has no {from:?}");
        self.texts[i] = self.texts[i].replace(from, to);
        self.program.modules[i] = Arc::new(module(path, &self.texts[i]));
        self.flows()
    }

    fn flows(&mut self) -> usize {
        let (models, options) = (surefix_models::builtin(), Options::default());
        let again = analyze_again(&self.program, models, &options, &mut self.past);
        let fresh = analyze(&self.program, models, &options);
        assert_eq!(format!("{again:#?}"), format!("{fresh:#?}"));
        again.flows.len()
    }
}

fn module(path: &str, text: &str) -> surefix_ir::Module {
    let (stem, ext) = path.rsplit_once('.').unwrap();
    let (lang, name) = if ext == "java" { (Lang::Java, String::new()) } else { (Lang::Python, stem.replace('/', ".")) };
    let m = lower(lang, Input { path, text, module: &name, is_package: false });
    assert!(m.error_spans.is_empty(), "{path} has a syntax error");
    m
}

const WEB: &str = "import javax.servlet.http.*;
import java.sql.*;
class Web extends HttpServlet {
    Store store = new Store();
    public void doGet(HttpServletRequest r, HttpServletResponse s) throws Exception {
        store.load(Names.clean(r.getParameter(\"id\")));
    }
}
";
const STORE: &str = "import java.sql.*;
class Store {
    Connection c;
    static final String TABLE = \"t\";
    void load(String id) throws Exception {
        run(\"select * from \" + TABLE + \" where id = '\" + id + \"'\", 1);
    }
    void run(String sql, int depth) throws Exception {
        if (depth > 0) again(sql, depth - 1);
        c.createStatement().executeQuery(sql);
    }
    void again(String sql, int depth) throws Exception { run(sql, depth); }
}
";
const NAMES: &str = "class Names {
    static String clean(String s) { return s; }
}
";

#[test]
fn java_bodies_change() {
    let mut p = Project::new(&[("Names.java", NAMES), ("Store.java", STORE), ("Web.java", WEB)]);
    assert_eq!(p.flows(), 1);
    // The callee decides, two files away from the sink.
    assert_eq!(p.edit("Names.java", "return s;", "return \"\" + s.length();"), 0);
    assert_eq!(p.edit("Names.java", "return \"\" + s.length();", "return s.trim();"), 1);
    // Lines move.
    assert_eq!(p.edit("Store.java", "class Store", "\n\nclass Store"), 1);
    // The order of evaluation turns round: the helper calls back.
    p.edit("Names.java", "return s.trim();", "try { new Store().load(s); } catch (Exception e) { } return s;");
    p.edit("Names.java", "try { new Store().load(s); } catch (Exception e) { } ", "");
    // A constant that another function reads.
    p.edit("Store.java", "TABLE = \"t\"", "TABLE = System.getProperty(\"x\")");
    // What is left comes from the property, not from the request.
    p.edit("Web.java", "Names.clean(r.getParameter(\"id\"))", "\"1\"");
}

#[test]
fn java_declarations_change() {
    let mut p = Project::new(&[("Names.java", NAMES), ("Store.java", STORE), ("Web.java", WEB)]);
    assert_eq!(p.flows(), 1);
    // No overload fits now: what an unknown callee gives is as untrusted as what it got.
    assert_eq!(p.edit("Names.java", "static String clean(String s)", "static int clean(String s, int n)"), 1);
    p.edit("Names.java", "static int clean(String s, int n)", "static String clean(Object s)");
    p.edit("Store.java", "class Store {", "class Store extends Base {");
    p.edit("Names.java", "class Names {", "class Base { void run(String sql) { } }\nclass Names {");
    // The same words, another type behind them.
    p.edit("Web.java", "import java.sql.*;", "import my.sql.Store;");
}

#[test]
fn python_modules_change() {
    let mut p = Project::new(&[
        ("helpers.py", "import os\n\ndef quote(s):\n    return s\n"),
        (
            "web.py",
            "from flask import Flask, request\nfrom helpers import quote, os\n\napp = Flask(__name__)\n\n@app.route('/')\n\
             def index():\n    os.system('ls ' + quote(request.args['d']))\n    return 'ok'\n",
        ),
    ]);
    assert_eq!(p.flows(), 1);
    assert_eq!(p.edit("helpers.py", "import os\n", "import os\nimport shlex\n"), 1);
    assert_eq!(p.edit("helpers.py", "return s\n", "return shlex.quote(s)\n"), 0);
    // Another module reaches the library through this one.
    assert_eq!(p.edit("helpers.py", "return shlex.quote(s)\n", "return s\n"), 1);
    assert_eq!(p.edit("helpers.py", "import os\n", ""), 0);
    assert_eq!(p.edit("web.py", "import quote, os", "import quote\nimport os"), 1);
    // The framework does not call it any more.
    p.edit("web.py", "app = Flask(__name__)", "app = object()");
}

#[test]
fn python_globals_change() {
    let mut p = Project::new(&[
        ("conf.py", "ALLOWED = ['a', 'b']\nPREFIX = 'ls '\n"),
        (
            "web.py",
            "import os\nimport conf\nfrom flask import Flask, request\n\napp = Flask(__name__)\n\n@app.route('/')\n\
             def index():\n    d = request.args['d']\n    if d in conf.ALLOWED:\n        os.system(conf.PREFIX + d)\n    return 'ok'\n",
        ),
        ("other.py", "import conf\n\ndef grow(x):\n    return len(conf.ALLOWED)\n"),
    ]);
    let before = p.flows();
    // Now somebody changes the list in place.
    p.edit("other.py", "return len(conf.ALLOWED)", "conf.ALLOWED.append(x)");
    assert_eq!(p.edit("other.py", "conf.ALLOWED.append(x)", "return len(conf.ALLOWED)"), before);
    p.edit("conf.py", "PREFIX = 'ls '", "PREFIX = input()");
    p.edit("conf.py", "ALLOWED = ['a', 'b']", "ALLOWED = load()");
}
