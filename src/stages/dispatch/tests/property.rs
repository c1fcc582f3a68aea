//! Any traffic, any outcomes, any restarts: the guarantees hold.
