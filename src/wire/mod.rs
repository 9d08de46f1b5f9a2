//! An async SMB2 connection at message level: negotiate, authenticate, credits, sign, seal, multiplex. Imports `model` only.
