//! Python: requirements files, `pyproject.toml`, `setup.cfg`, `setup.py`, `Pipfile`.

use super::{Manifest, Project, is_test_path};
use crate::layout::{self, eol_at, indent_at, line_end, no, push_insert, to_u32};
use std::ops::Range;
use surefix_text::{Edit, Reason, Refusal, Span};
use toml_edit::{Document, Item, TableLike};

/// PEP 503: `Foo_Bar.baz` → `foo-bar-baz`.
fn normal(name: &str) -> String {
    let mut out = String::new();
    for c in name.trim().chars() {
        match c {
            '-' | '_' | '.' if out.ends_with('-') => {}
            '-' | '_' | '.' => out.push('-'),
            c => out.push(c.to_ascii_lowercase()),
        }
    }
    out
}

/// Name and version of a requirement (`Foo[bar]>=1,<2 ; python_version > "3"`).
fn requirement(text: &str) -> Option<(String, Option<String>)> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))).unwrap_or(text.len());
    let name = text.get(..end).filter(|n| n.starts_with(|c: char| c.is_ascii_alphanumeric()))?;
    let rest = text.get(end..)?.split(';').next()?;
    let rest = rest.trim_start().strip_prefix('[').and_then(|r| r.split_once(']')).map_or(rest, |r| r.1);
    let version = rest.split(',').find_map(|p| {
        let p = p.trim().trim_start_matches('(');
        ["===", "==", "~=", ">="]
            .iter()
            .find_map(|op| p.strip_prefix(op))
            .map(|v| v.trim().trim_end_matches(')').to_owned())
    });
    Some((normal(name), version))
}

/// The lowest `(major, minor)` that a version constraint allows.
fn lowest(spec: &str) -> Option<(u8, u8)> {
    let one = |part: &str| -> Option<(u8, u8)> {
        let part = part.trim();
        if part.starts_with("!=") || (part.starts_with('<')) {
            return None;
        }
        let strict = part.starts_with('>') && !part.starts_with(">=");
        let number = part.trim_start_matches(|c: char| "><=~^ ".contains(c));
        let mut parts = number.split('.');
        let major: u8 = parts.next()?.trim().parse().ok()?;
        let minor: u8 = parts.next().and_then(|m| m.trim_end_matches('*').trim().parse().ok()).unwrap_or(0);
        let exact = parts.next().is_none();
        Some(if strict && exact { (major, minor.saturating_add(1)) } else { (major, minor) })
    };
    spec.split(',').filter_map(one).max().filter(|v| v.0 == 3 || v.0 == 2)
}

fn is_requirements(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or("");
    let folder = path.rsplit('/').nth(1).unwrap_or("");
    let text = name.ends_with(".txt") || name.ends_with(".in");
    text && (name.starts_with("requirements") || folder == "requirements") && !name.contains("constraints")
}

fn for_tests(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or("");
    ["dev", "test", "lint", "doc", "ci"].iter().any(|w| name.split(['-', '_', '.']).any(|p| p.starts_with(w)))
}

/// Span of the value of a quoted or bare setting in `setup.cfg` style text: `key = value` with continuation lines.
fn cfg_value(text: &str, section: &str, key: &str) -> Option<Range<usize>> {
    let mut inside = false;
    let mut at = 0;
    let mut found: Option<Range<usize>> = None;
    for line in text.split_inclusive('\n') {
        let lo = at;
        at += line.len();
        if let Some(value) = &mut found {
            if line.starts_with([' ', '\t']) && !line.trim().is_empty() {
                value.end = lo + line.trim_end_matches(['\r', '\n']).len();
                continue;
            }
            if line.trim().is_empty() || line.trim_start().starts_with(['#', ';']) {
                continue;
            }
            break;
        }
        if line.starts_with('[') {
            inside = line.trim() == format!("[{section}]");
        } else if inside
            && let Some((k, v)) = line.split_once('=')
            && k.trim() == key
        {
            found = Some(lo + k.len() + 1..lo + k.len() + 1 + v.trim_end_matches(['\r', '\n']).len());
        }
    }
    found
}

/// The list literal of `install_requires=[…]` in a `setup.py`, brackets included.
fn setup_list(text: &str) -> Option<Range<usize>> {
    let pieces = surefix_syntax::comments::pieces(surefix_syntax::Lang::Python, text);
    let code = surefix_syntax::comments::mask(text, &pieces);
    let code = String::from_utf8_lossy(&code).into_owned();
    let at = code.find("install_requires")? + "install_requires".len();
    let rest = code.get(at..)?;
    let open = rest.find('[')?;
    rest.get(..open)?.trim().eq("=").then_some(())?;
    let close = rest.find(']')?;
    // Anything but literals and commas makes the list computed.
    let plain = rest.get(open + 1..close)?.chars().all(|c| c.is_whitespace() || c == ',');
    plain.then_some(at + open..at + close + 1)
}

fn setup_value(text: &str, key: &str) -> Option<String> {
    let tail = text.split_once(key)?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = tail.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    tail.get(1..)?.split_once(quote).map(|v| v.0.to_owned())
}

fn strings_in(text: &str, range: &Range<usize>) -> Vec<(Range<usize>, String)> {
    let pieces = surefix_syntax::comments::pieces(surefix_syntax::Lang::Python, text);
    let inside = pieces.into_iter().filter_map(|p| match p {
        surefix_syntax::Piece::Text(s) if range.contains(&(s.lo as usize)) => Some(s),
        _ => None,
    });
    inside.map(|s| (s.lo as usize..s.hi as usize, s.of(text).trim_matches(['"', '\'']).to_owned())).collect()
}

fn table<'d>(doc: &'d Document<&str>, path: &[&str]) -> Option<&'d dyn TableLike> {
    let mut at: &dyn TableLike = doc.as_table();
    for key in path {
        at = at.get(key)?.as_table_like()?;
    }
    Some(at)
}

/// Dependencies of one manifest: name and version.
fn dependencies(m: &Manifest) -> Vec<(String, Option<String>)> {
    let text = m.text.as_str();
    let lines = |t: &str| {
        let clean = t.lines().map(|l| l.split(" #").next().unwrap_or("").trim().to_owned());
        let reqs = clean.filter(|l| !l.starts_with(['#', '-'])).filter_map(|l| requirement(&l));
        reqs.collect::<Vec<_>>()
    };
    match m.name() {
        _ if is_requirements(&m.path) => lines(text),
        "setup.cfg" => cfg_value(text, "options", "install_requires")
            .and_then(|r| text.get(r))
            .map(|t| t.split('\n').flat_map(lines).collect())
            .unwrap_or_default(),
        "setup.py" => match setup_list(text) {
            Some(range) => strings_in(text, &range).iter().filter_map(|(_, s)| requirement(s)).collect(),
            None => Vec::new(),
        },
        "pyproject.toml" | "Pipfile" => {
            let Ok(doc) = Document::parse(text) else { return Vec::new() };
            let mut out = Vec::new();
            let list = table(&doc, &["project"]).and_then(|t| t.get("dependencies")).and_then(Item::as_array);
            out.extend(list.into_iter().flatten().filter_map(|v| requirement(v.as_str()?)));
            for path in [&["tool", "poetry", "dependencies"][..], &["packages"][..]] {
                for (name, item) in table(&doc, path).into_iter().flat_map(|t| t.iter()) {
                    let optional = item.get("optional").and_then(Item::as_bool).unwrap_or(false);
                    let version = item.as_str().or_else(|| item.get("version").and_then(Item::as_str));
                    let number = version.map(|v| v.trim_start_matches(|c: char| "^~>=< ".contains(c)).to_owned());
                    if name != "python" && !optional {
                        out.push((normal(name), number.filter(|v| v != "*")));
                    }
                }
            }
            out
        }
        _ => Vec::new(),
    }
}

const MANIFESTS: &[&str] = &["pyproject.toml", "setup.cfg", "setup.py", "Pipfile"];

impl Project {
    /// Python manifests of the folders above `path`, nearest first; a `requirements` folder counts as its parent.
    fn python_manifests(&self, path: &str) -> Vec<(&Manifest, String)> {
        let mut out: Vec<(&Manifest, String)> = Vec::new();
        for m in self.manifests() {
            let requirements = is_requirements(&m.path);
            if !requirements && !MANIFESTS.contains(&m.name()) {
                continue;
            }
            let mut dir = m.dir();
            if requirements && dir.rsplit('/').next() == Some("requirements") {
                dir = dir.rsplit_once('/').map_or("", |d| d.0);
            }
            if super::governs(dir, path) {
                out.push((m, dir.to_owned()));
            }
        }
        out.sort_by_key(|(_, dir)| std::cmp::Reverse(dir.len()));
        out
    }

    pub(super) fn python_lowest(&self, path: &str) -> Option<(u8, u8)> {
        self.python_manifests(path).into_iter().find_map(|(m, _)| {
            let text = m.text.as_str();
            let spec = match m.name() {
                "setup.cfg" => text.get(cfg_value(text, "options", "python_requires")?)?.to_owned(),
                "setup.py" => setup_value(text, "python_requires")?,
                "pyproject.toml" | "Pipfile" => {
                    let doc = Document::parse(text).ok()?;
                    let get = |path: &[&str], key: &str| Some(table(&doc, path)?.get(key)?.as_str()?.to_owned());
                    get(&["project"], "requires-python")
                        .or_else(|| get(&["tool", "poetry", "dependencies"], "python"))
                        .or_else(|| get(&["requires"], "python_version"))?
                }
                _ => return None,
            };
            lowest(spec.trim())
        })
    }

    pub(super) fn python_dep(&self, path: &str, name: &str) -> Option<Option<String>> {
        let name = normal(name);
        let usable = |m: &Manifest| is_test_path(path) || !is_requirements(&m.path) || !for_tests(&m.path);
        let manifests = self.python_manifests(path);
        let all = manifests.iter().filter(|(m, _)| usable(m)).flat_map(|(m, _)| dependencies(m));
        all.filter(|(n, _)| *n == name).map(|(_, v)| v).next()
    }

    pub(super) fn python_add(
        &self,
        path: &str,
        name: &str,
        version: &str,
        edits: &mut Vec<Edit>,
    ) -> Result<(), Refusal> {
        let missing = |why: &str| no(Reason::DependencyMissing, format!("{name} is not a dependency and {why}"));
        const LOCKS: &[&str] = &["poetry.lock", "uv.lock", "pdm.lock", "pylock.toml", "Pipfile.lock"];
        if !self.above(path, |n| LOCKS.contains(&n)).is_empty() {
            return missing("a lock file would have to be written anew");
        }
        let manifests = self.python_manifests(path);
        let Some(dir) = manifests.first().map(|(_, d)| d.clone()) else { return missing("there is no manifest") };
        let here: Vec<&Manifest> = manifests.iter().filter(|(_, d)| *d == dir).map(|(m, _)| *m).collect();
        let mut done = false;
        // What installs the code may be any of them: every list that names run-time dependencies gets it.
        for m in here.iter().filter(|m| !for_tests(&m.path) || !is_requirements(&m.path)) {
            if edits.iter().any(|e| e.file == m.id && e.text.contains(name)) {
                done = true;
                continue;
            }
            done |= match m.name() {
                _ if is_requirements(&m.path) => {
                    let stem = m.name().trim_end_matches(".txt").trim_end_matches(".in");
                    // Further files of a set (`requirements-prod.txt`) include the plain one in most projects.
                    let main = matches!(stem, "requirements" | "base" | "main" | "common");
                    main && add_requirement(m, name, version, edits)?
                }
                "pyproject.toml" => add_pyproject(m, name, version, edits)?,
                "Pipfile" => add_pipfile(m, name, version, edits)?,
                "setup.cfg" => add_setup_cfg(m, name, version, edits),
                _ => add_setup_py(m, name, version, edits),
            };
        }
        if done { Ok(()) } else { missing("no manifest has a list of dependencies that can be extended") }
    }
}

fn add_requirement(m: &Manifest, name: &str, version: &str, edits: &mut Vec<Edit>) -> Result<bool, Refusal> {
    let text = m.text.as_str();
    if text.contains("--hash=") || text.contains("--require-hashes") {
        return no(Reason::DependencyMissing, format!("{} lists hashes, and the hash of {name} is not known", m.path));
    }
    let head: String = text.lines().take(8).collect();
    if head.contains("autogenerated by pip-compile") || head.contains("autogenerated by uv") {
        return no(Reason::DependencyMissing, format!("{} is generated from another file", m.path));
    }
    let mut rows: Vec<(u32, String)> = Vec::new();
    let (mut pinned, mut at, mut last) = (0usize, 0u32, 0u32);
    let mut continued = false;
    for line in text.split_inclusive('\n') {
        let clean = line.trim();
        if !continued
            && !clean.starts_with(['#', '-'])
            && let Some((n, _)) = requirement(clean)
        {
            rows.push((at, n));
            pinned += usize::from(clean.contains("=="));
        }
        continued = clean.ends_with('\\');
        at += to_u32(line.len());
        if !clean.is_empty() {
            last = at;
        }
    }
    let op = if rows.is_empty() || pinned * 2 > rows.len() { "==" } else { ">=" };
    let eol = eol_at(text, last.saturating_sub(1));
    let key = normal(name);
    let sorted = rows.len() > 1 && rows.windows(2).all(|w| matches!(w, [a, b] if a.1 <= b.1));
    let next = rows.iter().find(|r| sorted && r.1 > key);
    match next {
        Some((at, _)) => push_insert(edits, m.id, *at, &format!("{name}{op}{version}{eol}")),
        None if last == 0 || text.get(..last as usize).is_some_and(|t| t.ends_with('\n')) => {
            push_insert(edits, m.id, last, &format!("{name}{op}{version}{eol}"));
        }
        None => push_insert(edits, m.id, last, &format!("{eol}{name}{op}{version}")),
    }
    Ok(true)
}

/// Inserts an element at the end of a list literal in the style of its elements; `items` are the spans of the elements.
fn push_element(m: &Manifest, list: Range<usize>, items: &[Range<usize>], value: &str, edits: &mut Vec<Edit>) {
    let text = m.text.as_str();
    let quote = items.last().and_then(|i| text.get(i.start..)?.chars().next()).filter(|c| matches!(c, '"' | '\''));
    let quote = quote.unwrap_or('"');
    let element = format!("{quote}{value}{quote}");
    let open = to_u32(list.start + 1);
    match items.last() {
        Some(last) => {
            let (lo, hi) = (to_u32(last.start), to_u32(last.end));
            if layout::first_on_line(text, lo) {
                push_insert(edits, m.id, hi, &format!(",{}{}{element}", eol_at(text, hi), indent_at(text, lo)));
            } else {
                push_insert(edits, m.id, hi, &format!(", {element}"));
            }
        }
        None => {
            let inner = Span::new(open, to_u32(list.end.saturating_sub(1)));
            if inner.of(text).contains('\n') {
                let indent = format!("{}    ", indent_at(text, open));
                push_insert(edits, m.id, open, &format!("{}{indent}{element},", eol_at(text, open)));
            } else {
                push_insert(edits, m.id, open, &element);
            }
        }
    }
}

fn add_pyproject(m: &Manifest, name: &str, version: &str, edits: &mut Vec<Edit>) -> Result<bool, Refusal> {
    let Ok(doc) = Document::parse(m.text.as_str()) else {
        return no(Reason::DependencyMissing, format!("{} cannot be read", m.path));
    };
    if let Some(array) = table(&doc, &["project"]).and_then(|t| t.get("dependencies")).and_then(Item::as_array) {
        let Some(span) = array.span() else { return Ok(false) };
        let items: Vec<Range<usize>> = array.iter().filter_map(toml_edit::Value::span).collect();
        let pinned = array.iter().filter_map(|v| v.as_str()).filter(|s| s.contains("==")).count();
        let op = if pinned * 2 > items.len() { "==" } else { ">=" };
        push_element(m, span, &items, &format!("{name}{op}{version}"), edits);
        return Ok(true);
    }
    let Some(poetry) = table(&doc, &["tool", "poetry", "dependencies"]) else { return Ok(false) };
    Ok(add_row(m, &doc, poetry, &format!("{name} = \"^{version}\""), edits))
}

fn add_pipfile(m: &Manifest, name: &str, version: &str, edits: &mut Vec<Edit>) -> Result<bool, Refusal> {
    let Ok(doc) = Document::parse(m.text.as_str()) else {
        return no(Reason::DependencyMissing, format!("{} cannot be read", m.path));
    };
    let Some(packages) = table(&doc, &["packages"]) else { return Ok(false) };
    let values: Vec<&str> = packages.iter().filter_map(|(_, v)| v.as_str()).collect();
    let version = if values.iter().all(|v| *v == "*") { "*".to_owned() } else { format!(">={version}") };
    Ok(add_row(m, &doc, packages, &format!("{name} = \"{version}\""), edits))
}

/// Inserts a row after the last row of a `[table]`.
fn add_row(m: &Manifest, doc: &Document<&str>, rows: &dyn TableLike, row: &str, edits: &mut Vec<Edit>) -> bool {
    let text = m.text.as_str();
    let end = rows.iter().filter_map(|(_, item)| item.span()).map(|s| s.end).max();
    let Some(end) = end.or_else(|| doc.as_table().span().map(|_| 0)).filter(|e| *e > 0) else { return false };
    let at = line_end(text, to_u32(end));
    let eol = eol_at(text, at);
    let indent = indent_at(text, at);
    push_insert(edits, m.id, at, &format!("{eol}{indent}{row}"));
    true
}

fn add_setup_cfg(m: &Manifest, name: &str, version: &str, edits: &mut Vec<Edit>) -> bool {
    let text = m.text.as_str();
    let Some(range) = cfg_value(text, "options", "install_requires") else { return false };
    // Only the form with one requirement a line.
    let Some((first, rest)) = text.get(range.clone()).and_then(|v| v.split_once('\n')) else { return false };
    if !first.trim().is_empty() || rest.trim().is_empty() {
        return false;
    }
    let at = to_u32(range.end);
    let op = if rest.lines().filter(|l| l.contains("==")).count() * 2 > rest.lines().count() { "==" } else { ">=" };
    push_insert(
        edits,
        m.id,
        at,
        &format!("{}{}{name}{op}{version}", eol_at(text, at.saturating_sub(1)), indent_at(text, at)),
    );
    true
}

fn add_setup_py(m: &Manifest, name: &str, version: &str, edits: &mut Vec<Edit>) -> bool {
    let text = m.text.as_str();
    let Some(range) = setup_list(text) else { return false };
    let items = strings_in(text, &range);
    let pinned = items.iter().filter(|(_, s)| s.contains("==")).count();
    let op = if pinned * 2 > items.len() { "==" } else { ">=" };
    let spans: Vec<Range<usize>> = items.into_iter().map(|(r, _)| r).collect();
    push_element(m, range, &spans, &format!("{name}{op}{version}"), edits);
    true
}
