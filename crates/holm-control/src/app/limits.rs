//! Every maximum of the server, with what holds.

use holm_api::{LimitList, LimitView};
use holm_types::LimitInForce;

use crate::authz::{Authorized, Read};
use crate::core::Core;
use crate::limits::LIMITS;

/// The rooms in order of their names; a room's rows as its table has them.
pub(crate) fn list(core: &Core, _who: &Authorized<Read>) -> LimitList {
    let config = &core.config;
    let own = config.limits.in_force(LIMITS);
    let beneath = [
        holm_site::limits::LIMITS,
        holm_storage::LIMITS,
        holm_telemetry::LIMITS,
    ];
    let beneath = beneath.into_iter().flat_map(LimitInForce::fixed);
    let others = config.other_limits.iter().copied();
    let mut rows: Vec<LimitInForce> = own.chain(others).chain(beneath).collect();
    // Stable: within a room the order stays.
    rows.sort_by_key(|row| row.limit.name.split('.').next());
    LimitList {
        data: rows.into_iter().map(LimitView::from).collect(),
    }
}
