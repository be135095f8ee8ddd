import type { Random } from '@orrery/environment'
import { chance, pick, weighted } from './choose.ts'
import { generateRange, rangeFields } from './generate-range.ts'
import { deleteFields, putFields, unknownLease } from './generate-write.ts'
import { randomBound, randomKey, randomRange, randomValue } from './keys.ts'
import type { Call, Knowledge } from './step.ts'
import type { Fields, FieldValue } from './wire.ts'

const results = ['equal', 'greater', 'less', 'not-equal'] as const
const targets = ['version', 'create', 'mod', 'value', 'lease'] as const
type Target = (typeof targets)[number]

/** Numbers that stand for no result and no target. */
const unknownNumbers = [5, 7, -1, 2 ** 31 - 1] as const

/** Labels of everything that went into one txn. */
type Labels = Set<string>

/** A txn of any shape: comparisons, operations of all kinds, nested txns. */
export function generateTxn(random: Random, knowledge: Knowledge): Call {
  const labels: Labels = new Set()
  const fields = txnFields(random, knowledge, labels, 0)
  return { method: 'Txn', labels: [...labels].map((label) => `Txn ${label}`), fields }
}

/** A txn that only reads, as many of them as one round trip may carry. */
export function generateReadTxn(random: Random, knowledge: Knowledge): Call {
  const ops: Fields[] = []
  for (let count = 1 + random.below(40); count > 0; count--) {
    // Most read the present, else one revision out of bounds would refuse all.
    const { fields } = generateRange(random, knowledge)
    const present = chance(random, 97) ? { ...fields, revision: 0 } : fields
    ops.push({ request_range: present })
  }
  const compare = chance(random, 50) ? [compareFields(random, knowledge, new Set())] : []
  return {
    method: 'Txn',
    labels: ['Txn read-only'],
    fields: { compare, success: ops, failure: ops.slice(0, 3) },
  }
}

function txnFields(random: Random, knowledge: Knowledge, labels: Labels, depth: number): Fields {
  labels.add(`depth ${depth}`)
  const compare: Fields[] = []
  for (let count = random.below(4); count > 0; count--) compare.push(compareFields(random, knowledge, labels))
  const branch = (): Fields[] => {
    const ops: Fields[] = []
    for (let count = random.below(depth === 0 ? 6 : 3); count > 0; count--) {
      ops.push(txnOp(random, knowledge, labels, depth))
    }
    return ops
  }
  return { compare, success: branch(), failure: branch() }
}

function txnOp(random: Random, knowledge: Knowledge, labels: Labels, depth: number): Fields {
  const kind = weighted(random, [
    [30, 'range'],
    [40, 'put'],
    [8, 'delete'],
    [depth < 3 ? 10 : 0, 'txn'],
  ])
  labels.add(`op ${kind}`)
  switch (kind) {
    case 'range': {
      const { fields, labels: found } = rangeFields(random, knowledge)
      for (const label of found) if (label.startsWith('revision')) labels.add(`range ${label}`)
      return { request_range: fields }
    }
    case 'put': {
      const { fields } = putFields(random, knowledge)
      return { request_put: chance(random, 1) ? { ...fields, lease: unknownLease } : fields }
    }
    case 'delete':
      return { request_delete_range: deleteFields(random).fields }
    default:
      return { request_txn: txnFields(random, knowledge, labels, depth + 1) }
  }
}

/** A comparison of one key or a range of keys. */
export function compareFields(random: Random, knowledge: Knowledge, labels: Labels): Fields {
  const target = pick(random, targets)
  const result = chance(random, 3) ? pick(random, unknownNumbers) : random.below(results.length)
  const targetNumber = chance(random, 2) ? pick(random, unknownNumbers) : targets.indexOf(target)
  const fields: Record<string, FieldValue> = {
    result,
    target: targetNumber,
    key: randomKey(random),
    ...expected(random, knowledge, target),
  }
  labels.add(`compare ${targets[targetNumber] ?? 'unknown'} ${results[result] ?? 'unknown'}`)
  if (chance(random, 20)) {
    const { range, shape } = randomRange(random)
    labels.add(`compare range ${shape}`)
    return { ...fields, ...range }
  }
  return fields
}

function expected(random: Random, knowledge: Knowledge, target: Target): Fields {
  // The union's member need not fit the target, or be there at all.
  if (chance(random, 2)) return {}
  switch (chance(random, 98) ? target : pick(random, targets)) {
    case 'version':
      return { version: random.below(4) }
    case 'create':
      return { create_revision: chance(random, 50) ? 0 : randomBound(random, knowledge) }
    case 'mod':
      return { mod_revision: chance(random, 30) ? 0 : randomBound(random, knowledge) }
    case 'value':
      return { value: randomValue(random) }
    case 'lease':
      return { lease: knowledge.leases.length > 0 && chance(random, 60) ? pick(random, knowledge.leases) : 0 }
  }
}
