//! The labs: real processes that make real system calls, stopped where there is something to see.
//!
//! A lab has two halves that run in different processes. The actor is this program executed again in a
//! role, such as the shell of a pipeline: it makes the calls and knows nothing of being watched. The
//! driver traces the actor and all that it forks, and tells what the kernel reported; it makes none of
//! the calls. So nothing that a lab tells is printed by the code that does it.

mod actor;
mod driver;
mod echo;
mod echo_moment;
mod echo_roles;
mod ending;
mod fork;
mod lexer;
mod moment;
mod parser;
pub mod pipeline;
mod prelude;
mod telling;
mod untraced;

pub use actor::{Manner, play_pipe};
pub use driver::drive;
pub use echo::drive_echo;
pub use echo_moment::{EchoMoment, EchoPlan, SERVER, Scene, TellEcho};
pub use echo_roles::Role;
pub use fork::{CHILD, PARENT, play_fork};
pub use moment::{Actor, At, Moment, Outcome, Output, Plan, Problem, Stage, Tables, Tell};
pub use pipeline::{Fault, Pipeline, Refusal};
pub use untraced::drive_untraced;
