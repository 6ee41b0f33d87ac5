//! Reports of internal errors.
//!
//! The message of a panic may quote a prompt, an answer or a header. A literal cannot, and is shown;
//! of any other message only the place in the source is.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic::{self, Location};

use super::console;

/// From now on panics are reported without what they may quote.
pub(super) fn report_without_content() {
    panic::set_hook(Box::new(|info| {
        console::say(&report(info.payload(), info.location()));
        let trace = Backtrace::capture();
        if trace.status() == BacktraceStatus::Captured {
            console::say(&trace.to_string());
        }
    }));
}

fn report(payload: &(dyn Any + Send), at: Option<&Location<'_>>) -> String {
    let what = match payload.downcast_ref::<&'static str>() {
        Some(literal) => literal,
        None => "its message is withheld: it may quote a prompt, an answer or a key",
    };
    let place = at.map_or("an unknown place".to_owned(), ToString::to_string);
    format!("weighbridge: internal error at {place}: {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the hook would be given.
    fn caught(panics: impl FnOnce() + panic::UnwindSafe) -> Box<dyn Any + Send> {
        // Quietly: the message is what this is about, and the tests' own hook would print it. The
        // payload is the same.
        panic::catch_unwind(panics).expect_err("it panics")
    }

    #[test]
    fn only_literals_are_shown() {
        let said = |payload: &(dyn Any + Send)| report(payload, Some(Location::caller()));
        let literal = said(&"a lane without an endpoint");
        assert!(literal.ends_with(": a lane without an endpoint"), "{literal}");
        assert!(literal.contains("panics.rs:"), "{literal}");
        let formatted = said(&format!("no char boundary in {:?}", "sk-Mark7"));
        assert!(formatted.contains("withheld") && !formatted.contains("Mark7"), "{formatted}");
        assert!(said(&7_u8).contains("withheld"));
    }

    /// The variable that makes [`a_process_that_panics_says_no_key`] the process that panics.
    const QUOTED: &str = "WEIGHBRIDGE_TEST_PANIC";

    /// The real hook in a process of its own: this test again, told to panic.
    #[test]
    fn a_process_that_panics_says_no_key() {
        if let Ok(key) = std::env::var(QUOTED) {
            report_without_content();
            let thread = std::thread::spawn({
                let key = key.clone();
                move || drop(key[..1].to_owned())
            });
            assert!(thread.join().is_err());
            assert_eq!(key, "another key");
        }
        let name = "cli::panics::tests::a_process_that_panics_says_no_key";
        let child = std::process::Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", name, "--nocapture"])
            .env(QUOTED, "é-Mark7Qx-LpTz0RbYd")
            .env("RUST_BACKTRACE", "full")
            .output()
            .expect("it runs");
        assert!(!child.status.success(), "it panicked");
        let said = [child.stdout, child.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert_eq!(said.matches("internal error at src/cli/panics.rs:").count(), 2, "{said}");
        assert_eq!(said.matches("withheld").count(), 2, "{said}");
        assert!(!said.contains("Mark7") && !said.contains("LpTz0"), "{said}");
    }

    #[test]
    fn panics_that_quote_are_not_literals() {
        let key = String::from("é-Mark7");
        let payload = caught(move || drop(key[..1].to_owned()));
        let said = report(payload.as_ref(), None);
        assert!(said.contains("withheld") && !said.contains("Mark7"), "{said}");
    }
}
