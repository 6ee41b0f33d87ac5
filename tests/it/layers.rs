//! The layers of `src/ARCHITECTURE.md`, held: a folder imports only from lower layers, never
//! sideways, but for the exceptions listed here.

use std::fs;
use std::path::Path;

/// Folders by layer, lowest first.
const LAYERS: [&[&str]; 10] = [
    &["units", "stats"],
    &["catalog", "graders", "suite", "weights", "wire"],
    &["plan", "store", "client"],
    &["dispatch", "sim"],
    &["run", "grade"],
    &["aggregate"],
    &["tune"],
    &["report"],
    &["app"],
    &["cli"],
];

/// What a layer's rule would allow or forbid, and does not: (from, to, allowed).
const EXCEPTIONS: [(&str, &str, bool); 6] = [
    ("stats", "units", true),
    ("suite", "graders", true),
    ("report", "store", false),
    ("run", "sim", false),
    ("grade", "sim", false),
    ("aggregate", "sim", false),
];

fn layer(folder: &str) -> usize {
    LAYERS
        .iter()
        .position(|layer| layer.contains(&folder))
        .unwrap_or_else(|| panic!("src/{folder} has no layer: add it to tests/it/layers.rs"))
}

fn allowed(from: &str, to: &str) -> bool {
    if let Some((_, _, allowed)) = EXCEPTIONS.iter().find(|(f, t, _)| (*f, *t) == (from, to)) {
        return *allowed;
    }
    from == to || layer(to) < layer(from)
}

/// Every `crate::folder` that a file names, with its line.
fn imports(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        for (at, _) in line.match_indices("crate::") {
            let rest = &line[at + "crate::".len()..];
            let inner = rest.strip_prefix('{');
            let heads: Vec<&str> = match inner {
                Some(group) => group.split(',').map(str::trim).collect(),
                None => vec![rest],
            };
            for head in heads {
                let name: String =
                    head.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                if !name.is_empty() {
                    found.push((number + 1, name));
                }
            }
        }
    }
    found
}

/// Whether a file is only there for tests: its folder declares it below `#[cfg(test)]`.
fn is_for_tests(path: &Path) -> bool {
    let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
    let folder = fs::read_to_string(path.with_file_name("mod.rs")).unwrap_or_default();
    folder.contains(&format!("#[cfg(test)]\nmod {name};"))
}

fn files(folder: &Path, into: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn imports_point_downwards() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&src, &mut all);
    let mut wrong = Vec::new();
    let mut seen = 0;
    for path in all {
        let relative = path.strip_prefix(&src).expect("below src");
        let mut parts = relative.components();
        let from = parts.next().expect("a name").as_os_str().to_string_lossy().into_owned();
        if parts.next().is_none() {
            continue;
        }
        for (line, to) in imports(&fs::read_to_string(&path).expect("a source file")) {
            if !src.join(&to).is_dir() {
                continue;
            }
            seen += 1;
            if !allowed(&from, &to) {
                wrong.push(format!("{}:{line}: {from} imports {to}", relative.display()));
            }
        }
    }
    assert!(seen > 50, "the test reads imports: saw {seen}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_rule_itself() {
    assert!(allowed("report", "weights"));
    assert!(!allowed("report", "store"));
    assert!(!allowed("run", "grade"));
    assert!(!allowed("units", "stats"));
    assert!(!allowed("client", "store"));
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    assert!(
        is_for_tests(&src.join("stats/oracle.rs")) && !is_for_tests(&src.join("stats/mean.rs"))
    );
    assert_eq!(
        imports("use crate::{units::Usd, wire};"),
        [(1, "units".into()), (1, "wire".into())]
    );
}

#[test]
fn pure_layers_hold_no_async_no_clock_no_file() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&src.join("wire"), &mut all);
    files(&src.join("stats"), &mut all);
    files(&src.join("graders"), &mut all);
    for path in all.iter().filter(|path| !is_for_tests(path)) {
        let text = fs::read_to_string(path).expect("a source file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for word in ["async ", "tokio", "std::fs", "Clock", "std::time::Instant"] {
            let used = code.lines().any(|l| !l.trim_start().starts_with("//") && l.contains(word));
            assert!(!used, "{} uses {word}", path.display());
        }
    }
}
