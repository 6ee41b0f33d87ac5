//! LiteLLM's providers by prefix (`azure/…`, `hosted_vllm/…`): address, dialect and the variable of
//! the key, or the reason why they cannot be called from here.

use crate::catalog::Dialect;

/// A provider of LiteLLM's that can be called from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefix {
    /// As it stands before a model's name.
    pub(super) litellm: &'static str,
    /// Our name of it.
    pub(super) name: &'static str,
    pub(super) dialect: Dialect,
    /// Where it is; empty: where `api_base` says.
    pub(super) base_url: &'static str,
    /// What an `api_base` lacks here, for LiteLLM adds it.
    below: &'static str,
    /// The variable of its key; empty: it needs none.
    pub(super) key: &'static str,
}

const fn chat(
    litellm: &'static str,
    name: &'static str,
    base_url: &'static str,
    key: &'static str,
) -> Prefix {
    Prefix { litellm, name, dialect: Dialect::OpenaiChat, base_url, below: "", key }
}

/// Addresses and variables as docs.litellm.ai has them for each provider.
const KNOWN: [Prefix; 29] = [
    chat("openai", "openai", "https://api.openai.com/v1", "OPENAI_API_KEY"),
    Prefix {
        dialect: Dialect::Anthropic,
        below: "/v1",
        ..chat("anthropic", "anthropic", "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY")
    },
    Prefix {
        dialect: Dialect::Gemini,
        below: "/v1beta",
        ..chat(
            "gemini",
            "google",
            "https://generativelanguage.googleapis.com/v1beta",
            "GEMINI_API_KEY",
        )
    },
    // The form of address that takes a deployment's name as the model, and no api-version.
    Prefix { below: "/openai/v1", ..chat("azure", "azure", "", "AZURE_API_KEY") },
    Prefix { below: "/openai/v1", ..chat("azure_ai", "azure", "", "AZURE_AI_API_KEY") },
    chat("openrouter", "openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    chat("groq", "groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY"),
    chat("mistral", "mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    chat("codestral", "mistral", "https://codestral.mistral.ai/v1", "CODESTRAL_API_KEY"),
    chat("deepseek", "deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    chat("together_ai", "together", "https://api.together.xyz/v1", "TOGETHERAI_API_KEY"),
    chat(
        "fireworks_ai",
        "fireworks",
        "https://api.fireworks.ai/inference/v1",
        "FIREWORKS_AI_API_KEY",
    ),
    chat("xai", "xai", "https://api.x.ai/v1", "XAI_API_KEY"),
    chat("perplexity", "perplexity", "https://api.perplexity.ai", "PERPLEXITYAI_API_KEY"),
    chat("cerebras", "cerebras", "https://api.cerebras.ai/v1", "CEREBRAS_API_KEY"),
    chat("deepinfra", "deepinfra", "https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
    chat("nvidia_nim", "nvidia", "https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY"),
    chat("sambanova", "sambanova", "https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY"),
    chat("moonshot", "moonshot", "https://api.moonshot.ai/v1", "MOONSHOT_API_KEY"),
    chat("hyperbolic", "hyperbolic", "https://api.hyperbolic.xyz/v1", "HYPERBOLIC_API_KEY"),
    chat("hosted_vllm", "vllm", "", ""),
    chat("vllm", "vllm", "", ""),
    chat("openai_like", "server", "", ""),
    chat("custom_openai", "server", "", ""),
    chat("lm_studio", "lmstudio", "", ""),
    chat("llamafile", "llamafile", "http://127.0.0.1:8080/v1", ""),
    chat("litellm_proxy", "litellm", "", "LITELLM_PROXY_API_KEY"),
    Prefix { below: "/v1", ..chat("ollama", "ollama", "http://localhost:11434/v1", "") },
    Prefix { below: "/v1", ..chat("ollama_chat", "ollama", "http://localhost:11434/v1", "") },
];

/// Providers that are known and not called from here.
const NOT_CALLED: [(&str, &str); 12] = [
    ("bedrock", AWS),
    ("bedrock_converse", AWS),
    ("sagemaker", AWS),
    ("sagemaker_chat", AWS),
    ("vertex_ai", GOOGLE),
    ("vertex_ai_beta", GOOGLE),
    ("cohere", OTHER),
    ("cohere_chat", OTHER),
    ("replicate", OTHER),
    ("huggingface", OTHER),
    ("watsonx", OTHER),
    ("databricks", "is at an address that each customer has for himself"),
];
const AWS: &str = "wants every request signed by AWS's rules, which is not done here";
const GOOGLE: &str = "takes tokens of Google Cloud that last an hour, which are not renewed here";
const OTHER: &str = "speaks a dialect of its own";

/// How the names of a provider's models begin, where LiteLLM needs no prefix.
const BARE: [(&str, &str); 6] = [
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4-", "openai"),
    ("claude-", "anthropic"),
];

/// Takes `prefix/model` apart. `provider` is `custom_llm_provider`, which goes before the prefix.
pub(super) fn split<'a>(
    model: &'a str,
    provider: Option<&str>,
) -> Result<(Prefix, &'a str), String> {
    let known = |name: &str| KNOWN.into_iter().find(|known| known.litellm == name);
    if let Some(provider) = provider {
        let prefix = known(provider).ok_or_else(|| why_not(provider))?;
        return Ok((prefix, model.strip_prefix(&format!("{provider}/")).unwrap_or(model)));
    }
    if let Some((first, rest)) = model.split_once('/') {
        return known(first).map(|prefix| (prefix, rest)).ok_or_else(|| why_not(first));
    }
    let bare = BARE.iter().find(|(begins, _)| model.starts_with(begins));
    bare.and_then(|(_, name)| known(name)).map(|prefix| (prefix, model)).ok_or_else(|| {
        format!("{model:?} has no provider before its name, and its name tells none")
    })
}

fn why_not(prefix: &str) -> String {
    match NOT_CALLED.iter().find(|(name, _)| *name == prefix) {
        Some((_, why)) => format!("{prefix} {why}"),
        None => format!("the provider {prefix:?} is not known here"),
    }
}

impl Prefix {
    /// The base URL for an `api_base`; `Err`: why there is none.
    pub(super) fn base_url(&self, api_base: Option<&str>) -> Result<String, String> {
        let Some(given) = api_base else {
            return match self.base_url {
                "" => Err(format!("{} is where its api_base says, and it has none", self.litellm)),
                known => Ok(known.to_owned()),
            };
        };
        let mut base = given.trim().trim_end_matches('/');
        for operation in ["/chat/completions", "/responses", "/messages"] {
            base = base.strip_suffix(operation).unwrap_or(base);
        }
        if self.name == "azure" {
            base = base.split("/openai").next().unwrap_or(base);
            base = base.strip_suffix("/models").unwrap_or(base);
        }
        let below = if base.ends_with(self.below) { "" } else { self.below };
        Ok(format!("{base}{below}"))
    }

    /// Whether this is its own address: a price list says what is charged there, and there alone.
    /// Azure charges the same at every customer's.
    pub(super) fn is_listed(&self, base_url: &str) -> bool {
        base_url == self.base_url || self.name == "azure"
    }

    /// A name for it at an address that is not its own: `azure-my-europe`.
    pub(super) fn name_at(&self, base_url: &str) -> String {
        if base_url == self.base_url {
            return self.name.to_owned();
        }
        let host = base_url.split("://").nth(1).unwrap_or(base_url).split('/').next().unwrap_or("");
        // Credentials have no place in a name.
        let host = host.rsplit('@').next().unwrap_or(host);
        let mut short = host;
        for known in [".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com"]
        {
            short = short.strip_suffix(known).unwrap_or(short);
        }
        let name = slug(short);
        if name.is_empty() { self.name.to_owned() } else { format!("{}-{name}", self.name) }
    }
}

/// Letters, digits and dashes of a text, in lower case.
pub(super) fn slug(text: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let dashed: String = text.chars().map(letter).collect();
    let parts: Vec<&str> = dashed.split('-').filter(|part| !part.is_empty()).collect();
    parts.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(model: &str, api_base: Option<&str>, expected: Result<(&str, &str, &str), &str>) {
        let found = split(model, None).and_then(|(prefix, upstream)| {
            let base = prefix.base_url(api_base)?;
            Ok((prefix.name_at(&base), upstream, base))
        });
        let found =
            found.as_ref().map(|(name, upstream, base)| (name.as_str(), *upstream, base.as_str()));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            (found, expected) => panic!("{model}: {found:?} is not {expected:?}"),
        }
    }

    #[test]
    fn models_are_taken_apart_and_addresses_made_whole() {
        check("gpt-4o", None, Ok(("openai", "gpt-4o", "https://api.openai.com/v1")));
        check(
            "openrouter/anthropic/claude-x",
            None,
            Ok(("openrouter", "anthropic/claude-x", "https://openrouter.ai/api/v1")),
        );
        check(
            "azure/gpt-4o-eu",
            Some("https://my-europe.openai.azure.com/"),
            Ok(("azure-my-europe", "gpt-4o-eu", "https://my-europe.openai.azure.com/openai/v1")),
        );
        check(
            "azure/x",
            Some("https://r.openai.azure.com/openai/deployments/x"),
            Ok(("azure-r", "x", "https://r.openai.azure.com/openai/v1")),
        );
        check(
            "anthropic/claude-x",
            Some("https://api.anthropic.com"),
            Ok(("anthropic", "claude-x", "https://api.anthropic.com/v1")),
        );
        check(
            "hosted_vllm/meta/llama",
            Some("http://10.0.0.7:8000/v1/chat/completions"),
            Ok(("vllm-10-0-0-7-8000", "meta/llama", "http://10.0.0.7:8000/v1")),
        );
        check("ollama/llama3", None, Ok(("ollama", "llama3", "http://localhost:11434/v1")));
        check("ollama/m", Some("http://box:1"), Ok(("ollama-box-1", "m", "http://box:1/v1")));
        check("hosted_vllm/m", None, Err("where its api_base says"));
        check("bedrock/anthropic.claude-v2", None, Err("signed by AWS's rules"));
        check("vertex_ai/gemini-pro", None, Err("Google Cloud"));
        check("brand_new/m", None, Err("\"brand_new\" is not known"));
        check("mystery", None, Err("no provider before its name"));
    }

    #[test]
    fn prefixes_are_unique() {
        for (i, a) in KNOWN.iter().enumerate() {
            assert!(KNOWN[i + 1..].iter().all(|b| a.litellm != b.litellm), "{}", a.litellm);
            assert!(NOT_CALLED.iter().all(|(name, _)| a.litellm != *name), "{}", a.litellm);
        }
    }
}
