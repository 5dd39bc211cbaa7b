//! From the text of a model file to rows of plain cells, with their places. Shared with the build script, so it names nothing of this crate.

use std::borrow::Cow;
use toml::de::{DeTable, DeValue};

/// Line and column, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pos {
    pub line: u32,
    pub col: u32,
}

/// A cell of a row.
#[derive(Clone, Debug)]
pub(crate) struct Cell<'t> {
    pub text: Cow<'t, str>,
    pub at: Pos,
}

/// A row of a section.
#[derive(Clone, Debug)]
pub(crate) struct RawRow<'t> {
    /// Index into [`SECTIONS`].
    pub section: usize,
    pub at: Pos,
    pub cells: Vec<Cell<'t>>,
}

/// A file's head and rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct RawFile<'t> {
    pub id: Cow<'t, str>,
    pub lang: Cow<'t, str>,
    pub lang_at: Pos,
    pub artifacts: Vec<Cow<'t, str>>,
    /// Other spelling, spelling used in the rows.
    pub packages: Vec<(Cow<'t, str>, Cow<'t, str>)>,
    pub rows: Vec<RawRow<'t>>,
}

/// Something wrong with a file.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub at: Pos,
    pub message: String,
    pub help: String,
}

/// A section's name with the least and the greatest number of cells of its rows.
pub(crate) const SECTIONS: &[(&str, usize, usize)] = &[
    ("alias", 2, 2),
    ("subtype", 2, 2),
    ("source", 3, 3),
    ("sink", 3, 3),
    ("flow", 3, 3),
    ("clean", 4, 6),
    ("decode", 3, 3),
    ("intrinsic", 2, 2),
    ("prop", 4, 4),
    ("props", 3, 3),
    ("returns", 2, 2),
    ("watch", 2, 2),
    ("neutral", 1, 1),
    ("invokes", 4, 4),
    ("guard", 4, 4),
    ("resource", 2, 2),
    ("fix", 3, 40),
    ("entry", 4, 4),
];

const HEAD_KEYS: &[&str] = &["id", "lang", "artifacts", "packages"];

/// The name nearest to `word`, when it is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    names
        .into_iter()
        .map(|n| (distance(word, n), n))
        .filter(|(d, n)| *d <= (n.len().max(word.len()) / 3).max(1))
        .min_by_key(|(d, _)| *d)
        .map(|(_, n)| n)
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = if x == *y { diagonal } else { 1 + diagonal.min(row[j]).min(row[j + 1]) };
            diagonal = row[j + 1];
            row[j + 1] = cost;
        }
    }
    row[b.len()]
}

struct Places<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Places<'t> {
    fn new(text: &'t str) -> Places<'t> {
        let starts =
            std::iter::once(0).chain(text.bytes().enumerate().filter(|b| b.1 == b'\n').map(|b| b.0 + 1)).collect();
        Places { text, starts }
    }
    fn at(&self, offset: usize) -> Pos {
        let line = self.starts.partition_point(|s| *s <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let col = self.text.get(start..offset).map_or(1, |t| t.chars().count() + 1);
        Pos { line: line as u32, col: col as u32 }
    }
}

fn suggestion(word: &str, names: &[&str]) -> String {
    match nearest(word, names.iter().copied()) {
        Some(n) => format!("did you mean `{n}`?"),
        None => format!("known are {}", names.join(", ")),
    }
}

/// Reads a file. Rows that are wrong are left out and named in the problems.
pub(crate) fn parse<'t>(text: &'t str, problems: &mut Vec<Problem>) -> RawFile<'t> {
    let places = Places::new(text);
    let mut file = RawFile::default();
    let mut fail = |offset: usize, message: String, help: String| {
        problems.push(Problem { at: places.at(offset), message, help });
    };
    let root = match DeTable::parse(text) {
        Ok(t) => t,
        Err(e) => {
            let at = e.span().map_or(0, |s| s.start);
            fail(at, e.message().to_string(), "the file is no valid TOML".to_string());
            return file;
        }
    };
    let names: Vec<&str> = std::iter::once("lib").chain(SECTIONS.iter().map(|s| s.0)).collect();
    let in_lib: Vec<&str> = HEAD_KEYS.iter().copied().chain(SECTIONS.iter().map(|s| s.0)).collect();
    // In TOML whatever follows `[lib]` belongs to that table, so sections are looked for there too.
    let mut sections = Vec::new();
    let mut has_lib = false;
    for (key, value) in root.into_inner() {
        if key.get_ref() != "lib" {
            sections.push((key, value, &names[..]));
            continue;
        }
        has_lib = true;
        let at = value.span().start;
        let DeValue::Table(table) = value.into_inner() else {
            fail(at, "`lib` must be a table".to_string(), "write `[lib]` and its keys below".to_string());
            continue;
        };
        let (keys, rest): (Vec<_>, Vec<_>) =
            table.into_iter().partition(|(k, _)| HEAD_KEYS.contains(&k.get_ref().as_ref()));
        sections.extend(rest.into_iter().map(|(k, v)| (k, v, &in_lib[..])));
        head(&mut file, keys, at, &places, &mut fail);
    }
    sections.sort_by_key(|(k, ..)| names.iter().position(|n| *n == k.get_ref().as_ref()));
    for (key, value, known) in sections {
        let (key_at, at) = (key.span().start, value.span().start);
        let key = key.into_inner();
        let Some(section) = SECTIONS.iter().position(|s| s.0 == key) else {
            fail(key_at, format!("unknown key `{key}`"), suggestion(&key, known));
            continue;
        };
        match value.into_inner() {
            DeValue::Array(items) => {
                for item in items {
                    let at = item.span().start;
                    if let Some(cells) = row(section, item.into_inner(), at, &places, &mut fail) {
                        file.rows.push(RawRow { section, at: places.at(at), cells });
                    }
                }
            }
            _ => fail(at, format!("`{key}` must be a list of rows"), format!("write `{key} = [ … ]`")),
        }
    }
    if !has_lib {
        fail(
            0,
            "no `[lib]` table".to_string(),
            "begin the file with `[lib]`, `id = \"…\"` and `lang = \"java\"` or `\"python\"`".to_string(),
        );
    }
    file
}

type Pair<'t> = (toml::Spanned<Cow<'t, str>>, toml::Spanned<DeValue<'t>>);
type Fail<'f> = dyn FnMut(usize, String, String) + 'f;

fn head<'t>(file: &mut RawFile<'t>, table: Vec<Pair<'t>>, at: usize, places: &Places<'_>, fail: &mut Fail<'_>) {
    let given: Vec<String> = table.iter().map(|(k, _)| k.get_ref().to_string()).collect();
    for (key, value) in table {
        let value_at = value.span().start;
        match (key.get_ref().as_ref(), value.into_inner()) {
            ("id", DeValue::String(s)) => file.id = s,
            ("lang", DeValue::String(s)) => {
                file.lang = s;
                file.lang_at = places.at(value_at);
            }
            ("artifacts", DeValue::Array(items)) => {
                for item in items {
                    let at = item.span().start;
                    match item.into_inner() {
                        DeValue::String(s) => file.artifacts.push(s),
                        _ => fail(
                            at,
                            "an artifact must be text".to_string(),
                            "write \"group:artifact:version\" or \"package==version\"".to_string(),
                        ),
                    }
                }
            }
            ("packages", DeValue::Table(t)) => {
                for (from, to) in t {
                    let at = to.span().start;
                    match to.into_inner() {
                        DeValue::String(s) => file.packages.push((from.into_inner(), s)),
                        _ => fail(
                            at,
                            "a package must be text".to_string(),
                            "write \"other.spelling\" = \"spelling.used.here\"".to_string(),
                        ),
                    }
                }
            }
            (k, v) => {
                let want = match k {
                    "artifacts" => "a list of text",
                    "packages" => "a table of text",
                    _ => "text",
                };
                fail(value_at, format!("`lib.{k}` must be {want}, not {}", v.type_str()), format!("give `{k}` {want}"));
            }
        }
    }
    if !given.iter().any(|k| k == "id") {
        fail(at, "`lib.id` is missing".to_string(), "name the library, for example `id = \"java.jdbc\"`".to_string());
    }
    if !given.iter().any(|k| k == "lang") {
        fail(at, "`lib.lang` is missing".to_string(), "write `lang = \"java\"` or `lang = \"python\"`".to_string());
    }
}

fn row<'t>(
    section: usize,
    item: DeValue<'t>,
    at: usize,
    places: &Places<'_>,
    fail: &mut Fail<'_>,
) -> Option<Vec<Cell<'t>>> {
    let (name, least, most) = SECTIONS.get(section).copied()?;
    let items = match item {
        DeValue::Array(items) => items,
        DeValue::String(s) if most == 1 => return Some(vec![Cell { text: s, at: places.at(at) }]),
        _ => {
            fail(at, format!("a row of `{name}` must be {}", if most == 1 { "text" } else { "a list" }), shape(name));
            return None;
        }
    };
    let mut cells = Vec::with_capacity(items.len());
    let mut ok = true;
    for item in items {
        let at = item.span().start;
        let place = places.at(at);
        match item.into_inner() {
            DeValue::String(text) => cells.push(Cell { text, at: place }),
            DeValue::Boolean(b) => {
                cells.push(Cell { text: Cow::Borrowed(if b { "true" } else { "false" }), at: place });
            }
            DeValue::Table(t) if name == "clean" => {
                for (k, v) in t {
                    match (k.get_ref().as_ref(), v.get_ref().as_str()) {
                        (k @ ("deny" | "allow"), Some(v)) => {
                            cells.push(Cell { text: Cow::Owned(format!("{k}={v}")), at: place });
                        }
                        (k @ ("deny" | "allow"), None) => {
                            fail(
                                v.span().start,
                                format!("`{k}` must be text"),
                                format!("write `{k} = \"characters\"`"),
                            );
                            ok = false;
                        }
                        (word, _) => {
                            fail(k.span().start, format!("unknown key `{word}`"), suggestion(word, &["deny", "allow"]));
                            ok = false;
                        }
                    }
                }
            }
            DeValue::Table(t) if name == "fix" => {
                for (k, v) in t {
                    ok &= setting(&k, v, places, &mut cells, fail);
                }
            }
            v => {
                fail(at, format!("a cell must be text, not {}", v.type_str()), shape(name));
                ok = false;
            }
        }
    }
    if ok && !(least..=most).contains(&cells.len()) {
        let want = if least == most { least.to_string() } else { format!("{least} to {most}") };
        fail(at, format!("a row of `{name}` has {want} cells, this one has {}", cells.len()), shape(name));
        ok = false;
    }
    ok.then_some(cells)
}

/// Keys of the table of a `fix` row.
const FIX_KEYS: &[&str] = &["when", "set", "remove", "callee", "drop", "tier", "title", "message", "note"];

/// One key of a `fix` row's table, as cells `key=value`: a list gives one cell an element.
fn setting<'t>(
    key: &toml::Spanned<Cow<'t, str>>,
    value: toml::Spanned<DeValue<'t>>,
    places: &Places<'_>,
    cells: &mut Vec<Cell<'t>>,
    fail: &mut Fail<'_>,
) -> bool {
    let name = key.get_ref().as_ref();
    if !FIX_KEYS.contains(&name) {
        fail(key.span().start, format!("unknown key `{name}`"), suggestion(name, FIX_KEYS));
        return false;
    }
    let at = value.span().start;
    let mut push =
        |text: &str, at: usize| cells.push(Cell { text: Cow::Owned(format!("{name}={text}")), at: places.at(at) });
    match value.into_inner() {
        DeValue::String(s) => push(&s, at),
        DeValue::Boolean(b) => push(if b { "true" } else { "false" }, at),
        DeValue::Array(items) if matches!(name, "when" | "set" | "remove") => {
            for item in items {
                let at = item.span().start;
                match item.get_ref().as_str() {
                    Some(s) => push(s, at),
                    None => {
                        fail(at, format!("an element of `{name}` must be text"), shape("fix"));
                        return false;
                    }
                }
            }
        }
        v => {
            fail(at, format!("`{name}` must be text, not {}", v.type_str()), shape("fix"));
            return false;
        }
    }
    true
}

/// How a row of a section is written.
pub(crate) fn shape(section: &str) -> String {
    let example = match section {
        "alias" => "[\"other.name\", \"canonical.name\"]",
        "subtype" => "[\"the.Subtype\", \"its.Supertype\"]",
        "source" => "[\"a.B.read\", \"ret\", \"remote\"]",
        "sink" => "[\"a.B.execute\", \"arg0\", \"sql\"]",
        "flow" | "decode" => "[\"a.B.trim\", \"this\", \"ret\"]",
        "clean" => "[\"a.B.escape\", \"arg0\", \"ret\", \"xss\", { deny = \"<>\" }]",
        "intrinsic" => "[\"a.B.charAt\", \"str.char_at\"]",
        "prop" => "[\"a.B.setSecure\", \"this\", \"secure\", \"arg0\"]",
        "props" => "[\"a.Factory.newParser\", \"this\", \"ret\"]",
        "returns" => "[\"a.B.open\", \"a.C\"]",
        "watch" => "[\"a.B.getInstance\", \"weak-hash\"]",
        "neutral" => "\"a.B.length\"",
        "invokes" => "[\"a.B.map\", \"arg0\", \"this.elem\", \"ret.elem\"]",
        "guard" => "[\"a.B.isSafe\", \"arg0\", true, \"path\"]",
        "fix" => {
            "[\"a.B.call\", \"weak-key\", { when = \"arg0<2048\", set = \"arg0=2048\", title = \"…\", message = \"…\" }]"
        }
        "resource" => "[\"a.B.load\", \"properties\"]",
        _ => "[\"override\", \"a.Servlet\", \"doGet|doPost\", \"\"]",
    };
    format!("write {example}")
}
