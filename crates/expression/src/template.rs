//! Texts with values in them: paths, headers, keys and bodies of requests.
//!
//! `{{ expression }}` stands for a value. Values never become structure: in a path and in a key they are
//! percent-encoded, in a header they must be visible ASCII, and in a body a text that is one expression keeps the
//! value's own type, so that nothing a customer wrote can change what is asked of a system. Where escaping does not help
//! they are refused: servers resolve `%2E%2E` like `..`, and a segment of nothing is another path.

use serde_json::{Map, Value};

use crate::expression::{Expression, Scope};

/// A text with expressions in it.
#[derive(Debug)]
pub struct Template(Vec<Segment>);

/// A JSON value with templates in the place of its texts.
#[derive(Debug)]
pub enum Body {
    /// As it is.
    Fixed(Value),
    /// A text with values in it.
    Text(Template),
    /// A list.
    List(Vec<Self>),
    /// An object.
    Object(Vec<(String, Self)>),
}

#[derive(Debug)]
enum Segment {
    Text(String),
    Value(Expression),
}

impl Template {
    /// Compiles a template.
    pub fn compile(source: &str) -> Result<Self, String> {
        let mut segments = Vec::new();
        let mut rest = source;
        while let Some((text, after)) = rest.split_once("{{") {
            let (expression, after) = after.split_once("}}").ok_or("a {{ is not closed with }}")?;
            if !text.is_empty() {
                segments.push(Segment::Text(text.to_owned()));
            }
            segments.push(Segment::Value(Expression::compile(expression.trim())?));
            rest = after;
        }
        if rest.contains("}}") {
            return Err("a }} has no {{ before it".to_owned());
        }
        if !rest.is_empty() {
            segments.push(Segment::Text(rest.to_owned()));
        }
        Ok(Self(segments))
    }

    /// The expressions in it.
    pub fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.0.iter().filter_map(|segment| match segment {
            Segment::Text(_) => None,
            Segment::Value(expression) => Some(expression),
        })
    }

    /// The expressions before the question mark of a path.
    pub fn in_path(&self) -> impl Iterator<Item = &Expression> {
        let query =
            |segment: &&Segment| matches!(segment, Segment::Text(text) if text.contains('?'));
        self.0.iter().take_while(move |segment| !query(segment)).filter_map(|segment| match segment
        {
            Segment::Text(_) => None,
            Segment::Value(expression) => Some(expression),
        })
    }

    /// The text with every value percent-encoded.
    pub fn encoded(&self, scope: &Scope) -> Result<String, String> {
        self.render(scope, |text| Ok(encode(text)))
    }

    /// The text as path and query of a request, with every value percent-encoded. Refused when a value before the
    /// question mark would change which segments there are: one that is empty, or one with `.` or `..` in it, which URL
    /// parsers and servers resolve also when they are encoded (WHATWG URL, section 4.4; RFC 3986, section 6.2.2.3).
    pub fn address(&self, scope: &Scope) -> Result<String, String> {
        let mut out = String::new();
        for segment in &self.0 {
            match segment {
                Segment::Text(text) => out.push_str(text),
                Segment::Value(expression) => {
                    let value = expression.value(scope).and_then(|value| text_of(&value));
                    let value = value.and_then(|text| {
                        if !out.contains('?') && !is_segment(&text) {
                            let why =
                                "in a path it has to be something, without . or .. between slashes";
                            return Err(why.to_owned());
                        }
                        Ok(encode(&text))
                    });
                    let value = value
                        .map_err(|detail| format!("{{{{ {} }}}}: {detail}", expression.source()))?;
                    out.push_str(&value);
                }
            }
        }
        // What is harmless alone may lie beside another value or a dot of the template's.
        let path = out.split('?').next().unwrap_or_default();
        if path.split('/').any(|part| is_dots(&part.replace("%2E", "."))) {
            return Err("the path holds a segment of dots alone".to_owned());
        }
        Ok(out)
    }

    /// The text with every value as it is; refused when a value does not fit into a header.
    pub fn header(&self, scope: &Scope) -> Result<String, String> {
        self.render(scope, |text| {
            if text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
                Ok(text.to_owned())
            } else {
                Err("a header takes visible ASCII characters only".to_owned())
            }
        })
    }

    fn render(
        &self,
        scope: &Scope,
        escape: impl Fn(&str) -> Result<String, String>,
    ) -> Result<String, String> {
        let mut out = String::new();
        for segment in &self.0 {
            match segment {
                Segment::Text(text) => out.push_str(text),
                Segment::Value(expression) => {
                    let value = expression
                        .value(scope)
                        .and_then(|value| text_of(&value).and_then(|text| escape(&text)))
                        .map_err(|detail| format!("{{{{ {} }}}}: {detail}", expression.source()))?;
                    out.push_str(&value);
                }
            }
        }
        Ok(out)
    }
}

impl Body {
    /// Compiles a body. Errors come with the pointer of the text they are about.
    pub fn compile(value: &Value) -> Result<Self, (String, String)> {
        Self::compile_at(value, "")
    }

    fn compile_at(value: &Value, pointer: &str) -> Result<Self, (String, String)> {
        Ok(match value {
            Value::String(text) if text.contains("{{") || text.contains("}}") => {
                Self::Text(Template::compile(text).map_err(|what| (pointer.to_owned(), what))?)
            }
            Value::Array(items) => Self::List(
                items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| Self::compile_at(item, &format!("{pointer}/{index}")))
                    .collect::<Result<_, _>>()?,
            ),
            Value::Object(members) => Self::Object(
                members
                    .iter()
                    .map(|(key, member)| {
                        let member = Self::compile_at(member, &crate::json::child(pointer, key))?;
                        Ok((key.clone(), member))
                    })
                    .collect::<Result<_, (String, String)>>()?,
            ),
            fixed => Self::Fixed(fixed.clone()),
        })
    }

    /// The expressions in it.
    pub fn expressions(&self) -> Vec<&Expression> {
        match self {
            Self::Fixed(_) => Vec::new(),
            Self::Text(template) => template.expressions().collect(),
            Self::List(items) => items.iter().flat_map(Self::expressions).collect(),
            Self::Object(members) => {
                members.iter().flat_map(|(_, member)| member.expressions()).collect()
            }
        }
    }

    /// The body with every value in place.
    pub fn render(&self, scope: &Scope) -> Result<Value, String> {
        Ok(match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(Template(segments)) => match segments.as_slice() {
                [Segment::Value(expression)] => expression
                    .value(scope)
                    .map_err(|detail| format!("{{{{ {} }}}}: {detail}", expression.source()))?,
                _ => Value::String(Template::render_plain(segments, scope)?),
            },
            Self::List(items) => {
                Value::Array(items.iter().map(|item| item.render(scope)).collect::<Result<_, _>>()?)
            }
            Self::Object(members) => Value::Object(
                members
                    .iter()
                    .map(|(key, member)| Ok((key.clone(), member.render(scope)?)))
                    .collect::<Result<Map<_, _>, String>>()?,
            ),
        })
    }
}

impl Template {
    fn render_plain(segments: &[Segment], scope: &Scope) -> Result<String, String> {
        let mut out = String::new();
        for segment in segments {
            match segment {
                Segment::Text(text) => out.push_str(text),
                Segment::Value(expression) => out.push_str(&text_of(&expression.value(scope)?)?),
            }
        }
        Ok(out)
    }
}

/// Percent-encodes everything but the unreserved characters of RFC 3986, so that a value stays one segment.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    // A segment of dots alone would be resolved away.
    if text == "." || text == ".." { out.replace('.', "%2E") } else { out }
}

/// Whether a value in a path leaves its segments as they are.
pub fn is_segment(text: &str) -> bool {
    !text.is_empty() && !text.split(['/', '\\']).any(is_dots)
}

fn is_dots(part: &str) -> bool {
    part == "." || part == ".."
}

/// A value as text. What has no obvious text is refused rather than guessed.
fn text_of(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(crate::json::canonical(value)),
        Value::Null => Err("it is null, which has no text".to_owned()),
        Value::Array(_) | Value::Object(_) => Err("a list or an object has no text".to_owned()),
    }
}

#[cfg(test)]
mod tests;
