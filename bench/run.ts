// The benchmark suite. Each scenario runs in a process of its own; the table goes to the console, and with
// --write into bench/README.md. `npm run bench -- store grpc` runs some of them.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { isInstalled } from './suite/etcd-peer.ts'
import { replicatedPut } from './suite/cluster.ts'
import { failover } from './suite/failover.ts'
import { etcdOverGrpc } from './suite/grpc.ts'
import { memoryOfKeys } from './suite/memory.ts'
import { mvccOnLmdb } from './suite/mvcc.ts'
import { memberProcesses } from './suite/processes.ts'
import { type Row, type Scenario, table } from './suite/report.ts'
import { snapshotTurns } from './suite/snapshot.ts'
import { durablePut } from './suite/store.ts'
import { steady } from './suite/steady.ts'
import { longestTurns } from './suite/turns.ts'
import { watchFanOut } from './suite/watch.ts'

const scenarios: readonly Scenario[] = [
  mvccOnLmdb,
  watchFanOut,
  durablePut,
  replicatedPut,
  etcdOverGrpc,
  memoryOfKeys,
  longestTurns,
  memberProcesses,
  failover,
  steady,
  snapshotTurns,
]
const marker = 'scenario:'
const [first = '', ...rest] = process.argv.slice(2)

if (first.startsWith(marker)) {
  const scenario = scenarios.find(({ name }) => name === first.slice(marker.length))
  const rows = (await scenario?.run()) ?? []
  process.stdout.write(JSON.stringify(rows))
  process.exit(0)
}

const asked = [first, ...rest].filter((name) => name !== '' && !name.startsWith('--'))
const rows: Row[] = []
for (const { name } of scenarios.filter((scenario) => asked.length === 0 || asked.includes(scenario.name))) {
  process.stderr.write(`${name} …\n`)
  const child = spawnSync(process.execPath, [...process.execArgv, 'bench/run.ts', marker + name], {
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 24,
  })
  if (child.status !== 0) throw new Error(`the scenario ${name} failed`)
  rows.push(...(JSON.parse(child.stdout.toString()) as Row[]))
}
const missing = ['etcd', 'h2load'].filter((program) => !isInstalled(program))
const text = [
  table(rows),
  ...missing.map((program) => `\n\`${program}\` is not installed: comparisons with it were left out.`),
].join('\n')
process.stdout.write(`${text}\n`)

if (process.argv.includes('--write')) {
  const readme = readFileSync('bench/README.md', 'utf8')
  const [before] = readme.split('<!-- table -->')
  writeFileSync('bench/README.md', `${before ?? ''}<!-- table -->\n\n${text}\n`)
}
