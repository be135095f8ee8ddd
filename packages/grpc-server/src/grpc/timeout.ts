const unitMs: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 }

/** Longer ones cannot be told from none. Unit: ms. */
const timeoutMaxMs = 2 ** 31 - 1

/**
 * Reads the value of `grpc-timeout` (gRPC over HTTP/2, "Timeout"). Unit: ms.
 *
 * @returns undefined when it is none
 */
export function parseTimeout(value: string): number | undefined {
  const [, digits = '', unit = ''] = /^(\d{1,8})\s*([HMSmun])$/.exec(value) ?? []
  const factor = unitMs[unit]
  return factor === undefined ? undefined : Math.min(timeoutMaxMs, Math.floor(Number(digits) * factor))
}
