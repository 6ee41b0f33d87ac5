//! Choosing and filling tool calls: eight sets of tools, and [requests](crate::tool_requests) to
//! each. All parameters are required and every value follows from the request, so that one list
//! of calls is right.

use serde_json::{Map, Value, json};

use crate::folder::{Suite, Task};
use crate::tool_requests::{REQUESTS, Request};

/// The type of a parameter.
#[derive(Clone, Copy)]
enum Type {
    Text,
    Whole,
    Number,
    Flag,
    Texts,
    Of(&'static [&'static str]),
}

use Type::{Flag, Number, Of, Text, Texts, Whole};

/// A parameter: name, type, description.
type Parameter = (&'static str, Type, &'static str);

/// A tool: name, description, parameters.
type Tool = (&'static str, &'static str, &'static [Parameter]);

const DAY: &str = "Day as YYYY-MM-DD";
const CLOCK: &str = "Time as HH:MM, 24 hours";

/// The sets of tools, by name.
const TOOLSETS: [(&str, &[Tool]); 8] = [
    (
        "calendar",
        &[
            (
                "create_event",
                "Puts a new event into the calendar.",
                &[
                    ("title", Text, "Short title, as the user says it, lower case"),
                    ("date", Text, DAY),
                    ("start", Text, CLOCK),
                    ("minutes", Whole, "Length in minutes"),
                ],
            ),
            (
                "move_event",
                "Moves an event that is in the calendar already.",
                &[
                    ("event_id", Text, "The event's id"),
                    ("date", Text, "New day as YYYY-MM-DD"),
                    ("start", Text, "New start as HH:MM, 24 hours"),
                ],
            ),
            ("cancel_event", "Removes an event.", &[("event_id", Text, "The event's id")]),
            ("list_events", "Lists the events of one day.", &[("date", Text, DAY)]),
        ],
    ),
    (
        "shop",
        &[
            (
                "find_products",
                "Searches the shop.",
                &[
                    ("query", Text, "What is looked for: one word, singular, lower case"),
                    ("max_price_cents", Whole, "Highest price in cents"),
                    ("sort", Of(&["price", "rating", "newest"]), "Order of the results"),
                ],
            ),
            (
                "add_to_cart",
                "Puts an article into the cart.",
                &[("sku", Text, "Article number"), ("quantity", Whole, "How many")],
            ),
            (
                "return_item",
                "Begins the return of an article that was bought.",
                &[
                    ("order_id", Text, "The order"),
                    ("sku", Text, "Article number"),
                    ("reason", Of(&["damaged", "wrong_item", "not_wanted", "late"]), "Why"),
                ],
            ),
            ("track_order", "Says where an order is.", &[("order_id", Text, "The order")]),
        ],
    ),
    (
        "home",
        &[
            (
                "set_light",
                "Sets the lamps of a room.",
                &[
                    ("room", Of(&["kitchen", "bedroom", "hall", "study"]), "The room"),
                    ("percent", Whole, "Brightness, 0 is off"),
                ],
            ),
            (
                "set_heating",
                "Sets the wanted temperature of a room.",
                &[
                    ("room", Of(&["kitchen", "bedroom", "hall", "study"]), "The room"),
                    ("celsius", Number, "Degrees Celsius"),
                ],
            ),
            (
                "set_blind",
                "Opens or closes the blind of a room.",
                &[
                    ("room", Of(&["kitchen", "bedroom", "hall", "study"]), "The room"),
                    ("open", Flag, "Whether it is to be open"),
                ],
            ),
            (
                "read_sensor",
                "Reads a sensor.",
                &[("sensor", Of(&["door", "smoke", "outside_temperature", "rain"]), "Which")],
            ),
        ],
    ),
    (
        "travel",
        &[
            (
                "search_trains",
                "Looks for train connections.",
                &[
                    ("from", Text, "Town of departure"),
                    ("to", Text, "Town of arrival"),
                    ("date", Text, DAY),
                    ("arrive_by", Text, "Latest arrival as HH:MM, 24 hours"),
                ],
            ),
            (
                "search_flights",
                "Looks for flights.",
                &[
                    ("from", Text, "Three-letter airport code, capitals"),
                    ("to", Text, "Three-letter airport code, capitals"),
                    ("date", Text, DAY),
                    ("passengers", Whole, "How many people"),
                ],
            ),
            (
                "book_hotel",
                "Books a hotel room.",
                &[
                    ("hotel", Text, "Name of the hotel"),
                    ("arrival", Text, DAY),
                    ("nights", Whole, "How many nights"),
                    ("breakfast", Flag, "Whether breakfast is included"),
                ],
            ),
            (
                "currency",
                "Converts an amount of money.",
                &[
                    ("amount", Number, "How much"),
                    ("from", Text, "Three-letter currency code, capitals"),
                    ("to", Text, "Three-letter currency code, capitals"),
                ],
            ),
        ],
    ),
    (
        "files",
        &[
            (
                "search_files",
                "Finds files by name.",
                &[
                    ("folder", Text, "Absolute path of the folder, no slash at the end"),
                    ("pattern", Text, "Glob, as *.txt"),
                    ("recursive", Flag, "Whether folders inside it are searched too"),
                ],
            ),
            (
                "move_file",
                "Moves or renames one file.",
                &[("source", Text, "Absolute path"), ("target", Text, "Absolute path")],
            ),
            ("delete_file", "Deletes one file for good.", &[("path", Text, "Absolute path")]),
            (
                "archive",
                "Packs files into one archive; the files stay.",
                &[
                    ("paths", Texts, "Absolute paths, in the order given"),
                    ("target", Text, "Absolute path"),
                ],
            ),
        ],
    ),
    (
        "support",
        &[
            (
                "open_ticket",
                "Opens a ticket.",
                &[
                    (
                        "team",
                        Of(&["network", "hardware", "accounts", "software"]),
                        "Who handles it",
                    ),
                    (
                        "priority",
                        Of(&["low", "normal", "high"]),
                        "high: nobody can work; low: a wish",
                    ),
                    ("asset", Text, "Number of the machine, as PC-123"),
                ],
            ),
            (
                "reset_password",
                "Resets the password of a user.",
                &[
                    ("user", Text, "User name"),
                    ("notify", Of(&["sms", "letter", "manager"]), "How the user hears of it"),
                ],
            ),
            (
                "grant_access",
                "Gives a user access to a share until a day.",
                &[
                    ("user", Text, "User name"),
                    ("share", Text, "Name of the share"),
                    ("level", Of(&["read", "write"]), "What the user may do"),
                    ("until", Text, "Last day as YYYY-MM-DD"),
                ],
            ),
            ("close_ticket", "Closes a ticket.", &[("ticket", Whole, "Its number")]),
        ],
    ),
    (
        "data",
        &[
            (
                "aggregate",
                "Computes one figure per group of a table.",
                &[
                    ("table", Of(&["orders", "customers", "visits"]), "The table"),
                    ("column", Text, "The column that is computed on"),
                    ("function", Of(&["sum", "mean", "max", "count"]), "What is computed"),
                    ("group_by", Text, "The column that makes the groups"),
                ],
            ),
            (
                "top_rows",
                "Shows the first rows of a table in some order.",
                &[
                    ("table", Of(&["orders", "customers", "visits"]), "The table"),
                    ("order_by", Text, "The column"),
                    ("descending", Flag, "Largest first"),
                    ("limit", Whole, "How many rows"),
                ],
            ),
            (
                "export",
                "Writes a whole table to a file.",
                &[
                    ("table", Of(&["orders", "customers", "visits"]), "The table"),
                    ("format", Of(&["csv", "json", "parquet"]), "The format"),
                ],
            ),
            (
                "describe",
                "Lists a table's columns.",
                &[("table", Of(&["orders", "customers", "visits"]), "The table")],
            ),
        ],
    ),
    (
        "music",
        &[
            (
                "play",
                "Plays a piece of music in a room now.",
                &[
                    ("title", Text, "The title as the user writes it"),
                    ("room", Text, "The room, lower case"),
                    ("repeat", Flag, "Again and again"),
                ],
            ),
            (
                "set_volume",
                "Sets the volume of a room.",
                &[("room", Text, "The room, lower case"), ("percent", Whole, "0 to 100")],
            ),
            ("stop", "Stops the music of a room.", &[("room", Text, "The room, lower case")]),
            (
                "set_alarm",
                "Sets an alarm on the room's speaker.",
                &[
                    ("room", Text, "The room, lower case"),
                    ("time", Text, CLOCK),
                    (
                        "weekdays",
                        Texts,
                        "Days as mon, tue, wed, thu, fri, sat, sun, from Monday on",
                    ),
                ],
            ),
        ],
    ),
];

/// One task of each request.
pub fn suite() -> Suite {
    let tasks = REQUESTS.iter().enumerate().map(|(n, request)| task(n, request));
    Suite {
        name: "tools",
        description: "Choosing tools and filling their arguments, or seeing that none fits.",
        grader: "\"tool_call\"",
        prompt: None,
        max_tokens: None,
        tasks: tasks.collect(),
    }
}

fn task(n: usize, request: &Request) -> Task {
    let toolset = TOOLSETS.iter().find(|set| set.0 == request.toolset).expect("a known set");
    let id = format!("{}-{}", request.toolset, n % 6 + 1);
    let parse = |text: &str| -> Value {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{id}: {error} in {text}"))
    };
    let reference = parse(request.calls);
    let (tag, answer, wrong) = match request.prose {
        Some(prose) => ("irrelevance", Some(json!(prose)), parse(request.wrong)),
        None => {
            let calls = reference.as_array().expect("a list of calls");
            let tag = if calls.len() == 1 { "one-call" } else { "several-calls" };
            (tag, first_alternatives(&reference), parse(request.wrong))
        }
    };
    for calls in [&reference, &wrong] {
        check_calls(&id, toolset.1, calls);
    }
    let user = json!({"role": "user", "content": request.text});
    let messages = match request.before {
        Some((asked, answered)) => json!([
            {"role": "user", "content": asked},
            {"role": "assistant", "content": answered},
            user,
        ]),
        None => json!([user]),
    };
    Task {
        tags: vec![tag.to_owned()],
        messages: Some(messages),
        tools: Some(toolset.1.iter().map(definition).collect()),
        reference,
        answer,
        wrong,
        id,
        ..Task::default()
    }
}

/// The calls with the first of each `any_of`, or `None` where there is no such choice.
fn first_alternatives(reference: &Value) -> Option<Value> {
    let mut calls = reference.clone();
    let mut found = false;
    for call in calls.as_array_mut()? {
        for value in call["arguments"].as_object_mut()?.values_mut() {
            if let Some(first) = value.get("any_of").and_then(|all| all.get(0)).cloned() {
                found = true;
                *value = first;
            }
        }
    }
    found.then_some(calls)
}

/// Each call names a tool of the set and fills its parameters, all of them and no others.
fn check_calls(id: &str, tools: &[Tool], calls: &Value) {
    for call in calls.as_array().expect("a list of calls") {
        let tool = tools.iter().find(|tool| call["name"] == tool.0).expect("a tool of the set");
        let arguments = call["arguments"].as_object().expect("arguments");
        let mut names: Vec<_> = tool.2.iter().map(|parameter| parameter.0).collect();
        names.sort_unstable();
        let given: Vec<_> = arguments.keys().map(String::as_str).collect();
        assert_eq!(given, names, "{id}: the arguments of {}", tool.0);
    }
}

/// The tool as a request sends it.
fn definition(&(name, description, parameters): &Tool) -> Value {
    let mut properties = Map::new();
    for (name, kind, description) in parameters {
        let mut property = match kind {
            Text => json!({"type": "string"}),
            Whole => json!({"type": "integer"}),
            Number => json!({"type": "number"}),
            Flag => json!({"type": "boolean"}),
            Texts => json!({"type": "array", "items": {"type": "string"}}),
            Of(names) => json!({"type": "string", "enum": names}),
        };
        property["description"] = json!(description);
        properties.insert((*name).to_owned(), property);
    }
    let required: Vec<_> = parameters.iter().map(|parameter| parameter.0).collect();
    json!({
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "parameters": {
                "type": "object",
                "properties": properties,
                "required": required,
                "additionalProperties": false,
            },
        },
    })
}
