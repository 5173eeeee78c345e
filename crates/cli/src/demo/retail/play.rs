//! The play: opens every case through the public API, waits until it is resolved, and reads back what became of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use belay_api::v1::{
    CaseState, GetCaseRequest, ListEventsRequest, NewContextEntry, OpenCaseRequest, Provenance,
    ProvenanceSource, VerifyJournalRequest, verify_journal_response,
};
use belay_supervisor::OPERATORS_DEFAULT;
use indicatif::ProgressBar;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::figures::{Figures, Played};
use super::script::{Must, Script};
use super::shop::{Entry, in_world};
use super::specialist::{Book, Counter, LABEL, Page};
use super::stage::Stage;
use super::task::Read;
use super::terms::{IDENTITY, WISH, YES};
use super::variants::Yes;
use crate::connection::Connection;
use crate::demo::api::patiently;
use crate::exit::{Exit, Failure};

/// How many cases are open at the same time: more would only wait for the three specialists.
const OPEN_MAX: usize = 96;

/// How often a case is looked at whose specialists are done, or do not say so.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long one case may take. People included, the slowest takes a few seconds.
const CASE_WITHIN: Duration = Duration::from_secs(120);

/// Who verifies the journal.
const OPERATOR: &str = "olga";

/// The longest part of a customer's wish that becomes the case's subject, in characters.
const SUBJECT_MAX: usize = 120;

/// Plays everything in the book.
pub(crate) async fn play(
    book: &Arc<Book>,
    stage: &mut Stage,
    progress: &ProgressBar,
) -> Result<Figures, Failure> {
    let began = Instant::now();
    let tool = stage.door()?.tool();
    let mut figures = Figures::default();
    let mut playing: JoinSet<Result<(String, Played), Failure>> = JoinSet::new();
    // The tasks themselves first: they take longest.
    let mut pages: Vec<&Page> = book.pages().collect();
    pages.sort_by_key(|page| (!page.script.genuine, page.script.task));
    let mut waiting = pages.into_iter();
    loop {
        while playing.len() < OPEN_MAX {
            let Some(page) = waiting.next() else { break };
            let world = page.script.world.clone();
            let (book, tool, counter) = (Arc::clone(book), tool.clone(), stage.counter.clone());
            playing.spawn(async move {
                let page = book.page(&world);
                let page = page.ok_or_else(|| Failure::new(Exit::Failed, "a script is missing"))?;
                Ok((page.script.world.clone(), case(page, &tool, &counter).await?))
            });
        }
        let Some(played) = playing.join_next().await else { break };
        let (world, played) =
            played.map_err(|error| Failure::of("a case was not played", &error))??;
        if let Some(page) = book.page(&world) {
            figures.add(&page.script, &played);
        }
        progress.inc(1);
        stage.check()?;
    }
    worlds(book, stage, &mut figures);
    figures.findings.extend(troubles(book));
    figures.journal_intact = intact(&stage.door()?.person(OPERATOR, &[OPERATORS_DEFAULT])?).await?;
    figures.seconds = began.elapsed().as_secs_f64();
    Ok(figures)
}

/// Opens one case, and waits until it is resolved.
async fn case(page: &Page, tool: &Connection, counter: &Counter) -> Result<Played, Failure> {
    let script = &page.script;
    let request = open_request(script, counter).await?;
    let opened = patiently("opening a case", || async {
        tool.cases().open_case(tool.call(request.clone())).await
    });
    let opened = opened.await?.case.and_then(|case| case.summary).unwrap_or_default();
    let get = GetCaseRequest { case_id: opened.id.clone() };
    let deadline = Instant::now() + CASE_WITHIN;
    let case = loop {
        tokio::select! {
            () = page.done.notified() => {}
            () = sleep(LOOK_EVERY) => {}
        }
        let case =
            patiently("a case", || async { tool.cases().get_case(tool.call(get.clone())).await });
        let case = case.await?.case.unwrap_or_default();
        let resolved = case.summary.as_ref().is_some_and(|it| it.state() == CaseState::Resolved);
        if resolved || Instant::now() >= deadline {
            break case;
        }
    };
    let mut played = Played { case: Some(case), ..Played::default() };
    if script.genuine {
        let events = events(&opened.id, tool).await?;
        let count = |name: &str| events.get(name).copied().unwrap_or_default();
        played.accepted = count("handoff_accepted");
        played.acknowledged = count("escalation_acknowledged");
    }
    Ok(played)
}

/// How often each event has happened to a case.
async fn events(case: &str, tool: &Connection) -> Result<BTreeMap<String, u32>, Failure> {
    let mut counts = BTreeMap::new();
    let mut request =
        ListEventsRequest { case_id: case.to_owned(), page_size: 500, ..Default::default() };
    loop {
        let answer = patiently("a case's events", || async {
            tool.audit().list_events(tool.call(request.clone())).await
        });
        let answer = answer.await?;
        for event in answer.events {
            *counts.entry(event.event).or_default() += 1;
        }
        if answer.next_page_token.is_empty() {
            return Ok(counts);
        }
        request.page_token = answer.next_page_token;
    }
}

/// What intake knows when it opens the case: the wish, who the customer has proven to be, and each yes they gave.
async fn open_request(script: &Script, counter: &Counter) -> Result<OpenCaseRequest, Failure> {
    let find = Read::Find(script.proof.clone());
    let (url, found) = counter
        .read(&script.world, &find)
        .await
        .map_err(|error| Failure::of("the shop does not find the customer", &error))?;
    let found = found.ok_or_else(|| {
        Failure::new(Exit::Failed, format!("nobody is a customer by {:?}", script.proof))
    })?;
    let customer = in_world(&script.world, &script.customer);
    let entry = |kind: &str, body: String, source: ProvenanceSource, reference: &str| {
        let reference = reference.to_owned();
        let provenance = Some(Provenance { source: source.into(), reference });
        NewContextEntry { kind: kind.to_owned(), body, provenance }
    };
    let mut context = vec![
        entry("message", script.wish.clone(), ProvenanceSource::Customer, WISH),
        entry("fact", found.to_string(), ProvenanceSource::SystemOfRecord, url.path()),
        entry(
            "fact",
            format!("the customer has proven to be {customer}, by {:?}", script.proof),
            ProvenanceSource::VerifiedChannel,
            IDENTITY,
        ),
    ];
    for (_, attempt) in script.attempts() {
        if attempt.must == Must::BeVerified && attempt.statement.yes == Yes::Customer {
            let input = serde_json::Value::Object(attempt.write.input.clone());
            let body = format!("Yes, {}: {input}", attempt.write.tool.name());
            context.push(entry("message", body, ProvenanceSource::Customer, YES));
        }
    }
    Ok(OpenCaseRequest {
        request_id: format!("tau-retail-{}", script.world),
        subject: script.wish.chars().take(SUBJECT_MAX).collect(),
        kind: script.first().kind().to_owned(),
        customer,
        channel: "chat".to_owned(),
        labels: [(LABEL.to_owned(), script.world.clone())].into(),
        context,
        ..OpenCaseRequest::default()
    })
}

/// Compares every world of the shop with what it must be.
fn worlds(book: &Book, stage: &Stage, figures: &mut Figures) {
    let ledger = stage.shop.ledger();
    let mut written: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in &ledger {
        written.entry(&entry.world).or_default().push(entry);
    }
    for page in book.pages() {
        let world = page.script.world.as_str();
        let differences = match stage.shop.records(world) {
            Some(records) => records.differences(&page.script.after),
            None => vec!["everything".to_owned()],
        };
        let entries = written.remove(world).unwrap_or_default();
        figures.add_world(&page.script, &entries, &differences);
    }
    // Whatever is left was written into worlds that nobody plays in.
    for (world, entries) in written {
        figures.stray += u32::try_from(entries.len()).unwrap_or(u32::MAX);
        figures.findings.push(format!("the shop was written to in the unknown world {world:?}"));
    }
}

fn troubles(book: &Book) -> Vec<String> {
    book.pages()
        .flat_map(|page| {
            let world = &page.script.world;
            page.troubles().into_iter().map(move |trouble| format!("world {world}: {trouble}"))
        })
        .collect()
}

/// Whether the journal's chain is whole.
async fn intact(operator: &Connection) -> Result<bool, Failure> {
    let request = tonic::Request::new(VerifyJournalRequest::default());
    let mut verifying = operator.audit().verify_journal(request).await?.into_inner();
    while let Some(answer) = verifying.message().await? {
        if let Some(verify_journal_response::Message::Report(report)) = answer.message {
            return Ok(report.intact);
        }
    }
    Ok(false)
}
