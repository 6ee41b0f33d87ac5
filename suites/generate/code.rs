//! Short Python programs and what they print. Each template runs its own logic here, in Rust: the
//! output is computed, never typed in. The slip is what one prints who misses the point.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::json;

use crate::chance::Dice;
use crate::folder::{Suite, Task};

/// A program, its output, and a plausible misreading.
struct Program {
    source: String,
    output: String,
    slip: String,
}

/// How a template makes a program.
type Template = fn(&mut Dice) -> Program;

const TEMPLATES: [(&str, &str, Template); 24] = [
    ("sum", "loop", filtered_sum),
    ("halving", "loop", halving),
    ("slices", "string", slices),
    ("stack", "list", stack),
    ("letters", "dict", letters),
    ("break", "loop", first_hit),
    ("default", "pitfall", mutable_default),
    ("floor", "number", floor_division),
    ("alias", "pitfall", alias),
    ("recursion", "function", recursion),
    ("join", "string", join),
    ("zip", "list", zip),
    ("filter", "list", comprehension),
    ("closure", "pitfall", late_binding),
    ("finally", "flow", finally),
    ("bits", "number", bits),
    ("sorted", "list", stable_sort),
    ("sets", "set", sets),
    ("for-else", "flow", for_else),
    ("format", "string", formatting),
    ("matrix", "list", matrix),
    ("scope", "pitfall", scope),
    ("truthy", "flow", truthy),
    ("methods", "string", methods),
];

/// Two programs of each template.
pub fn suite() -> Suite {
    let mut tasks = Vec::new();
    for (name, tag, template) in TEMPLATES {
        for n in 1..=2 {
            let id = format!("{name}-{n}");
            let program = template(&mut Dice::new("code", &id));
            assert_ne!(program.output, program.slip, "{id}: the slip must be wrong");
            tasks.push(Task {
                id,
                tags: vec![tag.to_owned()],
                prompt: Some(program.source),
                reference: json!(program.output),
                wrong: json!(program.slip),
                ..Task::default()
            });
        }
    }
    Suite {
        name: "code",
        description: "What a short Python program prints.",
        grader: "\"exact\"",
        prompt: Some(
            "What does this Python 3 program print?\n\n{{ prompt }}\n\nAnswer with the output alone, line for line: no code fence, no explanation.",
        ),
        max_tokens: None,
        tasks,
    }
}

fn program(source: String, output: impl ToString, slip: impl ToString) -> Program {
    Program { source, output: output.to_string(), slip: slip.to_string() }
}

/// A list of numbers as Python prints it.
fn list(items: &[i64]) -> String {
    format!("[{}]", items.iter().map(i64::to_string).collect::<Vec<_>>().join(", "))
}

/// A list of strings as Python prints it.
fn quoted(items: &[impl AsRef<str>]) -> String {
    let items: Vec<_> = items.iter().map(|item| format!("'{}'", item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}

/// Numbers drawn for a program.
fn numbers(dice: &mut Dice, n: usize, low: i64, high: i64) -> Vec<i64> {
    (0..n).map(|_| dice.between(low, high)).collect()
}

const WORDS: [&str; 14] = [
    "lantern", "marble", "orchard", "pebble", "saddle", "harbour", "cabbage", "mitten", "anchor",
    "barrel", "ribbon", "cellar", "hammock", "kettle",
];

fn filtered_sum(dice: &mut Dice) -> Program {
    let (end, modulus, rest) = (dice.between(17, 29), dice.between(3, 5), dice.between(1, 2));
    let step = dice.between(2, 4);
    let run = |last: i64| {
        let (mut total, mut i) = (0, 1);
        while i < last {
            total += if i % modulus == rest { i } else { -1 };
            i += step;
        }
        total
    };
    // The slip counts the end of the range in, and where that changes nothing forgets the -1.
    let slip = if run(end + 1) == run(end) { run(end) + 1 } else { run(end + 1) };
    program(
        format!(
            "total = 0\nfor i in range(1, {end}, {step}):\n    if i % {modulus} == {rest}:\n        total += i\n    else:\n        total -= 1\nprint(total)"
        ),
        run(end),
        slip,
    )
}

fn halving(dice: &mut Dice) -> Program {
    let (start, stop) = (dice.between(19, 45), dice.between(3, 6));
    let (mut n, mut steps, mut peak) = (start, 0, start);
    // It ends: the only cycles are 3-6 and 1-4-2, and both reach 3 or less.
    while n > stop {
        n = if n % 2 == 0 { n / 2 } else { n + 3 };
        steps += 1;
        peak = peak.max(n);
    }
    program(
        format!(
            "n = {start}\nsteps = 0\npeak = n\nwhile n > {stop}:\n    n = n // 2 if n % 2 == 0 else n + 3\n    steps += 1\n    peak = max(peak, n)\nprint(n, steps, peak)"
        ),
        format!("{n} {steps} {peak}"),
        format!("{n} {} {peak}", steps - 1),
    )
}

fn slices(dice: &mut Dice) -> Program {
    let word = dice.pick(&WORDS);
    let (from, step) = (dice.between(1, 2), dice.between(2, 3));
    let start = usize::try_from(from).expect("positive");
    let stride = usize::try_from(step).expect("positive");
    let back: String = word.chars().rev().collect();
    let cut = |text: &str| {
        let chars: Vec<_> = text.chars().collect();
        let inner: String = chars[start..chars.len() - 1].iter().step_by(stride).collect();
        let tail: String = chars[chars.len() - 2..].iter().collect();
        format!("{inner}-{tail}")
    };
    let slip = cut(word);
    program(
        format!("s = \"{word}\"[::-1]\nprint(s[{from}:-1:{step}] + \"-\" + s[-2:])"),
        cut(&back),
        slip,
    )
}

fn stack(dice: &mut Dice) -> Program {
    let values = numbers(dice, 5, 2, 9);
    let at = dice.between(1, 2);
    let put = dice.between(10, 19);
    let index = usize::try_from(at).expect("positive");
    let mut items = values.clone();
    let last = items.pop().expect("five were drawn");
    items.insert(index, put);
    let first = items.remove(0);
    items.extend([last, first]);
    let mut slip = values.clone();
    slip.pop();
    slip.insert(index, put);
    slip.remove(0);
    slip.extend([first, last]);
    if slip == items {
        slip.reverse();
    }
    program(
        format!(
            "items = {}\na = items.pop()\nitems.insert({at}, {put})\nb = items.pop(0)\nitems += [a, b]\nprint(items)",
            list(&values)
        ),
        list(&items),
        list(&slip),
    )
}

fn letters(dice: &mut Dice) -> Program {
    let [first, second] = dice.some(&WORDS);
    let mut counts: BTreeMap<char, i64> = BTreeMap::new();
    for c in first.chars().chain(second.chars()) {
        *counts.entry(c).or_default() += 1;
    }
    let mut order: Vec<_> = counts.into_iter().collect();
    // Sorted by count downwards, then by letter, which the map's order gives already.
    order.sort_by_key(|&(_, n)| -n);
    let text = |pairs: &[(char, i64)]| {
        pairs.iter().map(|(c, n)| format!("{c}{n}")).collect::<Vec<_>>().join(" ")
    };
    let mut slip = order[..3].to_vec();
    slip.sort_unstable();
    let slip = if slip == order[..3] { text(&order[..2]) } else { text(&slip) };
    program(
        format!(
            "counts = {{}}\nfor c in \"{first}{second}\":\n    counts[c] = counts.get(c, 0) + 1\ntop = sorted(counts.items(), key=lambda p: (-p[1], p[0]))[:3]\nprint(\" \".join(c + str(n) for c, n in top))"
        ),
        text(&order[..3]),
        slip,
    )
}

fn first_hit(dice: &mut Dice) -> Program {
    let (size, product) = (dice.between(5, 7), dice.pick(&[12, 20]));
    let run = |leave_both: bool| {
        let mut hits = Vec::new();
        'outer: for i in 1..=size {
            for j in 1..=size {
                if i * j == product {
                    hits.push(i * 10 + j);
                    if leave_both {
                        break 'outer;
                    }
                    break;
                }
                if j > i {
                    break;
                }
            }
        }
        hits
    };
    let slip = run(true);
    let output = run(false);
    program(
        format!(
            "hits = []\nfor i in range(1, {0}):\n    for j in range(1, {0}):\n        if i * j == {product}:\n            hits.append(i * 10 + j)\n            break\n        if j > i:\n            break\nprint(hits)",
            size + 1
        ),
        list(&output),
        list(&slip),
    )
}

fn mutable_default(dice: &mut Dice) -> Program {
    let [a, b, c, own] = dice.some(&[2, 3, 5, 7, 11, 13]);
    program(
        format!(
            "def add(x, seen=[]):\n    seen.append(x)\n    return sum(seen)\n\nprint(add({a}), add({b}), add({c}, [{own}]), add({c}))"
        ),
        format!("{a} {} {} {}", a + b, own + c, a + b + c),
        format!("{a} {b} {} {c}", own + c),
    )
}

fn floor_division(dice: &mut Dice) -> Program {
    let (a, b) = (dice.between(17, 48), dice.between(5, 9));
    let a = if a % b == 0 { a + 1 } else { a };
    // Python's quotient goes down, and its remainder has the divisor's sign.
    let quotient = (-a).div_euclid(b);
    let remainder = (-a).rem_euclid(b);
    let (down, signed) = (-(a / b) - 1, a % b - b);
    let third = quotient * remainder + down + signed;
    let (cut, rest) = (-(a / b), -(a % b));
    program(
        format!(
            "a, b = -{a}, {b}\nq, r = a // b, a % b\nprint(q, r, q * r + (-a) // -b + (-a) % -b)"
        ),
        format!("{quotient} {remainder} {third}"),
        format!("{cut} {rest} {}", cut * rest - a / b + a % b),
    )
}

fn alias(dice: &mut Dice) -> Program {
    let values = numbers(dice, 3, 1, 9);
    let (put, more) = (dice.between(20, 40), dice.between(41, 60));
    let (mut a, mut c) = (values.clone(), values.clone());
    a.push(put);
    c[0] = more;
    let mut inner = a.clone();
    inner[1] += 1;
    program(
        format!(
            "a = {}\nb = a\nc = a[:]\nb.append({put})\nc[0] = {more}\nd = [a, c]\nd[0][1] += 1\nprint(a, c, len(b))",
            list(&values)
        ),
        format!("{} {} {}", list(&inner), list(&c), inner.len()),
        format!("{} {} 4", list(&values), list(&c)),
    )
}

fn recursion(dice: &mut Dice) -> Program {
    fn value(n: i64, base: i64, back: i64) -> i64 {
        if n <= 1 { base + n } else { value(n - 1, base, back) + value(n - back, base, back) }
    }
    let (n, base, back) = (dice.between(6, 9), dice.between(1, 4), dice.between(2, 3));
    let right = value(n, base, back);
    program(
        format!(
            "def f(n):\n    if n <= 1:\n        return {base} + n\n    return f(n - 1) + f(n - {back})\n\nprint(f({n}))"
        ),
        right,
        value(n - 1, base, back),
    )
}

fn join(dice: &mut Dice) -> Program {
    let [first, second, third] = dice.some(&WORDS);
    let (times, cut) = (dice.between(2, 3), dice.between(2, 3));
    let repeat = usize::try_from(times).expect("positive");
    let at = usize::try_from(cut).expect("positive");
    let parts = [&first[..at], &second[at..], &third[..1]];
    let glue = "*".repeat(repeat);
    program(
        format!(
            "a, b, c = \"{first}\", \"{second}\", \"{third}\"\nparts = [a[:{cut}], b[{cut}:], c[0]]\nprint((\"*\" * {times}).join(parts).upper(), len(\"\".join(parts)))"
        ),
        format!("{} {}", parts.join(&glue).to_uppercase(), parts.concat().len()),
        format!("{}{glue} {}", parts.join(&glue).to_uppercase(), parts.concat().len()),
    )
}

fn zip(dice: &mut Dice) -> Program {
    let (xs, ys) = (numbers(dice, 5, 1, 9), numbers(dice, 4, 1, 9));
    let start = dice.between(1, 3);
    let pairs: Vec<i64> =
        (start..).zip(xs.iter().zip(&ys)).map(|(i, (x, y))| i * (x - y)).collect();
    let mut slip: Vec<i64> = (0..).zip(xs.iter().zip(&ys)).map(|(i, (x, y))| i * (x - y)).collect();
    slip.push(4 * xs[4]);
    program(
        format!(
            "xs = {}\nys = {}\nout = []\nfor i, (x, y) in enumerate(zip(xs, ys), start={start}):\n    out.append(i * (x - y))\nprint(out)",
            list(&xs),
            list(&ys)
        ),
        list(&pairs),
        list(&slip),
    )
}

fn comprehension(dice: &mut Dice) -> Program {
    let (count, k) = (dice.between(11, 16), dice.between(3, 4));
    let all: Vec<i64> = (0..count).filter(|n| n % k != 0).map(|n| n * n % 10).collect();
    let pick = |skip: usize| all.iter().copied().skip(skip).step_by(2).collect::<Vec<_>>();
    program(
        format!(
            "squares = [n * n % 10 for n in range({count}) if n % {k}]\nprint(squares[1::2], len(squares))"
        ),
        format!("{} {}", list(&pick(1)), all.len()),
        format!("{} {}", list(&pick(0)), all.len()),
    )
}

fn late_binding(dice: &mut Dice) -> Program {
    let (n, factor) = (dice.between(3, 5), dice.between(2, 6));
    let bound: Vec<i64> = (0..n).map(|i| i * factor).collect();
    let late = vec![(n - 1) * factor; bound.len()];
    program(
        format!(
            "late = [lambda: i * {factor} for i in range({n})]\nbound = [lambda i=i: i * {factor} for i in range({n})]\nprint([f() for f in late])\nprint(sum(f() for f in bound))"
        ),
        format!("{}\n{}", list(&late), bound.iter().sum::<i64>()),
        format!("{}\n{}", list(&bound), bound.iter().sum::<i64>()),
    )
}

fn finally(dice: &mut Dice) -> Program {
    let mut values: Vec<String> = numbers(dice, 3, 2, 9).iter().map(i64::to_string).collect();
    let bad = dice.pick(&["x", "", "2.5"]);
    values.insert(dice.index(3), bad.to_owned());
    let (mut right, mut slip, mut total) = (String::new(), String::new(), 0);
    for value in &values {
        if let Ok(number) = value.parse::<i64>() {
            total += number;
            right.push_str("ok;.");
            slip.push_str("ok;.");
        } else {
            // `continue` leaves through `finally`; the slip forgets that.
            right.push_str("bad;.");
            slip.push_str("bad;");
        }
    }
    program(
        format!(
            "log, total = \"\", 0\nfor text in {}:\n    try:\n        total += int(text)\n        log += \"ok;\"\n    except ValueError:\n        log += \"bad;\"\n        continue\n    finally:\n        log += \".\"\nprint(log, total)",
            quoted(&values)
        ),
        format!("{right} {total}"),
        format!("{slip} {total}"),
    )
}

fn bits(dice: &mut Dice) -> Program {
    let (a, b, shift) = (dice.between(21, 60), dice.between(9, 30), dice.between(1, 3));
    let right = format!("{} {} {}", a & b, a ^ b, (a | b) >> shift);
    program(
        format!("a, b = {a}, {b}\nprint(a & b, a ^ b, (a | b) >> {shift})"),
        right,
        format!("{} {} {}", a & b, a | b, (a ^ b) << shift),
    )
}

fn stable_sort(dice: &mut Dice) -> Program {
    let words: [&str; 5] = dice.some(&[
        "fig", "pear", "plum", "kiwi", "lime", "date", "apple", "mango", "grape", "nut", "melon",
    ]);
    let mut right = words.to_vec();
    // Stable: words of one length stay in their order, as Python's reverse keeps them too.
    right.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let mut slip = words.to_vec();
    slip.sort_by_key(|word| (std::cmp::Reverse(word.len()), *word));
    if slip == right {
        slip.reverse();
    }
    program(
        format!("words = {}\nprint(sorted(words, key=len, reverse=True))", quoted(&words)),
        quoted(&right),
        quoted(&slip),
    )
}

fn sets(dice: &mut Dice) -> Program {
    let (a, b) = (numbers(dice, 7, 1, 9), numbers(dice, 6, 1, 9));
    let distinct = |items: &[i64]| {
        let mut items = items.to_vec();
        items.sort_unstable();
        items.dedup();
        items
    };
    let (left, right) = (distinct(&a), distinct(&b));
    let one_only: Vec<i64> = (1..=9).filter(|n| left.contains(n) != right.contains(n)).collect();
    let union = (1..=9).filter(|n| left.contains(n) || right.contains(n)).count();
    program(
        format!(
            "a = {}\nb = {}\nprint(sorted(set(a) ^ set(b)), len(set(a + b)))",
            list(&a),
            list(&b)
        ),
        format!("{} {union}", list(&one_only)),
        format!("{} {}", list(&one_only), a.len() + b.len()),
    )
}

fn for_else(dice: &mut Dice) -> Program {
    let [first, second, third, fourth] = dice.some(&[15, 17, 19, 21, 23, 25, 27, 29, 35, 37]);
    let (mut right, mut slip) = (Vec::new(), Vec::new());
    for n in [first, second, third, fourth] {
        let divisor = (2..n).find(|d| n % d == 0);
        right.push(divisor.unwrap_or(n));
        if let Some(divisor) = divisor {
            slip.push(divisor);
        }
        slip.push(n);
    }
    program(
        format!(
            "out = []\nfor n in [{first}, {second}, {third}, {fourth}]:\n    for d in range(2, n):\n        if n % d == 0:\n            out.append(d)\n            break\n    else:\n        out.append(n)\nprint(out)"
        ),
        list(&right),
        list(&slip),
    )
}

fn formatting(dice: &mut Dice) -> Program {
    let (whole, hundredths) = (dice.between(3, 98), dice.between(11, 98));
    let (width, number) = (dice.between(7, 9), dice.between(1200, 98_000));
    let value = format!("{whole}.{hundredths:02}");
    let span = usize::try_from(width).expect("positive");
    let (left, middle) = (format!("{value:0>span$}"), format!("{}", number / 1000));
    let right = format!("{left}|{middle},{:03}|{number:<6x}|", number % 1000);
    let slip = format!("{value:>span$}|{middle},{:03}|{number:x}|", number % 1000);
    program(
        format!("x, n = {value}, {number}\nprint(f\"{{x:0{width}.2f}}|{{n:,}}|{{n:<6x}}|\")"),
        right,
        slip,
    )
}

fn matrix(dice: &mut Dice) -> Program {
    let rows = [numbers(dice, 3, 1, 9), numbers(dice, 3, 1, 9)];
    let columns: Vec<_> =
        (0..3).map(|c| list(&rows.iter().map(|row| row[c]).collect::<Vec<_>>())).collect();
    let sums: Vec<i64> = (0..3).map(|c| rows.iter().map(|row| row[c]).sum()).collect();
    let best = (0..3).max_by_key(|&c| (sums[c], std::cmp::Reverse(c))).expect("three columns");
    let source = format!(
        "m = [{}, {}]\nt = [list(col) for col in zip(*m)]\nbest = max(t, key=sum)\nprint(t[::-1], t.index(best))",
        list(&rows[0]),
        list(&rows[1])
    );
    let mut slip = format!("[{}]", columns.join(", "));
    let mut right = format!("[{}]", columns.iter().rev().cloned().collect::<Vec<_>>().join(", "));
    write!(right, " {best}").expect("a string takes all");
    write!(slip, " {best}").expect("a string takes all");
    program(source, right, slip)
}

fn scope(dice: &mut Dice) -> Program {
    let (start, local, step) = (dice.between(5, 20), dice.between(21, 40), dice.between(2, 9));
    program(
        format!(
            "x = {start}\n\ndef outer():\n    x = {local}\n    def inner():\n        nonlocal x\n        x += {step}\n        return x\n    inner()\n    return inner() + x\n\ndef shadow(x):\n    x -= {step}\n    return x\n\nprint(outer(), shadow(x), x)"
        ),
        format!("{} {} {start}", 2 * (local + 2 * step), start - step),
        format!("{} {} {}", 2 * (local + 2 * step), start - step, start - step),
    )
}

fn truthy(dice: &mut Dice) -> Program {
    let (a, b, c) = (dice.pick(&[0, 4, 7]), dice.between(2, 9), dice.between(11, 19));
    let word = dice.pick(&WORDS);
    let chosen = if a == 0 { c } else { b };
    let sides = 3 * i64::from(a < b && b < c) + i64::from(a == 0);
    program(
        format!(
            "a, b, c = {a}, {b}, {c}\nprint(a and b or c, [] or \"{word}\" or c, not a == b, (a < b < c) * 3 + (not a))"
        ),
        format!("{chosen} {word} {} {sides}", if a == b { "False" } else { "True" }),
        format!("True True {} {sides}", if a == b { "False" } else { "True" }),
    )
}

fn methods(dice: &mut Dice) -> Program {
    let [word, other] = dice.some(&WORDS);
    let letter = dice.pick(&["a", "e", "r"]);
    let text = format!("{word} and {other}");
    let title = text
        .split(' ')
        .map(|w| format!("{}{}", w[..1].to_uppercase(), &w[1..]))
        .collect::<Vec<_>>()
        .join(" ");
    let at = word.find(letter).map_or(-1, |i| i64::try_from(i).expect("short"));
    let replaced = text.replacen(letter, "_", 2);
    let end = dice.pick(&["z", "q"]);
    program(
        format!(
            "s = \"{word} and {other}\"\nprint(s.title().replace(\" And \", \"&\"))\nprint(\"{word}\".find(\"{letter}\"), s.find(\"{end}\"), s.replace(\"{letter}\", \"_\", 2))"
        ),
        format!("{}\n{at} -1 {replaced}", title.replace(" And ", "&")),
        format!("{}\n{} 0 {}", title.replace(" And ", "&"), at + 1, text.replace(letter, "_")),
    )
}
