//! The processes of the demonstration. Each has a process group and a log of its own, and ends when its parent is gone,
//! however that came about: it holds a pipe that closes with the parent.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{self, ChildStdin, Command};

use crate::exit::{Exit, Failure};

/// How long a process has to end by itself before it is made to.
const END_WITHIN: Duration = Duration::from_secs(8);

/// Starts processes of this same program, with logs in one folder.
#[derive(Clone, Debug)]
pub(crate) struct Nursery {
    program: PathBuf,
    logs: PathBuf,
}

/// One process. Killed when it is dropped.
pub(crate) struct Child {
    name: String,
    process: process::Child,
    lifeline: Option<ChildStdin>,
}

impl Nursery {
    /// Keeps logs in `logs`.
    pub(crate) fn new(logs: PathBuf) -> Result<Self, Failure> {
        let program = std::env::current_exe()
            .map_err(|error| Failure::of("cannot find this program to start it again", &error))?;
        fs::create_dir_all(&logs)
            .map_err(|error| Failure::of(format!("cannot make {}", logs.display()), &error))?;
        Ok(Self { program, logs })
    }

    /// The folder with the logs.
    pub(crate) fn logs(&self) -> &Path {
        &self.logs
    }

    /// Starts this program as `name`, with these arguments and variables. Its log goes on where it ended before.
    pub(crate) fn start(
        &self,
        name: &str,
        arguments: &[String],
        variables: &[(String, String)],
    ) -> Result<Child, Failure> {
        let log = self.logs.join(format!("{name}.log"));
        let failed = |error: std::io::Error| Failure::of(format!("cannot start {name}"), &error);
        let out = File::options().create(true).append(true).open(&log).map_err(failed)?;
        let mut process = Command::new(&self.program)
            .args(arguments)
            .envs(variables.iter().map(|(key, value)| (key, value)))
            .env("NO_COLOR", "1")
            .env_remove("BELAY_OUTPUT")
            .stdin(Stdio::piped())
            .stdout(out.try_clone().map_err(failed)?)
            .stderr(out)
            // An interrupt at the terminal is for the parent, who ends its children in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let lifeline = process.stdin.take();
        Ok(Child { name: name.to_owned(), process, lifeline })
    }
}

impl Child {
    /// Its process id, while it runs.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id().unwrap_or_default()
    }

    /// Fails when it has ended, which no child should do by itself.
    pub(crate) fn check(&mut self) -> Result<(), Failure> {
        match self.process.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => {
                Err(Failure::new(Exit::Failed, format!("{} ended by itself: {status}", self.name)))
            }
            Err(error) => Err(Failure::of(format!("cannot look after {}", self.name), &error)),
        }
    }

    /// Kills it where it stands, as a failing machine would: SIGKILL.
    pub(crate) async fn kill(mut self) -> Result<(), Failure> {
        self.process
            .kill()
            .await
            .map_err(|error| Failure::of(format!("cannot kill {}", self.name), &error))
    }

    /// Lets it end in order, and kills it when that takes too long.
    pub(crate) async fn end(mut self) {
        drop(self.lifeline.take());
        if tokio::time::timeout(END_WITHIN, self.process.wait()).await.is_err() {
            // It may have ended in this very moment.
            let _ = self.process.kill().await;
        }
    }
}

/// Ready when whoever started this process is gone: then its end of the pipe closes.
pub(crate) async fn until_parent_is_gone() {
    let (gone, heard) = tokio::sync::oneshot::channel();
    // A thread of its own: a runtime that ends would wait for a read that it began itself.
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _ = gone.send(());
    });
    let _ = heard.await;
}

/// An address on this machine that nobody listens on just now.
pub(crate) fn free_address() -> Result<SocketAddr, Failure> {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| Failure::of("cannot find a free port", &error))
}
