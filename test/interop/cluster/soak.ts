// Tortures a cluster of three reference servers: `npm run torture -- --minutes 20 --seed 1`.
import { parseArgs } from 'node:util'
import { describeTorture } from './torture/describe.ts'
import { torture } from './torture/torture.ts'

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '20' }, seed: { type: 'string' } },
})
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed)
console.log(`seed ${seed}`)
// So that neither members nor mounts are left behind.
const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => stop.abort(new Error('stopped before there was a verdict')))
}
const report = await torture({
  seed,
  durationMs: Number(values.minutes) * 60_000,
  log: (line) => console.log(line),
  signal: stop.signal,
})
console.log(describeTorture(report))
process.exitCode = report.violations.length === 0 ? 0 : 1
