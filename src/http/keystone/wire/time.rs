//! Moments as Keystone writes them.

use serde::Serializer;
use time::{Duration, OffsetDateTime};

use crate::types::Timestamp;

/// Writes `2024-01-02T03:04:05.000000Z`.
///
/// # Errors
/// Those of `serializer`.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "this is the form that serde calls"
)]
pub fn as_iso<S: Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&iso(*moment))
}

fn iso(moment: Timestamp) -> String {
    let since_epoch = Duration::milliseconds(moment.0.try_into().unwrap_or(i64::MAX));
    // Beyond the year 9999 no format of four digits helps; no such moment is ever given.
    let at = OffsetDateTime::UNIX_EPOCH.saturating_add(since_epoch);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second(),
        at.microsecond(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_to_the_microsecond() {
        assert_eq!(iso(Timestamp(0)), "1970-01-01T00:00:00.000000Z");
        assert_eq!(
            iso(Timestamp(1_704_164_645_678)),
            "2024-01-02T03:04:05.678000Z"
        );
        assert_eq!(
            iso(Timestamp(951_782_400_000)),
            "2000-02-29T00:00:00.000000Z"
        );
        assert!(iso(Timestamp(u64::MAX)).starts_with("9999-12-31"));
    }
}
