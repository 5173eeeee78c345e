use std::net::SocketAddr;

use bytes::Bytes;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use super::*;

#[tokio::test]
async fn a_request_is_answered_over_tls_and_over_a_plain_line() {
    for over_tls in [true, false] {
        let bed = Bed::start(over_tls, WebSettings::default()).await;
        let answer =
            bed.ask("GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("hello"), "{answer}");
        assert_eq!(bed.stop().await, Drained { cut: 0 });
    }
}

#[tokio::test]
async fn who_says_nothing_is_cut_and_who_comes_when_it_is_full_is_dropped() {
    let settings = WebSettings {
        connections_max: 1,
        head_timeout: Duration::from_millis(300),
        ..WebSettings::default()
    };
    let bed = Bed::start(false, settings).await;
    let mut silent = TcpStream::connect(bed.address).await.unwrap();
    // The first one may still be on its way to being accepted.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut second = TcpStream::connect(bed.address).await.unwrap();
    let mut nothing = [0; 1];
    assert_eq!(second.read(&mut nothing).await.unwrap_or(0), 0, "there was no room");
    let ended = timeout(Duration::from_secs(10), silent.read_to_end(&mut Vec::new())).await;
    assert!(ended.is_ok(), "the silent one was cut");
    bed.stop().await;
}

#[tokio::test]
async fn a_server_that_leaves_lets_idle_connections_go() {
    let bed = Bed::start(false, WebSettings::default()).await;
    let mut idle = TcpStream::connect(bed.address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut begun = [0; 12];
    idle.read_exact(&mut begun).await.unwrap();
    assert_eq!(bed.stop().await, Drained { cut: 0 });
}

struct Bed {
    address: SocketAddr,
    roots: Option<RootCertStore>,
    stop: CancellationToken,
    serving: tokio::task::JoinHandle<Drained>,
    _directory: tempfile::TempDir,
}

impl Bed {
    async fn start(over_tls: bool, settings: WebSettings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let (certificate, key) = (directory.path().join("c.pem"), directory.path().join("k.pem"));
        std::fs::write(&certificate, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let shown = over_tls.then(|| Arc::new(WebCertificate::load(&certificate, &key).unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let hello = tower::service_fn(|_: http::Request<Incoming>| async {
            Ok::<_, Infallible>(http::Response::new(Once(Some(Bytes::from_static(b"hello")))))
        });
        let serving =
            tokio::spawn(WebServer::new(shown, settings).serve(listener, hello, stop.clone()));
        let roots = over_tls.then_some(roots);
        Self { address, roots, stop, serving, _directory: directory }
    }

    async fn ask(&self, request: &str) -> String {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let mut answer = String::new();
        match &self.roots {
            None => exchange(stream, request, &mut answer).await,
            Some(roots) => {
                let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
                let config = ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()
                    .unwrap()
                    .with_root_certificates(roots.clone())
                    .with_no_client_auth();
                let connector = TlsConnector::from(Arc::new(config));
                let stream =
                    connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
                exchange(stream, request, &mut answer).await;
            }
        }
        answer
    }

    async fn stop(self) -> Drained {
        self.stop.cancel();
        timeout(Duration::from_secs(20), self.serving).await.unwrap().unwrap()
    }
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &str,
    answer: &mut String,
) {
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.read_to_string(answer).await.unwrap();
}

/// A body of one piece.
struct Once(Option<Bytes>);

impl Body for Once {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Infallible>>> {
        std::task::Poll::Ready(self.0.take().map(|bytes| Ok(hyper::body::Frame::data(bytes))))
    }
}
