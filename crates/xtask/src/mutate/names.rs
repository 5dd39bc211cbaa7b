//! Which names a suite declares, what they are called in the copy, and where they stand.

use super::{Dice, Edit, JavaFile};
use crate::eval::Label;
use std::collections::{BTreeMap, BTreeSet};
use surefix_syntax::java::walk;
use tree_sitter::Node;

/// Methods that a library or the language calls by name.
const CALLED_BY_NAME: &[&str] = &[
    "main",
    "run",
    "call",
    "init",
    "destroy",
    "service",
    "doGet",
    "doPost",
    "doPut",
    "doDelete",
    "doHead",
    "doOptions",
    "doFilter",
    "toString",
    "equals",
    "hashCode",
    "compareTo",
    "compare",
    "close",
    "read",
    "write",
    "get",
    "set",
    "values",
    "valueOf",
    "iterator",
    "hasNext",
    "next",
    "accept",
    "apply",
    "test",
    "contextInitialized",
    "contextDestroyed",
    "handle",
    "process",
    "serialVersionUID",
    "length",
    "args",
];

/// First components of the names of libraries' packages.
const PACKAGES: &[&str] = &["java", "javax", "jakarta", "org", "com", "io", "net", "sun", "jdk", "edu", "de"];

/// Java's words, which a made-up name must not be.
const WORDS: &[&str] =
    &["native", "volatile", "private", "package", "double", "finally", "void", "module", "record", "sealed"];

/// Names declared by the suite.
#[derive(Default)]
pub struct Names {
    classes: BTreeSet<String>,
    methods: BTreeSet<String>,
    fields: BTreeSet<String>,
    locals: BTreeSet<String>,
    packages: BTreeSet<String>,
    /// Names that stay as they are.
    pub keep: BTreeSet<String>,
}

fn text<'t>(f: &'t JavaFile, n: Node<'_>) -> &'t str {
    f.text.get(n.byte_range()).unwrap_or_default()
}

fn has_override(f: &JavaFile, method: Node<'_>) -> bool {
    let mut cursor = method.walk();
    method.named_children(&mut cursor).any(|c| c.kind() == "modifiers" && text(f, c).contains("@Override"))
}

impl Names {
    /// Reads all declarations.
    pub fn collect(files: &[JavaFile]) -> Names {
        let mut names = Names::default();
        names.keep.extend(CALLED_BY_NAME.iter().map(|n| (*n).to_string()));
        for f in files {
            walk(f.tree.root_node(), &mut |n| {
                names.declaration(f, n);
                true
            });
        }
        names
    }

    fn declaration(&mut self, f: &JavaFile, n: Node<'_>) {
        let name = || n.child_by_field_name("name").map(|c| text(f, c).to_string());
        match n.kind() {
            "class_declaration"
            | "interface_declaration"
            | "enum_declaration"
            | "record_declaration"
            | "annotation_type_declaration" => self.classes.extend(name()),
            "package_declaration" => {
                let path = n.named_child(0).map(|c| text(f, c).split_whitespace().collect::<String>());
                self.packages.extend(path);
            }
            // What only overrides something from outside keeps its name, as does everything in a record.
            "method_declaration" if !has_override(f, n) => self.methods.extend(name()),
            "enum_constant" => self.fields.extend(name()),
            "variable_declarator" => {
                let field =
                    n.parent().is_some_and(|p| matches!(p.kind(), "field_declaration" | "constant_declaration"));
                if field { self.fields.extend(name()) } else { self.locals.extend(name()) }
            }
            "formal_parameter" => {
                let record = n.parent().and_then(|p| p.parent()).is_some_and(|p| p.kind() == "record_declaration");
                if record { self.keep.extend(name()) } else { self.locals.extend(name()) }
            }
            "catch_formal_parameter" | "resource" | "enhanced_for_statement" => self.locals.extend(name()),
            "lambda_expression" => {
                let parameters = n.child_by_field_name("parameters");
                self.locals.extend(parameters.filter(|p| p.kind() == "identifier").map(|p| text(f, p).to_string()));
            }
            "inferred_parameters" => {
                let mut cursor = n.walk();
                self.locals.extend(n.named_children(&mut cursor).map(|c| text(f, c).to_string()));
            }
            _ => {}
        }
    }

    /// Members of classes that a resource names by their full name keep theirs: frameworks find them by reflection.
    pub fn keep_mapped(&mut self, files: &[JavaFile], resources: &[String]) {
        for f in files {
            let path = f.path.trim_end_matches(".java").replace('/', ".");
            let Some(package) = self.packages.iter().find(|p| path.contains(&format!(".{p}."))) else { continue };
            let Some(at) = path.find(&format!("{package}.")) else { continue };
            if !resources.iter().any(|r| r.contains(&path[at..])) {
                continue;
            }
            walk(f.tree.root_node(), &mut |n| {
                let member = n.kind() == "method_declaration"
                    || n.kind() == "variable_declarator" && n.parent().is_some_and(|p| p.kind() == "field_declaration");
                if member && let Some(name) = n.child_by_field_name("name") {
                    self.keep.insert(text(f, name).to_string());
                }
                true
            });
        }
    }

    /// The components all packages begin with.
    fn prefix(&self) -> Vec<String> {
        let mut all = self.packages.iter().map(|p| p.split('.').collect::<Vec<_>>());
        let Some(mut prefix) = all.next() else { return Vec::new() };
        for p in all {
            let same = prefix.iter().zip(&p).take_while(|(a, b)| a == b).count();
            prefix.truncate(same);
        }
        prefix.into_iter().map(str::to_string).collect()
    }
}

/// What everything is called in the copy.
pub struct Renaming {
    classes: BTreeMap<String, String>,
    methods: BTreeMap<String, String>,
    values: BTreeMap<String, String>,
    fields: BTreeSet<String>,
    /// Whole packages, dotted.
    packages: BTreeMap<String, String>,
    prefix: Vec<String>,
    tests: BTreeMap<String, String>,
    categories: BTreeMap<String, String>,
}

/// Makes up names that are not taken yet.
struct Maker {
    dice: Dice,
    taken: BTreeSet<String>,
}

impl Maker {
    fn make(&mut self, like: &str) -> String {
        loop {
            let mut name = String::new();
            for _ in 0..4 {
                name.push(char::from(b"bcdfghjklmnprstvwz"[self.dice.below(18) as usize]));
                name.push(char::from(b"aeiou"[self.dice.below(5) as usize]));
            }
            let upper = like.chars().all(|c| !c.is_ascii_lowercase());
            if upper && like.len() > 1 {
                name = name.to_ascii_uppercase();
            } else if like.starts_with(|c: char| c.is_ascii_uppercase()) {
                name[..1].make_ascii_uppercase();
            }
            if !WORDS.contains(&name.as_str()) && self.taken.insert(name.clone()) {
                return name;
            }
        }
    }
}

impl Renaming {
    /// Names for everything that does not stay.
    pub fn new(names: &Names, labels: &[Label], seed: u64) -> Renaming {
        let mut taken: BTreeSet<String> = BTreeSet::new();
        for set in [&names.classes, &names.methods, &names.fields, &names.locals, &names.keep] {
            taken.extend(set.iter().cloned());
        }
        let mut maker = Maker { dice: Dice::new(seed, "names"), taken };
        let free = |n: &&String| !names.keep.contains(*n) && !PACKAGES.contains(&n.as_str());
        // Drawn for kept names too: what one name is called does not depend on which others are kept.
        let mut draw = |set: &BTreeSet<String>| -> BTreeMap<String, String> {
            let drawn: Vec<(String, String)> = set.iter().map(|n| (n.clone(), maker.make(n))).collect();
            drawn.into_iter().filter(|(n, _)| free(&n)).collect()
        };
        let classes = draw(&names.classes);
        let methods = draw(&names.methods);
        let both: BTreeSet<String> = names.fields.union(&names.locals).cloned().collect();
        let values = draw(&both);
        let components: BTreeSet<String> =
            names.packages.iter().flat_map(|p| p.split('.')).map(str::to_string).collect();
        let components: BTreeMap<String, String> = components.iter().map(|c| (c.clone(), maker.make(c))).collect();
        let package = |p: &str| p.split('.').map(|c| components[c].as_str()).collect::<Vec<_>>().join(".");
        let mut packages: BTreeMap<String, String> = names.packages.iter().map(|p| (p.clone(), package(p))).collect();
        let prefix = names.prefix();
        // A prefix of one component would also match libraries.
        let prefix = if prefix.len() > 1 { prefix } else { Vec::new() };
        if !prefix.is_empty() {
            let joined = prefix.join(".");
            packages.insert(joined.clone(), package(&joined));
        }
        let tests = labels.iter().filter_map(|l| Some((l.name.clone(), classes.get(&l.name)?.clone()))).collect();
        let categories: BTreeSet<String> = labels.iter().map(|l| l.category.clone()).collect();
        let categories = categories.iter().map(|c| (c.clone(), maker.make(c))).collect();
        Renaming { classes, methods, values, fields: names.fields.clone(), packages, prefix, tests, categories }
    }

    /// The new name of a class, the old one when it stays.
    pub fn class<'a>(&'a self, name: &'a str) -> &'a str {
        self.classes.get(name).map_or(name, String::as_str)
    }

    /// The new name of a local or field.
    pub fn value<'a>(&'a self, name: &'a str) -> &'a str {
        self.values.get(name).map_or(name, String::as_str)
    }

    /// Every pair of old and new name.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        [&self.classes, &self.methods, &self.values].into_iter().flatten().map(|(a, b)| (a.as_str(), b.as_str()))
    }

    /// True when a text holds the name of a test.
    pub fn names_test(&self, text: &str) -> bool {
        words(text).any(|w| self.tests.contains_key(w))
    }

    /// The path of a Java file in the copy.
    pub fn java_path(&self, path: &str) -> String {
        let path = self.words(path);
        let (dir, file) = path.rsplit_once('/').unwrap_or(("", &path));
        let stem = file.strip_suffix(".java").unwrap_or(file);
        let stem = self.class(stem);
        if dir.is_empty() { format!("{stem}.java") } else { format!("{dir}/{stem}.java") }
    }

    /// A text that is no code: packages (dotted or as a path), qualified class names, tests and categories as they are called in the copy.
    pub fn words(&self, text: &str) -> String {
        let mut out = text.to_string();
        // Longer packages first, so that none is cut by its parent.
        let mut packages: Vec<(&String, &String)> = self.packages.iter().collect();
        packages.sort_by_key(|(p, _)| std::cmp::Reverse(p.len()));
        for (old, new) in packages {
            if out.contains(old.as_str()) {
                out = self.qualified(&out, old, new);
            }
            out = out.replace(&old.replace('.', "/"), &new.replace('.', "/"));
        }
        let mut done = String::with_capacity(out.len());
        let mut rest = out.as_str();
        while !rest.is_empty() {
            let word = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (w, tail) = rest.split_at(word);
            let numbered =
                tail.strip_prefix('-').is_some_and(|t| t.starts_with(|c: char| c.is_ascii_digit() || c == 'I'));
            match (self.tests.get(w), self.categories.get(w)) {
                (Some(new), _) => done.push_str(new),
                (None, Some(new)) if numbered => done.push_str(new),
                _ => done.push_str(w),
            }
            let other = tail.find(|c: char| c.is_ascii_alphanumeric() || c == '_').unwrap_or(tail.len());
            done.push_str(&tail[..other]);
            rest = &tail[other..];
        }
        done
    }

    fn qualified(&self, text: &str, old: &str, new: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut parts = text.split(old);
        out.push_str(parts.next().unwrap_or_default());
        for rest in parts {
            out.push_str(new);
            let class =
                rest.strip_prefix('.').map(|r| r.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next());
            match class.flatten().and_then(|c| Some((c, self.classes.get(c)?))) {
                Some((class, new)) => {
                    out.push('.');
                    out.push_str(new);
                    out.push_str(&rest[1 + class.len()..]);
                }
                None => out.push_str(rest),
            }
        }
        out
    }

    /// All renamings in one file.
    pub fn edits(&self, f: &JavaFile) -> Vec<Edit> {
        let leaves = leaves(f);
        let mut out = Vec::new();
        let mut i = 0;
        while i < leaves.len() {
            let l = &leaves[i];
            if l.kind == "string_literal" {
                let new = self.words(&f.text[l.range.clone()]);
                let bare = new.trim_matches('"');
                // A literal that is the name of a class on its own is meant for reflection.
                let new = if new.len() == bare.len() + 2 { format!("\"{}\"", self.class(bare)) } else { new };
                if new != f.text[l.range.clone()] {
                    out.push((l.range.clone(), new));
                }
                i += 1;
                continue;
            }
            if !l.is_name() {
                i += 1;
                continue;
            }
            let end = chain(&leaves, i);
            let names: Vec<usize> = (i..end).step_by(2).collect();
            out.extend(self.chain(f, &leaves, &names));
            i = end;
        }
        out
    }

    /// Renames in a chain `a.b.c` of names.
    fn chain(&self, f: &JavaFile, leaves: &[Leaf<'_>], names: &[usize]) -> Vec<Edit> {
        let mut out = Vec::new();
        let text = |i: usize| &f.text[leaves[i].range.clone()];
        let path: Vec<&str> = names.iter().map(|n| text(*n)).collect();
        let mine = (1..=path.len()).rev().find(|k| self.packages.contains_key(&path[..*k].join(".")));
        let mut rest = 0;
        if let Some(k) = mine.filter(|k| *k >= self.prefix.len().max(1) && !self.prefix.is_empty()) {
            let new = &self.packages[&path[..k].join(".")];
            for (n, new) in names.iter().zip(new.split('.')) {
                out.push((leaves[*n].range.clone(), new.to_string()));
            }
            rest = k;
        } else if path.len() > 1 && PACKAGES.contains(&path[0]) && leaves[names[0]].starts {
            return out;
        }
        for n in &names[rest..] {
            let l = &leaves[*n];
            let old = text(*n);
            let qualified = *n > 0 && text(*n - 1) == ".";
            if let Some(new) = self.role(l, old, qualified || rest > 0 && *n == names[rest]) {
                out.push((l.range.clone(), new.clone()));
            }
        }
        out
    }

    fn role(&self, l: &Leaf<'_>, old: &str, qualified: bool) -> Option<&String> {
        let capital = old.starts_with(|c: char| c.is_ascii_uppercase());
        match (l.parent, l.field) {
            ("element_value_pair", Some("key")) => None,
            ("method_declaration" | "method_invocation", Some("name")) => self.methods.get(old),
            ("method_reference", _) if qualified || l.last => self.methods.get(old),
            (
                "class_declaration"
                | "interface_declaration"
                | "enum_declaration"
                | "record_declaration"
                | "annotation_type_declaration"
                | "constructor_declaration"
                | "compact_constructor_declaration",
                Some("name"),
            )
            | ("annotation" | "marker_annotation", _) => self.classes.get(old),
            _ if l.kind == "type_identifier" => self.classes.get(old),
            ("scoped_identifier", _) if qualified => {
                self.classes.get(old).or_else(|| self.methods.get(old)).or_else(|| self.field(old))
            }
            ("field_access", Some("field")) => match self.field(old) {
                Some(new) if !(capital && self.classes.contains_key(old)) => Some(new),
                _ => self.classes.get(old).filter(|_| capital),
            },
            _ if capital && self.classes.contains_key(old) && !self.fields.contains(old) => self.classes.get(old),
            _ => self.values.get(old),
        }
    }

    fn field(&self, old: &str) -> Option<&String> {
        self.values.get(old).filter(|_| self.fields.contains(old))
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
}

/// A token.
struct Leaf<'t> {
    kind: &'t str,
    range: std::ops::Range<usize>,
    parent: &'t str,
    field: Option<&'t str>,
    /// Nothing but the beginning of an expression stands before it.
    starts: bool,
    /// The last child of its parent.
    last: bool,
}

impl Leaf<'_> {
    fn is_name(&self) -> bool {
        matches!(self.kind, "identifier" | "type_identifier")
    }
}

fn leaves(f: &JavaFile) -> Vec<Leaf<'_>> {
    let mut out: Vec<Leaf<'_>> = Vec::new();
    let mut cursor = f.tree.walk();
    loop {
        let n = cursor.node();
        let whole = matches!(n.kind(), "string_literal" | "character_literal" | "line_comment" | "block_comment");
        if !whole && cursor.goto_first_child() {
            continue;
        }
        if !n.kind().ends_with("comment") {
            let parent = n.parent();
            let starts = out.last().is_none_or(|l| l.kind != "." && l.kind != "::");
            let last = n.next_sibling().is_none();
            out.push(Leaf {
                kind: n.kind(),
                range: n.byte_range(),
                parent: parent.map_or("", |p| p.kind()),
                field: cursor.field_name(),
                starts,
                last,
            });
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return out;
            }
        }
    }
}

/// The end of the chain of names that begins at `i`.
fn chain(leaves: &[Leaf<'_>], i: usize) -> usize {
    let mut end = i + 1;
    while end + 1 < leaves.len() && leaves[end].kind == "." && leaves[end + 1].is_name() {
        end += 2;
    }
    end
}
