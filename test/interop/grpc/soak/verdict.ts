/** What a server process holds at some time. */
export interface Sample {
  /** Since the begin. Unit: s. */
  readonly atSeconds: number
  readonly connections: number
  readonly calls: number
  readonly connectionsTotal: number
  readonly callsTotal: number
  /** Unit: bytes. */
  readonly residentBytes: number
  /** After a full collection. Unit: bytes. */
  readonly heapBytes: number
  readonly descriptors: number
}

/** A sample without load. */
export interface Rest extends Sample {
  readonly when: string
}

/**
 * How much more may be reachable at the end than after the first part of the load. What is built once is built by
 * then, but code that gets compiled later and caches of Node still grow, by 0.4 MiB in ten minutes. In these there are
 * 38,000 connections and 227,000 calls after the first part: 100 bytes that each connection leaves are more than
 * this, and so are 15 of each call. Unit: bytes.
 */
export const heapGrowthMaxBytes = 3 * 1024 * 1024

/** What is wrong with what was left without load: before it, after its first part, and at the end. */
export function violationsOf(rests: readonly Rest[]): readonly string[] {
  const [before, first, ...later] = rests
  const last = later.at(-1)
  if (before === undefined || first === undefined || last === undefined) return ['there was no end']
  const violations: string[] = []
  for (const { when, connections, calls, descriptors } of [first, last]) {
    if (connections !== 0) violations.push(`${when}: ${connections} connections are left`)
    if (calls !== 0) violations.push(`${when}: ${calls} calls are left`)
    if (descriptors > before.descriptors) {
      violations.push(`${when}: ${descriptors} descriptors are left of ${before.descriptors} at first`)
    }
  }
  const growthBytes = last.heapBytes - first.heapBytes
  if (growthBytes > heapGrowthMaxBytes) {
    violations.push(`the heap has grown by ${growthBytes} bytes since the first part of the load`)
  }
  return violations
}
