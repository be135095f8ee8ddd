import type { Random } from '@orrery/environment'
import { chance, pick } from './choose.ts'
import { randomBound, randomRange, randomRevision } from './keys.ts'
import type { Call, Knowledge } from './step.ts'
import type { Fields, FieldValue } from './wire.ts'

const orders = ['none', 'ascend', 'descend'] as const
const targets = ['key', 'version', 'create', 'mod', 'value'] as const
const bounds = ['min_mod_revision', 'max_mod_revision', 'min_create_revision', 'max_create_revision'] as const

/** A read with any combination of its options. */
export function generateRange(random: Random, knowledge: Knowledge): Call {
  const { fields, labels } = rangeFields(random, knowledge)
  return { method: 'Range', labels: labels.map((label) => `Range ${label}`), fields }
}

/** The fields of a read, for use alone and within a txn. */
export function rangeFields(
  random: Random,
  knowledge: Knowledge,
): { readonly fields: Fields; readonly labels: readonly string[] } {
  const { range, shape } = randomRange(random)
  const { revision, kind } = randomRevision(random, knowledge)
  const fields: Record<string, FieldValue> = { ...range, revision }
  const labels = [`shape ${shape}`, `revision ${kind}`]
  if (chance(random, 35)) {
    const order = random.below(orders.length)
    const target = random.below(targets.length)
    fields['sort_order'] = order
    fields['sort_target'] = target
    labels.push(`sort ${orders[order] ?? ''} by ${targets[target] ?? ''}`)
  }
  if (chance(random, 30)) {
    fields['limit'] = chance(random, 5) ? -1 : 1 + random.below(12)
    labels.push('limit')
  }
  if (chance(random, 15)) {
    fields['keys_only'] = true
    labels.push('keys_only')
  }
  if (chance(random, 10)) {
    fields['count_only'] = true
    labels.push('count_only')
  }
  if (chance(random, 20)) {
    for (let count = 1 + random.below(2); count > 0; count--) {
      const bound = pick(random, bounds)
      fields[bound] = randomBound(random, knowledge)
      labels.push(bound)
    }
  }
  if (chance(random, 20)) {
    fields['serializable'] = true
    labels.push('serializable')
  }
  return { fields, labels }
}
