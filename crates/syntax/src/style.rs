//! The file's own style, so that new code looks like the code around it.

use crate::{Lang, Piece, comments};

/// One level of indentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Indent {
    /// A tab.
    Tabs,
    /// So many spaces.
    Spaces(u8),
}

impl Indent {
    /// The text of one level.
    pub fn unit(self) -> &'static str {
        match self {
            Indent::Tabs => "\t",
            Indent::Spaces(n) => "        ".get(..usize::from(n)).unwrap_or("        "),
        }
    }
}

/// Preferred quotes of Python's one-line strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quote {
    /// `'`
    Single,
    /// `"`
    Double,
}

impl Quote {
    /// The character.
    pub fn char(self) -> char {
        match self {
            Quote::Single => '\'',
            Quote::Double => '"',
        }
    }
}

/// Style of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Indentation unit; four spaces when the file shows none.
    pub indent: Indent,
    /// Quotes; always double for Java, and where a Python file has no preference.
    pub quote: Quote,
}

impl Style {
    /// Reads the style from the text. Only lines that follow an opening line (`{`, `:`) count: continuation lines have indents of their own.
    pub fn detect(lang: Lang, text: &str) -> Style {
        let pieces = comments::pieces(lang, text);
        let masked = comments::mask(text, &pieces);
        Style { indent: indent(lang, &masked), quote: quote(lang, text, &pieces) }
    }
}

fn indent(lang: Lang, masked: &[u8]) -> Indent {
    let opener = if lang == Lang::Python { b':' } else { b'{' };
    let mut by_spaces = [0usize; 9];
    let mut tabs = 0usize;
    let mut opened: Option<&[u8]> = None;
    for line in masked.split(|b| matches!(b, b'\n' | b'\r')) {
        let code = line.trim_ascii();
        let Some(last) = code.last() else { continue };
        let lead = &line[..line.len() - line.trim_ascii_start().len()];
        if let Some(deeper) = opened.and_then(|o| lead.strip_prefix(o)) {
            if deeper == b"\t" {
                tabs += 1;
            } else if !deeper.is_empty()
                && deeper.iter().all(|b| *b == b' ')
                && let Some(n) = by_spaces.get_mut(deeper.len())
            {
                *n += 1;
            }
        }
        opened = (*last == opener).then_some(lead);
    }
    // The narrower of two equally common widths.
    let best = (1..9u8).rev().max_by_key(|n| by_spaces[usize::from(*n)]).unwrap_or(4);
    match by_spaces[usize::from(best)] {
        n if tabs > n => Indent::Tabs,
        0 => Indent::Spaces(4),
        _ => Indent::Spaces(best),
    }
}

fn quote(lang: Lang, text: &str, pieces: &[Piece]) -> Quote {
    if lang != Lang::Python {
        return Quote::Double;
    }
    let (mut single, mut double) = (0usize, 0usize);
    for p in pieces {
        let Piece::Text(span) = p else { continue };
        let literal = span.of(text).trim_start_matches(|c: char| c.is_ascii_alphabetic());
        // Strings that contain the other quote, and triple-quoted ones, follow other rules.
        if literal.starts_with("\"\"\"") || literal.starts_with("'''") {
            continue;
        }
        match literal.bytes().next() {
            Some(b'\'') if !literal.contains('"') => single += 1,
            Some(b'"') if !literal.contains('\'') => double += 1,
            _ => {}
        }
    }
    if single > double { Quote::Single } else { Quote::Double }
}
