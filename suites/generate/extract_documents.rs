//! The documents of the extraction suite. Each says more than is asked, and what is asked for has
//! a rival of the same kind in the text: an old date, a first total, another person.

use serde_json::json;

use crate::chance::{Dice, NAMES};
use crate::extract::{Document, Field, Form, Kind};

/// Every kind of document.
pub const DOCUMENTS: [Form; 12] = [
    Form { name: "invoice", fields: &INVOICE, write: invoice },
    Form { name: "order", fields: &ORDER, write: order },
    Form { name: "meeting", fields: &MEETING, write: meeting },
    Form { name: "vacancy", fields: &VACANCY, write: vacancy },
    Form { name: "shipment", fields: &SHIPMENT, write: shipment },
    Form { name: "rental", fields: &RENTAL, write: rental },
    Form { name: "sensor", fields: &SENSOR, write: sensor },
    Form { name: "trip", fields: &TRIP, write: trip },
    Form { name: "recipe", fields: &RECIPE, write: recipe },
    Form { name: "incident", fields: &INCIDENT, write: incident },
    Form { name: "contact", fields: &CONTACT, write: contact },
    Form { name: "match", fields: &MATCH, write: game },
];

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

const LAST: [&str; 12] = [
    "Okafor",
    "Lindqvist",
    "Marchetti",
    "Tanaka",
    "Novak",
    "Ferreira",
    "Haddad",
    "Byrne",
    "Castell",
    "Dvorak",
    "Engström",
    "Fontaine",
];

/// A day: in words, and as YYYY-MM-DD.
fn day(dice: &mut Dice, year: i64) -> (String, String) {
    let (day, month) = (dice.between(2, 28), dice.index(12));
    let text = match dice.index(3) {
        0 => format!("{day} {} {year}", MONTHS[month]),
        1 => format!("{} {day}, {year}", MONTHS[month]),
        _ => format!("{day:02}.{:02}.{year} (day first)", month + 1),
    };
    (text, format!("{year}-{:02}-{day:02}", month + 1))
}

fn person(dice: &mut Dice) -> String {
    format!("{} {}", dice.pick(&NAMES), dice.pick(&LAST))
}

/// Cents as a number with two decimals or fewer, and as text.
fn money(cents: i64) -> (serde_json::Value, String) {
    let text = format!("{}.{:02}", cents / 100, cents % 100);
    let number: f64 = text.parse().expect("two decimals");
    if cents % 100 == 0 { (json!(cents / 100), text) } else { (json!(number), text) }
}

const INVOICE: [Field; 4] = [
    ("number", "the invoice number", Kind::Text),
    ("due", "the day by which it must be paid", Kind::Date),
    ("total", "what must be paid, tax included", Kind::Number),
    ("currency", "the currency", Kind::Of(&["EUR", "USD", "GBP"])),
];

fn invoice(dice: &mut Dice) -> Document {
    let number = format!("{}-{}", dice.pick(&["RE", "INV", "F"]), dice.between(10_231, 98_976));
    let ((issued, _), (due, due_iso)) = (day(dice, 2023), day(dice, 2024));
    let (net, rate) = (dice.multiple(100, 12_000, 98_000), dice.pick(&[7, 19, 20, 21]));
    let (total, total_text) = money(net + net * rate / 100);
    let (net_value, net_text) = money(net);
    let (sign, currency) = dice.pick(&[("€", "EUR"), ("$", "USD"), ("£", "GBP")]);
    let order = dice.between(4000, 8999);
    let text = match dice.index(2) {
        0 => format!(
            "Invoice {number} of {issued}\nYour order {order}\nNet {sign}{net_text}\nTax {rate} %\nTo be \
             paid: {sign}{total_text}, at the latest on {due}. This replaces our draft D-{}.",
            order + 17
        ),
        _ => format!(
            "Dear customer, for order {order} we charge {sign}{net_text} plus {rate} % tax, in all \
             {sign}{total_text}. Please quote {number}. The goods left us on {issued}; we expect the \
             money by {due}."
        ),
    };
    Document {
        text,
        values: vec![json!(number), json!(due_iso), total, json!(currency)],
        slip: ("total", net_value),
    }
}

const LINE: [Field; 2] = [
    ("item", "the article, singular", Kind::Text),
    ("quantity", "how many in the end", Kind::Whole),
];
const ORDER: [Field; 3] = [
    ("customer", "the name of the one who pays", Kind::Text),
    ("lines", "what is ordered in the end", Kind::Objects(&LINE)),
    ("express", "whether express delivery is wanted", Kind::Flag),
];

fn order(dice: &mut Dice) -> Document {
    let (customer, other) = (person(dice), person(dice));
    let [a, b, c] = dice.some(&["lamp", "kettle", "stool", "clock", "basket", "mirror", "tray"]);
    let (n, m, changed) = (dice.between(2, 5), dice.between(6, 9), dice.between(10, 14));
    let express = dice.index(2) == 0;
    let wish = if express {
        "Standard delivery was too slow last time, so send it by express, please."
    } else {
        "Express is not worth the money to us; the usual delivery will do."
    };
    let (text, lines, slip) = match dice.index(2) {
        0 => (
            format!(
                "Hello, this is {other}, writing for {customer}, who will pay. We would like {n} {a}s \
                 and {m} {b}s. {wish} PS: make that {changed} {b}s. And no {c} this time."
            ),
            vec![(a, n), (b, changed)],
            vec![(a, n), (b, m)],
        ),
        _ => (
            format!(
                "To the shop: {changed} {a}s, {n} {b}s and a {c}, billed to {customer}, delivered to \
                 {other}. {wish}\nLater the same day: please cancel the {c}, the rest stands."
            ),
            vec![(a, changed), (b, n)],
            vec![(a, changed), (b, n), (c, 1)],
        ),
    };
    let list = |lines: Vec<(&str, i64)>| -> serde_json::Value {
        lines.into_iter().map(|(item, n)| json!({"item": item, "quantity": n})).collect()
    };
    Document {
        text,
        values: vec![json!(customer), list(lines), json!(express)],
        slip: ("lines", list(slip)),
    }
}

const MEETING: [Field; 4] = [
    ("date", "the day on which it now takes place", Kind::Date),
    ("start", "when it begins", Kind::Time),
    ("minutes", "how long it takes", Kind::Whole),
    ("room", "where, if anything is said of it", Kind::TextOrNull),
];

fn meeting(dice: &mut Dice) -> Document {
    let (who, boss) = (dice.pick(&NAMES), person(dice));
    let ((old, old_iso), (new, new_iso)) = (day(dice, 2025), day(dice, 2025));
    let (hour, minute) = (dice.between(1, 5), dice.pick(&[0, 15, 30, 45]));
    let (length, minutes) = dice.pick(&[
        ("an hour and a half", 90),
        ("three quarters of an hour", 45),
        ("two hours", 120),
        ("half an hour", 30),
    ]);
    let room = dice.pick(&[None, Some("Birch"), Some("Atrium"), Some("B2")]);
    let place = match room {
        Some(room) => format!("Room {room} is booked for us."),
        None => "No room is booked yet.".to_owned(),
    };
    Document {
        text: format!(
            "Hi {who},\nthe review with {boss} cannot be on {old}. It moves to {new}, {hour}:{minute:02} \
             in the afternoon, and takes {length}. {place} Lunch is at 12:30 as ever."
        ),
        values: vec![
            json!(new_iso),
            json!(format!("{:02}:{minute:02}", hour + 12)),
            json!(minutes),
            json!(room),
        ],
        slip: if dice.index(2) == 0 {
            ("start", json!(format!("{hour:02}:{minute:02}")))
        } else {
            ("date", json!(old_iso))
        },
    }
}

const VACANCY: [Field; 4] = [
    ("title", "the post", Kind::Text),
    ("hours", "hours a week", Kind::Whole),
    ("required", "the skills that are required", Kind::Texts),
    ("remote", "whether work from home is possible at all", Kind::Flag),
];

fn vacancy(dice: &mut Dice) -> Document {
    let title = dice.pick(&["bookkeeper", "lab technician", "tram driver", "archivist", "nurse"]);
    let skills: [&str; 4] = dice.some(&[
        "Spanish",
        "first aid",
        "typing",
        "welding",
        "statistics",
        "fire safety",
        "Polish",
    ]);
    let (hours, full) = (dice.pick(&[18, 20, 24, 30, 32]), dice.pick(&[38, 39, 40]));
    let remote = dice.index(2) == 0;
    let home = if remote {
        "Two days a week you may work from home."
    } else {
        "Work from home, alas, is out of the question."
    };
    let required = [skills[0], skills[1]];
    Document {
        text: format!(
            "We look for a {title}, {hours} hours a week (a full post with us has {full}). Without {} and \
             {} we cannot take you; {} is welcome, {} you will learn with us. {home}",
            skills[0], skills[1], skills[2], skills[3]
        ),
        values: vec![json!(title), json!(hours), json!(required), json!(remote)],
        slip: ("required", json!([skills[0], skills[1], skills[2]])),
    }
}

const SHIPMENT: [Field; 4] = [
    ("tracking", "the tracking code", Kind::Text),
    ("status", "the latest state", Kind::Of(&["in_transit", "delivered", "returned", "lost"])),
    ("parcels", "how many parcels the shipment has", Kind::Whole),
    ("weight_kg", "the weight of all together", Kind::Number),
];

fn shipment(dice: &mut Dice) -> Document {
    let tracking = format!("{}{}", dice.pick(&["QX", "LT", "BR"]), dice.between(100_200, 899_990));
    let (parcels, tenths) = (dice.between(2, 6), dice.between(11, 48));
    let (last, status) = dice.pick(&[
        ("handed to the consignee's neighbour", "delivered"),
        ("refused at the door; back at the sender's", "returned"),
        ("on the van again after a failed attempt", "in_transit"),
        ("declared missing after the search was ended", "lost"),
    ]);
    let weight: f64 = format!("{}.{}", parcels * tenths / 10, parcels * tenths % 10)
        .parse()
        .expect("one decimal");
    let (from, to) =
        (dice.pick(&["Lyon", "Porto", "Graz"]), dice.pick(&["Turku", "Cork", "Gdansk"]));
    Document {
        text: format!(
            "{tracking} | {from} > {to} | {parcels} parcels of {}.{} kg each\n06:10 left the depot in \
             {from}\n13:45 arrived in {to}, delivery planned\n17:20 {last}\n(previous shipment of this \
             sender: {}{})",
            tenths / 10,
            tenths % 10,
            &tracking[..2],
            dice.between(10_000, 99_999)
        ),
        values: vec![json!(tracking), json!(status), json!(parcels), json!(weight)],
        slip: (
            "weight_kg",
            json!(format!("{}.{}", tenths / 10, tenths % 10).parse::<f64>().expect("one decimal")),
        ),
    }
}

const RENTAL: [Field; 4] = [
    ("rooms", "the number of rooms", Kind::Whole),
    ("rent", "monthly cost with all charges, without the deposit", Kind::Whole),
    (
        "pets",
        "what is said of pets",
        Kind::Of(&["allowed", "forbidden", "on_request", "not_stated"]),
    ),
    ("free_from", "the first day of the tenancy", Kind::Date),
];

fn rental(dice: &mut Dice) -> Document {
    let (word, rooms) = dice.pick(&[("two", 2), ("three", 3), ("four", 4)]);
    let (cold, heat, water) =
        (dice.multiple(10, 520, 990), dice.multiple(5, 60, 110), dice.multiple(5, 15, 40));
    let (pets, state) = dice.pick(&[
        ("Cats and dogs are welcome.", "allowed"),
        ("Please, no animals of any kind.", "forbidden"),
        ("Ask us first if you have a pet.", "on_request"),
        ("The zoo is round the corner.", "not_stated"),
    ]);
    let (free, free_iso) = day(dice, 2025);
    Document {
        text: format!(
            "Bright flat with {word} rooms, {} m², on floor {}. The rent is {cold} a month; heating {heat} \
             and water {water} come on top. Deposit: {}. {pets} Viewing from Monday, free from {free}.",
            rooms * 24,
            rooms + 1,
            cold * 2
        ),
        values: vec![json!(rooms), json!(cold + heat + water), json!(state), json!(free_iso)],
        slip: ("rent", json!(cold)),
    }
}

const SENSOR: [Field; 4] = [
    ("station", "the station", Kind::Text),
    ("max_c", "the highest valid temperature", Kind::Number),
    ("readings", "how many readings are valid", Kind::Whole),
    ("alarm", "whether a valid reading was above the limit", Kind::Flag),
];

fn sensor(dice: &mut Dice) -> Document {
    let station = dice.pick(&["Weir-3", "Mast-7", "Pier-1", "Ridge-9"]);
    let limit = dice.between(24, 27) * 10;
    let mut tenths: Vec<i64> = (0..5).map(|_| dice.between(181, 289)).collect();
    tenths[4] += i64::from(tenths[4] % 10 == 0);
    let bad = dice.index(4);
    tenths[bad] = dice.between(402, 488);
    let decimal = |t: i64| format!("{}.{}", t / 10, t % 10);
    let value = |t: i64| json!(decimal(t).parse::<f64>().expect("one decimal"));
    let rows = (6..).zip(&tenths).map(|(hour, &t)| format!("{hour:02}:00 {}", decimal(t)));
    let rows = rows.enumerate().map(|(i, row)| if i == bad { row + " !" } else { row });
    let valid = tenths.iter().enumerate().filter(|(i, _)| *i != bad).map(|(_, &t)| t);
    let highest = valid.max().expect("four are valid");
    Document {
        text: format!(
            "Station {station}, degrees Celsius, limit {} (\"!\" marks a reading that is not valid)\n{}\n\
             Next service: Mast-4.",
            decimal(limit),
            rows.collect::<Vec<_>>().join("\n")
        ),
        values: vec![json!(station), value(highest), json!(4), json!(highest > limit)],
        slip: ("max_c", value(tenths[bad])),
    }
}

const LEG: [Field; 2] = [
    ("to", "where it ends", Kind::Text),
    ("by", "means", Kind::Of(&["train", "bus", "ferry", "car"])),
];
const TRIP: [Field; 3] = [
    ("traveller", "who travels", Kind::Text),
    ("legs", "the journey there, leg by leg", Kind::Objects(&LEG)),
    ("nights", "nights between arrival and return", Kind::Whole),
];

fn trip(dice: &mut Dice) -> Document {
    let (traveller, planner) = (person(dice), dice.pick(&NAMES));
    let [first, second, third] =
        dice.some(&["Bergen", "Ghent", "Split", "Rimini", "Oulu", "Nantes"]);
    let [one, other] = dice.some(&["train", "bus", "ferry", "car"]);
    let (arrive, stay) = (dice.between(3, 12), dice.between(2, 9));
    let month = dice.pick(&MONTHS);
    Document {
        text: format!(
            "{planner} has planned it for {traveller}: from {first} to {second} by {one}, because the \
             {other} was full, then on to {third} by {other}. Arrival is on {arrive} {month}, and on {} \
             {month} the way back begins, this time non-stop.",
            arrive + stay
        ),
        values: vec![
            json!(traveller),
            json!([{"to": second, "by": one}, {"to": third, "by": other}]),
            json!(stay),
        ],
        slip: if dice.index(2) == 0 {
            ("nights", json!(stay + 1))
        } else {
            ("legs", json!([{"to": first, "by": one}, {"to": third, "by": other}]))
        },
    }
}

const RECIPE: [Field; 4] = [
    ("dish", "the dish", Kind::Text),
    ("serves", "for how many people", Kind::Whole),
    ("total_minutes", "all times added up", Kind::Whole),
    ("optional", "ingredients that may be left out", Kind::Texts),
];

fn recipe(dice: &mut Dice) -> Document {
    let dish = dice.pick(&["barley soup", "leek tart", "plum crumble", "bean stew"]);
    let extras: [&str; 4] =
        dice.some(&["thyme", "cream", "walnuts", "raisins", "lemon peel", "parsley"]);
    let (prepare, rest, cook) =
        (dice.multiple(5, 10, 25), dice.multiple(10, 30, 60), dice.multiple(5, 35, 75));
    let serves = dice.between(3, 8);
    Document {
        text: format!(
            "{}{}, enough for {serves}. Prepare for {prepare} minutes, let it rest for {rest}, cook for \
             {cook}. You cannot do without {} and {}. Those who like it add {}; {} is nice but not needed either.",
            dish[..1].to_uppercase(),
            &dish[1..],
            extras[0],
            extras[1],
            extras[2],
            extras[3]
        ),
        values: vec![
            json!(dish),
            json!(serves),
            json!(prepare + rest + cook),
            json!([extras[2], extras[3]]),
        ],
        slip: ("total_minutes", json!(prepare + cook)),
    }
}

const INCIDENT: [Field; 4] = [
    ("service", "the service at fault", Kind::Text),
    ("began", "when users were first affected", Kind::Time),
    ("minutes", "how long users were affected", Kind::Whole),
    (
        "cause",
        "the kind of cause",
        Kind::Of(&["deploy", "hardware", "network", "human", "unknown"]),
    ),
];

fn incident(dice: &mut Dice) -> Document {
    let [service, victim] = dice.some(&["ledger", "search", "mailer", "gateway", "thumbnails"]);
    let (hour, minute, lasted) = (dice.between(7, 20), dice.between(5, 20), dice.between(21, 37));
    let noticed = dice.between(4, 9);
    let (story, cause) = dice.pick(&[
        ("a disk had died", "hardware"),
        ("the release of that morning was rolled back", "deploy"),
        ("someone had deleted the wrong table by hand", "human"),
        ("a fibre had been cut between the two sites", "network"),
        ("nobody has found out why", "unknown"),
    ]);
    Document {
        text: format!(
            "From {hour:02}:{minute:02} on users of {victim} saw errors. The alarm came at \
             {hour:02}:{:02}. {victim} itself was sound: {service}, on which it depends, answered no \
             more; {story}. At {hour:02}:{:02} all was well for users; the ticket was closed at {:02}:30.",
            minute + noticed,
            minute + lasted,
            hour + 2
        ),
        values: vec![
            json!(service),
            json!(format!("{hour:02}:{minute:02}")),
            json!(lasted),
            json!(cause),
        ],
        slip: if dice.index(2) == 0 {
            ("service", json!(victim))
        } else {
            ("minutes", json!(lasted - noticed))
        },
    }
}

const CONTACT: [Field; 4] = [
    ("name", "given name and family name", Kind::Text),
    ("company", "the present employer", Kind::Text),
    ("phone", "the mobile number, digits only, with 00 before the country code", Kind::Text),
    ("email", "the address, if given", Kind::TextOrNull),
];

fn contact(dice: &mut Dice) -> Document {
    let (first, last) = (dice.pick(&NAMES), dice.pick(&LAST[..10]));
    let [company, former] =
        dice.some(&["Falk Optics", "Nordhaven Ltd", "Brack & Sons", "Atelier Juno", "Tessel AG"]);
    let country = dice.pick(&[31, 47, 351, 420]);
    let (a, b) = (dice.between(200, 989), dice.between(1000, 9890));
    let email = dice.index(2) == 0;
    let address = format!("{}@{}.example", last.to_lowercase(), former[..4].to_lowercase().trim());
    let mail = if email {
        format!("Mail still goes to {address}.")
    } else {
        "The mail address will follow.".to_owned()
    };
    Document {
        text: format!(
            "{}, {first} - formerly {former}, with {company} since May\nOffice +{country} 55 {}\nMobile \
             +{country} (0) {a} {b}\n{mail}",
            last.to_uppercase(),
            dice.between(1000, 9999)
        ),
        values: vec![
            json!(format!("{first} {last}")),
            json!(company),
            json!(format!("00{country}{a}{b}")),
            json!(email.then_some(address)),
        ],
        slip: ("phone", json!(format!("00{country}0{a}{b}"))),
    }
}

const MATCH: [Field; 4] = [
    ("home", "the home team", Kind::Text),
    ("score", "the final score, home first, as 3-1", Kind::Text),
    ("scorers", "who scored for the home team, each once", Kind::Texts),
    ("spectators", "how many watched", Kind::Whole),
];

fn game(dice: &mut Dice) -> Document {
    let [home, away] =
        dice.some(&["Alder Town", "Port Vale Rovers", "Hillside", "Red Mill", "Saltmarsh"]);
    let [one, other, rival] = dice.some(&LAST);
    let goals = dice.between(1, 2);
    let twice = if goals == 2 { "twice" } else { "once" };
    let thousands = dice.between(2, 9);
    let rest = dice.between(101, 899);
    Document {
        text: format!(
            "{away} led at half-time through {rival}. After the break the hosts, {home}, turned the game: \
             {one} struck {twice}, then {other} made it {}-1. A last goal by {rival} was disallowed. \
             {thousands},{rest} came, {} fewer than last week.",
            goals + 1,
            dice.between(120, 480)
        ),
        values: vec![
            json!(home),
            json!(format!("{}-1", goals + 1)),
            json!([one, other]),
            json!(thousands * 1000 + rest),
        ],
        slip: if dice.index(2) == 0 {
            ("score", json!(format!("{}-2", goals + 1)))
        } else {
            ("home", json!(away))
        },
    }
}
