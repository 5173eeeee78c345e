//! Lists of cases, page by page: filtered, sorted, and found by words.
//!
//! A page continues after the last line of the one before, so lines neither repeat nor go missing when
//! others come and go meanwhile. A page token is only good for the query that it came from.

use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::case::{COLUMNS, CaseRow};
use crate::error::{ReadError, SearchError};

/// The page size when none is asked for.
pub const PAGE_SIZE_DEFAULT: usize = 50;

/// The largest page. Whoever wants more reads page after page, or exports.
pub const PAGE_SIZE_MAX: usize = 500;

/// Which cases, in what order, and which part of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Whose cases. Always needed: no list crosses tenants.
    pub tenant: String,
    /// Words, or beginnings of words, that must all occur in subject, customer or case id.
    pub text: Option<String>,
    /// Only cases with one of these; empty means any. So with the next two.
    pub status: Vec<String>,
    /// Only these coverages, as last journaled. Whether a cover has run out since is for `uncovered` to say.
    pub coverage: Vec<String>,
    /// Only these kinds.
    pub kind: Vec<String>,
    /// Only cases held by this owner.
    pub owner: Option<String>,
    /// Only cases held by this kind of owner.
    pub owner_kind: Option<String>,
    /// Only this customer's.
    pub customer: Option<String>,
    /// Only open cases, or only closed ones.
    pub open: Option<bool>,
    /// Opened at this moment or later.
    pub opened_after: Option<Timestamp>,
    /// Opened before this moment.
    pub opened_before: Option<Timestamp>,
    /// The order of the list.
    pub order: Order,
    /// How many lines; 0 means [`PAGE_SIZE_DEFAULT`], and no page is larger than [`PAGE_SIZE_MAX`].
    pub page_size: usize,
    /// Where to go on, from the page before.
    pub page_token: Option<String>,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Newest first.
    #[default]
    OpenedNewest,
    /// Oldest first.
    OpenedOldest,
    /// What changed last comes first. Cases that change while somebody turns pages move to the front.
    UpdatedNewest,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The lines.
    pub rows: Vec<CaseRow>,
    /// What to ask with for the next page; `None` on the last.
    pub next: Option<String>,
}

/// Answers a query.
pub(crate) fn search(connection: &Connection, query: &Query) -> Result<Page, SearchError> {
    let after = query.page_token.as_deref().map(|token| Place::parse(token, query)).transpose()?;
    let size = match query.page_size {
        0 => PAGE_SIZE_DEFAULT,
        size => size.min(PAGE_SIZE_MAX),
    };
    let (sql, values) = statement(query, after, size + 1);
    let mut rows = read(connection, &sql, values).map_err(SearchError::Read)?;
    let more = rows.len() > size;
    rows.truncate(size);
    let last = rows.last().filter(|_| more);
    let next = last.map(|(row, no)| Place { key: query.order.key(row), no: *no }.token(query));
    Ok(Page { rows: rows.into_iter().map(|(row, _)| row).collect(), next })
}

fn read(
    connection: &Connection,
    sql: &str,
    values: Vec<Value>,
) -> Result<Vec<(CaseRow, i64)>, ReadError> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_and_then(rusqlite::params_from_iter(values), |row| {
        Ok::<_, ReadError>((CaseRow::read(row)?, row.get(20)?))
    })?;
    rows.collect()
}

/// The statement for a query. Only our own words are in the text; everything of the caller's is a value.
fn statement(query: &Query, after: Option<Place>, limit: usize) -> (String, Vec<Value>) {
    let mut wheres =
        Wheres { sql: "c.tenant = ?".to_owned(), values: vec![query.tenant.clone().into()] };
    wheres.any("c.status", &query.status);
    wheres.any("c.coverage", &query.coverage);
    wheres.any("c.kind", &query.kind);
    wheres.any("c.owner", query.owner.as_slice());
    wheres.any("c.owner_kind", query.owner_kind.as_slice());
    wheres.any("c.customer", query.customer.as_slice());
    match query.open {
        Some(true) => wheres.and("c.resolved_at IS NULL", []),
        Some(false) => wheres.and("c.resolved_at IS NOT NULL", []),
        None => {}
    }
    if let Some(at) = query.opened_after {
        wheres.and("c.opened_at >= ?", [at.as_microsecond().into()]);
    }
    if let Some(at) = query.opened_before {
        wheres.and("c.opened_at < ?", [at.as_microsecond().into()]);
    }
    if let Some(words) = query.text.as_deref().map(words).filter(|words| !words.is_empty()) {
        wheres
            .and("c.no IN (SELECT rowid FROM cases_text WHERE cases_text MATCH ?)", [words.into()]);
    }
    let (column, sign, direction) = match query.order {
        Order::OpenedNewest => ("c.opened_at", "<", "DESC"),
        Order::OpenedOldest => ("c.opened_at", ">", "ASC"),
        Order::UpdatedNewest => ("c.updated_at", "<", "DESC"),
    };
    if let Some(Place { key, no }) = after {
        wheres.and(&format!("({column}, c.no) {sign} (?, ?)"), [key.into(), no.into()]);
    }
    let Wheres { sql, mut values } = wheres;
    values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
    let sql = format!(
        "SELECT {COLUMNS} FROM cases c WHERE {sql} ORDER BY {column} {direction}, c.no {direction} LIMIT ?"
    );
    (sql, values)
}

struct Wheres {
    sql: String,
    values: Vec<Value>,
}

impl Wheres {
    fn and<const N: usize>(&mut self, condition: &str, values: [Value; N]) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.values.extend(values);
    }

    fn any(&mut self, column: &str, wanted: &[String]) {
        if wanted.is_empty() {
            return;
        }
        let marks = vec!["?"; wanted.len()].join(", ");
        self.and(&format!("{column} IN ({marks})"), []);
        self.values.extend(wanted.iter().cloned().map(Value::from));
    }
}

/// What people type, as an FTS5 expression: every word quoted, so that none of it is syntax.
fn words(text: &str) -> String {
    let quoted: Vec<String> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| word.chars().any(char::is_alphanumeric))
        .map(|word| format!("\"{}\"*", word.replace('"', "\"\"")))
        .collect();
    quoted.join(" ")
}

impl Order {
    fn key(self, row: &CaseRow) -> i64 {
        match self {
            Order::OpenedNewest | Order::OpenedOldest => row.opened_at.as_microsecond(),
            Order::UpdatedNewest => row.updated_at.as_microsecond(),
        }
    }
}

/// The last line of a page: where the next one starts.
#[derive(Clone, Copy)]
struct Place {
    key: i64,
    no: i64,
}

/// Bytes of a token: the place, and a digest of the place and the query it belongs to.
const TOKEN_BYTES: usize = 16 + 16;

impl Place {
    fn token(self, query: &Query) -> String {
        let mut bytes = [0; TOKEN_BYTES];
        bytes[..8].copy_from_slice(&self.key.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.no.to_be_bytes());
        bytes[16..].copy_from_slice(&self.seal(query));
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn parse(token: &str, query: &Query) -> Result<Place, SearchError> {
        let bytes: Option<Vec<u8>> = (token.len() == 2 * TOKEN_BYTES && token.is_ascii())
            .then(|| {
                (0..TOKEN_BYTES)
                    .map(|at| u8::from_str_radix(&token[2 * at..2 * at + 2], 16).ok())
                    .collect()
            })
            .flatten();
        let bytes = bytes.ok_or(SearchError::BadToken)?;
        let eight =
            |from: usize| <[u8; 8]>::try_from(&bytes[from..from + 8]).map(i64::from_be_bytes);
        let (Ok(key), Ok(no)) = (eight(0), eight(8)) else { return Err(SearchError::BadToken) };
        let place = Place { key, no };
        if place.seal(query) != bytes[16..] {
            return Err(SearchError::BadToken);
        }
        Ok(place)
    }

    /// Binds the place to everything of the query but the size and the token of the page.
    fn seal(self, query: &Query) -> [u8; 16] {
        let asked = Query { page_size: 0, page_token: None, ..query.clone() };
        let digest =
            blake3::hash(format!("belay.page.v1 {} {} {asked:?}", self.key, self.no).as_bytes());
        let mut seal = [0; 16];
        seal.copy_from_slice(&digest.as_bytes()[..16]);
        seal
    }
}

#[cfg(test)]
mod tests;
