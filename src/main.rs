//! The `smbreplay` program.

/// glibc's allocator keeps twice of what an ingest holds (docs/adr/0013-jemalloc.md).
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    smbreplay::cli::main()
}
