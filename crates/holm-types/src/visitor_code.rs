//! What a visitor is told when there is no site to show: one table of status, word and advice.
//!
//! The words are those of EdgeOne's page "Error Codes"; rows that it does not have are marked ours.

/// A reason why a visitor sees a page of Holm's and not the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum VisitorCode {
    /// The request breaks HTTP (ours).
    BadRequest,
    /// The link to a protected deployment has expired.
    Unauthorized,
    /// The project's access rules refuse the request (ours).
    Forbidden,
    /// No such site, or nothing at this path.
    NotFound,
    /// The method is not for this resource (ours).
    MethodNotAllowed,
    /// The request did not arrive in time (ours).
    RequestTimeout,
    /// The deployment has been deleted.
    Deleted,
    /// The file is not the one that the request means (ours).
    PreconditionFailed,
    /// The body is over the limit (ours).
    PayloadTooLarge,
    /// The body is over the limit of Node functions.
    NodeFunctionPayloadTooLarge,
    /// The request target is over the limit (ours).
    UriTooLong,
    /// The expectation cannot be met (ours).
    ExpectationFailed,
    /// The first deployment is under way.
    Deploying,
    /// The first deployment failed.
    Failed,
    /// Too many requests.
    RateLimitExceeded,
    /// The header fields are over the limit (ours).
    RequestHeaderFieldsTooLarge,
    /// The project has been banned.
    Unavailable,
    /// A fault of Holm's (ours).
    InternalError,
    /// The answer of a Node function is over the limit.
    NodeFunctionResponsePayloadTooLarge,
    /// A fault between Holm and a Node function.
    InternalNodeFunctionError,
    /// A Node function could not be started.
    InternalNodeFunctionInvocationFailed,
    /// A Node function did not become ready.
    InternalNodeFunctionNotReady,
    /// A Node function threw.
    NodeFunctionInvocationFailed,
    /// Holm is at a limit (ours).
    ServiceUnavailable,
    /// Node functions are not available.
    NodeFunctionServiceUnavailable,
    /// A Node function took too long.
    NodeFunctionInvocationTimeout,
    /// The version of HTTP is not spoken here (ours).
    HttpVersionNotSupported,
    /// The quota of edge functions is used up.
    EdgeFunctionInvocationLimitExceeded,
    /// The quota of Node functions is used up.
    NodeFunctionInvocationLimitExceeded,
    /// An edge function failed or went over a limit.
    EdgeFunctionInvocationFailed,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
struct Row {
    code: VisitorCode,
    status: u16,
    word: &'static str,
    sentence: &'static str,
    visitor: &'static str,
    owner: &'static str,
}

macro_rules! table {
    ($($code:ident $status:literal $word:literal: $sentence:literal, visitor $visitor:literal, owner $owner:literal;)*) => {
        const TABLE: &[Row] = &[$(Row {
            code: VisitorCode::$code, status: $status, word: $word,
            sentence: $sentence, visitor: $visitor, owner: $owner,
        }),*];
    };
}

table! {
    BadRequest 400 "BAD_REQUEST":
        "The request could not be understood.",
        visitor "Check the address and try again.",
        owner "The access record with this request id says which rule of HTTP the request broke.";
    Unauthorized 401 "UNAUTHORIZED":
        "Access restricted or authentication expired.",
        visitor "Ask the site's administrator for a valid link.",
        owner "Make a new preview link with `holm share`, or redeploy if the deployment has expired.";
    Forbidden 403 "FORBIDDEN":
        "This site does not answer this request.",
        visitor "Ask the site's administrator, and say from where and with what you came.",
        owner "An access rule of the project refused the request; the access record with this request id names the rule, and `holm rules` shows them.";
    NotFound 404 "NOT_FOUND":
        "The page does not exist.",
        visitor "Check the address for typing errors.",
        owner "Check that the project or deployment domain is right and that the file was deployed; `holm explain URL` shows every rule considered.";
    MethodNotAllowed 405 "METHOD_NOT_ALLOWED":
        "This address does not take that kind of request.",
        visitor "Go back and try another way.",
        owner "Static files answer GET and HEAD; other methods need a function.";
    RequestTimeout 408 "REQUEST_TIMEOUT":
        "The request did not arrive in time.",
        visitor "Try again, perhaps on a better connection.",
        owner "The limits for slow clients are listed under Limits.";
    Deleted 410 "DELETED":
        "The deployment has been deleted.",
        visitor "Ask for the site's current address.",
        owner "A deleted deployment cannot be recovered; create a new one.";
    PreconditionFailed 412 "PRECONDITION_FAILED":
        "The file has changed since it was last loaded.",
        visitor "Load the page again from the start.",
        owner "`If-Match` or `If-Unmodified-Since` names another version than the live one (RFC 9110 section 13.1); clients that send them load the file anew after a deployment.";
    PayloadTooLarge 413 "PAYLOAD_TOO_LARGE":
        "The request is too large.",
        visitor "Send less at once.",
        owner "The limit is listed under Limits and can be configured.";
    NodeFunctionPayloadTooLarge 413 "NODE_FUNCTION_PAYLOAD_TOO_LARGE":
        "The request is too large for a function.",
        visitor "Send less at once.",
        owner "Upload large files to storage and pass a reference to the function.";
    UriTooLong 414 "URI_TOO_LONG":
        "The address is too long.",
        visitor "Shorten the address.",
        owner "Send long data in a request body.";
    ExpectationFailed 417 "EXPECTATION_FAILED":
        "The request expects something that is not offered here.",
        visitor "Try again with another client.",
        owner "Only `Expect: 100-continue` is understood (RFC 9110 section 10.1.1).";
    Deploying 423 "DEPLOYING":
        "The project is being deployed.",
        visitor "Wait a moment and load the page again.",
        owner "The first deployment is under way; `holm deployments` shows how far it is.";
    Failed 424 "FAILED":
        "The deployment failed.",
        visitor "Come back later.",
        owner "`holm deployments` shows the diagnostics; fix them and deploy again.";
    RateLimitExceeded 429 "RATE_LIMIT_EXCEEDED":
        "Too many requests.",
        visitor "Wait a moment and try again.",
        owner "A rate limit of the project refused the request; the access record with this request id names it, and `holm rules` shows them.";
    RequestHeaderFieldsTooLarge 431 "REQUEST_HEADER_FIELDS_TOO_LARGE":
        "The request's header fields are too large.",
        visitor "Clear this site's cookies and try again.",
        owner "The limits on header fields are listed under Limits.";
    Unavailable 451 "UNAVAILABLE":
        "The project has been banned.",
        visitor "This site cannot be shown.",
        owner "Ask the operator of this server.";
    InternalError 500 "INTERNAL_ERROR":
        "Something went wrong on this server.",
        visitor "Try again later.",
        owner "This is a fault of Holm's; report it with the request id.";
    NodeFunctionResponsePayloadTooLarge 500 "NODE_FUNCTION_RESPONSE_PAYLOAD_TOO_LARGE":
        "A function's answer is too large.",
        visitor "Try again later.",
        owner "Return less from the function, or store the data and return a reference.";
    InternalNodeFunctionError 500 "INTERNAL_NODE_FUNCTION_ERROR":
        "A function failed inside the platform.",
        visitor "Try again later.",
        owner "This is a fault of Holm's; report it with the request id.";
    InternalNodeFunctionInvocationFailed 500 "INTERNAL_NODE_FUNCTION_INVOCATION_FAILED":
        "A function could not be started.",
        visitor "Try again later.",
        owner "`holm doctor` says whether Node.js and the sandbox are in order.";
    InternalNodeFunctionNotReady 500 "INTERNAL_NODE_FUNCTION_NOT_READY":
        "A function did not become ready.",
        visitor "Try again later.",
        owner "The function threw while it was loaded or did not listen in time; its log says which.";
    NodeFunctionInvocationFailed 502 "NODE_FUNCTION_INVOCATION_FAILED":
        "A function failed.",
        visitor "Try again later.",
        owner "The function's log has the error it threw.";
    ServiceUnavailable 503 "SERVICE_UNAVAILABLE":
        "This server is busy.",
        visitor "Try again in a moment.",
        owner "A limit of this server was reached; the access record names it.";
    NodeFunctionServiceUnavailable 503 "NODE_FUNCTION_SERVICE_UNAVAILABLE":
        "The function is not available.",
        visitor "Try again in a moment.",
        owner "The function's process keeps ending; check it for crashes and memory leaks.";
    NodeFunctionInvocationTimeout 504 "NODE_FUNCTION_INVOCATION_TIMEOUT":
        "A function took too long.",
        visitor "Try again later.",
        owner "The function did not answer within its maximum duration.";
    HttpVersionNotSupported 505 "HTTP_VERSION_NOT_SUPPORTED":
        "This version of HTTP is not spoken here.",
        visitor "Try again with another client.",
        owner "HTTP/1.0 and HTTP/1.1 are spoken on this listener.";
    EdgeFunctionInvocationLimitExceeded 511 "EDGE_FUNCTION_INVOCATION_LIMIT_EXCEEDED":
        "The quota of edge functions is used up.",
        visitor "Try again later.",
        owner "Wait for the next period or raise the quota.";
    NodeFunctionInvocationLimitExceeded 512 "NODE_FUNCTION_INVOCATION_LIMIT_EXCEEDED":
        "The quota of Node functions is used up.",
        visitor "Try again later.",
        owner "Wait for the next period or raise the quota.";
    EdgeFunctionInvocationFailed 545 "EDGE_FUNCTION_INVOCATION_FAILED":
        "An edge function failed.",
        visitor "Try again later.",
        owner "The function's log says what it threw or which limit it reached.";
}

impl VisitorCode {
    /// Every code, in the order of the table.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.code)
    }

    fn row(self) -> &'static Row {
        TABLE
            .iter()
            .find(|row| row.code == self)
            .expect("every code has a row: `table_is_complete`")
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        self.row().status
    }

    /// The word on the page, for example `NOT_FOUND`.
    pub fn word(self) -> &'static str {
        self.row().word
    }

    /// One sentence that says what happened.
    pub fn sentence(self) -> &'static str {
        self.row().sentence
    }

    /// What the visitor can do.
    pub fn visitor_advice(self) -> &'static str {
        self.row().visitor
    }

    /// What the site's owner can do.
    pub fn owner_advice(self) -> &'static str {
        self.row().owner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_complete() {
        // The last variant's position counts the variants: one row each, in their order.
        let last = VisitorCode::EdgeFunctionInvocationFailed as usize;
        assert_eq!(TABLE.len(), last + 1);
        for (position, row) in TABLE.iter().enumerate() {
            assert_eq!(row.code as usize, position, "{}", row.word);
        }
    }

    #[test]
    fn the_seed_is_covered() {
        // EdgeOne's page "Error Codes", status and word.
        let seed = [
            (401, "UNAUTHORIZED"),
            (404, "NOT_FOUND"),
            (410, "DELETED"),
            (413, "NODE_FUNCTION_PAYLOAD_TOO_LARGE"),
            (423, "DEPLOYING"),
            (424, "FAILED"),
            (451, "UNAVAILABLE"),
            (500, "NODE_FUNCTION_RESPONSE_PAYLOAD_TOO_LARGE"),
            (500, "INTERNAL_NODE_FUNCTION_ERROR"),
            (500, "INTERNAL_NODE_FUNCTION_INVOCATION_FAILED"),
            (500, "INTERNAL_NODE_FUNCTION_NOT_READY"),
            (502, "NODE_FUNCTION_INVOCATION_FAILED"),
            (503, "NODE_FUNCTION_SERVICE_UNAVAILABLE"),
            (504, "NODE_FUNCTION_INVOCATION_TIMEOUT"),
            (511, "EDGE_FUNCTION_INVOCATION_LIMIT_EXCEEDED"),
            (512, "NODE_FUNCTION_INVOCATION_LIMIT_EXCEEDED"),
        ];
        for (status, word) in seed {
            assert!(
                VisitorCode::all().any(|code| code.status() == status && code.word() == word),
                "{status} {word}"
            );
        }
    }
}
