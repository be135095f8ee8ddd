import type { Random } from '@orrery/environment'
import { weighted } from './choose.ts'
import { generateLarge, generateRefused } from './generate-invalid.ts'
import { generateGrant, generateLeaseRead, generateRevoke } from './generate-lease.ts'
import { generateRange } from './generate-range.ts'
import { generateReadTxn, generateTxn } from './generate-txn.ts'
import { generateWatch } from './generate-watch.ts'
import { generateDelete, generatePut } from './generate-write.ts'
import { randomRevision } from './keys.ts'
import type { Call, Knowledge, Spoil, Step } from './step.ts'
import { relative } from './wire.ts'

/** Most requests that run at once on one server. */
const readsMax = 24
const watchersMax = 60
const leasesMax = 12

/** The next step, at random, with the present state in mind. */
export function generateStep(random: Random, knowledge: Knowledge): Step {
  return weighted<() => Step>(random, [
    [160, () => ({ type: 'reads', calls: generateReads(random, knowledge) })],
    [800, () => ({ type: 'write', call: generateWrite(random, knowledge) })],
    [knowledge.watchers.length < watchersMax ? 30 : 0, () => generateWatch(random, knowledge)],
    [4, () => ({ type: 'barrier' })],
  ])()
}

function generateReads(random: Random, knowledge: Knowledge): readonly Call[] {
  const calls: Call[] = []
  for (let count = 1 + random.below(readsMax); count > 0; count--) {
    calls.push(
      weighted<() => Call>(random, [
        [100, () => generateRange(random, knowledge)],
        [12, () => generateReadTxn(random, knowledge)],
        [25, () => generateLeaseRead(random, knowledge)],
        [8, () => generateHash(random, knowledge)],
        [50, () => generateRefused(random, knowledge)],
        [10, () => spoil(random, generateRange(random, knowledge))],
      ])(),
    )
  }
  return calls
}

function generateWrite(random: Random, knowledge: Knowledge): Call {
  return weighted<() => Call>(random, [
    [400, () => generatePut(random, knowledge)],
    [100, () => generateDelete(random)],
    [220, () => generateTxn(random, knowledge)],
    [knowledge.leases.length < leasesMax ? 20 : 2, () => generateGrant(random)],
    [8, () => generateRevoke(random, knowledge)],
    [4, () => generateCompact(random, knowledge)],
    [20, () => spoil(random, generateWrite(random, knowledge))],
    [1, () => generateLarge(random)],
  ])()
}

/** Physical: the answer comes when the space is free, so that both servers are in the same state. */
function generateCompact(random: Random, { revision, compacted }: Knowledge): Call {
  const target = compacted + 1 + random.below(Math.max(1, revision - compacted))
  return { method: 'Compact', labels: ['Compact'], fields: { revision: relative(target), physical: true } }
}

function generateHash(random: Random, knowledge: Knowledge): Call {
  const { revision, kind } = randomRevision(random, knowledge)
  return { method: 'HashKV', labels: [`HashKV revision ${kind}`], fields: { revision } }
}

/** The same request with damaged bytes: mostly refused, sometimes another valid request. */
function spoil(random: Random, call: Call): Call {
  // The large ones are expensive, and a damaged grant or compaction could reach beyond its round.
  if (call.spoil !== undefined || !['Range', 'Put', 'DeleteRange', 'Txn'].includes(call.method)) return call
  const how = weighted<Spoil>(random, [
    [3, { type: 'truncate', keepRatio: random.float() }],
    [3, { type: 'flip', atRatio: random.float(), bit: random.below(8) }],
    // An unknown field of each wire type: to be skipped.
    [1, { type: 'append', bytes: Buffer.from('c03e07', 'hex') }],
    [1, { type: 'append', bytes: Buffer.from('c23e03616263', 'hex') }],
    [1, { type: 'append', bytes: Buffer.from('c53e01020304', 'hex') }],
    [1, { type: 'append', bytes: Buffer.from('c13e0102030405060708', 'hex') }],
    // The key once more: the last one counts.
    [2, { type: 'append', bytes: Buffer.from('0a0161', 'hex') }],
    // A varint longer than need be, and one that is cut.
    [1, { type: 'append', bytes: Buffer.from('c03e8780808000', 'hex') }],
    [1, { type: 'append', bytes: Buffer.from('c03eff', 'hex') }],
  ])
  return { ...call, labels: [`damaged ${call.method}: ${how.type}`], spoil: how }
}
