//! The Java models: key rows exist and say what the rules rely on.

use surefix_ir::Lang;
use surefix_models::{Base, Fact, Kind, SourceKind, builtin, builtin_errors};

fn facts(ty: &str, member: &str) -> Vec<Fact> {
    let hit = builtin().lookup(Lang::Java, ty, member);
    hit.map(|(_, rows)| rows.iter().map(|r| r.fact.clone()).collect()).unwrap_or_default()
}

#[track_caller]
fn sink(ty: &str, member: &str, arg: u8, kind: Kind) {
    let hit = |f: &Fact| match f {
        Fact::Sink { input, kind: k } if *k == kind => match &input.base {
            Base::AnyArg => true,
            Base::Arg { pos: Some(p), onwards, .. } => *p == arg || (*onwards && arg > *p),
            _ => false,
        },
        _ => false,
    };
    assert!(facts(ty, member).iter().any(hit), "{ty}.{member} has no {} sink at argument {arg}", kind.name());
}

#[track_caller]
fn sink_this(ty: &str, member: &str, kind: Kind) {
    let hit = |f: &Fact| matches!(f, Fact::Sink { input, kind: k } if *k == kind && input.base == Base::This);
    assert!(facts(ty, member).iter().any(hit), "{ty}.{member} has no {} sink at its receiver", kind.name());
}

#[track_caller]
fn has(ty: &str, member: &str, fact: &Fact) {
    assert!(facts(ty, member).contains(fact), "{ty}.{member} lacks {fact:?}");
}

fn watch(ty: &str, member: &str, tag: &str) {
    has(ty, member, &Fact::Watch(tag.into()));
}

fn intrinsic(ty: &str, member: &str, name: &str) {
    has(ty, member, &Fact::Intrinsic(name.into()));
}

fn returns(ty: &str, member: &str, what: &str) {
    has(ty, member, &Fact::Returns(what.into()));
}

#[test]
fn files_load() {
    let errors: Vec<String> =
        builtin_errors().iter().filter(|e| e.file.starts_with("models/java/")).map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
fn sources_of_a_request() {
    for m in ["getParameter", "getParameterMap", "getHeader", "getHeaders", "getCookies", "getQueryString", "getReader"]
    {
        let remote = |f: &Fact| matches!(f, Fact::Source { kind: SourceKind::Remote, .. });
        for ty in ["javax.servlet.http.HttpServletRequest", "jakarta.servlet.http.HttpServletRequest"] {
            assert!(facts(ty, m).iter().any(remote), "{ty}.{m} is no source");
        }
    }
    returns("javax.servlet.http.HttpServletRequest", "getCookies", "[]");
    returns("javax.servlet.http.HttpServletRequest", "getSession", "javax.servlet.http.HttpSession");
    let entry = |e: &&(Lang, surefix_models::Entry)| e.1.what == "javax.servlet.http.HttpServlet";
    assert!(builtin().entries.iter().find(entry).is_some_and(|e| e.1.names.iter().any(|n| n == "doPost")));
}

#[test]
fn sinks() {
    sink("java.lang.Runtime", "exec", 0, Kind::CmdLine);
    sink("java.lang.Runtime", "exec", 0, Kind::CmdArgv);
    sink("java.lang.Runtime", "exec", 1, Kind::CmdEnv);
    sink("java.lang.ProcessBuilder", "<init>", 3, Kind::CmdArgv);
    sink("java.lang.ProcessBuilder", "command", 0, Kind::CmdArgv);
    for m in ["execute", "executeQuery", "executeUpdate", "addBatch"] {
        sink("java.sql.Statement", m, 0, Kind::Sql);
        sink("java.sql.CallableStatement", m, 0, Kind::Sql);
    }
    sink("java.sql.Connection", "prepareStatement", 0, Kind::Sql);
    sink("java.sql.Connection", "prepareCall", 0, Kind::Sql);
    sink("java.io.FileInputStream", "<init>", 0, Kind::Path);
    sink("java.nio.file.Files", "newInputStream", 0, Kind::Path);
    sink_this("java.io.File", "exists", Kind::Path);
    sink("javax.naming.directory.InitialDirContext", "search", 1, Kind::Ldap);
    sink("javax.naming.ldap.LdapContext", "search", 1, Kind::Ldap);
    sink("javax.xml.xpath.XPath", "compile", 0, Kind::XPath);
    sink("javax.servlet.http.HttpSession", "setAttribute", 1, Kind::Trust);
    sink("javax.servlet.http.HttpSession", "putValue", 0, Kind::Trust);
    sink("javax.servlet.http.HttpServletResponse", "sendRedirect", 0, Kind::Redirect);
    sink("javax.servlet.http.HttpServletResponse", "addHeader", 1, Kind::Header);
    sink("java.lang.Class", "forName", 0, Kind::Reflect);
    sink_this("java.io.ObjectInputStream", "readObject", Kind::Deser);
    sink_this("java.net.URL", "openConnection", Kind::Ssrf);
}

#[test]
fn text_goes_to_a_browser_only_through_a_response() {
    returns("jakarta.servlet.http.HttpServletResponse", "getWriter", "surefix.ServletWriter");
    returns("javax.servlet.ServletResponse", "getOutputStream", "surefix.ServletOutputStream");
    for m in ["print", "println", "write", "append", "printf", "format"] {
        sink("surefix.ServletWriter", m, 0, Kind::Xss);
        sink("surefix.ServletWriter", m, 0, Kind::Info);
        let xss = |f: &Fact| matches!(f, Fact::Sink { kind: Kind::Xss, .. });
        assert!(!facts("java.io.PrintWriter", m).iter().any(xss), "any writer's {m} is a sink");
    }
    sink("surefix.ServletWriter", "printf", 2, Kind::Xss);
    sink("surefix.ServletOutputStream", "println", 0, Kind::Xss);
    let set = builtin();
    assert!(set.supers_of(Lang::Java, "surefix.ServletWriter").contains(&"java.io.Writer"));
    assert!(set.supers_of(Lang::Java, "surefix.ServletOutputStream").contains(&"java.io.OutputStream"));
}

#[test]
fn text_and_collections_are_evaluated() {
    intrinsic("java.lang.String", "charAt", "str.char_at");
    intrinsic("java.lang.String", "substring", "str.substring");
    intrinsic("java.lang.StringBuilder", "append", "sb.append");
    intrinsic("java.lang.StringBuffer", "toString", "sb.to_text");
    intrinsic("java.util.ArrayList", "add", "list.push");
    intrinsic("java.util.ArrayList", "remove", "list.remove");
    intrinsic("java.util.LinkedList", "get", "list.get");
    intrinsic("java.util.LinkedHashMap", "put", "map.put");
    intrinsic("java.util.TreeMap", "get", "map.get");
    intrinsic("java.util.HashSet", "contains", "set.contains");
    intrinsic("java.util.Arrays", "asList", "list.of");
    intrinsic("java.util.Iterator", "next", "iter.next");
    intrinsic("java.util.Enumeration", "nextElement", "iter.next");
    intrinsic("java.util.Map.Entry", "getValue", "entry.value");
    intrinsic("java.util.Properties", "getProperty", "res.get");
    intrinsic("java.lang.ClassLoader", "getResourceAsStream", "res.open");
    let load = (Lang::Java, "java.util.Properties.load".to_string());
    assert_eq!(builtin().resources.get(&load).map(String::as_str), Some("properties"));
}

#[test]
fn misuse_is_watched() {
    watch("java.security.MessageDigest", "getInstance", "weak-hash");
    watch("javax.crypto.Cipher", "getInstance", "weak-cipher");
    watch("java.security.KeyPairGenerator", "initialize", "weak-key");
    watch("javax.crypto.spec.IvParameterSpec", "<init>", "static-iv");
    watch("java.util.Random", "nextInt", "insecure-randomness");
    watch("java.lang.Math", "random", "insecure-randomness");
    assert!(!facts("java.security.SecureRandom", "nextInt").iter().any(|f| matches!(f, Fact::Watch(_))));
    watch("javax.servlet.http.HttpServletResponse", "addCookie", "insecure-cookie");
    watch("java.io.File", "createTempFile", "insecure-temp-file");
    watch("java.io.File", "setWritable", "file-permissions");
    watch("javax.net.ssl.SSLContext", "getInstance", "tls-version");
    watch("javax.net.ssl.SSLContext", "init", "tls-verification");
    watch("javax.net.ssl.HttpsURLConnection", "setHostnameVerifier", "tls-verification");
    watch("java.sql.DriverManager", "getConnection", "hardcoded-secret");
    watch("java.lang.IllegalStateException", "printStackTrace", "info-exposure");
    watch("javax.xml.parsers.DocumentBuilder", "parse", "xxe");
    watch("surefix.CanonicalString", "startsWith", "partial-path-check");
    let secure = |f: &Fact| matches!(f, Fact::SetProp { key, .. } if key == "secure");
    assert!(facts("jakarta.servlet.http.Cookie", "setSecure").iter().any(secure));
    let feature = |f: &Fact| matches!(f, Fact::SetProp { key, .. } if key == "feature:{arg0}");
    assert!(facts("javax.xml.parsers.DocumentBuilderFactory", "setFeature").iter().any(feature));
}

#[test]
fn containment_counts_only_for_canonical_paths() {
    returns("java.nio.file.Path", "normalize", "surefix.NormalPath");
    returns("surefix.CanonicalFile", "toPath", "surefix.NormalPath");
    let guard = |f: &Fact| matches!(f, Fact::Guard { when: true, .. });
    assert!(facts("surefix.NormalPath", "startsWith").iter().any(guard));
    assert!(!facts("java.nio.file.Path", "startsWith").iter().any(guard));
    returns("java.io.File", "getCanonicalPath", "surefix.CanonicalString");
    assert!(facts("surefix.CanonicalString", "startsWith").iter().any(guard));
    assert!(!facts("java.lang.String", "startsWith").iter().any(guard));
    intrinsic("surefix.CanonicalString", "substring", "str.substring");
}
