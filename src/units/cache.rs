//! What a provider's prompt cache is to find of a request, and the nonce that makes it find nothing.

use bytes::{Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use super::ContentHash;

/// What providers' prompt caches are to find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CacheMode {
    /// Whatever they do: nothing is done for or against them, and what they read is counted.
    #[default]
    AsIs,
    /// Nothing: each request begins with a nonce of its own.
    Cold,
    /// The whole prompt: it is sent once before the request that counts.
    Warm,
}

impl CacheMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::AsIs, Self::Cold, Self::Warm];

    /// The name in files and flags.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AsIs => "as-is",
            Self::Cold => "cold",
            Self::Warm => "warm",
        }
    }

    /// The mode of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// Its part of a hash of what is asked; `None`: as it is.
    #[must_use]
    pub fn as_part(self) -> Option<&'static str> {
        (self != Self::AsIs).then_some(self.name())
    }

    /// Whether it is the usual one; serde leaves it out then.
    #[must_use]
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    pub fn is_as_is(&self) -> bool {
        *self == Self::AsIs
    }
}

/// What stands around the digits of a nonce: neutral to a model, and about twenty tokens with them.
const AROUND: [&str; 2] = ["[request ", "]\n"];
/// The digits of a nonce: so many that no two requests of anybody's share them.
const DIGITS: usize = 32;

/// Hexadecimal digits for a nonce that no text which `of` was made from can hold.
#[must_use]
pub fn nonce_digits(of: &ContentHash) -> String {
    of.hex()[..DIGITS].to_owned()
}

/// A text that begins with a nonce.
#[must_use]
pub fn with_nonce(digits: &str, text: &str) -> String {
    let [before, after] = AROUND;
    format!("{before}{digits}{after}{text}")
}

/// A text without the nonce that it begins with; `None`: it begins with none.
#[must_use]
pub fn without_nonce(text: &str) -> Option<&str> {
    let rest = text.strip_prefix(AROUND[0])?;
    let (digits, rest) = rest.split_at_checked(DIGITS)?;
    let is_hex = digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    rest.strip_prefix(AROUND[1]).filter(|_| is_hex)
}

/// A rendered request, and where in it the digits of its nonce stand; `None`: it has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The bytes.
    pub bytes: Bytes,
    nonce_at: Option<usize>,
}

impl Body {
    /// A body as it is.
    #[must_use]
    pub const fn plain(bytes: Bytes) -> Self {
        Self { bytes, nonce_at: None }
    }

    /// A body in which these digits are those of its nonce.
    #[must_use]
    pub fn with_nonce(bytes: Bytes, digits: &str) -> Self {
        let nonce_at = bytes.windows(DIGITS).position(|window| window == digits.as_bytes());
        Self { bytes, nonce_at }
    }

    /// The bytes of one request, whose key no other request has: its nonce is made from it.
    #[must_use]
    pub fn of_request(&self, key: &str) -> Bytes {
        let Some(at) = self.nonce_at else { return self.bytes.clone() };
        let mut bytes = BytesMut::from(&self.bytes[..]);
        let digits = nonce_digits(&ContentHash::of(key.as_bytes()));
        bytes[at..at + DIGITS].copy_from_slice(digits.as_bytes());
        bytes.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_put_first_and_taken_off() {
        let digits = nonce_digits(&ContentHash::of(b"x"));
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(without_nonce(text), expected, "{text}");
        };
        check(&with_nonce(&digits, "hi"), Some("hi"));
        check(&with_nonce(&digits, ""), Some(""));
        check("hi", None);
        check(&with_nonce(&digits.to_uppercase(), "hi"), None);
        check(&with_nonce("12", "hi"), None);
        check("[request ééééééééééééééééééé]\n", None);
        check(&with_nonce(&"é".repeat(16), "hi"), None);
    }

    #[test]
    fn each_request_has_bytes_of_its_own() {
        let digits = nonce_digits(&ContentHash::of(b"prompt"));
        let text = with_nonce(&digits, "prompt");
        let body = Body::with_nonce(Bytes::from(text.clone()), &digits);
        let (one, two) = (body.of_request("1"), body.of_request("2"));
        assert!(one != two && one != text.as_bytes() && one == body.of_request("1"));
        let read = std::str::from_utf8(&one).expect("hexadecimal digits");
        assert_eq!(without_nonce(read), Some("prompt"));
        let plain = Body::plain(Bytes::from(text));
        assert_eq!(plain.of_request("1"), plain.bytes);
    }

    #[test]
    fn modes_have_names() {
        for mode in CacheMode::ALL {
            assert_eq!(CacheMode::from_name(mode.name()), Some(mode));
        }
        assert_eq!((CacheMode::from_name("hot"), CacheMode::AsIs.as_part()), (None, None));
    }
}
