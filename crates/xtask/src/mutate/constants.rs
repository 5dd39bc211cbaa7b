//! Other constants of the same effect: conditions over numbers, switches over a character of a literal, positions in lists,
//! keys of maps, and texts that only say something.

use super::names::Renaming;
use super::{Dice, Edit, JavaFile};
use std::collections::{BTreeMap, BTreeSet};
use surefix_syntax::java::{enclosing, walk};
use tree_sitter::Node;

/// Words that begin a text with a meaning to a library.
const MEANT: &[&str] = &["select", "insert", "update", "delete", "call", "create", "drop", "from", "http", "sunjce"];

struct Cx<'f> {
    f: &'f JavaFile,
    renaming: &'f Renaming,
    dice: Dice,
    out: Vec<Edit>,
}

/// All changes of constants in a file.
pub fn edits(f: &JavaFile, renaming: &Renaming, seed: u64) -> Vec<Edit> {
    let mut cx = Cx { f, renaming, dice: Dice::new(seed, &f.path), out: Vec::new() };
    let mut methods = Vec::new();
    walk(f.tree.root_node(), &mut |n| {
        if matches!(n.kind(), "method_declaration" | "constructor_declaration") {
            methods.push(n);
        }
        true
    });
    for m in &methods {
        cx.conditions(*m);
        cx.switches(*m);
        cx.lists(*m);
    }
    cx.texts();
    cx.out
}

impl<'f> Cx<'f> {
    fn text(&self, n: Node<'_>) -> &'f str {
        self.f.text.get(n.byte_range()).unwrap_or_default()
    }

    fn find<'t>(&self, root: Node<'t>, wanted: impl Fn(Node<'t>) -> bool) -> Vec<Node<'t>> {
        let mut out = Vec::new();
        walk(root, &mut |n| {
            if wanted(n) {
                out.push(n);
            }
            true
        });
        out
    }

    /// How often an identifier stands in a method.
    fn uses<'t>(&self, method: Node<'t>, name: &str) -> Vec<Node<'t>> {
        self.find(method, |n| n.kind() == "identifier" && self.text(n) == name)
    }

    /// The initial value of a local.
    fn initial<'t>(&self, method: Node<'t>, name: &str) -> Option<Node<'t>> {
        let all = self.find(method, |n| {
            n.kind() == "variable_declarator" && n.child_by_field_name("name").is_some_and(|x| self.text(x) == name)
        });
        if all.len() == 1 { all[0].child_by_field_name("value") } else { None }
    }

    /// `(7 * 18) + num > 200`: other numbers, the same outcome.
    fn conditions(&mut self, method: Node<'_>) {
        let conditions = self.find(method, |n| matches!(n.kind(), "if_statement" | "ternary_expression"));
        for c in conditions.into_iter().filter_map(|n| n.child_by_field_name("condition")) {
            let mut literals = self.find(c, |n| n.kind() == "decimal_integer_literal");
            let mut names = self.find(c, |n| n.kind() == "identifier");
            let [name] = names[..] else { continue };
            names.clear();
            let name = self.text(name);
            let Some(start) = self.initial(method, name).filter(|v| v.kind() == "decimal_integer_literal") else {
                continue;
            };
            if self.uses(method, name).len() != 2 {
                continue;
            }
            literals.push(start);
            let old: BTreeMap<usize, i64> =
                literals.iter().filter_map(|l| Some((l.start_byte(), self.text(*l).parse().ok()?))).collect();
            let Some(wanted) = self.truth(c, &old, (name, start.start_byte())) else { continue };
            for _ in 0..500 {
                let new: BTreeMap<usize, i64> = old
                    .iter()
                    .map(|(at, v)| (*at, 2 + i64::try_from(self.dice.below(v.unsigned_abs() * 2 + 20)).unwrap_or(0)))
                    .collect();
                if self.truth(c, &new, (name, start.start_byte())) == Some(wanted) {
                    self.out.extend(
                        literals.iter().filter_map(|l| Some((l.byte_range(), new.get(&l.start_byte())?.to_string()))),
                    );
                    break;
                }
            }
        }
    }

    /// The outcome of a comparison of numbers.
    fn truth(&self, n: Node<'_>, values: &BTreeMap<usize, i64>, local: (&str, usize)) -> Option<bool> {
        if n.kind() == "parenthesized_expression" {
            return self.truth(n.named_child(0)?, values, local);
        }
        let (left, op, right) = self.binary(n)?;
        let (a, b) = (self.number(left, values, local)?, self.number(right, values, local)?);
        Some(match op {
            ">" => a > b,
            "<" => a < b,
            ">=" => a >= b,
            "<=" => a <= b,
            "==" => a == b,
            "!=" => a != b,
            _ => return None,
        })
    }

    fn binary<'t>(&self, n: Node<'t>) -> Option<(Node<'t>, &'f str, Node<'t>)> {
        if n.kind() != "binary_expression" {
            return None;
        }
        let op = self.text(n.child_by_field_name("operator")?);
        Some((n.child_by_field_name("left")?, op, n.child_by_field_name("right")?))
    }

    fn number(&self, n: Node<'_>, values: &BTreeMap<usize, i64>, local: (&str, usize)) -> Option<i64> {
        let v = match n.kind() {
            "decimal_integer_literal" => *values.get(&n.start_byte())?,
            "identifier" if self.text(n) == local.0 => *values.get(&local.1)?,
            "parenthesized_expression" => self.number(n.named_child(0)?, values, local)?,
            _ => {
                let (left, op, right) = self.binary(n)?;
                let (a, b) = (self.number(left, values, local)?, self.number(right, values, local)?);
                match op {
                    "+" => a.checked_add(b)?,
                    "-" => a.checked_sub(b)?,
                    "*" => a.checked_mul(b)?,
                    "/" => a.checked_div(b)?,
                    "%" => a.checked_rem(b)?,
                    _ => return None,
                }
            }
        };
        i32::try_from(v).ok().map(i64::from)
    }

    /// `switch ("ABC".charAt(1))` over letters: all letters move by the same number of places.
    fn switches(&mut self, method: Node<'_>) {
        for switch in self.find(method, |n| n.kind() == "switch_expression") {
            let Some(subject) = switch.child_by_field_name("condition").and_then(|c| c.named_child(0)) else {
                continue;
            };
            let name = self.text(subject);
            let Some(call) = self.initial(method, name).filter(|v| v.kind() == "method_invocation") else { continue };
            let Some(object) = call.child_by_field_name("object") else { continue };
            let picks = call.child_by_field_name("name").is_some_and(|n| self.text(n) == "charAt");
            let word = self.text(object);
            let Some(literal) = self.initial(method, word).filter(|v| v.kind() == "string_literal") else { continue };
            if !picks || self.uses(method, name).len() != 2 || self.uses(method, word).len() != 2 {
                continue;
            }
            let mut all = self.find(switch, |n| n.kind() == "character_literal");
            let in_labels = all.iter().all(|c| c.parent().is_some_and(|p| p.kind() == "switch_label"));
            all.push(literal);
            let letters =
                |n: &Node<'_>| self.text(*n).trim_matches(['"', '\'']).bytes().all(|b| b.is_ascii_uppercase());
            if !in_labels || !all.iter().all(letters) {
                continue;
            }
            let by = 1 + u8::try_from(self.dice.below(25)).unwrap_or(0);
            let turn = |c: char| if c.is_ascii_uppercase() { char::from(b'A' + (c as u8 - b'A' + by) % 26) } else { c };
            let new: Vec<Edit> =
                all.iter().map(|n| (n.byte_range(), self.text(*n).chars().map(turn).collect())).collect();
            self.out.extend(new);
        }
    }

    /// One more element at the front of a list, and every position one further.
    fn lists(&mut self, method: Node<'_>) {
        for d in self.find(method, |n| n.kind() == "local_variable_declaration") {
            let Some(declarator) = d.child_by_field_name("declarator") else { continue };
            let kind = d.child_by_field_name("type").map(|t| self.text(t)).unwrap_or_default();
            let made = declarator.child_by_field_name("value").filter(|v| v.kind() == "object_creation_expression");
            let list = made.is_some_and(|v| {
                let empty = v.child_by_field_name("arguments").is_some_and(|a| a.named_child_count() == 0);
                let of = v.child_by_field_name("type").map(|t| self.text(t)).unwrap_or_default();
                empty && (of.contains("ArrayList") || of.contains("LinkedList"))
            });
            if !list || !kind.contains("List<String>") {
                continue;
            }
            let name = declarator.child_by_field_name("name").map(|n| self.text(n)).unwrap_or_default();
            let mut positions = Vec::new();
            let mut known = true;
            for u in self.uses(method, name).into_iter().skip(1) {
                match self.list_use(u) {
                    Some(position) => positions.extend(position),
                    None => known = false,
                }
            }
            if !known || positions.is_empty() {
                continue;
            }
            let filler: String =
                (0..6).map(|_| char::from(b'a' + u8::try_from(self.dice.below(26)).unwrap_or(0))).collect();
            let at = d.end_byte();
            self.out.push((at..at, format!(" {}.add(\"{filler}\");", self.renaming.value(name))));
            for p in positions {
                let Ok(n) = self.text(p).parse::<u32>() else { continue };
                self.out.push((p.byte_range(), (n + 1).to_string()));
            }
        }
    }

    /// `add(x)`: no position; `get(1)`, `remove(0)`: the position; anything else is not understood.
    fn list_use<'t>(&self, u: Node<'t>) -> Option<Option<Node<'t>>> {
        let call = u.parent().filter(|p| p.kind() == "method_invocation")?;
        if call.child_by_field_name("object")? != u {
            return None;
        }
        let arguments = call.child_by_field_name("arguments").filter(|a| a.named_child_count() == 1)?;
        let argument = arguments.named_child(0)?;
        match self.text(call.child_by_field_name("name")?) {
            "add" => Some(None),
            "get" | "remove" if argument.kind() == "decimal_integer_literal" => Some(Some(argument)),
            _ => None,
        }
    }

    /// Texts: other letters, the same for equal texts of a file, only where every occurrence is harmless.
    fn texts(&mut self) {
        let mut by_text: BTreeMap<&str, (Vec<Node<'_>>, bool)> = BTreeMap::new();
        let root = self.f.tree.root_node();
        for n in self.find(root, |n| n.kind() == "string_literal") {
            let free = self.is_free(n);
            let entry = by_text.entry(self.text(n)).or_insert_with(|| (Vec::new(), true));
            entry.0.push(n);
            entry.1 &= free;
        }
        let mut letters: Vec<u8> = (b'a'..=b'z').collect();
        for i in (1..letters.len()).rev() {
            letters.swap(i, usize::try_from(self.dice.below(i as u64 + 1)).unwrap_or(0));
        }
        // A bijection on letters keeps unequal texts unequal, and lengths and positions of everything else.
        let turn = |c: char| match c {
            'a'..='z' => char::from(letters[usize::from(c as u8 - b'a')]),
            'A'..='Z' => char::from(letters[usize::from(c as u8 - b'A')].to_ascii_uppercase()),
            other => other,
        };
        let done: BTreeSet<usize> = self.out.iter().map(|(r, _)| r.start).collect();
        for (text, (nodes, free)) in by_text {
            if !free || text.contains('\\') || self.renaming.names_test(text) {
                continue;
            }
            let new: String = text.chars().map(turn).collect();
            let fresh = nodes.into_iter().filter(|n| !done.contains(&n.start_byte()));
            self.out.extend(fresh.map(|n| (n.byte_range(), new.clone())));
        }
    }

    /// True for a text that no library gives a meaning to, as far as its place tells.
    fn is_free(&self, n: Node<'_>) -> bool {
        let text = self.text(n).trim_matches('"');
        let Some(parent) = n.parent() else { return false };
        if parent.kind() == "argument_list" {
            return parent.parent().is_some_and(|call| self.is_collection_call(call));
        }
        let valued = match parent.kind() {
            "variable_declarator" => {
                parent.parent().and_then(|d| d.child_by_field_name("type")).is_some_and(|t| self.text(t) == "String")
            }
            "assignment_expression" | "ternary_expression" | "return_statement" => true,
            _ => false,
        };
        let first = text.split([' ', '_', '\'']).next().unwrap_or_default().to_ascii_lowercase();
        let prose = text.len() > 6
            && text.contains([' ', '_'])
            && text.bytes().all(|b| b.is_ascii_alphabetic() || b" _'!-".contains(&b))
            && text.bytes().any(|b| b.is_ascii_lowercase());
        valued && prose && !MEANT.contains(&first.as_str())
    }

    /// A call on a local map or list that the method itself made.
    fn is_collection_call(&self, call: Node<'_>) -> bool {
        if call.kind() != "method_invocation" {
            return false;
        }
        let name = call.child_by_field_name("name").map(|n| self.text(n)).unwrap_or_default();
        let Some(object) = call.child_by_field_name("object").filter(|o| o.kind() == "identifier") else {
            return false;
        };
        let Some(method) = enclosing(call, |n| n.kind() == "method_declaration") else { return false };
        let made = self.initial(method, self.text(object)).filter(|v| v.kind() == "object_creation_expression");
        let of = made.and_then(|v| v.child_by_field_name("type")).map(|t| self.text(t)).unwrap_or_default();
        let map = of.contains("HashMap") || of.contains("TreeMap");
        // The list of a program's arguments is no list of words.
        let list = of.contains("ArrayList") && !self.is_passed_on(method, self.text(object));
        map && matches!(name, "put" | "get" | "containsKey" | "remove" | "getOrDefault") || list && name == "add"
    }

    /// True when a local is an argument of some call.
    fn is_passed_on(&self, method: Node<'_>, name: &str) -> bool {
        self.uses(method, name).iter().any(|u| u.parent().is_some_and(|p| p.kind() == "argument_list"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::Names;
    use super::*;

    fn mutate(text: &str) -> String {
        let tree = surefix_syntax::java::parse(text);
        let f = JavaFile { path: "src/Case1.java".into(), text: text.into(), tree };
        let files = [f];
        let names = Names::collect(&files);
        let renaming = Renaming::new(&names, &[], 7);
        let mut all = renaming.edits(&files[0]);
        all.extend(edits(&files[0], &renaming, 7));
        super::super::apply(text, all)
    }

    #[test]
    fn names_change_and_those_of_libraries_do_not() {
        let out = mutate(
            "package a.b;\nimport java.util.Map;\nclass Helper {\n    String find(String key) { return System.getProperty(key); }\n}\n\
             class Case1 { void go(Helper h) { h.find(\"user.dir\"); java.util.List<String> x = null; } }\n",
        );
        for old in ["Helper", "find", "key", "Case1", " go(", " x ", "a.b"] {
            assert!(!out.contains(old), "{old} in {out}");
        }
        for kept in ["java.util.Map", "System.getProperty(", "\"user.dir\"", "java.util.List<String>"] {
            assert!(out.contains(kept), "{kept} not in {out}");
        }
    }

    #[test]
    fn outcomes_stay() {
        let out = mutate(
            "class A { String go(String p) {\n int num = 106;\n String bar = (7 * 18) + num > 200 ? \"This should not be\" : p;\n\
             java.util.List<String> l = new java.util.ArrayList<String>();\n l.add(\"safe\"); l.add(p); l.remove(0); return l.get(1);\n} }\n",
        );
        assert!(!out.contains("106") && !out.contains("This should not be"), "{out}");
        assert!(out.contains(".remove(1)") && out.contains(".get(2)"), "{out}");
    }

    #[test]
    fn a_switch_takes_the_same_branch() {
        let out = mutate(
            "class A { int go() { String g = \"ABC\"; char t = g.charAt(1); switch (t) { case 'A': return 1; case 'B': return 2; } return 3; } }\n",
        );
        assert!(!out.contains("ABC"), "{out}");
        let quoted: Vec<&str> = out.split('"').collect();
        let second = quoted[1].chars().nth(1).unwrap();
        assert!(out.contains(&format!("case '{second}': return 2")), "{out}");
    }
}
