//! The exit codes: one table, shown by `--help`, and how the API's error codes map to it.

use std::process::ExitCode;

/// How a command ended, for scripts. The numbers are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked for was done.
    Ok,
    /// It failed for a reason without a code of its own.
    Failure,
    /// The command line is wrong, or an answer is needed and nobody is there to give it.
    Usage,
    /// Not logged in, or not allowed.
    Auth,
    /// The project, deployment or URL does not exist.
    NotFound,
    /// The thing is in a state that does not allow it.
    Conflict,
    /// Too much or too often.
    Quota,
    /// What was to be deployed has errors.
    Deployment,
    /// Something did not happen in time.
    Timeout,
    /// A rule of safety forbids it.
    Policy,
    /// Ended by Ctrl-C. Of most words the shell makes this number from the signal; `up` returns it when
    /// it is interrupted before the folder is deployed.
    Interrupted,
    /// As `Interrupted`, by SIGTERM.
    Terminated,
}

/// Every exit code: number and meaning, in the order of the numbers.
pub const EXIT_CODES: &[(Exit, u8, &str)] = &[
    (Exit::Ok, 0, "done"),
    (Exit::Failure, 1, "failed"),
    (
        Exit::Usage,
        2,
        "wrong usage, or an answer is needed and there is no terminal",
    ),
    (Exit::Auth, 3, "not logged in, or not allowed"),
    (
        Exit::NotFound,
        4,
        "no such project, deployment, URL or folder",
    ),
    (Exit::Conflict, 5, "conflict with the present state"),
    (Exit::Quota, 6, "over a limit, or the server is busy"),
    (
        Exit::Deployment,
        7,
        "the deployment failed: what was deployed has errors",
    ),
    (Exit::Timeout, 8, "not done in time"),
    (Exit::Policy, 9, "refused by a safety rule"),
    (Exit::Interrupted, 130, "interrupted"),
    (Exit::Terminated, 143, "terminated"),
];

impl Exit {
    /// The number.
    pub fn number(self) -> u8 {
        let row = EXIT_CODES.iter().find(|(exit, _, _)| *exit == self);
        row.map_or(1, |(_, number, _)| *number)
    }

    /// For an error that the API answered with: by its code where the code says more than the status.
    pub fn of_problem(code: &str, status: u16) -> Self {
        match code {
            "project/name-invalid" | "project/setting-invalid" | "variable/invalid" => Self::Usage,
            "variable/limit" | "variable/too-large" => Self::Quota,
            "project/limit" | "deployment/too-many-files" | "deployment/file-too-large" => {
                Self::Quota
            }
            "server/busy" => Self::Quota,
            "deployment/failed" | "deployment/manifest" => Self::Deployment,
            "request/foreign-origin" => Self::Policy,
            _ => Self::of_status(status),
        }
    }

    fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Auth,
            404 | 410 => Self::NotFound,
            409 | 412 => Self::Conflict,
            413 | 429 => Self::Quota,
            408 | 504 => Self::Timeout,
            _ => Self::Failure,
        }
    }

    /// The paragraph that `--help` ends with.
    pub(crate) fn help() -> String {
        let row = |(_, number, meaning): &(Self, u8, &str)| format!("  {number:>3}  {meaning}");
        let rows: Vec<String> = EXIT_CODES.iter().map(row).collect();
        format!("Exit codes:\n{}", rows.join("\n"))
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}

#[cfg(test)]
mod tests {
    use holm_types::ErrorCode;

    use super::*;

    #[test]
    fn the_numbers_are_the_documented_ones() {
        let numbers: Vec<u8> = EXIT_CODES
            .iter()
            .map(|(exit, _, _)| exit.number())
            .collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 130, 143]);
        for (_, number, meaning) in EXIT_CODES {
            assert!(Exit::help().contains(&format!("{number:>3}  {meaning}")));
        }
    }

    #[test]
    fn every_api_error_has_the_exit_code_that_fits() {
        let exit = |code: ErrorCode| Exit::of_problem(code.as_str(), code.status());
        for (code, want) in [
            (ErrorCode::AuthRequired, Exit::Auth),
            (ErrorCode::AuthForbidden, Exit::Auth),
            (ErrorCode::ClaimRequired, Exit::Auth),
            (ErrorCode::ProjectNotFound, Exit::NotFound),
            (ErrorCode::ExplainUnknownHost, Exit::NotFound),
            (ErrorCode::ProjectNameTaken, Exit::Conflict),
            (ErrorCode::DeploymentIsLive, Exit::Conflict),
            (ErrorCode::ProjectLimit, Exit::Quota),
            (ErrorCode::VariableLimit, Exit::Quota),
            (ErrorCode::VariableInvalid, Exit::Usage),
            (ErrorCode::RequestPrecondition, Exit::Conflict),
            (ErrorCode::DeploymentCollected, Exit::Conflict),
            (ErrorCode::RequestTooLarge, Exit::Quota),
            (ErrorCode::ServerBusy, Exit::Quota),
            (ErrorCode::DeploymentFailed, Exit::Deployment),
            (ErrorCode::DeploymentManifest, Exit::Deployment),
            (ErrorCode::RequestTimeout, Exit::Timeout),
            (ErrorCode::RequestForeignOrigin, Exit::Policy),
            (ErrorCode::StorageUnavailable, Exit::Failure),
            (ErrorCode::Internal, Exit::Failure),
        ] {
            assert_eq!(exit(code), want, "{code}");
        }
        assert!(ErrorCode::ALL.iter().all(|code| exit(*code) != Exit::Ok));
    }
}
