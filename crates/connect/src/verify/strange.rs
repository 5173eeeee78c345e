//! An id that has the form of a system's ids and that it surely never issued.

use belay_domain::TicketId;

/// Far above any number that is in use, and still a number of 32 bits.
const BEYOND: u64 = 900_000_000;

/// Such an id, made from a real one; none if there is nothing in it to change.
pub(super) fn never_issued(real: &TicketId) -> Option<TicketId> {
    let real = real.as_str();
    let (head, tail) = real.split_at(real.rfind('-').map_or(0, |dash| dash + 1));
    let counted = tail.parse::<u64>().ok().filter(|_| !tail.starts_with('0') && tail.len() <= 12);
    let strange = match counted {
        // `SUP-12`, `4711`: the next numbers will be issued soon, those far away will not.
        Some(number) => {
            let far = if number < BEYOND { number + BEYOND } else { number.saturating_mul(1000) };
            format!("{head}{far}")
        }
        // Random: one that differs in many places is nobody's.
        None => format!("{head}{}", tail.chars().map(mirrored).collect::<String>()),
    };
    (strange != real).then(|| strange.parse().ok()).flatten()
}

/// Another character of the same kind; hexadecimal digits stay so.
fn mirrored(c: char) -> char {
    let between = |first: u8, last: u8| char::from(first + last - c as u8);
    match c {
        '0'..='9' => between(b'0', b'9'),
        'a'..='f' => between(b'a', b'f'),
        'A'..='F' => between(b'A', b'F'),
        'g'..='z' => between(b'g', b'z'),
        'G'..='Z' => between(b'G', b'Z'),
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::never_issued;

    #[test]
    fn it_has_the_form_of_the_others_and_is_none_of_them() {
        for (real, strange) in [
            ("57", "900000057"),
            ("1000000000", "1000000000000"),
            ("SUP-12", "SUP-900000012"),
            ("9d385017c611228701d22104cc95c371", "0c614982d388771298c77895dd04d628"),
            ("Q1AB", "P8FE"),
        ] {
            let made = never_issued(&real.parse().unwrap()).unwrap();
            assert_eq!(made.as_str(), strange, "of {real}");
        }
        assert_eq!(never_issued(&"-".parse().unwrap()), None);
    }
}
