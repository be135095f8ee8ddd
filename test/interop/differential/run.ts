/**
 * Sends the same random requests to two servers and compares everything they answer.
 *
 *     node --conditions=@orrery/source --import tsx test/interop/differential/run.ts --seed 42 --operations 1000000
 */
import { parseArgs } from 'node:util'
import { startClusterServer } from '../servers/cluster.ts'
import { type EtcdLikeServer, startEtcd } from '../servers/etcd.ts'
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
    /** Processes of a cluster that keep Orrery's store; 1: one process alone. */
    members: { type: 'string', default: '1' },
    /** Which of them is asked: `leader` or `follower`. */
    asked: { type: 'string', default: 'follower' },
  },
  allowNegative: true,
})

// So that the servers end, too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const members = Number(values.members)
const startB = (): Promise<EtcdLikeServer> => {
  if (values.against === 'etcd') return startEtcd()
  return members === 1 ? startOrrery() : startClusterServer(members, values.asked === 'leader')
}

const report = await runDifferential({
  seed: Number(values.seed),
  operations: Number(values.operations),
  lanes: Number(values.lanes),
  shrink: values.shrink,
  startA: () => startEtcd(),
  startB,
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
