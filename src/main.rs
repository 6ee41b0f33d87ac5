//! Parse, runtime, exit code; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    weighbridge::cli::main()
}
