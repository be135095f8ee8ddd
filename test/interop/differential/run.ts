/**
 * Sends the same random requests to two servers and compares everything they answer.
 *
 *     node --conditions=@orrery/source --import tsx test/interop/differential/run.ts --seed 42 --operations 1000000
 */
import { parseArgs } from 'node:util'
import { startEtcd } from '../servers/etcd.ts'
import { startOrrery } from '../servers/orrery.ts'
import { runDifferential } from './differential.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    operations: { type: 'string', default: '200000' },
    lanes: { type: 'string', default: '2' },
    /** What the first server, a real etcd, is compared with. */
    against: { type: 'string', default: 'orrery' },
    shrink: { type: 'boolean', default: true },
  },
  allowNegative: true,
})

// So that the servers end, too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const report = await runDifferential({
  seed: Number(values.seed),
  operations: Number(values.operations),
  lanes: Number(values.lanes),
  shrink: values.shrink,
  startA: () => startEtcd(),
  startB: () => (values.against === 'etcd' ? startEtcd() : startOrrery()),
  log: (line) => {
    console.log(line)
  },
})
console.log(report.coverage.table())
console.log(report.summary)
if (report.failure !== undefined) {
  console.error(report.failure)
  process.exitCode = 1
}
