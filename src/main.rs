//! The binary `millrace`.

use std::process::ExitCode;

/// A message makes some hundred small allocations on several threads: with the system's allocator they took an eighth of
/// the time of `bench pipeline`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    millrace::cli::main()
}
