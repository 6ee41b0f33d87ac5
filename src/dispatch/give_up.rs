//! When an endpoint is given up at once: its responses say that every further request would fail
//! in the same way, or be bought for nothing.

use std::sync::{Mutex, MutexGuard};

use crate::catalog::Endpoint;
use crate::client::{AttemptRecord, Outcome};
use crate::wire::ErrorClass;

/// Failures in a row that say so of an endpoint which has never answered, where one alone may be
/// about its request.
const SAME_IN_ROW: u32 = 3;

/// Responses of one shape that do not read, of an endpoint which has never answered. Each may be
/// billed.
const UNREADABLE_IN_ROW: u32 = 2;

/// The same of answers without content, which a model may give to one prompt and not to another.
const EMPTY_IN_ROW: u32 = 4;
/// The parameter that asks for a stream.
const STREAM: &str = "stream";

/// Why an endpoint takes no more requests in this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenUp {
    /// The class of the failures that say so; `None`: a budget or a pause, which is no failure.
    pub class: Option<ErrorClass>,
    /// The reason, with the endpoint's name, in our own words: a provider's may quote a prompt.
    pub why: String,
}

/// How an endpoint's requests have ended so far.
#[derive(Debug, Default)]
pub(super) struct History(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    has_answered: bool,
    /// Whether it was ever reached.
    is_reached: bool,
    /// Attempts to connect that failed, and what the last of them said.
    unconnected: (u32, String),
    /// The class of the last failures, and how many there were in a row.
    row: (Option<ErrorClass>, u32),
    /// The shape of the last responses that did not read, and how many there were in a row.
    shapes: (String, u32),
}

/// The shape of a response that the same request would meet again: what is wrong with it, in our own
/// words. `None`: it is none of those.
pub(super) fn shape_of(record: &AttemptRecord) -> Option<&str> {
    match &record.outcome {
        Outcome::Failed { class: ErrorClass::Protocol | ErrorClass::Empty, detail, .. } => {
            Some(detail.split(" (").next().unwrap_or(detail))
        }
        _ => None,
    }
}

impl History {
    /// Takes an attempt's end; returns why nothing more is to be sent, where it says so.
    pub fn note(&self, endpoint: &Endpoint, url: &str, record: &AttemptRecord) -> Option<GivenUp> {
        let Outcome::Failed { class, .. } = record.outcome else {
            *self.state() = State { has_answered: true, is_reached: true, ..State::default() };
            return None;
        };
        self.note_connection(record);
        let (has_answered, in_row) = self.count(class);
        let is_new = !has_answered && in_row >= SAME_IN_ROW;
        let is_over = match class {
            ErrorClass::Payment => true,
            // A 403 can also be about one prompt: a firewall's, a moderator's.
            ErrorClass::Auth => record.status != Some(403) || is_new,
            ErrorClass::NotFound | ErrorClass::Redirect => is_new,
            ErrorClass::Protocol => !has_answered && self.same_shapes(record) >= UNREADABLE_IN_ROW,
            ErrorClass::Empty => !has_answered && self.same_shapes(record) >= EMPTY_IN_ROW,
            // What every request holds.
            ErrorClass::BadRequest => is_new && refused(endpoint, record).is_some(),
            _ => false,
        };
        is_over.then(|| GivenUp { class: Some(class), why: reason(endpoint, url, class, record) })
    }

    fn note_connection(&self, record: &AttemptRecord) {
        let Outcome::Failed { class, detail, .. } = &record.outcome else { return };
        let mut state = self.state();
        match class {
            ErrorClass::Connect | ErrorClass::ConnectTimeout => {
                state.unconnected.0 = state.unconnected.0.saturating_add(1);
                state.unconnected.1.clone_from(detail);
            }
            ErrorClass::Interrupted => {}
            _ => state.is_reached = true,
        }
    }

    /// Why the endpoint cannot be reached; `None`: it was, or it is too early to say.
    pub fn unreachable(&self, endpoint: &Endpoint) -> Option<GivenUp> {
        let state = self.state();
        if state.is_reached || state.unconnected.0 < SAME_IN_ROW {
            return None;
        }
        let (url, detail) = (&endpoint.provider.base_url, &state.unconnected.1);
        let why = format!(
            "no connection to {url} ({detail}): is the server running there, and is base_url right?"
        );
        Some(GivenUp { class: Some(ErrorClass::Connect), why })
    }

    /// Counts a failure; returns whether the endpoint has ever answered, and the length of the row.
    fn count(&self, class: ErrorClass) -> (bool, u32) {
        let mut state = self.state();
        let before = if state.row.0 == Some(class) { state.row.1 } else { 0 };
        state.row = (Some(class), before.saturating_add(1));
        (state.has_answered, state.row.1)
    }

    /// Counts a response that did not read; returns how many of its shape there were in a row.
    fn same_shapes(&self, record: &AttemptRecord) -> u32 {
        let class = record.error().map_or("", ErrorClass::name);
        let shape = format!("{class}: {}", shape_of(record).unwrap_or_default());
        let mut state = self.state();
        let before = if state.shapes.0 == shape { state.shapes.1 } else { 0 };
        state.shapes = (shape, before.saturating_add(1));
        state.shapes.1
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("nothing panics while it holds a history")
    }
}

/// The refused parameter that every request to the endpoint has.
fn refused<'a>(endpoint: &Endpoint, record: &'a AttemptRecord) -> Option<&'a str> {
    let of_all =
        |name: &str| name == STREAM && endpoint.stream || endpoint.params.contains_key(name);
    record.refused.iter().map(String::as_str).find(|name| of_all(name))
}

fn reason(endpoint: &Endpoint, url: &str, class: ErrorClass, record: &AttemptRecord) -> String {
    let (id, provider) = (&endpoint.id, &endpoint.provider);
    let status = match record.status {
        Some(status) if status != 200 => format!("HTTP {status}"),
        _ => class.name().to_owned(),
    };
    let why = match class {
        ErrorClass::Payment => format!(
            "the account at {} has no credit left ({status}); add credit, then run again with \
             --resume",
            provider.name
        ),
        ErrorClass::Auth => {
            let key = match (&provider.api_key_env, &provider.api_key_cmd) {
                (Some(env), _) => format!("the key in {env}"),
                (None, Some(command)) => format!("the key that {} says", command.program()),
                (None, None) => "a request without a key".to_owned(),
            };
            format!(
                "{} refuses {key} ({status}); mend it, then run again with --resume",
                provider.name
            )
        }
        ErrorClass::NotFound => format!(
            "{url} is not there ({status}): does base_url end in /v1, and is {:?} the model's name \
             at {}?",
            endpoint.upstream_model, provider.name
        ),
        ErrorClass::Protocol | ErrorClass::Empty => format!(
            "its responses are all of one shape that gives no answer: {}. Is {url} the right \
             address, and {} the dialect of {}?",
            shape_of(record).unwrap_or_default(),
            provider.dialect.name(),
            provider.name
        ),
        ErrorClass::BadRequest => match refused(endpoint, record) {
            Some(STREAM) | None => format!(
                "it refuses to stream ({status}): ask it with stream = false in a [[variant]]"
            ),
            Some(name) => format!("it refuses {name} ({status}): take it out of its params"),
        },
        _ => format!("{url} does not answer itself ({status}): write the base_url it points to"),
    };
    format!("{id} was given up: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_kit;
    use crate::units::Stamp;
    use crate::wire::Answer;

    /// Whether each of these ends in turn gives the endpoint up; 200 is an answer.
    fn check(ends: &[(u16, ErrorClass)], expected: &[bool]) {
        let (history, endpoint) = (History::default(), test_kit::endpoint("a/m", "p"));
        let given_up = ends.iter().map(|(status, class)| {
            let failed = Outcome::Failed {
                class: *class,
                detail: String::new(),
                partial: Answer::default(),
            };
            let begun = AttemptRecord::begun(Stamp::from_nanos(0));
            let record = match status {
                200 => begun,
                _ => AttemptRecord { status: Some(*status), outcome: failed, ..begun },
            };
            history.note(&endpoint, "http://h/v1/chat/completions", &record).is_some()
        });
        assert_eq!(given_up.collect::<Vec<_>>(), expected, "{ends:?}");
    }

    #[test]
    fn what_every_request_would_meet_ends_an_endpoint() {
        let ok = (200, ErrorClass::Empty);
        check(&[(402, ErrorClass::Payment)], &[true]);
        check(&[ok, (400, ErrorClass::Payment)], &[false, true]);
        check(&[ok, (401, ErrorClass::Auth)], &[false, true]);
        let forbidden = (403, ErrorClass::Auth);
        check(&[forbidden; 3], &[false, false, true]);
        check(&[ok, forbidden, forbidden, forbidden, forbidden], &[false; 5]);
        let lost = (404, ErrorClass::NotFound);
        check(&[lost, lost, lost], &[false, false, true]);
        check(&[lost, lost, ok, lost, lost, lost], &[false; 6]);
        check(&[lost, lost, (400, ErrorClass::BadRequest), lost], &[false; 4]);
        check(&[(500, ErrorClass::Server); 9], &[false; 9]);
        let (odd, empty) = ((201, ErrorClass::Protocol), (201, ErrorClass::Empty));
        check(&[odd, odd], &[false, true]);
        check(&[odd, (500, ErrorClass::Server), odd], &[false, false, true]);
        check(&[ok, odd, odd, odd], &[false; 4]);
        check(&[empty; 4], &[false, false, false, true]);
        check(&[odd, empty, empty, odd], &[false; 4]);
    }

    #[test]
    fn the_reason_names_the_remedy() {
        let endpoint = test_kit::endpoint("a/m", "p");
        let record = |status| AttemptRecord {
            status: Some(status),
            ..AttemptRecord::begun(Stamp::from_nanos(0))
        };
        let url = "http://h/chat/completions";
        let said =
            [(402, ErrorClass::Payment), (401, ErrorClass::Auth), (404, ErrorClass::NotFound)];
        let said = said.map(|(status, class)| reason(&endpoint, url, class, &record(status)));
        insta::assert_snapshot!(said.join("\n"), @r#"
        a/m@p was given up: the account at p has no credit left (HTTP 402); add credit, then run again with --resume
        a/m@p was given up: p refuses a request without a key (HTTP 401); mend it, then run again with --resume
        a/m@p was given up: http://h/chat/completions is not there (HTTP 404): does base_url end in /v1, and is "a/m" the model's name at p?
        "#);
    }
}
