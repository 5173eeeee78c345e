//! A proxy that carries a request to the server and then loses the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) struct Proxy {
    pub(crate) address: String,
    lost: Arc<AtomicBool>,
}

impl Proxy {
    pub(crate) fn lost_one(&self) -> bool {
        self.lost.load(Ordering::SeqCst)
    }
}

/// Loses the first answer to a request that begins like this.
pub(crate) async fn losing_the_first_answer_to(begins: &'static str, server: String) -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let lost = Arc::new(AtomicBool::new(false));
    let proxy = Proxy { address: address.clone(), lost: Arc::clone(&lost) };
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (server, address, lost) = (server.clone(), address.clone(), Arc::clone(&lost));
            tokio::spawn(async move {
                let Some(request) = request(&mut client).await else { return };
                // RT checks that a request for its pages comes from its own address.
                let request = request.replace(&address, &server);
                let mut upstream = TcpStream::connect(&server).await.unwrap();
                upstream.write_all(request.as_bytes()).await.unwrap();
                let mut answer = Vec::new();
                // The server closes after each answer.
                upstream.read_to_end(&mut answer).await.unwrap();
                if request.starts_with(begins) && !lost.swap(true, Ordering::SeqCst) {
                    return;
                }
                let _ = client.write_all(&answer).await;
            });
        }
    });
    proxy
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
