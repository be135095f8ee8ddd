import { setTimeout as wait } from 'node:timers/promises'
import { megabytes } from './comparison.ts'
import { residentBytes } from './process-usage.ts'
import { startRawClient } from './raw-client-process.ts'
import { median, type Row, type Scenario } from './report.ts'
import { type ServerProcess, withReferenceAndEtcd } from './servers.ts'

const shape = { connections: 100, streams: 10_000 }
const turns = 3
/** So long a process may give back what it needed only to open the streams. */
const settleMs = 3_000
const goal = 0.5

/** What watch streams cost on which nothing happens. */
export const idleWatches: Scenario = {
  name: 'idle',
  run: async () => {
    const ours: Residence[] = []
    const theirs: Residence[] = []
    for (let turn = 0; turn < turns; turn++) {
      await withReferenceAndEtcd(async (sides) => {
        ours.push(await residenceOf(sides.ours))
        if (sides.peer !== undefined) theirs.push(await residenceOf(sides.peer))
      })
    }
    return [rowOf(ours, theirs)]
  },
}

/** Resident memory of a server without and with the streams. Unit: bytes. */
interface Residence {
  readonly bare: number
  readonly full: number
}

async function residenceOf({ endpoint, pids }: ServerProcess): Promise<Residence> {
  const bare = residentBytes(pids)
  const client = startRawClient()
  await client.perform({ type: 'watch', endpoint, ...shape, keys: 'own' })
  await wait(settleMs)
  const full = residentBytes(pids)
  client.stop()
  return { bare, full }
}

function rowOf(ours: readonly Residence[], theirs: readonly Residence[]): Row {
  const what =
    'resident memory of the process with 10,000 idle watch streams, 100 connections x 100 streams, beside etcd 3.4.23'
  const text = `<= ${goal} x`
  if (theirs.length === 0) return { what, ours: cell(ours), goal: text, peer: 'etcd is not installed' }
  const ratio = median(ours.map(({ full }, turn) => full / (theirs[turn]?.full ?? Number.NaN)))
  return {
    what,
    ours: `${cell(ours)}, ${ratio.toFixed(2)} x`,
    goal: text,
    peer: cell(theirs),
    reached: ratio <= goal,
  }
}

function cell(residences: readonly Residence[]): string {
  const [full, bare] = [
    median(residences.map(({ full }) => full)),
    median(residences.map(({ bare }) => bare)),
  ]
  return `${megabytes(full)} (${megabytes(bare)} without)`
}
