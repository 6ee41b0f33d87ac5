//! What an error means by its message alone: providers say that there is no credit, or that a key is
//! wrong, under statuses and codes that say other things too.

use super::error::ErrorClass;

/// No credit, no quota that was paid for, a spending limit. Not "exceeded your current quota", which
/// Gemini says of a limit per minute too.
const PAYMENT: &[&str] = &[
    "credit balance is too low",
    "insufficient balance",
    "insufficient_balance",
    "insufficient credit",
    "insufficient_credit",
    "insufficient fund",
    "insufficient_quota",
    "insufficient quota",
    "exceeded_current_quota",
    "not enough credit",
    "out of credit",
    "no credits",
    "requires more credits",
    "used all available credits",
    "credit limit exceeded",
    "credits are depleted",
    "billing_not_active",
    "check your billing",
    "billing hard limit",
    "billing_hard_limit",
    "billing to be enabled",
    "billing_disabled",
    "monthly spending limit",
    "api usage limits",
    "budget has been exceeded",
    "budget_exceeded",
    "key limit exceeded",
    "any credits",
    "purchase credits",
    "is suspended, please check your plan",
    "in arrears",
    "past due",
    "unpaid invoice",
    "recharge",
    "top up your",
    "add funds",
    "payment method",
    "out of funds",
    "arrearage",
    "overdue",
    "in good standing",
    "payment required",
    "余额不足",
    "欠费",
];

/// A key that is wrong, gone or absent.
const AUTH: &[&str] = &[
    "incorrect api key",
    "invalid api key",
    "invalid_api_key",
    "invalid x-api-key",
    "api key not valid",
    "api_key_invalid",
    "api key expired",
    "api_key_expired",
    "api key has expired",
    "api key has been",
    "api key is invalid",
    "api key is missing",
    "missing api key",
    "provide an api key",
    "no auth credentials",
    "login fail",
    "api secret key",
    "invalid api token",
    "invalid proxy server token",
    "account_deactivated",
    "organization has been disabled",
];

/// A prompt that a filter stopped: about the request, not about the key.
const FILTER: &[&str] = &["flagged", "moderation", "content policy", "content_policy"];

/// The longest message that is searched: a longer one quotes something.
const MAX_SEARCHED: usize = 2_000;

/// What the message of a refusal means, whatever its status; `None`: what the status says.
pub(super) fn class_of(status: u16, message: &str) -> Option<ErrorClass> {
    if !(400..=499).contains(&status) || status == 404 || message.len() > MAX_SEARCHED {
        return None;
    }
    let message = message.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if says(PAYMENT) {
        Some(ErrorClass::Payment)
    } else if says(AUTH) {
        Some(ErrorClass::Auth)
    } else if status == 403 && says(FILTER) {
        Some(ErrorClass::BadRequest)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_tell_what_a_status_does_not() {
        let check = |status, message: &str, expected| {
            assert_eq!(class_of(status, message), expected, "{status} {message}");
        };
        let (payment, auth) = (Some(ErrorClass::Payment), Some(ErrorClass::Auth));
        check(400, "Your credit balance is too low to access the Anthropic API.", payment);
        check(403, "Key limit exceeded (total limit). Manage it in the settings", payment);
        check(429, "Insufficient balance or no resource package. Please recharge.", payment);
        check(
            412,
            "Account x is suspended, possibly due to reaching the monthly spending limit",
            payment,
        );
        check(
            400,
            "ExceededBudget: Budget has been exceeded! Current cost: 11, Max budget: 10",
            payment,
        );
        check(400, "API key not valid. Please pass a valid API key.", auth);
        check(400, "This organization has been disabled.", auth);
        check(403, "Key limit exceeded (monthly limit)", payment);
        check(429, "Your account is in arrears, please recharge", payment);
        check(400, "login fail: Please carry the API secret key in the header", auth);
        check(403, "Your input was flagged by moderation", Some(ErrorClass::BadRequest));
        check(429, "You exceeded your current quota. Please retry in 4.5s.", None);
        check(400, "'max_tokens' is too large", None);
        check(502, "insufficient balance", None);
    }
}
