//! Python expressions that build text, taken apart.
