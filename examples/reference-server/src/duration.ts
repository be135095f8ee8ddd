const unitsMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }

/**
 * Reads a duration as Go writes it, down to milliseconds: `1h30m`, `1.5s`, `500ms`, `0`. Undefined when `text` is none.
 *
 * @returns unit: ms
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0
  if (!/^(?:\d+(?:\.\d+)?(?:h|ms|m|s))+$/.test(text)) return undefined
  let ms = 0
  for (const [, amount, unit = ''] of text.matchAll(/([\d.]+)(h|ms|m|s)/g)) {
    ms += Number(amount) * (unitsMs[unit] ?? 0)
  }
  return Math.round(ms)
}
