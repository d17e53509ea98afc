//! The schema refuses what is not as it says.

use crate::schema::{Schema, definitions};
use ganariya_fd::kind::KINDS;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What others are composed of, and so open to keys of theirs.
const OPEN: [&str; 9] = [
    "change_keys",
    "entry",
    "entry_keys",
    "gap_keys",
    "head",
    "holder_keys",
    "inet_keys",
    "kernel_holder_keys",
    "socket_keys",
];

/// Those of processes: nothing of them is required, or nothing but that.
const OF_PROCESSES: [&str; 2] = ["process_keys", "process_required"];

/// What says only how keys go together, whose types are told elsewhere.
const CONDITIONS: [&str; 4] = ["facts_by_kind", "number", "place", "process_required"];

/// A key that there is nowhere, with a value that no fact has.
const STRANGE: &str = "no such key";

/// Of each definition: values that are as it says, and some that are not.
struct Samples(Map<String, Value>);

impl Samples {
    fn load() -> Self {
        let Value::Object(samples) = serde_json::from_str(include_str!("samples.json")).unwrap() else {
            panic!()
        };
        Self(samples)
    }

    /// The values of `list`, those of others put in where `$sample` names them.
    fn of(&self, name: &str, list: &str) -> Vec<Value> {
        let values = self.0[name].get(list).and_then(Value::as_array).into_iter().flatten();
        values.map(|value| self.filled(value)).collect()
    }

    fn filled(&self, value: &Value) -> Value {
        match value {
            Value::Object(object) => match object.get("$sample") {
                Some(name) => self.filled(&self.0[name.as_str().unwrap()]["valid"][0]),
                None => object.iter().map(|(key, value)| (key.clone(), self.filled(value))).collect(),
            },
            Value::Array(values) => values.iter().map(|value| self.filled(value)).collect(),
            value => value.clone(),
        }
    }
}

/// The places in a value, as JSON pointers, from the outermost on.
fn places(value: &Value) -> Vec<String> {
    let below = |key: String, value: &Value| -> Vec<String> {
        places(value).into_iter().map(|place| format!("/{key}{place}")).collect()
    };
    let mut all = vec![String::new()];
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                all.extend(below(key.replace('~', "~0").replace('/', "~1"), value));
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                all.extend(below(index.to_string(), value));
            }
        }
        _ => {}
    }
    all
}

/// The value with another type in each of its places, and with one more key in each of its objects.
fn mutants(value: &Value) -> Vec<(String, Value)> {
    let mut mutants = Vec::new();
    for place in places(value) {
        let mut other = value.clone();
        *other.pointer_mut(&place).unwrap() = json!({STRANGE: null});
        mutants.push((place.clone(), other));
        let mut more = value.clone();
        if let Value::Object(object) = more.pointer_mut(&place).unwrap() {
            object.insert(STRANGE.to_owned(), Value::Null);
            mutants.push((place, more));
        }
    }
    mutants
}

/// The keys that a definition requires, and those that it is composed of.
fn required(all: &Map<String, Value>, definition: &Value) -> BTreeSet<String> {
    let mut keys: BTreeSet<String> = definition["required"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|key| key.as_str().unwrap().to_owned())
        .collect();
    let parts = definition["allOf"].as_array().into_iter().flatten().chain([definition]);
    for name in parts.filter_map(|part| part["$ref"].as_str()) {
        keys.extend(required(all, &all[name.rsplit('/').next().unwrap()]));
    }
    keys
}

#[test]
fn every_definition_takes_its_samples_and_refuses_mutants_of_them() {
    let (all, samples) = (definitions(), Samples::load());
    let names: BTreeSet<&String> = all.keys().collect();
    assert_eq!(samples.0.keys().collect::<BTreeSet<_>>(), names, "tests/schema/samples.json");
    for (name, definition) in &all {
        let schema = Schema::of(name);
        let (valid, refused) = (samples.of(name, "valid"), samples.of(name, "refused"));
        assert!(!valid.is_empty(), "{name}");
        for value in &refused {
            assert!(!schema.takes(value), "{name} takes {value}");
        }
        let has_objects = valid.iter().any(Value::is_object);
        assert!(has_objects || !refused.is_empty(), "{name} has nothing to refuse");
        for value in &valid {
            schema.check(value);
            if CONDITIONS.contains(&&**name) {
                continue;
            }
            let is_open = OPEN.contains(&&**name) || OF_PROCESSES.contains(&&**name);
            for (place, mutant) in mutants(value) {
                let may = is_open && place.is_empty();
                assert!(may || !schema.takes(&mutant), "{name} at {place:?} takes {mutant}");
            }
        }
        for key in required(&all, definition) {
            for mut value in valid.iter().filter(|value| value.is_object()).cloned() {
                assert!(value.as_object_mut().unwrap().remove(&key).is_some(), "{name}: {key}: {value}");
                assert!(!schema.takes(&value), "{name} takes {value} without {key}");
            }
        }
    }
}

/// Of each kind that the schema has facts for: the name of that definition.
fn facts_of_kinds() -> Vec<(String, String)> {
    let all = definitions();
    let mut facts = Vec::new();
    for branch in all["facts_by_kind"]["then"]["allOf"].as_array().unwrap() {
        let kind = &branch["if"]["properties"]["kind"];
        let one = kind.get("const").map(std::slice::from_ref);
        let kinds = one.unwrap_or_else(|| kind["enum"].as_array().unwrap());
        let name = branch["then"]["properties"]["facts"]["$ref"].as_str().unwrap();
        let name = name.rsplit('/').next().unwrap();
        facts.extend(kinds.iter().map(|kind| (kind.as_str().unwrap().to_owned(), name.to_owned())));
    }
    facts
}

#[test]
fn the_kinds_are_those_of_the_program_and_each_has_its_facts() {
    let kinds: BTreeSet<String> = KINDS.iter().map(|kind| kind.name.to_string()).collect();
    let listed = &definitions()["kind"]["enum"];
    let listed: BTreeSet<String> =
        listed.as_array().unwrap().iter().map(|kind| kind.as_str().unwrap().to_owned()).collect();
    assert_eq!(listed, kinds);
    let facts = facts_of_kinds();
    assert_eq!(facts.len(), kinds.len(), "a kind has two");
    assert_eq!(facts.into_iter().map(|(kind, _)| kind).collect::<BTreeSet<_>>(), kinds);
}

#[test]
fn the_facts_of_a_descriptor_are_those_of_its_kind() {
    let (samples, schema) = (Samples::load(), Schema::of("descriptor"));
    let mut descriptor = samples.of("descriptor", "valid").remove(0);
    for (kind, name) in facts_of_kinds() {
        descriptor["kind"] = kind.clone().into();
        for facts in samples.of(&name, "valid") {
            descriptor["facts"] = facts;
            schema.check(&descriptor);
            for (place, mutant) in mutants(&descriptor["facts"]) {
                let mut changed = descriptor.clone();
                changed["facts"] = mutant;
                assert!(!schema.takes(&changed), "{kind} at {place:?}: {changed}");
            }
        }
    }
}

#[test]
fn a_document_is_told_by_its_keys_and_no_other_passes() {
    let (samples, schema) = (Samples::load(), Schema::whole());
    for name in ["inspect_document", "inspect_columns_document", "who_document", "lab_document"] {
        for document in samples.of(name, "valid") {
            schema.check(&document);
            for (place, mutant) in mutants(&document) {
                assert!(!schema.takes(&mutant), "{name} at {place:?}: {mutant}");
            }
            for key in document.as_object().unwrap().keys() {
                let mut value = document.clone();
                value.as_object_mut().unwrap().remove(key);
                let may = name == "lab_document" && key == "output";
                assert!(may || !schema.takes(&value), "{name} without {key}");
            }
        }
    }
    for other in [json!(null), json!([]), json!({}), json!({"type": "gap"})] {
        assert!(!schema.takes(&other), "{other}");
    }
}
