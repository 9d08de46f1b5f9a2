//! The `smbreplay` program.

fn main() -> std::process::ExitCode {
    smbreplay::cli::main()
}
