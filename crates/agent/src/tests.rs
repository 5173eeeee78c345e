//! What an agent promises, against a supervisor that does what each test says, in virtual time.

mod cases;
mod lines;
mod permits;
mod tls;

#[expect(dead_code, reason = "its `main` is for people; its specialist is what is tested")]
#[path = "../examples/first_agent.rs"]
mod first_agent;

#[expect(dead_code, reason = "its `main` is for people; what it serves is needed here")]
#[path = "../examples/notes.rs"]
mod notes;

mod tutorial;
