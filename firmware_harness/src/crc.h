/* CRC-32 as in Ethernet and zlib: polynomial 0x04C11DB7, reflected, start and end inverted. */
#ifndef TCML_CRC_H
#define TCML_CRC_H

#include <stdint.h>

/* The CRC of bytes that follow those whose CRC is `crc`; start with 0. */
uint32_t tcml_crc32(uint32_t crc, const uint8_t *data, uint32_t size_bytes);

#endif
