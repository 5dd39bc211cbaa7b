//! Gradle, Groovy and Kotlin: blocks by a small scanner, never by running anything.

use super::{Manifest, Project, governs, is_test_path, java_number};
use crate::layout::{eol_at, first_on_line, indent_at, line_start, no, push_insert, to_u32};
use surefix_text::{Edit, Reason, Refusal, Span};

/// A `name { … }` block.
struct Block {
    /// Names from the outside in (`subprojects`, `dependencies`).
    path: Vec<String>,
    /// Between the braces.
    content: Span,
}

/// The text with comments blanked, and with strings blanked too when `strings` is set; offsets stay.
fn masked(text: &str, strings: bool) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let mut at = 0;
    let blank = |out: &mut Vec<u8>, lo: usize, hi: usize| {
        for b in out.iter_mut().take(hi).skip(lo).filter(|b| !matches!(b, b'\n' | b'\r')) {
            *b = b' ';
        }
    };
    let find = |from: usize, what: &[u8]| {
        let rest = bytes.get(from..).unwrap_or(&[]);
        rest.windows(what.len()).position(|w| w == what).map_or(bytes.len(), |i| from + i + what.len())
    };
    while let Some(b) = bytes.get(at) {
        let next = bytes.get(at + 1);
        let end = match (b, next) {
            (b'/', Some(b'/')) => {
                bytes.get(at..).and_then(|r| r.iter().position(|b| *b == b'\n')).map_or(bytes.len(), |i| at + i)
            }
            (b'/', Some(b'*')) => find(at + 2, b"*/"),
            (b'"' | b'\'', _) => {
                let triple = [*b; 3];
                if bytes.get(at..at + 3) == Some(&triple) {
                    let end = find(at + 3, &triple);
                    if strings {
                        blank(&mut out, at, end);
                    }
                    at = end;
                    continue;
                }
                let mut end = at + 1;
                while bytes.get(end).is_some_and(|c| c != b && *c != b'\n') {
                    end += if bytes.get(end) == Some(&b'\\') { 2 } else { 1 };
                }
                let end = (end + 1).min(bytes.len());
                if strings {
                    blank(&mut out, at, end);
                }
                at = end;
                continue;
            }
            _ => {
                at += 1;
                continue;
            }
        };
        blank(&mut out, at, end);
        at = end;
    }
    out
}

fn blocks(text: &str) -> Vec<Block> {
    let code = masked(text, true);
    let mut out = Vec::new();
    let mut open: Vec<(String, usize)> = Vec::new();
    for (i, b) in code.iter().enumerate() {
        match b {
            b'{' => {
                let head = code.get(..i).unwrap_or(&[]).trim_ascii_end();
                let word = |b: &&u8| b.is_ascii_alphanumeric() || **b == b'_';
                let name: String = head.iter().rev().take_while(word).map(|b| char::from(*b)).collect();
                open.push((name.chars().rev().collect(), i + 1));
            }
            b'}' => {
                let path: Vec<String> = open.iter().map(|o| o.0.clone()).collect();
                if let Some((_, lo)) = open.pop() {
                    out.push(Block { path, content: Span::new(to_u32(lo), to_u32(i)) });
                }
            }
            _ => {}
        }
    }
    out
}

/// One declaration of a `dependencies` block.
struct Declared {
    configuration: String,
    coordinates: String,
    version: Option<String>,
}

fn declared(m: &Manifest, block: &Block, catalog: &[(String, String, Option<String>)]) -> Vec<Declared> {
    let code = masked(&m.text, false);
    let body = code.get(block.content.lo as usize..block.content.hi as usize).unwrap_or(&[]);
    let body = String::from_utf8_lossy(body).into_owned();
    let mut out = Vec::new();
    for line in body.lines() {
        let line = line.trim();
        let configuration: String = line.chars().take_while(|c| c.is_alphanumeric()).collect();
        let strings: Vec<&str> = line.split(['"', '\'']).skip(1).step_by(2).collect();
        for s in &strings {
            let mut parts = s.split(':');
            if let (Some(g), Some(a)) = (parts.next(), parts.next())
                && !g.is_empty()
                && !a.is_empty()
            {
                let version = parts.next().filter(|v| !v.contains('$')).map(str::to_owned);
                out.push(Declared { configuration: configuration.clone(), coordinates: format!("{g}:{a}"), version });
            }
        }
        // group: 'g', name: 'a', version: 'v'
        let named = |key: &str| {
            let tail = line.split_once(&format!("{key}:")).or_else(|| line.split_once(&format!("{key} =")))?.1;
            tail.split(['"', '\'']).nth(1).map(str::to_owned)
        };
        if let (Some(g), Some(a)) = (named("group"), named("name")) {
            out.push(Declared {
                configuration: configuration.clone(),
                coordinates: format!("{g}:{a}"),
                version: named("version"),
            });
        }
        for (alias, coordinates, version) in catalog {
            let used = line.split("libs.").skip(1).any(|t| {
                let end = t.find(|c: char| !(c.is_alphanumeric() || c == '.' || c == '_')).unwrap_or(t.len());
                t.get(..end) == Some(alias)
            });
            if used {
                out.push(Declared {
                    configuration: configuration.clone(),
                    coordinates: coordinates.clone(),
                    version: version.clone(),
                });
            }
        }
    }
    out
}

fn is_build(name: &str) -> bool {
    matches!(name, "build.gradle" | "build.gradle.kts")
}

impl Project {
    /// Build files that say something about `path`, nearest first.
    fn gradle_chain(&self, path: &str) -> Vec<&Manifest> {
        self.above(path, is_build)
    }

    pub(super) fn gradle_level(&self, path: &str) -> Option<u32> {
        self.gradle_chain(path).into_iter().find_map(|m| {
            let code = String::from_utf8_lossy(&masked(&m.text, false)).into_owned();
            let after = |key: &str| {
                code.match_indices(key).find_map(|(i, _)| {
                    let rest = code.get(i + key.len()..)?.lines().next()?;
                    let rest = rest.trim_start_matches(|c: char| "=.( \t'\"".contains(c)).trim_start_matches("set");
                    let rest = rest.trim_start_matches(|c: char| "=.( \t'\"".contains(c));
                    let rest =
                        rest.trim_start_matches("JavaVersion.VERSION_").trim_start_matches("JavaVersion.toVersion");
                    let rest = rest.trim_start_matches(|c: char| "=.( \t'\"".contains(c));
                    java_number(&rest.replace('_', "."))
                })
            };
            after("options.release")
                .or_else(|| after("sourceCompatibility"))
                .or_else(|| after("JavaLanguageVersion.of"))
                .or_else(|| after("jvmToolchain"))
        })
    }

    /// `gradle/libs.versions.toml`: alias as written in scripts, coordinates, version.
    fn catalog(&self, path: &str) -> Vec<(String, String, Option<String>)> {
        let found = self.manifests().iter().filter(|m| m.name() == "libs.versions.toml");
        let near =
            found.filter(|m| governs(m.dir().strip_suffix("gradle").unwrap_or(m.dir()).trim_end_matches('/'), path));
        let Some(m) = near.max_by_key(|m| m.dir().len()) else { return Vec::new() };
        let Ok(doc) = m.text.parse::<toml_edit::DocumentMut>() else { return Vec::new() };
        let text = |i: Option<&toml_edit::Item>| i.and_then(toml_edit::Item::as_str).map(str::to_owned);
        let versions = doc.get("versions");
        let Some(libraries) = doc.get("libraries").and_then(toml_edit::Item::as_table_like) else { return Vec::new() };
        let mut out = Vec::new();
        for (alias, item) in libraries.iter() {
            let short = item.as_str().map(str::to_owned);
            let module = text(item.get("module"))
                .or_else(|| Some(format!("{}:{}", text(item.get("group"))?, text(item.get("name"))?)));
            let Some(full) = short.or(module) else { continue };
            let mut parts = full.splitn(3, ':');
            let (Some(g), Some(a)) = (parts.next(), parts.next()) else { continue };
            let version = parts.next().map(str::to_owned).or_else(|| text(item.get("version"))).or_else(|| {
                let key = text(item.get("version").and_then(|v| v.get("ref")))?;
                text(versions.and_then(|v| v.get(&key)))
            });
            out.push((alias.replace(['-', '_'], "."), format!("{g}:{a}"), version));
        }
        out
    }

    /// As [`Project::has_dep`]; `firm`: only what users of the module are sure to have.
    pub(super) fn gradle_dep(&self, path: &str, name: &str, firm: bool) -> Option<Option<String>> {
        let catalog = self.catalog(path);
        for (i, m) in self.gradle_chain(path).into_iter().enumerate() {
            for block in blocks(&m.text) {
                let own = i == 0 && block.path == ["dependencies"];
                let shared = matches!(block.path.as_slice(), [a, d] if d == "dependencies" && matches!(a.as_str(), "allprojects" | "subprojects"));
                if !own && !shared {
                    continue;
                }
                let usable = |d: &Declared| {
                    let test = d.configuration.starts_with("test") || d.configuration.starts_with("androidTest");
                    let other = d.configuration.contains("nnotationProcessor") || d.configuration == "classpath";
                    let given = !firm || !d.configuration.to_ascii_lowercase().contains("compileonly");
                    d.coordinates == name && !other && given && (!test || is_test_path(path))
                };
                if let Some(d) = declared(m, &block, &catalog).into_iter().find(usable) {
                    return Some(d.version);
                }
            }
        }
        None
    }

    pub(super) fn gradle_add(
        &self,
        path: &str,
        name: &str,
        version: &str,
        edits: &mut Vec<Edit>,
    ) -> Result<(), Refusal> {
        let missing = |why: &str| no(Reason::DependencyMissing, format!("{name} is not a dependency and {why}"));
        let lock =
            |m: &&Manifest| m.name().ends_with(".lockfile") || m.path.ends_with("gradle/verification-metadata.xml");
        let locked = self.manifests().iter().filter(lock).any(|m| {
            let root = m.dir().strip_suffix("gradle").map_or(m.dir(), |d| d.trim_end_matches('/'));
            governs(root, path)
        });
        if locked {
            return missing("a lock file would have to be written anew");
        }
        let Some(m) = self.gradle_chain(path).into_iter().next() else { return missing("there is no build file") };
        let text = m.text.as_str();
        let kotlin = m.name().ends_with(".kts");
        let coordinates = format!("{name}:{version}");
        if edits.iter().any(|e| e.file == m.id && e.text.contains(&coordinates)) {
            return Ok(());
        }
        let Some(block) = blocks(text).into_iter().find(|b| b.path == ["dependencies"]) else {
            return missing("the build file has no dependencies block");
        };
        let code = masked(text, false);
        let body =
            String::from_utf8_lossy(code.get(block.content.lo as usize..block.content.hi as usize).unwrap_or(&[]))
                .into_owned();
        let lines: Vec<&str> = body.lines().map(str::trim).filter(|l| l.contains(['"', '\''])).collect();
        let starts = |c: &str| lines.iter().any(|l| l.starts_with(&format!("{c} ")) || l.starts_with(&format!("{c}(")));
        let configuration = if !starts("implementation") && starts("compile") { "compile" } else { "implementation" };
        let model = lines.iter().find(|l| l.starts_with(configuration)).or(lines.last());
        let parens = kotlin || model.is_some_and(|l| l.contains('('));
        let quote = if kotlin || model.is_some_and(|l| l.contains('"')) { '"' } else { '\'' };
        let line = match parens {
            true => format!("{configuration}({quote}{coordinates}{quote})"),
            false => format!("{configuration} {quote}{coordinates}{quote}"),
        };
        let close = block.content.hi;
        let head = line_start(text, block.content.lo);
        let outer = indent_at(text, head);
        let eol = eol_at(text, head);
        let inner_line = body.lines().skip(1).find(|l| !l.trim().is_empty());
        let indent = match inner_line {
            Some(l) => l.chars().take_while(|c| c.is_whitespace()).collect(),
            None => format!("{outer}    "),
        };
        if first_on_line(text, close) {
            push_insert(edits, m.id, line_start(text, close), &format!("{indent}{line}{eol}"));
        } else if block.content.of(text).trim().is_empty() {
            edits.push(Edit::replace(m.id, block.content, format!("{eol}{indent}{line}{eol}{outer}")));
        } else {
            return missing("its dependencies block stands on one line");
        }
        Ok(())
    }
}
