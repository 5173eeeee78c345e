use super::wrong;

#[test]
fn what_people_write_in_any_script_is_prose() {
    for text in [
        "I was charged twice, please help!\n\tThanks, Zoë",
        "Здравствуйте, меня зовут Анна.",
        "iPhoneを買いました。2台です。",
        "삼성 Galaxy를 샀어요",
        "我买了iPhone手机",
        "می‌خواهم",
        "👩‍👧 ❤️ 1️⃣ thanks",
        "5 kΩ, 20 °C, 10 μm, 3½ €, naïve, Straße",
        "שלום, the order is late",
        "a\u{a0}b",
        "αβγ and abc",
    ] {
        assert_eq!(wrong(text, false, true), [], "{text:?}");
    }
}

#[test]
fn names_may_be_in_any_script_that_passes_for_no_other() {
    for text in ["ch_1", "C 17", "ann@example.com", "Müller-42", "東京", "заказ", "ångström", ""]
    {
        assert_eq!(wrong(text, true, true), [], "{text:?}");
    }
}

#[test]
fn a_letter_that_looks_like_another_is_found() {
    for (text, name, prose) in [
        // Cyrillic a, alone among Latin letters.
        ("p\u{430}ypal", true, true),
        ("ann@ex\u{430}mple.com", true, true),
        ("\u{441}h_1", true, true),
        ("m\u{fc}ll\u{435}r", true, true),
        // Cyrillic throughout: a word of its own in prose, and a trap in a name.
        ("\u{441}\u{430}\u{440}\u{430}", true, false),
        // Greek omicron and a fullwidth digit.
        ("g\u{3bf}\u{3bf}d", true, true),
        ("ch_\u{ff11}", true, false),
        ("\u{1d41a}dmin", true, false),
    ] {
        assert_eq!(codes(text, true), if name { vec!["homoglyph"] } else { vec![] }, "{text:?}");
        assert_eq!(codes(text, false), if prose { vec!["homoglyph"] } else { vec![] }, "{text:?}");
    }
}

#[test]
fn what_cannot_be_seen_is_found() {
    for (character, prose) in [
        ('\0', true),
        ('\u{7}', true),
        ('\u{1b}', true),
        ('\u{7f}', true),
        ('\u{85}', true),
        ('\u{ad}', true),
        ('\u{200b}', true),
        ('\u{200d}', true),
        ('\u{200e}', true),
        ('\u{202e}', true),
        ('\u{2066}', true),
        ('\u{feff}', true),
        ('\u{fe0f}', true),
        ('\u{e0041}', true),
        ('\u{3164}', true),
        ('\n', false),
        ('\r', false),
        ('\t', false),
        ('\u{a0}', false),
    ] {
        let text = format!("pass{character}word");
        assert!(codes(&text, true).contains(&"hidden-character"), "{character:?}");
        assert_eq!(codes(&text, false).contains(&"hidden-character"), prose, "{character:?}");
    }
}

#[test]
fn the_beginning_of_a_template_is_found_unless_the_contract_takes_them() {
    for text in
        ["{{ 7*7 }}", "{% raw %}", "{# x", "${jndi:ldap://x}", "#{7*7}", "<%= x %>", "<#assign x>"]
    {
        for name in [true, false] {
            assert_eq!(codes(text, name), ["template"], "{text}");
            assert_eq!(wrong(text, name, false), [], "{text}");
        }
    }
    for text in ["a { b } c", "$5", "#1", "100% {sure}", "a < b % c", "} }"] {
        assert_eq!(codes(text, true), Vec::<&str>::new(), "{text}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    assert_eq!(codes("p\u{430}y\u{202e}${x}", true), ["hidden-character", "homoglyph", "template"]);
}

fn codes(text: &str, name: bool) -> Vec<&'static str> {
    wrong(text, name, true).into_iter().map(|(code, _)| code).collect()
}
