import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32c } from '../src/crc32c.ts'
import { slowCrc32c } from './support/wire.ts'

/** RFC 3720 (iSCSI), appendix B.4, and the check value that catalogues of checksums give. */
test.each([
  ['32 zero bytes', new Uint8Array(32), 0x8a9136aa],
  ['32 bytes of 0xff', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['32 ascending bytes', new Uint8Array(32).map((_, at) => at), 0x46dd794e],
  ['32 descending bytes', new Uint8Array(32).map((_, at) => 31 - at), 0x113fdb5c],
  ['the digits 1 to 9', new Uint8Array(Buffer.from('123456789')), 0xe3069283],
  ['nothing', new Uint8Array(0), 0],
])('the CRC-32C of %s is the published one', (_, bytes, expected) => {
  expect(crc32c(bytes)).toBe(expected)
})

test('any bytes have the checksum that bit by bit division gives, cut anywhere', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, cut) => {
      expect(crc32c(bytes)).toBe(slowCrc32c(bytes))
      expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(slowCrc32c(bytes))
    }),
  )
})
