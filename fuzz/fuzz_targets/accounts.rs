#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| rohrpost_fuzz::accounts::check(bytes));
