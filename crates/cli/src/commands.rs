//! The commands, one file each.

pub(crate) mod agent;
pub(crate) mod approval;
pub(crate) mod audit;
pub(crate) mod case;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod connector;
pub(crate) mod contract;
pub(crate) mod coverage;
pub(crate) mod desk;
pub(crate) mod dev;
pub(crate) mod escalation;
pub(crate) mod graduate;
pub(crate) mod playbook;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod watch;
pub(crate) mod who_can;
pub(crate) mod why;

use clap::{Args, ValueEnum};

use belay_api::v1;

use crate::connection::{Connection, ConnectionArgs};
use crate::exit::Failure;
use crate::output::Output;

/// What every command is given.
pub(crate) struct Context {
    /// Where its answer goes.
    pub(crate) output: Output,
    /// How it reaches the supervisor.
    pub(crate) connection: ConnectionArgs,
}

impl Context {
    /// Connects to the supervisor.
    pub(crate) async fn connect(&self) -> Result<Connection, Failure> {
        self.connection.connect().await
    }
}

/// How much of a list is shown.
#[derive(Args, Clone, Debug)]
pub(crate) struct PageArgs {
    /// The most to show
    #[arg(long, default_value_t = 50, value_name = "N")]
    pub(crate) limit: u32,
}

/// Names a request, so that it can be repeated without happening twice.
#[derive(Args, Clone, Debug)]
pub(crate) struct RequestArgs {
    /// Names this request: repeated with the same id, it happens once; by default a fresh one
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<String>,
}

impl RequestArgs {
    /// The id that was given, or a fresh one.
    pub(crate) fn id(&self) -> String {
        self.request_id.clone().unwrap_or_else(|| format!("cli-{}", uuid::Uuid::now_v7()))
    }
}

/// How urgent a case is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SeverityArg {
    /// Can wait for a working day.
    Low,
    /// The usual.
    Normal,
    /// A customer is losing money or time.
    High,
    /// Many customers are.
    Critical,
}

impl From<SeverityArg> for v1::Severity {
    fn from(severity: SeverityArg) -> Self {
        match severity {
            SeverityArg::Low => Self::Low,
            SeverityArg::Normal => Self::Normal,
            SeverityArg::High => Self::High,
            SeverityArg::Critical => Self::Critical,
        }
    }
}

/// `key=value`.
pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

/// Turns the pages of a list until `limit` things are there or no page is left.
#[macro_export]
macro_rules! pages {
    ($limit:expr, |$size:ident, $token:ident| $call:expr, $items:ident) => {{
        let mut found = Vec::new();
        let mut $token = String::new();
        loop {
            let left = ($limit as usize).saturating_sub(found.len());
            if left == 0 {
                break (found, !$token.is_empty());
            }
            // More than this a page never has.
            let $size = u32::try_from(left.min(500)).unwrap_or(500);
            let page = $call.await?.into_inner();
            found.extend(page.$items);
            $token = page.next_page_token;
            if $token.is_empty() {
                break (found, false);
            }
        }
    }};
}
