//! The language registry: which language a file is written in.

pub use surefix_ir::Lang;

/// What the registry knows of a language.
#[derive(Clone, Copy, Debug)]
pub struct LangInfo {
    /// The language.
    pub lang: Lang,
    /// File name extensions, lower case, without the dot.
    pub extensions: &'static [&'static str],
    /// Interpreter names that a `#!` line can name, a version number left out.
    pub interpreters: &'static [&'static str],
}

/// Every language, in the order of [`Lang`]. Python's `.pyi` stubs hold no code and are left out on purpose.
pub const LANGUAGES: &[LangInfo] = &[
    LangInfo { lang: Lang::Java, extensions: &["java"], interpreters: &[] },
    LangInfo { lang: Lang::Python, extensions: &["py", "pyw"], interpreters: &["python", "pypy"] },
];

/// The language of the file at `path` (with `/`) whose content starts with `head`; the extension decides, a `#!` line
/// only where there is none.
pub fn detect(path: &str, head: &[u8]) -> Option<Lang> {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => {
            let extension = extension.to_ascii_lowercase();
            LANGUAGES.iter().find(|l| l.extensions.contains(&extension.as_str())).map(|l| l.lang)
        }
        _ => by_shebang(head),
    }
}

fn by_shebang(head: &[u8]) -> Option<Lang> {
    let line = head.strip_prefix(b"#!")?;
    let end = memchr::memchr2(b'\n', b'\r', line).unwrap_or(line.len()).min(256);
    let line = str::from_utf8(line.get(..end)?).ok()?;
    // `#!/usr/bin/python3.12 -u`, `#!/usr/bin/env -S VAR=1 python3`: options and assignments are passed over after `env`.
    let mut words = line.split_ascii_whitespace();
    let mut program = base(words.next()?);
    if program == "env" {
        program = base(words.find(|w| !w.starts_with('-') && !w.contains('='))?);
    }
    let program = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    LANGUAGES.iter().find(|l| l.interpreters.contains(&program)).map(|l| l.lang)
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
