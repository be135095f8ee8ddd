import { writeSync } from 'node:fs'
import { hasCode } from '@orrery/environment'
import type { Operation } from './operation.ts'
import type { State } from './state.ts'

/** What the writer tells, one line each. */
export type Report =
  /** It is about to open the store. */
  | { readonly type: 'opening' }
  /** What it found there. */
  | { readonly type: 'opened'; readonly state: State }
  /** It is about to submit these, in this order. */
  | { readonly type: 'issued'; readonly operations: readonly Operation[] }
  /** The store has answered one, by its number since the opening, from 1. */
  | { readonly type: 'answered'; readonly number: number; readonly answer: string }
  /** Its watcher was told everything up to a revision; `digest` is of what came since the last time. */
  | { readonly type: 'watched'; readonly revision: number; readonly digest: string }
  | { readonly type: 'closing' | 'closed' }

/** Prints a report as a line, which has left the process when this returns. */
export function printReport(report: { readonly type: string }): void {
  const line = Buffer.from(`${JSON.stringify(report)}\n`)
  for (let at = 0; at < line.length; ) at += writeSome(line.subarray(at))
}

/** Standard output is a socket that takes what it has room for. */
function writeSome(bytes: Uint8Array): number {
  try {
    return writeSync(1, bytes)
  } catch (error) {
    if (!hasCode(error, 'EAGAIN')) throw error
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    return 0
  }
}

/** Takes reports out of a stream of text; a line that a kill has cut is none. */
export function createReportReader(onReport: (report: unknown) => void): (text: string) => void {
  let partial = ''
  return (text) => {
    const lines = (partial + text).split('\n')
    partial = lines.pop() ?? ''
    for (const line of lines) onReport(JSON.parse(line))
  }
}
