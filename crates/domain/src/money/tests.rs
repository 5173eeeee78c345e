use super::{Currency, Money};

#[track_caller]
fn shown(minor: i64, expected: &str) {
    let currency: Currency = "USD".parse().expect("a currency");
    assert_eq!(Money { minor, currency }.to_string(), expected);
}

#[test]
fn an_amount_is_shown_exactly() {
    shown(42_000, "USD 420.00");
    shown(0, "USD 0.00");
    shown(5, "USD 0.05");
    shown(-150, "USD -1.50");
    shown(-5, "USD -0.05");
    shown(i64::MIN, "USD -92233720368547758.08");
}

#[test]
fn a_currency_is_its_code_wherever_it_is_written() {
    let euro: Currency = "EUR".parse().expect("a currency");
    assert_eq!(euro.as_str(), "EUR");
    assert_eq!(String::from(euro), "EUR");
    assert_eq!(format!("{euro} {euro:?}"), "EUR EUR");
}

#[test]
fn what_is_no_code_is_no_currency() {
    for text in ["", "eur", "EU", "EURO", "E1R", "€"] {
        assert!(text.parse::<Currency>().is_err(), "{text}");
    }
}
