//! Placeholder module; replaced by the first slice.
