import type { Random } from '@orrery/environment'
import type { Operation } from './operation.ts'

/** What the next operations depend on. */
export interface Situation {
  readonly revision: number
  /** Leases that exist. The source removes those that it revokes. */
  readonly leases: Set<string>
}

/** An endless mix of writes that a seed determines, apart from what it is told of the store. */
export interface OperationSource {
  next(situation: Situation): Operation
}

export interface SourceOptions {
  /** Keys that are written. */
  readonly keys: number
  /** Unit: bytes. */
  readonly valueMaxBytes: number
}

/** How often each kind comes, in parts of their sum. */
const shares = { put: 55, delete: 10, txn: 15, grant: 6, revoke: 3, compact: 2, alarm: 1 } as const

/** Creates a source whose values begin with `name`. */
export function createOperationSource(name: string, random: Random, options: SourceOptions): OperationSource {
  let written = 0
  const keyOf = (n: number): string => `key/${String(n).padStart(3, '0')}`
  const key = (): string => keyOf(random.below(options.keys))
  const keys = (max: number): string[] => Array.from({ length: random.below(max) + 1 }, key)
  const value = () => ({ text: `${name}.${written++} `, bytes: random.below(options.valueMaxBytes) + 12 })

  const put = ({ leases }: Situation): Operation => {
    const lease = random.below(4) === 0 ? pick(random, [...leases]) : undefined
    return { type: 'put', key: key(), value: value(), ...(lease !== undefined && { lease }) }
  }
  const txn = (): Operation => {
    // A txn may change a key only once.
    const chosen = [...new Set(keys(8))]
    const half = Math.ceil(chosen.length / 2)
    const [puts, deletes] = [chosen.slice(0, half), chosen.slice(half)]
    return { type: 'txn', guard: key(), puts, deletes, value: value() }
  }
  const revoke = (situation: Situation): Operation => {
    const lease = pick(random, [...situation.leases])
    if (lease === undefined) return put(situation)
    situation.leases.delete(lease)
    return { type: 'revoke', lease }
  }
  const remove = (): Operation => {
    const at = random.below(options.keys)
    if (random.below(3) > 0) return { type: 'delete', key: keyOf(at) }
    return { type: 'delete', key: keyOf(at), rangeEnd: keyOf(at + 1 + random.below(4)) }
  }

  const ofKind = (kind: keyof typeof shares, situation: Situation): Operation => {
    switch (kind) {
      case 'put':
        return put(situation)
      case 'delete':
        return remove()
      case 'txn':
        return txn()
      case 'grant':
        return { type: 'grant', lease: random.id63().toString() }
      case 'revoke':
        return revoke(situation)
      case 'compact':
        // Now and then one that is refused: beyond the present, or behind the last one.
        return {
          type: 'compact',
          revision: Math.max(1, situation.revision + 3 - random.below(60)),
          physical: random.below(2) === 0,
        }
      case 'alarm':
        // While it is active, writes are refused: rather off than on.
        return { type: 'alarm', action: random.below(8) === 0 ? 'activate' : 'deactivate' }
    }
  }
  return { next: (situation) => ofKind(kindOf(random), situation) }
}

function kindOf(random: Random): keyof typeof shares {
  const kinds = Object.entries(shares) as [keyof typeof shares, number][]
  let at = random.below(kinds.reduce((sum, [, share]) => sum + share, 0))
  for (const [kind, share] of kinds) {
    at -= share
    if (at < 0) return kind
  }
  return 'put'
}

function pick<T>(random: Random, list: readonly T[]): T | undefined {
  return list.length === 0 ? undefined : list[random.below(list.length)]
}
