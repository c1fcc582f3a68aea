//! Nested quotas on governor's GCRA, with a clock that is given.
