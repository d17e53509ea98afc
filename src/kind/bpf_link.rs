//! What attaches a BPF program to where it runs (bpf(2), BPF_LINK_CREATE).

use super::bpf_map::{brief, object};
use super::{BpfObject, Clue, Description, Kind};
use crate::model::{Fact, KindName};

pub const KIND: Kind = Kind {
    name: KindName(&"bpf_link"),
    recognises: |clue| clue.is_anonymous("bpf_link") || clue.is_anonymous("bpf-link"),
    describe: |clue| {
        let mut facts = clue.facts(|name, value| match name {
            "prog_tag" => Some(Fact::text(value)),
            _ => None,
        });
        let name = object(clue, "prog_id", BpfObject::Prog).and_then(|question| clue.answer(&question));
        facts.extend(name.map(|name| ("prog_name".into(), Fact::Text(name.to_vec()))));
        let link = brief(clue.text("link_type"), clue.text("link_id"), None);
        let program =
            brief(Some("prog"), clue.text("prog_id"), name).filter(|_| clue.text("prog_id").is_some());
        let words: Vec<String> = link.into_iter().chain(program).collect();
        let brief = (!words.is_empty()).then(|| words.join(", "));
        Description { facts, brief, ..Description::default() }
    },
    asks: |clue| object(clue, "prog_id", BpfObject::Prog).into_iter().collect(),
    sample: Clue { link: Some(b"anon_inode:bpf_link"), ..Clue::NONE },
    ..Kind::BASE
};
