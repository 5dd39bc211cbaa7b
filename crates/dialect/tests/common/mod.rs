//! Texts with `§` for holes.
#![allow(dead_code)]

use surefix_dialect::{Dialect, HoleContext, Piece, contexts};

/// The pieces of a text with `§` for holes.
pub fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    for (at, part) in text.split('§').enumerate() {
        if at > 0 {
            found.push(Piece::Hole);
        }
        if !part.is_empty() {
            found.push(Piece::Lit(part));
        }
    }
    found
}

/// The labels of the holes, with a space between.
pub fn labels(dialect: Dialect, text: &str) -> String {
    let found: Vec<&str> = contexts(dialect, &pieces(text)).iter().map(|context| context.label.as_str()).collect();
    found.join(" ")
}

/// The context of the first hole.
pub fn ctx(dialect: Dialect, text: &str) -> HoleContext {
    contexts(dialect, &pieces(text)).into_iter().next().expect("the text has a hole")
}
