//! What happens in the demonstration, and when. Every wait has a deadline and says what was expected.

use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::answers::{Answer, Answers};
use super::api::{Door, patiently};
use super::board::Board;
use super::house::House;
use super::people::{Cast, Person};
use super::show::Show;
use super::stories::{Opening, Story, everyday, told};
use crate::connection::Connection;
use crate::exit::{Exit, Failure};

/// How long one step of a story may take.
const STEP_WITHIN: Duration = Duration::from_secs(25);
/// How long the last cases have, once all stories are told.
const REST_WITHIN: Duration = Duration::from_secs(40);
/// How many everyday cases are there from the beginning; the others come one by one.
const EVERYDAY_AT_ONCE: usize = 10;
/// How much time there is between stories that need no part of their own.
const STORY_EVERY: Duration = Duration::from_millis(1_500);
/// How much time there is between everyday cases after that.
const EVERYDAY_EVERY: Duration = Duration::from_millis(2_000);

/// The script, with everybody who plays in it.
pub(crate) struct Script<'a> {
    tool: Connection,
    board: &'a Board,
    cast: &'a Cast,
    answers: &'a Answers,
    show: &'a Show,
    told: Vec<Opening>,
    /// How far the demonstration has come, for those who wait for others.
    marks: watch::Sender<Marks>,
}

/// How far the demonstration has come.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    given_back: bool,
    passed_on: bool,
    one_agreed: bool,
    restarted: bool,
}

impl<'a> Script<'a> {
    /// A script that nobody has played yet.
    pub(crate) fn new(
        door: &Door,
        board: &'a Board,
        cast: &'a Cast,
        answers: &'a Answers,
        show: &'a Show,
    ) -> Self {
        let marks = watch::Sender::new(Marks::default());
        Self { tool: door.tool(), board, cast, answers, show, told: told(), marks }
    }

    /// People begin to work.
    pub(crate) fn staff(&self, around: &mut JoinSet<()>) {
        let reserved = |story: Story| {
            let opening = self.told.iter().find(|opening| opening.story == Some(story));
            let subject = opening.map(|opening| opening.request().subject).unwrap_or_default();
            move |text: &str| text.contains(&subject)
        };
        let mut at_work = |person: &Person, queue: &'static str| {
            let (person, kept) = (person.clone(), reserved(Story::EmptyPromise));
            around.spawn(async move { person.staff(queue, kept).await });
        };
        at_work(&self.cast.ann, "billing-desk");
        at_work(&self.cast.ben, "billing-desk");
        at_work(&self.cast.cara, "support-desk");
        at_work(&self.cast.dan, "support-desk");
        at_work(&self.cast.lea, "duty-lead");
        for person in [&self.cast.cara, &self.cast.dan] {
            let (person, kept) = (person.clone(), reserved(Story::TwoPeople));
            around.spawn(async move { person.decide(kept).await });
        }
    }

    /// Plays everything. Gives the cases that tell stories.
    pub(crate) async fn run(&self, house: &mut House) -> Result<Vec<(Opening, String)>, Failure> {
        let house = Mutex::new(house);
        tokio::try_join!(
            self.everyday(),
            self.simple(),
            self.two_people(),
            self.empty_promise(),
            self.agent_killed(&house),
            self.supervisor_killed(&house),
            self.duplicate(),
        )?;
        self.board
            .until(REST_WITHIN, "every case is resolved", |sight| {
                sight.cases.values().all(|seen| seen.is_resolved()).then_some(())
            })
            .await
            .map_err(|failure| self.with_open(failure))?;
        house.lock().await.check()?;
        let told = self.told.iter().filter_map(|opening| {
            let case = self.show.case_of(opening.story?)?;
            Some((opening.clone(), case))
        });
        Ok(told.collect())
    }

    async fn everyday(&self) -> Result<(), Failure> {
        for (number, opening) in everyday().iter().enumerate() {
            self.open(opening).await?;
            let pause =
                if number < EVERYDAY_AT_ONCE { Duration::from_millis(60) } else { EVERYDAY_EVERY };
            sleep(pause).await;
        }
        Ok(())
    }

    /// The stories that need nobody but the agents and the people at their desks.
    async fn simple(&self) -> Result<(), Failure> {
        use Story as S;
        for story in [
            S::Verified,
            S::Denied,
            S::HalfFailed,
            S::PlanUndone,
            S::Diverged,
            S::TooMuch,
            S::Shadow,
        ] {
            self.tell(story).await?;
            sleep(STORY_EVERY).await;
        }
        Ok(())
    }

    async fn two_people(&self) -> Result<(), Failure> {
        let case = self.tell(Story::TwoPeople).await?;
        let (ann, ben, oscar) = (&self.cast.ann, &self.cast.ben, &self.cast.oscar);
        oscar.approval_of(&case).await?;
        sleep(Duration::from_millis(800)).await;
        self.refused(oscar, &case, "INVOLVED", "oscar runs the agent that asks, and may not agree")
            .await?;
        let shown = ann.approval_of(&case).await?;
        ann.approve(&shown).await?;
        self.show.say("ann agrees to the refund of 180.00; one more has to");
        self.refused(ann, &case, "ALREADY_VOTED", "ann agrees once more, and counts once").await?;
        self.mark(|marks| marks.one_agreed = true);
        // Whoever waits for a second yes waits through a killed supervisor as well.
        self.until_marked("the supervisor is back", |marks| marks.restarted).await?;
        sleep(Duration::from_millis(700)).await;
        ben.approve(&ben.approval_of(&case).await?).await?;
        self.show.say("ben agrees as well: now, and only now, the money goes out");
        self.resolved(&case).await
    }

    /// A person's yes that must not count, for this reason.
    async fn refused(
        &self,
        person: &Person,
        case: &str,
        reason: &str,
        told: &str,
    ) -> Result<(), Failure> {
        let approval = person.approval_of(case).await?;
        match person.approve(&approval).await {
            Err(failure) if failure.reason.as_deref() == Some(reason) => {
                self.show.say(&format!("{told} ({reason})"));
                Ok(())
            }
            Err(failure) => Err(failure),
            Ok(()) => {
                let what =
                    format!("{}'s yes should be refused with {reason}, and counted", person.name);
                Err(Failure::new(Exit::Failed, what))
            }
        }
    }

    async fn empty_promise(&self) -> Result<(), Failure> {
        let (cara, lea) = (&self.cast.cara, &self.cast.lea);
        sleep(Duration::from_millis(300)).await;
        let case = self.tell(Story::EmptyPromise).await?;
        lea.ticket_of("duty-lead", &case).await?;
        self.show.say("the duty lead's queue has taken the ticket; nobody has. That is not cover");
        self.happens(&case, "step_failed", "the next queue has its turn").await?;
        let ticket = cara.ticket_of("support-desk", &case).await?;
        sleep(Duration::from_millis(600)).await;
        cara.take(&ticket.id).await?;
        self.happens(&case, "escalation_acknowledged", "cara is seen to have it").await?;
        self.show.say("cara has taken it, and a read-back shows it: covered");
        sleep(Duration::from_millis(1200)).await;
        cara.give_back(&ticket.id, "I have to leave").await?;
        self.happens(&case, "escalation_lapsed", "giving back is seen").await?;
        self.show.say("cara has given it back, and the next look saw that: not covered any more");
        self.mark(|marks| marks.given_back = true);
        let ticket = lea.ticket_of("duty-lead", &case).await?;
        sleep(Duration::from_millis(600)).await;
        lea.take(&ticket.id).await?;
        let what = "lea is seen to have it";
        let again = |seen: &super::board::Seen| seen.count("escalation_acknowledged") >= 2;
        self.board.until_case(&case, STEP_WITHIN, what, again).await?;
        self.show.say("lea really has it now");
        lea.note(&ticket.id).await?;
        sleep(Duration::from_millis(900)).await;
        lea.resolve(&ticket.id, "resolved").await?;
        self.resolved(&case).await
    }

    async fn agent_killed(&self, house: &Mutex<&mut House>) -> Result<(), Failure> {
        sleep(Duration::from_secs(4)).await;
        let case = self.tell(Story::AgentKilled).await?;
        self.happens(&case, "action_dispatched", "its agent begins to write").await?;
        let agent = self.board.case(&case).summary.owner;
        // The company is slow on this one: the answer will come when nobody is there to hear it.
        sleep(Duration::from_millis(400)).await;
        let pid = house.lock().await.kill_agent(&agent).await?;
        self.show.say(&format!("SIGKILL to {agent} (process {pid}) in the middle of a write"));
        self.happens(&case, "lease_expired", "its lease ends").await?;
        let what = "another agent takes the case";
        let again = |seen: &super::board::Seen| seen.count("handoff_accepted") >= 2;
        self.board.until_case(&case, STEP_WITHIN, what, again).await?;
        let heir = self.board.case(&case).summary.owner;
        self.show.say(&format!("{heir} has what {agent} held; what it wrote is found by looking"));
        self.mark(|marks| marks.passed_on = true);
        self.resolved(&case).await?;
        house.lock().await.start_agent(&agent)?;
        self.show.say(&format!("{agent} is started again"));
        Ok(())
    }

    async fn supervisor_killed(&self, house: &Mutex<&mut House>) -> Result<(), Failure> {
        let ready = |marks: &Marks| marks.given_back && marks.passed_on && marks.one_agreed;
        self.until_marked("an agent was killed, a ticket given back, one person agreed", ready)
            .await?;
        let case = self.tell(Story::SupervisorKilled).await?;
        self.happens(&case, "handoff_accepted", "an agent takes it").await?;
        sleep(Duration::from_millis(800)).await;
        let mut house = house.lock().await;
        let pid = house.kill_supervisor().await?;
        self.show.say(&format!("SIGKILL to the supervisor (process {pid})"));
        sleep(Duration::from_millis(500)).await;
        house.start_supervisor()?;
        drop(house);
        self.board
            .until(STEP_WITHIN, "the supervisor is back", |sight| sight.connected.then_some(()))
            .await?;
        self.show.say("the supervisor is back, and goes on where the journal ends");
        self.mark(|marks| marks.restarted = true);
        self.resolved(&case).await
    }

    async fn duplicate(&self) -> Result<(), Failure> {
        sleep(Duration::from_millis(1200)).await;
        let case = self.tell(Story::Duplicate).await?;
        let Some(opening) = self.opening(Story::Duplicate) else { return Ok(()) };
        sleep(Duration::from_millis(500)).await;
        // The answer to the first request got lost, so the client asks again; and somebody else reports the same.
        let again = self.request(opening.request()).await?;
        let other = belay_api::v1::OpenCaseRequest {
            request_id: "demo-110-by-mail".to_owned(),
            channel: "mail".to_owned(),
            ..opening.request()
        };
        let linked = self.request(other).await?;
        if again != case || linked != case {
            let what = format!("one matter should be one case, and is {case}, {again}, {linked}");
            return Err(Failure::new(Exit::Failed, what));
        }
        self.show
            .say("the same request again, and another report of the same matter: the same case");
        self.resolved(&case).await
    }

    async fn tell(&self, story: Story) -> Result<String, Failure> {
        let Some(opening) = self.opening(story) else {
            return Err(Failure::new(Exit::Failed, format!("nothing tells {}", story.title())));
        };
        let case = self.open(opening).await?;
        self.show.tells(story, &case);
        Ok(case)
    }

    fn opening(&self, story: Story) -> Option<&Opening> {
        self.told.iter().find(|opening| opening.story == Some(story))
    }

    async fn open(&self, opening: &Opening) -> Result<String, Failure> {
        self.request(opening.request()).await
    }

    async fn request(&self, request: belay_api::v1::OpenCaseRequest) -> Result<String, Failure> {
        let answer = patiently("opening a case", || {
            let (mut cases, call) = (self.tool.cases(), self.tool.call(request.clone()));
            async move { cases.open_case(call).await }
        })
        .await?;
        let case = answer.case.and_then(|case| case.summary).unwrap_or_default().id;
        self.answers.add(Answer::Opened { case: case.clone(), request: request.request_id });
        Ok(case)
    }

    async fn happens(&self, case: &str, event: &str, what: &str) -> Result<(), Failure> {
        self.board.until_case(case, STEP_WITHIN, what, |seen| seen.had(event)).await
    }

    async fn resolved(&self, case: &str) -> Result<(), Failure> {
        let done = |seen: &super::board::Seen| seen.is_resolved();
        self.board.until_case(case, STEP_WITHIN, "it is resolved", done).await
    }

    fn mark(&self, change: impl FnOnce(&mut Marks)) {
        self.marks.send_modify(change);
    }

    async fn until_marked(&self, what: &str, is: impl Fn(&Marks) -> bool) -> Result<(), Failure> {
        let mut marks = self.marks.subscribe();
        let waited = tokio::time::timeout(STEP_WITHIN * 2, marks.wait_for(|marks| is(marks))).await;
        match waited {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Failure::new(Exit::Failed, format!("waited in vain until {what}"))),
        }
    }

    /// Names the cases that are still open, and what happened to each last.
    fn with_open(&self, mut failure: Failure) -> Failure {
        self.board.look(|sight| {
            for (case, seen) in sight.cases.iter().filter(|(_, seen)| !seen.is_resolved()) {
                let last = seen.events.last().map(|(event, ..)| event.as_str()).unwrap_or_default();
                let subject = &seen.summary.subject;
                failure.details.push((case.clone(), format!("{subject}, last: {last}")));
            }
        });
        failure
    }
}
