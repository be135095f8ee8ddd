import { expect, test } from 'vitest'
import { describeTorture } from './torture/describe.ts'
import { faultKinds } from './torture/schedule.ts'
import { torture } from './torture/torture.ts'

/** Unit: ms. */
const durationMs = 180_000
/** What follows the faults, and a round of faults that is not over yet, take their time, too. Unit: ms. */
const timeoutMs = 900_000

test(
  'three processes lose nothing, contradict nobody and forget no watcher, whatever is done to them',
  async () => {
    const seed = Number(process.env['ORRERY_TORTURE_SEED'] ?? Date.now() % 1_000_000)
    const lines: string[] = []
    const report = await torture({ seed, durationMs, log: (line) => lines.push(line) })
    const replay = `npm run torture -- --minutes ${durationMs / 60_000} --seed ${seed}`
    const story = [`the same faults again: ${replay}`, ...lines, describeTorture(report)].join('\n')
    expect(report.violations, story).toEqual([])
    for (const kind of faultKinds) expect(report.faults.get(kind), kind).toBeGreaterThan(0)
    expect(report.answered, story).toBeGreaterThan(2_000)
    expect(report.unanswered, story).toBeGreaterThan(0)
    expect(report.lostLeases, story).toBe(0)
  },
  timeoutMs,
)
