//! Compiled scripts: one pass over a text finds the rule that answers it.
