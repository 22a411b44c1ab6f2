//! What the operations do. Every function that an operation calls takes an `Authorized`.

mod access_rules;
mod alias;
mod announce;
mod archive;
pub(crate) mod audit;
pub(crate) mod backup;
mod commit;
mod deployment;
mod event;
mod expected;
mod explain;
mod find;
mod host;
pub(crate) mod instance;
pub(crate) mod invitation;
mod limits;
mod manifest_reader;
mod manifest_room;
pub(crate) mod me;
pub(crate) mod member;
mod plan;
mod project;
mod protection;
mod redeploy;
mod release;
mod seal;
pub(crate) mod session;
mod settings;
mod share;
pub(crate) mod storage;
mod token;
mod unpack;
mod upload;
pub(crate) mod variable;

pub(crate) use access_rules::{
    read_rules, update as access_rules_update, view as access_rules_view,
};
pub(crate) use alias::list as alias_list;
pub(crate) use announce::announce;
pub(crate) use archive::announce as announce_archive;
pub(crate) use commit::{Committed, commit};
pub(crate) use deployment::{
    cancel, delete as deployment_delete, list as deployment_list, pin, promote, recent, unpin,
    view as deployment_view,
};
pub(crate) use event::{follow, read_last_id};
pub(crate) use expected::{Expected, Tagged};
pub(crate) use explain::{ExplainAsk, Visitor, explain};
#[cfg(feature = "seed")]
pub(crate) use host::branch_label;
pub(crate) use host::{deployment_label, production_label};
pub(crate) use limits::list as limit_list;
pub(crate) use manifest_room::ManifestRoom;
pub(crate) use plan::{plan, plan_archive};
pub(crate) use project::{
    Project, create as project_create, delete as project_delete, list as project_list, roll_back,
    view as project_view,
};
pub(crate) use protection::{
    read_protection, update as protection_update, view as protection_view,
};
pub(crate) use redeploy::redeploy;
pub(crate) use release::UnshownRollBacks;
pub(crate) use settings::update as project_update;
pub(crate) use share::share;
pub(crate) use token::{create as token_create, delete as token_delete, list as token_list};
pub(crate) use upload::upload;
pub(crate) use variable::{
    delete as variable_delete, list as variable_list, of_deployment as deployment_variables,
    set as variable_set,
};

/// Which rows of a list.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListAsk<Id> {
    /// Rows older than this one. `None` from the newest.
    pub(crate) before: Option<Id>,
    /// At most this many.
    pub(crate) rows_max: u32,
}
