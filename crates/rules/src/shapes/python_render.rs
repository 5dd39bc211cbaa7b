//! From actions to edits of Python source.
