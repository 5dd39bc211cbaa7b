//! Unified diffs that `git apply` takes.

use imara_diff::{Algorithm, Diff, InternedInput, Token, sources::byte_lines};
use std::ops::Range;

/// Lines of context around a change.
const CONTEXT: u32 = 3;

/// The unified diff from `old` to `new` with git's headers (`a/path`, `b/path`); empty when nothing differs.
///
/// Lines end with `\n` as git sees them, so CRLF and lone CR stay part of the lines they are in.
pub fn unified(path: &str, old: &str, new: &str) -> String {
    // Hunks consist of whole lines of the inputs, cut at `\n`: valid UTF-8 stays valid.
    String::from_utf8(unified_bytes(path, old.as_bytes(), new.as_bytes())).unwrap_or_default()
}

/// [`unified`] for raw bytes, as a patch needs them for files that are not UTF-8.
pub fn unified_bytes(path: &str, old: &[u8], new: &[u8]) -> Vec<u8> {
    unified_sides(path, Some(old), Some(new))
}

/// [`unified_bytes`] for files that may be new (`old` is `None`) or taken away (`new` is `None`). Modes are those of an ordinary file.
pub fn unified_sides(path: &str, old: Option<&[u8]>, new: Option<&[u8]>) -> Vec<u8> {
    if old == new {
        return Vec::new();
    }
    let input = InternedInput::new(byte_lines(old.unwrap_or(b"")), byte_lines(new.unwrap_or(b"")));
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);

    let (a, b) = (quoted("a/", path), quoted("b/", path));
    // A tab ends a file name that contains a space, as git writes it.
    let tab = if path.contains(' ') && !a.starts_with('"') { "\t" } else { "" };
    let mode = match (old, new) {
        (None, _) => "new file mode 100644\n",
        (_, None) => "deleted file mode 100644\n",
        _ => "",
    };
    let side = |there: bool, name: &str| if there { format!("{name}{tab}") } else { "/dev/null".to_string() };
    let (from, to) = (side(old.is_some(), &a), side(new.is_some(), &b));
    let mut out = format!("diff --git {a} {b}\n{mode}--- {from}\n+++ {to}\n").into_bytes();

    let mut hunks = diff.hunks().map(|h| (h.before, h.after)).peekable();
    while let Some(first) = hunks.next() {
        let mut group = vec![first];
        while let Some(next) = hunks.next_if(|n| group.last().is_none_or(|l| n.0.start - l.0.end <= 2 * CONTEXT)) {
            group.push(next);
        }
        write_group(&mut out, &input, &group);
    }
    out
}

fn write_group(out: &mut Vec<u8>, input: &InternedInput<&[u8]>, group: &[(Range<u32>, Range<u32>)]) {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return };
    let lead = first.0.start.min(CONTEXT);
    let trail = (input.before.len() as u32 - last.0.end).min(CONTEXT);
    let old = first.0.start - lead..last.0.end + trail;
    let new = first.1.start - lead..last.1.end + trail;
    out.extend_from_slice(format!("@@ -{} +{} @@\n", counted(&old), counted(&new)).as_bytes());
    let mut at = old.start;
    for (before, after) in group {
        lines(out, input, b' ', &input.before, at..before.start);
        lines(out, input, b'-', &input.before, before.clone());
        lines(out, input, b'+', &input.after, after.clone());
        at = before.end;
    }
    lines(out, input, b' ', &input.before, at..old.end);
}

/// `start,count` with git's conventions: `,1` is left out, and an empty side names the line before it.
fn counted(r: &Range<u32>) -> String {
    match r.end - r.start {
        0 => format!("{},0", r.start),
        1 => format!("{}", r.start + 1),
        n => format!("{},{n}", r.start + 1),
    }
}

fn lines(out: &mut Vec<u8>, input: &InternedInput<&[u8]>, mark: u8, side: &[Token], range: Range<u32>) {
    for &token in side.get(range.start as usize..range.end as usize).unwrap_or(&[]) {
        let line = input.interner[token];
        out.push(mark);
        out.extend_from_slice(line);
        if !line.ends_with(b"\n") {
            out.extend_from_slice(b"\n\\ No newline at end of file\n");
        }
    }
}

/// A path as git prints it: in quotes with C escapes when it holds a quote, backslash, control or non-ASCII byte.
fn quoted(prefix: &str, path: &str) -> String {
    let plain = path.bytes().all(|b| (0x20..0x7f).contains(&b) && b != b'"' && b != b'\\');
    if plain {
        return format!("{prefix}{path}");
    }
    let mut out = format!("\"{prefix}");
    for b in path.bytes() {
        match b {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b'\r' => out.push_str("\\r"),
            0x20..0x7f => out.push(char::from(b)),
            _ => out.push_str(&format!("\\{b:03o}")),
        }
    }
    out.push('"');
    out
}
