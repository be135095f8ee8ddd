import type { Random } from '@orrery/environment'
import { chance, pick } from './choose.ts'
import { randomKey, randomRange, randomValue } from './keys.ts'
import type { Call, Knowledge } from './step.ts'
import type { Fields, FieldValue } from './wire.ts'

/** A lease that nobody granted. */
export const unknownLease = 404_404n

/** A write of one key. */
export function generatePut(random: Random, knowledge: Knowledge): Call {
  const { fields, labels } = putFields(random, knowledge)
  return { method: 'Put', labels: labels.map((label) => `Put ${label}`), fields }
}

/** The fields of a write, for use alone and within a txn. */
export function putFields(
  random: Random,
  knowledge: Knowledge,
): { readonly fields: Fields; readonly labels: readonly string[] } {
  const fields: Record<string, FieldValue> = { key: randomKey(random) }
  const labels = ['any']
  if (chance(random, 15)) {
    fields['ignore_value'] = true
    labels.push('ignore_value')
  } else {
    fields['value'] = randomValue(random)
  }
  if (chance(random, 10)) {
    fields['ignore_lease'] = true
    labels.push('ignore_lease')
  } else if (knowledge.leases.length > 0 && chance(random, 25)) {
    fields['lease'] = pick(random, knowledge.leases)
    labels.push('lease')
  }
  if (chance(random, 25)) {
    fields['prev_kv'] = true
    labels.push('prev_kv')
  }
  return { fields, labels }
}

/** A deletion of one key or a range. */
export function generateDelete(random: Random): Call {
  const { fields, labels } = deleteFields(random)
  return { method: 'DeleteRange', labels: labels.map((label) => `DeleteRange ${label}`), fields }
}

/** The fields of a deletion, for use alone and within a txn. */
export function deleteFields(random: Random): {
  readonly fields: Fields
  readonly labels: readonly string[]
} {
  // Deleting much leaves little to compare: ranges that cover everything are rare.
  let { range, shape } = randomRange(random)
  while ((shape === 'everything' || shape === 'from-key') && chance(random, 80)) {
    ;({ range, shape } = randomRange(random))
  }
  const labels = [`shape ${shape}`]
  if (!chance(random, 40)) return { fields: { ...range }, labels }
  return { fields: { ...range, prev_kv: true }, labels: [...labels, 'prev_kv'] }
}
