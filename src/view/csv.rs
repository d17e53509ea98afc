//! Comma-separated values (RFC 4180): a line with the fields' names, then one for each file.
//!
//! The cells are those of the lines for people, in English whatever the language: names are escaped in them
//! and addresses stand with the sockets. JSON is the form that carries every byte.

use super::cells::Context;
use super::columns::LINE;
use super::{Lang, Style};
use crate::query::{Field, Listing};
use std::io::{self, Write};

/// Writes what is listed, with the usual fields or those that are chosen.
pub fn csv(out: &mut dyn Write, listing: &Listing<'_>, chosen: Option<&[Field]>) -> io::Result<()> {
    let fields = chosen.unwrap_or(&LINE);
    let style = Style { lang: Lang::En, color: false, ascii: true, width: None };
    let context = Context::new(listing.known, style);
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(fields.iter().map(|field| field.key().into_owned())).map_err(io_error)?;
    for entry in listing.entries() {
        writer.write_record(fields.iter().map(|field| context.cell(field, &entry).0)).map_err(io_error)?;
    }
    writer.flush()
}

/// The cause of a failure to write: what is written are texts in equal numbers, so it can be no other.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
