//! From words to commands, pipelines and lists.

use super::{
    Command, Compound, CompoundKind, Join, List, Pipeline, Redirect, Simple, Statement, Unread,
    Word,
};

pub(super) type Read<T> = Result<T, Unread>;

/// More than anybody writes, and far less than the stack holds.
const MAX_DEPTH: usize = 60;

pub(super) struct Parser<'a> {
    pub(super) text: &'a [u8],
    pub(super) at: usize,
    depth: usize,
    /// Heredocs whose lines begin behind the end of this line: name, and whether tabs are taken away.
    heredocs: Vec<(String, bool)>,
}

/// Words that end a list.
const ENDS: [&str; 8] = ["then", "do", "done", "fi", "elif", "else", "esac", "}"];

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            heredocs: Vec::new(),
        }
    }

    pub(super) fn script(mut self) -> Read<List> {
        let list = self.list()?;
        match self.at == self.text.len() {
            true => Ok(list),
            false => self.unread(),
        }
    }

    pub(super) fn unread<T>(&self) -> Read<T> {
        Err(Unread { at: self.at })
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> Option<u8> {
        self.text.get(self.at + ahead).copied()
    }

    fn starts(&self, text: &[u8]) -> bool {
        self.text
            .get(self.at..)
            .is_some_and(|rest| rest.starts_with(text))
    }

    fn takes(&mut self, text: &[u8]) -> bool {
        let is_there = self.starts(text);
        if is_there {
            self.at += text.len();
        }
        is_there
    }

    /// Reads what lies in something else, as deep as the stack allows.
    pub(super) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth == MAX_DEPTH {
            return self.unread();
        }
        self.depth += 1;
        let out = read(self);
        self.depth -= 1;
        out
    }

    /// A list and the bracket that closes it.
    pub(super) fn list_until(&mut self, close: u8) -> Read<List> {
        let list = self.list()?;
        match self.takes(&[close]) {
            true => Ok(list),
            false => self.unread(),
        }
    }

    /// A list that ends at a place.
    pub(super) fn list_within(&mut self, end: usize) -> Read<List> {
        let whole = self.text;
        self.text = &whole[..end];
        let list = self.list();
        let is_all = self.at == end;
        self.text = whole;
        match is_all {
            true => list,
            false => self.unread(),
        }
    }

    /// Goes over blanks, and over a comment.
    fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r') => self.at += 1,
                Some(b'\\') if self.peek_at(1) == Some(b'\n') => self.at += 2,
                Some(b'#') => {
                    let rest = &self.text[self.at..];
                    self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    /// Goes over blanks, comments and line ends.
    fn lines(&mut self) -> Read<()> {
        loop {
            self.blanks();
            if self.peek() != Some(b'\n') {
                return Ok(());
            }
            self.at += 1;
            self.skip_heredocs()?;
        }
    }

    fn skip_heredocs(&mut self) -> Read<()> {
        for (name, chomps) in std::mem::take(&mut self.heredocs) {
            loop {
                let rest = &self.text[self.at..];
                if rest.is_empty() {
                    return self.unread();
                }
                let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                let tabs = rest[..length]
                    .iter()
                    .take_while(|byte| chomps && **byte == b'\t')
                    .count();
                self.at += (length + 1).min(rest.len());
                if rest[tabs..length] == *name.as_bytes() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Whether a reserved word that ends a list stands here.
    fn is_end(&self) -> bool {
        match self.peek() {
            None | Some(b')') => true,
            Some(b';') => self.starts(b";;"),
            Some(_) => ENDS.iter().any(|word| self.is_reserved(word)),
        }
    }

    /// Whether this word stands here, alone.
    fn is_reserved(&self, word: &str) -> bool {
        let next = self.peek_at(word.len());
        let ends = next.is_none_or(|byte| byte.is_ascii_whitespace() || b";&|()<>".contains(&byte));
        self.starts(word.as_bytes()) && ends
    }

    fn takes_reserved(&mut self, word: &str) -> bool {
        let is_there = self.is_reserved(word);
        if is_there {
            self.at += word.len();
        }
        is_there
    }

    fn expect_reserved(&mut self, word: &str) -> Read<()> {
        self.lines()?;
        match self.takes_reserved(word) {
            true => Ok(()),
            false => self.unread(),
        }
    }

    fn list(&mut self) -> Read<List> {
        let mut list = List::default();
        loop {
            self.lines()?;
            if self.is_end() {
                return Ok(list);
            }
            let mut statement = self.statement()?;
            self.blanks();
            let is_parted = match self.peek() {
                Some(b';') if self.starts(b";;") => false,
                Some(b';') => {
                    self.at += 1;
                    true
                }
                Some(b'&') => {
                    statement.is_background = true;
                    self.at += 1;
                    true
                }
                Some(b'\n') => true,
                _ => false,
            };
            list.statements.push(statement);
            if !is_parted && !self.is_end() {
                return self.unread();
            }
        }
    }

    fn statement(&mut self) -> Read<Statement> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            self.blanks();
            let start = self.at;
            let is_or = match (self.takes(b"&&"), self.takes(b"||")) {
                (true, _) => false,
                (_, true) => true,
                _ => break,
            };
            let join = Join {
                is_or,
                range: start..self.at,
            };
            self.lines()?;
            rest.push((join, self.pipeline()?));
        }
        Ok(Statement {
            first,
            rest,
            is_background: false,
        })
    }

    fn pipeline(&mut self) -> Read<Pipeline> {
        let start = self.at;
        let mut is_negated = false;
        while self.takes_reserved("!") {
            is_negated = !is_negated;
            self.blanks();
        }
        let mut commands = vec![self.command()?];
        loop {
            self.blanks();
            let is_pipe = !self.starts(b"||") && (self.takes(b"|&") || self.takes(b"|"));
            if !is_pipe {
                break;
            }
            self.lines()?;
            commands.push(self.command()?);
        }
        let end = commands
            .last()
            .map_or(self.at, |command| command.range().end);
        Ok(Pipeline {
            is_negated,
            commands,
            range: start..end,
        })
    }

    fn command(&mut self) -> Read<Command> {
        self.nested(|parser| match parser.compound()? {
            Some(compound) => Ok(Command::Compound(compound)),
            None => parser.simple(),
        })
    }

    fn compound(&mut self) -> Read<Option<Compound>> {
        let start = self.at;
        let (kind, lists, words) = if self.takes(b"((") {
            self.at = start;
            match self.skip_arithmetic(2) {
                true => (CompoundKind::Test, Vec::new(), Vec::new()),
                false => self.subshell()?,
            }
        } else if self.starts(b"(") {
            self.subshell()?
        } else if self.takes_reserved("{") {
            let list = self.list()?;
            self.expect_reserved("}")?;
            (CompoundKind::Group, vec![list], Vec::new())
        } else if self.takes_reserved("if") {
            (CompoundKind::If, self.branches()?, Vec::new())
        } else if self.takes_reserved("while") || self.takes_reserved("until") {
            let condition = self.list()?;
            (
                CompoundKind::While,
                vec![condition, self.body()?],
                Vec::new(),
            )
        } else if self.takes_reserved("for") {
            self.for_loop()?
        } else if self.takes_reserved("case") {
            self.case()?
        } else if self.takes_reserved("[[") {
            (CompoundKind::Test, Vec::new(), self.test()?)
        } else if self.takes_reserved("function") {
            self.blanks();
            let name = self.word()?;
            self.blanks();
            if self.takes(b"(") {
                self.blanks();
                self.expect(b")")?;
            }
            self.function(&name)?
        } else {
            return Ok(None);
        };
        let mut end = self.at;
        let mut redirects = Vec::new();
        loop {
            self.blanks();
            match self.redirect()? {
                Some(redirect) => redirects.push(redirect),
                None => break,
            }
            end = self.at;
        }
        Ok(Some(Compound {
            kind,
            lists,
            words,
            redirects,
            range: start..end,
        }))
    }

    fn expect(&mut self, text: &[u8]) -> Read<()> {
        match self.takes(text) {
            true => Ok(()),
            false => self.unread(),
        }
    }

    fn subshell(&mut self) -> Read<Parts> {
        self.expect(b"(")?;
        let list = self.list_until(b')')?;
        Ok((CompoundKind::Subshell, vec![list], Vec::new()))
    }

    fn body(&mut self) -> Read<List> {
        self.expect_reserved("do")?;
        let list = self.list()?;
        self.expect_reserved("done")?;
        Ok(list)
    }

    fn branches(&mut self) -> Read<Vec<List>> {
        let mut lists = vec![self.list()?];
        self.expect_reserved("then")?;
        lists.push(self.list()?);
        loop {
            if self.takes_reserved("elif") {
                lists.push(self.list()?);
                self.expect_reserved("then")?;
            } else if self.takes_reserved("else") {
                lists.push(self.list()?);
                self.expect_reserved("fi")?;
                return Ok(lists);
            } else {
                self.expect_reserved("fi")?;
                return Ok(lists);
            }
            lists.push(self.list()?);
        }
    }

    fn for_loop(&mut self) -> Read<Parts> {
        self.blanks();
        if self.starts(b"((") && self.skip_arithmetic(2) {
            self.blanks();
            self.takes(b";");
            return Ok((CompoundKind::While, vec![self.body()?], Vec::new()));
        }
        let name = self.word()?;
        let Some(name) = name.bare().map(str::to_owned) else {
            return self.unread();
        };
        self.lines()?;
        let mut words = Vec::new();
        if self.takes_reserved("in") {
            self.blanks();
            while !matches!(self.peek(), None | Some(b';' | b'\n')) {
                words.push(self.word()?);
                self.blanks();
            }
        }
        self.takes(b";");
        Ok((CompoundKind::For(name), vec![self.body()?], words))
    }

    fn case(&mut self) -> Read<Parts> {
        self.blanks();
        let mut words = vec![self.word()?];
        let mut lists = Vec::new();
        self.expect_reserved("in")?;
        loop {
            self.lines()?;
            if self.takes_reserved("esac") {
                return Ok((CompoundKind::Case, lists, words));
            }
            self.takes(b"(");
            loop {
                self.blanks();
                words.push(self.word()?);
                self.blanks();
                if !self.takes(b"|") {
                    break;
                }
            }
            self.expect(b")")?;
            lists.push(self.list()?);
            if self.takes(b";;") {
                self.takes(b"&");
            } else if !self.is_reserved("esac") {
                return self.unread();
            }
        }
    }

    /// What stands in `[[ ]]`, as words.
    fn test(&mut self) -> Read<Vec<Word>> {
        let mut words = Vec::new();
        loop {
            self.lines()?;
            match self.peek() {
                None => return self.unread(),
                Some(b'(' | b')' | b'<' | b'>' | b'|' | b'&') => self.at += 1,
                Some(_) if self.takes_reserved("]]") => return Ok(words),
                Some(_) => words.push(self.word()?),
            }
        }
    }

    fn function(&mut self, name: &Word) -> Read<Parts> {
        let Some(name) = name.constant() else {
            return self.unread();
        };
        self.lines()?;
        match self.nested(Self::compound)? {
            Some(body) => Ok((CompoundKind::Function(name), body.lists, Vec::new())),
            None => self.unread(),
        }
    }

    fn simple(&mut self) -> Read<Command> {
        let start = self.at;
        let mut simple = Simple {
            range: start..start,
            ..Simple::default()
        };
        loop {
            if let Some(redirect) = self.redirect()? {
                simple.redirects.push(redirect);
            } else if self.is_word_ahead() {
                let mut word = self.word()?;
                if simple.words.is_empty() && word.assigned().is_some() {
                    self.array(&mut word)?;
                    simple.assignments.push(word);
                } else {
                    simple.words.push(word);
                }
            } else if let ([name], true) = (simple.words.as_slice(), self.starts(b"(")) {
                // NAME() { ... }
                let name = name.clone();
                self.at += 1;
                self.blanks();
                self.expect(b")")?;
                let (kind, lists, words) = self.function(&name)?;
                let redirects = Vec::new();
                return Ok(Command::Compound(Compound {
                    kind,
                    lists,
                    words,
                    redirects,
                    range: start..self.at,
                }));
            } else {
                break;
            }
            simple.range.end = self.at;
            self.blanks();
        }
        match simple.range.is_empty() {
            true => self.unread(),
            false => Ok(Command::Simple(simple)),
        }
    }

    /// The values of an array behind `NAME=`.
    fn array(&mut self, word: &mut Word) -> Read<()> {
        let is_array = word.bare().is_some_and(|text| text.ends_with('='));
        if is_array && self.takes(b"(") {
            self.lines()?;
            while !self.takes(b")") {
                let value = self.word()?;
                word.lists.extend(value.lists);
                self.lines()?;
            }
            word.parts.push(super::Part::Unknown);
            word.range.end = self.at;
        }
        Ok(())
    }

    fn is_word_ahead(&self) -> bool {
        match self.peek() {
            None | Some(b'\n' | b';' | b'&' | b'|' | b'(' | b')') => false,
            Some(b'<' | b'>') => self.peek_at(1) == Some(b'('),
            Some(_) => true,
        }
    }

    /// A redirection, when one stands here.
    fn redirect(&mut self) -> Read<Option<Redirect>> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let Some(operator) = OPERATORS
            .iter()
            .find(|operator| rest[digits..].starts_with(operator.as_bytes()))
        else {
            return Ok(None);
        };
        let behind = rest.get(digits + operator.len());
        if matches!(*operator, "<" | ">") && behind == Some(&b'(')
            || digits > 0 && operator.starts_with('&')
        {
            return Ok(None);
        }
        self.at += digits + operator.len();
        self.blanks();
        let target = self.word()?;
        if matches!(*operator, "<<" | "<<-") {
            let Some(name) = target.pattern() else {
                return self.unread();
            };
            self.heredocs.push((name, *operator == "<<-"));
        }
        Ok(Some(Redirect {
            operator: (*operator).to_owned(),
            target,
        }))
    }
}

type Parts = (CompoundKind, Vec<List>, Vec<Word>);

/// Longer ones first.
const OPERATORS: [&str; 12] = [
    "<<<", "<<-", "&>>", "<<", ">>", "<&", ">&", "<>", ">|", "&>", "<", ">",
];
