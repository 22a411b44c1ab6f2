//! The API's error codes: one append-only table of code, status, whose fault, retry and advice.

use std::fmt;

/// Whose fault an error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The caller sent something that cannot be done.
    Caller,
    /// Holm or its machine.
    Platform,
}

/// Whether the same request may work another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// Not without a change.
    No,
    /// When the state it names has changed.
    Later,
    /// Soon, as it is.
    Yes,
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident $code:literal $status:literal $blame:ident $retry:ident $advice:literal;)*) => {
        /// A kind of API error. The text form is stable; rows are only ever added.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[$doc])* $name),* }

        impl ErrorCode {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable text, for example `project/name-taken`.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$name => $code),* } }

            /// The HTTP status.
            pub const fn status(self) -> u16 { match self { $(Self::$name => $status),* } }

            /// Whose fault it is.
            pub const fn blame(self) -> Blame { match self { $(Self::$name => Blame::$blame),* } }

            /// Whether trying again helps.
            pub const fn retry(self) -> Retry { match self { $(Self::$name => Retry::$retry),* } }

            /// What the person should do, as a sentence.
            pub const fn advice(self) -> &'static str { match self { $(Self::$name => $advice),* } }
        }
    };
}

error_codes! {
    /// The body, query or path parameter cannot be read.
    RequestInvalid "request/invalid" 400 Caller No "Correct the request; `errors` names each field.";
    /// No such operation.
    RequestUnknownOperation "request/unknown-operation" 404 Caller No "See /v1/openapi.json for what exists.";
    /// The path exists, but not with this method.
    RequestMethodNotAllowed "request/method-not-allowed" 405 Caller No "Use one of the methods in `Allow`.";
    /// The body is over the limit.
    RequestTooLarge "request/too-large" 413 Caller No "Send less; `limit` and `observed` are in bytes.";
    /// The body has another media type than the operation takes.
    RequestMediaType "request/media-type" 415 Caller No "Send the media type that the operation names.";
    /// The body stopped arriving.
    RequestTimeout "request/timeout" 408 Caller Yes "Send the request again.";
    /// The request came from another site, or names another host.
    RequestForeignOrigin "request/foreign-origin" 403 Caller No "Call the API from its own address.";
    /// The cursor is not one that this server gave.
    RequestCursor "request/cursor" 400 Caller No "Start again without a cursor.";
    /// More requests than the actor or the address may make.
    RequestRateLimited "request/rate-limited" 429 Caller Yes "Wait as long as `Retry-After` says.";
    /// The idempotency key is not one.
    RequestIdempotencyKey "request/idempotency-key" 400 Caller No "Send 1 to 255 visible ASCII characters, without spaces.";
    /// The idempotency key was used with another request.
    RequestIdempotencyReused "request/idempotency-reused" 422 Caller No "Use a new key for a new request.";
    /// The request that first had this idempotency key is still running.
    RequestIdempotencyRunning "request/idempotency-running" 409 Caller Later "Wait for the first request to end.";
    /// The request was done, and its answer is not kept.
    RequestIdempotencyNotKept "request/idempotency-not-kept" 409 Caller No "It was done once; look at what there is instead of asking again.";
    /// What `If-Match` names is not what is there (RFC 9110 section 13.1.1).
    RequestPrecondition "request/precondition" 412 Caller Later "Read it again, make the change on what is there now, and send the new `ETag`.";
    /// Nobody is signed in.
    AuthRequired "auth/required" 401 Caller No "Send `Authorization: Bearer holm_...`, or run `holm login`.";
    /// The token is unknown, revoked or expired.
    AuthUnknownToken "auth/unknown-token" 401 Caller No "Log in again with `holm login`.";
    /// The caller may not do this.
    AuthForbidden "auth/forbidden" 403 Caller No "Ask the owner for the permission.";
    /// The e-mail and the password are not those of a member.
    AuthBadCredentials "auth/bad-credentials" 401 Caller No "Check the e-mail and the password.";
    /// The password is too short, too long or too easy.
    AuthPasswordUnfit "auth/password-unfit" 422 Caller No "Choose a password of 12 to 256 characters that is not the e-mail.";
    /// The owner link was used, or is not this server's.
    ClaimInvalid "claim/invalid" 403 Caller No "Use the owner link that the server printed last; it works once.";
    /// The server has no owner yet.
    ClaimRequired "claim/required" 403 Caller Later "Open the owner link that the server printed.";
    /// The server has an owner already.
    ClaimDone "claim/done" 409 Caller No "Log in instead.";
    /// No such token, or not the caller's.
    TokenNotFound "token/not-found" 404 Caller No "List the tokens to see which exist.";
    /// The user has as many tokens as one may.
    TokenLimit "token/limit" 409 Caller Later "Revoke a token or raise the limit.";
    /// No such member.
    MemberNotFound "member/not-found" 404 Caller No "List the members to see who there is.";
    /// A member has this e-mail.
    MemberEmailTaken "member/email-taken" 409 Caller No "Use another e-mail.";
    /// The change would leave nobody who owns the server.
    MemberLastOwner "member/last-owner" 409 Caller Later "Make somebody else an owner first.";
    /// The server has as many members and invitations as it may.
    MemberLimit "member/limit" 409 Caller Later "Remove a member or an invitation, or raise the limit.";
    /// No such invitation.
    InvitationNotFound "invitation/not-found" 404 Caller No "List the invitations to see which are open.";
    /// The invitation was used, has expired, was withdrawn, or is for another e-mail.
    InvitationInvalid "invitation/invalid" 403 Caller No "Ask for a new invitation; it works once, for the e-mail that it was sent to.";
    /// No such project, or it may not be seen.
    ProjectNotFound "project/not-found" 404 Caller No "List the projects to see which exist.";
    /// Another project has this name.
    ProjectNameTaken "project/name-taken" 409 Caller No "Choose another name.";
    /// The name breaks the rules for names.
    ProjectNameInvalid "project/name-invalid" 422 Caller No "Choose a name of 1-40 characters of a-z, 0-9 and -.";
    /// The server has as many projects as it may.
    ProjectLimit "project/limit" 409 Caller Later "Delete a project or raise the limit.";
    /// There is no older production deployment.
    ProjectNothingToRollBack "project/nothing-to-roll-back" 409 Caller No "Promote the deployment that you want.";
    /// A setting breaks a rule.
    ProjectSettingInvalid "project/setting-invalid" 422 Caller No "Correct the settings; `errors` names each.";
    /// A variable's name or value breaks a rule.
    VariableInvalid "variable/invalid" 422 Caller No "Correct the variables; `errors` names each.";
    /// A variable's value is over the limit.
    VariableTooLarge "variable/too-large" 422 Caller No "Shorten the value or raise the limit.";
    /// An environment has as many variables as it may.
    VariableLimit "variable/limit" 409 Caller Later "Delete a variable or raise the limit.";
    /// No such variable.
    VariableNotFound "variable/not-found" 404 Caller No "List the variables to see which exist.";
    /// No such deployment, or it may not be seen.
    DeploymentNotFound "deployment/not-found" 404 Caller No "List the project's deployments to see which exist.";
    /// The deployment has not all its blobs.
    DeploymentNotSealed "deployment/not-sealed" 409 Caller Later "Wait for the upload to finish.";
    /// The deployment has ended in a state that allows no more.
    DeploymentEnded "deployment/ended" 409 Caller No "Create a new deployment.";
    /// Production points at the deployment.
    DeploymentIsLive "deployment/is-live" 409 Caller Later "Promote another deployment first.";
    /// What the deployment consisted of has been collected.
    DeploymentCollected "deployment/collected" 409 Caller No "Deploy from the source again.";
    /// The manifest cannot be read or breaks a rule.
    DeploymentManifest "deployment/manifest" 422 Caller No "Correct the manifest; `errors` names each line.";
    /// What the user wrote has errors that fail the deployment.
    DeploymentFailed "deployment/failed" 422 Caller No "Fix the diagnostics and deploy again.";
    /// More files than a deployment may have.
    DeploymentTooManyFiles "deployment/too-many-files" 422 Caller No "Deploy fewer files or raise the limit.";
    /// A file is over the limit.
    DeploymentFileTooLarge "deployment/file-too-large" 422 Caller No "Shrink or leave out the file, or raise the limit.";
    /// The archive is damaged, ambiguous or dangerous.
    DeploymentArchive "deployment/archive" 422 Caller No "Make the archive anew from the built files; `errors` names the entry.";
    /// The archive unpacks to more than it may.
    DeploymentArchiveTooLarge "deployment/archive-too-large" 413 Caller No "Deploy less, deploy the folder instead of an archive, or raise the limit.";
    /// A blob's bytes do not match its digest.
    BlobMismatch "blob/mismatch" 422 Caller Yes "Read the file again and send it again; it changed while it was sent.";
    /// The manifest does not name this blob.
    BlobUnexpected "blob/unexpected" 422 Caller No "Send only the blobs that the server said are missing.";
    /// The upload's frames cannot be read.
    BlobFraming "blob/framing" 400 Caller No "Send frames of digest, size and bytes.";
    /// Some blobs have not arrived.
    BlobMissing "blob/missing" 409 Caller Yes "Send the blobs listed in `missing`, then commit again.";
    /// The URL to explain is none of this server's.
    ExplainUnknownHost "explain/unknown-host" 404 Caller No "Use the URL of a project or deployment on this server.";
    /// The disk is full or broken.
    StorageUnavailable "storage/unavailable" 503 Platform Yes "Free some disk space; the server's log names the file.";
    /// The change is made, but the edge does not serve it yet.
    EdgeNotTakenUp "edge/not-taken-up" 503 Platform Yes "The change is kept and is served as soon as the edge takes it up.";
    /// The server is stopping.
    ServerStopping "server/stopping" 503 Platform Yes "Try again when the server is back.";
    /// The server is at a limit.
    ServerBusy "server/busy" 503 Platform Yes "Try again in a moment.";
    /// A bug.
    Internal "internal" 500 Platform No "Report it with the request id.";
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_statuses_fit_the_blame() {
        let mut seen = std::collections::BTreeSet::new();
        for code in ErrorCode::ALL {
            assert!(seen.insert(code.as_str()), "{code} twice");
            let is_server_status = code.status() >= 500;
            assert_eq!(is_server_status, code.blame() == Blame::Platform, "{code}");
        }
    }
}
