use super::*;

#[test]
fn pages_together_are_the_whole_list() {
    let all: Vec<usize> = (0..23).collect();
    for size in [1, 2, 7, 23, 50] {
        let (mut seen, mut token, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let part = wanted(size, &token).unwrap().cut(keyed(&all));
            assert!(part.things.len() <= size as usize);
            seen.extend(part.things);
            pages += 1;
            if part.next.is_empty() {
                break;
            }
            token = part.next;
        }
        assert_eq!(seen, all, "pages of {size}");
        assert_eq!(pages, 23_usize.div_ceil(size as usize));
    }
}

#[test]
fn what_comes_and_goes_in_between_neither_repeats_nor_hides_anything() {
    let first = wanted(2, "").unwrap().cut(keyed(&[1, 3, 5, 7]));
    assert_eq!(first.things, [1, 3]);
    let next = |all: &[usize]| wanted(2, &first.next).unwrap().cut(keyed(all)).things;
    assert_eq!(next(&[1, 5, 7]), [5, 7], "the last one of the page is gone");
    assert_eq!(next(&[0, 1, 2, 3, 5, 7]), [5, 7], "there are more before it");
    assert_eq!(next(&[1, 3, 4, 5, 7]), [4, 5], "there is a new one after it");
    assert_eq!(next(&[1]), Vec::<usize>::new());
}

#[test]
fn a_token_is_good_for_its_own_question_only() {
    let token = wanted(1, "").unwrap().cut(keyed(&[1, 2])).next;
    assert!(wanted(5, &token).is_ok(), "the size may change");
    let bad = |token: &str, question: &str| {
        let refused = Page::wanted(1, token, question.to_owned()).unwrap_err();
        assert_eq!(refused.reason(), ErrorReason::BadPageToken, "{token}");
    };
    bad(&token, "another");
    bad("nonsense!", "question");
    bad("AAAA", "question");
    let mut altered = token.clone();
    altered.pop();
    bad(&altered, "question");
    altered.push(if token.ends_with('A') { 'B' } else { 'A' });
    bad(&altered, "question");
}

#[test]
fn sizes_have_a_default_and_a_bound() {
    let sizes = [0, 1, 500, 501, u32::MAX].map(size_of);
    assert_eq!(sizes, [50, 1, 500, 500, 500]);
}

#[test]
fn keys_of_moments_sort_like_the_moments() {
    let texts = [
        "1912-01-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00Z",
        "2026-05-04T08:00:00.000001Z",
        "2026-05-04T08:00:00.000002Z",
        "9999-01-01T00:00:00Z",
    ];
    let keys: Vec<String> = texts.iter().map(|text| key_of(text.parse().unwrap())).collect();
    let mut sorted = keys.clone();
    sorted.sort();
    assert_eq!(keys, sorted);
    assert!(keys.iter().all(|key| key.len() == keys[0].len()));
}

fn wanted(size: u32, token: &str) -> Result<Page, Fault> {
    Page::wanted(size, token, "question".to_owned())
}

fn keyed(all: &[usize]) -> Vec<(String, usize)> {
    // In any order.
    all.iter().rev().map(|thing| (format!("{thing:04}"), *thing)).collect()
}
