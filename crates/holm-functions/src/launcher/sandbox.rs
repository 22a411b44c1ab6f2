//! What a function process may touch beyond its own memory: Landlock, where the kernel has it.
//!
//! The rules are those of the newest kernel; an older one enforces what it knows of them.
//! The engine's own permissions say the same again, so that it takes two faults to get out.

use super::Confinement;

/// Puts the calling thread, and with it what it executes, under the rules. Cannot be taken back.
#[cfg(target_os = "linux")]
pub(super) fn enter(confinement: &Confinement) -> Result<(), String> {
    rustix::thread::set_no_new_privs(true)
        .map_err(|error| format!("no new privileges: {error}"))?;
    landlock(confinement).map_err(|error| format!("Landlock: {error}"))
}

/// Elsewhere the engine's own permissions stand alone.
#[cfg(not(target_os = "linux"))]
pub(super) fn enter(_confinement: &Confinement) -> Result<(), String> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn landlock(confinement: &Confinement) -> Result<(), landlock::RulesetError> {
    use landlock::{
        ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, Scope,
        path_beneath_rules,
    };

    let abi = ABI::V7;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let sockets = read | AccessFs::MakeSock | AccessFs::RemoveFile | AccessFs::WriteFile;
    Ruleset::default()
        .handle_access(AccessFs::from_all(abi))?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(&confinement.read, read))?
        .add_rules(path_beneath_rules(
            &confinement.execute,
            AccessFs::ReadFile | AccessFs::Execute,
        ))?
        .add_rules(path_beneath_rules(&confinement.sockets, sockets))?
        .restrict_self()?;
    Ok(())
}
