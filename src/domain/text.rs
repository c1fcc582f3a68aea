//! Text normalisation: what two people would call the same word compares equal.
