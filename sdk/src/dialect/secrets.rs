//! Which answers hold secrets of the person. OpenCode 2 answers `GET /api/provider` and `GET /api/model` with API keys in
//! clear text (2.0.14, seen), and its documents allow the same in the configuration and in stored credentials.

use crate::transport::Keys;

/// The names that count in answers of this route; `None` where no secret can be, by the interface documents.
///
/// `/api/integration` is not among them: it tells of connections and never of their secrets, and its forms have
/// a field `key` that callers need. Tokens that are made for the caller (terminals, pairing) are left to them.
pub(crate) fn keys_in(path: &str) -> Option<Keys> {
    let below =
        |route: &str| path.strip_prefix(route).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if below("/api/credential") {
        return Some(Keys::Credential);
    }
    ["/api/provider", "/api/model", "/api/config", "/api/experimental/config"]
        .into_iter()
        .any(below)
        .then_some(Keys::Usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_routes_that_can_carry_secrets_are_looked_at() {
        let looked: Vec<_> = opencode_api::v2::OPERATIONS
            .iter()
            .filter(|operation| keys_in(operation.path).is_some())
            .map(|operation| operation.id)
            .collect();
        let wanted = [
            "config.get",
            "config.shells",
            "config.update",
            "credential.list",
            "credential.create",
            "credential.update",
            "credential.remove",
            "credential.activate",
            "model.list",
            "model.default",
            "provider.list",
            "provider.get",
        ];
        assert_eq!(looked, wanted);
        for operation in opencode_api::v1::OPERATIONS {
            assert!(keys_in(operation.path).is_none() || operation.id.starts_with("v2."), "{}", operation.id);
        }
    }
}
