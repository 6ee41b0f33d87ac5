//! The encodings in which a key may come back.

use std::fmt::Write;

const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const BASE58: &[u8] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// RFC 1924, which Python's `b85encode` uses.
const BASE85: &[u8] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";
/// `ZeroMQ`'s.
const Z85: &[u8] =
    b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

/// Letters in sequence that are no word by chance.
pub(super) const LEAST: usize = 7;

/// A longer key, such as a signed token of a cloud, is looked for in fewer encodings.
const LONG: usize = 256;

/// A key in one encoding.
#[derive(Clone, Debug)]
pub(super) struct Encoded {
    pub text: String,
    /// The letters in sequence that cannot stand there by chance.
    pub least: usize,
    /// Whether it is one word, which goes as a whole when a part of it is recognised.
    pub is_blob: bool,
}

impl Encoded {
    fn new(text: String, least: usize, is_blob: bool) -> Self {
        Self { text, least, is_blob }
    }
}

/// The key in every encoding but its own letters. Escapes (`%2F`, `\u0041`, `&#65;`, `=41`) are not
/// among them: [`super::letters`] reads them where they stand.
pub(super) fn all(key: &str) -> Vec<Encoded> {
    let bytes = key.as_bytes();
    let backwards: String = key.chars().rev().collect();
    let rotated = map_letters(key, 13);
    let mut all = vec![
        Encoded::new(backwards.clone(), LEAST, false),
        Encoded::new(rotated.clone(), LEAST, false),
        Encoded::new(key.bytes().map(rot47).collect(), LEAST, false),
    ];
    let once = in_words(bytes);
    if bytes.len() <= LONG {
        for encoded in &once {
            let again = encoded.text.chars().rev().collect();
            all.push(Encoded::new(again, encoded.least, true));
            all.push(Encoded::new(map_letters(&encoded.text, 13), encoded.least, true));
            all.extend(in_words(encoded.text.as_bytes()));
        }
        let wide = |order: fn(u16) -> [u8; 2]| key.encode_utf16().flat_map(order).collect();
        let variants: [Vec<u8>; 8] = [
            key.to_ascii_lowercase().into_bytes(),
            key.to_ascii_uppercase().into_bytes(),
            map_case(key).into_bytes(),
            backwards.into_bytes(),
            rotated.into_bytes(),
            percent(bytes).into_bytes(),
            wide(u16::to_le_bytes),
            wide(u16::to_be_bytes),
        ];
        all.extend(variants.iter().flat_map(|variant| in_words(variant)));
        all.extend(rare(bytes));
    }
    all.extend(once);
    all
}

/// The usual ones. Where an encoding works in groups, a key may begin anywhere within one.
fn in_words(bytes: &[u8]) -> Vec<Encoded> {
    let mut all = vec![Encoded::new(hex(bytes), 16, true)];
    all.extend(
        (0..3).map(|at| Encoded::new(grouped(after(bytes, at), 3, 4, BASE64), LEAST + 1, true)),
    );
    all.extend((0..5).map(|at| Encoded::new(grouped(after(bytes, at), 5, 8, BASE32), 10, true)));
    all
}

fn rare(bytes: &[u8]) -> Vec<Encoded> {
    let each = |write: fn(&u8) -> String| bytes.iter().map(write).collect::<String>();
    let mut all = vec![
        Encoded::new(each(|b| format!("{b}")), 20, false),
        Encoded::new(each(|b| format!("{b:03}")), 24, false),
        Encoded::new(each(|b| format!("{b:o}")), 24, false),
        Encoded::new(each(|b| format!("{b:03o}")), 24, false),
        Encoded::new(each(|b| format!("{b:08b}")), 56, false),
        Encoded::new(each(|b| format!("{b:07b}")), 56, false),
        Encoded::new(each(|b| format!("0x{b:02x}")), 24, false),
        Encoded::new(radix(bytes, BASE58), 10, true),
        Encoded::new(radix(bytes, BASE62), 10, true),
    ];
    let ascii85: Vec<u8> = (b'!'..=b'u').collect();
    let unix: Vec<u8> = (0..64).map(|digit| if digit == 0 { b'`' } else { b' ' + digit }).collect();
    for alphabet in [BASE85, Z85, &ascii85] {
        all.extend(
            (0..4).map(|at| Encoded::new(grouped(after(bytes, at), 4, 5, alphabet), 10, true)),
        );
    }
    all.extend((0..3).map(|at| Encoded::new(grouped(after(bytes, at), 3, 4, &unix), 10, true)));
    all
}

fn after(bytes: &[u8], at: usize) -> &[u8] {
    bytes.get(at..).unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn percent(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

/// The whole groups of `from` bytes as `to` digits each; what is left over depends on what follows.
#[expect(clippy::cast_possible_truncation, reason = "a digit is less than 86")]
fn grouped(bytes: &[u8], from: usize, to: usize, alphabet: &[u8]) -> String {
    let base = alphabet.len() as u64;
    let mut text = String::with_capacity(bytes.len() / from * to);
    for group in bytes.chunks_exact(from) {
        let mut number = group.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let mut digits = [0; 8];
        for digit in digits[..to].iter_mut().rev() {
            *digit = alphabet[(number % base) as usize];
            number /= base;
        }
        text.extend(digits[..to].iter().map(|digit| char::from(*digit)));
    }
    text
}

/// The bytes as one number.
#[expect(clippy::cast_possible_truncation, reason = "an alphabet has at most 86 digits")]
fn radix(bytes: &[u8], alphabet: &[u8]) -> String {
    let base = alphabet.len() as u32;
    let mut digits: Vec<u32> = Vec::new();
    for byte in bytes {
        let mut carry = u32::from(*byte);
        for digit in &mut digits {
            carry += *digit << 8;
            *digit = carry % base;
            carry /= base;
        }
        while carry > 0 {
            digits.push(carry % base);
            carry /= base;
        }
    }
    digits.iter().rev().map(|digit| char::from(alphabet[*digit as usize])).collect()
}

/// The letters moved on in the alphabet.
fn map_letters(text: &str, by: u8) -> String {
    let moved = |c: u8, first: u8| char::from((c - first + by) % 26 + first);
    text.chars()
        .map(|c| match c {
            'a'..='z' => moved(c as u8, b'a'),
            'A'..='Z' => moved(c as u8, b'A'),
            other => other,
        })
        .collect()
}

/// Capitals for small letters and the other way round.
fn map_case(text: &str) -> String {
    let swap = |c: char| {
        if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }
    };
    text.chars().map(swap).collect()
}

fn rot47(byte: u8) -> char {
    char::from(if byte.is_ascii_graphic() { (byte - b'!' + 47) % 94 + b'!' } else { byte })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_those_of_their_specifications() {
        // RFC 4648, section 10.
        assert_eq!(grouped(b"foobar", 3, 4, BASE64), "Zm9vYmFy");
        assert_eq!(grouped(b"fooba", 5, 8, BASE32), "MZXW6YTB");
        // ZeroMQ's RFC 32 encodes these eight bytes as HelloWorld.
        let hello = [0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b];
        assert_eq!(grouped(&hello, 4, 5, Z85), "HelloWorld");
        // draft-msporny-base58, section 5.
        assert_eq!(radix(b"Hello World!", BASE58), "2NEpo7TZRRrLZSi2U");
        assert_eq!(map_letters("Hello", 13), "Uryyb");
        assert_eq!("Hello".bytes().map(rot47).collect::<String>(), "w6==@");
        assert_eq!(percent(b"a/b+c"), "a%2Fb%2Bc");
        assert_eq!(map_case("aB-1"), "Ab-1");
    }
}
