//! The design's example, and every error text with its line and its remedy.

use super::*;

/// The example of DESIGN.md, with a catalog that holds what it names.
const EXAMPLE: &str = r#"models = ["openai/gpt-5.4@openrouter", "openai/gpt-5.4-mini@openrouter", "anthropic/claude-*@anthropic"]   # a catalog selects nothing by itself
suites = ["suites/support", { path = "prompts.csv", map = { prompt = "question", reference = "expected", category = "type" } }]

[today]
endpoint = "openai/gpt-5.4@openrouter"
[traffic]
requests_per_month = 16_000_000
share = { classify = 0.60, extract = 0.25, reply = 0.15 }
[objective]
goal = "cheaper"
margin = 0.02
slo = { ttft = "800ms", miss = 0.05 }
max_share = { provider = 0.6 }
[spend]
per_run = "40"
per_month = "900"
per_endpoint = "5"
per_suite = "7.5"

[[provider]]
name = "local"
dialect = "openai-chat"
base_url = "http://127.0.0.1:8100/v1"
api_key_env = "LOCAL_API_KEY"

[[endpoint]]
model = "acme/large-2"
provider = "local"
upstream_model = "large-2-0611"
price = { input = "1.00", output = "2.00", cached_input = "0.10" }
context_window = 131072
max_output = 8192
limits = { requests_per_min = 600, tokens_per_min = 400000, concurrency = 32 }
supports = ["tools", "json_schema", "temperature"]

[[variant]]
name = "high"
match = "acme/*"
params = { reasoning_effort = "high" }
"#;

fn load(text: &str) -> Config {
    Config::load_text(text, "a/weighbridge.toml", &[]).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn check(text: &str, expected: &str) {
    let error = Config::load_text(text, "weighbridge.toml", &[]).expect_err(text).to_string();
    assert_eq!(error, format!("weighbridge.toml:{expected}"), "{text}");
}

#[test]
fn the_example_of_the_design_loads() {
    let config = load(EXAMPLE);
    assert_eq!(config.models.len(), 3);
    assert_eq!(config.suites[0].path, Path::new("a/suites/support"));
    assert_eq!(config.suites[0].map, None);
    assert_eq!(config.suites[1].path, Path::new("a/prompts.csv"));
    let map = config.suites[1].map.as_ref().expect("a map");
    assert_eq!(map["prompt"], "question");
    assert_eq!((map["reference"].as_str(), map["category"].as_str()), ("expected", "type"));
    let usd = |text: &str| Some(text.parse().expect("decimal"));
    let spend = Spend {
        per_run: usd("40"),
        per_month: usd("900"),
        per_endpoint: usd("5"),
        per_suite: usd("7.5"),
    };
    assert_eq!(config.spend, spend);
    let ids: Vec<&str> = config.catalog.endpoints.iter().map(|e| e.id.as_str()).collect();
    assert_eq!(ids, ["acme/large-2@local", "acme/large-2@local#high"]);
    let judging = config.judging();
    assert_eq!(judging.today.as_deref(), Some("openai/gpt-5.4@openrouter"));
    assert_eq!(judging.requests_per_month, Some(16_000_000));
    assert_eq!(judging.goal, Goal::Cheaper);
    assert_eq!(judging.slo, Some(Slo { ttft_ms: 800.0, miss: 0.05 }));
    assert_eq!(judging.max_share_provider, Some(0.6));
    let shares: Vec<_> = judging.shares.into_iter().collect();
    let expected = [("classify", 0.6), ("extract", 0.25), ("reply", 0.15)];
    assert_eq!(shares, expected.map(|(name, share)| (name.to_owned(), share)));
}

#[test]
fn nothing_said_is_the_default() {
    let config = load("");
    assert!(config.models.is_empty() && config.suites.is_empty() && config.today.is_none());
    assert!((config.margin - 0.02).abs() < 1e-12);
    assert_eq!(config.judging().goal, Goal::Better);
    assert_eq!(load("[today]\nendpoint = \"a@b\"\n").judging().goal, Goal::Cheaper);
    assert_eq!(load("suites = [\"/s\"]").suites[0].path, Path::new("/s"));
}

#[test]
fn the_catalog_beside_it_counts() {
    let text = "[[variant]]\nname = \"v\"\nmatch = \"*\"\n";
    let provider = "[[provider]]\nname = \"p\"\nbase_url = \"https://x.y\"\n";
    let catalog =
        format!("{provider}[[endpoint]]\nmodel = \"m\"\nprovider = \"p\"\nprice = \"free\"\n");
    let beside = CatalogText { path: "catalog.toml", text: &catalog };
    let config = Config::load_text(text, "weighbridge.toml", &[beside]).expect("loads");
    assert_eq!(config.catalog.endpoints[1].id.as_str(), "m@p#v");
    check(
        text,
        "3: variant \"v\" matches no endpoint: match = \"*\"; there are none to choose from",
    );
}

#[test]
fn unknown_keys() {
    check("model = []\n", "1: unknown key \"model\"; did you mean \"models\"?");
    check(
        "\n[thresholds]\nfail_on = 1\n",
        "2: unknown key \"thresholds\"; known here: catalog, models, suites, today, traffic, objective, \
         spend, limits, privacy, cache, provider, endpoint, variant, price",
    );
    check(
        "[today]\nlitellm = \"c.yaml\"\n",
        "2: unknown key \"litellm\"; known here: endpoint, weights",
    );
    check(
        "[today]\n",
        "1: [today] names nothing; write endpoint = … for the endpoint that serves today, or weights = \
         … for the weights file that is served by",
    );
    check("[objective]\nmargn = 1\n", "2: unknown key \"margn\"; did you mean \"margin\"?");
    check("suites = [{ pth = \"x\" }]\n", "1: unknown key \"pth\"; did you mean \"path\"?");
    check(
        "[spend]\nper_mouth = \"900\"\n",
        "2: unknown key \"per_mouth\"; did you mean \"per_month\"?",
    );
    check("[[endpoint]]\nmodell = \"x\"\n", "2: unknown key \"modell\"; did you mean \"model\"?");
}

#[test]
fn shares_sum_to_one() {
    check(
        "[traffic]\nshare = { a = 0.6, b = 0.25 }\n",
        "2: share sums to 0.85, not to 1; 0.15 is missing",
    );
    check(
        "[traffic]\nshare = { a = 0.6, b = 0.5 }\n",
        "2: share sums to 1.1, not to 1; 0.1 is too much",
    );
    check(
        "[traffic]\n\n[traffic.share]\na = 60\nb = 40\n",
        "4: share.a = 60 is out of range; write a share of the whole, 0 to 1",
    );
    check(
        "[traffic]\nshare = { a = nan, b = 1 }\n",
        "2: share.a = NaN is out of range; write a share of the whole, 0 to 1",
    );
    check(
        "[traffic]\nshare = {}\n",
        "2: share sums to 0, not to 1; name the categories and their shares, or leave it out for \
         equal ones",
    );
    let thirds = load("[traffic]\nshare = { a = 0.333333, b = 0.333333, c = 0.333334 }\n");
    assert_eq!(thirds.shares.len(), 3);
    assert_eq!(load("[traffic]\nshare = { a = 1 }\n").shares["a"].to_bits(), 1.0_f64.to_bits());
}

#[test]
fn objectives() {
    let check = |line: &str, expected: &str| check(&format!("[objective]\n{line}\n"), expected);
    check("goal = \"cheap\"", "2: goal \"cheap\" is not known; did you mean \"cheaper\"?");
    check(
        "goal = \"faster\"",
        "2: goal = \"faster\" needs [objective] slo.ttft: add slo = { ttft = \"800ms\", miss = 0.05 }",
    );
    check(
        "margin = 2",
        "2: margin = 2 is out of range; write a share, 0 or more and below 1: two points are 0.02",
    );
    check(
        "max_share = { provider = 60 }",
        "2: max_share.provider = 60 is out of range; write a share above 0 and at most 1",
    );
    check(
        "slo = { ttft = \"800\", miss = 0.05 }",
        "2: ttft = \"800\" is not a time; write for example ttft = \"800ms\" or \"1.5s\"",
    );
    check(
        "slo = { ttft = 800, miss = 0.05 }",
        "2: ttft = 800 has no unit; write ttft = \"800ms\" or \"800s\"",
    );
    check(
        "slo = { ttft = \"1s\", miss = 5 }",
        "2: slo.miss = 5 is out of range; write a share above 0 and below 1: one in twenty is 0.05",
    );
}

#[test]
fn the_share_of_rate_limits() {
    let share = |text: &str| load(text).rate_share;
    assert_eq!(share("").to_bits(), 0.5_f64.to_bits());
    assert_eq!(share("[limits]\nrate_share = 0.25\n").to_bits(), 0.25_f64.to_bits());
    assert_eq!(share("[limits]\nrate_share = 1\n").to_bits(), 1.0_f64.to_bits());
    for wrong in ["0", "1.5", "-0.5", "nan"] {
        let shown = if wrong == "nan" { "NaN" } else { wrong };
        check(
            &format!("[limits]\nrate_share = {wrong}\n"),
            &format!(
                "2: rate_share = {shown} is out of range; write a share above 0 and at most 1: \
                 half of every limit is 0.5"
            ),
        );
    }
    check("[limits]\nrate = 0.5\n", "2: unknown key \"rate\"; did you mean \"rate_share\"?");
}

#[test]
fn times() {
    for (text, ms) in [("800ms", 800.0), ("5s", 5000.0), ("1.5s", 1500.0), ("0.5 ms", 0.5)] {
        assert_eq!(objective::milliseconds(text), Some(ms), "{text}");
    }
    for text in ["", "s", "ms", "0s", "-1s", "1e3ms", "infs", "5m", "1.2.3s"] {
        assert_eq!(objective::milliseconds(text), None, "{text}");
    }
}

#[test]
fn money_and_counts() {
    check(
        "[spend]\nper_run = 40.5\n",
        "2: money is a decimal string, for a float is not exact; write per_run = \"40.5\"",
    );
    check(
        "[spend]\nper_run = \"-4\"\n",
        "2: per_run: \"-4\" is negative; write dollars such as per_run = \"40\"",
    );
    check(
        "[spend]\nper_run = \"$40\"\n",
        "2: per_run: \"$40\" is not a decimal number such as \"0.25\"; write dollars such as \
         per_run = \"40\"",
    );
    check(
        "[traffic]\nrequests_per_month = 0\n",
        "2: requests_per_month = 0 is out of range; write at least 1, or leave it out",
    );
    check("suites = [\"\"]\n", "1: an empty suite path names nothing; write one, or take it out");
    check(
        "models = [\"a\",\n \"\"]\n",
        "2: an empty model names nothing; write one, or take it out",
    );
}

#[test]
fn privacy_and_caches() {
    let config = load(
        "cache = \"cold\"\n[traffic]\ncached_input = 0.6\n[privacy]\nproviders = [\"openai\", \
         \"local*\"]\ndata_collection = \"deny\"\nzdr = true\n",
    );
    assert_eq!((config.cache, config.cached_input), (Some(CacheMode::Cold), Some(0.6)));
    assert_eq!(config.judging().cached_input, Some(0.6));
    let providers = ["openai", "local*"].map(str::to_owned).to_vec();
    assert_eq!(config.privacy, Privacy { providers, no_collection: true, zdr: true });
    assert!(!load("[privacy]\ndata_collection = \"allow\"\n").privacy.is_stated());
    check("cache = \"cool\"\n", "1: cache = \"cool\" is not known; did you mean \"cold\"?");
    check(
        "[traffic]\ncached_input = 60\n",
        "2: cached_input = 60 is out of range; write the share of input tokens that is read from \
         caches, 0 to 1",
    );
    check(
        "[privacy]\nproviders = []\n",
        "2: an empty [privacy] provider names nothing; write one, or take it out",
    );
    check(
        "[privacy]\nproviders = [\"\"]\n",
        "2: an empty [privacy] provider names nothing; write one, or take it out",
    );
    check(
        "[privacy]\ndata_collection = \"denied\"\n",
        "2: data_collection = \"denied\" is not known; did you mean \"deny\"?",
    );
    check("[privacy]\nzrd = true\n", "2: unknown key \"zrd\"; did you mean \"zdr\"?");
}

#[test]
fn the_nearest_configuration_is_found() {
    let root = tempfile::tempdir().expect("a folder");
    let deep = root.path().join("a/b");
    std::fs::create_dir_all(&deep).expect("folders");
    let above = root.path().join(FILE_NAME);
    std::fs::write(&above, "").expect("a file");
    assert_eq!(find(&deep), Some(above.clone()));
    std::fs::create_dir(deep.join(FILE_NAME)).expect("a folder of that name is no file");
    assert_eq!(find(&deep), Some(above));
    let here = root.path().join("a").join(FILE_NAME);
    std::fs::write(&here, "").expect("a file");
    assert_eq!(find(&deep), Some(here));
}

#[test]
fn a_margin_may_differ_by_category() {
    let config = load("[objective]\nmargin = { default = 0.03, reply = 0.10 }\n");
    let judging = config.judging();
    assert_eq!((judging.margin_in("classify"), judging.margin_in("reply")), (0.03, 0.10));
    let config = load("[objective]\nmargin = { reply = 0.10 }\n");
    assert_eq!((config.margin, config.margins.len()), (DEFAULT_MARGIN, 1));
    assert!(load("[objective]\nmargin = 0.05\n").margins.is_empty());
    check(
        "[objective]\nmargin = { default = 0.02,\nreply = 10 }\n",
        "3: margin.reply = 10 is out of range; write a share, 0 or more and below 1: two points \
         are 0.02",
    );
}

#[test]
fn what_a_move_must_save_needs_a_month() {
    let month = "[traffic]\nrequests_per_month = 16_000_000\n";
    let config = load(&format!("{month}[objective]\nworth = \"2000\"\n"));
    assert_eq!(config.judging().worth, Some("2000".parse().expect("dollars")));
    check(
        "[objective]\nworth = \"2000\"\n",
        "2: worth is in dollars a month, so it needs [traffic] requests_per_month: add \
         requests_per_month = 1_000_000, or take worth out",
    );
    check(
        "[objective]\nworth = 2000\n",
        "2: money is a decimal string, for a float is not exact; write worth = \"2000\"",
    );
}

#[test]
fn what_requests_are_like_by_category() {
    let config = load(
        "[traffic]\ninput_tokens = { classify = 900, default = 1200 }\noutput_tokens = 80\n\
         cached_input = { classify = 0.41 }\nretries = 0.03\n\
         peak_requests_per_min = { classify = 890 }\ninvoice = \"149300\"\n",
    );
    let classify = CategoryTraffic {
        input_tokens: Some(900.0),
        output_tokens: Some(80.0),
        cached_input: Some(0.41),
        retries: Some(0.03),
        peak_requests_per_min: Some(890.0),
    };
    let others = CategoryTraffic {
        input_tokens: Some(1200.0),
        cached_input: None,
        peak_requests_per_min: None,
        ..classify
    };
    assert_eq!(config.traffic["classify"], classify);
    assert_eq!(config.traffic["default"], others);
    assert_eq!(config.invoice, Some("149300".parse().expect("dollars")));
    check(
        "[traffic]\ninput_tokens = { classify = -1 }\n",
        "2: input_tokens.classify = -1 is out of range; write tokens of a request on average, 0 \
         or more and below a billion",
    );
    check(
        "[traffic]\npeak_requests_per_min = 0\n",
        "2: peak_requests_per_min = 0 is out of range; write requests in the busiest minute, \
         above 0",
    );
}
