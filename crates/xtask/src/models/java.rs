//! Resolves rows about Java libraries against class files.

use super::class::{self, Class, Member, Type};
use super::{Row, near};
use anyhow::{Context, Result};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

type Archive = zip::ZipArchive<BufReader<File>>;

enum Place {
    Jar(usize, usize),
    File(PathBuf),
}

/// The classes that one artifact sees: its own, those it depends on, those of the JDK.
pub(crate) struct World {
    places: BTreeMap<String, Place>,
    jars: Vec<RefCell<Archive>>,
    read: RefCell<BTreeMap<String, Option<Rc<Class>>>>,
    jdk: Option<Rc<World>>,
}

impl World {
    /// The JDK's classes, extracted to `dir`: one folder a module.
    pub fn of_jdk(dir: &Path) -> Result<World> {
        let mut places = BTreeMap::new();
        for module in std::fs::read_dir(dir).with_context(|| dir.display().to_string())? {
            let root = module?.path();
            let mut todo = vec![root.clone()];
            while let Some(d) = todo.pop() {
                for e in std::fs::read_dir(&d).into_iter().flatten() {
                    let p = e?.path();
                    if p.is_dir() {
                        todo.push(p);
                    } else if let Ok(rel) = p.strip_prefix(&root)
                        && let Some(name) = rel.to_str().and_then(|s| s.strip_suffix(".class"))
                    {
                        places.insert(name.to_string(), Place::File(p.clone()));
                    }
                }
            }
        }
        Ok(World { places, jars: Vec::new(), read: RefCell::default(), jdk: None })
    }

    /// The classes of jars, the first that has a name wins.
    pub fn of_jars(paths: &[PathBuf], jdk: Rc<World>) -> Result<World> {
        let (mut places, mut jars) = (BTreeMap::new(), Vec::new());
        for p in paths {
            let file = File::open(p).with_context(|| p.display().to_string())?;
            let jar = Archive::new(BufReader::new(file)).with_context(|| p.display().to_string())?;
            for i in 0..jar.len() {
                let Some(Ok(name)) = jar.name_for_index(i) else { continue };
                let Some(name) = name.strip_suffix(".class") else { continue };
                if !name.starts_with("META-INF/") {
                    places.entry(name.to_string()).or_insert(Place::Jar(jars.len(), i));
                }
            }
            jars.push(RefCell::new(jar));
        }
        Ok(World { places, jars, read: RefCell::default(), jdk: Some(jdk) })
    }

    fn has(&self, name: &str) -> bool {
        self.places.contains_key(name) || self.jdk.as_ref().is_some_and(|j| j.has(name))
    }

    fn get(&self, name: &str) -> Option<Rc<Class>> {
        if let Some(c) = self.read.borrow().get(name) {
            return c.clone();
        }
        let bytes = match self.places.get(name) {
            None => return self.jdk.as_ref().and_then(|j| j.get(name)),
            Some(Place::File(p)) => std::fs::read(p).ok(),
            Some(Place::Jar(jar, entry)) => self.jars.get(*jar).and_then(|j| {
                let mut out = Vec::new();
                j.borrow_mut().by_index(*entry).ok()?.read_to_end(&mut out).ok()?;
                Some(out)
            }),
        };
        let class = bytes.and_then(|b| class::read(&b).ok()).map(Rc::new);
        self.read.borrow_mut().insert(name.to_string(), class.clone());
        class
    }

    /// Internal name of a dotted one: `a.B.C` is `a/B/C`, `a/B$C` or `a$B$C`.
    fn internal(&self, dotted: &str) -> Option<String> {
        let parts: Vec<&str> = dotted.split('.').collect();
        (1..=parts.len()).rev().find_map(|n| {
            let (outer, inner) = parts.split_at(n);
            let mut name = outer.join("/");
            for i in inner {
                name.push('$');
                name.push_str(i);
            }
            self.has(&name).then_some(name)
        })
    }

    /// A type and all its supertypes, nearest first; the second list has those whose class file is missing.
    fn hierarchy(&self, name: &str) -> (Vec<(String, Rc<Class>)>, Vec<String>) {
        let (mut out, mut missing, mut todo, mut at) = (Vec::new(), Vec::new(), vec![name.to_string()], 0);
        while let Some(n) = todo.get(at).cloned() {
            at += 1;
            let Some(c) = self.get(&n) else {
                missing.push(n);
                continue;
            };
            for s in &c.supers {
                if !todo.contains(s) {
                    todo.push(s.clone());
                }
            }
            out.push((n, c));
        }
        // Interfaces have the methods of Object, too.
        if !todo.iter().any(|n| n == "java/lang/Object")
            && let Some(c) = self.get("java/lang/Object")
        {
            out.push(("java/lang/Object".to_string(), c));
        }
        (out, missing)
    }

    fn is_subtype(&self, sub: &str, sup: &str) -> bool {
        self.hierarchy(sub).0.iter().any(|c| c.0 == sup)
    }
}

/// What a row names.
struct Named {
    owner: String,
    members: Vec<Member>,
}

/// Checks rows against the worlds of a library's artifacts.
pub(crate) struct Checker<'w> {
    /// Of the library's own artifacts.
    pub own: Vec<&'w World>,
    /// Of all libraries: types that rows only mention may come from there.
    pub all: Vec<&'w World>,
    /// Package in the class files, package in the rows.
    pub packages: Vec<(String, String)>,
}

/// A problem and what to write instead.
type Problem = (String, Option<String>);

fn dotted(internal: &str) -> String {
    internal.replace(['/', '$'], ".")
}

impl Checker<'_> {
    /// Other spellings of a name in the class files.
    fn spellings(&self, name: &str) -> Vec<String> {
        let mut out = vec![name.to_string()];
        for (real, written) in &self.packages {
            if let Some(rest) = name.strip_prefix(written.as_str())
                && rest.starts_with('.')
            {
                out.push(format!("{real}{rest}"));
            }
        }
        out
    }

    fn find(&self, w: &World, name: &str) -> Option<String> {
        self.spellings(name).iter().find_map(|s| w.internal(s))
    }

    /// The type is somewhere.
    fn known(&self, name: &str) -> Result<(), Problem> {
        if self.own.iter().chain(&self.all).any(|w| self.find(w, name).is_some()) {
            return Ok(());
        }
        let simple = name.rsplit('.').next().unwrap_or(name);
        let mut hits: Vec<String> = Vec::new();
        for w in &self.own {
            hits.extend(w.places.keys().filter(|k| k.rsplit(['/', '$']).next() == Some(simple)).map(|k| dotted(k)));
        }
        let mut all: Vec<String> = Vec::new();
        if hits.is_empty() {
            let package = name.rsplit_once('.').map_or("", |x| x.0);
            for w in &self.own {
                all.extend(w.places.keys().map(|k| dotted(k)).filter(|k| k.starts_with(package)));
            }
        }
        hits.sort_by_key(|h| (h.len(), h.clone()));
        let hint = hits.first().cloned().or_else(|| near(name, all.iter().map(String::as_str)));
        Err((format!("there is no type `{name}`"), hint))
    }

    /// Members that a callable cell names, in each world where it resolves: versions of a library differ.
    fn named(&self, cell: &str) -> Result<Vec<(&World, Named)>, Problem> {
        let (name, sig) = match cell.split_once('(') {
            Some((n, s)) => (n, Some(s.trim_end_matches(')'))),
            None => (cell, None),
        };
        let Some((ty, member)) = name.rsplit_once('.') else { return Err((format!("`{cell}` has no type"), None)) };
        let (mut out, mut first): (Vec<(&World, Named)>, Option<Problem>) = (Vec::new(), None);
        for w in &self.own {
            let Some(owner) = self.find(w, ty) else { continue };
            match self.in_type(w, &owner, member, sig) {
                Ok(members) => out.push((w, Named { owner, members })),
                Err(e) => first = first.or(Some(e)),
            }
        }
        if !out.is_empty() {
            return Ok(out);
        }
        self.known(ty)?;
        let elsewhere =
            || (format!("`{ty}` is not in the artifacts of this file"), Some("the file of its library".to_string()));
        Err(first.unwrap_or_else(elsewhere))
    }

    fn in_type(&self, w: &World, owner: &str, member: &str, sig: Option<&str>) -> Result<Vec<Member>, Problem> {
        let (classes, missing) = w.hierarchy(owner);
        let mut named: Vec<Member> = Vec::new();
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for (n, c) in &classes {
            for m in &c.members {
                if m.name == "<init>" && n != owner {
                    continue;
                }
                names.insert(&m.name);
                if m.name == member {
                    named.push(m.clone());
                }
            }
        }
        if named.is_empty() {
            let mut message = format!("`{}` has no member `{member}`", dotted(owner));
            if !missing.is_empty() {
                let list: Vec<String> = missing.iter().map(|m| dotted(m)).collect();
                message.push_str(&format!(" (no class file of its supertypes {})", list.join(", ")));
            }
            return Err((message, near(member, names.iter().copied())));
        }
        let Some(sig) = sig else { return Ok(named) };
        let want: Vec<&str> = sig.split(',').filter(|s| !s.is_empty()).collect();
        let fit: Vec<Member> = named.iter().filter(|m| fits(m, &want)).cloned().collect();
        if fit.is_empty() {
            let mut have: Vec<String> = named.iter().map(Member::signature).collect();
            have.sort();
            have.dedup();
            return Err((format!("no overload of `{member}` takes ({sig})"), Some(have.join(" or "))));
        }
        Ok(fit)
    }

    /// Checks a row; the answer tells what is wrong with it.
    pub fn row(&self, row: &Row) -> Result<(), Problem> {
        match row.section.as_str() {
            "alias" => self.known(row.cell(0)),
            "subtype" => self.subtype(row),
            "entry" => self.entry(row),
            _ => self.member(row),
        }
    }

    fn subtype(&self, row: &Row) -> Result<(), Problem> {
        let (sub, sup) = (row.cell(0), row.cell(1));
        for t in [sub, sup] {
            if !t.starts_with("surefix.") {
                self.known(t)?;
            }
        }
        if sub.starts_with("surefix.") || sup.starts_with("surefix.") {
            return Ok(());
        }
        let wanted = self.spellings(sup);
        let holds = self.own.iter().chain(&self.all).any(|w| {
            let Some(a) = self.find(w, sub) else { return false };
            // A supertype may lie in a library that the artifact only expects to be there.
            let (classes, missing) = w.hierarchy(&a);
            classes.iter().map(|c| &c.0).chain(&missing).any(|n| wanted.contains(&dotted(n)))
        });
        if holds { Ok(()) } else { Err((format!("`{sub}` is no subtype of `{sup}`"), None)) }
    }

    fn entry(&self, row: &Row) -> Result<(), Problem> {
        let (how, what) = (row.cell(0), row.cell(1));
        if let Some(t) = row.cell(3).strip_prefix("type ")
            && !t.starts_with("surefix.")
        {
            self.known(t)?;
        }
        if what.is_empty() || what.starts_with("surefix.") {
            return Ok(());
        }
        self.known(what)?;
        let worlds = self.own.iter().chain(&self.all);
        let found = worlds.filter_map(|w| self.find(w, what).map(|n| (*w, n)));
        let mut last = Ok(());
        for (w, name) in found {
            last = match how {
                "annotation" | "param-annotation" | "class-annotation"
                    if !w.get(&name).is_some_and(|c| c.is_annotation()) =>
                {
                    Err((format!("`{what}` is no annotation"), None))
                }
                "override" => row
                    .cell(2)
                    .split('|')
                    .filter(|m| !m.is_empty())
                    .try_for_each(|m| self.in_type(w, &name, m, None).map(|_| ())),
                _ => Ok(()),
            };
            if last.is_ok() {
                return Ok(());
            }
        }
        last
    }

    fn member(&self, row: &Row) -> Result<(), Problem> {
        let cell = row.cell(0);
        if cell.starts_with("surefix.") {
            return match (row.section.as_str(), row.cell(1)) {
                ("returns", t) if !t.starts_with("surefix.") && t != "[]" && t != "this" && t.contains('.') => {
                    self.known(t)
                }
                _ => Ok(()),
            };
        }
        let mut first = None;
        for (world, named) in self.named(cell)? {
            let result = match row.section.as_str() {
                "returns" => self.returns(world, &named, row.cell(1)),
                _ => inputs(cell, &named, &row.paths()),
            };
            match result {
                Ok(()) => return Ok(()),
                Err(e) => first = first.or(Some(e)),
            }
        }
        first.map_or(Ok(()), Err)
    }

    fn returns(&self, w: &World, named: &Named, ty: &str) -> Result<(), Problem> {
        let array = |m: &Member| m.ret.dims > 0;
        match ty {
            "this" | "arg0" => return Ok(()),
            "[]" if named.members.iter().any(array) => return Ok(()),
            "[]" => return Err((format!("`{}` gives no array", named.owner), None)),
            _ if ty.starts_with("surefix.") => return Ok(()),
            _ => {}
        }
        if ty.contains('.') {
            self.known(ty)?;
        }
        let worlds = std::iter::once(w).chain(self.all.iter().copied());
        let suits = |m: &Member, w: &World| {
            if m.name == "<init>" || m.ret.name == "java/lang/Object" || m.ret.simple() == ty {
                return true;
            }
            let (Some(a), Some(b)) = (self.find(w, ty), self.find(w, &dotted(&m.ret.name))) else { return false };
            m.ret.dims == 0 && (w.is_subtype(&a, &b) || w.is_subtype(&b, &a))
        };
        if worlds.into_iter().any(|w| named.members.iter().any(|m| suits(m, w))) {
            return Ok(());
        }
        let mut have: Vec<String> = named.members.iter().map(|m| show(&m.ret)).collect();
        have.sort();
        have.dedup();
        Err((format!("the result is no `{ty}`"), Some(have.join(" or "))))
    }
}

/// The inputs and outputs that a row speaks of are there.
fn inputs(cell: &str, named: &Named, paths: &[&str]) -> Result<(), Problem> {
    let overloads = || {
        let mut have: Vec<String> = named.members.iter().map(Member::signature).collect();
        have.sort();
        have.dedup();
        Some(have.join(" or "))
    };
    for p in paths {
        let base = p.split('.').next().unwrap_or("");
        if base == "this" && !cell.contains(".<init>") && named.members.iter().all(Member::is_static) {
            return Err((format!("`{cell}` is static: it has no receiver"), None));
        }
        let position = base.strip_prefix("arg").map(|n| n.trim_end_matches('+')).and_then(|n| n.parse::<usize>().ok());
        let Some(n) = position else { continue };
        let takes = |m: &Member| m.params.as_ref().is_some_and(|p| n < p.len() || m.is_varargs());
        if !named.members.iter().any(takes) {
            return Err((format!("`{cell}` has no argument {n}"), overloads()));
        }
    }
    Ok(())
}

fn show(t: &Type) -> String {
    format!("{}{}", dotted(&t.name), "[]".repeat(t.dims))
}

/// The overload takes parameters of those simple type names; `_` is any, a last `X...` any number.
fn fits(m: &Member, want: &[&str]) -> bool {
    let Some(params) = &m.params else { return false };
    let (fixed, rest) = match want.split_last() {
        Some((last, head)) if last.ends_with("...") => (head, Some(last.trim_end_matches("..."))),
        _ => (want, None),
    };
    let any = |t: &Type| t.name == "java/lang/Object" && t.dims == 0;
    let same = |w: &str, t: &Type| w == "_" || w == t.simple() || any(t);
    // Each argument in varargs position is one of the last parameter's elements.
    let (plain, element) = match params.split_last() {
        Some((last, head)) if m.is_varargs() => {
            (head, Some(Type { name: last.name.clone(), dims: last.dims.saturating_sub(1) }))
        }
        _ => (params.as_slice(), None),
    };
    let elements = |words: &[&str]| element.as_ref().is_some_and(|e| words.iter().all(|w| same(w, e)));
    let (head, tail) = fixed.split_at(plain.len().min(fixed.len()));
    if !head.iter().zip(plain).all(|(w, t)| same(w, t)) {
        return false;
    }
    match rest {
        // `String[]` may be written for `String...`, too.
        None => {
            let whole = params.len() == fixed.len() && fixed.iter().zip(params).all(|(w, t)| same(w, t));
            whole || head.len() == plain.len() && (tail.is_empty() && element.is_none() || elements(tail))
        }
        Some("_") => tail.is_empty() || elements(tail),
        Some(e) => head.len() == plain.len() && elements(tail) && elements(&[e]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled() -> Option<(tempfile::TempDir, World)> {
        let dir = tempfile::tempdir().ok()?;
        let src = dir.path().join("src");
        std::fs::create_dir_all(&src).ok()?;
        std::fs::write(
            src.join("A.java"),
            "package p; public class A extends Base { public A(String s) {} public void run(String a, int... n) {} \
             public static A make() { return null; } public static class In { public String[] all() { return null; } } \
             private void hidden() {} } class Base { protected Object any(Object o) { return o; } } @interface Mark {}",
        )
        .ok()?;
        let out = dir.path().join("out").join("m");
        let done = std::process::Command::new("javac").arg("-d").arg(&out).arg(src.join("A.java")).status();
        assert!(done.is_ok_and(|s| s.success()), "javac is needed for this test");
        let world = World::of_jdk(&dir.path().join("out")).ok()?;
        Some((dir, world))
    }

    fn row(section: &str, cells: &[&str]) -> Row {
        Row { section: section.into(), line: 1, cells: cells.iter().map(|c| c.to_string()).collect() }
    }

    #[test]
    fn rows_against_compiled_classes() {
        let (_dir, w) = compiled().unwrap();
        let c = Checker { own: vec![&w], all: vec![], packages: vec![("p".into(), "q".into())] };
        let ok = |s: &str, cells: &[&str]| assert_eq!(c.row(&row(s, cells)), Ok(()), "{cells:?}");
        ok("sink", &["p.A.run", "arg0", "sql"]);
        ok("sink", &["p.A.run", "arg5", "sql"]);
        ok("sink", &["p.A.run(String,int...)", "this", "sql"]);
        ok("sink", &["p.A.run(String,_...)", "this", "sql"]);
        ok("sink", &["p.A.run(String,int,int)", "arg2", "sql"]);
        ok("sink", &["p.A.run(String,int[])", "arg1", "sql"]);
        ok("sink", &["p.A.any(Foo)", "arg0", "sql"]);
        ok("sink", &["p.A.<init>", "arg0", "sql"]);
        ok("sink", &["q.A.<init>", "arg0", "sql"]);
        ok("returns", &["p.A.make", "p.A"]);
        ok("returns", &["p.A.make", "p.Base"]);
        ok("returns", &["p.A.In.all", "[]"]);
        ok("subtype", &["p.A", "p.Base"]);
        ok("entry", &["override", "p.A", "run|any", ""]);
        ok("entry", &["annotation", "p.Mark", "", ""]);
        ok("sink", &["surefix.Writer.print", "arg9", "xss"]);
        let bad = |s: &str, cells: &[&str], message: &str, hint: Option<&str>| {
            let Err((m, h)) = c.row(&row(s, cells)) else { panic!("{cells:?} is taken for right") };
            assert!(m.contains(message), "{m}");
            if let Some(x) = hint {
                assert!(h.as_deref().is_some_and(|h| h.contains(x)), "{h:?}");
            }
        };
        bad("sink", &["p.A.runs", "arg0", "sql"], "no member `runs`", Some("run"));
        bad("sink", &["p.A.hidden", "this", "sql"], "no member", None);
        bad("sink", &["p.B.run", "arg0", "sql"], "no type `p.B`", None);
        bad("sink", &["p.x.In.all", "this", "sql"], "no type", Some("p.A.In"));
        bad("sink", &["p.A.run(int)", "arg0", "sql"], "no overload", Some("run(String,int[])"));
        bad("sink", &["p.A.run(String,long)", "arg0", "sql"], "no overload", None);
        bad("sink", &["p.A.any", "arg1", "sql"], "no argument 1", Some("any(Object)"));
        bad("sink", &["p.A.make", "this", "sql"], "static", None);
        bad("sink", &["p.A.In.<init>", "arg0", "sql"], "no argument 0", None);
        bad("returns", &["p.A.make", "p.Mark"], "no `p.Mark`", Some("p.A"));
        bad("returns", &["p.A.make", "[]"], "no array", None);
        bad("subtype", &["p.Base", "p.A"], "no subtype", None);
        bad("entry", &["annotation", "p.A", "", ""], "no annotation", None);
        bad("entry", &["override", "p.A", "walk", ""], "no member `walk`", None);
    }
}
