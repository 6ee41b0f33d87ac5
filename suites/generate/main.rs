//! Writes the bundled suites: `cargo run --example generate-suites`, or with `--check` compares
//! them with what is committed and ends with 1 where they differ.

mod chance;
mod classify;
mod code;
mod extract;
mod extract_documents;
mod folder;
mod instruct;
mod instruct_answers;
mod longread;
mod longread_kinds;
mod math;
mod reason;
mod reason_written;
mod rewrite;
mod tool_requests;
mod tools;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use folder::Suite;

fn main() -> io::Result<ExitCode> {
    let check = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [flag] if flag == "--check" => true,
        _ => {
            writeln!(io::stderr(), "usage: generate-suites [--check]")?;
            return Ok(ExitCode::from(2));
        }
    };
    let mut stale = false;
    for suite in suites() {
        for (path, content) in files(&suite) {
            if std::fs::read_to_string(&path).ok().as_deref() == Some(content.as_str()) {
                continue;
            }
            stale = true;
            let verb = if check { "differs" } else { "written" };
            writeln!(io::stderr(), "{verb}: {}", path.display())?;
            if !check {
                std::fs::create_dir_all(path.parent().expect("a file in a suite's folder"))?;
                std::fs::write(&path, content)?;
            }
        }
    }
    Ok(ExitCode::from(u8::from(stale && check)))
}

/// Every bundled suite, in name order.
fn suites() -> Vec<Suite> {
    vec![
        classify::suite(),
        code::suite(),
        extract::suite(),
        instruct::suite(),
        longread::suite(),
        math::suite(),
        reason::suite(),
        rewrite::suite(),
        tools::suite(),
    ]
}

/// The two files of a suite: where each belongs and what is in it.
fn files(suite: &Suite) -> [(PathBuf, String); 2] {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/suites")).join(suite.name);
    [
        (folder.join("suite.toml"), suite.suite_toml()),
        (folder.join("tasks.jsonl"), suite.tasks_jsonl()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_suites_are_the_generated_ones() {
        for suite in suites() {
            for (path, content) in files(&suite) {
                let committed = std::fs::read_to_string(&path).unwrap_or_default();
                assert!(committed == content, "{} is stale: run the generator", path.display());
            }
        }
    }
}
