//! Reads Rust well enough for the rules: tokens without comments and strings, and every path resolved to where it begins.

/// What the rules look at.
#[derive(Debug, Default)]
pub struct Source {
    /// Every path in the code, `use` trees unfolded, `crate`, `self` and `super` resolved.
    pub paths: Vec<Found<Vec<String>>>,
    /// Names of macros that are called.
    pub macros: Vec<Found<String>>,
    /// Names of methods that are called; `expect` only with a text.
    pub methods: Vec<Found<String>>,
    /// Texts of string literals, as they are written.
    pub strings: Vec<Found<String>>,
    /// Modules in files of their own that are compiled for tests only, from the root of the package.
    pub test_modules: Vec<Vec<String>>,
}

/// Something at a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found<T> {
    pub line: usize,
    /// Inside a module that is compiled for tests only.
    pub in_tests: bool,
    pub what: T,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Name(String),
    /// `::`
    Then,
    Text(String),
    Sign(char),
}

impl Source {
    /// Takes everything as compiled for tests only.
    pub fn mark_as_tests(&mut self) {
        let Self {
            paths,
            macros,
            methods,
            strings,
            test_modules: _,
        } = self;
        paths.iter_mut().for_each(|found| found.in_tests = true);
        macros.iter_mut().for_each(|found| found.in_tests = true);
        methods.iter_mut().for_each(|found| found.in_tests = true);
        strings.iter_mut().for_each(|found| found.in_tests = true);
    }

    /// Reads the text of a file whose items live in `module`.
    pub fn read(text: &str, module: &[String]) -> Self {
        let tokens = tokens(text);
        let mut source = Self::default();
        Reader {
            tokens: &tokens,
            module: module.to_vec(),
            source: &mut source,
        }
        .read();
        source
    }
}

/// The tokens with their lines. Comments are gone, strings are one token, lifetimes and numbers are names.
fn tokens(text: &str) -> Vec<(usize, Token)> {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let (mut i, mut line) = (0, 1);
    while i < chars.len() {
        let c = at(i);
        let begin = i;
        let begin_line = line;
        if c == '/' && at(i + 1) == '/' {
            while i < chars.len() && at(i) != '\n' {
                i += 1;
            }
            continue;
        } else if c == '/' && at(i + 1) == '*' {
            let mut depth = 0;
            loop {
                if at(i) == '/' && at(i + 1) == '*' {
                    depth += 1;
                    i += 2;
                } else if at(i) == '*' && at(i + 1) == '/' {
                    depth -= 1;
                    i += 2;
                } else {
                    i += 1;
                }
                if depth == 0 || i >= chars.len() {
                    break;
                }
            }
        } else if let Some((quote, hashes)) = string_begin(&chars, i) {
            let raw = hashes.is_some();
            let hashes = hashes.unwrap_or(0);
            i = quote + 1;
            let content = i;
            loop {
                if i >= chars.len() {
                    break;
                }
                if !raw && at(i) == '\\' {
                    i += 2;
                } else if at(i) == '"' && (0..hashes).all(|n| at(i + 1 + n) == '#') {
                    break;
                } else {
                    i += 1;
                }
            }
            let end = i.min(chars.len());
            tokens.push((
                begin_line,
                Token::Text(chars[content..end].iter().collect()),
            ));
            i = (end + 1 + hashes).min(chars.len());
        } else if c == '\'' {
            // A lifetime has no closing quote after one character.
            if at(i + 1) == '\\' {
                i += 3;
                while i < chars.len() && at(i) != '\'' {
                    i += 1;
                }
                i += 1;
            } else if at(i + 2) == '\'' {
                i += 3;
            } else {
                i += 1;
            }
        } else if c.is_alphanumeric() || c == '_' {
            while at(i).is_alphanumeric() || at(i) == '_' {
                i += 1;
            }
            let mut name: String = chars[begin..i].iter().collect();
            if name == "r" && at(i) == '#' {
                // `r#type`: the name is what follows.
                i += 1;
                name.clear();
                while at(i).is_alphanumeric() || at(i) == '_' {
                    name.push(at(i));
                    i += 1;
                }
            }
            tokens.push((begin_line, Token::Name(name)));
        } else if c == ':' && at(i + 1) == ':' {
            tokens.push((begin_line, Token::Then));
            i += 2;
        } else {
            if !c.is_whitespace() {
                tokens.push((begin_line, Token::Sign(c)));
            }
            i += 1;
        }
        line += chars[begin..i.min(chars.len())]
            .iter()
            .filter(|c| **c == '\n')
            .count();
    }
    tokens
}

/// Where the quote of a string that begins at `i` is, and how many hashes follow its end when it is a raw one.
fn string_begin(chars: &[char], i: usize) -> Option<(usize, Option<usize>)> {
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    if i > 0 && (at(i - 1).is_alphanumeric() || at(i - 1) == '_') {
        return None;
    }
    let mut quote = i;
    if matches!(at(quote), 'b' | 'c') {
        quote += 1;
    }
    if at(quote) == 'r' {
        let hashes = (quote + 1..).take_while(|n| at(*n) == '#').count();
        let after = quote + 1 + hashes;
        return (at(after) == '"').then_some((after, Some(hashes)));
    }
    (at(quote) == '"').then_some((quote, None))
}

struct Reader<'a> {
    tokens: &'a [(usize, Token)],
    module: Vec<String>,
    source: &'a mut Source,
}

impl Reader<'_> {
    fn token(&self, i: usize) -> Option<&Token> {
        self.tokens.get(i).map(|(_, token)| token)
    }

    fn name(&self, i: usize) -> Option<&str> {
        match self.token(i) {
            Some(Token::Name(name)) => Some(name),
            _ => None,
        }
    }

    fn is_sign(&self, i: usize, sign: char) -> bool {
        self.token(i) == Some(&Token::Sign(sign))
    }

    fn read(&mut self) {
        // Inline modules that are open: the depth of their braces, and whether they are for tests.
        let mut inline: Vec<(usize, bool)> = Vec::new();
        let mut depth = 0;
        let mut test_attribute = false;
        let mut i = 0;
        while let Some((line, token)) = self.tokens.get(i) {
            let in_tests = inline.iter().any(|(_, tests)| *tests);
            match token {
                Token::Sign('#') if self.is_sign(i + 1, '[') => {
                    // `#[cfg(test)]` before the module that it is about.
                    test_attribute |= self.name(i + 2) == Some("cfg")
                        && self.is_sign(i + 3, '(')
                        && self.name(i + 4) == Some("test");
                    i += 1;
                }
                Token::Sign('{') => {
                    depth += 1;
                    i += 1;
                }
                Token::Sign('}') => {
                    if inline.last().is_some_and(|(at, _)| *at == depth) {
                        inline.pop();
                        self.module.pop();
                    }
                    depth = depth.saturating_sub(1);
                    i += 1;
                }
                Token::Text(text) => {
                    self.source.strings.push(Found {
                        line: *line,
                        in_tests,
                        what: text.clone(),
                    });
                    i += 1;
                }
                Token::Name(name) if name == "mod" && self.is_sign(i + 2, '{') => {
                    depth += 1;
                    inline.push((depth, test_attribute));
                    test_attribute = false;
                    if let Some(name) = self.name(i + 1) {
                        let name = name.to_owned();
                        self.module.push(name);
                    }
                    i += 3;
                }
                Token::Name(name) if name == "mod" && self.is_sign(i + 2, ';') => {
                    if let (true, Some(name)) = (test_attribute || in_tests, self.name(i + 1)) {
                        let mut module = self.module.clone();
                        module.push(name.to_owned());
                        self.source.test_modules.push(module);
                    }
                    test_attribute = false;
                    i += 3;
                }
                Token::Name(name) if name == "use" => {
                    test_attribute = false;
                    i = self.use_tree(i + 1, &[], in_tests || test_attribute);
                }
                Token::Name(name) => {
                    if matches!(name.as_str(), "fn" | "struct" | "enum" | "impl" | "const") {
                        test_attribute = false;
                    }
                    i = self.path(i, in_tests);
                }
                _ => i += 1,
            }
        }
    }

    /// One branch of a `use` from `i`; returns where it ends.
    fn use_tree(&mut self, mut i: usize, begin: &[String], in_tests: bool) -> usize {
        let mut path = begin.to_vec();
        loop {
            let line = self.tokens.get(i).map_or(0, |(line, _)| *line);
            match self.token(i) {
                Some(Token::Name(name)) if name == "as" => i += 2,
                Some(Token::Name(name)) => {
                    // `self` inside braces is what stands before them.
                    if name != "self" || path.is_empty() {
                        path.push(name.clone());
                    }
                    i += 1;
                }
                Some(Token::Then) => i += 1,
                Some(Token::Sign('*')) => {
                    path.push("*".to_owned());
                    i += 1;
                }
                Some(Token::Sign('{')) => {
                    i += 1;
                    while i < self.tokens.len() && !self.is_sign(i, '}') {
                        let end = self.use_tree(i, &path, in_tests);
                        // What is no Rust, as the mark of a conflict, must not hold the reader up.
                        i = if self.is_sign(end, ',') || end == i {
                            end + 1
                        } else {
                            end
                        };
                    }
                    return i + 1;
                }
                _ => {
                    self.found(line, in_tests, path);
                    return i;
                }
            }
        }
    }

    /// A path, macro call or method call that begins at `i`; returns where it ends.
    fn path(&mut self, mut i: usize, in_tests: bool) -> usize {
        let line = self.tokens.get(i).map_or(0, |(line, _)| *line);
        let after_dot = i > 0 && self.is_sign(i - 1, '.');
        let begins = !(i > 0 && self.token(i - 1) == Some(&Token::Then));
        let mut path = Vec::new();
        while let Some(name) = self.name(i) {
            path.push(name.to_owned());
            i += 1;
            if self.token(i) == Some(&Token::Then) && self.name(i + 1).is_some() {
                i += 1;
            } else {
                break;
            }
        }
        let last = path.last().cloned().unwrap_or_default();
        let called = |what| Found {
            line,
            in_tests,
            what,
        };
        if self.is_sign(i, '!') && !self.is_sign(i + 1, '=') {
            self.source.macros.push(called(last));
        } else if after_dot && self.is_sign(i, '(') {
            // A parser has an `expect` of its own, which takes a token and returns an error.
            let with_text = matches!(self.token(i + 1), Some(Token::Text(_)));
            if last != "expect" || with_text {
                self.source.methods.push(called(last));
            }
        }
        if begins && !after_dot && path.len() > 1 {
            self.found(line, in_tests, path);
        }
        i
    }

    /// Notes a path, with its beginning resolved.
    fn found(&mut self, line: usize, in_tests: bool, path: Vec<String>) {
        let mut rest = path.iter().peekable();
        let mut absolute = match path.first().map(String::as_str) {
            Some("crate" | "stopat") => {
                rest.next();
                vec!["crate".to_owned()]
            }
            Some("self" | "super") => {
                rest.next_if(|name| *name == "self");
                let mut module = self.module.clone();
                while rest.next_if(|name| *name == "super").is_some() {
                    module.pop();
                }
                module.insert(0, "crate".to_owned());
                module
            }
            _ => Vec::new(),
        };
        absolute.extend(rest.cloned());
        self.source.paths.push(Found {
            line,
            in_tests,
            what: absolute,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn paths(text: &str, expected: &[&str]) {
        let module = ["ui".to_owned(), "plan".to_owned()];
        let found: Vec<String> = Source::read(text, &module)
            .paths
            .iter()
            .map(|found| found.what.join("::"))
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn grouped_and_relative_paths_are_resolved() {
        paths(
            "use crate::{domain::{self, Lsn as L}, tsql::*};",
            &["crate::domain", "crate::domain::Lsn", "crate::tsql::*"],
        );
        paths("use super::super::server::ask;", &["crate::server::ask"]);
        paths(
            "use super::{theme, super::app};",
            &["crate::ui::theme", "crate::app"],
        );
        paths("fn f(x: self::inner::T) {}", &["crate::ui::plan::inner::T"]);
        paths(
            "mod tests { use super::T; } use super::U;",
            &["crate::ui::plan::T", "crate::ui::U"],
        );
        paths("use stopat::cli;", &["crate::cli"]);
    }

    #[test]
    fn paths_in_code_are_found_and_those_in_comments_and_strings_are_not() {
        paths(
            "let x = std::env::var(\"a::b\"); // c::d",
            &["std::env::var"],
        );
        paths("/* a::b /* c::d */ e::f */ g::h", &["g::h"]);
        paths(
            "r#\"a::b \" c::d\"# ; b\"e::f\\\" g::h\"; '\\''; 'x'; i::j",
            &["i::j"],
        );
        paths("fn f<'a>(x: &'a rusqlite::Row<'a>) {}", &["rusqlite::Row"]);
        paths("#[derive(clap::Parser)] struct A;", &["clap::Parser"]);
        paths(
            "x.a::<T>(); Vec::<tiberius::Row>::new()",
            &["tiberius::Row"],
        );
    }

    #[test]
    fn modules_for_tests_are_told_apart() {
        let source = Source::read(
            "fn a() { panic!() } #[cfg(test)] mod tests { fn b() { panic!() } } fn c() { panic!() }",
            &[],
        );
        let inside: Vec<bool> = source.macros.iter().map(|found| found.in_tests).collect();
        assert_eq!(inside, [false, true, false]);
    }

    #[test]
    fn files_for_tests_are_known_by_their_declaration() {
        let source = Source::read(
            "mod a; #[cfg(test)] mod b; pub mod c;",
            &["practice".to_owned()],
        );
        assert_eq!(source.test_modules, [["practice", "b"]]);
    }

    #[test]
    fn methods_and_lines_are_found() {
        let source = Source::read("a\n  .b()\n  .expect(\"x\ny\")\n.c;\nd!()", &[]);
        let methods: Vec<(usize, &str)> = source
            .methods
            .iter()
            .map(|found| (found.line, found.what.as_str()))
            .collect();
        assert_eq!(methods, [(2, "b"), (3, "expect")]);
        assert_eq!(source.strings.len(), 1);
        assert_eq!(source.macros.first().map(|found| found.line), Some(6));
    }
}
