//! Which values an expression compares with words of its own: where a rule decides on what a text says.

use std::collections::BTreeSet;

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators};

/// From a variable down to a value.
type Path = Vec<String>;

/// A variable of a comprehension, and what it is taken from.
type Local<'e> = (&'e str, Vec<Path>);

/// Each of a list.
const EACH: &str = "*";

const COMPARISONS: &[&str] = &[
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER,
    operators::GREATER_EQUALS,
    operators::LESS,
    operators::LESS_EQUALS,
    operators::IN,
];

/// What gives a truth or a number of its own, whatever the texts in it say.
const NO_TEXT: &[&str] =
    &["size", operators::LOGICAL_AND, operators::LOGICAL_OR, operators::LOGICAL_NOT];

/// Adds every path that is compared with a literal.
pub(super) fn collect<'e>(
    expr: &'e IdedExpr,
    locals: &mut Vec<Local<'e>>,
    found: &mut BTreeSet<Path>,
) {
    match &expr.expr {
        Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => {}
        Expr::Call(call) => {
            if let (true, [left, right]) = (is_comparison(call), call.args.as_slice()) {
                let nothing = [left, right].into_iter().any(is_null);
                match (data(left, locals), data(right, locals)) {
                    _ if nothing => {}
                    (paths, literal) | (literal, paths) if literal.is_empty() => {
                        found.extend(paths)
                    }
                    (_, _) => {}
                }
            }
            // Looked up in what stands in the expression, a text is compared with each of its keys.
            if let (operators::INDEX, [table, key]) =
                (call.func_name.as_str(), call.args.as_slice())
                && data(table, locals).is_empty()
            {
                found.extend(data(key, locals));
            }
            call.target.iter().for_each(|target| collect(target, locals, found));
            call.args.iter().for_each(|argument| collect(argument, locals, found));
        }
        Expr::Comprehension(loops) => {
            collect(&loops.iter_range, locals, found);
            let each = each(data(&loops.iter_range, locals));
            let outer = locals.len();
            locals.push((&loops.iter_var, each.clone()));
            locals.extend(loops.iter_var2.as_deref().map(|second| (second, each)));
            locals.push((&loops.accu_var, Vec::new()));
            for part in [&loops.accu_init, &loops.loop_cond, &loops.loop_step, &loops.result] {
                collect(part, locals, found);
            }
            locals.truncate(outer);
        }
        Expr::List(list) => list.elements.iter().for_each(|item| collect(item, locals, found)),
        Expr::Map(map) => {
            for entry in &map.entries {
                values(&entry.expr).for_each(|value| collect(value, locals, found));
            }
        }
        Expr::Select(select) => collect(&select.operand, locals, found),
        Expr::Struct(fields) => {
            for entry in &fields.entries {
                values(&entry.expr).for_each(|value| collect(value, locals, found));
            }
        }
    }
}

/// The paths whose values are in the value of an expression.
fn data<'e>(expr: &'e IdedExpr, locals: &mut Vec<Local<'e>>) -> Vec<Path> {
    match &expr.expr {
        Expr::Unspecified | Expr::Literal(_) => Vec::new(),
        Expr::Ident(name) if name.starts_with('@') => Vec::new(),
        Expr::Ident(name) => match locals.iter().rev().find(|(local, _)| local == name) {
            Some((_, paths)) => paths.clone(),
            None => vec![vec![name.clone()]],
        },
        Expr::Select(select) if select.test => Vec::new(),
        Expr::Select(select) => below(data(&select.operand, locals), &select.field),
        Expr::Call(call) if is_comparison(call) || NO_TEXT.contains(&call.func_name.as_str()) => {
            Vec::new()
        }
        Expr::Call(call) => match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::INDEX, [whole, key]) => match &key.expr {
                Expr::Literal(LiteralValue::String(name)) => {
                    below(data(whole, locals), name.inner())
                }
                _ => each(data(whole, locals)),
            },
            (operators::CONDITIONAL, [_, then, otherwise]) => {
                let mut paths = data(then, locals);
                paths.extend(data(otherwise, locals));
                paths
            }
            (_, arguments) => {
                let parts = call.target.as_deref().into_iter().chain(arguments);
                parts.flat_map(|part| data(part, locals)).collect()
            }
        },
        Expr::List(list) => list.elements.iter().flat_map(|item| data(item, locals)).collect(),
        Expr::Map(map) => {
            let values = map.entries.iter().flat_map(|entry| values(&entry.expr));
            values.flat_map(|value| data(value, locals)).collect()
        }
        Expr::Struct(fields) => {
            let values = fields.entries.iter().flat_map(|entry| values(&entry.expr));
            values.flat_map(|value| data(value, locals)).collect()
        }
        Expr::Comprehension(loops) => {
            let each = each(data(&loops.iter_range, locals));
            let outer = locals.len();
            locals.push((&loops.iter_var, each.clone()));
            locals.extend(loops.iter_var2.as_deref().map(|second| (second, each)));
            locals.push((&loops.accu_var, Vec::new()));
            let paths = data(&loops.loop_step, locals);
            locals.truncate(outer);
            paths
        }
    }
}

fn each(paths: Vec<Path>) -> Vec<Path> {
    below(paths, EACH)
}

fn below(mut paths: Vec<Path>, name: &str) -> Vec<Path> {
    paths.iter_mut().for_each(|path| path.push(name.to_owned()));
    paths
}

fn is_comparison(call: &CallExpr) -> bool {
    COMPARISONS.contains(&call.func_name.as_str())
}

/// Whether something is there at all is no question of what it says.
fn is_null(expr: &IdedExpr) -> bool {
    matches!(expr.expr, Expr::Literal(LiteralValue::Null))
}

fn values(entry: &EntryExpr) -> impl Iterator<Item = &IdedExpr> {
    let (key, value) = match entry {
        EntryExpr::StructField(field) => (None, &field.value),
        EntryExpr::MapEntry(entry) => (Some(&entry.key), &entry.value),
    };
    key.into_iter().chain([value])
}
