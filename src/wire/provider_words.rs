//! What a provider says in an error, whatever its form.
//!
//! OpenAI names an error by `code` and `type`, Anthropic by `type`, Gemini by a numeric `code` and a
//! `status`; routers keep the words of the provider behind them in `metadata.raw`; `FastAPI`
//! has `detail`, and others `errors`, `msg` or a bare object. One reader takes them all.

use serde_json::{Map, Value};

use super::error::ErrorClass;
use super::json_repair::repaired;

/// How deep errors may be in errors.
const MAX_DEPTH: u32 = 5;

/// The keys of a message, the plainest first.
const MESSAGES: [&str; 12] = [
    "message",
    "msg",
    "error_msg",
    "error_message",
    "errorMessage",
    "status_msg",
    "Message",
    "detail",
    "error_description",
    "description",
    "title",
    "reason",
];

/// The keys of a code, the most specific first.
const CODES: [&str; 9] = [
    "code",
    "status",
    "type",
    "error_code",
    "errorCode",
    "status_code",
    "statusCode",
    "error_type",
    "__type",
];

/// The error in a body: an object, a text or a list. `None`: the body is no JSON.
pub(super) fn error_in(body: &[u8]) -> Option<Value> {
    let read = serde_json::from_slice(body).or_else(|_| serde_json::from_str(&repaired(body)));
    let said = match read.ok()? {
        // Gemini sends a list for a stream without server-sent events.
        Value::Array(list) => list.into_iter().next()?,
        one => one,
    };
    let of_choice = said.pointer("/choices/0/error").filter(|error| !is_nothing(error));
    let inner = of_choice.or_else(|| {
        let keys = ["error", "errors", "base_resp"];
        keys.iter().find_map(|key| said.get(*key)).filter(|error| !is_nothing(error))
    });
    Some(inner.cloned().unwrap_or(said))
}

/// The error that an object is, which has nothing of an answer: what servers send as a success, or
/// as an event of a stream. `None`: it is none.
pub(super) fn bare_error(data: &[u8]) -> Option<Value> {
    let said: Value = serde_json::from_slice(data).ok()?;
    let map = said.as_object()?;
    let base = map.get("base_resp").filter(|base| base["status_code"].as_i64().unwrap_or(0) != 0);
    if let Some(base) = base {
        return Some(base.clone());
    }
    let is_said = |key: &&str| map.get(*key).is_some_and(|value| !is_nothing(value));
    if let Some(key) = ["detail", "errors"].into_iter().find(is_said) {
        return map.get(key).cloned();
    }
    let is_coded = CODES.iter().any(|key| map.get(*key).is_some_and(|code| fails(key, code)));
    let is_named = map.get("object").and_then(Value::as_str) == Some("error");
    let has_message = MESSAGES.iter().any(|key| map.get(*key).is_some_and(Value::is_string));
    let is_lone = has_message && map.len() == 1;
    (has_message && (is_coded || is_named) || is_lone).then_some(said)
}

/// Whether a code is one of a failure. Events of any kind have a type, and some a status.
fn fails(key: &str, code: &Value) -> bool {
    match code {
        Value::Number(n) if key == "code" => !matches!(n.as_i64(), Some(0 | 200)),
        Value::Number(n) => n.as_u64().is_some_and(|n| (400..=599).contains(&n)),
        Value::String(text) if key == "code" => !matches!(&**text, "" | "0" | "200"),
        Value::String(text) => {
            let lower = text.to_ascii_lowercase();
            let words = ["error", "exception", "fail"];
            words.iter().any(|word| lower.contains(word)) || status_of_word(text).is_some()
        }
        _ => false,
    }
}

/// Whether a value says that there is no error.
pub(super) fn is_nothing(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(n) => n.as_f64() == Some(0.0),
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

/// The words of an error.
pub(super) fn message_of(error: &Value) -> String {
    words(error, 0).unwrap_or_else(|| error.to_string())
}

fn words(error: &Value, depth: u32) -> Option<String> {
    if depth > MAX_DEPTH || is_nothing(error) {
        return None;
    }
    match error {
        Value::String(text) => {
            // Proxies put the error behind them into a text.
            let inner = text.trim_start().starts_with(['{', '[']);
            let inner = inner.then(|| serde_json::from_str::<Value>(text).ok()).flatten();
            Some(inner.and_then(|inner| words(&inner, depth + 1)).unwrap_or_else(|| text.clone()))
        }
        Value::Array(list) => {
            let all: Vec<String> =
                list.iter().take(3).filter_map(|item| words(item, depth + 1)).collect();
            (!all.is_empty()).then(|| all.join("; "))
        }
        Value::Object(map) => of_object(map, depth),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn of_object(map: &Map<String, Value>, depth: u32) -> Option<String> {
    let said = |key: &str| map.get(key).and_then(|value| words(value, depth + 1));
    let own = MESSAGES.iter().find_map(|key| said(key));
    let own = own.or_else(|| said("error")).or_else(|| said("errors"));
    // FastAPI says where.
    let own = own.map(|own| match map.get("loc").and_then(Value::as_array) {
        Some(loc) => {
            let path: Vec<String> = loc.iter().map(Value::to_string).collect();
            format!("{}: {own}", path.join(".").replace('"', ""))
        }
        None => own,
    });
    let metadata = map.get("metadata");
    let raw = metadata.and_then(|metadata| metadata.get("raw"));
    let raw = raw.and_then(|raw| words(raw, depth + 1));
    let by = metadata.and_then(|metadata| metadata["provider_name"].as_str());
    let text = match (own, raw) {
        (Some(own), Some(raw)) if !own.contains(&raw) => format!("{own}: {raw}"),
        (Some(own), _) => own,
        (None, raw) => raw?,
    };
    Some(match by.filter(|by| !text.contains(by)) {
        Some(by) => format!("{text} ({by})"),
        None => text,
    })
}

/// The words of a body that is no JSON: of a page, its title.
pub(super) fn text_of(body: &[u8], most: usize) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(most)]);
    let title = text.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    let title = title.map(|(title, _)| title.trim()).filter(|title| !title.is_empty());
    title.map_or_else(|| text.trim().to_owned(), str::to_owned)
}

/// The codes of an error, those of the errors in it after its own.
fn codes(error: &Value) -> Vec<&Value> {
    let mut all = Vec::new();
    let Some(map) = error.as_object() else { return all };
    all.extend(CODES.iter().filter_map(|key| map.get(*key)));
    let inner = ["innererror", "error", "metadata"].iter().filter_map(|key| map.get(*key));
    all.extend(inner.flat_map(codes));
    let details = map.get("details").and_then(Value::as_array).into_iter().flatten();
    all.extend(details.filter_map(|detail| detail.get("reason")));
    all
}

/// The class that an error's codes stand for; `None`: they say nothing.
pub(super) fn class_of_codes(error: &Value) -> Option<ErrorClass> {
    let codes = codes(error);
    if codes.iter().any(|code| code.as_str() == Some("API_KEY_INVALID")) {
        return Some(ErrorClass::Auth);
    }
    let status = codes.into_iter().find_map(|code| {
        match code {
            Value::Number(n) => n.as_u64().and_then(|n| u16::try_from(n).ok()),
            Value::String(text) => text.parse().ok().or_else(|| status_of_word(text)),
            _ => None,
        }
        .filter(|status| (400..=599).contains(status))
    });
    status.map(ErrorClass::of_status)
}

/// The HTTP status that a provider's error code stands for: those of OpenAI, of Anthropic's published
/// error types, of Google's `google.rpc.Code`, of AWS, and of the classes of OpenAI's client, which
/// servers written in Python send.
fn status_of_word(word: &str) -> Option<u16> {
    let word: String =
        word.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    Some(match word.trim_end_matches("exception") {
        "invalidrequesterror"
        | "invalidrequest"
        | "invalidprompt"
        | "badrequesterror"
        | "badrequest"
        | "contextlengthexceeded"
        | "contextwindowexceedederror"
        | "invalidargument"
        | "failedprecondition"
        | "validation"
        | "outofrange" => 400,
        "authenticationerror" | "invalidapikey" | "unauthenticated" | "unauthorized" => 401,
        "insufficientquota"
        | "exceededcurrentquotaerror"
        | "accountsuspended"
        | "creditlimit"
        | "billingerror"
        | "insufficientbalance"
        | "arrearage" => 402,
        "permissionerror" | "permissiondenied" | "permissiondeniederror" | "accessdenied" => 403,
        "notfounderror" | "modelnotfound" | "notfound" | "resourcenotfound" => 404,
        "requesttoolarge" => 413,
        "unprocessableentityerror" => 422,
        "ratelimitexceeded" | "ratelimited" | "ratelimiterror" | "resourceexhausted"
        | "throttling" | "toomanyrequests" => 429,
        "apierror"
        | "servererror"
        | "internal"
        | "unknown"
        | "internalservererror"
        | "internalerror"
        | "internalfailure" => 500,
        "unavailable" | "serviceunavailable" | "serviceunavailableerror" | "modelnotready" => 503,
        "timeouterror" | "deadlineexceeded" => 504,
        "overloaded" | "overloadederror" | "engineoverloaded" | "insufficientsystemresource" => 529,
        _ => return None,
    })
}

/// The class that an error's words speak of, but for those of credit and keys; `None`: none that is
/// known.
pub(super) fn class_of_words(message: &str) -> Option<ErrorClass> {
    const WORDS: [(ErrorClass, &[&str]); 3] = [
        (ErrorClass::RateLimited, &["rate limit", "rate-limit", "too many requests"]),
        (ErrorClass::Overloaded, &["overloaded", "over capacity", "at capacity", "no capacity"]),
        (
            ErrorClass::BadRequest,
            &["maximum context length", "prompt is too long", "context window", "too many tokens"],
        ),
    ];
    let message = message.to_ascii_lowercase();
    let is_said = |words: &[&str]| words.iter().any(|word| message.contains(word));
    WORDS.into_iter().find(|(_, words)| is_said(words)).map(|(class, _)| class)
}

/// Whether an error says that a content filter refused the prompt or the answer: the codes of Azure,
/// OpenAI, Alibaba and Zhipu, the words of Anthropic, `DeepSeek`, Moonshot and `OpenRouter`.
pub(super) fn is_filtered(error: &Value) -> bool {
    const CODES: [&str; 9] = [
        "contentfilter",
        "contentfiltered",
        "contentpolicyviolation",
        "contentpolicyviolationerror",
        "responsibleaipolicyviolation",
        "datainspectionfailed",
        "moderationblocked",
        "prohibitedcontent",
        "1301",
    ];
    const WORDS: [&str; 9] = [
        "content management policy",
        "content filter",
        "content_filter",
        "content policy",
        "flagged as potentially violating",
        "your input was flagged",
        "inappropriate content",
        "content exists risk",
        "considered high risk",
    ];
    let word = |code: &Value| {
        let text = code.as_str().map_or_else(|| code.to_string(), str::to_owned);
        text.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
    };
    let message = message_of(error).to_ascii_lowercase();
    codes(error).into_iter().any(|code| CODES.contains(&&*word(code)))
        || error.pointer("/metadata/flagged_input").is_some()
        || WORDS.iter().any(|words| message.contains(words))
}
