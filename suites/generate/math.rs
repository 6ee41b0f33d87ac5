//! Word problems of two to six steps. Each template computes the answer, and the slip that a
//! hurried reader makes.

use serde_json::json;

use crate::chance::{Dice, NAMES};
use crate::folder::{Suite, Task};

/// A problem with its worked answer and a worked slip.
struct Problem {
    text: String,
    steps: u8,
    right: (String, String),
    slip: (String, String),
}

/// How a template makes a problem.
type Template = fn(&mut Dice) -> Problem;

const TEMPLATES: [(&str, Template); 24] = [
    ("shelves", shelves),
    ("change", change),
    ("buses", buses),
    ("discount", discount),
    ("before-sale", before_sale),
    ("posts", posts),
    ("leak", leak),
    ("meeting", meeting),
    ("ages", ages),
    ("mean", mean),
    ("mixture", mixture),
    ("together", together),
    ("fractions", fractions),
    ("overtime", overtime),
    ("recipe", recipe),
    ("map", map),
    ("parking", parking),
    ("doubling", doubling),
    ("tickets", tickets),
    ("rows", rows),
    ("overlap", overlap),
    ("plans", plans),
    ("paint", paint),
    ("pages", pages),
];

/// Two problems of each template.
pub fn suite() -> Suite {
    let mut tasks = Vec::new();
    for (name, template) in TEMPLATES {
        for n in 1..=2 {
            let id = format!("{name}-{n}");
            let problem = template(&mut Dice::new("math", &id));
            assert_ne!(problem.right.1, problem.slip.1, "{id}: the slip must be wrong");
            tasks.push(Task {
                id,
                tags: vec![format!("steps-{}", problem.steps)],
                prompt: Some(problem.text),
                reference: json!(problem.right.1),
                answer: Some(json!(format!("{} Answer: {}", problem.right.0, problem.right.1))),
                wrong: json!(format!("{} Answer: {}", problem.slip.0, problem.slip.1)),
                ..Task::default()
            });
        }
    }
    Suite {
        name: "math",
        description: "Word problems of two to six steps with one number as the answer.",
        grader: "\"number\"",
        prompt: Some(
            "{{ prompt }}\n\nShow your steps briefly. End with \"Answer: \" and the number alone, without its unit.",
        ),
        max_tokens: None,
        tasks,
    }
}

/// Puts a problem together; numbers are written as they come.
fn problem(
    text: String,
    steps: u8,
    right: (String, impl ToString),
    slip: (String, impl ToString),
) -> Problem {
    Problem {
        text,
        steps,
        right: (right.0, right.1.to_string()),
        slip: (slip.0, slip.1.to_string()),
    }
}

/// Cents as dollars: `1250` is `12.50`.
fn dollars(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// The quotient, which must have no remainder.
fn exactly(dividend: i64, divisor: i64) -> i64 {
    assert_eq!(dividend % divisor, 0, "{dividend} / {divisor} must come out even");
    dividend / divisor
}

/// The quotient, rounded up.
fn rounded_up(dividend: i64, divisor: i64) -> i64 {
    (dividend + divisor - 1) / divisor
}

fn shelves(dice: &mut Dice) -> Problem {
    let (shelves, jars, broken) = (dice.between(6, 14), dice.between(17, 36), dice.between(8, 19));
    let what = dice.pick(&["jars of honey", "tins of tea", "boxes of nails", "pots of glue"]);
    let (full, left) = (shelves * jars, shelves * jars - broken);
    problem(
        format!(
            "A storeroom has {shelves} shelves with {jars} {what} on each. After a flood {broken} of \
             them are thrown away, and half of the shelves are repainted. How many {what} are left?"
        ),
        2,
        (format!("{shelves} shelves of {jars} is {full}, minus {broken} is {left}."), left),
        (
            format!("Half of the {shelves} shelves hold {}, minus {broken}.", full / 2),
            full / 2 - broken,
        ),
    )
}

fn change(dice: &mut Dice) -> Problem {
    let [name] = dice.some(&NAMES);
    let (few, many) = (dice.between(2, 4), dice.between(5, 9));
    let (dear, cheap) = (dice.multiple(25, 325, 575), dice.multiple(5, 85, 195));
    let [first, second] = dice.some(&["notebooks", "candles", "lamps", "brushes", "pens"]);
    let total = few * dear + many * cheap;
    let paid = (total / 1000 + 1) * 1000;
    let slip = paid - (dear + cheap);
    problem(
        format!(
            "{name} buys {few} {first} at ${} each and {many} {second} at ${} each, and pays with \
             ${}. How many dollars of change does {name} get?",
            dollars(dear),
            dollars(cheap),
            paid / 100
        ),
        4,
        (
            format!(
                "{} + {} = {}; {} - {}.",
                dollars(few * dear),
                dollars(many * cheap),
                dollars(total),
                dollars(paid),
                dollars(total)
            ),
            dollars(paid - total),
        ),
        (
            format!("{} + {} = {}.", dollars(dear), dollars(cheap), dollars(dear + cheap)),
            dollars(slip),
        ),
    )
}

fn buses(dice: &mut Dice) -> Problem {
    let (seats, full) = (dice.between(38, 53), dice.between(4, 8));
    let people = seats * full + dice.between(3, 20);
    let teachers = dice.between(7, 15);
    let children = people - teachers;
    let needed = rounded_up(people, seats);
    problem(
        format!(
            "A school takes {children} children and {teachers} teachers to a museum. A bus has {seats} \
             seats for passengers, and everyone must sit. How many buses must the school book?"
        ),
        3,
        (format!("{children} + {teachers} = {people}; {people} / {seats} is over {full}."), needed),
        (format!("{people} / {seats} is about {full}."), full),
    )
}

fn discount(dice: &mut Dice) -> Problem {
    let price = dice.multiple(40, 120, 480);
    let (off, tax) = (dice.pick(&[15, 20, 25, 35]), dice.pick(&[5, 10, 20]));
    let what = dice.pick(&["coat", "desk", "bicycle", "radio"]);
    let reduced = exactly(price * 100 * (100 - off), 100);
    let paid = exactly(reduced * (100 + tax), 100);
    let slip = price * (100 - off + tax);
    problem(
        format!(
            "A {what} costs ${price}. In a sale it is {off} % cheaper, and at the till a tax of {tax} % \
             is added to the reduced price. How many dollars does one pay?"
        ),
        3,
        (format!("{price} less {off} % is {}; plus {tax} % tax.", dollars(reduced)), dollars(paid)),
        (format!("-{off} % and +{tax} % is {} % in all.", tax - off), dollars(slip)),
    )
}

fn before_sale(dice: &mut Dice) -> Problem {
    let before = dice.multiple(20, 160, 640);
    let off = dice.pick(&[15, 20, 30, 40]);
    let coupon = dice.between(3, 9);
    let sale = exactly(before * (100 - off), 100);
    let what = dice.pick(&["tent", "guitar", "sewing machine", "camera"]);
    problem(
        format!(
            "After a price cut of {off} % and a coupon worth ${coupon} taken off the cut price, a \
             {what} costs ${}. How many dollars did it cost before both?",
            sale - coupon
        ),
        3,
        (
            format!("Before the coupon {sale}; that is {} %, so 100 % is {before}.", 100 - off),
            before,
        ),
        (format!("{sale} plus {off} % of {sale}."), dollars(sale * (100 + off))),
    )
}

fn posts(dice: &mut Dice) -> Problem {
    let (gap, gaps) = (dice.between(3, 7), dice.between(24, 60));
    let (gate, length) = (dice.between(1, 3), gap * gaps);
    let [name] = dice.some(&NAMES);
    problem(
        format!(
            "{name} puts up a straight fence of {length} m with a post every {gap} m, one at each end \
             included. {gate} posts are already in the ground. How many more posts are needed?"
        ),
        3,
        (
            format!("{length} / {gap} = {gaps} gaps, so {} posts, minus {gate}.", gaps + 1),
            gaps + 1 - gate,
        ),
        (format!("{length} / {gap} = {gaps} posts, minus {gate}."), gaps - gate),
    )
}

fn leak(dice: &mut Dice) -> Problem {
    let (fill, lost) = (dice.between(18, 30), dice.between(3, 6));
    let (start, minutes) = (dice.multiple(10, 40, 120), dice.between(35, 70));
    let volume = start + minutes * (fill - lost);
    problem(
        format!(
            "A tank for {volume} litres already holds {start}. A pump adds {fill} litres a minute while \
             {lost} litres a minute leak out. After how many minutes is the tank full?"
        ),
        3,
        (
            format!("{} litres are missing, {} come each minute.", volume - start, fill - lost),
            minutes,
        ),
        (
            format!("{} litres are missing, {fill} come each minute.", volume - start),
            (volume - start) / fill,
        ),
    )
}

fn meeting(dice: &mut Dice) -> Problem {
    let (a, b) = (dice.multiple(5, 50, 80), dice.multiple(5, 55, 95));
    let (ahead, hours) = (dice.between(1, 2), dice.between(2, 5));
    let distance = a * ahead + (a + b) * hours;
    let plural = if ahead == 1 { "hour" } else { "hours" };
    problem(
        format!(
            "Two towns are {distance} km apart. A lorry leaves the first at {a} km/h. {ahead} {plural} \
             later a van leaves the second at {b} km/h on the same road towards it. How many km has \
             the lorry driven when they meet?"
        ),
        5,
        (
            format!(
                "Gap {} km closes at {} km/h in {hours} h; the lorry drove {} h.",
                distance - a * ahead,
                a + b,
                hours + ahead
            ),
            a * (hours + ahead),
        ),
        (format!("They close at {} km/h for {hours} h; {a} x {hours}.", a + b), a * hours),
    )
}

fn ages(dice: &mut Dice) -> Problem {
    let [elder, younger] = dice.some(&NAMES);
    let (times, young, later) = (dice.between(3, 5), dice.between(6, 12), dice.between(4, 9));
    let sum = young * (times + 1) + 2 * later;
    problem(
        format!(
            "{elder} is {times} times as old as {younger}. In {later} years their ages will add up to \
             {sum}. How old is {elder} now?"
        ),
        4,
        (
            format!("Now they sum to {}; / {} is {young}, x {times}.", sum - 2 * later, times + 1),
            times * young,
        ),
        (
            format!("{sum} - {later} = {}, split {times} to 1.", sum - later),
            (sum - later) * times / (times + 1),
        ),
    )
}

fn mean(dice: &mut Dice) -> Problem {
    let (n, before) = (dice.between(5, 9), dice.between(68, 79));
    let rise = dice.between(1, 2);
    let next = (before + rise) * (n + 1) - before * n;
    let [name] = dice.some(&NAMES);
    problem(
        format!(
            "The mean of {name}'s first {n} test results is {before}. After one more test it is {}. \
             What was the result of that test?",
            before + rise
        ),
        3,
        (format!("{} x {} - {before} x {n}.", before + rise, n + 1), next),
        (format!("The mean rose by {rise}, so {before} + {}.", 2 * rise), before + 2 * rise),
    )
}

fn mixture(dice: &mut Dice) -> Problem {
    let (weak, strong) = (dice.pick(&[5, 10, 15]), dice.pick(&[30, 40, 45]));
    let (more, less) = dice.pick(&[(4, 1), (3, 2), (12, 8), (16, 4)]);
    let water = (more + less) * dice.pick(&[1, 3]);
    let salt = more * weak + less * strong;
    let total = more + less + water;
    let slip = (weak + strong) / 2;
    let share = |hundredths: i64| {
        let text = dollars(hundredths);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    problem(
        format!(
            "{more} litres of a {weak} % salt solution, {less} litres of a {strong} % one and {water} \
             litres of pure water are stirred together. What percentage of the mixture is salt?"
        ),
        5,
        (format!("{} l of salt in {total} l.", share(salt)), share(exactly(salt * 100, total))),
        (format!("Half-way from {weak} to {strong}."), slip),
    )
}

fn together(dice: &mut Dice) -> Problem {
    let (a, b) = dice.pick(&[(3, 6), (4, 12), (6, 12), (10, 15), (12, 24), (5, 20)]);
    let [first, second] = dice.some(&NAMES);
    let rest = exactly(60 * (a - 1) * b, a + b);
    let mean = 30 * (a + b);
    problem(
        format!(
            "{first} needs {a} hours to paint a hall, {second} needs {b} hours. {first} paints alone \
             for one hour, then both paint together to the end. For how many minutes do they \
             paint together?"
        ),
        4,
        (format!("{}/{a} is left; together {}/{} an hour.", a - 1, a + b, a * b), rest),
        (format!("On average {mean} minutes, minus the first 60."), mean - 60),
    )
}

fn fractions(dice: &mut Dice) -> Problem {
    let total = dice.multiple(60, 180, 720);
    let (third, eaten) = (dice.pick(&[3, 4, 5]), dice.between(5, 18));
    let after = total - total / third;
    let quarter = if third == 4 { 3 } else { 4 };
    let rest = after - exactly(after, quarter) - eaten;
    let slip = after - total / quarter - eaten;
    let [name] = dice.some(&NAMES);
    let what = dice.pick(&["walnuts", "plums", "chestnuts", "apricots"]);
    problem(
        format!(
            "{name} picks {total} {what}, gives 1/{third} of them to a neighbour, sells 1/{quarter} of \
             what remains, and eats {eaten}. How many {what} does {name} still have?"
        ),
        4,
        (format!("{after} after the gift, {} after the sale, minus {eaten}.", rest + eaten), rest),
        (format!("{total} - {} - {} - {eaten}.", total / third, total / quarter), slip),
    )
}

fn overtime(dice: &mut Dice) -> Problem {
    let (rate, extra) = (2 * dice.between(8, 14), dice.between(3, 9));
    let (limit, deduction) = (dice.pick(&[36, 38, 40]), dice.between(20, 60));
    let gross = limit * rate + extra * rate * 3 / 2;
    let [name] = dice.some(&NAMES);
    problem(
        format!(
            "{name} earns ${rate} an hour, and half as much again for each hour above {limit} in a \
             week. This week {name} worked {} hours, and ${deduction} were deducted for tools. How \
             many dollars were paid out?",
            limit + extra
        ),
        5,
        (
            format!(
                "{limit} x {rate} = {}; {extra} x {} = {}; minus {deduction}.",
                limit * rate,
                rate * 3 / 2,
                extra * rate * 3 / 2
            ),
            gross - deduction,
        ),
        (format!("{} x {rate} - {deduction}.", limit + extra), (limit + extra) * rate - deduction),
    )
}

fn recipe(dice: &mut Dice) -> Problem {
    let (serves, grams) = (dice.pick(&[4, 6]), dice.multiple(60, 240, 420));
    let (guests, bag) = (dice.between(25, 47), dice.pick(&[500, 750]));
    let stock = dice.multiple(50, 100, 400);
    let need = exactly(grams, serves) * guests;
    let stock = if (need - stock) % bag == 0 { stock + 50 } else { stock };
    let bags = rounded_up(need - stock, bag);
    problem(
        format!(
            "A soup for {serves} people takes {grams} g of lentils. A cook expects {guests} guests, has \
             {stock} g of lentils, and can buy bags of {bag} g. How many bags must the cook buy?"
        ),
        4,
        (format!("Needs {need} g, lacks {}; / {bag}, rounded up.", need - stock), bags),
        (format!("Needs {need} g, lacks {}; / {bag}.", need - stock), bags - 1),
    )
}

fn map(dice: &mut Dice) -> Problem {
    let (scale, speed) = (dice.pick(&[3, 4, 5]), dice.pick(&[12, 15, 20]));
    let tenths = dice.multiple(20, 80, 160);
    let stop = dice.multiple(5, 20, 45);
    let km = exactly(tenths * scale, 10);
    let riding = exactly(km * 60, speed);
    problem(
        format!(
            "On a map 1 cm stands for {scale} km. A route is {}.{} cm long on it. A cyclist rides it at \
             {speed} km/h with one rest of {stop} minutes. How many minutes pass from start to end?",
            tenths / 10,
            tenths % 10
        ),
        4,
        (format!("{km} km at {speed} km/h is {riding} min, plus {stop}."), riding + stop),
        (format!("{km} km at {speed} km/h is {riding} min."), riding),
    )
}

fn parking(dice: &mut Dice) -> Problem {
    let (first, half) = (dice.multiple(50, 200, 400), dice.multiple(10, 70, 160));
    let (hour, minute) = (dice.between(8, 12), dice.between(4, 25));
    let stay = 60 + 30 * dice.between(3, 7) + dice.between(5, 25);
    let halves = rounded_up(stay - 60, 30);
    let end = hour * 60 + minute + stay;
    problem(
        format!(
            "A car park charges ${} for the first hour and ${} for each half hour begun after that. A \
             car comes at {hour}:{minute:02} and leaves at {}:{:02}. How many dollars does it pay?",
            dollars(first),
            dollars(half),
            end / 60,
            end % 60
        ),
        5,
        (
            format!(
                "{stay} min: 1 h and {halves} begun half hours; {} + {halves} x {}.",
                dollars(first),
                dollars(half)
            ),
            dollars(first + halves * half),
        ),
        (
            format!("{stay} min: 1 h and {} half hours.", halves - 1),
            dollars(first + (halves - 1) * half),
        ),
    )
}

fn doubling(dice: &mut Dice) -> Problem {
    let (start, sold, weeks) = (dice.between(20, 40), dice.between(9, 16), dice.between(3, 4));
    let (mut right, mut slip) = (start, start);
    let mut path = vec![start.to_string()];
    for _ in 0..weeks {
        right = right * 2 - sold;
        slip = (slip - sold) * 2;
        path.push(right.to_string());
    }
    let what = dice.pick(&["duckweed plants", "yeast jars", "water lilies", "seed potatoes"]);
    problem(
        format!(
            "A gardener starts with {start} {what}. Each week their number doubles, and then {sold} are \
             sold. How many {what} are there after {weeks} weeks?"
        ),
        6,
        (format!("{}.", path.join(", ")), right),
        (format!("Minus {sold}, times 2, {weeks} times."), slip),
    )
}

fn tickets(dice: &mut Dice) -> Problem {
    let (adults, children) = (dice.between(34, 78), dice.between(41, 96));
    let (dear, cheap) = (dice.between(11, 16), dice.between(5, 8));
    let (sum, revenue) = (adults + children, adults * dear + children * cheap);
    let place = dice.pick(&["puppet theatre", "swimming hall", "planetarium", "small zoo"]);
    problem(
        format!(
            "A {place} sold {sum} tickets for ${revenue} in all: adults pay ${dear}, children ${cheap}. \
             How many of the tickets were for children?"
        ),
        4,
        (
            format!(
                "All adults: {}; {} too much, / {}.",
                sum * dear,
                sum * dear - revenue,
                dear - cheap
            ),
            children,
        ),
        (
            format!(
                "All children: {}; {} missing, / {}.",
                sum * cheap,
                revenue - sum * cheap,
                dear - cheap
            ),
            adults,
        ),
    )
}

fn rows(dice: &mut Dice) -> Problem {
    let (row, full) = (dice.between(13, 19), dice.between(11, 17));
    let left = dice.between(2, row - 3);
    let left = if 2 * left == row { left + 1 } else { left };
    let (stacks, each) = (dice.between(3, 5), 10);
    let loose = row * full + left - stacks * each;
    problem(
        format!(
            "For a concert there are {stacks} stacks of {each} chairs and {loose} single ones. They are \
             set in rows of {row}. How many more chairs would fill the last row?"
        ),
        4,
        (
            format!("{} chairs: {full} rows and {left} over; {row} - {left}.", row * full + left),
            row - left,
        ),
        (format!("{} chairs: {full} rows and {left} over.", row * full + left), left),
    )
}

fn overlap(dice: &mut Dice) -> Problem {
    let (only_a, only_b) = (dice.between(21, 39), dice.between(12, 29));
    let (both, neither) = (dice.between(11, 25), dice.between(4, 10));
    let total = only_a + only_b + both + neither;
    let [one, other] = dice.some(&["chess", "rowing", "choir", "judo", "drama"]);
    problem(
        format!(
            "Of {total} pupils, {} are in the {one} club, {} in the {other} club and {neither} in \
             neither. How many are in both?",
            only_a + both,
            only_b + both
        ),
        3,
        (
            format!(
                "{} are in a club; {} + {} - {}.",
                total - neither,
                only_a + both,
                only_b + both,
                total - neither
            ),
            both,
        ),
        (format!("{} + {} - {total}.", only_a + both, only_b + both), both - neither),
    )
}

fn plans(dice: &mut Dice) -> Problem {
    let low = dice.between(6, 12);
    let (dear, cheap) = (dice.between(9, 14), dice.between(3, 6));
    let minutes = dice.multiple(10, 80, 300);
    // The fees differ by what so many minutes cost more under the first plan.
    let high = low * 100 + minutes * (dear - cheap);
    let [name] = dice.some(&NAMES);
    problem(
        format!(
            "Plan A costs ${low} a month and {dear} cents a minute, plan B ${} a month and {cheap} cents \
             a minute. From how many minutes a month on does {name} pay no more with B than with A?",
            dollars(high)
        ),
        4,
        (
            format!("B costs {} cents more, each minute saves {}.", high - low * 100, dear - cheap),
            minutes,
        ),
        (format!("B costs {} cents more; / {dear}.", high - low * 100), (high - low * 100) / dear),
    )
}

fn paint(dice: &mut Dice) -> Problem {
    let (length, height) = (dice.between(7, 13), dice.between(2, 4));
    let (windows, area) = (dice.between(2, 4), dice.between(1, 2));
    let (cover, tin) = (dice.between(6, 8), dice.pick(&[2, 3]));
    let wall = length * height - windows * area;
    let litres_per_tin = cover * tin;
    let right = rounded_up(2 * wall, litres_per_tin);
    let slip = rounded_up(wall, litres_per_tin);
    problem(
        format!(
            "A wall is {length} m long and {height} m high, with {windows} windows of {area} m² each. It \
             gets two coats of paint. A litre covers {cover} m², and paint comes in tins of {tin} \
             litres. How many tins are needed?"
        ),
        6,
        (format!("{wall} m² twice is {}; a tin covers {litres_per_tin}.", 2 * wall), right),
        (format!("{wall} m²; a tin covers {litres_per_tin}."), slip),
    )
}

fn pages(dice: &mut Dice) -> Problem {
    let (first, more, days) = (dice.between(12, 24), dice.between(3, 6), dice.between(6, 9));
    let read = (0..days).map(|day| first + more * day).sum::<i64>();
    let total = read + dice.between(30, 90);
    let [name] = dice.some(&NAMES);
    problem(
        format!(
            "{name} reads {first} pages of a book on the first day and each day {more} pages more than \
             the day before. The book has {total} pages. How many are left after {days} days?"
        ),
        5,
        (
            format!(
                "Last day {}; {days} x ({first} + {}) / 2 = {read}.",
                first + more * (days - 1),
                first + more * (days - 1)
            ),
            total - read,
        ),
        (format!("{days} days of {}.", first + more), total - days * (first + more)),
    )
}
