// Soaks a server process with healthy and other clients: `npm run soak -- --minutes 10 --seed 1`.
import { parseArgs } from 'node:util'
import { describeSoak } from './soak/describe.ts'
import { soak } from './soak/soak.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string', default: '1' } },
})
const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => stop.abort(new Error('stopped before its time')))
}
const report = await soak({
  seed: Number(values.seed),
  durationMs: Number(values.minutes) * 60_000,
  log: (line) => console.log(line),
  signal: stop.signal,
})
console.log(describeSoak(report))
process.exitCode = report.violations.length === 0 && !stop.signal.aborted ? 0 : 1
