//! A map that BPF programs and processes share (bpf(2), BPF_MAP_CREATE).

use super::answers::quoted;
use super::{BpfObject, Clue, Description, Kind, Question};
use crate::model::{Fact, KindName};

pub const KIND: Kind = Kind {
    name: KindName(&"bpf_map"),
    recognises: |clue| clue.is_anonymous("bpf-map") || clue.is_anonymous("bpf_map"),
    describe: |clue| {
        let mut facts = clue.facts(|name, value| match name {
            "map_type" => type_name(value, &TYPES).map(Fact::text),
            "map_flags" | "map_extra" => {
                u64::from_str_radix(value.strip_prefix("0x")?, 16).ok().map(Fact::Number)
            }
            "frozen" => Some(Fact::Flag(value != "0")),
            _ => None,
        });
        let name = object(clue, "map_id", BpfObject::Map).and_then(|question| clue.answer(&question));
        facts.extend(name.map(|name| ("name".into(), Fact::Text(name.to_vec()))));
        let kind = clue.text("map_type").map(|value| type_name(value, &TYPES).unwrap_or(value));
        Description { facts, brief: brief(kind, clue.text("map_id"), name), ..Description::default() }
    },
    asks: |clue| object(clue, "map_id", BpfObject::Map).into_iter().collect(),
    sample: Clue { link: Some(b"anon_inode:bpf-map"), ..Clue::NONE },
    ..Kind::BASE
};

/// Asks for the name of what the line has the number of.
pub fn object(clue: &Clue<'_>, line: &str, object: BpfObject) -> Option<Question> {
    Some(Question::BpfName(object, clue.text(line)?.parse().ok()?))
}

/// The name of a type by its number; of one that is newer than this list, nothing.
pub fn type_name(number: &str, types: &'static [&'static str]) -> Option<&'static str> {
    types.get(number.parse::<usize>().ok()?).copied()
}

/// `hash id 7 "counts"`
pub fn brief(kind: Option<&str>, id: Option<&str>, name: Option<&[u8]>) -> Option<String> {
    let id = id.map(|id| format!("id {id}"));
    let words = [kind.map(str::to_owned), id, name.map(quoted)];
    let words: Vec<String> = words.into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// `enum bpf_map_type` of `include/uapi/linux/bpf.h` without BPF_MAP_TYPE_, in lower case as bpftool(8) has it.
const TYPES: [&str; 35] = [
    "unspec",
    "hash",
    "array",
    "prog_array",
    "perf_event_array",
    "percpu_hash",
    "percpu_array",
    "stack_trace",
    "cgroup_array",
    "lru_hash",
    "lru_percpu_hash",
    "lpm_trie",
    "array_of_maps",
    "hash_of_maps",
    "devmap",
    "sockmap",
    "cpumap",
    "xskmap",
    "sockhash",
    "cgroup_storage",
    "reuseport_sockarray",
    "percpu_cgroup_storage",
    "queue",
    "stack",
    "sk_storage",
    "devmap_hash",
    "struct_ops",
    "ringbuf",
    "inode_storage",
    "task_storage",
    "bloom_filter",
    "user_ringbuf",
    "cgrp_storage",
    "arena",
    "insn_array",
];
