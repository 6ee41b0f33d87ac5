//! A secret in seventy and more encodings, as providers, proxies and models may say it back, and the
//! search for what is left of it. Written apart from what removes it.

use std::collections::{HashMap, HashSet};

const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The secret by the name of its encoding.
pub fn encodings(secret: &str) -> Vec<(&'static str, String)> {
    let bytes = secret.as_bytes();
    let each = |write: &dyn Fn(char) -> String| secret.chars().map(write).collect::<String>();
    let between = |sign: &str| {
        let letters: Vec<String> = secret.chars().map(String::from).collect();
        letters.join(sign)
    };
    let pairs = |sign: &str| {
        let digits: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
        digits.join(sign)
    };
    let behind = |before: &str| base64(format!("{before}{secret}").as_bytes(), BASE64);
    let half = secret.len() / 2;
    let wide =
        |order: fn(u16) -> [u8; 2]| -> Vec<u8> { secret.encode_utf16().flat_map(order).collect() };
    let swapped: String = secret
        .chars()
        .map(|c| if c.is_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect();
    let backwards: String = secret.chars().rev().collect();
    let percent_all = each(&|c| format!("%{:02X}", c as u32));
    let json_all = each(&|c| format!("\\u{:04x}", c as u32));
    let html_all = each(&|c| format!("&#{};", c as u32));
    let b64 = base64(bytes, BASE64);
    vec![
        ("as it is", secret.to_owned()),
        ("bearer", format!("Bearer {secret}")),
        ("small", secret.to_lowercase()),
        ("capitals", secret.to_uppercase()),
        ("case swapped", swapped.clone()),
        ("quoted", format!("{secret:?}")),
        ("backwards", backwards.clone()),
        ("rot13", rot13(secret)),
        ("spaces between", between(" ")),
        ("hyphens between", between("-")),
        ("dots between", between(".")),
        ("commas between", between(", ")),
        ("lines between", between("\n")),
        ("zero-width spaces between", between("\u{200b}")),
        ("soft hyphens between", between("\u{ad}")),
        ("joiners between", between("\u{2060}")),
        ("quotes between", between("\",\"")),
        ("elements between", between("<wbr>")),
        ("escaped lines between", between("\\n")),
        ("cut by a line", format!("{}\n{}", &secret[..half], &secret[half..])),
        ("cut by a plus", format!("\"{}\" + \"{}\"", &secret[..half], &secret[half..])),
        ("cut by words", format!("{} // {}", &secret[..half], &secret[half..])),
        ("first half", secret[..half].to_owned()),
        ("last half", secret[half..].to_owned()),
        ("first ten", secret[..10].to_owned()),
        ("last ten", secret[secret.len() - 10..].to_owned()),
        ("masked by stars", format!("{}********{}", &secret[..8], &secret[secret.len() - 4..])),
        ("masked by dots", format!("{}...{}", &secret[..6], &secret[secret.len() - 4..])),
        ("masked by an ellipsis", format!("{}…{}", &secret[..6], &secret[secret.len() - 4..])),
        ("masked but its end", format!("************{}", &secret[secret.len() - 4..])),
        ("percent", percent_reserved(secret, false)),
        ("percent, small", percent_reserved(secret, true)),
        ("percent, every letter", percent_all.clone()),
        ("percent, twice", percent_all.replace('%', "%25")),
        ("percent u", each(&|c| format!("%u{:04X}", c as u32))),
        ("form", percent_reserved(secret, false).replace("%20", "+")),
        ("JSON, every letter", json_all.clone()),
        ("JSON, capitals", each(&|c| format!("\\u{:04X}", c as u32))),
        ("JSON, solidus", secret.replace('/', "\\/")),
        ("JSON, twice", json_all.replace('\\', "\\\\")),
        ("braces", each(&|c| format!("\\u{{{:x}}}", c as u32))),
        ("Python, long", each(&|c| format!("\\U{:08x}", c as u32))),
        ("code points", each(&|c| format!("U+{:04X} ", c as u32))),
        ("HTML, decimal", html_all.clone()),
        ("HTML, without semicolons", html_all.replace(';', "")),
        ("HTML, hexadecimal", each(&|c| format!("&#x{:X};", c as u32))),
        (
            "HTML, named",
            secret.replace('/', "&sol;").replace('+', "&plus;").replace('-', "&hyphen;"),
        ),
        ("HTML, escaped twice", html_all.replace('&', "&amp;")),
        ("quoted-printable", each(&|c| format!("={:02X}", c as u32))),
        ("quoted-printable, cut", format!("{}=\r\n{}", &secret[..half], &secret[half..])),
        ("C, hexadecimal", each(&|c| format!("\\x{:02x}", c as u32))),
        ("C, octal", each(&|c| format!("\\{:03o}", c as u32))),
        ("hexadecimal", pairs("")),
        ("hexadecimal, capitals", pairs("").to_uppercase()),
        ("hexadecimal, spaced", pairs(" ")),
        ("hexadecimal, colons", pairs(":")),
        ("hexadecimal, 0x", format!("0x{}", pairs(", 0x"))),
        ("hexadecimal, wide", wide(u16::to_le_bytes).iter().map(|b| format!("{b:02x}")).collect()),
        ("decimal", bytes.iter().map(|b| format!("{b} ")).collect()),
        ("decimal, list", format!("{bytes:?}")),
        ("octal", bytes.iter().map(|b| format!("{b:o} ")).collect()),
        ("binary", bytes.iter().map(|b| format!("{b:08b} ")).collect()),
        ("Base64", b64.clone()),
        ("Base64 of bearer", behind("Bearer ")),
        ("Base64 of a user and it", behind("me:")),
        ("Base64 of JSON", base64(format!("{{\"key\":\"{secret}\"}}").as_bytes(), BASE64)),
        ("Base64, one further", behind("x")),
        ("Base64, two further", behind("xy")),
        ("Base64, unpadded", b64.trim_end_matches('=').to_owned()),
        ("Base64, for URLs", base64(bytes, URL64)),
        ("Base64, small", b64.to_lowercase()),
        ("Base64, percent", b64.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")),
        ("Base64, in lines", b64.as_bytes().chunks(8).map(text).collect::<Vec<_>>().join("\r\n")),
        ("Base64, wide", base64(&wide(u16::to_le_bytes), BASE64)),
        ("Base64 of capitals", base64(secret.to_uppercase().as_bytes(), BASE64)),
        ("Base64, twice", base64(b64.as_bytes(), BASE64)),
        ("Base64 of hexadecimal", base64(pairs("").as_bytes(), BASE64)),
        ("Base64 backwards", b64.chars().rev().collect()),
        ("Base64 of it backwards", base64(backwards.as_bytes(), BASE64)),
        ("Base64, rot13", rot13(&b64)),
        ("hexadecimal of Base64", b64.bytes().map(|b| format!("{b:02x}")).collect()),
        ("Base32", groups(bytes, 5, 8, BASE32)),
        ("Base32, small", groups(bytes, 5, 8, BASE32).to_lowercase()),
        ("full width", each(&|c| wide_letter(c, 0xfee0).to_string())),
        ("bold", each(&bold)),
        ("tags", each(&|c| wide_letter(c, 0xe0000).to_string())),
    ]
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("ASCII")
}

fn wide_letter(c: char, by: u32) -> char {
    char::from_u32(c as u32 + by).expect("a character")
}

fn bold(c: char) -> String {
    let at = match c {
        'A'..='Z' => 0x1d400 + c as u32 - 'A' as u32,
        'a'..='z' => 0x1d41a + c as u32 - 'a' as u32,
        '0'..='9' => 0x1d7ce + c as u32 - '0' as u32,
        _ => c as u32,
    };
    char::from_u32(at).expect("a character").to_string()
}

fn rot13(text: &str) -> String {
    let turn = |c: char, first: char| {
        char::from_u32((c as u32 - first as u32 + 13) % 26 + first as u32).expect("a letter")
    };
    text.chars()
        .map(|c| match c {
            'a'..='z' => turn(c, 'a'),
            'A'..='Z' => turn(c, 'A'),
            _ => c,
        })
        .collect()
}

fn percent_reserved(text: &str, small: bool) -> String {
    text.chars()
        .map(|c| match (c.is_ascii_alphanumeric() || "-._~".contains(c), small) {
            (true, _) => c.to_string(),
            (false, false) => format!("%{:02X}", c as u32),
            (false, true) => format!("%{:02x}", c as u32),
        })
        .collect()
}

fn base64(bytes: &[u8], alphabet: &str) -> String {
    let mut text = groups(bytes, 3, 4, alphabet);
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

/// Groups of bytes as digits; the last is filled up with zero bits.
fn groups(bytes: &[u8], from: usize, to: usize, alphabet: &str) -> String {
    let alphabet: Vec<char> = alphabet.chars().collect();
    let bits: Vec<u8> = bytes.iter().flat_map(|b| (0..8).rev().map(move |n| b >> n & 1)).collect();
    let digits = bits.chunks(from * 8 / to).map(|chunk| {
        let filled = chunk.iter().copied().chain(std::iter::repeat(0)).take(from * 8 / to);
        alphabet[filled.fold(0, |number, bit| number << 1 | usize::from(bit))]
    });
    digits.collect()
}

/// Stretches of encodings, to be looked for in files: about six letters of the secret and more, by
/// how they begin.
pub struct Stretches(HashMap<[u8; LENGTH], Vec<Vec<u8>>>);

const LENGTH: usize = 10;

impl Stretches {
    pub fn of(secret: &str, encodings: &[(&'static str, String)]) -> Self {
        let mut all = HashMap::<_, Vec<Vec<u8>>>::new();
        for (_, text) in encodings {
            let text = text.to_lowercase().into_bytes();
            let length = LENGTH.max(6 * text.len() / secret.len());
            for window in text.windows(length) {
                let first = <[u8; LENGTH]>::try_from(&window[..LENGTH]).expect("as long");
                // What any text may hold has few signs.
                if length >= 20 || window.iter().collect::<HashSet<_>>().len() > 4 {
                    all.entry(first).or_default().push(window.to_owned());
                }
            }
        }
        Self(all)
    }

    /// The first stretch that is in these bytes.
    pub fn find(&self, bytes: &[u8]) -> Option<String> {
        let lower = bytes.to_ascii_lowercase();
        let found = lower.windows(LENGTH).enumerate().find_map(|(at, window)| {
            let known = self.0.get(window)?;
            known.iter().find(|known| lower[at..].starts_with(known))
        });
        found.map(|found| String::from_utf8_lossy(found).into_owned())
    }
}
