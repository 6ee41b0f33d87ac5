//! Configurations as people write them.

use super::*;
use crate::catalog::{Price, Rate, SnapshotStamp};

const FULL: &str = r#"
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o-eu
      api_base: https://my-europe.openai.azure.com/
      api_key: os.environ/AZURE_EU_KEY
      api_version: "2024-02-01"
      rpm: 600
      tpm: 80_000
    model_info:
      base_model: azure/gpt-4o
      input_cost_per_token: 0.00000250000000000000001
      output_cost_per_token: 1.0e-05
      cache_read_input_token_cost: 1.25e-06
      max_input_tokens: 128000
      max_output_tokens: 16384
  - model_name: gpt-4o
    litellm_params:
      model: azure/gpt-4o-us
      api_base: os.environ/AZURE_US_BASE
      api_key: sk-secret-inline-azure
      rpm: 1800
    model_info: {base_model: azure/gpt-4o}
  - model_name: thinker
    litellm_params: {model: o3-mini, reasoning_effort: high, organization: org-1}
  - model_name: plain
    litellm_params: {model: openai/o3-mini, api_key: sk-secret-inline-openai}
  - model_name: llama
    litellm_params: {model: hosted_vllm/meta/llama-3, api_base: "http://localhost:8000/v1", api_key: none}
  - model_name: claude
    litellm_params: {model: bedrock/anthropic.claude-v2}
  - model_name: "anthropic/*"
    litellm_params: {model: "anthropic/*"}
  - model_name: embed
    litellm_params: {model: text-embedding-3-small}
    model_info: {mode: embedding}
  - model_name: gone
    litellm_params: {model: azure/x, api_base: os.environ/NOT_SET}
  - model_name: loud
    litellm_params: {model: openai/x, api_base: "https://me:sk-secret-url@host/v1"}
router_settings:
  routing_strategy: simple-shuffle
  model_group_alias: {gpt-4: gpt-4o, hidden: {model: llama, hidden: true}}
  fallbacks: [{gpt-4o: [claude, llama]}]
litellm_settings:
  fallbacks:
    - thinker: [plain]
general_settings:
  master_key: sk-secret-master
"#;

fn full() -> ProxyConfig {
    let variable =
        |name: &str| (name == "AZURE_US_BASE").then(|| "https://my-us.openai.azure.com".to_owned());
    read(FULL, "config.yaml", &variable, &[]).expect("it reads")
}

#[test]
fn deployments_are_endpoints() {
    let config = full();
    let shown: Vec<String> = config
        .deployments
        .iter()
        .map(|d| {
            let (e, p) = (&d.endpoint, &d.endpoint.provider);
            let key = p.api_key_env.as_deref().unwrap_or("no key");
            format!("{} {} {} {key} {}", e.id, e.upstream_model, p.base_url, d.key_in_file)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "openai/gpt-4o@azure-my-europe gpt-4o-eu https://my-europe.openai.azure.com/openai/v1 \
             AZURE_EU_KEY false",
            "openai/gpt-4o@azure-my-us gpt-4o-us https://my-us.openai.azure.com/openai/v1 \
             AZURE_MY_US_API_KEY true",
            "openai/o3-mini@openai#thinker o3-mini https://api.openai.com/v1 OPENAI_API_KEY false",
            "openai/o3-mini@openai-2 o3-mini https://api.openai.com/v1 OPENAI_2_API_KEY true",
            "meta/llama-3@vllm-localhost-8000 meta/llama-3 http://localhost:8000/v1 no key false",
        ]
    );
    let eu = &config.deployments[0].endpoint;
    assert_eq!((eu.limits.requests_per_min, eu.limits.tokens_per_min), (Some(600), Some(80_000)));
    assert_eq!((eu.context_window, eu.max_output), (Some(128_000), Some(16_384)));
    let Price::Rates(rates) = &eu.price else { panic!("{:?}", eu.price) };
    let rate = |rate: Rate| rate.written(rates.get(rate).expect("a rate"));
    assert_eq!(rate(Rate::Input), "2.50000000000000001");
    assert_eq!((rate(Rate::Output), rate(Rate::CachedInput)), ("10".into(), "1.25".into()));
    assert_eq!(config.deployments[1].endpoint.price, Price::Unknown);
    let thinker = &config.deployments[2];
    assert_eq!(thinker.endpoint.params["reasoning_effort"], "high");
    assert_eq!(thinker.dropped, ["organization"]);
}

#[test]
fn what_cannot_be_called_is_named_one_by_one() {
    let config = full();
    let why: Vec<String> =
        config.left_out.iter().map(|left| format!("{}: {}", left.entry, left.why)).collect();
    let expected = [
        "claude: bedrock wants every request signed",
        "anthropic/*: it is a wildcard",
        "embed: it answers in no text: its mode is embedding",
        "gone: its api_base is in NOT_SET, which is not set",
        "loud: base_url holds credentials",
    ];
    assert_eq!(why.len(), expected.len(), "{why:?}");
    for (why, expected) in why.iter().zip(expected) {
        assert!(why.starts_with(expected), "{why}");
    }
}

#[test]
fn no_key_of_the_file_is_kept() {
    let shown = format!("{:?}", full());
    assert!(!shown.contains("sk-secret"), "{shown}");
}

#[test]
fn aliases_lead_to_deployments_and_to_each_other() {
    let config = full();
    let gpt = config.alias("gpt-4").expect("another name");
    assert_eq!((gpt.name.as_str(), gpt.fallbacks.join(" ")), ("gpt-4o", "claude llama".into()));
    assert_eq!(gpt.served_by, [(0, 0.25), (1, 0.75)]);
    assert_eq!(config.alias("hidden").expect("of the longer form").name, "llama");
    assert_eq!(config.alias("thinker").expect("there").fallbacks, ["plain"]);
    let error = config.not_called(config.alias("claude").expect("there"), "c.yaml").to_string();
    let expected = "no deployment of \"claude\" can be called from here: bedrock wants";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_is_left_out_serves_all_the_same() {
    let text = "model_list:\n\
        - {model_name: a, litellm_params: {model: openai/gpt-4o, weight: 1}}\n\
        - {model_name: a, litellm_params: {model: bedrock/claude, weight: 9}}\n";
    let config = read(text, "c.yaml", &|_| None, &[]).expect("it reads");
    assert_eq!(config.aliases[0].served_by, [(0, 0.1)]);
    assert_eq!(config.aliases[0].left_out, 1);
}

#[test]
fn a_list_says_what_the_file_leaves_out() {
    let listed = "[snapshot]\nsource = \"litellm\"\nfetched_at = \"2026-11-20T00:00:00Z\"\n\
        unit = \"USD per million tokens\"\n[[provider]]\nname = \"azure\"\n[[provider]]\n\
        name = \"openai\"\nbase_url = \"https://api.openai.com/v1\"\n[[endpoint]]\nmodel = \
        \"azure/gpt-4o\"\nupstream_model = \"gpt-4o\"\nprovider = \"azure\"\nmax_output = 9\nprice = { input = \"7\", \
        output = \"8\" }\n[[endpoint]]\nmodel = \"openai/x\"\nupstream_model = \"x\"\n\
        provider = \"openai\"\nprice = { input = \"1\", output = \"2\" }\n";
    let lists = [crate::catalog::load_text(listed, "l.toml").expect("a snapshot")];
    let stamp = lists[0].snapshots.first().map(|s: &SnapshotStamp| s.source.as_str());
    assert_eq!(stamp, Some("litellm"));
    let text = "model_list:\n\
        - {model_name: a, litellm_params: {model: azure/d, api_base: https://r.openai.azure.com}, \
        model_info: {base_model: azure/gpt-4o}}\n\
        - {model_name: b, litellm_params: {model: openai/x}}\n\
        - {model_name: c, litellm_params: {model: openai/x, api_base: https://own.example/v1}}\n";
    let config = read(text, "c.yaml", &|_| None, &lists).expect("it reads");
    let priced: Vec<Option<&str>> =
        config.deployments.iter().map(|d| d.priced_by.as_deref()).collect();
    // Another server's `x` is not OpenAI's.
    assert_eq!(priced, [Some("litellm, 2026-11-20"), Some("litellm, 2026-11-20"), None]);
    assert_eq!(config.deployments[0].endpoint.max_output, Some(9));
}

#[test]
fn another_dialect_is_another_provider() {
    let text = "model_list:\n\
        - {model_name: a, litellm_params: {model: openai/gpt-4o}}\n\
        - {model_name: b, litellm_params: {model: openai/responses/gpt-5-pro}}\n\
        - {model_name: c, litellm_params: {model: openai/gpt-5-pro}}\n\
        - {model_name: d, litellm_params: {model: openai/o3}, model_info: {mode: responses}}\n";
    let config = read(text, "c.yaml", &|_| None, &[]).expect("it reads");
    let shown = |d: &Deployment| format!("{} {:?}", d.endpoint.id, d.endpoint.provider.dialect);
    assert_eq!(
        config.deployments.iter().map(shown).collect::<Vec<_>>(),
        [
            "openai/gpt-4o@openai OpenaiChat",
            "openai/gpt-5-pro@openai-responses OpenaiResponses",
            "openai/gpt-5-pro@openai OpenaiChat",
            "openai/o3@openai-responses OpenaiResponses",
        ]
    );
    let keys = config.deployments.iter().map(|d| d.endpoint.provider.api_key_env.as_deref());
    assert!(keys.into_iter().all(|key| key == Some("OPENAI_API_KEY")));
}

fn check_error(text: &str, expected: &str) {
    let error = read(text, "c.yaml", &|_| None, &[]).expect_err(text).to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_is_no_configuration_says_so() {
    check_error("", "c.yaml has no model_list");
    check_error("just words", "c.yaml has no model_list");
    check_error("model_list: {}", "c.yaml has no model_list");
    check_error("model_list:\n  - model_name: [", "c.yaml:");
    check_error(
        "model_list:\n  - litellm_params: {model: x}",
        "c.yaml:2: a model_name of model_list",
    );
    check_error("model_list:\n\n  - model_name: x", "c.yaml:3: a litellm_params of model_list");
}

#[test]
fn odd_entries_are_left_out_and_the_others_stay() {
    let check = |params: &str, expected: &str| {
        let text = format!(
            "model_list:\n- {{model_name: odd, litellm_params: {params}}}\n\
             - {{model_name: ok, litellm_params: {{model: gpt-x}}}}\n"
        );
        let config = read(&text, "c.yaml", &|_| None, &[]).expect(params);
        assert_eq!(config.deployments.len(), 1, "{params}");
        assert!(config.left_out[0].why.contains(expected), "{:?}", config.left_out);
    };
    check("{model: ''}", "no provider before its name");
    check("{api_key: x}", "no model");
    check("{model: openai/x, api_base: 'host:8000'}", "no scheme");
    check("{model: openai/x, input_cost_per_token: -0.5}", "its input_cost_per_token");
    check("{model: openai/x, input_cost_per_token: .inf}", "its input_cost_per_token");
    check("{model: openai/x, output_cost_per_token: free}", "its output_cost_per_token");
    check("{model: openai/x, max_tokens: 0}", "is a number of tokens, at least 1");
    check("{model: openai/}", "names no model");
}
