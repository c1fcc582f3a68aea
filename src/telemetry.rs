//! What operators see: logs, metric names, one function per notable happening.
