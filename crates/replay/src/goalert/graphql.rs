//! As much of GraphQL as a client of alerts needs: operations with arguments and variables, without fragments and
//! directives.

use std::iter::Peekable;
use std::str::Chars;

use serde_json::{Map, Value};

/// An operation.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) mutation: bool,
    pub(super) fields: Vec<Field>,
}

/// A field that is asked for.
#[derive(Debug)]
pub(super) struct Field {
    /// What it is called in the answer.
    pub(super) alias: String,
    pub(super) name: String,
    args: Vec<(String, Given)>,
    pub(super) fields: Vec<Field>,
}

/// A value that is given.
#[derive(Clone, Debug)]
enum Given {
    Plain(Value),
    Variable(String),
    List(Vec<Given>),
    Object(Vec<(String, Given)>),
}

/// A piece of a document.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Text(String),
    Number(String),
    Sign(char),
}

impl Document {
    /// The operation that is named, or the only one.
    pub(super) fn parse(text: &str, named: Option<&str>) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let mut tokens = tokens.into_iter().peekable();
        let mut operations = Vec::new();
        while tokens.peek().is_some() {
            operations.push(Self::operation(&mut tokens)?);
        }
        let several = operations.len() > 1;
        let meant = |(name, _): &(Option<String>, Self)| match named {
            Some(named) => name.as_deref() == Some(named),
            None => !several,
        };
        let found = operations.into_iter().find(meant).map(|(_, operation)| operation);
        found.ok_or_else(|| format!("operation {} not found", named.unwrap_or_default()))
    }

    fn operation(tokens: &mut Tokens) -> Result<(Option<String>, Self), String> {
        let (mut mutation, mut called) = (false, None);
        if let Some(Token::Name(kind)) = tokens.peek().cloned() {
            mutation = kind == "mutation";
            if !mutation && kind != "query" {
                return Err(format!("Unexpected Name \"{kind}\""));
            }
            tokens.next();
            if let Some(Token::Name(name)) = tokens.peek() {
                called = Some(name.clone());
            }
            // The name of the operation, and the types of its variables, which are not checked.
            let mut depth = 0_u32;
            while let Some(token) = tokens.next_if(|token| depth > 0 || *token != Token::Sign('{'))
            {
                match token {
                    Token::Sign('(') => depth += 1,
                    Token::Sign(')') => depth = depth.saturating_sub(1),
                    _ => {}
                }
            }
        }
        let fields = selection(tokens)?;
        Ok((called, Self { mutation, fields }))
    }
}

impl Field {
    /// Whether a field within this one is asked for, at whatever depth.
    pub(super) fn asks_for(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name || field.asks_for(name))
    }

    /// The arguments, with the variables filled in.
    pub(super) fn args(&self, variables: &Value) -> Value {
        let filled = self.args.iter().map(|(name, given)| (name.clone(), given.fill(variables)));
        Value::Object(filled.collect())
    }
}

impl Given {
    fn fill(&self, variables: &Value) -> Value {
        match self {
            Self::Plain(value) => value.clone(),
            Self::Variable(name) => variables[name.as_str()].clone(),
            Self::List(list) => list.iter().map(|it| it.fill(variables)).collect(),
            Self::Object(object) => {
                let filled = object.iter().map(|(name, it)| (name.clone(), it.fill(variables)));
                Value::Object(filled.collect::<Map<_, _>>())
            }
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut letters = text.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(letter) = letters.next() {
        match letter {
            '#' => while letters.next_if(|it| *it != '\n').is_some() {},
            '"' => tokens.push(Token::Text(quoted(&mut letters)?)),
            it if it.is_whitespace() || it == ',' => {}
            it if it.is_ascii_alphabetic() || it == '_' => {
                let more = |it: &char| it.is_ascii_alphanumeric() || *it == '_';
                tokens.push(Token::Name(rest(it, &mut letters, more)));
            }
            it if it.is_ascii_digit() || it == '-' => {
                let more = |it: &char| it.is_ascii_digit() || *it == '.';
                tokens.push(Token::Number(rest(it, &mut letters, more)));
            }
            it if "{}()[]:!$=".contains(it) => tokens.push(Token::Sign(it)),
            it => return Err(format!("Cannot parse the unexpected character \"{it}\"")),
        }
    }
    Ok(tokens)
}

fn rest(first: char, letters: &mut Peekable<Chars<'_>>, more: impl Fn(&char) -> bool) -> String {
    let mut word = String::from(first);
    while let Some(letter) = letters.next_if(&more) {
        word.push(letter);
    }
    word
}

fn quoted(letters: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    let mut text = String::new();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return Ok(text),
            '\\' => match letters.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some(other) => text.push(other),
                None => break,
            },
            other => text.push(other),
        }
    }
    Err("Unterminated string".to_owned())
}

type Tokens = Peekable<std::vec::IntoIter<Token>>;

fn sign(tokens: &mut Tokens, sign: char) -> Result<(), String> {
    match tokens.next() {
        Some(Token::Sign(it)) if it == sign => Ok(()),
        Some(other) => Err(format!("Expected {sign}, found {other:?}")),
        None => Err(format!("Expected {sign}, found <EOF>")),
    }
}

fn name(tokens: &mut Tokens) -> Result<String, String> {
    match tokens.next() {
        Some(Token::Name(name)) => Ok(name),
        other => Err(format!("Expected Name, found {other:?}")),
    }
}

fn selection(tokens: &mut Tokens) -> Result<Vec<Field>, String> {
    sign(tokens, '{')?;
    let mut fields = Vec::new();
    while tokens.next_if_eq(&Token::Sign('}')).is_none() {
        let alias = name(tokens)?;
        let name = match tokens.next_if_eq(&Token::Sign(':')) {
            Some(_) => name(tokens)?,
            None => alias.clone(),
        };
        let mut args = Vec::new();
        if tokens.next_if_eq(&Token::Sign('(')).is_some() {
            args = pairs(tokens, ')')?;
        }
        let nested = tokens.peek() == Some(&Token::Sign('{'));
        let inner = if nested { selection(tokens)? } else { Vec::new() };
        fields.push(Field { alias, name, args, fields: inner });
    }
    Ok(fields)
}

fn pairs(tokens: &mut Tokens, end: char) -> Result<Vec<(String, Given)>, String> {
    let mut pairs = Vec::new();
    while tokens.next_if_eq(&Token::Sign(end)).is_none() {
        let key = name(tokens)?;
        sign(tokens, ':')?;
        pairs.push((key, given(tokens)?));
    }
    Ok(pairs)
}

fn given(tokens: &mut Tokens) -> Result<Given, String> {
    Ok(match tokens.next() {
        Some(Token::Sign('$')) => Given::Variable(name(tokens)?),
        Some(Token::Text(text)) => Given::Plain(Value::String(text)),
        Some(Token::Number(number)) => Given::Plain(
            serde_json::from_str(&number).map_err(|_| format!("Invalid number {number}"))?,
        ),
        Some(Token::Name(word)) => Given::Plain(match word.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            _ => Value::String(word),
        }),
        Some(Token::Sign('[')) => {
            let mut list = Vec::new();
            while tokens.next_if_eq(&Token::Sign(']')).is_none() {
                list.push(given(tokens)?);
            }
            Given::List(list)
        }
        Some(Token::Sign('{')) => Given::Object(pairs(tokens, '}')?),
        other => return Err(format!("Unexpected {other:?}")),
    })
}
