import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { creationMarkerName, openMarkerName } from './layout.js'
import type { Findings } from './lmdb-verifier.js'

/** What {@link verifyLmdb} found. */
export interface VerifyReport {
  /** Whether every record was read and every checksum was right. */
  readonly intact: boolean
  /** Revisions that were read. */
  readonly revisions: number
  /** Named values that were read, including two of the backend's own. */
  readonly metaValues: number
  /** Index of the last durable seal. */
  readonly index: number
  /** What is wrong, for people; at most 20 lines. */
  readonly problems: readonly string[]
}

/** Whether a backend had this directory open and did not close it, or still has it open. */
export function wasLeftOpen(path: string): boolean {
  return existsSync(join(path, openMarkerName)) && !existsSync(join(path, creationMarkerName))
}

/**
 * Reads everything in a directory and checks every checksum, in a child process: LMDB has no checksums of
 * its own, and damaged pages may kill the process that reads them.
 *
 * May run beside an open backend: it then sees the newest commit, not what is still in memory.
 *
 * @param path the directory
 * @throws never because of damage: that is the report
 */
export async function verifyLmdb(
  path: string,
  { mapMaxBytes, signal }: { readonly mapMaxBytes?: number; readonly signal?: AbortSignal } = {},
): Promise<VerifyReport> {
  const program = fileURLToPath(new URL('./lmdb-verifier.js', import.meta.url))
  const args = [program, path, String(mapMaxBytes ?? 2 ** 34)]
  return await new Promise((resolve, reject) => {
    const options = signal === undefined ? {} : { signal }
    execFile(process.execPath, args, options, (error, stdout) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error)
        return
      }
      if (error !== null) {
        const how = error.signal ?? String(error.code)
        const problem = `the process that read it died: ${how}`
        resolve({ intact: false, revisions: 0, metaValues: 0, index: 0, problems: [problem] })
        return
      }
      const { problemCount, problems, ...counts } = JSON.parse(stdout) as Findings
      resolve({ ...counts, intact: problemCount === 0, problems })
    })
  })
}
