//! Rust source as the rules read it: tokens without comments, texts and test modules, and the paths
//! that a file names.

/// A word, a number or a punctuation mark, with its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub line: usize,
}

/// A path below the crate that a file names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    pub line: usize,
    /// From the crate's root, without `crate`.
    pub path: Vec<String>,
    /// The name that a `use` binds; `*` for a glob.
    pub binds: Option<String>,
    /// Whether the path begins with a bare name, which may be another crate.
    pub is_bare: bool,
}

/// The code of a file, and the modules that it declares for tests only.
pub struct Code {
    pub tokens: Vec<Token>,
    pub test_modules: Vec<String>,
}

/// Reads a file: everything but comments, texts, and `#[cfg(test)]` modules.
pub fn read(text: &str) -> Code {
    strip_test_modules(&tokens(text))
}

fn tokens(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let (mut found, mut i, mut line) = (Vec::new(), 0, 1);
    while i < chars.len() {
        let start = i;
        let c = at(i);
        if c == '/' && at(i + 1) == '/' {
            i = skip_while(&chars, i, |c| c != '\n');
        } else if c == '/' && at(i + 1) == '*' {
            i = comment_end(&chars, i);
        } else if let Some(end) = text_end(&chars, i) {
            found.push(Token { text: "\"\"".to_owned(), line });
            i = end;
        } else if c.is_alphanumeric() || c == '_' {
            i = skip_while(&chars, i, |c| c.is_alphanumeric() || c == '_');
            found.push(Token { text: chars[start..i].iter().collect(), line });
        } else if c == ':' && at(i + 1) == ':' {
            i += 2;
            found.push(Token { text: "::".to_owned(), line });
        } else {
            i += 1;
            if !c.is_whitespace() {
                found.push(Token { text: c.to_string(), line });
            }
        }
        line += chars[start..i].iter().filter(|c| **c == '\n').count();
    }
    found
}

fn skip_while(chars: &[char], from: usize, goes_on: impl Fn(char) -> bool) -> usize {
    chars[from..].iter().position(|c| !goes_on(*c)).map_or(chars.len(), |n| from + n)
}

/// The end of a block comment, which may hold others.
fn comment_end(chars: &[char], from: usize) -> usize {
    let (mut i, mut depth) = (from, 0);
    while i < chars.len() {
        match (chars[i], chars.get(i + 1)) {
            ('/', Some('*')) => (i, depth) = (i + 2, depth + 1),
            ('*', Some('/')) => (i, depth) = (i + 2, depth - 1),
            _ => i += 1,
        }
        if depth == 0 {
            break;
        }
    }
    i
}

/// The end of the text, byte text, raw text, character or lifetime that begins here.
fn text_end(chars: &[char], from: usize) -> Option<usize> {
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut i = from;
    if matches!(at(i), 'b' | 'c') && matches!(at(i + 1), '"' | '\'' | 'r') {
        i += 1;
    }
    if at(i) == 'r' && matches!(at(i + 1), '"' | '#') {
        let hashes = skip_while(chars, i + 1, |c| c == '#') - (i + 1);
        if at(i + 1 + hashes) != '"' {
            return None;
        }
        let end: Vec<char> = std::iter::once('"').chain(std::iter::repeat_n('#', hashes)).collect();
        let body = i + 2 + hashes;
        let close = chars[body..].windows(end.len()).position(|w| w == end.as_slice());
        return Some(close.map_or(chars.len(), |n| body + n + end.len()));
    }
    let quote = at(i);
    if quote == '\'' && at(i + 1) != '\\' && at(i + 2) != '\'' {
        return Some(skip_while(chars, i + 1, |c| c.is_alphanumeric() || c == '_'));
    }
    if !matches!(quote, '"' | '\'') {
        return None;
    }
    i += 1;
    while i < chars.len() && chars[i] != quote {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    Some((i + 1).min(chars.len()))
}

fn strip_test_modules(tokens: &[Token]) -> Code {
    let text = |i: usize| tokens.get(i).map_or("", |token| token.text.as_str());
    let mut code = Code { tokens: Vec::new(), test_modules: Vec::new() };
    let mut i = 0;
    while i < tokens.len() {
        if text(i) == "#" && text(i + 1) == "[" && text(i + 2) == "cfg" {
            let condition = &tokens[i..group_end(tokens, i + 1)];
            let names = |name: &str| condition.iter().any(|token| token.text == name);
            let mut item = group_end(tokens, i + 1);
            while text(item) == "#" {
                item = group_end(tokens, item + 1);
            }
            if text(item) == "pub" {
                item += 1;
                if text(item) == "(" {
                    item = group_end(tokens, item);
                }
            }
            if names("test") && !names("not") && text(item) == "mod" {
                if text(item + 2) == ";" {
                    code.test_modules.push(text(item + 1).to_owned());
                    i = item + 3;
                } else {
                    i = group_end(tokens, item + 2);
                }
                continue;
            }
        }
        code.tokens.push(tokens[i].clone());
        i += 1;
    }
    code
}

/// The position after the bracket that closes the one at `open`.
pub fn group_end(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (i, token) in tokens.iter().enumerate().skip(open) {
        match token.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return i + 1;
        }
    }
    tokens.len()
}

/// The paths below the crate that the code of a module names, in `use` and elsewhere.
pub fn imports(tokens: &[Token], module: &[String]) -> Vec<Import> {
    let text = |i: usize| tokens.get(i).map_or("", |token| token.text.as_str());
    let mut found = Vec::new();
    // Modules written inside the file: the depth of their braces.
    let (mut inner, mut depth) = (Vec::<(usize, String)>::new(), 0);
    let mut i = 0;
    while i < tokens.len() {
        match text(i) {
            "{" => {
                if i >= 2 && text(i - 2) == "mod" {
                    inner.push((depth, text(i - 1).to_owned()));
                }
                depth += 1;
            }
            "}" => {
                depth -= 1;
                inner.pop_if(|(at, _)| *at == depth);
            }
            _ => {}
        }
        let is_use = i > 0 && text(i - 1) == "use" && (is_name(text(i)) || text(i) == "{");
        let is_rooted = matches!(text(i), "crate" | "super" | "self")
            && text(i + 1) == "::"
            && (i == 0 || !matches!(text(i - 1), "::" | "$"));
        if is_use || is_rooted {
            let base = module.iter().cloned().chain(inner.iter().map(|(_, name)| name.clone()));
            let base: Vec<String> = base.collect();
            i = read_tree(tokens, i, &Prefix::Start(base), is_use, &mut found);
        } else {
            i += 1;
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The path that was read so far.
#[derive(Clone)]
enum Prefix {
    /// Nothing yet, in this module.
    Start(Vec<String>),
    Path {
        path: Vec<String>,
        is_bare: bool,
    },
}

impl Prefix {
    fn then(&self, segment: &str) -> Self {
        match self {
            Self::Start(module) => {
                let mut path = module.clone();
                match segment {
                    "crate" => path.clear(),
                    "self" => {}
                    "super" => drop(path.pop()),
                    name => path.push(name.to_owned()),
                }
                let is_bare = !matches!(segment, "crate" | "self" | "super");
                Self::Path { path, is_bare }
            }
            Self::Path { path, is_bare } => {
                let mut path = path.clone();
                match segment {
                    "super" => drop(path.pop()),
                    "self" | "*" => {}
                    name => path.push(name.to_owned()),
                }
                Self::Path { path, is_bare: *is_bare }
            }
        }
    }
}

/// Reads one path, or a tree of them in braces; gives the position after it.
fn read_tree(
    tokens: &[Token],
    from: usize,
    prefix: &Prefix,
    is_use: bool,
    found: &mut Vec<Import>,
) -> usize {
    let text = |i: usize| tokens.get(i).map_or("", |token| token.text.as_str());
    let (mut i, mut prefix, mut last) = (from, prefix.clone(), "");
    loop {
        if text(i) == "{" {
            i += 1;
            while i < tokens.len() && text(i) != "}" {
                let end = read_tree(tokens, i, &prefix, is_use, found);
                i = if text(end) == "," { end + 1 } else { end.max(i + 1) };
                if text(end) == "}" {
                    i = end;
                }
            }
            return i + 1;
        }
        if !is_name(text(i)) && text(i) != "*" {
            break;
        }
        (prefix, last) = (prefix.then(text(i)), text(i));
        i += 1;
        if text(i) != "::" || text(i + 1) == "<" {
            break;
        }
        i += 1;
    }
    let mut binds = last.to_owned();
    if is_use && text(i) == "as" {
        text(i + 1).clone_into(&mut binds);
        i += 2;
    }
    if let Prefix::Path { path, is_bare } = prefix {
        if binds == "self" {
            binds = path.last().cloned().unwrap_or_default();
        }
        let line = tokens[from.min(tokens.len() - 1)].line;
        found.push(Import { line, path, binds: is_use.then_some(binds), is_bare });
    }
    i
}
