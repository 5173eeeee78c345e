//! That small messages do not wait, on either side.

use super::*;
use crate::channel::{Dialer, Tcp};

#[tokio::test]
async fn neither_side_waits_for_an_acknowledgement_before_it_sends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (accepted, dialled) =
        tokio::join!(Listener::accept(&listener), Tcp.dial("127.0.0.1", port));
    let (accepted, _) = accepted.unwrap();
    <TcpListener as Listener>::ready(&accepted).unwrap();
    assert!(accepted.nodelay().unwrap());
    assert!(dialled.unwrap().nodelay().unwrap());
}
