//! Text cut into pieces of the size of tokens.

/// Cuts a text into the pieces that a tokenizer might make of it: mostly words with the space
/// before them, about four characters each. Nothing is lost: the pieces joined are the text.
pub(crate) fn split_pieces(text: &str) -> impl Iterator<Item = &str> + Clone {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (piece, left) = rest.split_at(piece_end(rest)?);
        rest = left;
        Some(piece)
    })
}

/// A piece that is so long ends before a space.
const CHARS_BEFORE_SPACE: usize = 3;
/// No piece is longer.
const MOST_CHARS: usize = 5;

fn piece_end(text: &str) -> Option<usize> {
    if text.is_empty() {
        return None;
    }
    let ends = |(n, (_, c)): &(usize, (usize, char))| {
        *n >= MOST_CHARS || (*n >= CHARS_BEFORE_SPACE && c.is_whitespace())
    };
    Some(text.char_indices().enumerate().find(ends).map_or(text.len(), |(_, (at, _))| at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pieces_are_like_tokens() {
        let check = |text: &str, expected: &[&str]| {
            assert_eq!(split_pieces(text).collect::<Vec<_>>(), expected);
        };
        check("The answer is 42.", &["The", " answ", "er is", " 42."]);
        check("", &[]);
        check("日本語のテキスト", &["日本語のテ", "キスト"]);
    }

    proptest! {
        #[test]
        fn pieces_joined_are_the_text(text in "\\PC*") {
            let pieces: Vec<&str> = split_pieces(&text).collect();
            prop_assert!(pieces.iter().all(|p| !p.is_empty()));
            prop_assert_eq!(pieces.concat(), text);
        }
    }
}
