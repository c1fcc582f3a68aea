//! Layers of settings, lowest first: defaults, files in order, `MILLRACE__SECTION__KEY`, flags.
