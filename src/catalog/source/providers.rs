//! Addresses, keys and dialects of the providers in price lists: Anthropic and Google have their own
//! dialects, the others take OpenAI's chat completions. Addresses that depend on the customer come
//! from `[[provider]]` in weighbridge.toml.

use std::collections::BTreeMap;

use crate::catalog::{Dialect, HttpVersion, Provider};

/// A provider of the price lists.
struct KnownProvider {
    /// Its name here.
    name: &'static str,
    /// Its names in LiteLLM's list.
    litellm: &'static [&'static str],
    /// The author of models that it lists without one; empty: unknown.
    author: &'static str,
    base_url: &'static str,
    key: &'static str,
}

const KNOWN: [KnownProvider; 12] = [
    KnownProvider {
        name: "openrouter",
        litellm: &["openrouter"],
        author: "",
        base_url: "https://openrouter.ai/api/v1",
        key: "OPENROUTER_API_KEY",
    },
    KnownProvider {
        name: "openai",
        litellm: &["openai"],
        author: "openai",
        base_url: "https://api.openai.com/v1",
        key: "OPENAI_API_KEY",
    },
    KnownProvider {
        name: "anthropic",
        litellm: &["anthropic"],
        author: "anthropic",
        base_url: "https://api.anthropic.com/v1",
        key: "ANTHROPIC_API_KEY",
    },
    KnownProvider {
        name: "google",
        litellm: &["gemini"],
        author: "google",
        base_url: "https://generativelanguage.googleapis.com/v1beta",
        key: "GEMINI_API_KEY",
    },
    KnownProvider {
        name: "mistral",
        litellm: &["mistral"],
        author: "mistralai",
        base_url: "https://api.mistral.ai/v1",
        key: "MISTRAL_API_KEY",
    },
    KnownProvider {
        name: "deepseek",
        litellm: &["deepseek"],
        author: "deepseek",
        base_url: "https://api.deepseek.com/v1",
        key: "DEEPSEEK_API_KEY",
    },
    KnownProvider {
        name: "groq",
        litellm: &["groq"],
        author: "",
        base_url: "https://api.groq.com/openai/v1",
        key: "GROQ_API_KEY",
    },
    KnownProvider {
        name: "together",
        litellm: &["together_ai"],
        author: "",
        base_url: "https://api.together.xyz/v1",
        key: "TOGETHER_API_KEY",
    },
    KnownProvider {
        name: "xai",
        litellm: &["xai"],
        author: "x-ai",
        base_url: "https://api.x.ai/v1",
        key: "XAI_API_KEY",
    },
    KnownProvider {
        name: "fireworks",
        litellm: &["fireworks_ai"],
        author: "",
        base_url: "https://api.fireworks.ai/inference/v1",
        key: "FIREWORKS_API_KEY",
    },
    KnownProvider {
        name: "azure",
        litellm: &["azure", "azure_ai"],
        author: "",
        base_url: "",
        key: "AZURE_OPENAI_API_KEY",
    },
    KnownProvider { name: "vertex", litellm: &["vertex_ai"], author: "", base_url: "", key: "" },
];

/// A provider by its name here; one that is not known has neither address nor key.
pub(super) fn named(name: &str) -> Provider {
    // `openrouter/deepinfra` is OpenRouter, pinned to one of those it routes to.
    let own = name.split('/').next().unwrap_or(name);
    let known = KNOWN.iter().find(|known| known.name == own);
    let text = |text: &'static str| (!text.is_empty()).then(|| text.to_owned());
    Provider {
        name: name.to_owned(),
        dialect: match own {
            "anthropic" => Dialect::Anthropic,
            "google" => Dialect::Gemini,
            _ => Dialect::OpenaiChat,
        },
        base_url: known.map_or_else(String::new, |known| known.base_url.to_owned()),
        api_key_env: known.and_then(|known| text(known.key)),
        api_key_cmd: None,
        http: HttpVersion::default(),
        headers: BTreeMap::new(),
        ca_file: None,
        router: None,
        data_policy: crate::catalog::DataPolicy::default(),
        concurrency: None,
    }
}

/// The providers that have one address for all customers: name, variable of the key, address.
pub(super) fn public() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let public = KNOWN.iter().filter(|known| !known.base_url.is_empty() && !known.key.is_empty());
    public.map(|known| (known.name, known.key, known.base_url))
}

/// Maps a provider's name in models.dev to ours.
pub(super) fn of_models_dev(provider: &str) -> &str {
    match provider {
        "togetherai" => "together",
        "fireworks-ai" => "fireworks",
        same => same,
    }
}

/// Every provider that is known.
pub(super) fn all() -> impl Iterator<Item = Provider> {
    KNOWN.iter().map(|known| named(known.name))
}

/// Maps a provider's name in LiteLLM to ours.
pub(super) fn of_litellm(provider: &str) -> String {
    let known = KNOWN.iter().find(|known| known.litellm.contains(&provider));
    known.map_or_else(|| provider.to_owned(), |known| known.name.to_owned())
}

/// `author/name` of a model that a provider calls so.
pub(super) fn model_at(provider: &str, upstream: &str) -> String {
    if upstream.contains('/') {
        return upstream.to_owned();
    }
    let author = KNOWN.iter().find(|known| known.name == provider).map_or("", |known| known.author);
    let author = if author.is_empty() { provider } else { author };
    format!("{author}/{upstream}")
}
