//! The checksums of record batches, of links and of gzip. Tables are computed when they are first
//! used: kilobytes that do not compress would be a part of what the page loads.

use std::sync::LazyLock;

#[cfg(target_arch = "wasm32")]
use crc::CRC_32_ISCSI;
use crc::{CRC_32_ISO_HDLC, Crc, Table};

/// CRC-32C (Castagnoli).
#[cfg(not(target_arch = "wasm32"))]
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
}

/// CRC-32C (Castagnoli).
#[cfg(target_arch = "wasm32")]
pub fn crc32c(bytes: &[u8]) -> u32 {
    static TABLES: LazyLock<Crc<u32, Table<16>>> =
        LazyLock::new(|| Crc::<u32, Table<16>>::new(&CRC_32_ISCSI));
    TABLES.checksum(bytes)
}

/// CRC-32 (ISO 3309), as gzip has it.
pub fn crc32(bytes: &[u8]) -> u32 {
    static TABLE: LazyLock<Crc<u32, Table<1>>> =
        LazyLock::new(|| Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC));
    TABLE.checksum(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn published_values() {
        // RFC 3720, appendix B.4, and the catalogue's check value.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(b""), 0);
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(crc32(b""), 0);
    }
}
