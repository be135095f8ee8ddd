import { expect, test } from 'vitest'
import { describeSoak } from './soak/describe.ts'
import { soak } from './soak/soak.ts'

const seed = 1
/** Unit: ms. */
const durationMs = 60_000

/** Defences that the load makes the server use. */
const defences = [
  'handshakeTimeout',
  'headersTimeout',
  'keepaliveTimeout',
  'messageTooLarge',
  'protocolError',
  'stalledWrite',
] as const

test('a minute of healthy and other clients leaves nothing behind, and the healthy ones notice nothing', async () => {
  const lines: string[] = []
  const report = await soak({ seed, durationMs, log: (line) => lines.push(line) })
  const replay = `npm run soak -- --minutes ${durationMs / 60_000} --seed ${seed}`
  const story = [`the same clients again: ${replay}`, ...lines, describeSoak(report)].join('\n')
  expect(report.violations, story).toEqual([])
  for (const defence of defences) expect(report.defended[defence], defence).toBeGreaterThan(0)
  for (const call of ['unary', 'count', 'repeat', 'chat', 'cancelled', 'expired']) {
    expect(report.counts.get(`healthy calls, ${call}`), call).toBeGreaterThan(20)
  }
  expect(report.rests.at(-1)?.connectionsTotal, story).toBeGreaterThan(500)
})
