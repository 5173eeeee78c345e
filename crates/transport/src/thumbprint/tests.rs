//! A thumbprint is read back from each of its spellings.

use super::*;

#[test]
fn every_spelling_means_the_same_certificate() {
    let thumbprint = Thumbprint::of(&CertificateDer::from(b"belay".to_vec()));
    let hex = thumbprint.to_string();
    let colons: Vec<String> =
        hex.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase()).collect();
    for spelling in [hex.clone(), colons.join(":"), thumbprint.x5t_s256()] {
        assert_eq!(spelling.parse(), Ok(thumbprint), "for {spelling}");
    }
}

#[test]
fn what_is_not_a_sha_256_is_refused() {
    for text in ["", "ab", &"g".repeat(64), &"a".repeat(63), &"a".repeat(66)] {
        assert_eq!(text.parse::<Thumbprint>(), Err(InvalidThumbprint), "for {text}");
    }
}
