//! Makes text from scanned code and file names harmless for where it is printed.

use std::borrow::Cow;

/// True for characters that steer a terminal or change the order of what is read: controls, bidirectional and invisible ones.
pub fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// One line for a terminal: dangerous characters, line breaks and tabs too, become `<U+202E>`.
pub fn line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_dangerous) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().fold(String::new(), |out, c| push(out, c, false)))
}

/// Several lines for a terminal: line breaks and tabs stay, a carriage return before a line break is dropped.
pub fn block(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| is_dangerous(c) && c != '\n' && c != '\t') {
        return Cow::Borrowed(text);
    }
    let text = text.replace("\r\n", "\n");
    Cow::Owned(text.chars().fold(String::new(), |out, c| push(out, c, true)))
}

fn push(mut out: String, c: char, keep: bool) -> String {
    if is_dangerous(c) && !(keep && (c == '\n' || c == '\t')) {
        out.push_str(&format!("<U+{:04X}>", c as u32));
    } else {
        out.push(c);
    }
    out
}

/// Running text inside Markdown: no mark-up, no HTML, no mention, no line break.
pub fn markdown(text: &str) -> String {
    let mut out = String::new();
    for c in line(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // A zero-width joiner is an invisible character too: the entity keeps a name from becoming a mention.
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|' | '~' | '$' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

/// A code block of Markdown whose fence is longer than any run of backticks inside.
pub fn fenced(language: &str, code: &str) -> String {
    let code = block(code);
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    let end = if code.is_empty() || code.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{code}{end}{fence}\n")
}

/// A relative path as a URI reference (RFC 3986).
pub fn uri(path: &str) -> String {
    let mut out = String::new();
    for b in path.bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(b as char),
            _ => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_the_terminal() {
        assert_eq!(line("a\u{1b}[31mb\nc\u{202e}"), "a<U+001B>[31mb<U+000A>c<U+202E>");
        assert_eq!(block("a\tb\r\nc\u{7}\r"), "a\tb\nc<U+0007><U+000D>");
        assert_eq!(line("naïve 日本"), "naïve 日本");
    }

    #[test]
    fn markdown_and_uris_are_inert() {
        assert_eq!(markdown("<img> [x](y) `z` @a"), "&lt;img&gt; \\[x\\]\\(y\\) \\`z\\` &#64;a");
        assert_eq!(fenced("java", "a ``` b"), "````java\na ``` b\n````\n");
        assert_eq!(uri("a b/ü#.py"), "a%20b/%C3%BC%23.py");
    }
}
