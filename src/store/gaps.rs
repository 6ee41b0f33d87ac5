//! Gaps between token events as bytes: unsigned LEB128, one gap after the other.
//!
//! Most gaps are 5–200 ms, that is 2–3 bytes each, so the thirty of a usual answer fit in a
//! hundred bytes.

/// Writes gaps in microseconds.
pub(super) fn encode(gaps_us: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(gaps_us.len() * 3);
    for &gap in gaps_us {
        let mut rest = gap;
        while rest >= 0x80 {
            bytes.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push((rest & 0x7f) as u8);
    }
    bytes
}

/// Reads them back; `None` when the bytes are cut or a gap does not fit.
pub(super) fn decode(bytes: &[u8]) -> Option<Vec<u32>> {
    let mut gaps = Vec::with_capacity(bytes.len() / 2);
    let (mut gap, mut shift) = (0_u64, 0_u32);
    for &byte in bytes {
        gap |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            gaps.push(u32::try_from(gap).ok()?);
            (gap, shift) = (0, 0);
        } else {
            shift += 7;
            if shift > 28 {
                return None;
            }
        }
    }
    (shift == 0).then_some(gaps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_bytes() {
        assert_eq!(encode(&[0, 127, 128, 300]), [0, 127, 0x80, 1, 0xac, 2]);
        assert_eq!(decode(&[0x80]), None, "cut");
        assert_eq!(decode(&[0xff, 0xff, 0xff, 0xff, 0x7f]), None, "more than 32 bits");
        assert_eq!(decode(&[0x80, 0x80, 0x80, 0x80, 0x80, 0]), None, "too long");
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_reads_back(gaps: Vec<u32>) {
            proptest::prop_assert_eq!(decode(&encode(&gaps)), Some(gaps));
        }
    }
}
