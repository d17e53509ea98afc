//! The schema, compiled.

use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// A schema, ready to be held against documents.
pub struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
    name: String,
}

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schema").join(file)
}

impl Schema {
    fn at(file: &str, fragment: &str) -> Self {
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.enable_format_assertions();
        compiler.enable_content_assertions();
        let place = format!("{}{fragment}", path(file).display());
        // It is held against the schema of schemas, too.
        let index = compiler.compile(&place, &mut schemas).unwrap_or_else(|error| panic!("{error:#}"));
        Self { schemas, index, name: place }
    }

    /// That of every document.
    pub fn whole() -> Self {
        Self::at("ganariya-fd-1.schema.json", "")
    }

    /// One of its definitions.
    pub fn of(name: &str) -> Self {
        Self::at("ganariya-fd-1.schema.json", &format!("#/$defs/{name}"))
    }

    /// That of every line.
    pub fn any_line() -> Self {
        Self::at("ganariya-fd-1-line.schema.json", "")
    }

    /// Whether `value` is as it says.
    pub fn takes(&self, value: &Value) -> bool {
        self.schemas.validate(value, self.index).is_ok()
    }

    /// Fails with all that is wrong where it is not.
    pub fn check(&self, value: &Value) {
        if let Err(error) = self.schemas.validate(value, self.index) {
            panic!("{}\n{error:#}\n{value}", self.name);
        }
    }
}

/// The definitions of the schema, as they are written.
pub fn definitions() -> serde_json::Map<String, Value> {
    let text = fs::read_to_string(path("ganariya-fd-1.schema.json")).unwrap();
    let Value::Object(mut whole) = serde_json::from_str(&text).unwrap() else { panic!() };
    let Some(Value::Object(definitions)) = whole.remove("$defs") else { panic!() };
    definitions
}

/// Holds a document against the schema of all, and of that which it is.
pub fn check(name: &str, document: &Value) {
    Schema::whole().check(document);
    Schema::of(name).check(document);
}

/// Holds lines against the schema of all lines, and of those of one form. Gives the types that there were.
pub fn check_lines<'a>(name: &str, lines: impl IntoIterator<Item = &'a Value>) -> Vec<&'a str> {
    let (any, of_form) = (Schema::any_line(), Schema::of(name));
    let mut types = Vec::new();
    for line in lines {
        any.check(line);
        of_form.check(line);
        let kind = line["type"].as_str().unwrap();
        if !types.contains(&kind) {
            types.push(kind);
        }
    }
    types
}
