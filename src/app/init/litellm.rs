//! A LiteLLM proxy's configuration as ours: its deployments, its aliases, and what serves now.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::text::{Group, Starter, at_rest, push_prose};
use crate::catalog::source::proxy::{Alias, Deployment, ProxyConfig, ProxyError};
use crate::catalog::{Endpoint, Price, snapshot};
use crate::units::names::matches_none;

/// So many aliases are written out as endpoints of the proxy itself.
const SHOWN_ALIASES: usize = 8;

/// Makes the file's content. `shown` is the configuration's path as prose names it, `path` as our
/// file can name it; `alias` is what callers ask for today, else the first that can be called.
pub(super) fn starter(
    proxy: &ProxyConfig,
    path: &str,
    alias: Option<&str>,
) -> Result<Starter, ProxyError> {
    let serving = serving(proxy, path, alias)?;
    let mut starter = Starter {
        heading: vec![format!("From the configuration of a LiteLLM proxy, {path}.")],
        priced: proxy.deployments.iter().all(|d| d.endpoint.price != Price::Unknown),
        ..Starter::default()
    };
    starter.heading.extend(aliases(proxy));
    starter.models = groups(proxy);
    if let Some(serving) = serving {
        say_today(&mut starter, proxy, serving, path);
    }
    starter.catalog = catalog(proxy, path);
    Ok(starter)
}

/// The alias that serves: the one that was named, else the first with a deployment.
fn serving<'a>(
    proxy: &'a ProxyConfig,
    path: &str,
    alias: Option<&str>,
) -> Result<Option<&'a Alias>, ProxyError> {
    let Some(name) = alias else {
        return Ok(proxy.aliases.iter().find(|alias| !alias.served_by.is_empty()));
    };
    let Some(found) = proxy.alias(name) else {
        let known: Vec<&str> = proxy.aliases.iter().map(|alias| alias.name.as_str()).collect();
        let (path, remedy) = (path.to_owned(), matches_none(name, &known));
        return Err(ProxyError::NoAlias { path, alias: name.to_owned(), remedy });
    };
    if found.served_by.is_empty() {
        return Err(proxy.not_called(found, path));
    }
    Ok(Some(found))
}

fn id(proxy: &ProxyConfig, idx: usize) -> &str {
    proxy.deployments[idx].endpoint.id.as_str()
}

/// What serves each alias, one line each.
fn aliases(proxy: &ProxyConfig) -> Vec<String> {
    let mut lines = vec!["Its aliases, and what serves them:".to_owned()];
    let width = proxy.aliases.iter().map(|a| a.name.chars().count()).max().unwrap_or(0).min(24);
    for alias in &proxy.aliases {
        let mut said = match (&alias.stands_for, alias.served_by.as_slice()) {
            (Some(other), _) => format!("= {other}"),
            (None, []) => "nothing that can be called from here".to_owned(),
            (None, [(only, _)]) if alias.left_out == 0 => id(proxy, *only).to_owned(),
            (None, several) => {
                let one = |(idx, share): &(usize, f64)| {
                    format!("{} {:.0} %", id(proxy, *idx), share * 100.0)
                };
                several.iter().map(one).collect::<Vec<_>>().join(", ")
            }
        };
        if alias.left_out > 0 && !alias.served_by.is_empty() {
            let _ = write!(said, " (and {} left out)", alias.left_out);
        }
        if !alias.fallbacks.is_empty() {
            let _ = write!(said, "; then {}", alias.fallbacks.join(", "));
        }
        lines.push(format!("  {:<width$}  {said}", alias.name));
    }
    if !proxy.left_out.is_empty() {
        lines.push("Left out:".to_owned());
        lines.extend(proxy.left_out.iter().map(|left| format!("  {}: {}", left.entry, left.why)));
    }
    lines
}

/// The endpoints under the first alias that they serve.
fn groups(proxy: &ProxyConfig) -> Vec<Group> {
    let mut seen = BTreeSet::new();
    let of = |alias: &Alias| Group {
        about: alias.name.clone(),
        ids: alias
            .served_by
            .iter()
            .filter(|(idx, _)| seen.insert(*idx))
            .map(|(idx, _)| (id(proxy, *idx).to_owned(), String::new()))
            .collect(),
    };
    proxy.aliases.iter().map(of).collect()
}

fn say_today(starter: &mut Starter, proxy: &ProxyConfig, alias: &Alias, path: &str) {
    let name = &alias.name;
    let most = alias.served_by.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a });
    let Some((most, share)) = most else { return };
    starter.today = Some(id(proxy, most).to_owned());
    let (n, left, share) = (alias.served_by.len(), alias.left_out, share * 100.0);
    let said = match (n, left) {
        (1, 0) => vec![format!("This endpoint serves the alias {name:?} of {path}.")],
        (_, 0) => vec![
            format!(
                "{name:?} is served by {n} deployments; this one has {share:.0} % of the requests, and no"
            ),
            "other has more. One endpoint stands for today: name another where it fits better."
                .to_owned(),
        ],
        _ => vec![
            format!(
                "{name:?} is served by {} deployments, and {left} of them cannot be called from here. This",
                n + left
            ),
            format!(
                "one has {share:.0} % of the requests: name another endpoint where it fits better."
            ),
        ],
    };
    starter.about_today.extend(said);
}

fn catalog(proxy: &ProxyConfig, path: &str) -> String {
    let mut text = String::new();
    let mut seen = BTreeSet::new();
    for deployment in &proxy.deployments {
        let provider = &deployment.endpoint.provider;
        if !seen.insert(provider.name.as_str()) {
            continue;
        }
        text.push('\n');
        if let (true, Some(variable)) = (deployment.key_in_file, &provider.api_key_env) {
            push_prose(
                &mut text,
                &format!(
                    "Its key stands in {path} itself and was not copied: export it as {variable}."
                ),
            );
        }
        text.push_str(snapshot::provider_text(provider).trim_start());
    }
    let mut seen = BTreeSet::new();
    for deployment in &proxy.deployments {
        let endpoint = &deployment.endpoint;
        if seen.insert(base(endpoint)) {
            // Of several that differ in parameters alone, the one whose price is known.
            let alike = || proxy.deployments.iter().filter(|d| base(&d.endpoint) == base(endpoint));
            let priced = alike().find(|d| d.endpoint.price != Price::Unknown);
            let dropped: BTreeSet<&str> =
                alike().flat_map(|d| d.dropped.iter().map(String::as_str)).collect();
            text.push('\n');
            if !dropped.is_empty() {
                let names: Vec<&str> = dropped.into_iter().collect();
                push_prose(&mut text, &format!("Not carried over: {}.", names.join(", ")));
            }
            for said in &deployment.conflicts {
                push_prose(&mut text, &format!("Note that {said}."));
            }
            push_endpoint(&mut text, priced.unwrap_or(deployment));
        }
        text.push_str(&snapshot::variant_text(endpoint));
    }
    push_proxy(&mut text, proxy);
    text
}

/// An endpoint without its variant.
fn base(endpoint: &Endpoint) -> (&str, &str) {
    (endpoint.model.as_str(), endpoint.provider.name.as_str())
}

fn push_endpoint(text: &mut String, deployment: &Deployment) {
    let endpoint = &deployment.endpoint;
    let price = match (&endpoint.price, &deployment.priced_by) {
        (Price::Unknown, _) => {
            let why =
                "# Neither the file nor a price list says what this costs, so it is not known.\n";
            let example = if endpoint.is_loopback() {
                "#price = \"free\"\n"
            } else {
                "#price = { input = \"1.00\", output = \"2.00\" }\n"
            };
            format!("{why}{example}")
        }
        (price, from) => {
            let mut line = String::new();
            if let Some(from) = from {
                push_prose(&mut line, &format!("As of {from}."));
            }
            line + &snapshot::price_text(price)
        }
    };
    text.push_str(snapshot::endpoint_text(endpoint, None, &price).trim_start());
}

/// The proxy itself, at rest: its aliases as endpoints, those first that cannot be called otherwise.
fn push_proxy(text: &mut String, proxy: &ProxyConfig) {
    text.push('\n');
    push_prose(
        text,
        "The proxy itself can be weighed too: what it adds to a deployment, and what is left out",
    );
    push_prose(
        text,
        "above. Its cache is turned off, and its cost and deployment headers are read.",
    );
    let mut block = "[[provider]]\nname = \"litellm\"\nrouter = \"litellm\"\nbase_url = \
                     \"http://127.0.0.1:4000/v1\"\napi_key_env = \"LITELLM_API_KEY\"\n"
        .to_owned();
    let named = |alias: &&Alias| crate::catalog::is_name(&alias.name) && alias.stands_for.is_none();
    let (called, left): (Vec<&Alias>, Vec<&Alias>) =
        proxy.aliases.iter().filter(named).partition(|alias| !alias.served_by.is_empty());
    for alias in left.into_iter().chain(called).take(SHOWN_ALIASES) {
        let name = snapshot::quoted(&alias.name);
        let _ = write!(block, "\n[[endpoint]]\nmodel = {name}\nprovider = \"litellm\"\n");
    }
    text.push_str(&at_rest(&block));
}

#[cfg(test)]
mod tests {
    use super::super::text::tests::check_loads;
    use super::*;
    use crate::catalog::source::proxy;

    const FILE: &str = r#"
model_list:
  - model_name: gpt-4o
    litellm_params: {model: azure/eu, api_base: "https://eu.openai.azure.com", api_key: sk-secret-a, rpm: 30}
    model_info: {base_model: azure/gpt-4o, input_cost_per_token: 0.0000025, output_cost_per_token: 1e-05}
  - model_name: gpt-4o
    litellm_params: {model: azure/us, api_base: "https://us.openai.azure.com", api_key: os.environ/US, rpm: 90}
    model_info: {base_model: azure/gpt-4o}
  - model_name: thinker
    litellm_params: {model: o3-mini, reasoning_effort: high, stop: ["\n\n"], organization: o}
  - model_name: calm
    litellm_params: {model: o3-mini, input_cost_per_token: 0, output_cost_per_token: 0}
  - model_name: "cl\naude"
    litellm_params: {model: bedrock/claude}
router_settings: {model_group_alias: {gpt-4: gpt-4o}, fallbacks: [{gpt-4o: [thinker]}]}
"#;

    fn made(alias: Option<&str>) -> Result<String, String> {
        let proxy = proxy::read(FILE, "config.yaml", &|_| None, &[]).expect("it reads");
        starter(&proxy, "config.yaml", alias).map(|s| s.text()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_proxys_file_becomes_ours() {
        let text = made(None).expect("it is made");
        let (asleep, awake) = check_loads(&text);
        let ids: Vec<&str> = asleep.catalog.endpoints.iter().map(|e| e.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "openai/gpt-4o@azure-eu",
                "openai/gpt-4o@azure-us",
                "openai/o3-mini@openai",
                "openai/o3-mini@openai#thinker"
            ]
        );
        assert_eq!(asleep.catalog.endpoints[3].price, Price::Free, "as the other entry says");
        assert_eq!(
            asleep.models,
            [
                "openai/gpt-4o@azure-eu",
                "openai/gpt-4o@azure-us",
                "openai/o3-mini@openai#thinker",
                "openai/o3-mini@openai"
            ]
        );
        assert_eq!(asleep.catalog.endpoints[3].params["stop"], serde_json::json!(["\n\n"]));
        assert_eq!(asleep.today.as_deref(), Some("openai/gpt-4o@azure-us"), "the largest share");
        assert_eq!(asleep.spend.per_run, None, "not every price is known");
        assert!(awake.catalog.endpoints.iter().any(|e| e.id.as_str() == "gpt-4o@litellm"));
        for said in [
            "#   gpt-4o   openai/gpt-4o@azure-eu 25 %, openai/gpt-4o@azure-us 75 %; then thinker\n",
            "#   gpt-4    = gpt-4o\n",
            "#   cl\\u{a}aude: bedrock wants every request signed",
            "# Its key stands in config.yaml itself and was not copied: export it as AZURE_EU_API_KEY.\n",
            "api_key_env = \"US\"\n",
            "price = { input = \"2.5\", output = \"10\" }\n",
            "# Not carried over: organization.\n",
        ] {
            assert!(text.contains(said), "{said}\nis not in\n{text}");
        }
        assert!(!text.contains("sk-secret"), "{text}");
    }

    #[test]
    fn what_serves_beside_what_cannot_be_called_says_its_share() {
        let file = "model_list:\n\
            - {model_name: a, litellm_params: {model: openai/gpt-4o, weight: 1}}\n\
            - {model_name: a, litellm_params: {model: bedrock/claude, weight: 9}}\n";
        let proxy = proxy::read(file, "config.yaml", &|_| None, &[]).expect("it reads");
        let text = starter(&proxy, "config.yaml", None).expect("it is made").text();
        for said in [
            "#   a  openai/gpt-4o@openai 10 % (and 1 left out)\n",
            "# \"a\" is served by 2 deployments, and 1 of them cannot be called from here. This\n",
            "# one has 10 % of the requests: name another endpoint where it fits better.\n",
        ] {
            assert!(text.contains(said), "{said}\nis not in\n{text}");
        }
        assert!(!text.contains("This endpoint serves"), "{text}");
    }

    #[test]
    fn prices_that_differ_are_noted_above_the_endpoint() {
        let priced = |usd: &str| {
            format!(
                "- {{model_name: a, litellm_params: {{model: openai/x, input_cost_per_token: \
                 {usd}, output_cost_per_token: 0}}}}\n"
            )
        };
        let file = format!("model_list:\n{}{}", priced("1e-06"), priced("2e-06"));
        let proxy = proxy::read(&file, "config.yaml", &|_| None, &[]).expect("it reads");
        let text = starter(&proxy, "config.yaml", None).expect("it is made").text();
        let said = "# Note that its entries state different prices; the highest is used.";
        assert!(text.contains(said) && text.contains("input = \"2\""), "{text}");
        check_loads(&text);
    }

    #[test]
    fn the_alias_that_serves_is_chosen() {
        let text = made(Some("thinker")).expect("it is made");
        assert_eq!(check_loads(&text).0.today.as_deref(), Some("openai/o3-mini@openai#thinker"));
        assert!(
            text.contains("This endpoint serves the alias \"thinker\" of config.yaml."),
            "{text}"
        );
        assert!(made(Some("gpt-4")).is_ok(), "another name");
        assert!(made(Some("gpt-40")).expect_err("no").contains("has no alias \"gpt-40\"; nearest"));
        assert!(
            made(Some("cl\naude")).expect_err("no").contains("can be called from here: bedrock")
        );
    }
}
