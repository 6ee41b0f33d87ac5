//! Where a provider listens: what a base URL may be.

/// Why a base URL cannot be called. It is never repeated whole, for it may hold a password.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}; {remedy}")]
pub struct BadBaseUrl {
    /// What is wrong with it.
    pub why: String,
    /// What to write.
    pub remedy: String,
}

/// What is added to a base URL, and what older APIs had there. Gemini's stand behind a model.
const OPERATIONS: [&str; 4] = ["/chat/completions", "/completions", "/responses", "/messages"];

/// Checks a base URL and trims its trailing slashes.
///
/// # Errors
/// Without a scheme or with another than http and https, with credentials, with an operation at its
/// end, with a query or a fragment, or no URL at all.
pub fn check(text: &str) -> Result<String, BadBaseUrl> {
    const EXAMPLE: &str = "write for example \"https://api.example.com/v1\"";
    let bad = |why: &str, remedy: &str| {
        Err(BadBaseUrl { why: why.to_owned(), remedy: remedy.to_owned() })
    };
    let url = text.trim().trim_end_matches('/');
    let Some((scheme, rest)) = url.split_once("://") else {
        return bad("has no scheme", EXAMPLE);
    };
    if !["http", "https"].contains(&scheme) {
        return bad("has a scheme other than http and https", EXAMPLE);
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') || rest.split(['/', '?', '#']).skip(1).any(is_key) {
        return bad(
            "holds credentials",
            "take them out, and name the variable that holds the key as api_key_env",
        );
    }
    let path = url.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
    if let Some((base, operation)) = without_operation(path) {
        return bad(
            &format!("ends in {operation}, which is added to it"),
            &format!("drop it: base_url = {base:?}"),
        );
    }
    if url.contains(['?', '#']) {
        return bad("holds a query or a fragment", "end it before the first ? or #");
    }
    let has_host = !authority.is_empty() && !authority.starts_with(':');
    if !has_host || url.parse::<http::Uri>().is_err() {
        return bad("is not a URL", EXAMPLE);
    }
    Ok(url.to_owned())
}

/// Whether a part of a path is a key, as those that issue them begin theirs.
fn is_key(part: &str) -> bool {
    const BEGINNINGS: [&str; 8] = ["sk-", "sk_", "key-", "gsk_", "xai-", "hf_", "AIza", "pplx-"];
    part.len() >= 16 && BEGINNINGS.iter().any(|beginning| part.starts_with(beginning))
}

/// A URL without the operation at its end, and that operation.
fn without_operation(url: &str) -> Option<(&str, &str)> {
    // Gemini's operations stand behind a model: …/models/gemini-2.5-pro:streamGenerateContent.
    let gemini = url.rfind("/models/").filter(|at| {
        let operation = url[*at..].rsplit_once(':').map(|(_, operation)| operation);
        operation.is_some_and(|word| word.ends_with("enerateContent"))
    });
    if let Some(at) = gemini {
        return Some(url.split_at(at));
    }
    OPERATIONS.iter().find_map(|operation| Some((url.strip_suffix(operation)?, *operation)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_end_before_the_operation() {
        let check = |url: &str, expected: Result<&str, &str>| {
            let found = super::check(url).map_err(|error| error.to_string());
            assert_eq!(found, expected.map(str::to_owned).map_err(str::to_owned), "{url}");
        };
        check(" https://api.example.com/v1/ ", Ok("https://api.example.com/v1"));
        check("http://[::1]:8000/v1", Ok("http://[::1]:8000/v1"));
        // A name that only resembles an operation stays.
        check("https://example.com/my-responses", Ok("https://example.com/my-responses"));
        check("https://example.com/messages/v1", Ok("https://example.com/messages/v1"));
        let key = "holds credentials; take them out, and name the variable that holds the key as \
                   api_key_env";
        check("https://example.com/sk-proj-0123456789abcdef/v1", Err(key));
        check("https://example.com/sk-1/v1", Ok("https://example.com/sk-1/v1"));
        for operation in OPERATIONS {
            let expected = format!(
                "ends in {operation}, which is added to it; drop it: base_url = \
                 \"https://example.com/v1\""
            );
            check(&format!("https://example.com/v1{operation}"), Err(&expected));
            check(&format!("https://example.com/v1{operation}/?key=sk-1"), Err(&expected));
        }
        for operation in ["generateContent", "streamGenerateContent"] {
            let behind = format!("/models/gemini-2.5-pro:{operation}");
            check(
                &format!("https://g.example/v1beta{behind}?alt=sse"),
                Err(&format!(
                    "ends in {behind}, which is added to it; drop it: base_url = \
                     \"https://g.example/v1beta\""
                )),
            );
        }
        let example = "write for example \"https://api.example.com/v1\"";
        check("localhost:8000/v1", Err(&format!("has no scheme; {example}")));
        check("api.example.com/v1", Err(&format!("has no scheme; {example}")));
        check("ftp://x/v1", Err(&format!("has a scheme other than http and https; {example}")));
        check("https:///v1", Err(&format!("is not a URL; {example}")));
        // Azure's own path for the models of others.
        check(
            "https://me.services.ai.azure.com/models",
            Ok("https://me.services.ai.azure.com/models"),
        );
        check(
            "https://x/v1?a=b",
            Err("holds a query or a fragment; end it before the first ? or #"),
        );
        let told = super::check("https://me:pa55@x/v1/responses").expect_err("credentials");
        assert!(told.why == "holds credentials" && !told.to_string().contains("pa55"), "{told}");
        let told = super::check("https://me:pa55@x?a").expect_err("credentials");
        assert!(told.why == "holds credentials", "{told}");
    }
}
