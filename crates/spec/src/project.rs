//! The project of a case as bytes: line ends, encoding, tabs, final newline as its blocks ask for.

use crate::parse::{Case, Encoding, Eol, File};
use surefix_engine::{InputFile, discover};

/// The bytes of a file.
pub fn bytes(f: &File) -> Vec<u8> {
    let mut text = String::new();
    for (i, line) in f.text.lines().enumerate() {
        let body = line.trim_start_matches(' ');
        let blanks = line.len() - body.len();
        if f.tabs {
            text.push_str(&"\t".repeat(blanks / 4));
            text.push_str(&" ".repeat(blanks % 4));
            text.push_str(body);
        } else {
            text.push_str(line);
        }
        text.push_str(match f.eol {
            Eol::Lf => "\n",
            Eol::Crlf => "\r\n",
            Eol::Mixed if i % 2 == 0 => "\r\n",
            Eol::Mixed => "\n",
        });
    }
    if !f.final_newline {
        text.truncate(text.trim_end_matches(['\r', '\n']).len());
    }
    match f.encoding {
        Encoding::Utf8 => text.into_bytes(),
        Encoding::Utf8Bom => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        Encoding::Latin1 => text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect(),
        Encoding::Utf16 => {
            let units = std::iter::once(0xfeff).chain(text.encode_utf16());
            units.flat_map(u16::to_le_bytes).collect()
        }
    }
}

/// A project in memory: path and bytes, in the order of the blocks.
pub type Files = Vec<(String, Vec<u8>)>;

/// The project of a case.
pub fn files(case: &Case) -> Files {
    case.files.iter().map(|f| (f.path.clone(), bytes(f))).collect()
}

/// As the engine takes it; files of no interest to it are left out.
pub fn input(files: &[(String, Vec<u8>)]) -> Vec<InputFile> {
    let mut out: Vec<InputFile> = files
        .iter()
        .filter_map(|(path, bytes)| {
            Some(InputFile { path: path.clone(), role: discover::role(path)?, bytes: bytes.clone() })
        })
        .collect();
    out.sort_by(|a, b| a.path.cmp(&b.path));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> File {
        File {
            path: "a.py".into(),
            text: text.into(),
            eol: Eol::Lf,
            encoding: Encoding::Utf8,
            final_newline: true,
            tabs: false,
        }
    }

    #[test]
    fn attributes_shape_the_bytes() {
        let f = File { eol: Eol::Crlf, tabs: true, final_newline: false, ..file("if x:\n      y\n") };
        assert_eq!(bytes(&f), b"if x:\r\n\t  y");
        let f = File { encoding: Encoding::Latin1, ..file("é\n") };
        assert_eq!(bytes(&f), b"\xe9\n");
        let f = File { eol: Eol::Mixed, encoding: Encoding::Utf16, ..file("a\nb\n") };
        assert_eq!(bytes(&f), b"\xff\xfea\0\r\0\n\0b\0\n\0");
    }
}
