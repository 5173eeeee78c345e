//! A proxy between Belay and a server, in which requests and answers get lost. It writes down what it was asked. Shared
//! by the tests of the adapter and those of a whole supervisor.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The proxy, for as long as the test's runtime lives.
pub(crate) struct Proxy {
    /// Where it listens.
    pub(crate) address: String,
    inner: Arc<Inner>,
}

/// What becomes of one request.
pub(crate) enum Fault {
    /// The server never gets it, and the connection ends.
    LoseRequest,
    /// The server does what it is asked, and its answer is lost.
    LoseAnswer,
    /// This happens just before the server gets it.
    First(Box<dyn FnOnce() + Send>),
}

struct Inner {
    address: String,
    server: String,
    /// The first lines of all requests.
    asked: Mutex<Vec<String>>,
    /// What the first line of the request begins with, and what becomes of it.
    planned: Mutex<Option<(String, Fault)>>,
    struck: AtomicBool,
}

impl Proxy {
    /// A proxy in front of the server at `host:port`.
    pub(crate) async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let inner = Arc::new(Inner {
            address: address.clone(),
            server,
            asked: Mutex::default(),
            planned: Mutex::default(),
            struck: AtomicBool::new(false),
        });
        let serving = Arc::clone(&inner);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let inner = Arc::clone(&serving);
                tokio::spawn(async move { inner.carry(client).await });
            }
        });
        Self { address, inner }
    }

    /// Makes this of the next request that begins like that.
    pub(crate) fn strike(&self, begins: &str, fault: Fault) {
        *self.inner.planned.lock().unwrap() = Some((begins.to_owned(), fault));
    }

    /// Whether it has happened.
    pub(crate) fn has_struck(&self) -> bool {
        self.inner.struck.load(Ordering::SeqCst)
    }

    /// How many requests began like this.
    pub(crate) fn asked(&self, begins: &str) -> usize {
        self.inner.asked.lock().unwrap().iter().filter(|line| line.starts_with(begins)).count()
    }
}

impl Inner {
    async fn carry(&self, mut client: TcpStream) {
        let Some(request) = request(&mut client).await else { return };
        let first = request.lines().next().unwrap_or_default().to_owned();
        let fault = {
            let mut planned = self.planned.lock().unwrap();
            planned.take_if(|(begins, _)| first.starts_with(begins.as_str()))
        };
        self.asked.lock().unwrap().push(first);
        let fault = fault.map(|(_, fault)| fault);
        let loses_answer = matches!(fault, Some(Fault::LoseAnswer));
        let strikes = fault.is_some();
        match fault {
            Some(Fault::LoseRequest) => return self.struck.store(true, Ordering::SeqCst),
            Some(Fault::First(happens)) => happens(),
            Some(Fault::LoseAnswer) | None => {}
        }
        // RT checks that a request for its pages comes from its own address.
        let request = request.replace(&self.address, &self.server);
        let Ok(mut server) = TcpStream::connect(&self.server).await else { return };
        if server.write_all(request.as_bytes()).await.is_err() {
            return;
        }
        if strikes && !loses_answer {
            self.struck.store(true, Ordering::SeqCst);
        }
        let mut answer = Vec::new();
        // The server closes after each answer.
        let _ = server.read_to_end(&mut answer).await;
        if loses_answer {
            return self.struck.store(true, Ordering::SeqCst);
        }
        let _ = client.write_all(&answer).await;
    }
}

/// One whole request.
async fn request(client: &mut TcpStream) -> Option<String> {
    let mut got = Vec::new();
    loop {
        let mut part = [0; 4096];
        let length = client.read(&mut part).await.ok().filter(|length| *length > 0)?;
        got.extend_from_slice(&part[..length]);
        let text = String::from_utf8_lossy(&got).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let wanted = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
        });
        if body.len() >= wanted.unwrap_or(0) {
            return Some(text);
        }
    }
}
