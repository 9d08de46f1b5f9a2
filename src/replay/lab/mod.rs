//! The lab server as it was: the initial image is laid out on the target's shares, made there, checked, and removed again.
//!
//! [`Layout`] says where everything goes; a survey tells what is there already; [`SetupPlan`] what will be made. All names under
//! which something may be made, by a setup or by a replay, are written down before anything is made: [`cleanup()`] goes by them.

mod cleanup;
mod demands;
mod descriptor;
mod in_flight;
mod layout;
mod make;
mod plan_names;
mod reach;
mod setup;
mod survey;
mod validate;

pub use cleanup::{Cleaned, Left, cleanup};
pub use layout::{Layout, LeftOut, Placed, ShareLayout};
pub use plan_names::{PlanNames, name_maps, record};
pub use reach::Lab;
pub use setup::{Conflict, Made, SetupPlan, SetupProgress, Trouble};
pub use survey::{Found, Survey, survey};
pub use validate::{Check, CheckState, validate};
