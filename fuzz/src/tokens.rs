//! Tokens: no text passes for one but those that were issued, and none of another kind.

use std::cell::LazyCell;

use rohrpost::identity::{Identity, SignedHead};

use super::script::Script;
use super::tenant::{NOW, Tenant};

/// Shows the bytes as a token; and a good token and a good security token, altered as the bytes say.
pub fn check(bytes: &[u8]) {
    thread_local! {
        static IDENTITY: LazyCell<Identity> = LazyCell::new(|| Tenant::the().identity());
    }
    IDENTITY.with(|identity| {
        let text = String::from_utf8_lossy(bytes);
        assert!(!is_token(identity, &text) && !is_security_token(identity, &text));

        let tenant = Tenant::the();
        let altered = Script::of(bytes).altered(&tenant.token);
        assert_eq!(is_token(identity, &altered), altered == tenant.token);
        assert!(!is_security_token(identity, &altered));

        let genuine = &tenant.temporary.security_token;
        let altered = Script::of(bytes).altered(genuine);
        assert_eq!(is_security_token(identity, &altered), altered == *genuine);
        assert!(!is_token(identity, &altered));
    });
}

fn is_token(identity: &Identity, text: &str) -> bool {
    let is_known = identity.caller_of_token(text, NOW).is_ok();
    assert_eq!(identity.describe_token(text, NOW).is_ok(), is_known);
    is_known
}

/// Whether a signature with the temporary key would be looked at beside this security token.
fn is_security_token(identity: &Identity, text: &str) -> bool {
    let authorization = format!(
        "SDK-HMAC-SHA256 Access={}, SignedHeaders=x-sdk-date, Signature={}",
        Tenant::the().temporary.id,
        "0".repeat(64)
    );
    let head = SignedHead {
        method: "GET",
        path: "/",
        query: "",
        headers: &[
            ("authorization", authorization.as_bytes()),
            ("x-sdk-date", b"20240102T030405Z"),
            ("x-security-token", text.as_bytes()),
        ],
    };
    // White space around a header's value is no part of it.
    text.trim() == text && identity.signer(&head, NOW).is_ok()
}
