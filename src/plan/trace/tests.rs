use std::io::Write;
use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn read(bytes: &[u8]) -> Result<Trace, TraceError> {
    Trace::read(Path::new("dir/t.csv"), bytes)
}

/// (time, input, output) of each request.
fn rows(trace: &Trace) -> Vec<(u64, u32, u32)> {
    let row = |r: &Request| (r.at_ns, r.lengths.input_tokens, r.lengths.output_tokens);
    trace.requests.iter().map(row).collect()
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

const AZURE: &str = "TIMESTAMP,ContextTokens,GeneratedTokens\n\
    2023-11-16 18:17:03.9799600,4808,10\n\
    2023-11-16 18:17:04.0319600,3180,8\n\
    2023-11-16 19:17:03.9799601,110,27\n";
const AZURE_ROWS: [(u64, u32, u32); 3] =
    [(0, 4808, 10), (52_000_000, 3180, 8), (3_600_000_000_100, 110, 27)];
const MOONCAKE: &str = "{\"timestamp\": 0, \"input_length\": 6755, \"output_length\": 500, \"hash_ids\": [0, 1]}\n\
    {\"timestamp\": 0, \"input_length\": 7319, \"output_length\": 490, \"hash_ids\": [0, 14]}\n\
    {\"timestamp\": 3052.5, \"input_length\": 2287, \"output_length\": 316}\n";
const MOONCAKE_ROWS: [(u64, u32, u32); 3] =
    [(0, 6755, 500), (0, 7319, 490), (3_052_500_000, 2287, 316)];

#[test]
fn every_format_is_read_plain_and_packed() {
    let check = |text: &str, format: TraceFormat, expected: &[(u64, u32, u32)]| {
        for bytes in [text.as_bytes().to_vec(), gzipped(text)] {
            let trace = read(&bytes).unwrap();
            assert_eq!(rows(&trace), expected, "{text}");
            assert_eq!(trace.format(), format, "{text}");
        }
    };
    check(AZURE, TraceFormat::Azure, &AZURE_ROWS);
    check(MOONCAKE, TraceFormat::MooncakeJsonl, &MOONCAKE_ROWS);
    // Marks, line ends, blank lines, quotes, case and order do not matter.
    let odd = format!("\u{feff}{}", AZURE.replace('\n', "\r\n\r\n"));
    check(&odd, TraceFormat::Azure, &AZURE_ROWS);
    check(
        "n_hash_blocks, \"Output_Length\",input_length,timestamp_ms\n79,6,40160,1000\n47,3,9,1040",
        TraceFormat::MooncakeCsv,
        &[(0, 40160, 6), (40_000_000, 9, 3)],
    );
    check(
        "timestamp,input_length,output_length\n1700000000001,1,2\n1700000000003,3,4\n",
        TraceFormat::MooncakeCsv,
        &[(0, 1, 2), (2_000_000, 3, 4)],
    );
    // The traces of 2024 give an offset.
    check(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n2024-05-10 00:00:00.009930+00:00,1,2\n\
         2024-05-10 00:00:00.009940+00:00,3,4\n2024-05-10 00:00:01+00:00,5,6\n",
        TraceFormat::Azure,
        &[(0, 1, 2), (10_000, 3, 4), (990_070_000, 5, 6)],
    );
}

#[test]
fn two_gzip_members_are_one_file() {
    let (head, tail) = AZURE.split_at(60);
    let bytes = [gzipped(head), gzipped(tail)].concat();
    assert_eq!(rows(&read(&bytes).unwrap()), AZURE_ROWS);
}

#[test]
fn rows_are_put_in_the_order_of_time() {
    let trace = read(b"timestamp_ms,input_length,output_length\n30,1,1\n10,2,2\n30,3,3\n20,4,4\n");
    let expected = [(0, 2, 2), (10_000_000, 4, 4), (20_000_000, 1, 1), (20_000_000, 3, 3)];
    assert_eq!(rows(&trace.unwrap()), expected);
}

#[test]
fn arrivals_follow_speed_window_and_number() {
    let trace =
        read(b"timestamp_ms,input_length,output_length\n0,0,9\n1000,5,0\n2000,6,7\n").unwrap();
    let at = |speed, window: Option<u64>, most| {
        trace.arrivals(speed, window.map(Duration::from_millis), most)
    };
    let whole = at(1.0, None, None);
    assert_eq!(whole.at_ns, [0, 1_000_000_000, 2_000_000_000]);
    let lengths = |input_tokens, output_tokens| Lengths { input_tokens, output_tokens };
    assert_eq!(whole.lengths, Some(vec![lengths(1, 9), lengths(5, 1), lengths(6, 7)]));
    assert_eq!(at(4.0, None, None).at_ns, [0, 250_000_000, 500_000_000]);
    assert_eq!(at(0.5, None, None).at_ns, [0, 2_000_000_000, 4_000_000_000]);
    assert_eq!(at(0.5, Some(2_001), None).len(), 2);
    assert_eq!(at(0.5, Some(2_000), None).len(), 1);
    assert_eq!(at(0.5, Some(2_000), None).lengths.unwrap().len(), 1);
    assert_eq!(at(1.0, None, Some(2)).len(), 2);
    assert_eq!(trace.mean_per_s(), Some(1.0));
    assert_eq!(trace.to_string(), "trace t.csv (3 requests in 2s)");
}

#[test]
fn errors_name_file_line_and_remedy() {
    let check = |bytes: &[u8], expected: &str| {
        assert_eq!(read(bytes).unwrap_err().to_string(), expected);
    };
    let azure = |row: &str| format!("TIMESTAMP,ContextTokens,GeneratedTokens\n\n{row}\n");
    check(b"", "dir/t.csv holds no requests; a trace has one a line");
    check(azure("").as_bytes(), "dir/t.csv holds no requests; a trace has one a line");
    check(
        b"time,tokens\n1,2\n",
        "dir/t.csv:1: the columns \"time,tokens\" are of no known trace; name them \
         TIMESTAMP,ContextTokens,GeneratedTokens (Azure) or timestamp_ms,input_length,output_length \
         (Mooncake), or write a JSON object a line",
    );
    check(
        azure("2023-11-16 18:17:03,4808").as_bytes(),
        "dir/t.csv:3 has 2 fields where the header has 3; mend or remove the line",
    );
    check(
        azure("yesterday,4808,10").as_bytes(),
        "dir/t.csv:3: TIMESTAMP = \"yesterday\" is not a time such as 2023-11-16 \
         18:17:03.9799600; mend or remove the line",
    );
    check(
        azure("2023-11-16 18:17:03,-1,10").as_bytes(),
        "dir/t.csv:3: ContextTokens = \"-1\" is not a number of tokens of at most 4,000,000, such as 655; mend or \
         remove the line",
    );
    check(
        b"timestamp_ms,input_length,output_length\n1e300,1,1\n",
        "dir/t.csv:2: timestamp_ms = \"1e300\" is not a time in milliseconds, such as 27482 or \
         27482.5; mend or remove the line",
    );
    check(
        b"{\"timestamp\": 0, \"input_length\": 1, \"output_length\": 1}\n{\"timestamp\": 5}\n",
        "dir/t.csv:2: missing field `input_length`; each line is an object such as \
         {\"timestamp\": 0, \"input_length\": 655, \"output_length\": 52}",
    );
    check(
        b"timestamp_ms,input_length,output_length\n\xff,1,1\n",
        "dir/t.csv:2 is not valid UTF-8; a trace is CSV or JSONL text, plain or gzipped",
    );
    let cut = &gzipped(AZURE)[..40];
    let error = read(cut).unwrap_err().to_string();
    assert!(error.starts_with("dir/t.csv:1 cannot be read: "), "{error}");
    assert!(error.ends_with("; check that it was downloaded whole"), "{error}");
}

#[test]
fn files_that_are_not_there_or_no_files() {
    let dir = tempfile::tempdir().unwrap();
    let missing = read_trace(&dir.path().join("no.csv")).unwrap_err().to_string();
    assert!(missing.starts_with("there is no trace at "), "{missing}");
    let folder = read_trace(dir.path()).unwrap_err();
    assert!(matches!(folder, TraceError::Unreadable { .. }), "{folder}");
}

#[test]
fn limits_are_enforced() {
    let long = format!("{AZURE}{}\n", "x".repeat(MAX_TRACE_LINE_BYTES));
    assert_eq!(
        read(long.as_bytes()).unwrap_err().to_string(),
        "dir/t.csv:5 has more than the limit of 1048576 bytes in one line; a trace has one request \
         a line"
    );
    let mut lines = Lines::open("bomb".to_owned(), AZURE.as_bytes()).unwrap();
    lines.n_bytes = MAX_TRACE_BYTES - AZURE.lines().next().unwrap().len() as u64 - 1;
    assert_eq!(lines.advance(), Ok(true));
    assert_eq!(
        lines.advance().unwrap_err().to_string(),
        "bomb:2 has more than the limit of 1073741824 bytes; cut a shorter piece out of the trace"
    );
}

#[test]
fn speeds() {
    let check = |text: &str, expected: Option<f64>| assert_eq!(parse_speed(text).ok(), expected);
    check("2", Some(2.0));
    check(" 0.5x", Some(0.5));
    for text in ["0", "-1", "nan", "inf", "fast", "", "1e7", "1e-4"] {
        check(text, None);
    }
    assert_eq!(
        parse_speed("0").unwrap_err().to_string(),
        "\"0\" is not a speed; write how many times as fast as it was recorded, as in 2 or 0.5, \
         between 0.001 and 1000000"
    );
}

proptest! {
    #[test]
    fn bytes_of_any_kind_are_a_trace_or_an_error(
        header in prop::sample::select(vec![
            "", "TIMESTAMP,ContextTokens,GeneratedTokens\n",
            "timestamp_ms,input_length,output_length\n",
        ]),
        lines in prop::collection::vec("[-{}\":,0-9e. a-z]{0,30}", 0..4),
        bytes in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let text = [header.as_bytes(), lines.join("\n").as_bytes(), &bytes].concat();
        let _ = read(&text);
    }

    #[test]
    fn what_is_written_is_read(
        written in prop::collection::vec((0_u32..100_000, 0_u32..=4_000_000, 0_u32..=4_000_000), 1..50),
    ) {
        let line = |(at, input, output): &(u32, u32, u32)| format!(
            "{{\"timestamp\":{at},\"input_length\":{input},\"output_length\":{output}}}\n"
        );
        let trace = read(written.iter().map(line).collect::<String>().as_bytes()).unwrap();
        let mut expected = written.clone();
        expected.sort_by_key(|(at, ..)| *at);
        let first = expected[0].0;
        let expected: Vec<_> = expected
            .iter()
            .map(|(at, input, output)| (u64::from(at - first) * 1_000_000, *input, *output))
            .collect();
        prop_assert_eq!(rows(&trace), expected);
    }
}

/// A trace beside the checkout; `None`, said aloud, where it is absent.
fn shared(name: &str) -> Option<PathBuf> {
    let data = std::env::var_os("WEIGHBRIDGE_SHARED_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
        PathBuf::from,
    );
    let path = data.join("traces").join(name);
    if !path.exists() {
        eprintln!("SKIPPED: {} is not here", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn the_azure_trace_of_2023() {
    let Some(path) = shared("azure_llm_inference_2023_code.csv.gz") else { return };
    let trace = read_trace(&path).unwrap();
    assert_eq!((trace.len(), trace.format()), (8_819, TraceFormat::Azure));
    // 18:17:03.9799600 to 19:14:19.9280160.
    assert_eq!(trace.span(), Duration::from_micros(3_435_948_056));
    assert_eq!(rows(&trace)[..2], [(0, 4808, 10), (52_000_000, 3180, 8)]);
    assert!(trace.requests.is_sorted_by_key(|request| request.at_ns));
    let most = |of: fn(&Lengths) -> u32| trace.requests.iter().map(|r| of(&r.lengths)).max();
    assert_eq!(most(|l| l.input_tokens), Some(7_437));
    assert_eq!(most(|l| l.output_tokens), Some(1_899));
    assert_eq!(
        trace.to_string(),
        "trace azure_llm_inference_2023_code.csv.gz (8819 requests in 3435.948056s)"
    );
    // Played at 200/s in the mean, it lasts as long as that many requests should.
    let speed = 200.0 / trace.mean_per_s().unwrap();
    let played = trace.arrivals(speed, None, None);
    assert_eq!(played.len(), 8_819);
    assert_eq!(played.at_ns.last(), Some(&44_090_000_000));
    assert!(played.at_ns.is_sorted());
}

#[test]
fn the_mooncake_trace() {
    let Some(path) = shared("mooncake_fast25_synthetic.csv.gz") else { return };
    let trace = read_trace(&path).unwrap();
    assert_eq!((trace.len(), trace.format()), (3_993, TraceFormat::MooncakeCsv));
    assert_eq!(trace.span(), Duration::from_millis(1_022_025));
    assert_eq!(rows(&trace)[..3], [(0, 40_160, 6), (0, 36_640, 4), (40_000_000, 23_769, 3)]);
    assert!(trace.requests.is_sorted_by_key(|request| request.at_ns));
    let played = trace.arrivals(10.0, Some(Duration::from_secs(20)), None);
    assert!(played.at_ns.iter().all(|at| *at < 20_000_000_000));
    let recorded = trace.requests.iter().filter(|request| request.at_ns < 200_000_000_000);
    assert_eq!(played.len(), recorded.count());
}
