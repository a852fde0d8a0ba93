//! Find, install, start and stop a local OpenCode server.
