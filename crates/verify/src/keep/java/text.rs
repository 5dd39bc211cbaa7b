//! The text of a JUnit test.

use super::super::words;
use std::collections::BTreeSet;
use surefix_engine::Finding;

/// The framework of the module's tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum JUnit {
    Four,
    Five,
}

/// A test before it is written.
#[derive(Default)]
pub(super) struct Test {
    pub header: String,
    pub package: Option<String>,
    /// The class under test.
    pub class: String,
    /// The method under test.
    pub method: String,
    /// Qualified names that are imported.
    pub imports: BTreeSet<String>,
    /// Objects that note the texts they are given are needed.
    pub recorder: bool,
    /// A request is needed: the getter that gives the attack and the name it is asked with, empty for any.
    pub request: Option<(String, String)>,
    /// A response is needed.
    pub response: bool,
    /// The call may end with an exception.
    pub raises: bool,
    /// The attack, the call (a statement), conditions that must hold, those that must not, the end of the test's description.
    pub(super) attack: &'static str,
    pub(super) call: String,
    pub(super) holds: Vec<&'static str>,
    pub(super) fails: Vec<String>,
    pub(super) promise: &'static str,
}

/// Getters of a request that the stand-in knows: those that are asked for a name, and those that are not.
const ASKED: &[&str] = &["getParameter", "getHeader"];
const WHOLE: &[&str] = &["getQueryString", "getPathInfo", "getRequestURI", "getRemoteUser"];

impl Test {
    /// Sets the attack, the call and what is looked at. `returns`: the type of the call.
    pub(super) fn watch(&mut self, rule: &str, call: String, returns: &str) -> Result<(), String> {
        if let Some((getter, key)) = &self.request {
            let asked = ASKED.contains(&getter.as_str());
            if !asked && (!key.is_empty() || !WHOLE.contains(&getter.as_str())) {
                return Err(format!("the stand-in of a request does not know {getter}"));
            }
        }
        self.call = format!("{call};");
        let any = |what: &str| format!("seen.stream().anyMatch(text -> text.{what})");
        match rule {
            "sql-injection" | "ldap-injection" => {
                if !self.recorder {
                    return Err("what the sink is called on cannot be stood in for".to_string());
                }
                (self.attack, self.promise) = match rule {
                    "sql-injection" => ("x' OR 'x'='x", "must not become part of an SQL statement"),
                    _ => ("*)(cn=*", "must not change the filter"),
                };
                self.holds.push("!seen.isEmpty()");
                self.fails.push(any("contains(ATTACK)"));
            }
            "xss" => {
                (self.attack, self.promise) = ("'\"><script>alert(1)</script>", "must not become markup of the page");
                if self.response {
                    self.fails.push("body.toString().contains(\"<script>alert(1)\")".to_string());
                } else if matches!(returns, "String" | "ResponseEntity<String>" | "HttpEntity<String>") && !self.raises
                {
                    self.call = format!("String answer = String.valueOf({call});");
                    self.fails.push("answer.contains(\"<script>alert(1)\")".to_string());
                } else {
                    return Err("what the method answers is not known".to_string());
                }
            }
            "open-redirect" if self.response => {
                (self.attack, self.promise) = ("https://attacker.example/", "must not lead to another site");
                self.fails.push(any("startsWith(ATTACK)"));
            }
            "header-injection" if self.response => {
                (self.attack, self.promise) = ("1\r\nforged: 1", "must not forge a header");
                self.fails.push(any("contains(\"\\nforged\")"));
            }
            "open-redirect" | "header-injection" => return Err("what the method answers is not known".to_string()),
            _ => return Err(format!("what {rule} leads to cannot be watched from a JUnit test")),
        }
        Ok(())
    }

    /// The name of the test's class.
    pub(super) fn name(&self, rule: &str) -> String {
        format!("{}{}{}Test", self.class, title(&self.method), rule_title(rule))
    }

    /// The name of the method and the whole file.
    pub(super) fn text(mut self, junit: JUnit, f: &Finding) -> (String, String) {
        let class = self.name(f.rule.id);
        let name = format!("{}Resists{}", self.method, rule_title(f.rule.id));
        let (package, public) = match junit {
            JUnit::Four => ("org.junit.Assert", "public "),
            JUnit::Five => ("org.junit.jupiter.api.Assertions", ""),
        };
        self.imports
            .insert(if junit == JUnit::Four { "org.junit.Test" } else { "org.junit.jupiter.api.Test" }.to_string());
        let seen = self.recorder || self.fails.iter().any(|f| f.starts_with("seen"));
        if seen {
            self.import(&["java.util.ArrayList", "java.util.List"]);
        }
        if self.recorder || self.request.is_some() || self.response {
            self.import(&["java.lang.reflect.Proxy"]);
        }
        if self.response {
            self.import(&["java.io.PrintWriter", "java.io.StringWriter"]);
        }
        let mut out = self.header.clone();
        if let Some(p) = &self.package {
            out.push_str(&format!("package {p};\n\n"));
        }
        if !self.fails.is_empty() {
            out.push_str(&format!("import static {package}.assertFalse;\n"));
        }
        if !self.holds.is_empty() {
            out.push_str(&format!("import static {package}.assertTrue;\n"));
        }
        out.push('\n');
        for i in &self.imports {
            out.push_str(&format!("import {i};\n"));
        }
        let cwe = f.rule.cwe.first().map(|n| format!(" (CWE-{n})")).unwrap_or_default();
        out.push_str(&format!("\n/** The input of {}() {}{cwe}. */\n", self.method, self.promise));
        out.push_str(&format!("{public}class {class} {{\n"));
        out.push_str(&format!("    private static final String ATTACK = {};\n\n", literal(self.attack)));
        if seen {
            out.push_str("    private final List<String> seen = new ArrayList<>();\n\n");
        }
        if self.response {
            out.push_str("    private final StringWriter body = new StringWriter();\n\n");
        }
        out.push_str(&format!("    @Test\n    {public}void {name}() throws Exception {{\n"));
        if self.raises {
            out.push_str(&format!(
                "        try {{\n            {}\n        }} catch (Exception e) {{\n            // Turning the input away is as good as binding it.\n        }}\n",
                self.call
            ));
        } else {
            out.push_str(&format!("        {}\n", self.call));
        }
        self.holds.iter().for_each(|c| out.push_str(&format!("        assertTrue({c});\n")));
        self.fails.iter().for_each(|c| out.push_str(&format!("        assertFalse({c});\n")));
        out.push_str("    }\n");
        if self.recorder {
            out.push_str(RECORDER);
        }
        if let Some((getter, key)) = &self.request {
            let named = if key.is_empty() { String::new() } else { format!(" && {}.equals(args[0])", literal(key)) };
            out.push_str(&REQUEST.replace("{getter}", getter).replace("{named}", &named));
        }
        if self.response {
            let note = if seen {
                "            if (args != null && args[args.length - 1] instanceof String) {\n                \
                 seen.add((String) args[args.length - 1]);\n            }\n"
            } else {
                ""
            };
            out.push_str(&RESPONSE.replace("{note}", note));
        }
        if self.recorder || self.request.is_some() || self.response {
            out.push_str(NOTHING);
        }
        out.push_str("}\n");
        (name, out)
    }

    fn import(&mut self, names: &[&str]) {
        self.imports.extend(names.iter().map(ToString::to_string));
    }
}

const RECORDER: &str = "
    /** An object that notes the text that each of its methods is given first; so do the objects that it gives. */
    private <T> T recorder(Class<T> type) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (self, method, args) -> {
            if (args != null && args[0] instanceof String) {
                seen.add((String) args[0]);
            }
            Class<?> given = method.getReturnType();
            return given.isInterface() ? recorder(given) : nothing(given);
        }));
    }
";

const REQUEST: &str = "
    /** A request that carries the attack. */
    private <T> T request(Class<T> type) {
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (self, method, args) -> {
            if (method.getName().equals(\"{getter}\"){named}) {
                return ATTACK;
            }
            return method.getReturnType() == String.class ? \"1\" : nothing(method.getReturnType());
        }));
    }
";

const RESPONSE: &str = "
    /** A response that keeps what is written. */
    private <T> T response(Class<T> type) {
        PrintWriter writer = new PrintWriter(body, true);
        return type.cast(Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, (self, method, args) -> {
{note}            return method.getReturnType() == PrintWriter.class ? writer : nothing(method.getReturnType());
        }));
    }
";

const NOTHING: &str = "
    private static Object nothing(Class<?> type) {
        if (type == boolean.class) {
            return false;
        }
        if (type == long.class) {
            return 0L;
        }
        return type.isPrimitive() && type != void.class ? (Object) 0 : null;
    }
";

fn title(name: &str) -> String {
    name.get(..1).map_or(String::new(), |c| c.to_ascii_uppercase() + name.get(1..).unwrap_or(""))
}

/// `sql-injection` → `SqlInjection`.
fn rule_title(rule: &str) -> String {
    words(rule).split('_').map(title).collect()
}

/// A text as a Java literal of printable ASCII.
pub(super) fn literal(text: &str) -> String {
    let unit = |u: &u16| format!("\\u{u:04x}");
    super::super::literal(text, |c| c.encode_utf16(&mut [0u16; 2]).iter().map(unit).collect())
}
