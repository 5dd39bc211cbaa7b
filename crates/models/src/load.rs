//! Builds a [`ModelSet`] from the files compiled in and from a user's files.

use crate::callfix;
use crate::parse;
use crate::raw::{self, Cell, Pos, RawFile, RawRow, SECTIONS};
use crate::{CallFix, Entry, Fact, Lib, ModelSet, Row};
use rustc_hash::FxHashSet;
use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;
use surefix_ir::Lang;

/// Something wrong with a model file: the place, what is wrong, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ModelError {
    /// The file as it was given.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub col: u32,
    /// What is wrong.
    pub message: String,
    /// The next step.
    pub help: String,
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}; {}", self.file, self.line, self.col, self.message, self.help)
    }
}

/// Rows of all files in `models/`, as the build script writes them.
const BUILTIN: &str = include_str!(concat!(env!("OUT_DIR"), "/models.txt"));

fn loaded() -> &'static (ModelSet, Vec<ModelError>) {
    static SET: OnceLock<(ModelSet, Vec<ModelError>)> = OnceLock::new();
    SET.get_or_init(|| {
        let files = unpack(BUILTIN);
        let mut loader = Loader::new(ModelSet::default());
        loader.add(files);
        (loader.set, loader.errors)
    })
}

/// The models compiled into the program.
pub fn builtin() -> &'static ModelSet {
    &loaded().0
}

/// What is wrong with the files compiled in: nothing, as a test sees to. A wrong row is left out of [`builtin`].
pub fn builtin_errors() -> &'static [ModelError] {
    &loaded().1
}

/// The models compiled in together with a user's files, each given as name and text. Either all of them hold or none.
pub fn load(builtin: &ModelSet, user: &[(String, String)]) -> Result<ModelSet, Vec<ModelError>> {
    let mut loader = Loader::new(builtin.clone());
    let mut files = Vec::new();
    for (name, text) in user {
        let mut problems = Vec::new();
        let file = raw::parse(text, &mut problems);
        for p in problems {
            loader.error(name, p.at, p.message, p.help);
        }
        files.push((name.clone(), file));
    }
    loader.add(files);
    loader.errors.sort_by(|a, b| (&a.file, a.line, a.col).cmp(&(&b.file, b.line, b.col)));
    if loader.errors.is_empty() { Ok(loader.set) } else { Err(loader.errors) }
}

/// Reads the build script's lines.
fn unpack(text: &'static str) -> Vec<(String, RawFile<'static>)> {
    let number = |s: &str| s.parse::<u32>().unwrap_or(0);
    let mut files: Vec<(String, RawFile<'static>)> = Vec::new();
    for line in text.lines() {
        let mut cells = line.split('\u{1f}');
        let mut next = || cells.next().unwrap_or("");
        match next() {
            "F" => {
                let name = next().to_string();
                let (id, lang, line, col) = (next(), next(), next(), next());
                let lang_at = Pos { line: number(line), col: number(col) };
                let artifacts = cells.map(Cow::Borrowed).collect();
                files.push((
                    name,
                    RawFile { id: id.into(), lang: lang.into(), lang_at, artifacts, ..RawFile::default() },
                ));
            }
            "P" => {
                let (from, to) = (next(), next());
                if let Some((_, f)) = files.last_mut() {
                    f.packages.push((from.into(), to.into()));
                }
            }
            section => {
                let section = section.parse().unwrap_or(0);
                let at = Pos { line: number(next()), col: number(next()) };
                let cell = |s: &'static str| {
                    let text =
                        if s.contains('\u{1e}') { Cow::Owned(s.replace('\u{1e}', "\n")) } else { Cow::Borrowed(s) };
                    Cell { text, at }
                };
                let cells = cells.map(cell).collect();
                if let Some((_, f)) = files.last_mut() {
                    f.rows.push(RawRow { section, at, cells });
                }
            }
        }
    }
    files
}

struct Loader {
    set: ModelSet,
    errors: Vec<ModelError>,
    /// Libraries that were there before: a user may repeat their rows.
    known: usize,
}

impl Loader {
    fn new(set: ModelSet) -> Loader {
        let known = set.libs.len();
        Loader { set, errors: Vec::new(), known }
    }

    fn error(&mut self, file: &str, at: Pos, message: impl Into<String>, help: impl Into<String>) {
        self.errors.push(ModelError {
            file: file.to_string(),
            line: at.line,
            col: at.col,
            message: message.into(),
            help: help.into(),
        });
    }

    fn add(&mut self, files: Vec<(String, RawFile<'_>)>) {
        let mut libs = Vec::new();
        for (name, file) in &files {
            let lang = match file.lang.as_ref() {
                "java" => Lang::Java,
                "python" => Lang::Python,
                "" => continue,
                other => {
                    self.error(name, file.lang_at, format!("unknown language `{other}`"), "write `java` or `python`");
                    continue;
                }
            };
            let Ok(lib) = u16::try_from(self.set.libs.len()) else {
                self.error(name, file.lang_at, "too many model files", "join files of one library");
                continue;
            };
            let artifacts = file.artifacts.iter().map(|a| a.to_string()).collect();
            self.set.libs.push(Lib { id: file.id.to_string(), lang, file: name.clone(), artifacts });
            for (from, to) in &file.packages {
                let item = (lang, from.to_string(), to.to_string());
                if !self.set.package_alias.contains(&item) {
                    self.set.package_alias.push(item);
                }
            }
            libs.push((name, lang, lib, file));
        }
        for (name, lang, _, file) in &libs {
            self.aliases(name, *lang, file);
        }
        self.resolve_aliases();
        for (name, lang, lib, file) in &libs {
            for row in &file.rows {
                self.row(name, *lang, *lib, row);
            }
        }
    }

    fn aliases(&mut self, name: &str, lang: Lang, file: &RawFile<'_>) {
        for row in file.rows.iter().filter(|r| SECTIONS.get(r.section).is_some_and(|s| s.0 == "alias")) {
            let [from, to] = row.cells.as_slice() else { continue };
            let mut ok = true;
            for c in [from, to] {
                if let Err((message, help)) = parse::qualified(&c.text) {
                    self.error(name, c.at, message, help);
                    ok = false;
                }
            }
            if !ok {
                continue;
            }
            if self.leads_to(lang, &to.text, &from.text) {
                let message = format!("`{}` and `{}` are aliases of each other", from.text, to.text);
                self.error(name, row.at, message, "keep one direction: the second name is the one that rows use");
                continue;
            }
            let key = (lang, from.text.to_string());
            match self.set.canonical.get(&key) {
                Some(old) if *old == to.text => self.repeated(name, row, None),
                Some(old) => {
                    let message = format!("`{}` is already another name of `{old}`", from.text);
                    self.error(name, row.at, message, "an alias stands for one name: take one of the rows out");
                }
                None => {
                    self.set.canonical.insert(key, to.text.to_string());
                }
            }
        }
    }

    /// Following aliases from `start` arrives at `goal`.
    fn leads_to(&self, lang: Lang, start: &str, goal: &str) -> bool {
        let mut at = start;
        let mut seen = FxHashSet::default();
        loop {
            if at == goal {
                return true;
            }
            match self.set.canonical.get(&(lang, at.to_string())) {
                Some(next) if seen.insert(at) => at = next,
                _ => return false,
            }
        }
    }

    fn resolve_aliases(&mut self) {
        let mut last = Vec::new();
        for (key, to) in &self.set.canonical {
            let mut at = to;
            // No cycle exists; the bound only keeps a defect from hanging.
            for _ in 0..100 {
                match self.set.canonical.get(&(key.0, at.clone())) {
                    Some(next) => at = next,
                    None => break,
                }
            }
            if at != to {
                last.push((key.clone(), at.clone()));
            }
        }
        self.set.canonical.extend(last);
    }

    /// A row that is there already: wrong among new files, harmless when it repeats what the program knows.
    fn repeated(&mut self, name: &str, row: &RawRow<'_>, lib: Option<u16>) {
        let first = lib.map(usize::from).and_then(|l| self.set.libs.get(l).map(|x| (l, x.file.clone())));
        match first {
            Some((l, _)) if l < self.known => {}
            Some((_, f)) if f != name => {
                self.error(name, row.at, format!("duplicate row: it is also in {f}"), "take one of the two out")
            }
            _ => self.error(name, row.at, "duplicate row", "take it out: the same row stands above"),
        }
    }

    fn row(&mut self, name: &str, lang: Lang, lib: u16, row: &RawRow<'_>) {
        let Some((section, ..)) = SECTIONS.get(row.section) else { return };
        let cells: Vec<&str> = row.cells.iter().map(|c| c.text.as_ref()).collect();
        let at = |n: usize| row.cells.get(n).map_or(row.at, |c| c.at);
        let first = cells.first().copied().unwrap_or("");
        match *section {
            "alias" => {}
            "entry" => match parse::entry(&cells) {
                Ok(mut e) => {
                    if let Cow::Owned(what) = self.set.canonical_name(lang, &e.what) {
                        e.what = what;
                    }
                    let item: (Lang, Entry) = (lang, e);
                    if self.set.entries.contains(&item) {
                        if usize::from(lib) >= self.known && self.known == 0 {
                            self.repeated(name, row, None);
                        }
                    } else {
                        self.set.entries.push(item);
                    }
                }
                Err((n, (message, help))) => self.error(name, at(n), message, help),
            },
            "subtype" => {
                let mut ok = true;
                for (n, c) in cells.iter().enumerate() {
                    if let Err((message, help)) = parse::qualified(c) {
                        self.error(name, at(n), message, help);
                        ok = false;
                    }
                }
                let (Some(sup), true) = (cells.get(1), ok) else { return };
                let sub = self.set.canonical_name(lang, first).into_owned();
                let sup = self.set.canonical_name(lang, sup).into_owned();
                if sub == sup || self.set.supers_of(lang, &sup).contains(&sub.as_str()) {
                    let message = format!("`{sup}` would be a subtype of itself");
                    self.error(name, row.at, message, "the first name is the subtype, the second its supertype");
                    return;
                }
                let list = self.set.supers.entry((lang, sub)).or_default();
                if !list.contains(&sup) {
                    list.push(sup);
                } else if self.known == 0 {
                    self.repeated(name, row, None);
                }
            }
            "resource" => {
                let format = cells.get(1).copied().unwrap_or("");
                match (parse::callable(first), parse::format(format)) {
                    (Ok((callable, _)), Ok(format)) => {
                        let callable = self.set.canonical_name(lang, callable).into_owned();
                        self.set.resources.insert((lang, callable), format);
                    }
                    (Err((message, help)), _) => self.error(name, at(0), message, help),
                    (_, Err((message, help))) => self.error(name, at(1), message, help),
                }
            }
            "fix" => self.call_fix(name, lang, lib, row, &cells),
            section => {
                let (callable, sig) = match parse::callable(first) {
                    Ok(c) => c,
                    Err((message, help)) => return self.error(name, at(0), message, help),
                };
                let facts = match parse::facts(section, cells.get(1..).unwrap_or(&[])) {
                    Ok(f) => f,
                    Err((n, (message, help))) => return self.error(name, at(n + 1), message, help),
                };
                let callable = self.set.canonical_name(lang, callable).into_owned();
                for mut fact in facts {
                    if let Fact::Returns(t) = &mut fact
                        && let Cow::Owned(c) = self.set.canonical_name(lang, t)
                    {
                        *t = c;
                    }
                    let key = (lang, callable.clone());
                    // A call rule of another file watches the call already.
                    let by_rule = |f: &CallFix| fact == Fact::Watch(f.rule.clone());
                    if self.set.fixes.get(&key).is_some_and(|l| l.iter().any(by_rule)) {
                        continue;
                    }
                    let rows = self.set.members.entry(key).or_default();
                    match rows.iter().find(|r| r.sig == sig && r.fact == fact).map(|r| r.lib) {
                        Some(first) => self.repeated(name, row, Some(first)),
                        None => rows.push(Row { sig: sig.clone(), fact, lib }),
                    }
                }
            }
        }
    }

    /// A declarative call rule: the call is watched, and what becomes of it is kept beside the rows.
    fn call_fix(&mut self, name: &str, lang: Lang, lib: u16, row: &RawRow<'_>, cells: &[&str]) {
        let at = |n: usize| row.cells.get(n).map_or(row.at, |c| c.at);
        for full in callfix::callables(cells.first().copied().unwrap_or("")) {
            let (callable, sig) = match parse::callable(&full) {
                Ok(c) => c,
                Err((message, help)) => return self.error(name, at(0), message, help),
            };
            let fix = match callfix::call_fix(sig.clone(), cells.get(1..).unwrap_or(&[])) {
                Ok(f) => f,
                Err((n, (message, help))) => return self.error(name, at(n + 1), message, help),
            };
            let key = (lang, self.set.canonical_name(lang, callable).into_owned());
            let watch = Fact::Watch(fix.rule.clone());
            let rows = self.set.members.entry(key.clone()).or_default();
            if !rows.iter().any(|r| r.fact == watch && (r.sig == sig || r.sig.is_none())) {
                rows.push(Row { sig, fact: watch, lib });
            }
            let list = self.set.fixes.entry(key).or_default();
            if list.contains(&fix) {
                self.repeated(name, row, Some(lib));
            } else {
                list.push(fix);
            }
        }
    }
}
