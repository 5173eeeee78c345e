#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| belay_fuzz::vendor_answers(data));
