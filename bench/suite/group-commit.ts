import { closeSync, fdatasyncSync, openSync, writevSync } from 'node:fs'
import { join } from 'node:path'

/** Unit: bytes. */
const fileBytes = 256 * 1024 * 1024

/**
 * What the disk itself gives: records of `recordBytes` written `together` at a time into a file that is filled with
 * zeros already, each time with one fdatasync, and nothing else.
 *
 * @returns records per second
 */
export function bareGroupCommit(
  directory: string,
  {
    recordBytes,
    together,
    rounds,
  }: { readonly recordBytes: number; readonly together: number; readonly rounds: number },
): number {
  const file = openSync(join(directory, 'bare'), 'w+')
  try {
    const zeros = Buffer.alloc(8 * 1024 * 1024)
    for (let at = 0; at < fileBytes; at += zeros.length) writevSync(file, [zeros], at)
    fdatasyncSync(file)
    const records = Array.from({ length: together }, () => Buffer.alloc(recordBytes, 7))
    const startMs = performance.now()
    for (let round = 0; round < rounds; round++) {
      writevSync(file, records, (round * together * recordBytes) % (fileBytes - together * recordBytes))
      fdatasyncSync(file)
    }
    return (rounds * together * 1_000) / (performance.now() - startMs)
  } finally {
    closeSync(file)
  }
}
