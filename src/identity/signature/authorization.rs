//! The `Authorization` header of a signed request, and the date beside it.

use crate::types::Timestamp;

const ALGORITHM: &str = "SDK-HMAC-SHA256";

/// The most headers that a signature may cover: it bounds the work that a stranger can cause.
const SIGNED_HEADERS_MAX: usize = 64;

/// What an `Authorization` header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Authorization<'a> {
    /// The access key's public half.
    pub(super) key: &'a str,
    pub(super) dialect: Dialect<'a>,
    /// The names of the headers that are covered, as they stand there.
    pub(super) signed_headers: &'a str,
    /// 64 hexadecimal digits.
    pub(super) signature: [u8; 32],
}

/// Which of the two dialects of the algorithm it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect<'a> {
    /// `Access=<key>`: the secret itself is the key of the signature.
    Access,
    /// `Credential=<key>/<date>/<region>/<service>/sdk_request`: the key is derived for that scope.
    Credential(Scope<'a>),
}

/// What a derived key is for. Region and service may be empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scope<'a> {
    /// The four parts as they stand there.
    pub(super) text: &'a str,
    pub(super) date: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
}

/// Whether the header is meant as a signature, be it a valid one or not.
pub(super) fn is_signature(header: &str) -> bool {
    let scheme = header.split_ascii_whitespace().next();
    scheme.is_some_and(|scheme| scheme.contains("-HMAC-") || scheme.starts_with("SDK-"))
}

impl<'a> Authorization<'a> {
    /// Reads the header; what is wrong with it otherwise.
    pub(super) fn parse(header: &'a str) -> Result<Self, &'static str> {
        let (algorithm, fields) = header
            .trim()
            .split_once(' ')
            .ok_or("the Authorization header is malformed")?;
        if algorithm != ALGORITHM {
            return Err("the algorithm is not SDK-HMAC-SHA256");
        }
        let mut key = None;
        let mut signed_headers = None;
        let mut signature = None;
        for field in fields.split(',') {
            let (name, value) = field
                .trim()
                .split_once('=')
                .ok_or("the Authorization header is malformed")?;
            let earlier = match name {
                "Access" => key.replace((value, Dialect::Access)),
                "Credential" => key.replace(credential(value)?),
                "SignedHeaders" => signed_headers.replace(value).map(|_| ("", Dialect::Access)),
                "Signature" => signature
                    .replace(digest(value)?)
                    .map(|_| ("", Dialect::Access)),
                _ => return Err("the Authorization header has an unknown field"),
            };
            if earlier.is_some() {
                return Err("the Authorization header has a field twice");
            }
        }
        let (key, dialect) = key.ok_or("the Authorization header names no access key")?;
        let signed_headers =
            signed_headers.ok_or("the Authorization header has no SignedHeaders")?;
        if signed_headers.split(';').count() > SIGNED_HEADERS_MAX {
            return Err("the signature covers too many headers");
        }
        Ok(Self {
            key,
            dialect,
            signed_headers,
            signature: signature.ok_or("the Authorization header has no Signature")?,
        })
    }
}

fn credential(value: &str) -> Result<(&str, Dialect<'_>), &'static str> {
    let read = || {
        let (key, text) = value.split_once('/')?;
        let mut parts = text.split('/');
        let scope = Scope {
            text,
            date: parts.next()?,
            region: parts.next()?,
            service: parts.next()?,
        };
        let ends = parts.next() == Some("sdk_request") && parts.next().is_none();
        ends.then_some((key, Dialect::Credential(scope)))
    };
    read().ok_or("the credential is not of the form key/date/region/service/sdk_request")
}

fn digest(value: &str) -> Result<[u8; 32], &'static str> {
    super::from_hex(value).ok_or("the signature does not consist of 64 hexadecimal digits")
}

/// The moment that `X-Sdk-Date` names, such as `20240102T030405Z`.
pub(super) fn parse_date(text: &str) -> Option<Timestamp> {
    let bytes: &[u8; 16] = text.as_bytes().try_into().ok()?;
    let number = |at: std::ops::Range<usize>| {
        let digits = &bytes[at];
        let is_number = digits.iter().all(u8::is_ascii_digit);
        is_number.then(|| {
            digits
                .iter()
                .fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0'))
        })
    };
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    let (hour, minute, second) = (number(9..11)?, number(11..13)?, number(13..15)?);
    let is_valid = bytes[8] == b'T'
        && bytes[15] == b'Z'
        && year >= 1970
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    let seconds = ((days_since_epoch(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    is_valid.then_some(Timestamp(seconds * 1_000))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar. Years are counted from March, so that the day that leap
/// years add is the last one of a year.
const fn days_since_epoch(year: u64, month: u64, day: u64) -> u64 {
    const FROM_MARCH_0000_TO_EPOCH: u64 = 719_468;
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year.saturating_sub(1), month + 9)
    };
    let leap_days = year / 4 - year / 100 + year / 400;
    let day_of_year = (153 * month + 2) / 5 + day.saturating_sub(1);
    (year * 365 + leap_days + day_of_year).saturating_sub(FROM_MARCH_0000_TO_EPOCH)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DIGITS: &str = "76d78879665885d07fbeacfcba08aa682744e5a330be3b3cd3b726ac2ae94584";

    #[test]
    fn both_dialects_are_read() {
        let header =
            format!("SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-sdk-date, Signature={DIGITS}");
        let read = Authorization::parse(&header).unwrap();
        assert_eq!((read.key, read.dialect), ("AK", Dialect::Access));
        assert_eq!(read.signed_headers, "host;x-sdk-date");
        assert_eq!(read.signature[..2], [0x76, 0xd7]);

        let header = format!(
            "SDK-HMAC-SHA256 Credential=AK/20240102/eu-de/dms/sdk_request,SignedHeaders=host,Signature={DIGITS}"
        );
        let read = Authorization::parse(&header).unwrap();
        let scope = Scope {
            text: "20240102/eu-de/dms/sdk_request",
            date: "20240102",
            region: "eu-de",
            service: "dms",
        };
        assert_eq!((read.key, read.dialect), ("AK", Dialect::Credential(scope)));
    }

    #[test]
    fn anything_else_is_refused() {
        for header in [
            String::new(),
            "SDK-HMAC-SHA256".to_owned(),
            format!("SDK-HMAC-SHA256 Access=AK, Signature={DIGITS}"),
            format!("SDK-HMAC-SHA256 SignedHeaders=host, Signature={DIGITS}"),
            "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host".to_owned(),
            format!("SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature={DIGITS}00"),
            format!("SDK-HMAC-SHA256 Access=AK, Access=AK, SignedHeaders=host, Signature={DIGITS}"),
            format!(
                "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature={DIGITS}, Signature={DIGITS}"
            ),
            format!(
                "SDK-HMAC-SHA256 Credential=AK/1/2/3/x, SignedHeaders=host, Signature={DIGITS}"
            ),
            format!(
                "SDK-HMAC-SHA256 Credential=AK/1/2/sdk_request, SignedHeaders=host, Signature={DIGITS}"
            ),
            format!("V11-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature={DIGITS}"),
            format!("SDK-HMAC-SM3 Access=AK, SignedHeaders=host, Signature={DIGITS}"),
            format!(
                "SDK-HMAC-SHA256 Access=AK, SignedHeaders={}, Signature={DIGITS}",
                ";".repeat(64)
            ),
        ] {
            assert!(Authorization::parse(&header).is_err(), "{header}");
        }
    }

    #[test]
    fn dates_are_moments() {
        assert_eq!(parse_date("19700101T000000Z"), Some(Timestamp(0)));
        // `date -u -d '2024-01-02 03:04:05' +%s` and so on.
        assert_eq!(
            parse_date("20240102T030405Z"),
            Some(Timestamp(1_704_164_645_000))
        );
        assert_eq!(
            parse_date("20240229T235959Z"),
            Some(Timestamp(1_709_251_199_000))
        );
        assert_eq!(
            parse_date("20251231T000000Z"),
            Some(Timestamp(1_767_139_200_000))
        );
        for text in [
            "20240102T030405",
            "20241302T030405Z",
            "20240102 030405Z",
            "+0240102T030405Z",
            "20240102T240405Z",
            "00000000T000000Z",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(SDK-HMAC-SHA256 )?\\PC{0,80}", date in "\\PC{0,20}|[0-9TZ]{16}") {
            let _ = Authorization::parse(&text);
            let _ = is_signature(&text);
            let _ = parse_date(&date);
        }
    }
}
