//! What is paid: prices under conditions, entries beside a snapshot, overlays, variants.

use super::*;

const RATES: &str = "price = { input = \"1\", output = \"2\" }";

/// The line of an endpoint with one change of its price.
fn with_change(change: &str) -> String {
    endpoint_with(&format!("price = {{ input = \"1\", output = \"2\", when = [{{ {change} }}] }}"))
}

#[test]
fn a_price_under_conditions_is_read() {
    let change = "above_input_tokens = 200000, service_tier = \"flex\", utc = [\"16:30-00:30\", \
                  \"04:00-24:00\"], weekdays = [6, 7], from = \"2026-01-01\", until = \
                  \"2027-01-01\", input = \"3\", per_request = \"0.01\"";
    let catalog = load(&format!("{LOCAL}{}", with_change(change)));
    let Price::Rates(rates) = &catalog.endpoints[0].price else { panic!("rates") };
    assert_eq!(
        rates.changes[0].condition(),
        "above 200000 tokens, flex, 16:30-00:30 04:00-00:00 UTC, Sat Sun, from 2026-01-01, until \
         2027-01-01"
    );
    let shown: Vec<String> =
        rates.changes[0].rates.iter().map(|(rate, usd)| rate.written(*usd)).collect();
    assert_eq!(shown, ["3", "0.01"]);
    let unknown = load(&format!("{LOCAL}{}", with_change("weekdays = [6], input = \"-1\"")));
    assert_eq!(unknown.endpoints[0].price, Price::Unknown);
}

#[test]
fn a_condition_that_does_not_read_shows_what_to_write() {
    for (change, expected) in [
        (
            "utc = [\"25:00-01:00\"]",
            "10: utc = \"25:00-01:00\" is not a valid condition; write hours and minutes, UTC, \
             such as \"16:30-00:30\"",
        ),
        (
            "service_tier = \"fast\"",
            "10: service_tier = \"fast\" is not a valid condition; there are standard, flex, \
             priority, batch and ultrafast",
        ),
        (
            "weekdays = [0]",
            "10: weekdays = \"0\" is not a valid condition; days are 1 (Monday) to 7 (Sunday)",
        ),
        (
            "from = \"May\"",
            "10: from = \"May\" is not a valid condition; write a day such as \"2026-09-01\"",
        ),
        (
            "abov_input_tokens = 5",
            "10: unknown key \"abov_input_tokens\"; did you mean \"above_input_tokens\"?",
        ),
        (
            "input = 5",
            "10: a price is a decimal string, because a float is not exact; write input = \"5\"",
        ),
    ] {
        check(&with_change(change), expected);
    }
}

/// A snapshot of one endpoint at a provider without an address.
const SNAPSHOT: &str = "[snapshot]\nsource = \"t\"\nfetched_at = \"2026-06-16T00:00:00Z\"\nunit = \
                        \"USD per million tokens\"\n\n[[provider]]\nname = \"cloud\"\napi_key_env = \
                        \"CLOUD_KEY\"\n\n[[endpoint]]\nmodel = \"acme/large\"\nprovider = \
                        \"cloud\"\nprice = { input = \"1\", output = \"2\" }\nexpires = \
                        \"2026-07-01\"\n";

fn beside_snapshot(own: &str) -> Result<Catalog, CatalogError> {
    load_texts(&[
        CatalogText { path: "snapshot.toml", text: SNAPSHOT },
        CatalogText { path: "own.toml", text: own },
    ])
}

#[test]
fn what_is_written_beside_a_snapshot_goes_before_it() {
    let alone = load_text(SNAPSHOT, "snapshot.toml").expect("it loads");
    assert_eq!(alone.endpoints[0].provider.base_url, "");
    assert_eq!(alone.snapshots[0].source, "t");
    let own = "[[provider]]\nname = \"cloud\"\nbase_url = \"https://cloud.example/v1\"\n";
    let catalog = beside_snapshot(own).expect("it loads");
    let provider = &catalog.endpoints[0].provider;
    assert_eq!(provider.base_url, "https://cloud.example/v1");
    assert_eq!(provider.api_key_env.as_deref(), Some("CLOUD_KEY"), "the rest stays");
    let commanded = format!("{own}api_key_cmd = [\"op\", \"read\"]\n");
    let catalog = beside_snapshot(&commanded).expect("it loads");
    let provider = &catalog.endpoints[0].provider;
    assert_eq!(provider.api_key_env, None, "a command stands for the variable that is listed");
    assert_eq!(provider.api_key_cmd.as_ref().map(KeyCommand::program), Some("op"));
    let own = format!(
        "{own}[[endpoint]]\nmodel = \"acme/large\"\nprovider = \"cloud\"\nprice = \"free\"\n"
    );
    let catalog = beside_snapshot(&own).expect("it loads");
    let [only] = catalog.endpoints.as_slice() else { panic!("{:?}", catalog.endpoints) };
    assert_eq!(only.price, Price::Free);
    let error = load_text(&SNAPSHOT.replace("USD", "EUR"), "snapshot.toml").expect_err("euros");
    assert!(error.to_string().contains("USD per million tokens"), "{error}");
    let error = load_text(&SNAPSHOT.replace("2026-07-01", "soon"), "s.toml").expect_err("no day");
    assert_eq!(
        error.to_string(),
        "s.toml:14: expires = \"soon\" is not a day; write for example expires = \"2026-09-01\""
    );
}

#[test]
fn overlays_change_what_is_paid_and_say_so() {
    let paid = |own: &str| {
        let catalog = beside_snapshot(own).unwrap_or_else(|error| panic!("{error}\n{own}"));
        let usage = Usage { input: Some(1_000_000), output: Some(0), ..Usage::default() };
        let cost = catalog.endpoints[0].price.cost(&usage).expect("a price");
        (cost.to_string(), catalog.warnings)
    };
    let (cost, notes) = paid(
        "[[provider]]\nname = \"cloud\"\nbase_url = \"https://c.example\"\ndiscount = \"0.15\"\nfee = \"0.055\"\n",
    );
    assert_eq!(cost, "0.89675");
    assert_eq!(
        notes,
        ["prices at cloud are as published, less a discount of 15 %, plus a fee of 5.5 % (1 \
          endpoints; own.toml:2)"]
    );
    let (cost, notes) =
        paid("[[price]]\nmatch = \"acme/*\"\nprice = { input = \"7\", output = \"8\" }\n");
    assert_eq!(cost, "7");
    assert_eq!(notes, ["prices of acme/* are your own (1 endpoints; own.toml:2)"]);
    let (cost, _) = paid("[[price]]\nmatch = \"*@cloud\"\nfee = \"1.5\"\n");
    assert_eq!(cost, "2.5");
}

#[test]
fn overlays_that_cannot_be_are_refused() {
    for (own, expected) in [
        ("[[price]]\nmatch = \"acme/*\"\n", "own.toml:2: this [[price]] changes nothing"),
        (
            "[[price]]\nmatch = \"acne/*\"\nfee = \"0.1\"\n",
            "own.toml:2: [[price]] match = \"acne/*\" matches no endpoint",
        ),
        ("[[price]]\nmatch = \"*\"\ndiscount = 0.1\n", "own.toml:3: a price is a decimal string"),
        (
            "[[price]]\nmatch = \"*\"\ndiscount = \"15\"\n",
            "own.toml:3: discount = \"15\" cannot be held",
        ),
        (
            "[[price]]\nmatch = \"*\"\ndiscount = \"1.5\"\n",
            "own.toml:3: discount = \"1.5\" is more than can be taken off",
        ),
        ("[[price]]\nmatch = \"*\"\nfee = \"-0.1\"\n", "own.toml:3: fee = \"-0.1\" cannot be held"),
        (
            "[[price]]\nmatch = \"*\"\nfee = \"5 %\"\n",
            "own.toml:3: fee = \"5 %\" is not a decimal number",
        ),
    ] {
        let error = beside_snapshot(own).expect_err(own).to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn a_flex_variant_pays_the_flex_price() {
    let price = "price = { input = \"1\", output = \"2\", when = [{ service_tier = \"flex\", input \
                 = \"0.5\" }, { service_tier = \"priority\", input = \"9\" }] }";
    let catalog = load(&format!(
        "{LOCAL}{}[[variant]]\nname = \"slow\"\nmatch = \"*\"\nparams = {{ service_tier = \"flex\" }}\n",
        endpoint_with(price)
    ));
    let usage = Usage { input: Some(1_000_000), output: Some(0), ..Usage::default() };
    let served = |tier| Usage { service_tier: tier, ..usage };
    let at = "2026-06-16T12:00:00Z".parse().expect("a time");
    let cost = |idx: usize, usage: &Usage| {
        catalog.endpoints[idx].cost(usage, at).expect("a price").to_string()
    };
    assert_eq!(cost(0, &usage), "1");
    assert_eq!(cost(1, &usage), "0.5");
    // What answered counts, not what was asked for.
    assert_eq!(cost(1, &served(Some(crate::units::ServiceTier::Standard))), "1");
    assert_eq!(cost(0, &served(Some(crate::units::ServiceTier::Priority))), "9");
    let most = catalog.endpoints[1].max_cost(1_000_000, 0).expect("a bound");
    assert_eq!(most.to_string(), "1", "the standard price, should flex not be served");
    assert!(load(&format!("{LOCAL}{}", endpoint_with(RATES))).warnings.is_empty());
}

/// Nobody says how often a model searches, so what its searches may cost has no bound.
#[test]
fn searches_that_are_charged_have_no_bound() {
    let check = |params: &str, bounded: bool| {
        let price = "price = { input = \"1\", output = \"1\", per_search = \"0.01\" }";
        let text = format!(
            "{LOCAL}{}\n[[variant]]\nname = \"v\"\nmatch = \"*\"\nparams = {params}\n",
            endpoint_with(price)
        );
        let endpoint = load(&text).endpoints.pop().expect("the variant");
        assert_eq!(endpoint.max_cost(10, 10).is_some(), bounded, "{params}");
    };
    check("{ temperature = 0 }", true);
    check("{ tools = [{ type = \"function\", function = { name = \"add\" } }] }", true);
    check("{ tools = [{ google_search = {} }] }", false);
    check("{ web_search_options = {} }", false);
    check("{ plugins = [{ id = \"web\" }] }", false);
}

#[test]
fn a_router_is_pinned_by_the_name_of_its_provider() {
    let check = |url: &str, more: &str, provider: &str, expected: Option<(&str, Option<&str>)>| {
        let text = format!(
            "[[provider]]\nname = \"openrouter\"\nbase_url = \"{url}\"\n{more}\n[[endpoint]]\n\
             model = \"a/b\"\nprovider = \"{provider}\"\nprice = \"free\"\n"
        );
        let found = load_text(&text, "c.toml").ok().map(|mut catalog| catalog.endpoints.remove(0));
        let found = found.as_ref().map(|e| (e.id.as_str(), e.provider.pin()));
        assert_eq!(found, expected, "{url} {provider}");
    };
    let openrouter = "https://openrouter.ai/api/v1";
    check(openrouter, "", "openrouter", Some(("a/b@openrouter", None)));
    let pinned = Some(("a/b@openrouter/deepinfra/fp4", Some("deepinfra/fp4")));
    check(openrouter, "", "openrouter/deepinfra/fp4", pinned);
    check("http://127.0.0.1:1/v1", "router = \"openrouter\"", "openrouter/deepinfra/fp4", pinned);
    check("https://x.y/v1", "", "openrouter/deepinfra", None);
    check(openrouter, "", "openrouter/", None);
}
