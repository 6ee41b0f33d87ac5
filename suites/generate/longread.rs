//! Multi-hop reading: documents of 1,500 to 6,000 characters in which everyone keeps something,
//! lives somewhere, and every place has a mark. The facts lie scattered among sentences that do
//! not matter; the one that a question starts from lies at a stated depth. Two questions share a
//! document: one of two hops, one of three, which half of the time passes through a late exchange.

use serde_json::json;

use crate::chance::{Dice, NAMES};
use crate::folder::{Suite, Task};
use crate::longread_kinds::{EVERYWHERE, KINDS, Kind};

/// How many documents; each makes a cluster of two tasks.
const DOCUMENTS: usize = 24;

/// How many people, things, places and marks a document has.
const CAST: usize = 5;

/// Depths of the first fact, in percent of the sentences.
const DEPTHS: [usize; 5] = [10, 30, 50, 70, 90];

/// Who keeps what, lives where, and which mark each place has: thing `i` is kept by person `i`,
/// who lives in place `i` until the exchange, and place `i` bears mark `i`.
struct World {
    people: [&'static str; CAST],
    things: [&'static str; CAST],
    places: [&'static str; CAST],
    marks: [&'static str; CAST],
    /// The two who exchange their places near the end.
    exchange: [usize; 2],
}

impl World {
    /// The place of this person at the end.
    fn place_of(&self, person: usize) -> usize {
        match self.exchange {
            [a, b] if a == person => b,
            [a, b] if b == person => a,
            _ => person,
        }
    }
}

/// Two questions on each document.
pub fn suite() -> Suite {
    let tasks = (0..DOCUMENTS).flat_map(document).collect();
    Suite {
        name: "longread",
        description: "Multi-hop reading in documents of up to 6,000 characters, facts at varying depth.",
        grader: "{ kind = \"contains\", ignore_case = true }",
        prompt: Some(
            "{{ prompt }}\n\nAnswer in one short sentence and name nothing but what is asked for.\n",
        ),
        max_tokens: None,
        tasks,
    }
}

/// The two tasks of one document.
fn document(number: usize) -> [Task; 2] {
    let kind = &KINDS[number % KINDS.len()];
    let cluster = format!("{}-{}", kind.name, number / KINDS.len() + 1);
    let mut dice = Dice::new("longread", &cluster);
    let world = World {
        people: dice.some(&NAMES),
        things: dice.some(&kind.things),
        places: dice.some(&kind.places),
        marks: dice.some(&kind.marks),
        exchange: dice.some(&[0, 1, 2, 3, 4]),
    };
    // The near question is on someone who stays; the far one, in every second document, on
    // someone who moves.
    let stays: Vec<_> = (0..CAST).filter(|i| !world.exchange.contains(i)).collect();
    let near = stays[0];
    let far = if (number / KINDS.len()) % 2 == 0 { world.exchange[0] } else { stays[1] };
    let depths = [DEPTHS[number % 5], DEPTHS[(number + 2) % 5]];
    let length = 32 + number * 52 / (DOCUMENTS - 1);
    let text = write(&mut dice, kind, &world, length, [(near, depths[0]), (far, depths[1])]);
    assert!((1_500..=6_000).contains(&text.len()), "{cluster}: {} bytes", text.len());

    let moved = world.exchange.contains(&far);
    let place = world.place_of(far);
    // Who misses the exchange names the mark of the old place; who invents one, that of another.
    let missed = if moved { far } else { world.exchange[0] };
    let ask = |question: &str, thing: usize| {
        let question = fill(question, &[("thing", world.things[thing])]);
        Some(format!("{text}\n\nQuestion: {question}"))
    };
    let task = |id: &str, depth: usize, hops: usize, more: Option<&str>| {
        let mut tags = vec![format!("depth-{depth}"), format!("hops-{hops}")];
        tags.extend(more.map(str::to_owned));
        Task {
            id: format!("{cluster}-{id}"),
            cluster: Some(cluster.clone()),
            tags,
            ..Task::default()
        }
    };
    let place_answer = |i: usize| json!(fill(kind.place_answer, &[("place", world.places[i])]));
    let mark_answer = |i: usize| json!(fill(kind.mark_answer, &[("mark", world.marks[i])]));
    [
        Task {
            prompt: ask(kind.place_question, near),
            reference: json!(world.places[near]),
            answer: Some(place_answer(near)),
            wrong: place_answer(world.exchange[1]),
            ..task("near", depths[0], 2, None)
        },
        Task {
            prompt: ask(kind.mark_question, far),
            reference: json!(world.marks[place]),
            answer: Some(mark_answer(place)),
            wrong: mark_answer(missed),
            ..task("far", depths[1], 3, moved.then_some("exchange"))
        },
    ]
}

/// Replaces `{name}` by its value.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), value)
    })
}

/// The document: facts in their places, the rest filled up, cut into dated entries.
fn write(
    dice: &mut Dice,
    kind: &Kind,
    world: &World,
    length: usize,
    planted: [(usize, usize); 2],
) -> String {
    let mut slots: Vec<Option<String>> = vec![None; length];
    let keeps = |dice: &mut Dice, i: usize| {
        fill(dice.pick(&kind.keeps), &[("who", world.people[i]), ("thing", world.things[i])])
    };
    for (thing, depth) in planted {
        put(&mut slots, depth * (length - 1) / 100, keeps(dice, thing));
    }
    // The exchange comes after every word on who lives where.
    let [a, b] = world.exchange;
    let late = length * 88 / 100;
    let names = [("who", world.people[a]), ("other", world.people[b])];
    put(&mut slots, late, fill(kind.exchange, &names));
    for i in 0..CAST {
        let (who, place, mark) = (world.people[i], world.places[i], world.marks[i]);
        let lives = fill(dice.pick(&kind.lives), &[("who", who), ("place", place)]);
        put_anywhere(dice, &mut slots[..late], lives);
        let bears = fill(dice.pick(&kind.bears), &[("place", place), ("mark", mark)]);
        put_anywhere(dice, &mut slots, bears);
        if planted.iter().all(|&(planted, _)| planted != i) {
            let keeps = keeps(dice, i);
            put_anywhere(dice, &mut slots, keeps);
        }
    }
    let mut fillers: Vec<&str> = kind.fillers.iter().chain(&EVERYWHERE).copied().collect();
    dice.shuffle(&mut fillers);
    let mut fillers = fillers.into_iter();
    let sentences: Vec<String> = slots
        .into_iter()
        .map(|slot| {
            slot.unwrap_or_else(|| {
                let filler = fillers.next().expect("the bank is larger than a document");
                fill(filler, &[("who", dice.pick(&world.people))])
            })
        })
        .collect();
    entries(dice, kind, &sentences)
}

/// Puts a sentence into the first free slot from `at` on, else into the last free one before it.
fn put(slots: &mut [Option<String>], at: usize, sentence: String) {
    let free = (at..slots.len()).chain((0..at).rev()).find(|&i| slots[i].is_none());
    slots[free.expect("more slots than facts")] = Some(sentence);
}

/// Puts a sentence into a free slot at random.
fn put_anywhere(dice: &mut Dice, slots: &mut [Option<String>], sentence: String) {
    let free: Vec<_> = (0..slots.len()).filter(|&i| slots[i].is_none()).collect();
    slots[dice.pick(&free)] = Some(sentence);
}

/// Cuts the sentences into entries of two to five under rising dates.
fn entries(dice: &mut Dice, kind: &Kind, sentences: &[String]) -> String {
    let mut text = kind.title.to_owned();
    let (mut day, mut month, mut rest) = (dice.between(1, 6), dice.index(6), sentences);
    while !rest.is_empty() {
        let (entry, later) = rest.split_at(rest.len().min(2 + dice.index(4)));
        let date = format!("{day} {}", MONTHS[month]);
        text.push_str(&format!("\n\n{}", fill(kind.heading, &[("date", &date)])));
        text.push_str(&entry.join(" "));
        rest = later;
        day += dice.between(1, 4);
        if day > 28 {
            (day, month) = (day - 28, month + 1);
        }
    }
    text
}

/// More than the longest document reaches from its latest beginning.
const MONTHS: [&str; 9] =
    ["March", "April", "May", "June", "July", "August", "September", "October", "November"];
