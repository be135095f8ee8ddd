import { expect, test } from 'vitest'
import { fuzz } from './fuzz.ts'

test.each([1, 20_000, 40_000])(
  'sessions that were made wrong (seed %i) harm nobody, and what node:http2 answers is answered',
  async (seed) => {
    const report = await fuzz({ seed, batchSessions: 100, goesOn: (batches) => batches < 3 })
    expect(report.sessions).toBe(300)
    expect(report.compared).toBeGreaterThan(20)
    expect(report.answered).toBeGreaterThan(200)
  },
)
