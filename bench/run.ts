// The benchmark suite. Each scenario runs in a process of its own; the table goes to the console, and with
// --write into bench/README.md. `npm run bench -- unary put` runs some of them.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { isInstalled } from './suite/etcd-peer.ts'
import { replicatedPut } from './suite/cluster.ts'
import { configInProcess, configMemory } from './suite/config.ts'
import { configPolls } from './suite/config-polls.ts'
import { manyConnections } from './suite/connections.ts'
import { eurekaOverHttp } from './suite/eureka.ts'
import { failover } from './suite/failover.ts'
import { watchFanOutOverGrpc } from './suite/fanout.ts'
import { idleWatches } from './suite/idle.ts'
import { keepAliveMessages } from './suite/keepalive.ts'
import { latencyOfOne } from './suite/latency.ts'
import { memoryOfKeys } from './suite/memory.ts'
import { mixedCalls } from './suite/mixed.ts'
import { mvccOnLmdb } from './suite/mvcc.ts'
import { memberProcesses } from './suite/processes.ts'
import { durablePutOverGrpc } from './suite/put.ts'
import { rangeOverGrpc } from './suite/range.ts'
import { registryInProcess } from './suite/registry.ts'
import { memoryOfInstances } from './suite/registry-memory.ts'
import { type Row, type Scenario, table } from './suite/report.ts'
import { snapshotTurns } from './suite/snapshot.ts'
import { durablePut } from './suite/store.ts'
import { steady } from './suite/steady.ts'
import { longestTurns } from './suite/turns.ts'
import { emptyUnary } from './suite/unary.ts'
import { largeValues } from './suite/values.ts'
import { watchFanOut } from './suite/watch.ts'

const scenarios: readonly Scenario[] = [
  mvccOnLmdb,
  watchFanOut,
  durablePut,
  replicatedPut,
  emptyUnary,
  durablePutOverGrpc,
  rangeOverGrpc,
  latencyOfOne,
  watchFanOutOverGrpc,
  keepAliveMessages,
  manyConnections,
  largeValues,
  mixedCalls,
  idleWatches,
  memoryOfKeys,
  longestTurns,
  memberProcesses,
  failover,
  steady,
  snapshotTurns,
  registryInProcess,
  memoryOfInstances,
  eurekaOverHttp,
  configInProcess,
  configMemory,
  configPolls,
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
const unknown = asked.filter((asked) => !scenarios.some(({ name }) => name === asked))
if (unknown.length > 0) throw new Error(`there is no scenario ${unknown.join(', ')}`)
const rows: Row[] = []
for (const { name, needs = [] } of scenarios) {
  if (asked.length > 0 && !asked.includes(name)) continue
  const absent = needs.filter((program) => !isInstalled(program))
  if (absent.length > 0) {
    rows.push({ what: `\`${name}\``, ours: `not measured: ${absent.join(' and ')} is not installed` })
    continue
  }
  process.stderr.write(`${name} …\n`)
  rows.push(...rowsOf(name))
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

/** Runs a scenario in a process of its own. One that fails is a line of the table: the others are worth having. */
function rowsOf(name: string): readonly Row[] {
  const child = spawnSync(process.execPath, [...process.execArgv, 'bench/run.ts', marker + name], {
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 24,
  })
  if (child.status === 0) return JSON.parse(child.stdout.toString()) as Row[]
  process.exitCode = 1
  return [{ what: `\`${name}\``, ours: 'failed', reached: false }]
}
