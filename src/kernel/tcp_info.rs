//! `struct tcp_info` of `include/uapi/linux/tcp.h`, by which TCP tells how a connection does (tcp(7)).
//!
//! It has grown with the kernel and goes on growing at its end: what is given is decoded as far as it
//! goes.

use super::netlink::array_at;

/// The fields from byte 8 on, each with its size. Each stands at a multiple of its size without gaps, so
/// the sizes before it are its offset.
///
/// What follows `received_ce_bytes` is left out: Linux 6.18 has two numbers there, and later ones bits of
/// another meaning in the same place.
const FIELDS: [(&str, usize); 58] = [
    ("rto", 4),
    ("ato", 4),
    ("snd_mss", 4),
    ("rcv_mss", 4),
    ("unacked", 4),
    ("sacked", 4),
    ("lost", 4),
    ("retrans", 4),
    ("fackets", 4),
    ("last_data_sent", 4),
    ("last_ack_sent", 4),
    ("last_data_recv", 4),
    ("last_ack_recv", 4),
    ("pmtu", 4),
    ("rcv_ssthresh", 4),
    ("rtt", 4),
    ("rttvar", 4),
    ("snd_ssthresh", 4),
    ("snd_cwnd", 4),
    ("advmss", 4),
    ("reordering", 4),
    ("rcv_rtt", 4),
    ("rcv_space", 4),
    ("total_retrans", 4),
    ("pacing_rate", 8),
    ("max_pacing_rate", 8),
    ("bytes_acked", 8),
    ("bytes_received", 8),
    ("segs_out", 4),
    ("segs_in", 4),
    ("notsent_bytes", 4),
    ("min_rtt", 4),
    ("data_segs_in", 4),
    ("data_segs_out", 4),
    ("delivery_rate", 8),
    ("busy_time", 8),
    ("rwnd_limited", 8),
    ("sndbuf_limited", 8),
    ("delivered", 4),
    ("delivered_ce", 4),
    ("bytes_sent", 8),
    ("bytes_retrans", 8),
    ("dsack_dups", 4),
    ("reord_seen", 4),
    ("rcv_ooopack", 4),
    ("snd_wnd", 4),
    ("rcv_wnd", 4),
    ("rehash", 4),
    ("total_rto", 2),
    ("total_rto_recoveries", 2),
    ("total_rto_time", 4),
    ("received_ce", 4),
    ("delivered_e1_bytes", 4),
    ("delivered_e0_bytes", 4),
    ("delivered_ce_bytes", 4),
    ("received_e1_bytes", 4),
    ("received_e0_bytes", 4),
    ("received_ce_bytes", 4),
];

/// The fields that `bytes` has whole, in the kernel's order.
pub fn fields(bytes: &[u8]) -> Vec<(&'static str, u64)> {
    let mut fields = Vec::with_capacity(FIELDS.len() + 10);
    let names = ["state", "ca_state", "retransmits", "probes", "backoff", "options"];
    fields.extend(names.into_iter().zip(bytes.iter().map(|&byte| u64::from(byte))));
    // Bit fields begin at the lowest bit, or on a big-endian machine at the highest.
    let bits = |byte: u8, from: u32, count: u32| {
        let shift = if cfg!(target_endian = "big") { 8 - from - count } else { from };
        u64::from(byte >> shift) & ((1 << count) - 1)
    };
    if let Some(&byte) = bytes.get(6) {
        fields.extend([("snd_wscale", bits(byte, 0, 4)), ("rcv_wscale", bits(byte, 4, 4))]);
    }
    if let Some(&byte) = bytes.get(7) {
        fields.extend([
            ("delivery_rate_app_limited", bits(byte, 0, 1)),
            ("fastopen_client_fail", bits(byte, 1, 2)),
        ]);
    }
    let mut rest = bytes.get(8..).unwrap_or_default();
    for (name, size) in FIELDS {
        let Some((field, after)) = rest.split_at_checked(size) else { break };
        let value = match size {
            2 => array_at(field, 0).map(|bytes| u16::from_ne_bytes(bytes).into()),
            4 => array_at(field, 0).map(|bytes| u32::from_ne_bytes(bytes).into()),
            _ => array_at(field, 0).map(u64::from_ne_bytes),
        };
        fields.extend(value.map(|value| (name, value)));
        rest = after;
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn a_shorter_one_has_the_first_fields_of_a_longer_one(bytes in proptest::collection::vec(any::<u8>(), 300), length in 0usize..300) {
            let whole = fields(&bytes);
            let part = fields(&bytes[..length]);
            prop_assert_eq!(&part[..], &whole[..part.len()]);
        }
    }

    #[test]
    fn the_offsets_are_those_of_the_kernel() {
        // Each byte holds its own offset: a field's lowest, or highest, byte says where it stands.
        let bytes: Vec<u8> = (0u8..=255).chain(0..=23).collect();
        let fields: HashMap<_, _> = fields(&bytes).into_iter().collect();
        let at = |name: &str| fields[name].to_ne_bytes()[if cfg!(target_endian = "big") { 4 } else { 0 }];
        // As pahole prints the kernel's own.
        for (name, offset) in [
            ("rto", 8),
            ("rtt", 68),
            ("total_retrans", 100),
            ("min_rtt", 148),
            ("delivered", 192),
            ("snd_wnd", 228),
            ("total_rto_time", 244),
            ("received_ce", 248),
            ("delivered_e1_bytes", 252),
        ] {
            assert_eq!(at(name), offset, "{name}");
        }
        assert_eq!(fields["snd_wscale"] | fields["rcv_wscale"] << 4, 6);
        assert_eq!(fields["received_ce_bytes"].to_ne_bytes()[0], 16);
    }
}
