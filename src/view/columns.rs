//! The columns of tables: their headings, how they give way, and which there are where nobody chooses.

use super::table::{Column, Give};
use crate::query::Field;

/// Of a process's own table.
pub const BLOCK: [Field; 6] =
    [Field::Fd, Field::Access, Field::Kind, Field::Name, Field::Flags, Field::Peers];

/// The same in lines, each of which names its process.
pub const LINE: [Field; 10] = [
    Field::Command,
    Field::Pid,
    Field::User,
    Field::Fd,
    Field::SharedWith,
    Field::Access,
    Field::Kind,
    Field::Name,
    Field::Flags,
    Field::Peers,
];

/// Of a listing of many processes. Flags cost a read of fdinfo for each descriptor, and are left out.
pub const FLAT: [Field; 8] = [
    Field::Command,
    Field::Pid,
    Field::User,
    Field::Fd,
    Field::Access,
    Field::Kind,
    Field::Name,
    Field::Peers,
];

/// A column's heading.
pub fn heading(field: &Field) -> String {
    match field {
        Field::Access => "MODE".to_owned(),
        Field::Peers => "CONNECTED TO".to_owned(),
        Field::SharedWith => "SHARED".to_owned(),
        Field::Fact(keys) => keys.join(".").to_uppercase(),
        field => field.key().replace('_', " ").to_uppercase(),
    }
}

/// The columns of fields under their headings.
pub fn columns<'a>(fields: &[Field], headings: &'a [String]) -> Vec<Column<'a>> {
    fields.iter().zip(headings).map(|(field, heading)| Column { heading, give: give(field) }).collect()
}

/// How a column gives way where there is little room.
fn give(field: &Field) -> Give {
    match field {
        Field::Flags => Give::First,
        Field::Command | Field::Name | Field::Peers | Field::Argv | Field::Facts | Field::Fact(_) => {
            Give::Wrapped
        }
        _ => Give::Never,
    }
}
