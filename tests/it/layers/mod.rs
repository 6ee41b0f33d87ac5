//! The structure that `src/ARCHITECTURE.md` promises: folders import from lower layers only, files
//! of a folder do not import each other in a cycle, `mod.rs` only declares, and the pure folders
//! have no async, no clock and no file.

mod source;
mod tree;

use std::path::Path;

use source::{Token, group_end};
use tree::Tree;

/// Folders by layer, lowest first.
const LAYERS: [&[&str]; 10] = [
    &["units", "stats"],
    &["catalog", "graders", "outcomes", "suite", "weights", "wire"],
    &["plan", "store", "client"],
    &["dispatch", "sim"],
    &["run", "grade"],
    &["aggregate"],
    &["tune"],
    &["report", "export"],
    &["app"],
    &["cli"],
];

/// Exceptions to the layers: (from, to, allowed).
const EXCEPTIONS: [(&str, &str, bool); 6] = [
    ("stats", "units", true),
    ("suite", "graders", true),
    ("report", "store", false),
    ("run", "sim", false),
    ("grade", "sim", false),
    ("aggregate", "sim", false),
];

/// Imports against the layers that are still there: (from, to).
const KNOWN_IMPORTS: [(&str, &str); 0] = [];

/// Folders whose files still import each other in a cycle.
const KNOWN_CYCLES: [&str; 0] = [];

/// `mod.rs` files that still hold more than declarations.
const KNOWN_BODIES: [&str; 0] = [];

/// Folders without async, clock and files.
const PURE: [&str; 4] = ["graders", "stats", "weights", "wire"];

fn tree() -> Tree {
    Tree::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
}

fn layer(folder: &str) -> usize {
    LAYERS
        .iter()
        .position(|layer| layer.contains(&folder))
        .unwrap_or_else(|| panic!("src/{folder} has no layer: add it to tests/it/layers"))
}

fn is_allowed(from: &str, to: &str) -> bool {
    if let Some((_, _, allowed)) = EXCEPTIONS.iter().find(|(f, t, _)| (*f, *t) == (from, to)) {
        return *allowed;
    }
    from == to || layer(to) < layer(from)
}

/// Imports against the layers: from, to, and where. A name that a folder re-exports from another is
/// an import of both.
fn upward(tree: &Tree) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    for edge in tree.edges() {
        let name = &tree.files[edge.from].name;
        let (Some(from), true) = (edge.from.first(), name.contains('/')) else { continue };
        let mut tops = vec![&edge.path[0], &edge.to[0]];
        tops.dedup();
        for to in tops {
            if !is_allowed(from, to) {
                let path = edge.path.join("::");
                found.push((from.clone(), to.clone(), format!("{name}:{}: {path}", edge.line)));
            }
        }
    }
    found
}

/// What a `mod.rs` holds beside `mod`, `use`, constants and attributes: line and token.
fn bodies(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for file in tree.files.values().filter(|f| f.name.ends_with("mod.rs") || f.name == "lib.rs") {
        if let Some(token) = first_body(&file.tokens) {
            found.push(format!("{}:{}: {}", file.name, token.line, token.text));
        }
    }
    found
}

fn first_body(tokens: &[Token]) -> Option<&Token> {
    let text = |i: usize| tokens.get(i).map_or("", |token| token.text.as_str());
    let mut i = 0;
    while i < tokens.len() {
        match text(i) {
            "#" => {
                let open = if text(i + 1) == "!" { i + 2 } else { i + 1 };
                i = group_end(tokens, open);
            }
            "pub" if text(i + 1) == "(" => i = group_end(tokens, i + 1),
            "pub" => i += 1,
            "mod" if text(i + 2) == ";" => i += 3,
            "use" => {
                let end = tokens[i..].iter().position(|token| token.text == ";");
                i += end.map_or(tokens.len(), |n| n + 1);
            }
            _ => return Some(&tokens[i]),
        }
    }
    None
}

/// Words of async, clocks and files in the pure folders.
fn impure(tree: &Tree) -> Vec<String> {
    const WORDS: [&str; 7] = ["async", "await", "tokio", "Clock", "Instant", "SystemTime", "File"];
    const STD: [&str; 5] = ["fs", "env", "net", "process", "thread"];
    let mut found = Vec::new();
    for (module, file) in &tree.files {
        if !module.first().is_some_and(|top| PURE.contains(&top.as_str())) {
            continue;
        }
        let text = |i: usize| file.tokens.get(i).map_or("", |token| token.text.as_str());
        for (i, token) in file.tokens.iter().enumerate() {
            let is_std = token.text == "std" && text(i + 1) == "::" && STD.contains(&text(i + 2));
            if is_std || WORDS.contains(&token.text.as_str()) {
                let word = if is_std { text(i + 2) } else { text(i) };
                found.push(format!("{}:{}: {word}", file.name, token.line));
            }
        }
    }
    found
}

#[test]
fn imports_point_downwards() {
    let tree = tree();
    assert!(tree.edges().len() > 500, "{}", tree.edges().len());
    let found = upward(&tree);
    let new: Vec<&str> = found
        .iter()
        .filter(|(from, to, _)| !KNOWN_IMPORTS.contains(&(from, to)))
        .map(|(_, _, at)| at.as_str())
        .collect();
    assert!(new.is_empty(), "{} imports against the layers:\n{}", new.len(), new.join("\n"));
    for known in KNOWN_IMPORTS {
        let is_there = found.iter().any(|(from, to, _)| (from.as_str(), to.as_str()) == known);
        assert!(is_there, "{known:?} is gone: remove it from KNOWN_IMPORTS");
    }
}

#[test]
fn files_of_a_folder_import_each_other_in_no_cycle() {
    let tree = tree();
    let cycles = tree.cycles();
    let folder = |cycle: &[&str]| cycle[0].split('/').next().unwrap_or_default().to_owned();
    let new: Vec<String> = cycles
        .iter()
        .filter(|cycle| !KNOWN_CYCLES.contains(&folder(cycle).as_str()))
        .map(|cycle| cycle.join(" "))
        .collect();
    assert!(new.is_empty(), "{} cycles:\n{}", new.len(), new.join("\n"));
    for known in KNOWN_CYCLES {
        let is_there = cycles.iter().any(|cycle| folder(cycle) == known);
        assert!(is_there, "{known} has no cycle: remove it from KNOWN_CYCLES");
    }
}

#[test]
fn mod_files_only_declare() {
    let found = bodies(&tree());
    let name = |at: &str| at.split(':').next().unwrap_or_default().to_owned();
    let new: Vec<&String> =
        found.iter().filter(|at| !KNOWN_BODIES.contains(&name(at).as_str())).collect();
    assert!(new.is_empty(), "{new:#?}");
    for known in KNOWN_BODIES {
        let is_there = found.iter().any(|at| name(at) == known);
        assert!(is_there, "{known} only declares: remove it from KNOWN_BODIES");
    }
}

#[test]
fn pure_folders_have_no_async_no_clock_no_file() {
    let found = impure(&tree());
    assert!(found.is_empty(), "{found:#?}");
}

/// Checks what a rule finds in a small tree.
fn check<T: Into<String>>(
    rule: impl Fn(&Tree) -> Vec<T>,
    files: &[(&str, &str)],
    expected: &[&str],
) {
    let found: Vec<String> = rule(&Tree::new(files)).into_iter().map(Into::into).collect();
    assert_eq!(found, expected, "{files:?}");
}

#[test]
fn a_planted_import_is_seen() {
    let rule = |tree: &Tree| upward(tree).into_iter().map(|(_, _, at)| at).collect::<Vec<_>>();
    let store = ("store/mod.rs", "mod read;\npub use read::Run;");
    let read = ("store/read.rs", "pub struct Run;");
    let check = |files: &[(&str, &str)], expected: &[&str]| {
        check(rule, &[files, &[store, read]].concat(), expected);
    };
    check(&[("report/a.rs", "use crate::units::Usd;\nfn f() {}")], &[]);
    check(&[("wire/a.rs", "use crate::store::Run;")], &["wire/a.rs:1: store::Run"]);
    let group = "use crate::{\n    units::Usd,\n    store::{self, read::Run},\n};";
    check(&[("wire/a.rs", group)], &["wire/a.rs:3: store", "wire/a.rs:3: store::read::Run"]);
    let inline = "fn f<'a>() -> char { crate::store::read::Run::<'a>::open(); '\"' }";
    check(&[("wire/a.rs", inline)], &["wire/a.rs:1: store::read::Run"]);
    let outside = "use super::super::store::Run;";
    check(
        &[("wire/b/c.rs", outside), ("wire/a.rs", "")],
        &["wire/b/c.rs:1: wire::store::Run"][..0],
    );
    check(&[("wire/a.rs", outside)], &["wire/a.rs:1: store::Run"]);
    check(
        &[("wire/b/c.rs", "use super::super::super::store::Run;")],
        &["wire/b/c.rs:1: store::Run"],
    );
    // What one folder re-exports from another is both folders'.
    let aggregate = ("aggregate/mod.rs", "pub use crate::store::Run as Row;");
    check(
        &[("report/a.rs", "use crate::aggregate::Row;"), aggregate],
        &["report/a.rs:1: aggregate::Row"],
    );
    // A test module ends where its braces end.
    let after = "#[cfg(test)]\nmod tests { use crate::app::X; }\nuse crate::store::Run;";
    check(&[("wire/a.rs", after)], &["wire/a.rs:3: store::Run"]);
    let hidden =
        "// use crate::store::Run;\n/* crate::store */ const A: &str = r#\"crate::store\"#;";
    check(&[("wire/a.rs", hidden)], &[]);
}

#[test]
fn a_planted_cycle_is_seen() {
    let rule = |tree: &Tree| tree.cycles().iter().map(|cycle| cycle.join(" ")).collect::<Vec<_>>();
    let check = |files: &[(&str, &str)], expected: &[&str]| check(rule, files, expected);
    let to = |name: &str| format!("use super::{name}::X;");
    let (a, b, c) = (to("a"), to("b"), to("c"));
    let module = ("wire/mod.rs", "mod a;\nmod b;\nmod c;\npub use b::Y;");
    check(&[module, ("wire/a.rs", &b), ("wire/b.rs", &c), ("wire/c.rs", "")], &[]);
    check(
        &[module, ("wire/a.rs", &b), ("wire/b.rs", &c), ("wire/c.rs", &a)],
        &["wire/a.rs wire/b.rs wire/c.rs"],
    );
    // Through a re-export of the parent, and by an inline path.
    let pair = &["wire/a.rs wire/b.rs"];
    check(&[module, ("wire/a.rs", "use crate::wire::Y;"), ("wire/b.rs", &a)], pair);
    check(&[module, ("wire/a.rs", "fn f() { super::b::f() }"), ("wire/b.rs", &a)], pair);
    // A parent and its child may import each other; what lies deeper counts.
    check(&[module, ("wire/a.rs", "mod d;\nuse d::X;"), ("wire/a/d.rs", "use super::Y;")], &[]);
    check(
        &[module, ("wire/a.rs", &b), ("wire/b.rs", ""), ("wire/b/d.rs", "use crate::wire::a::X;")],
        &[],
    );
    check(
        &[
            module,
            ("wire/a.rs", "use super::b::d::X;"),
            ("wire/b.rs", ""),
            ("wire/b/d.rs", "use crate::wire::a::X;"),
        ],
        &["wire/a.rs wire/b/d.rs"],
    );
    // Files that are there for tests do not count.
    let tests = ("wire/mod.rs", "mod a;\n#[cfg(test)]\npub(crate) mod b;");
    check(&[tests, ("wire/a.rs", &b), ("wire/b.rs", &a)], &[]);
}

#[test]
fn a_planted_body_is_seen() {
    let check = |text: &str, expected: &[&str]| check(bodies, &[("wire/mod.rs", text)], expected);
    check("//! Docs.\n#![doc = \"x\"]\n\nmod a;\npub(crate) mod b;\npub use a::{B, C};", &[]);
    check("#[cfg(test)]\nmod tests {\n    fn f() {}\n}\nmod a;", &[]);
    check("mod a;\n\npub struct A;", &["wire/mod.rs:3: struct"]);
    check("mod a;\n#[cfg(test)]\nmod tests {}\n\nfn f() {}", &["wire/mod.rs:5: fn"]);
    check("pub mod a { }", &["wire/mod.rs:1: mod"]);
}

#[test]
fn planted_impurity_is_seen() {
    let check = |text: &str, expected: &[&str]| check(impure, &[("wire/a.rs", text)], expected);
    check("use std::fmt;\n// tokio\nconst A: &str = \"async\";", &[]);
    check("#[cfg(test)]\nmod tests { use std::fs; }\nuse std::fs;", &["wire/a.rs:3: fs"]);
    check(
        "async fn f() {\n    std::thread::yield_now();\n}",
        &["wire/a.rs:1: async", "wire/a.rs:2: thread"],
    );
    check("fn f(clock: &crate::units::Clock) {}", &["wire/a.rs:1: Clock"]);
}

#[test]
fn a_folder_without_a_layer_is_refused() {
    assert!(std::panic::catch_unwind(|| layer("gateway")).is_err());
    assert!(!is_allowed("run", "grade") && !is_allowed("units", "stats"));
    assert!(!is_allowed("report", "store") && !is_allowed("wire", "graders"));
    assert!(is_allowed("report", "weights") && is_allowed("stats", "units"));
}
