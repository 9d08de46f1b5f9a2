//! The `smbreplay` program.

fn main() {}
