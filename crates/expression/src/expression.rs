//! Expressions that operators write (CEL): conditions, amounts, and the values in requests.
//!
//! Numbers keep their kind: an integer in JSON is an `int`, all others are `double`. Comparing the two compares the
//! values (`1 == 1.0`), but adding them is an error in CEL. Money is therefore best counted in minor units: `minor(x)`
//! makes whole cents of an amount like `47.84`, exactly or not at all.
//!
//! Some systems take a search as JSON or base64 in their address. `json(x)` writes a value as JSON, so that a text of a
//! customer stays one text in it, and `base64(text)` makes it fit for an address.

mod comparing;

mod functions;

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, LazyLock};

use base64::prelude::{BASE64_URL_SAFE, Engine};
use cel::common::ast::{EntryExpr, Expr, IdedExpr};
use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, DYN_TYPE,
    LIST_TYPE, STRING_TYPE,
};
use cel::common::value::{CowVal, Val};
use cel::{Context, Env, ExecutionError, Program, extensions};
use serde_json::Value;

pub use functions::FUNCTIONS;
use functions::{Called, misuse};

/// A compiled expression.
pub struct Expression {
    source: String,
    program: Program,
}

/// The values that expressions are evaluated over.
pub struct Scope(Context<'static, 'static>);

/// What an expression refers to, to be checked when it is loaded.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct References {
    /// Every path from a free variable, such as `input.items`.
    pub paths: BTreeSet<Vec<String>>,
    /// Every function by name, with its library, operators left out.
    pub functions: BTreeSet<String>,
    /// What is called in a way in which it cannot be.
    misused: Vec<String>,
    /// Every path whose value is compared with something that stands in the expression itself; `*` for each of a list.
    pub against_literals: BTreeSet<Vec<String>>,
}

/// The libraries whose functions are called by their names.
const LIBRARIES: &[&str] = &["math", "lists"];

/// How deep an expression may be. Reading one goes down one level for each operator and four for each bracket; an
/// unoptimised program with the 2 MiB stack of a worker thread reads 64 levels and not 80.
const DEPTH_MAX: usize = 48;

static ENV: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    let added = env
        .add_extension(extensions::lists)
        .and_then(|()| env.add_extension(extensions::strings))
        .and_then(|()| env.add_extension(extensions::math))
        .and_then(|()| env.add_overload("sum", "sum(list)", vec![LIST_TYPE], sum))
        .and_then(|()| env.add_overload("minor", "minor(dyn)", vec![DYN_TYPE], minor))
        .and_then(|()| env.add_overload("json", "json(dyn)", vec![DYN_TYPE], json))
        .and_then(|()| env.add_overload("base64", "base64(string)", vec![STRING_TYPE], base64));
    debug_assert!(added.is_ok(), "the functions' names must not collide: {added:?}");
    Arc::new(env)
});

/// How many levels reading an expression can take at most: its operators, and four for each bracket that is open at
/// the same time. What stands in quotes does not count.
fn depth(source: &str) -> usize {
    let (mut operators, mut open, mut deepest) = (0, 0_usize, 0);
    let (mut quote, mut after_operator) = (None, false);
    let mut characters = source.chars();
    while let Some(character) = characters.next() {
        let operator = quote.is_none() && "+-*/%&|<>=?!".contains(character);
        // `&&` and `>=` are one each.
        operators += usize::from(operator && !after_operator);
        after_operator = operator;
        match (quote, character) {
            (Some(_), '\\') => drop(characters.next()),
            (Some(end), _) if end == character => quote = None,
            (None, '"' | '\'') => quote = Some(character),
            (None, '(' | '[' | '{') => {
                open += 1;
                deepest = deepest.max(open);
            }
            (None, ')' | ']' | '}') => open = open.saturating_sub(1),
            (Some(_) | None, _) => {}
        }
    }
    operators + 4 * deepest
}

impl Expression {
    /// Compiles an expression. The error is in words for the person who wrote it.
    pub fn compile(source: &str) -> Result<Self, String> {
        if depth(source) > DEPTH_MAX {
            return Err(format!(
                "it is nested too deeply or goes on too long ({DEPTH_MAX} operators, or a quarter as many brackets \
                 within each other, are the most); say it in several expressions"
            ));
        }
        match ENV.compile(source) {
            Ok(program) => {
                let compiled = Self { source: source.to_owned(), program };
                match compiled.references().misused.into_iter().next() {
                    Some(misused) => Err(misused),
                    None => Ok(compiled),
                }
            }
            Err(errors) => Err(errors
                .errors
                .iter()
                .map(|error| format!("{} at character {}", error.msg.trim(), error.pos.1))
                .next()
                .unwrap_or_else(|| "it is not an expression".to_owned())),
        }
    }

    /// The expression as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its value.
    pub fn value(&self, scope: &Scope) -> Result<Value, String> {
        let value = self.program.execute(&scope.0).map_err(|error| explain(&error))?;
        value.json().map_err(|_| "its value cannot be written as JSON".to_owned())
    }

    /// Its value, which has to be true or false.
    pub fn holds(&self, scope: &Scope) -> Result<bool, String> {
        match self.program.execute(&scope.0) {
            Ok(cel::Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(format!("it gives {} instead of true or false", other.type_of())),
            Err(error) => Err(explain(&error)),
        }
    }

    /// What it refers to.
    pub fn references(&self) -> References {
        let mut references = References::default();
        collect(self.program.expression(), &mut Vec::new(), &mut references);
        comparing::collect(
            self.program.expression(),
            &mut Vec::new(),
            &mut references.against_literals,
        );
        references
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({})", self.source)
    }
}

impl Default for Scope {
    fn default() -> Self {
        Self::new()
    }
}

impl Scope {
    /// A scope without variables.
    pub fn new() -> Self {
        Self(Context::with_env(Arc::clone(&ENV)))
    }

    /// Adds a variable.
    pub fn with(mut self, name: &str, value: &Value) -> Self {
        self.set(name, value);
        self
    }

    /// Adds or changes a variable.
    pub fn set(&mut self, name: &str, value: &Value) {
        self.0.add_variable_as_val(name, from_json(value));
    }
}

fn from_json(value: &Value) -> Box<dyn Val> {
    match value {
        Value::Null => Box::new(CelNull),
        Value::Bool(truth) => Box::new(CelBool::from(*truth)),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Box::new(CelInt::from(integer)),
            None => Box::new(CelDouble::from(number.as_f64().unwrap_or(f64::NAN))),
        },
        Value::String(text) => Box::new(CelString::from(text.clone())),
        Value::Array(items) => {
            Box::new(CelList::from(items.iter().map(from_json).collect::<Vec<_>>()))
        }
        Value::Object(members) => Box::new(CelMap::from(
            members
                .iter()
                .map(|(key, member)| (CelMapKey::from(key.clone()), from_json(member)))
                .collect::<HashMap<_, _>>(),
        )),
    }
}

/// `sum([1, 2])`: of integers an integer, of doubles a double, of both a double; of nothing 0.
fn sum<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let list = args.first().and_then(|list| list.downcast_ref::<CelList>());
    let list = list.ok_or_else(|| ExecutionError::function_error("sum", "it takes a list"))?;
    let (mut whole, mut fraction, mut exact) = (0_i64, 0.0_f64, true);
    for item in list.inner() {
        if let Some(integer) = item.downcast_ref::<CelInt>() {
            whole = whole
                .checked_add(*integer.inner())
                .ok_or_else(|| ExecutionError::function_error("sum", "the sum is too large"))?;
        } else if let Some(double) = item.downcast_ref::<CelDouble>() {
            fraction += *double.inner();
            exact = false;
        } else {
            return Err(ExecutionError::function_error("sum", "it takes a list of numbers"));
        }
    }
    Ok(if exact {
        CowVal::owned(CelInt::from(whole))
    } else {
        CowVal::owned(CelDouble::from(whole as f64 + fraction))
    })
}

/// `minor(47.84) == 4784`: an amount with at most two decimals, as a number or a text, in minor units.
fn minor<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let refused = |why: &str| ExecutionError::function_error("minor", why);
    let amount = args.first().ok_or_else(|| refused("it takes an amount"))?;
    let double = if let Some(integer) = amount.downcast_ref::<CelInt>() {
        let whole =
            integer.inner().checked_mul(100).ok_or_else(|| refused("the amount is too large"))?;
        return Ok(CowVal::owned(CelInt::from(whole)));
    } else if let Some(double) = amount.downcast_ref::<CelDouble>() {
        *double.inner()
    } else if let Some(text) = amount.downcast_ref::<CelString>() {
        return match cents_of(text.inner()) {
            Ok(cents) => Ok(CowVal::owned(CelInt::from(cents))),
            Err(why) => Err(refused(why)),
        };
    } else {
        return Err(refused("it takes a number or a text"));
    };
    let cents = double * 100.0;
    let nearest = cents.round();
    // A double of this size holds cents to far better than a millionth.
    if !cents.is_finite() || nearest.abs() > 1e13 {
        return Err(refused("the amount is too large"));
    }
    if (cents - nearest).abs() > 1e-4 {
        return Err(refused("the amount has more than two decimals"));
    }
    if nearest == 0.0 && double != 0.0 {
        return Err(refused("the amount is less than a cent and more than nothing"));
    }
    Ok(CowVal::owned(CelInt::from(nearest as i64)))
}

/// The cents of a decimal text, digit by digit: no exponents, no names of infinity, nothing rounded.
fn cents_of(text: &str) -> Result<i64, &'static str> {
    let no_amount = "the text is not an amount";
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) {
        return Err(no_amount);
    }
    // Systems write `420.0000` for what has two decimals.
    let fraction = fraction.trim_end_matches('0');
    if fraction.len() > 2 {
        return Err("the amount has more than two decimals");
    }
    let cents =
        format!("{whole}{fraction:0<2}").parse::<i64>().map_err(|_| "the amount is too large")?;
    if cents > 10_000_000_000_000 {
        return Err("the amount is too large");
    }
    Ok(sign * cents)
}

/// `json(["a"]) == '["a"]'`: a value in canonical JSON.
fn json<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let refused = || ExecutionError::function_error("json", "the value cannot be written as JSON");
    let value = args.first().ok_or_else(refused)?;
    let value = cel::Value::try_from(value.as_ref()).map_err(|_| refused())?;
    let value = value.json().map_err(|_| refused())?;
    Ok(CowVal::owned(CelString::from(crate::json::canonical(&value))))
}

/// `base64('a?') == 'YT8='`: a text in base64 with the alphabet that is safe in an address (RFC 4648, section 5).
fn base64<'b, 'v>(args: Vec<CowVal<'b, 'v>>) -> Result<CowVal<'b, 'v>, ExecutionError> {
    let text = args.first().and_then(|text| text.downcast_ref::<CelString>());
    let text = text.ok_or_else(|| ExecutionError::function_error("base64", "it takes a text"))?;
    Ok(CowVal::owned(CelString::from(BASE64_URL_SAFE.encode(text.inner()))))
}

fn explain(error: &ExecutionError) -> String {
    match error {
        ExecutionError::NoSuchKey(key) => format!("there is no field {key}"),
        ExecutionError::FunctionError { function, message } => format!("{function}(): {message}"),
        ExecutionError::UndeclaredReference(name) => format!("{name} is not known here"),
        ExecutionError::NoSuchOverload(overload) => overload.to_string(),
        ExecutionError::UnsupportedBinaryOperator(operator, ..) => {
            format!(
                "the operator {operator} does not fit its operands; integers and decimals do not mix"
            )
        }
        ExecutionError::ValuesNotComparable(..) => {
            "it compares values of different kinds".to_owned()
        }
        // The other messages quote values, which may be a customer's.
        _ => "it cannot be evaluated".to_owned(),
    }
}

fn collect<'e>(expr: &'e IdedExpr, locals: &mut Vec<&'e str>, found: &mut References) {
    if let Some(path) = path_of(expr, locals) {
        found.paths.insert(path);
        return;
    }
    match &expr.expr {
        Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => {}
        Expr::Call(call) => {
            // `math.abs(x)` is parsed as a call of `abs` on a variable `math`.
            let library = call.target.as_deref().and_then(|target| match &target.expr {
                Expr::Ident(name) if LIBRARIES.contains(&name.as_str()) => Some(name.as_str()),
                _ => None,
            });
            if call.func_name.starts_with(|first: char| first.is_ascii_alphabetic()) {
                let on_value = call.target.is_some() && library.is_none();
                let called = Called::new(library, &call.func_name, on_value, call.args.len());
                found.misused.extend(misuse(&called));
                found.functions.insert(called.name);
            }
            if let Some(target) = call.target.as_deref().filter(|_| library.is_none()) {
                collect(target, locals, found);
            }
            call.args.iter().for_each(|argument| collect(argument, locals, found));
        }
        Expr::Comprehension(loops) => {
            collect(&loops.iter_range, locals, found);
            collect(&loops.accu_init, locals, found);
            let outer = locals.len();
            locals.push(&loops.iter_var);
            locals.push(&loops.accu_var);
            locals.extend(loops.iter_var2.as_deref());
            collect(&loops.loop_cond, locals, found);
            collect(&loops.loop_step, locals, found);
            collect(&loops.result, locals, found);
            locals.truncate(outer);
        }
        Expr::List(list) => list.elements.iter().for_each(|item| collect(item, locals, found)),
        Expr::Map(map) => map.entries.iter().for_each(|entry| entry_of(&entry.expr, locals, found)),
        Expr::Select(select) => collect(&select.operand, locals, found),
        Expr::Struct(fields) => {
            fields.entries.iter().for_each(|entry| entry_of(&entry.expr, locals, found));
        }
    }
}

fn entry_of<'e>(entry: &'e EntryExpr, locals: &mut Vec<&'e str>, found: &mut References) {
    match entry {
        EntryExpr::StructField(field) => collect(&field.value, locals, found),
        EntryExpr::MapEntry(entry) => {
            collect(&entry.key, locals, found);
            collect(&entry.value, locals, found);
        }
    }
}

/// `input.items` as a path, when it starts at a free variable.
fn path_of(expr: &IdedExpr, locals: &[&str]) -> Option<Vec<String>> {
    match &expr.expr {
        Expr::Ident(name) if !name.starts_with('@') && !locals.contains(&name.as_str()) => {
            Some(vec![name.clone()])
        }
        Expr::Select(select) => {
            let mut path = path_of(&select.operand, locals)?;
            path.push(select.field.clone());
            Some(path)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
