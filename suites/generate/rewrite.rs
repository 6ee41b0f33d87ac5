//! Text transformations with one exact result, which the template computes.

use std::fmt::Write;

use serde_json::json;

use crate::chance::{Dice, NAMES};
use crate::folder::{Suite, Task};

/// What to do, the text to do it to, the result, and a near miss.
struct Rewrite {
    rule: String,
    text: String,
    right: String,
    slip: String,
}

/// How a template makes a task.
type Template = fn(&mut Dice) -> Rewrite;

const TEMPLATES: [(&str, &str, Template); 24] = [
    ("word-order", "words", word_order),
    ("mirror", "letters", mirror),
    ("capitals", "words", capitals),
    ("vowels", "letters", vowels),
    ("shift", "letters", shift),
    ("alphabet", "order", alphabet),
    ("by-length", "order", by_length),
    ("initials", "letters", initials),
    ("camel", "format", camel),
    ("dates", "format", dates),
    ("columns", "format", columns),
    ("repeats", "order", repeats),
    ("digits", "format", digits),
    ("runs", "letters", runs),
    ("pairs", "words", pairs),
    ("every-third", "words", every_third),
    ("to-front", "words", to_front),
    ("numbered", "words", numbered),
    ("names", "format", names),
    ("weave", "order", weave),
    ("slug", "format", slug),
    ("roman", "format", roman),
    ("mask", "letters", mask),
    ("chain", "words", chain),
];

/// Two tasks of each template.
pub fn suite() -> Suite {
    let mut tasks = Vec::new();
    for (number, (name, tag, template)) in TEMPLATES.into_iter().enumerate() {
        for n in 1..=2 {
            let id = format!("{name}-{n}");
            let mut dice = Dice::new("rewrite", &id);
            let Rewrite { rule, mut text, right, slip } = template(&mut dice);
            assert_ne!(right, slip, "{id}: the slip must be wrong");
            // Half of the tasks state the rule after the text: models that stop early miss it.
            let place = if (number + n) % 2 == 0 {
                format!("{rule}\n\n{text}")
            } else {
                text.push_str("\n\n");
                text + &rule
            };
            tasks.push(Task {
                id,
                tags: vec![tag.to_owned()],
                prompt: Some(place),
                reference: json!(right),
                wrong: json!(slip),
                ..Task::default()
            });
        }
    }
    Suite {
        name: "rewrite",
        description: "Text transformations with one exact result.",
        grader: "\"exact\"",
        prompt: Some("{{ prompt }}\n\nAnswer with the resulting text alone, without quotes."),
        max_tokens: None,
        tasks,
    }
}

/// Sentences of plain lower-case words.
const SENTENCES: [&str; 24] = [
    "the miller carried four heavy sacks across the narrow bridge",
    "a small green boat drifted past the empty lighthouse",
    "every morning the baker opens her shop before sunrise",
    "two grey herons stood still beside the frozen canal",
    "our neighbour repairs old clocks in a cold cellar",
    "the last train to the coast leaves at midnight",
    "nobody noticed the broken window behind the curtain",
    "seven children built a tower of wooden crates",
    "the gardener planted red tulips along the garden wall",
    "a sudden wind scattered papers over the whole square",
    "my grandmother keeps her letters inside a tin box",
    "the quiet pupil solved the puzzle without any help",
    "fresh snow covered the footprints near the stable door",
    "the captain wrote one short line in the log",
    "an old map showed a path through the marsh",
    "the violin lay silent under a dusty blanket",
    "three foxes crossed the meadow shortly after dusk",
    "the librarian found a pressed flower between two pages",
    "a tired courier slept against the station wall",
    "the potter shaped wet clay into a round bowl",
    "loud bells woke the village before the storm",
    "the surveyor measured the steep field twice",
    "some guests arrived late and missed the first course",
    "the young goat jumped over the low stone fence",
];

const THINGS: [&str; 20] = [
    "walnut", "copper", "thistle", "lantern", "basket", "ferry", "amber", "quarry", "saddle",
    "pigeon", "needle", "vessel", "orchid", "turnip", "gravel", "mantle", "zephyr", "cinder",
    "hazel", "juniper",
];

fn sentence(dice: &mut Dice) -> Vec<&'static str> {
    dice.pick(&SENTENCES).split(' ').collect()
}

fn rewrite(
    rule: impl Into<String>,
    text: impl Into<String>,
    right: impl Into<String>,
    slip: impl Into<String>,
) -> Rewrite {
    Rewrite { rule: rule.into(), text: text.into(), right: right.into(), slip: slip.into() }
}

fn reversed(word: &str) -> String {
    word.chars().rev().collect()
}

fn capitalised(word: &str) -> String {
    word[..1].to_uppercase() + &word[1..]
}

fn is_vowel(c: char) -> bool {
    "aeiou".contains(c)
}

fn word_order(dice: &mut Dice) -> Rewrite {
    let words = sentence(dice);
    let mut back = words.clone();
    back.reverse();
    let mut slip = back.clone();
    let middle = slip.len() / 2;
    slip.swap(middle, middle + 1);
    rewrite(
        "Write the words in reverse order; leave each word as it is.",
        words.join(" "),
        back.join(" "),
        slip.join(" "),
    )
}

fn mirror(dice: &mut Dice) -> Rewrite {
    let words = &sentence(dice)[..6];
    let right: Vec<_> = words.iter().map(|word| reversed(word)).collect();
    rewrite(
        "Reverse the letters of each word, but keep the words in their order.",
        words.join(" "),
        right.join(" "),
        reversed(&words.join(" ")),
    )
}

fn capitals(dice: &mut Dice) -> Rewrite {
    let words = sentence(dice);
    let nth = dice.pick(&[2, 3]);
    let name = if nth == 2 { "second" } else { "third" };
    let upper = |first: usize| {
        let marked = words.iter().enumerate().map(|(i, word)| {
            if i % nth == first { word.to_uppercase() } else { (*word).to_owned() }
        });
        marked.collect::<Vec<_>>().join(" ")
    };
    rewrite(
        format!("Put every {name} word in capital letters, beginning with the {name}."),
        words.join(" "),
        upper(nth - 1),
        upper(0),
    )
}

fn vowels(dice: &mut Dice) -> Rewrite {
    // A word of vowels alone would leave two spaces side by side.
    let words: Vec<_> =
        sentence(dice).into_iter().filter(|word| !word.chars().all(is_vowel)).collect();
    let text = words.join(" ");
    let keep = dice.pick(&['a', 'e', 'o']);
    let without = |kept: Option<char>| {
        text.chars().filter(|&c| !is_vowel(c) || Some(c) == kept).collect::<String>()
    };
    rewrite(
        format!("Delete the vowels a, e, i, o, u, except the letter {keep}; keep the spaces."),
        &text,
        without(Some(keep)),
        without(None),
    )
}

fn shift(dice: &mut Dice) -> Rewrite {
    let [first, second, third] = dice.some(&THINGS);
    let text = format!("{first} {second} {third}");
    let by = u8::try_from(dice.between(2, 5)).expect("small");
    let moved = |by: u8, wrap: bool| -> String {
        let letter = |c: char| {
            let place = c as u8 - b'a' + by;
            char::from(b'a' + if wrap { place % 26 } else { place.min(25) })
        };
        text.chars().map(|c| if c == ' ' { c } else { letter(c) }).collect()
    };
    let slip =
        if moved(by, true) == moved(by, false) { moved(by - 1, true) } else { moved(by, false) };
    rewrite(
        format!(
            "Replace each letter by the one {by} places later in the alphabet; after z comes a."
        ),
        &text,
        moved(by, true),
        slip,
    )
}

fn alphabet(dice: &mut Dice) -> Rewrite {
    let words: [&str; 9] = dice.some(&THINGS);
    let mut right = words;
    right.sort_by_key(|word| reversed(word));
    let mut slip = words;
    slip.sort_unstable();
    rewrite(
        "Sort the words alphabetically by their last letter, ties by the letter before it, and so on towards the front. Keep the commas.",
        words.join(", "),
        right.join(", "),
        slip.join(", "),
    )
}

fn by_length(dice: &mut Dice) -> Rewrite {
    let words = sentence(dice);
    let mut right = words.clone();
    right.sort_by_key(|word| word.len());
    let mut slip = words.clone();
    slip.sort_by_key(|word| (word.len(), *word));
    if slip == right {
        slip.reverse();
    }
    rewrite(
        "Sort the words from shortest to longest. Words of the same length keep the order they have now. Separate them by spaces.",
        words.join(" "),
        right.join(" "),
        slip.join(" "),
    )
}

fn initials(dice: &mut Dice) -> Rewrite {
    let words = sentence(dice);
    let long: Vec<_> = words.iter().filter(|word| word.len() > 3).collect();
    let dotted = |words: &[&&str]| {
        words.iter().map(|word| word[..1].to_uppercase() + ".").collect::<String>()
    };
    rewrite(
        "Make an abbreviation of the first letters of all words with more than three letters: capitals, each followed by a full stop, no spaces.",
        words.join(" "),
        dotted(&long),
        dotted(&words.iter().collect::<Vec<_>>()),
    )
}

fn camel(dice: &mut Dice) -> Rewrite {
    let some: [&str; 7] = dice.some(&THINGS);
    let [a, b, c, d, e, f, g] = some;
    let snake = [format!("{a}_{b}_{c}"), format!("{d}_{e}"), format!("{f}_{g}_id")];
    let humps = |word: &str| -> String {
        let mut parts = word.split('_');
        let first = parts.next().expect("a word").to_owned();
        first + &parts.map(capitalised).collect::<String>()
    };
    let right: Vec<_> = snake.iter().map(|word| humps(word)).collect();
    let slip: Vec<_> = right.iter().map(|word| capitalised(word)).collect();
    rewrite(
        "Turn these snake_case names into camelCase (the first letter stays small), in alphabetical order of the result, one a line.",
        snake.join("\n"),
        sorted(right).join("\n"),
        sorted(slip).join("\n"),
    )
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

fn dates(dice: &mut Dice) -> Rewrite {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let (mut text, mut right, mut slip) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..4 {
        let (day, month, year) = (dice.between(1, 28), dice.index(12), dice.between(1991, 2024));
        text.push(format!("{day} {} {year}", MONTHS[month]));
        right.push(format!("{year}-{:02}-{day:02}", month + 1));
        slip.push(format!("{year}-{}-{day}", month + 1));
    }
    rewrite(
        "Write each date as YYYY-MM-DD, earliest first, separated by a comma and a space.",
        text.join("; "),
        sorted(right).join(", "),
        sorted(slip).join(", "),
    )
}

fn columns(dice: &mut Dice) -> Rewrite {
    let items: [&str; 3] = dice.some(&THINGS);
    let (mut text, mut right, mut slip) =
        ("item,price,stock".to_owned(), "stock|item".to_owned(), "item|stock".to_owned());
    for item in items {
        let (price, stock) = (dice.between(2, 90), dice.between(0, 40));
        write!(text, "\n{item},{price},{stock}").expect("a string takes all");
        write!(right, "\n{stock}|{item}").expect("a string takes all");
        write!(slip, "\n{item}|{stock}").expect("a string takes all");
    }
    rewrite(
        "Rewrite this table: drop the column price, put stock before item, and use | in place of the comma. Keep the header.",
        text,
        right,
        slip,
    )
}

fn repeats(dice: &mut Dice) -> Rewrite {
    let base: [&str; 6] = dice.some(&THINGS);
    let mut words = base.to_vec();
    words.extend([base[2], base[0], base[4], base[2]]);
    let words = dice.shuffled(&words);
    let (mut first, mut last) = (Vec::new(), Vec::new());
    for (i, word) in words.iter().enumerate() {
        if !words[..i].contains(word) {
            first.push(*word);
        }
        if !words[i + 1..].contains(word) {
            last.push(*word);
        }
    }
    if first == last {
        first.reverse();
    }
    rewrite(
        "Some words appear more than once. Keep only the last appearance of each word and leave the order as it is otherwise.",
        words.join(" "),
        last.join(" "),
        first.join(" "),
    )
}

fn digits(dice: &mut Dice) -> Rewrite {
    const NAMES_OF_DIGITS: [&str; 10] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    let [thing] = dice.some(&THINGS);
    let (room, code) = (dice.between(12, 98), dice.between(301, 989));
    let spelt = |text: &str, glue: &str| {
        let words = text.bytes().map(|b| NAMES_OF_DIGITS[usize::from(b - b'0')]);
        words.collect::<Vec<_>>().join(glue)
    };
    let with = |glue: &str| {
        let (room, code) = (spelt(&room.to_string(), glue), spelt(&code.to_string(), glue));
        format!("Room {room} opens with {thing} {code}.")
    };
    rewrite(
        "Replace each digit by its English word; join the words of one number by hyphens (40 becomes four-zero).",
        format!("Room {room} opens with {thing} {code}."),
        with("-"),
        with(" "),
    )
}

fn runs(dice: &mut Dice) -> Rewrite {
    let (mut text, mut right, mut slip) = (String::new(), String::new(), String::new());
    let letters: [char; 5] = dice.some(&['A', 'B', 'C', 'D', 'E', 'F']);
    for letter in letters.into_iter().chain([letters[0], letters[2]]) {
        let n = dice.index(5) + 1;
        text.extend(std::iter::repeat_n(letter, n));
        write!(slip, "{letter}{n}").expect("a string takes all");
        if n == 1 {
            right.push(letter);
        } else {
            write!(right, "{letter}{n}").expect("a string takes all");
        }
    }
    if slip == right {
        slip.pop();
    }
    rewrite(
        "Shorten the text by run lengths: each run of one letter becomes the letter and the length of the run; a run of length one is the letter alone.",
        text,
        right,
        slip,
    )
}

fn pairs(dice: &mut Dice) -> Rewrite {
    let words = sentence(dice);
    let mut right = words.clone();
    for pair in right.chunks_exact_mut(2) {
        pair.swap(0, 1);
    }
    let mut slip = words.clone();
    for i in 1..slip.len() {
        slip.swap(i - 1, i);
    }
    rewrite(
        "Swap the first word with the second, the third with the fourth, and so on. A last word without a partner stays.",
        words.join(" "),
        right.join(" "),
        slip.join(" "),
    )
}

fn every_third(dice: &mut Dice) -> Rewrite {
    let words = sentence(dice);
    let kept = |rest: usize| {
        let kept = words.iter().enumerate().filter(|(i, _)| i % 3 != rest);
        kept.map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
    };
    rewrite(
        "Delete every third word: the third, the sixth, and so on.",
        words.join(" "),
        kept(2),
        kept(0),
    )
}

fn to_front(dice: &mut Dice) -> Rewrite {
    let words = sentence(dice);
    let n = dice.index(2) + 2;
    let mut right = words.clone();
    right.rotate_right(n);
    let mut slip = right.clone();
    slip[..n].reverse();
    let first = |words: &[&str]| capitalised(&words.join(" ")) + ".";
    rewrite(
        format!(
            "Move the last {n} words to the front, keeping their order. Then make it a sentence: a capital letter at the beginning, a full stop at the end."
        ),
        words.join(" "),
        first(&right),
        first(&slip),
    )
}

fn numbered(dice: &mut Dice) -> Rewrite {
    let words = &sentence(dice)[..7];
    let with = |number: fn(usize, &str) -> usize| {
        let marked = words.iter().enumerate().map(|(i, word)| format!("{word}{}", number(i, word)));
        marked.collect::<Vec<_>>().join(" ")
    };
    rewrite(
        "Write after each word, without a space, the number of its letters.",
        words.join(" "),
        with(|_, word| word.len()),
        with(|i, _| i + 1),
    )
}

fn names(dice: &mut Dice) -> Rewrite {
    const LAST: [&str; 8] =
        ["Okafor", "Lindqvist", "Marchetti", "Tanaka", "Novak", "Ferreira", "Haddad", "Byrne"];
    let first: [&str; 4] = dice.some(&NAMES);
    let last: [&str; 4] = dice.some(&LAST);
    let people: Vec<_> = first.into_iter().zip(last).collect();
    let list = |people: &[(&str, &str)]| {
        let lines = people.iter().map(|(first, last)| format!("{}. {last}", &first[..1]));
        lines.collect::<Vec<_>>().join("; ")
    };
    let (mut by_last, mut by_first) = (people.clone(), people.clone());
    by_last.sort_by_key(|person| person.1);
    by_first.sort_unstable();
    if by_first == by_last {
        by_first.reverse();
    }
    let text: Vec<_> = people.iter().map(|(first, last)| format!("{last}, {first}")).collect();
    rewrite(
        "Rewrite each name as the initial, a full stop, a space and the family name; sort by family name; separate by a semicolon and a space.",
        text.join("\n"),
        list(&by_last),
        list(&by_first),
    )
}

fn weave(dice: &mut Dice) -> Rewrite {
    let words: [&str; 9] = dice.some(&THINGS);
    let (left, right) = words.split_at(4);
    let weave = |right: &[&str]| {
        let mut out = Vec::new();
        for (i, word) in right.iter().enumerate() {
            out.extend(left.get(i).copied());
            out.push(*word);
        }
        out.join(" ")
    };
    let back: Vec<_> = right.iter().rev().copied().collect();
    rewrite(
        "Weave the two lists into one line: the first word of A, the last word of B, the second of A, the last but one of B, and so on; what is left over comes at the end.",
        format!("A: {}\nB: {}", left.join(" "), right.join(" ")),
        weave(&back),
        weave(right),
    )
}

fn slug(dice: &mut Dice) -> Rewrite {
    let words = sentence(dice);
    let year = dice.between(1990, 2024);
    let dropped = ["the", "a", "an", "of", "in", "to", "at", "and"];
    let kept: Vec<_> = words.iter().filter(|word| !dropped.contains(word)).copied().collect();
    let title: Vec<_> = words.iter().map(|word| capitalised(word)).collect();
    rewrite(
        "Make a slug of this title: small letters, the words a, an, the, of, in, to, at and and left out, all punctuation left out, words joined by hyphens.",
        format!("{}! ({year})", title.join(" ")),
        format!("{}-{year}", kept.join("-")),
        format!("{}-{year}", words.join("-")),
    )
}

fn to_roman(mut n: i64) -> String {
    const STEPS: [(i64, &str); 9] = [
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let mut text = String::new();
    for (value, letters) in STEPS {
        while n >= value {
            text.push_str(letters);
            n -= value;
        }
    }
    text
}

fn roman(dice: &mut Dice) -> Rewrite {
    let thing = dice.pick(&THINGS);
    let (a, b, c) = (dice.pick(&[14, 19, 24, 29]), dice.pick(&[44, 49, 94]), dice.between(51, 88));
    let with = |write: fn(i64) -> String| {
        format!("Plate {} shows a {thing}, see pages {} and {}.", write(a), write(b), write(c))
    };
    let slip =
        with(|n| to_roman(n).replace("IX", "VIIII").replace("IV", "IIII").replace("XL", "XXXX"));
    rewrite(
        "Write all numbers of the sentence as Roman numerals.",
        with(|n| n.to_string()),
        with(to_roman),
        slip,
    )
}

fn mask(dice: &mut Dice) -> Rewrite {
    let [first, second] = dice.some(&NAMES);
    let codes = [dice.between(10_000, 999_999).to_string(), dice.between(1000, 99_999).to_string()];
    let hide = |code: &str, shown: usize| {
        let (head, tail) = code.split_at(code.len() - shown);
        "#".repeat(head.len()) + tail
    };
    let text = |codes: [&str; 2]| {
        format!("{first} (badge {}) met {second} (badge {}) on floor 3.", codes[0], codes[1])
    };
    rewrite(
        "Hide the badge numbers: replace every digit of a badge number by #, except its last two. Change nothing else.",
        text([&codes[0], &codes[1]]),
        text([&hide(&codes[0], 2), &hide(&codes[1], 2)]),
        text([
            &format!("####{}", &codes[0][codes[0].len() - 2..]),
            &format!("##{}", &codes[1][2..]),
        ])
        .replace("floor 3", "floor #"),
    )
}

fn chain(dice: &mut Dice) -> Rewrite {
    let words = sentence(dice);
    let step = |words: &[&str], least: usize| {
        let marked = words.iter().rev().filter(|word| **word != "the");
        let marked = marked
            .map(|word| if word.len() >= least { word.to_uppercase() } else { reversed(word) });
        marked.collect::<Vec<_>>().join("/")
    };
    rewrite(
        "Do these steps in order: (1) delete every \"the\"; (2) reverse the order of the words; (3) put words of six or more letters in capitals and write the letters of all other words backwards; (4) join the words with slashes.",
        words.join(" "),
        step(&words, 6),
        step(&words, 5),
    )
}
