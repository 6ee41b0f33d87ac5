use bytes::Bytes;
use http::HeaderMap;

use super::*;
use crate::client::transport::{ChunkStream, TimedChunk};

/// A transport that plays a list: bytes, and how long after the one before they come.
struct Played {
    status: u16,
    kind: &'static str,
    coding: &'static str,
    parts: Vec<(u64, Bytes)>,
    then: Option<ErrorClass>,
    clock: Clock,
}

struct PlayedBody(std::vec::IntoIter<(u64, Bytes)>, Option<ErrorClass>, Clock);

impl ChunkStream for PlayedBody {
    async fn next(&mut self) -> Result<Option<TimedChunk>, TransportError> {
        match self.0.next() {
            Some((wait_ms, bytes)) => {
                tokio::time::sleep(Duration::from_millis(wait_ms)).await;
                Ok(Some(TimedChunk { at: self.2.now(), bytes }))
            }
            None => match self.1.take() {
                None => Ok(None),
                Some(class) => Err(TransportError { class, message: "played".into() }),
            },
        }
    }
}

impl Transport for Played {
    type Body = PlayedBody;

    async fn open(&self, _: Outgoing) -> Result<(Head, PlayedBody), TransportError> {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", self.kind.parse().expect("a header"));
        headers.insert("retry-after", "1.5".parse().expect("a header"));
        headers.insert("x-ratelimit-remaining-requests", "7".parse().expect("a header"));
        headers.insert("content-encoding", self.coding.parse().expect("a header"));
        let at = self.clock.now();
        let status = self.status;
        let head = Head { status, headers, connected: None, at, protocol: None };
        Ok((head, PlayedBody(self.parts.clone().into_iter(), self.then, self.clock.clone())))
    }
}

fn play(
    status: u16,
    kind: &'static str,
    parts: &[(u64, &'static str)],
    then: Option<ErrorClass>,
) -> AttemptRecord {
    let parts = parts.iter().map(|(wait, text)| (*wait, Bytes::from(*text))).collect();
    play_bytes(status, kind, "identity", parts, then)
}

fn play_bytes(
    status: u16,
    kind: &'static str,
    coding: &'static str,
    parts: Vec<(u64, Bytes)>,
    then: Option<ErrorClass>,
) -> AttemptRecord {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let clock = Clock::virtual_time();
        let transport = Played { status, kind, coding, parts, then, clock: clock.clone() };
        let outgoing = Outgoing::default();
        let limits = AttemptLimits::default();
        let dialect = Dialect::OpenaiChat;
        let attempt = Attempt { outgoing, dialect, stream: true, limits, max_output: Some(100) };
        make(&transport, &clock, attempt).await
    })
}

const SSE: &str = "text/event-stream";
const TOKEN: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n";
const ROLE: &str =
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

fn class(record: &AttemptRecord) -> Option<ErrorClass> {
    match &record.outcome {
        Outcome::Answered(_) => None,
        Outcome::Failed { class, .. } => Some(*class),
    }
}

#[test]
fn stamps_are_those_of_tokens() {
    let parts = [(5, ROLE), (20, TOKEN), (10, TOKEN), (40, STOP), (1, "data: [DONE]\n\n")];
    let record = play(200, SSE, &parts, None);
    assert_eq!(class(&record), None);
    let ms = |s: Option<Stamp>| s.map(|s| s.since(record.stamps.dispatched).as_millis());
    assert_eq!(ms(record.stamps.first_byte), Some(5));
    assert_eq!(ms(record.stamps.first_token), Some(25));
    assert_eq!(ms(record.stamps.last_token), Some(35));
    assert_eq!(record.gaps_us, [10_000]);
    assert_eq!((record.token_reads, record.token_events), (2, 2));
}

#[test]
fn each_phase_has_its_time_out() {
    let check = |parts: &[(u64, &'static str)], expected: Option<ErrorClass>| {
        assert_eq!(class(&play(200, SSE, parts, None)), expected);
    };
    check(&[(200_000, TOKEN)], Some(ErrorClass::FirstTokenTimeout));
    check(&[(5, ROLE), (200_000, TOKEN)], Some(ErrorClass::FirstTokenTimeout));
    check(&[(5, TOKEN), (90_000, TOKEN)], Some(ErrorClass::StallTimeout));
    let drip = [(59_000, TOKEN); 20];
    check(&drip, Some(ErrorClass::TotalTimeout));
    check(&[(5, TOKEN), (5, "data: [DONE]\n\n"), (90_000, "")], None);
}

#[test]
fn signs_of_life_count_up_to_a_limit() {
    const COMMENT: &str = ": keep-alive\n\n";
    let check = |before: usize, parts: &[(u64, &'static str)], expected: Option<ErrorClass>| {
        let mut all = vec![(10_000, COMMENT); before];
        all.extend(parts);
        let record = play(200, SSE, &all, None);
        assert_eq!(class(&record), expected, "{before} comments first");
        let ended = record.stamps.ended.since(record.stamps.dispatched);
        ended.as_secs()
    };
    let answer = [(5, TOKEN), (5, STOP), (1, "data: [DONE]\n\n")];
    assert_eq!(check(30, &answer, None), 300, "a model that thinks for long");
    assert_eq!(check(90, &answer, Some(ErrorClass::TotalTimeout)), 600);
    let mut one_token = vec![(5, TOKEN)];
    one_token.extend([(10_000, COMMENT); 50]);
    assert_eq!(check(0, &one_token, Some(ErrorClass::StallTimeout)), 120);
    let mut empty = vec![(5, TOKEN)];
    empty.extend([(10_000, ROLE); 50]);
    assert_eq!(check(0, &empty, Some(ErrorClass::StallTimeout)), 120);
    let again = [(5, TOKEN), (50_000, COMMENT), (50_000, TOKEN), (5, STOP)];
    assert_eq!(check(0, &again, None), 100, "a tool's arguments may take their time");
}

#[test]
fn a_time_out_names_the_limit_to_raise() {
    let said = |parts: &[(u64, &'static str)]| match play(200, SSE, parts, None).outcome {
        Outcome::Failed { detail, .. } => detail,
        Outcome::Answered(_) => String::new(),
    };
    let all = [
        said(&[(200_000, TOKEN)]),
        said(&[(5, TOKEN), (90_000, TOKEN)]),
        said(&[(59_000, TOKEN); 20]),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    no token within 120.0 s; --timeout first_token=… allows more
    no further token within 60.0 s; --timeout stall=… allows more
    no further token within 600.0 s; --timeout total=… allows more
    ");
}

#[test]
fn a_broken_connection_keeps_what_came() {
    let record = play(200, SSE, &[(5, TOKEN)], Some(ErrorClass::Reset));
    match record.outcome {
        Outcome::Failed { class: ErrorClass::Reset, partial, .. } => {
            assert_eq!(partial.text, "x");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_connection_that_breaks_after_the_end_breaks_nothing() {
    let parts = [(5, TOKEN), (5, STOP), (1, "data: [DONE]\n\n")];
    assert_eq!(class(&play(200, SSE, &parts, Some(ErrorClass::Reset))), None);
    let parts = [(5, TOKEN), (5, STOP), (1, "data: [DONE]\n\n"), (1, "data: {broken\n\n")];
    assert_eq!(class(&play(200, "Text/Event-Stream; charset=utf-8", &parts, None)), None);
}

#[test]
fn a_status_is_an_error_with_its_message() {
    let body = "{\"error\":{\"message\":\"slow down\"}}";
    let record = play(429, "application/json", &[(1, body)], None);
    assert_eq!(class(&record), Some(ErrorClass::RateLimited));
    assert_eq!(record.retry_after, Some(Duration::from_millis(1500)));
    let limits = record.rate_limits.expect("stated").windows;
    assert_eq!((limits.len(), limits[0].remaining), (1, Some(7)));
    assert!(!record.streamed);
}

#[test]
fn an_error_is_known_by_its_status_however_its_body_ends() {
    let hour = 3_600_000;
    for (parts, then) in [
        (vec![(hour, "")], None),
        (vec![(1, "{\"error\":{\"message\":\"sl"), (hour, "ow\"}}")], None),
        (vec![(1, "{\"error\":")], Some(ErrorClass::Reset)),
    ] {
        let record = play(429, "application/json", &parts, then);
        assert_eq!(class(&record), Some(ErrorClass::RateLimited), "{parts:?}");
        let taken = record.stamps.ended.since(record.stamps.dispatched);
        assert!(taken <= Duration::from_secs(11), "{taken:?}");
    }
}

#[test]
fn a_refusal_says_what_not_to_send() {
    let refused = |status, kind, body| play(status, kind, &[(1, body)], None).refused;
    let body = "{\"error\":{\"message\":\"Unknown parameter\",\"param\":\"max_tokens\"}}";
    assert_eq!(refused(400, "application/json", body), ["max_tokens"]);
    assert_eq!(refused(500, "application/json", body), [""; 0]);
    let event =
        "data: {\"error\":{\"message\":\"stream_options is not supported\",\"code\":400}}\n\n";
    assert_eq!(refused(200, SSE, event), ["stream_options"]);
}

#[test]
fn an_answer_in_one_piece_has_no_first_token() {
    let body = "{\"choices\":[{\"message\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}";
    let record = play(200, "application/json", &[(7, body)], None);
    assert_eq!(class(&record), None);
    assert_eq!(record.stamps.first_token, None);
    assert!(record.stamps.last_token.is_some());
}

#[test]
fn a_compressed_body_that_is_not_read_is_named() {
    let unclear = || vec![(1, Bytes::from_static(b"\x8b\x02\x80"))];
    assert_eq!(class(&play_bytes(200, SSE, "br", unclear(), None)), Some(ErrorClass::Protocol));
    // A header that is wrong about a body that is plain.
    let plain = || vec![(1, Bytes::from(TOKEN)), (1, Bytes::from(STOP))];
    for coding in ["Identity", "utf-8", "gzip", "deflate"] {
        assert_eq!(class(&play_bytes(200, SSE, coding, plain(), None)), None);
    }
}

/// One text in gzip, in deflate with its frame and without.
fn packed(text: &[u8]) -> [(&'static str, Vec<u8>); 4] {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text).expect("memory");
    let gzip = gzip.finish().expect("memory");
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(text).expect("memory");
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
    raw.write_all(text).expect("memory");
    let (zlib, raw) = (zlib.finish().expect("memory"), raw.finish().expect("memory"));
    [("gzip", gzip.clone()), ("identity", gzip), ("deflate", zlib), ("deflate", raw)]
}

#[test]
fn gzip_and_deflate_are_read_although_nobody_asked_for_them() {
    let stream = format!("{ROLE}{TOKEN}{TOKEN}{STOP}data: [DONE]\n\n");
    let whole = "{\"choices\":[{\"message\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}";
    for (text, kind) in [(stream.as_str(), SSE), (whole, "application/json")] {
        for (coding, bytes) in packed(text.as_bytes()) {
            for size in [1, 7, bytes.len()] {
                let parts = bytes.chunks(size).map(|part| (1, Bytes::copy_from_slice(part)));
                let record = play_bytes(200, kind, coding, parts.collect(), None);
                let Outcome::Answered(answer) = &record.outcome else {
                    panic!("{coding} {kind} {size}: {:?}", record.outcome);
                };
                let expected = if kind == SSE { "xx" } else { "hi" };
                assert_eq!((&*answer.text, record.streamed), (expected, kind == SSE));
            }
        }
    }
    // Cut, or no deflate at all after gzip's first bytes.
    let [(_, gzip), ..] = packed(stream.as_bytes());
    let cut = vec![(1, Bytes::copy_from_slice(&gzip[..gzip.len() / 2]))];
    assert!(class(&play_bytes(200, SSE, "gzip", cut, None)).is_some());
    let broken = vec![(1, Bytes::from_static(b"\x1f\x8b\x08\0\0\0\0\0\0\xffnonsense"))];
    assert_eq!(class(&play_bytes(200, SSE, "gzip", broken, None)), Some(ErrorClass::Protocol));
    // The words of an error.
    let [(_, gzip), ..] = packed(br#"{"error":{"message":"no such model"}}"#);
    let record = play_bytes(404, "application/json", "gzip", vec![(1, gzip.into())], None);
    let Outcome::Failed { detail, .. } = record.outcome else { panic!("it failed") };
    insta::assert_snapshot!(detail, @"HTTP 404: no such model");
}

#[test]
fn what_a_small_body_unpacks_to_is_bounded() {
    let zeros = vec![b' '; 80 << 20];
    let [(_, gzip), _, (_, zlib), _] = packed(&zeros);
    for (coding, bytes) in [("gzip", gzip), ("deflate", zlib)] {
        let record = play_bytes(200, "application/json", coding, vec![(1, bytes.into())], None);
        assert_eq!(class(&record), Some(ErrorClass::TooLarge), "{coding}");
    }
}

#[test]
fn the_first_bytes_tell_a_stream_from_a_body() {
    let body = "{\"choices\":[{\"message\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}";
    for kind in [SSE, "text/plain", "application/json", ""] {
        for status in [200, 201, 206] {
            let record = play(status, kind, &[(1, "\n"), (5, TOKEN), (5, STOP)], None);
            assert_eq!((class(&record), record.streamed), (None, true), "{kind} {status}");
            assert!(record.stamps.first_token.is_some());
            let record = play(status, kind, &[(1, " "), (1, "\n"), (5, body)], None);
            assert_eq!((class(&record), record.streamed), (None, false), "{kind} {status}");
            assert_eq!(record.stamps.first_token, None);
        }
        assert_eq!(class(&play(200, kind, &[], None)), Some(ErrorClass::Empty), "{kind}");
    }
    assert_eq!(class(&play(204, "", &[], None)), Some(ErrorClass::Empty));
    let page = [(1, "<html>busy</html>")];
    assert_eq!(class(&play(200, SSE, &page, None)), Some(ErrorClass::Protocol));
}

#[test]
fn nothing_fails_an_answer_that_is_complete() {
    let ms =
        |record: &AttemptRecord| record.stamps.ended.since(record.stamps.dispatched).as_millis();
    let check = |more: &[(u64, &'static str)], then, at_most| {
        let parts = [&[(5, TOKEN), (5, STOP)], more].concat();
        let record = play(200, SSE, &parts, then);
        assert_eq!(class(&record), None, "{more:?}");
        assert!(ms(&record) <= at_most, "{} ms: {more:?}", ms(&record));
    };
    check(&[], Some(ErrorClass::Reset), 10);
    check(&[], Some(ErrorClass::Protocol), 10);
    check(&[(1, "data: {broken\n\n")], None, 11);
    check(&[(1, "data: {\"error\":{\"message\":\"late\"}}\n\n")], None, 11);
    check(&[(900_000, "data: {}\n\n")], None, 10_010);
    let comments = [(400, ": still here\n\n"); 300];
    check(&comments, None, 10_010);
    let done = [(1, "data: [DONE]\n\n")];
    check(&[&done[..], &comments].concat(), None, 511);
    // A body that was whole when its connection broke.
    let body = "{\"choices\":[{\"message\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}";
    assert_eq!(class(&play(200, "", &[(5, body)], Some(ErrorClass::Reset))), None);
    let cut = [(5, "{\"choices\":[{\"message\":{\"content\":\"h")];
    assert_eq!(class(&play(200, "", &cut, Some(ErrorClass::Reset))), Some(ErrorClass::Reset));
}

#[test]
fn reasoning_between_tags_is_in_ttft_and_not_in_ttfo() {
    let delta = |text: &str| {
        let text = serde_json::Value::from(text);
        Bytes::from(format!("data: {{\"choices\":[{{\"delta\":{{\"content\":{text}}}}}]}}\n\n"))
    };
    let check = |deltas: &[&str], first_output: u128, reasoning: bool| {
        let parts = deltas.iter().map(|text| (10, delta(text)));
        let parts = parts.chain([(10, Bytes::from(STOP))]).collect();
        let record = play_bytes(200, SSE, "identity", parts, None);
        let ms = |s: Option<Stamp>| s.map(|s| s.since(record.stamps.dispatched).as_millis());
        assert_eq!(ms(record.stamps.first_token), Some(10), "{deltas:?}");
        assert_eq!(ms(record.stamps.first_output), Some(first_output), "{deltas:?}");
        assert_eq!(record.reasoning_seen, reasoning, "{deltas:?}");
        assert_eq!(record.token_events as usize, deltas.len());
    };
    check(&["<think>", "hm", "</think>\n\n", "Paris"], 40, true);
    check(&["<th", "ink>hm</think>", "Paris", "!"], 30, true);
    check(&["hm", "</think>", "Paris"], 30, true);
    check(&["\n", "Paris"], 10, false);
    check(&["<", "b>"], 10, false);
    check(&["<th"], 10, false);
}

/// Reasoning, text in several scripts, two tool calls, usage on the last chunk that has
/// choices and doubled after it, comments, every kind of line end.
const MIXED: &str = concat!(
    "\u{feff}: hello\n\n",
    "data: {\"model\":\"m\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"reasoning\":\"hm … \u{1f914}\"}}]}\r\n\r\n",
    ": PROCESSING\r\n\r\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"na\u{ef}ve \\u00e9 \u{4f60}\"}}]}\r\r",
    "data: {\"choices\":[\ndata: {\"delta\":{\"content\":\"!\"}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":",
    "{\"name\":\"f\",\"arguments\":\"{\\\"x\\\":\"}},{\"index\":1,\"function\":{\"name\":\"g\"}}]}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":",
    "{\"arguments\":\"1}\"}}]}}]}\n\n",
    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}],\"usage\":",
    "{\"prompt_tokens\":7,\"completion_tokens\":3}}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5,\"cost\":1.5e-6}}\n\n",
    "data: [DONE]\n\n",
);

/// Plays [`MIXED`] cut at these places and holds it against the whole.
fn check_cut(cuts: &[usize]) {
    let whole = play(200, SSE, &[(1, MIXED)], None);
    assert_eq!((whole.token_reads, whole.token_events), (1, 5));
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (MIXED.len() + 1)).collect();
    cuts.extend([0, MIXED.len()]);
    cuts.sort_unstable();
    let bytes = Bytes::from(MIXED);
    let parts = cuts.windows(2).map(|w| (1, bytes.slice(w[0]..w[1]))).collect();
    let cut = play_bytes(200, SSE, "identity", parts, None);
    assert_eq!(cut.outcome, whole.outcome, "text, tool calls, usage, and so the cost");
    assert_eq!(cut.token_events, whole.token_events);
    assert_eq!(cut.gaps_us.len() + 1, cut.token_events as usize);
    assert!(cut.reasoning_seen);
    // Events of one read share its stamp: as many stamps as reads that held tokens.
    let apart = cut.gaps_us.iter().filter(|gap| **gap > 0).count();
    assert_eq!(apart + 1, cut.token_reads as usize);
}

#[test]
fn a_stream_is_the_same_cut_at_every_byte() {
    (0..=MIXED.len()).for_each(|cut| check_cut(&[cut]));
    check_cut(&(0..MIXED.len()).collect::<Vec<_>>());
}

proptest::proptest! {
    #[test]
    fn a_stream_is_the_same_under_every_fragmentation(
        cuts in proptest::collection::vec(0usize..2000, 0..40),
    ) {
        check_cut(&cuts);
    }
}

#[test]
fn an_answer_far_beyond_its_limit_is_cut_and_named() {
    let parts = vec![(1, Bytes::from(TOKEN.repeat(500))); 100];
    let record = play_bytes(200, SSE, "identity", parts, None);
    let Outcome::Failed { class: ErrorClass::TooLarge, detail, .. } = record.outcome else {
        panic!("{:?}", record.outcome);
    };
    insta::assert_snapshot!(
        detail,
        @"the answer went on far beyond its limit of 100 tokens, and was cut after 11500 bytes"
    );
}
