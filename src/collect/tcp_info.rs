//! What TCP measures of a connection, in the words of `struct tcp_info`.

use crate::kernel::TcpRow;
use crate::model::{Fact, Facts};
use std::time::Duration;

/// The fields that are times, and their unit in microseconds (`net/ipv4/tcp.c`, `tcp_get_info`).
const TIMES: [(&str, u64); 13] = [
    ("rto", 1),
    ("ato", 1),
    ("rtt", 1),
    ("rttvar", 1),
    ("rcv_rtt", 1),
    ("min_rtt", 1),
    ("busy_time", 1),
    ("rwnd_limited", 1),
    ("sndbuf_limited", 1),
    ("last_data_sent", 1000),
    ("last_ack_sent", 1000),
    ("last_data_recv", 1000),
    ("last_ack_recv", 1000),
];

/// Whether a value says that there is none: no slow start threshold yet, no limit to the rate, nothing
/// measured. When the last acknowledgement was sent is not remembered, and always 0.
fn is_unset(name: &str, value: u64) -> bool {
    match name {
        "snd_ssthresh" => value == 0x7fff_ffff,
        "pacing_rate" | "max_pacing_rate" => value == u64::MAX,
        "min_rtt" => value == u64::from(u32::MAX) || value == 0,
        "rtt" | "rttvar" | "rcv_rtt" => value == 0,
        "last_ack_sent" => true,
        _ => false,
    }
}

/// The fields, the algorithm and the timer that runs. Times are seconds.
pub fn facts(row: &TcpRow) -> Facts {
    let mut facts = Facts::new();
    for &(name, value) in row.fields.iter().filter(|(name, value)| !is_unset(name, *value)) {
        let fact = match TIMES.iter().find(|(time, _)| *time == name) {
            Some((_, unit)) => Fact::Time(Duration::from_micros(value.saturating_mul(*unit))),
            None => Fact::Number(value),
        };
        facts.push((name.into(), fact));
    }
    if let Some(congestion) = &row.congestion {
        facts.push(("congestion".into(), Fact::text(congestion.as_str())));
    }
    let timer = match row.timer {
        1 => "retransmit",
        2 => "keepalive",
        3 => "time_wait",
        4 => "probe",
        _ => return facts,
    };
    let timer = vec![
        ("name".into(), Fact::text(timer)),
        ("expires".into(), Fact::Time(Duration::from_millis(row.expires.into()))),
        ("retransmits".into(), Fact::Number(row.retransmits.into())),
    ];
    facts.push(("timer".into(), Fact::Group(timer)));
    facts
}
