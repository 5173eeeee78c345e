//! Encoded queries: what `sysparm_query` says.
//!
//! "Table API", `sysparm_query`, and "Encoded query strings": conditions are joined by `^`, alternatives of the last
//! one by `^OR`, whole queries by `^NQ`; `^ORDERBY` and `^ORDERBYDESC` sort. A condition on a column that does not
//! exist is ignored, as it is by default (`glide.invalid_query.returns_no_rows`).

use super::ids::Table;
use super::rows::Row;
use crate::world::World;

/// A query: alternatives of conjunctions of alternatives.
#[derive(Debug, Default)]
pub(super) struct Query {
    alternatives: Vec<Vec<Vec<Condition>>>,
    order: Vec<(String, bool)>,
}

#[derive(Debug)]
struct Condition {
    field: String,
    operator: Operator,
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Is,
    IsNot,
    In,
    NotIn,
    Contains,
    Starts,
    Ends,
    Empty,
    NotEmpty,
    AtLeast,
    AtMost,
    More,
    Less,
}

/// The longer of two that begin alike comes first.
const OPERATORS: [(&str, Operator); 13] = [
    ("!=", Operator::IsNot),
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    ("=", Operator::Is),
    (">", Operator::More),
    ("<", Operator::Less),
    ("NOT IN", Operator::NotIn),
    ("IN", Operator::In),
    ("LIKE", Operator::Contains),
    ("STARTSWITH", Operator::Starts),
    ("ENDSWITH", Operator::Ends),
    ("ISNOTEMPTY", Operator::NotEmpty),
    ("ISEMPTY", Operator::Empty),
];

impl Query {
    pub(super) fn parse(text: &str) -> Self {
        let mut query = Self { alternatives: vec![Vec::new()], order: Vec::new() };
        // Two carets are one that belongs to a value.
        let text = text.replace("^^", "\u{1}");
        for part in text.split('^').filter(|part| !part.is_empty() && *part != "EQ") {
            let part = part.replace('\u{1}', "^");
            if let Some(field) = part.strip_prefix("ORDERBYDESC") {
                query.order.push((field.to_owned(), true));
            } else if let Some(field) = part.strip_prefix("ORDERBY") {
                query.order.push((field.to_owned(), false));
            } else if let Some(first) = part.strip_prefix("NQ") {
                query.alternatives.push(Vec::new());
                query.and(first);
            } else if let Some(or) = part.strip_prefix("OR") {
                let last = query.alternatives.last_mut().and_then(|it| it.last_mut());
                if let (Some(last), Some(condition)) = (last, Condition::parse(or)) {
                    last.push(condition);
                }
            } else {
                query.and(&part);
            }
        }
        query
    }

    pub(super) fn pairs<'a>(pairs: impl Iterator<Item = &'a (String, String)>) -> Self {
        let mut query = Self { alternatives: vec![Vec::new()], order: Vec::new() };
        for (name, value) in pairs {
            query.and(&format!("{name}={value}"));
        }
        query
    }

    fn and(&mut self, text: &str) {
        if let (Some(all), Some(condition)) = (self.alternatives.last_mut(), Condition::parse(text))
        {
            all.push(vec![condition]);
        }
    }

    /// The values that a column must have one of, if the query says so for every row.
    pub(super) fn one_of(&self, field: &str) -> Option<Vec<&str>> {
        let [all] = self.alternatives.as_slice() else { return None };
        all.iter().find_map(|any| {
            let mut values = Vec::new();
            for condition in any {
                match condition.operator {
                    Operator::Is if condition.field == field => {
                        values.push(condition.value.as_str())
                    }
                    Operator::In if condition.field == field => {
                        values.extend(condition.value.split(','));
                    }
                    _ => return None,
                }
            }
            Some(values)
        })
    }

    pub(super) fn holds(&self, world: &World, row: &Row<'_>) -> bool {
        let any = |any: &Vec<Condition>| any.iter().any(|condition| condition.holds(world, row));
        self.alternatives.iter().any(|all| all.iter().all(any))
    }

    pub(super) fn order(&self, world: &World, rows: &mut [Row<'_>]) {
        for (field, descending) in self.order.iter().rev() {
            let key = |row: &Row<'_>| row.walk(world, field).map(|cell| cell.value);
            rows.sort_by(|one, other| {
                let order = key(one).cmp(&key(other));
                if *descending { order.reverse() } else { order }
            });
        }
    }
}

impl Condition {
    fn parse(text: &str) -> Option<Self> {
        let plain = |letter: char| {
            letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_' || letter == '.'
        };
        let end = text.find(|letter| !plain(letter))?;
        let (field, rest) = text.split_at_checked(end)?;
        let (operator, value) = OPERATORS
            .iter()
            .find_map(|(name, operator)| Some((*operator, rest.strip_prefix(name)?)))?;
        Some(Self { field: field.to_owned(), operator, value: value.to_owned() })
    }

    fn holds(&self, world: &World, row: &Row<'_>) -> bool {
        let Some(cell) = row.walk(world, &self.field) else { return true };
        let (has, wants) = (cell.value.as_str(), self.value.as_str());
        // Values that are no ids may be what people see ("Table API", name-value pairs).
        let shown = cell.table.is_some_and(|table| table != Table::Incident) && cell.shown == wants;
        let order = match (has.parse::<i64>(), wants.parse::<i64>()) {
            (Ok(has), Ok(wants)) => has.cmp(&wants),
            _ => has.cmp(wants),
        };
        match self.operator {
            Operator::Is => has == wants || shown,
            Operator::IsNot => has != wants && !shown,
            Operator::In => wants.split(',').any(|want| want == has),
            Operator::NotIn => !wants.split(',').any(|want| want == has),
            Operator::Contains => has.to_lowercase().contains(&wants.to_lowercase()),
            Operator::Starts => has.starts_with(wants),
            Operator::Ends => has.ends_with(wants),
            Operator::Empty => has.is_empty(),
            Operator::NotEmpty => !has.is_empty(),
            Operator::AtLeast => order.is_ge(),
            Operator::AtMost => order.is_le(),
            Operator::More => order.is_gt(),
            Operator::Less => order.is_lt(),
        }
    }
}
