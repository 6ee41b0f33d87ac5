//! `show`.

use std::io::{self, Write};

use super::args::{ShowArgs, ShowFormat};
use super::failure::Outcome;
use super::pager::Pager;
use super::{Exit, console};
use crate::app;

/// `weighbridge show RUN`.
pub(super) fn show(args: ShowArgs) -> Outcome {
    let format = args.format;
    let mut shown = app::show(&args.options())?;
    if !shown.keeps_content {
        console::say(
            "this run keeps no prompts and no answers (--no-content): ids, scores and what the \
             answers lack in form",
        );
    }
    if !shown.has_ended {
        console::say("this run has not ended: these are the answers so far");
    }
    let mut pager = Pager::start();
    let columns = console::columns();
    let mut n = 0;
    loop {
        let next = match format {
            ShowFormat::Text => shown.next_text(columns),
            ShowFormat::Json => shown.next_json(),
        };
        let Some(text) = next else { break };
        n += 1;
        match pager.write_all(text?.as_bytes()) {
            // A reader that has seen enough is success.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            written => written?,
        }
    }
    pager.end()?;
    if n == 0 {
        console::say("no answer of this run is as asked");
    }
    Ok(Exit::Ok)
}
