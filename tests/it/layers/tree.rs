//! The modules of a source tree and the files that each of them imports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::source::{self, Import, Token};

/// A module: its path below the crate.
pub type Module = Vec<String>;

/// A file of the tree that is not there for tests only.
pub struct File {
    /// Its path below `src/`.
    pub name: String,
    pub tokens: Vec<Token>,
    imports: Vec<Import>,
}

/// A source tree.
pub struct Tree {
    pub files: BTreeMap<Module, File>,
}

/// What one line of a file imports.
pub struct Edge<'a> {
    pub from: &'a Module,
    pub line: usize,
    /// The path as written.
    pub path: &'a [String],
    /// The module in which the name is defined, with re-exports followed.
    pub to: Module,
}

/// Re-exports of re-exports end somewhere.
const MOST_REEXPORTS: usize = 16;

impl Tree {
    /// Reads every `.rs` file below a folder.
    pub fn open(src: &Path) -> Self {
        let mut texts = Vec::new();
        read_folder(src, src, &mut texts);
        Self::new(&texts)
    }

    /// A tree from names below `src/` and texts.
    pub fn new<S: AsRef<str>>(texts: &[(S, S)]) -> Self {
        let mut tests = BTreeSet::new();
        let mut files = BTreeMap::new();
        for (name, text) in texts {
            let (name, module) = (name.as_ref(), module_of(name.as_ref()));
            let code = source::read(text.as_ref());
            for test in code.test_modules {
                let mut path = module.clone();
                path.push(test);
                tests.insert(path);
            }
            let imports = source::imports(&code.tokens, &module);
            files.insert(module, File { name: name.to_owned(), tokens: code.tokens, imports });
        }
        files.retain(|module, _| !(1..=module.len()).any(|n| tests.contains(&module[..n])));
        Self { files }
    }

    /// Everything that the files import from other files.
    pub fn edges(&self) -> Vec<Edge<'_>> {
        let mut edges = Vec::new();
        for (from, file) in &self.files {
            for import in file.imports.iter().filter(|import| self.is_ours(from, import)) {
                let to = self.definition(&import.path, MOST_REEXPORTS);
                if to != *from && !to.is_empty() {
                    edges.push(Edge { from, line: import.line, path: &import.path, to });
                }
            }
        }
        edges
    }

    /// Whether a path that begins with a bare name begins with a module of ours.
    fn is_ours(&self, from: &Module, import: &Import) -> bool {
        let first = import.path.get(..=from.len());
        !import.is_bare || first.is_some_and(|first| self.files.contains_key(first))
    }

    /// The module in which the name at the end of a path is defined.
    fn definition(&self, path: &[String], hops: usize) -> Module {
        let mut module = Module::new();
        for (at, segment) in path.iter().enumerate() {
            module.push(segment.clone());
            if self.files.contains_key(&module) {
                continue;
            }
            module.pop();
            let Some(file) = self.files.get(&module) else { break };
            let bound = |import: &&Import| import.binds.as_ref() == Some(segment);
            let import = file.imports.iter().filter(bound).find(|i| self.is_ours(&module, i));
            if let (Some(import), Some(hops)) = (import, hops.checked_sub(1)) {
                let rest = path[at + 1..].iter();
                let target: Vec<String> = import.path.iter().chain(rest).cloned().collect();
                return self.definition(&target, hops);
            }
            break;
        }
        module
    }

    /// The cycles between files of one top folder, each as the sorted names of its files. Imports
    /// between a module and its parent are left out.
    pub fn cycles(&self) -> Vec<Vec<&str>> {
        let mut to: BTreeMap<&Module, BTreeSet<Module>> = BTreeMap::new();
        for edge in self.edges() {
            let is_parent = |a: &Module, b: &Module| b.len() == a.len() + 1 && b.starts_with(a);
            let same_folder = edge.from.first() == edge.to.first();
            if same_folder && !is_parent(edge.from, &edge.to) && !is_parent(&edge.to, edge.from) {
                to.entry(edge.from).or_default().insert(edge.to);
            }
        }
        let reached: BTreeMap<&Module, BTreeSet<&Module>> =
            self.files.keys().map(|from| (from, reachable(from, &to))).collect();
        let mut cycles = BTreeSet::new();
        for (from, all) in &reached {
            if all.contains(from) {
                let members = all.iter().filter(|other| reached[*other].contains(from));
                let names = members.map(|module| self.files[*module].name.as_str());
                cycles.insert(names.collect::<Vec<_>>());
            }
        }
        cycles.into_iter().collect()
    }
}

fn reachable<'a>(
    from: &Module,
    to: &'a BTreeMap<&Module, BTreeSet<Module>>,
) -> BTreeSet<&'a Module> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&Module> = vec![from];
    while let Some(module) = open.pop() {
        for next in to.get(module).into_iter().flatten() {
            if seen.insert(next) {
                open.push(next);
            }
        }
    }
    seen
}

/// `wire/server/mod.rs` → `wire`, `server`; `lib.rs` → nothing.
fn module_of(name: &str) -> Module {
    let name = name.strip_suffix(".rs").unwrap_or(name);
    let name = name.strip_suffix("mod").map_or(name, |folder| folder.trim_end_matches('/'));
    let parts = name.split('/').filter(|part| !matches!(*part, "" | "lib" | "main"));
    parts.map(str::to_owned).collect()
}

fn read_folder(folder: &Path, src: &Path, texts: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_folder(&path, src, texts);
        } else if path.extension().is_some_and(|e| e == "rs") && !path.ends_with("src/main.rs") {
            let name = path.strip_prefix(src).expect("below src");
            let name = name.to_string_lossy().replace('\\', "/");
            texts.push((name, std::fs::read_to_string(&path).expect("a source file")));
        }
    }
}
