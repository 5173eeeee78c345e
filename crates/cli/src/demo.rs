//! `belay demo`: the whole of Belay at work on one machine, in under a minute.
//!
//! A supervisor, six agents and a company run as processes of their own; people act through the public API. A few dozen cases
//! are opened, an agent and the supervisor are killed in the middle, and systems lie. At the end it is worked out from the
//! journal and from what the company really holds whether everything was true that was said.

pub(crate) mod agent;
mod answers;
mod api;
mod board;
mod children;
pub(crate) mod company;
mod house;
mod observer;
mod people;
mod playbook;
mod retail;
mod script;
mod show;
mod stories;
mod summary;
mod verdict;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tokio::task::JoinSet;

use crate::commands::Context;
use crate::exit::{Exit, Failure};
use crate::output::print;

pub(crate) use agent::AgentArgs;
pub(crate) use api::Door;
pub(crate) use children::{Child, Nursery, free_address, until_parent_is_gone};
pub(crate) use company::CompanyArgs;

use answers::Answers;
use board::Board;
use house::House;
use observer::Claims;
use people::Cast;
use script::Script;
use show::Show;
use stories::Story;
use summary::Next;
use verdict::{Facts, Verdict};

/// How the demonstration runs.
#[derive(Args, Debug)]
pub(crate) struct DemoArgs {
    /// Where to keep everything; by default a new directory below ./.belay
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Leave everything running at the end, for exploring, until ctrl-c
    #[arg(long)]
    keep: bool,
    /// Play the customers of tau-bench's retail domain instead: the folder with its orders, users, products and tasks
    #[arg(long, value_name = "DIR", conflicts_with_all = ["dir", "keep"])]
    tau_retail: Option<PathBuf>,
}

/// The longest everything may take, start and end included.
const WHOLE_WITHIN: Duration = Duration::from_secs(120);

/// Runs the demonstration.
pub(crate) async fn run(args: DemoArgs, context: &Context) -> Result<Exit, Failure> {
    if let Some(data) = &args.tau_retail {
        return retail::run(data, context).await;
    }
    let show = Show::new(&context.output);
    let mut house = House::build(args.dir)?;
    show.say(&format!("everything is kept in {}", house.folder().display()));
    let logs = house.logs().display().to_string();
    let ended = tokio::select! {
        ended = tokio::time::timeout(WHOLE_WITHIN, play(&mut house, &show, args.keep, context)) => {
            ended.unwrap_or_else(|_| {
                let what = format!("the demonstration was not over within {} s", WHOLE_WITHIN.as_secs());
                Err(Failure::new(Exit::Failed, what))
            })
        }
        _ = tokio::signal::ctrl_c() => Err(Failure::new(Exit::Interrupted, "interrupted")),
    };
    let interrupted = ended.as_ref().is_err_and(|failure| failure.exit == Exit::Interrupted);
    if args.keep && !interrupted {
        show.say("everything is left running; ctrl-c ends it");
        // Either way it ends now.
        let _ = tokio::signal::ctrl_c().await;
    }
    house.end().await;
    ended.map_err(|failure| match failure.exit {
        Exit::Interrupted => failure,
        _ => failure.hint(format!("the logs of all processes are in {logs}")),
    })
}

async fn play(
    house: &mut House,
    show: &Show,
    keep: bool,
    context: &Context,
) -> Result<Exit, Failure> {
    let door = Door::new(house.endpoint(), &house.identity())?;
    let (board, answers, claims) = (Board::new(), Answers::default(), Claims::default());
    let cast = Cast::new(&door, &answers)?;
    let mut around = JoinSet::new();
    house.start(&door, show).await?;
    {
        let (board, show) = (board.clone(), show.clone());
        around.spawn(async move { show.run(&board).await });
    }
    {
        let (board, connection) = (board.clone(), door.tool());
        around.spawn(async move { board.watch(connection).await });
    }
    {
        let (board, connection, claims) = (board.clone(), door.tool(), claims.clone());
        around.spawn(async move { claims.gather(connection, &board).await });
    }
    let script = Script::new(&door, &board, &cast, &answers, show);
    script.staff(&mut around);
    let told = script.run(house).await;
    if told.is_err() {
        // What was on the screen last is the best there is to see.
        show.end(&board);
    }
    let told = told?;
    let tickets = cast.cara.records().await?;
    around.shutdown().await;
    show.end(&board);
    if !keep {
        house.end().await;
    }
    let took = show.elapsed();

    let histories = verdict::read(house.data())?;
    let ledger = house.company()?.ledger;
    let mut all = answers.all();
    all.extend(house.answers());
    let verdict = Verdict::of(&Facts {
        histories: &histories,
        ledger: &ledger,
        tickets: &tickets,
        claims: &claims.all(),
        answers: &all,
        told: &told,
    })?;
    conclude(&verdict, took, house, show, keep, context)
}

fn conclude(
    verdict: &Verdict,
    took: Duration,
    house: &House,
    show: &Show,
    keep: bool,
    context: &Context,
) -> Result<Exit, Failure> {
    if context.output.is_json() {
        print(&format!("{}\n", verdict.json(took)))?;
        eprint!("{}", summary::wrong(verdict, &context.output.style));
    } else {
        let style = &context.output.style;
        let called = std::env::args().next().unwrap_or_else(|| "belay".to_owned());
        let next =
            Next { program: &called, folder: house.folder(), data: house.data(), running: keep };
        let case_of = |story: Story| show.case_of(story);
        print(&summary::render(verdict, took, style))?;
        print(&next.render(&case_of, style))?;
    }
    if verdict.is_sound() {
        Ok(Exit::Done)
    } else {
        Err(Failure::new(Exit::Failed, "not everything was as it should be; see above"))
    }
}
