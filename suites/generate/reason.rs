//! Multiple choice on reasoning: puzzles that a search over all cases solves, and
//! [written ones](crate::reason_written) about everyday inference.

use serde_json::json;

use crate::chance::{Dice, NAMES};
use crate::folder::{Suite, Task};
use crate::reason_written;

/// A question, its right choice first, the tempting one second, and two more.
pub struct Puzzle {
    pub text: String,
    pub choices: [String; 4],
}

/// How a template makes a puzzle.
type Template = fn(&mut Dice) -> Puzzle;

const TEMPLATES: [(&str, &str, usize, Template); 8] = [
    ("order", "ordering", 6, order),
    ("liars", "liars", 5, liars),
    ("floors", "assignment", 4, floors),
    ("weekday", "calendar", 4, weekday),
    ("syllogism", "syllogism", 6, syllogism),
    ("walk", "space", 4, walk),
    ("drawer", "counting", 3, drawer),
    ("machine", "rules", 4, machine),
];

/// The puzzles of the templates, then the written ones.
pub fn suite() -> Suite {
    let mut puzzles = Vec::new();
    for (name, tag, count, template) in TEMPLATES {
        for n in 1..=count {
            let id = format!("{name}-{n}");
            let puzzle = template(&mut Dice::new("reason", &id));
            puzzles.push((id, tag, puzzle));
        }
    }
    for (n, (tag, text, choices)) in reason_written::PUZZLES.into_iter().enumerate() {
        let puzzle = Puzzle { text: text.to_owned(), choices: choices.map(str::to_owned) };
        puzzles.push((format!("everyday-{}", n + 1), tag, puzzle));
    }
    let tasks =
        puzzles.into_iter().enumerate().map(|(n, (id, tag, puzzle))| task(n, id, tag, &puzzle));
    Suite {
        name: "reason",
        description: "Multiple choice: orderings, liars, syllogisms, calendars, everyday inference.",
        grader: "\"choice\"",
        prompt: Some(
            "{{ prompt }}\n\nThink it through, then end with \"Answer: \" and the letter.\n",
        ),
        max_tokens: None,
        tasks: tasks.collect(),
    }
}

/// Shuffles the choices so that each letter is right equally often.
fn task(n: usize, id: String, tag: &str, puzzle: &Puzzle) -> Task {
    let mut order = Dice::new("reason-choices", &id).shuffled(&[0, 1, 2, 3]);
    let right = order.iter().position(|&choice| choice == 0).expect("a permutation");
    order.swap(right, n % 4);
    let mut text = puzzle.text.clone();
    for (letter, &choice) in ["A", "B", "C", "D"].iter().zip(&order) {
        text.push_str(&format!("\n{letter}) {}", puzzle.choices[choice]));
    }
    for (i, choice) in puzzle.choices.iter().enumerate() {
        assert!(!puzzle.choices[..i].contains(choice), "{id}: two choices are the same");
    }
    let letter = |wanted: usize| {
        let place = order.iter().position(|&choice| choice == wanted).expect("a permutation");
        ["A", "B", "C", "D"][place]
    };
    let said = |wanted: usize| json!(format!("Answer: {}", letter(wanted)));
    Task {
        tags: vec![tag.to_owned()],
        prompt: Some(text),
        reference: json!(letter(0)),
        answer: Some(said(0)),
        wrong: said(1),
        id,
        ..Task::default()
    }
}

/// All orders of `0..n`.
fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![vec![]];
    }
    let mut all = Vec::new();
    for shorter in permutations(n - 1) {
        for place in 0..n {
            let mut longer = shorter.clone();
            longer.insert(place, n - 1);
            all.push(longer);
        }
    }
    all
}

/// A clue: its words, and whether an arrangement (the position of each) keeps it.
type Clue = (String, Box<dyn Fn(&[usize]) -> bool>);

/// The true clues without which the question is open, in random order: `asked` maps an
/// arrangement to its answer, and all arrangements that are left must agree with the truth.
fn settle(
    dice: &mut Dice,
    mut clues: Vec<Clue>,
    truth: &[usize],
    asked: impl Fn(&[usize]) -> usize,
) -> Vec<String> {
    clues.retain(|(_, keeps)| keeps(truth));
    let all = permutations(truth.len());
    let settled = |clues: &[Clue]| {
        let mut left = all.iter().filter(|case| clues.iter().all(|(_, keeps)| keeps(case)));
        left.all(|case| asked(case) == asked(truth))
    };
    assert!(settled(&clues), "all clues together settle it");
    // The clues come shuffled: each is left out where the others do without it.
    for i in (0..clues.len()).rev() {
        let clue = clues.remove(i);
        if !settled(&clues) {
            clues.insert(i, clue);
        }
    }
    let words: Vec<_> = clues.into_iter().map(|(words, _)| words).collect();
    dice.shuffled(&words)
}

fn order(dice: &mut Dice) -> Puzzle {
    const PLACES: [&str; 5] = ["first", "second", "third", "fourth", "last"];
    let who: [&str; 5] = dice.some(&NAMES);
    let (event, before) = dice.pick(&[
        ("Five people finished a race, no two together.", "finished before"),
        ("Five people stand in a queue at a till.", "stands nearer to the till than"),
        ("Five people sang one after the other.", "sang earlier than"),
    ]);
    let truth = dice.shuffled(&[0, 1, 2, 3, 4]);
    let mut clues: Vec<Clue> = Vec::new();
    for a in 0..5 {
        for b in 0..5 {
            if a == b {
                continue;
            }
            let (one, other) = (who[a], who[b]);
            clues.push((format!("{one} {before} {other}."), Box::new(move |at| at[a] < at[b])));
            if a < b {
                clues.push((
                    format!("Exactly one person came between {one} and {other}."),
                    Box::new(move |at| at[a].abs_diff(at[b]) == 2),
                ));
            }
        }
        clues.push((
            format!("{} was neither first nor last.", who[a]),
            Box::new(move |at| at[a] != 0 && at[a] != 4),
        ));
    }
    dice.shuffle(&mut clues);
    let place = dice.pick(&[1, 2, 3]);
    let holder = move |at: &[usize]| at.iter().position(|&p| p == place).expect("a permutation");
    let right = holder(&truth);
    let words = settle(dice, clues, &truth, holder);
    let others: Vec<_> = (0..5).filter(|&i| i != right).collect();
    let near = others.iter().copied().min_by_key(|&i| truth[i].abs_diff(place)).expect("four");
    let rest: Vec<_> = others.into_iter().filter(|&i| i != near).collect();
    Puzzle {
        text: format!("{event} {} Who was {}?", words.join(" "), PLACES[place]),
        choices: [right, near, rest[0], rest[1]].map(|i| who[i].to_owned()),
    }
}

fn floors(dice: &mut Dice) -> Puzzle {
    let who: [&str; 4] = dice.some(&NAMES);
    let what = dice.pick(&["floor", "drawer", "row"]);
    let truth = dice.shuffled(&[0, 1, 2, 3]);
    let mut clues: Vec<Clue> = Vec::new();
    for a in 0..4 {
        for b in 0..4 {
            if a < b {
                let (one, other) = (who[a], who[b]);
                clues.push((
                    format!("{one} and {other} have neighbouring numbers."),
                    Box::new(move |at| at[a].abs_diff(at[b]) == 1),
                ));
                clues.push((
                    format!("The numbers of {one} and {other} add up to 5."),
                    Box::new(move |at| at[a] + at[b] == 3),
                ));
            }
            clues.push((
                format!("{} does not have number {}.", who[a], b + 1),
                Box::new(move |at| at[a] != b),
            ));
        }
        clues.push((
            format!("The number of {} is even.", who[a]),
            Box::new(move |at| at[a] % 2 == 1),
        ));
    }
    dice.shuffle(&mut clues);
    let asked = dice.index(4);
    let words = settle(dice, clues, &truth, move |at| at[asked]);
    let right = truth[asked];
    let tempting = if right % 2 == 0 { right + 1 } else { right - 1 };
    let rest: Vec<_> = (0..4).filter(|&i| i != right && i != tempting).collect();
    Puzzle {
        text: format!(
            "{}, {}, {} and {} each have one {what}, numbered 1 to 4, all different. {} Which number \
             does {} have?",
            who[0],
            who[1],
            who[2],
            who[3],
            words.join(" "),
            who[asked]
        ),
        choices: [right, tempting, rest[0], rest[1]].map(|i| (i + 1).to_string()),
    }
}

/// A statement of a knight or a liar: its words, and whether it is true when `is_knight`.
type Statement = (String, fn([bool; 3], usize) -> bool);

fn liars(dice: &mut Dice) -> Puzzle {
    let who: [&str; 3] = dice.some(&NAMES);
    // Draws statements until exactly one assignment of knights and liars fits all three.
    loop {
        let said: [Statement; 3] = std::array::from_fn(|i| statement(dice, who, i));
        let worlds: Vec<[bool; 3]> = (0..8)
            .map(|bits| std::array::from_fn(|i| bits >> i & 1 == 1))
            .filter(|world: &[bool; 3]| (0..3).all(|i| said[i].1(*world, i) == world[i]))
            .collect();
        let [world] = worlds[..] else { continue };
        let name = |world: [bool; 3]| match (0..3).filter(|&i| world[i]).collect::<Vec<_>>()[..] {
            [] => "Nobody".to_owned(),
            [a] => format!("Only {}", who[a]),
            [a, b] => format!("{} and {}", who[a], who[b]),
            _ => "All three".to_owned(),
        };
        let mut others: Vec<_> = (0..8)
            .map(|bits| std::array::from_fn(|i| bits >> i & 1 == 1))
            .filter(|other| *other != world)
            .collect();
        others = dice.shuffled(&others);
        // The tempting world is one in which two of the three fit.
        others.sort_by_key(|other| (0..3).filter(|&i| said[i].1(*other, i) != other[i]).count());
        let spoken: Vec<_> =
            (0..3).map(|i| format!("{} says: \"{}\"", who[i], said[i].0)).collect();
        return Puzzle {
            text: format!(
                "On an island knights always tell the truth and liars always lie. {} Who is a knight?",
                spoken.join(" ")
            ),
            choices: [world, others[0], others[1], others[2]].map(name),
        };
    }
}

fn statement(dice: &mut Dice, who: [&str; 3], speaker: usize) -> Statement {
    let (next, last) = (who[(speaker + 1) % 3], who[(speaker + 2) % 3]);
    match dice.index(6) {
        0 => (format!("{next} is a liar."), |world, i| !world[(i + 1) % 3]),
        1 => (format!("{last} is a knight."), |world, i| world[(i + 2) % 3]),
        2 => (format!("{next} and {last} are of the same kind."), |world, i| {
            world[(i + 1) % 3] == world[(i + 2) % 3]
        }),
        3 => ("Exactly one of us three is a knight.".to_owned(), |world, _| {
            world.iter().filter(|&&knight| knight).count() == 1
        }),
        4 => (format!("{next} is a knight or {last} is a liar, or both."), |world, i| {
            world[(i + 1) % 3] || !world[(i + 2) % 3]
        }),
        _ => ("At least two of us are liars.".to_owned(), |world, _| {
            world.iter().filter(|&&knight| !knight).count() >= 2
        }),
    }
}

fn weekday(dice: &mut Dice) -> Puzzle {
    const DAYS: [&str; 7] =
        ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    const MONTHS: [(&str, usize); 6] = [
        ("January", 31),
        ("February", 28),
        ("March", 31),
        ("April", 30),
        ("May", 31),
        ("June", 30),
    ];
    let (from, to) = dice.pick(&[(0, 2), (0, 4), (1, 4), (2, 5), (0, 5), (1, 3)]);
    let (day, later, start) = (dice.index(20) + 1, dice.index(28) + 1, dice.index(7));
    let days: usize = MONTHS[from..to].iter().map(|month| month.1).sum::<usize>() + later - day;
    let right = (start + days) % 7;
    // The slip takes every month to have 30 days.
    let even = (start + 30 * (to - from) + later - day) % 7;
    let tempting = if even == right { (right + 6) % 7 } else { even };
    let rest: Vec<_> = (1..7).map(|i| (right + i) % 7).filter(|&d| d != tempting).collect();
    Puzzle {
        text: format!(
            "In a year that is not a leap year, {day} {} is a {}. Which day of the week is {later} {}?",
            MONTHS[from].0, DAYS[start], MONTHS[to].0
        ),
        choices: [right, tempting, rest[0], rest[1]].map(|d| DAYS[d].to_owned()),
    }
}

/// A sentence of a syllogism over three kinds: all, none, some, some not; subject, predicate.
#[derive(Clone, Copy, PartialEq)]
struct Sentence(u8, usize, usize);

impl Sentence {
    /// Whether it holds where just the kinds of things in `world` exist: bit `k` of `world` says
    /// that some thing exists whose memberships are the bits of `k`.
    fn holds(self, world: u8) -> bool {
        let Self(form, subject, predicate) = self;
        let exists = |in_predicate: bool| {
            (0..8).any(|k: u8| {
                world >> k & 1 == 1
                    && k >> subject & 1 == 1
                    && (k >> predicate & 1 == 1) == in_predicate
            })
        };
        match form {
            0 => !exists(false),
            1 => !exists(true),
            2 => exists(true),
            _ => exists(false),
        }
    }

    fn words(self, kinds: [&str; 3]) -> String {
        let (subject, predicate) = (kinds[self.1], kinds[self.2]);
        match self.0 {
            0 => format!("All {subject} are {predicate}."),
            1 => format!("No {subject} are {predicate}."),
            2 => format!("Some {subject} are {predicate}."),
            _ => format!("Some {subject} are not {predicate}."),
        }
    }
}

fn syllogism(dice: &mut Dice) -> Puzzle {
    let kinds: [&str; 3] = dice.some(&[
        "drabs", "morks", "velps", "tinders", "quills", "brones", "sarks", "pellows", "gimlets",
    ]);
    // Two premises link A with B and B with C; the conclusion is about A and C, and follows in
    // every world where each kind has at least one thing.
    loop {
        let form = |dice: &mut Dice| u8::try_from(dice.index(4)).expect("small");
        let turn =
            |dice: &mut Dice, a: usize, b: usize| if dice.index(2) == 0 { (a, b) } else { (b, a) };
        let (f, g) = (form(dice), form(dice));
        let ((a, b), (c, d)) = (turn(dice, 0, 1), turn(dice, 1, 2));
        let premises = [Sentence(f, a, b), Sentence(g, c, d)];
        let worlds: Vec<u8> = (0..=255)
            .filter(|&world| {
                (0..3).all(|kind| (0..8).any(|k: u8| world >> k & 1 == 1 && k >> kind & 1 == 1))
                    && premises.iter().all(|premise| premise.holds(world))
            })
            .collect();
        let ends = [(0, 2), (2, 0)];
        let all = ends.iter().flat_map(|&(s, p)| (0..4).map(move |form| Sentence(form, s, p)));
        let (follow, not): (Vec<_>, Vec<_>) =
            all.partition(|sentence| worlds.iter().all(|&world| sentence.holds(world)));
        let [right] = follow[..] else { continue };
        // The tempting choice turns the right one round.
        let tempting = Sentence(right.0, right.2, right.1);
        let rest: Vec<_> = not.iter().copied().filter(|s| *s != tempting).collect();
        let rest: [Sentence; 2] = dice.some(&rest);
        if !not.contains(&tempting) {
            continue;
        }
        return Puzzle {
            text: format!(
                "{} {} There is at least one of each kind. Which sentence must be true?",
                premises[0].words(kinds),
                premises[1].words(kinds)
            ),
            choices: [right, tempting, rest[0], rest[1]].map(|sentence| sentence.words(kinds)),
        };
    }
}

fn walk(dice: &mut Dice) -> Puzzle {
    const SIDES: [(&str, i64, i64); 4] =
        [("north", 0, 1), ("east", 1, 0), ("south", 0, -1), ("west", -1, 0)];
    let [name] = dice.some(&NAMES);
    let start = dice.index(4);
    let (mut facing, mut x, mut y) = (start, 0, 0);
    let mut story = Vec::new();
    loop {
        let metres = dice.multiple(10, 10, 60);
        x += metres * SIDES[facing].1;
        y += metres * SIDES[facing].2;
        story.push(format!("walks {metres} m"));
        if story.len() >= 7 && x != 0 && y != 0 && x.abs() != y.abs() {
            break;
        }
        let (turn, words) = dice.pick(&[(1, "turns right"), (3, "turns left"), (2, "turns round")]);
        facing = (facing + turn) % 4;
        story.push(words.to_owned());
    }
    let place = |x: i64, y: i64| {
        let across = if x > 0 { "east" } else { "west" };
        let along = if y > 0 { "north" } else { "south" };
        format!("{} m {across} and {} m {along} of it", x.abs(), y.abs())
    };
    Puzzle {
        text: format!(
            "{name} stands at a well and faces {}. {name} {}. Where is {name} now, seen from the well?",
            SIDES[start].0,
            story.join(", ")
        ),
        choices: [place(x, y), place(-x, y), place(x, -y), place(y, x)],
    }
}

fn drawer(dice: &mut Dice) -> Puzzle {
    let counts = [dice.between(5, 9), dice.between(10, 14), dice.between(15, 19)];
    let what = dice.pick(&["socks", "gloves", "marbles"]);
    let need = dice.between(3, 4);
    // The worst draw takes all but `need - 1` colours' worth before the answer is forced.
    let same = 3 * (need - 1) + 1;
    let each = counts[1] + counts[2] + 1;
    let (question, right, slip, third) = if dice.index(2) == 0 {
        (format!("{need} of one colour"), same, need + 1, 2 * need + 3)
    } else {
        ("at least one of each colour".to_owned(), each, counts[0] + counts[1] + 1, 4)
    };
    let fourth = right + counts[0];
    Puzzle {
        text: format!(
            "In the dark a box holds {} red, {} blue and {} green {what}. How many must one take out, \
             unseen, to be sure of having {question}?",
            counts[0], counts[1], counts[2]
        ),
        choices: [right, slip, third, fourth].map(|n| n.to_string()),
    }
}

fn machine(dice: &mut Dice) -> Puzzle {
    let (start, twice, add) = (dice.between(7, 23), dice.between(2, 3), dice.between(3, 9));
    let (limit, drop) = (dice.between(60, 90), dice.between(31, 47));
    let rounds = dice.between(4, 5);
    let run = |order: bool| {
        let mut n = start;
        for _ in 0..rounds {
            if n % 2 == 0 {
                n += add;
            } else {
                n = if order { n * twice } else { n * twice + add };
            }
            if n > limit {
                n -= drop;
            }
        }
        n
    };
    let (right, slip) = (run(true), run(false));
    let slip = if slip == right { right + drop } else { slip };
    let mut rest = vec![right + add, right - add, right + twice, right + 1];
    rest.retain(|&n| n != slip && n != right);
    Puzzle {
        text: format!(
            "A counter shows {start}. In each round: if the number is odd it is multiplied by {twice}, \
             otherwise {add} is added; after that, if it is above {limit}, {drop} is taken away. What \
             does the counter show after {rounds} rounds?"
        ),
        choices: [right, slip, rest[0], rest[1]].map(|n| n.to_string()),
    }
}
