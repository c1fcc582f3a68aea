//! The binary `millrace`.

use std::process::ExitCode;

/// A message makes some hundred small allocations on several threads: with the system's allocator they took an eighth of
/// the time of `bench pipeline`. With mimalloc 3 that took a sixth more of the processors than with this one, and an idle
/// system 30 MB more: tasks are aligned to cache lines, which there is its slow way.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    millrace::cli::main()
}
