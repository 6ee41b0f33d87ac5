//! The command that prints a key.

use std::fmt;

/// A program and its arguments. Only the program's name is shown, because arguments may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyCommand {
    program: String,
    args: Vec<String>,
}

impl KeyCommand {
    /// From a program and its arguments; `None` where no program is named.
    #[must_use]
    pub fn new(words: &[String]) -> Option<Self> {
        let (program, args) = words.split_first()?;
        let named = !program.trim().is_empty();
        named.then(|| Self { program: program.clone(), args: args.to_vec() })
    }

    /// The program, as `PATH` finds it.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// Its arguments; no shell reads them.
    #[must_use]
    pub fn args(&self) -> &[String] {
        &self.args
    }
}

impl fmt::Debug for KeyCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} and {} arguments", self.program, self.args.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_not_shown() {
        let words = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        let command = KeyCommand::new(&words(&["op", "read", "sk-1"])).expect("a program");
        assert_eq!(format!("{command:?}"), "\"op\" and 2 arguments");
        assert_eq!((command.program(), command.args().len()), ("op", 2));
        assert_eq!(KeyCommand::new(&[]), None);
        assert_eq!(KeyCommand::new(&words(&[" ", "x"])), None);
    }
}
