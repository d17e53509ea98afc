//! A BPF program (bpf(2), BPF_PROG_LOAD).

use super::bpf_map::{brief, object, type_name};
use super::{BpfObject, Clue, Description, Kind};
use crate::model::{Fact, KindName};

pub const KIND: Kind = Kind {
    name: KindName(&"bpf_prog"),
    recognises: |clue| clue.is_anonymous("bpf-prog") || clue.is_anonymous("bpf_prog"),
    describe: |clue| {
        let mut facts = clue.facts(|name, value| match name {
            "prog_type" => type_name(value, &TYPES).map(Fact::text),
            "prog_jited" => Some(Fact::Flag(value != "0")),
            // Of digits alone it is still no number.
            "prog_tag" => Some(Fact::text(value)),
            _ => None,
        });
        let name = object(clue, "prog_id", BpfObject::Prog).and_then(|question| clue.answer(&question));
        facts.extend(name.map(|name| ("name".into(), Fact::Text(name.to_vec()))));
        let kind = clue.text("prog_type").map(|value| type_name(value, &TYPES).unwrap_or(value));
        Description { facts, brief: brief(kind, clue.text("prog_id"), name), ..Description::default() }
    },
    asks: |clue| object(clue, "prog_id", BpfObject::Prog).into_iter().collect(),
    sample: Clue { link: Some(b"anon_inode:bpf-prog"), ..Clue::NONE },
    ..Kind::BASE
};

/// `enum bpf_prog_type` of `include/uapi/linux/bpf.h` without BPF_PROG_TYPE_, in lower case as bpftool(8) has it.
const TYPES: [&str; 33] = [
    "unspec",
    "socket_filter",
    "kprobe",
    "sched_cls",
    "sched_act",
    "tracepoint",
    "xdp",
    "perf_event",
    "cgroup_skb",
    "cgroup_sock",
    "lwt_in",
    "lwt_out",
    "lwt_xmit",
    "sock_ops",
    "sk_skb",
    "cgroup_device",
    "sk_msg",
    "raw_tracepoint",
    "cgroup_sock_addr",
    "lwt_seg6local",
    "lirc_mode2",
    "sk_reuseport",
    "flow_dissector",
    "cgroup_sysctl",
    "raw_tracepoint_writable",
    "cgroup_sockopt",
    "tracing",
    "struct_ops",
    "ext",
    "lsm",
    "sk_lookup",
    "syscall",
    "netfilter",
];

#[cfg(test)]
mod tests {
    use super::super::{Answers, Question};
    use super::*;

    #[test]
    fn a_program_is_told_by_type_number_and_name() {
        let line = |name: &str, value: &str| (name.as_bytes().to_vec(), value.as_bytes().to_vec());
        let lines = [line("prog_type", "6"), line("prog_tag", "5941931744136000"), line("prog_id", "97")];
        let clue = Clue { lines: &lines, ..KIND.sample };
        let asked = Question::BpfName(BpfObject::Prog, 97);
        let answers = Answers::from([(asked.clone(), b"drop all".to_vec())]);
        assert_eq!((KIND.asks)(&clue), [asked]);
        let Description { facts, brief, .. } = (KIND.describe)(&Clue { answers: Some(&answers), ..clue });
        assert_eq!(brief.as_deref(), Some("xdp id 97 \"drop all\""));
        assert_eq!(facts[1].1, Fact::text("5941931744136000"));
        // One of a type that this list does not have yet.
        let lines = [line("prog_type", "999")];
        let described = (KIND.describe)(&Clue { lines: &lines, ..KIND.sample });
        assert_eq!(described.facts, [("prog_type".into(), Fact::Number(999))]);
        assert_eq!(described.brief.as_deref(), Some("999"));
    }
}
