//! The numbers in force when nobody says otherwise. The other tests make some of them smaller, to wait less.

use std::time::Duration;

use belay_transport::channel;
use belay_transport::deadline::ANSWER_BEGINS_WITHIN;
use belay_transport::limits::LimitSettings;

use crate::accept::{BACKLOG, KindSettings, Settings};
use crate::tls::FILES_LOOKED_AT_EVERY;

/// Taken apart in full, so that a new setting has to be thought about here.
#[test]
fn a_server_that_is_told_nothing_is_safe() {
    let Settings {
        trust_domains,
        handshake_timeout,
        first_request_timeout,
        handshakes_pending_max,
        handshakes_pending_per_address_max,
        connections_max,
        agent,
        tool,
        supervisor,
        stream_window_bytes,
        connection_window_bytes,
        send_buffer_bytes,
        unread_max,
        header_list_bytes_max,
        local_error_resets_max,
        keepalive_every,
        keepalive_timeout,
        connection_age_max,
        connection_age_grace,
        drain_limit,
    } = Settings::default();
    assert!(trust_domains.is_empty(), "only the server's own");
    assert_eq!((handshake_timeout, first_request_timeout), (seconds(5), seconds(10)));
    assert_eq!((handshakes_pending_max, handshakes_pending_per_address_max), (1024, 128));
    assert_eq!((connections_max, BACKLOG), (16_384, 1024));
    assert_eq!(agent, KindSettings { connections_max: 2, streams_max: 16 });
    assert_eq!(tool, KindSettings { connections_max: 256, streams_max: 128 });
    assert_eq!(supervisor, KindSettings { connections_max: 16, streams_max: 256 });
    assert_eq!((stream_window_bytes, connection_window_bytes), (64 * 1024, 128 * 1024));
    assert_eq!((send_buffer_bytes, header_list_bytes_max), (64 * 1024, 32 * 1024));
    assert_eq!(unread_max, seconds(15));
    assert_eq!(local_error_resets_max, 128);
    assert_eq!((keepalive_every, keepalive_timeout), (seconds(20), seconds(10)));
    assert_eq!((connection_age_max, connection_age_grace), (seconds(3600), seconds(30)));
    assert_eq!(drain_limit, seconds(20));
}

#[test]
fn work_has_lanes_and_an_end() {
    let LimitSettings { lifeline, command, query, retry_after } = LimitSettings::default();
    assert_eq!((lifeline.places, command.places, query.places), (512, 448, 256));
    assert_eq!((lifeline.wait_max, command.wait_max, query.wait_max), (seconds(5), half(), half()));
    assert_eq!((retry_after, ANSWER_BEGINS_WITHIN), (seconds(1), seconds(60)));
}

#[test]
fn a_client_asks_whether_the_line_is_alive() {
    assert_eq!((channel::KEEPALIVE_EVERY, channel::KEEPALIVE_TIMEOUT), (seconds(20), seconds(10)));
    assert!(FILES_LOOKED_AT_EVERY < seconds(60), "a revocation bites within a minute");
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn half() -> Duration {
    Duration::from_millis(500)
}
