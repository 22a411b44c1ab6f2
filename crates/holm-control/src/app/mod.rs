//! What the operations do. Every function that an operation calls takes an `Authorized`.

mod announce;
mod archive;
pub(crate) mod audit;
mod commit;
mod deployment;
mod event;
mod explain;
mod find;
mod host;
pub(crate) mod instance;
pub(crate) mod invitation;
mod manifest_reader;
mod manifest_room;
pub(crate) mod me;
pub(crate) mod member;
mod plan;
mod project;
mod release;
mod seal;
pub(crate) mod session;
mod token;
mod unpack;
mod upload;

pub(crate) use announce::announce;
pub(crate) use archive::announce as announce_archive;
pub(crate) use commit::{Committed, commit};
pub(crate) use deployment::{
    cancel, delete as deployment_delete, list as deployment_list, promote, recent,
    view as deployment_view,
};
pub(crate) use event::{follow, read_last_id};
pub(crate) use explain::{ExplainAsk, explain};
pub(crate) use host::{deployment_label, production_label};
pub(crate) use manifest_room::ManifestRoom;
pub(crate) use plan::{plan, plan_archive};
pub(crate) use project::{
    create as project_create, delete as project_delete, list as project_list, roll_back,
    update as project_update, view as project_view,
};
pub(crate) use release::UnshownRollBacks;
pub(crate) use token::{create as token_create, delete as token_delete, list as token_list};
pub(crate) use upload::upload;

/// Which rows of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListAsk<Id> {
    /// Rows older than this one. `None` from the newest.
    pub(crate) before: Option<Id>,
    /// At most this many.
    pub(crate) rows_max: u32,
}
