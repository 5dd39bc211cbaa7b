//! The Java harness of probes by itself: what it calls, what it sees, and that it says so when it cannot call.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const REQUEST: &str = "package javax.servlet.http;\npublic interface HttpServletRequest extends javax.servlet.ServletRequest { Cookie[] getCookies(); }\n";
const PLAIN: &str = "package javax.servlet;\npublic interface ServletRequest { String getParameter(String n); }\n";
const COOKIE: &str = "\
package javax.servlet.http;
public class Cookie {
    private final String name, value;
    public Cookie(String name, String value) { this.name = name; this.value = value; }
    public String getName() { return name; }
    public String getValue() { return value; }
}
";
const RESPONSE: &str = "\
package javax.servlet.http;
public interface HttpServletResponse { java.io.PrintWriter getWriter(); void setHeader(String n, String v); }
";
const SHOP: &str = "\
package shop;
import java.io.*;
import java.sql.*;
import javax.servlet.http.*;
public class Shop {
    void query(HttpServletRequest r) throws Exception {
        Connection c = DriverManager.getConnection(\"jdbc:shop:1\");
        c.createStatement().executeQuery(\"SELECT 1 FROM t WHERE n = '\" + r.getParameter(\"n\") + \"'\");
    }
    void bound(HttpServletRequest r) throws Exception {
        PreparedStatement p = DriverManager.getConnection(\"jdbc:shop:1\").prepareStatement(\"SELECT 1 FROM t WHERE n = ?\");
        p.setString(1, r.getParameter(\"n\"));
        p.executeQuery();
    }
    static void open(HttpServletRequest r) throws Exception {
        new FileInputStream(new File(\"/srv/shop\", r.getParameter(\"n\"))).close();
    }
    void page(HttpServletRequest r, HttpServletResponse a) {
        for (Cookie c : r.getCookies()) {
            if (c.getName().equals(\"who\")) a.getWriter().print(\"<p>\" + c.getValue());
        }
    }
    void escaped(HttpServletRequest r, HttpServletResponse a) {
        a.getWriter().print(r.getParameter(\"n\").replace(\"<\", \"&lt;\"));
    }
    void start(String host) throws Exception {
        new ProcessBuilder(\"sh\", \"-c\", \"echo \" + host).start().waitFor();
    }
    void header(HttpServletRequest r, HttpServletResponse a) {
        a.setHeader(\"x\", r.getParameter(\"n\"));
    }
    void fails(HttpServletRequest r) { throw new IllegalStateException(); }
    void filter(javax.servlet.ServletRequest r, HttpServletResponse a) {
        a.setHeader(\"x\", ((HttpServletRequest) r).getParameter(\"n\"));
    }
    abstract static class Never { void f(HttpServletRequest r) {} }
}
";

fn write(dir: &Path, name: &str, text: &str) {
    let at = dir.join(name);
    std::fs::create_dir_all(at.parent().unwrap()).unwrap();
    std::fs::write(at, text).unwrap();
}

fn run(dir: &Path, program: &str, args: &[&str]) {
    let out = Command::new(program).args(args).current_dir(dir).output().unwrap();
    assert!(out.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn the_harness_sees_what_reaches_the_sinks() {
    if !Command::new("javac").arg("-version").output().is_ok_and(|o| o.status.success()) {
        eprintln!("no javac on this machine: the harness is not tried");
        return;
    }
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path();
    write(dir, "SurefixDrive.java", include_str!("../src/probe/harness/SurefixDrive.java"));
    write(dir, "SurefixObserve.java", include_str!("../src/probe/harness/SurefixObserve.java"));
    let classes = [
        ("ServletRequest", PLAIN),
        ("HttpServletRequest", REQUEST),
        ("Cookie", COOKIE),
        ("HttpServletResponse", RESPONSE),
        ("Shop", SHOP),
    ];
    for (name, text) in classes {
        write(dir, &format!("project/{name}.java"), text);
    }
    run(dir, "javac", &["-nowarn", "-proc:none", "-d", "out", "SurefixDrive.java", "SurefixObserve.java"]);
    let sources: Vec<String> = classes.map(|(n, _)| format!("project/{n}.java")).to_vec();
    let mut args = vec!["-nowarn", "-d", "classes"];
    args.extend(sources.iter().map(String::as_str));
    run(dir, "javac", &args);
    let case = |id: &str, rule: &str, class: &str, method: &str, types: &str, at: &str, key: &str, source: &str| {
        [id, rule, class, method, types, at, key, "0", source].join("\t")
    };
    let (r, ra) = ("HttpServletRequest", "HttpServletRequest,HttpServletResponse");
    let one = |id: &str, rule: &str, method: &str, types: &str| {
        case(id, rule, "shop.Shop", method, types, "-1", "n", "getParameter")
    };
    let cases = [
        one("1", "sql-injection", "query", r),
        one("2", "sql-injection", "bound", r),
        one("3", "path-traversal", "open", r),
        case("4", "xss", "shop.Shop", "page", ra, "-1", "who", "getCookies"),
        one("5", "xss", "escaped", ra),
        case("6", "command-injection", "shop.Shop", "start", "String", "0", "", "parameter host"),
        one("7", "header-injection", "header", ra),
        one("8", "xss", "fails", r),
        case("9", "xss", "shop.Shop$Never", "f", r, "-1", "n", "getParameter"),
        one("10", "header-injection", "filter", "ServletRequest,HttpServletResponse"),
    ];
    write(dir, "cases", &cases.join("\n"));
    write(dir, "path", &dir.join("classes").to_string_lossy());
    write(dir, "sinks", "");
    let out = dir.join("out");
    let folder = out.to_string_lossy();
    run(dir, "java", &["-cp", &folder, "SurefixObserve", "cases", "path", &folder, "sinks", "results"]);
    let text = std::fs::read_to_string(dir.join("results")).unwrap();
    let seen: BTreeMap<(&str, &str), (&str, &str)> =
        text.lines().map(|l| l.split('\t').collect::<Vec<_>>()).map(|f| ((f[0], f[1]), (f[3], f[4]))).collect();
    let hit = |id: &str| !seen[&(id, "attack")].0.is_empty();
    let hits: Vec<bool> = (1..=10).map(|i| hit(&i.to_string())).collect();
    assert_eq!(hits, [true, false, true, true, false, true, true, false, false, true], "{text}");
    // A harmless input arrives in the code that is safe, too.
    assert!(["2", "5"].iter().all(|i| !seen[&(*i, "benign")].0.is_empty()), "{text}");
    assert_eq!(seen[&("8", "attack")].1, "threw java.lang.IllegalStateException");
    assert!(seen[&("9", "attack")].1.starts_with("not called: no object of"), "{text}");
}
