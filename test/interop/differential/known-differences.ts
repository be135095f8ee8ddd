import { type Answer, type Method, methods } from './endpoint.ts'
import { normalise } from './normalise.ts'
import type { Place } from './pair.ts'
import { codecOf } from './schema.ts'
import type { Call } from './step.ts'
import type { SeenEvent } from './watch-session.ts'
import { printable } from './wire.ts'

type Fields = Readonly<Record<string, unknown>>

/** One request, both answers, and where the round stands. */
export interface Exchange {
  readonly call: Call
  /** The fields of the request as it was sent. */
  readonly asked: Fields
  readonly a: Answer
  readonly b: Answer
  readonly place: Place
}

/**
 * A difference that is meant: the reference is etcd 3.4.23, which Debian carries, and Orrery does as 3.6.14.
 * Each takes away as little as possible, and only from a server that has it.
 */
interface KnownDifference {
  readonly name: string
  readonly reason: string
  /** Whether this exchange cannot be compared at all. */
  readonly incomparable?: (exchange: Exchange) => boolean
  /** The response without what only one version has. */
  readonly strip?: (call: Call, response: Fields) => Fields
}

/**
 * The reviewed list of those that can be taken away. Others would part the servers for good, so the generator
 * leaves their cause out, and `directed.test.ts` has it by name:
 *
 * - a negative start revision of a watch: 3.4 creates the watcher and ends it, 3.6 refuses it;
 * - the id of a watcher that compaction has ended: etcd keeps it taken, Orrery frees it;
 * - what a key was before, of an event that is sent while that is compacted: {@link differenceOfEvents};
 * - what {@link partsServers} finds, and what `isDisputed` finds in damaged messages.
 */
export const knownDifferences: readonly KnownDifference[] = [
  {
    name: 'hash_revision',
    reason: '3.6 tells up to which revision it hashed; 3.4 has no such field',
    strip: (call, response) => (call.method === 'HashKV' ? without(response, 'hash_revision') : response),
  },
  {
    name: 'hash at the compacted revision',
    reason: '3.4 refuses it as compacted, 3.6 computes it',
    incomparable: ({ call, asked, place }) =>
      call.method === 'HashKV' && asked['revision'] === place.base + place.compacted,
  },
]

/** Whether both servers answered alike, known differences aside. */
export function sameAnswers(exchange: Exchange): boolean {
  const { call, asked, a, b } = exchange
  if (knownDifferences.some(({ incomparable }) => incomparable?.(exchange))) return true
  return (
    JSON.stringify(normalise(call, asked, stripped(call, a))) ===
    JSON.stringify(normalise(call, asked, stripped(call, b)))
  )
}

function stripped(call: Call, answer: Answer): Answer {
  if (!('response' in answer)) return answer
  let { response } = answer
  for (const { strip } of knownDifferences) response = strip?.(call, response) ?? response
  return { ...answer, response }
}

function without(fields: Fields, name: string): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([field]) => field !== name))
}

type Control = Readonly<Record<string, unknown>>

/** Whether two responses without events are alike. */
export function sameControls(a: Control, b: Control): boolean {
  return JSON.stringify(withoutIdentity(a)) === JSON.stringify(withoutIdentity(b))
}

function withoutIdentity(control: Control): Control {
  const { revision } = (control['header'] ?? {}) as { readonly revision?: string }
  return { ...control, header: { revision } }
}

/** The deletion that compaction may have removed, from the view of one watcher. Undefined: no such. */
export type DisputedDeletion = { readonly revision: number } | undefined

/**
 * What is different about the events of one watcher; undefined when nothing is.
 *
 * @param disputed a deletion at exactly the compacted revision is kept since 3.4.34 and 3.5.16, so that a
 * watch from there on sees it; earlier versions removed it
 * @param compacted the newest revision at which anything was compacted. etcd looks up what a key was before when it
 * sends the event, and leaves it out when a compaction has come first: whether it does is chance
 */
export function differenceOfEvents(
  a: readonly SeenEvent[],
  b: readonly SeenEvent[],
  { disputed, compacted }: { readonly disputed: DisputedDeletion; readonly compacted: number },
): string | undefined {
  const counts = ({ revision, isDeletion }: SeenEvent): boolean =>
    !isDeletion || revision !== disputed?.revision
  const [left, right] = [a.filter(counts), b.filter(counts)]
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    if (!sameEvent(left[index], right[index], compacted)) {
      return `  event ${index}: ${printable(left[index])}\n  event ${index}: ${printable(right[index])}`
    }
  }
  return undefined
}

function sameEvent(a: SeenEvent | undefined, b: SeenEvent | undefined, compacted: number): boolean {
  if (JSON.stringify(a) === JSON.stringify(b)) return true
  if (a === undefined || b === undefined || a.revision > compacted) return false
  const [left, right] = [a.event as Fields, b.event as Fields]
  const isLeftOut = left['prev_kv'] === undefined || right['prev_kv'] === undefined
  const withoutPrevKv = ({ revision, isDeletion, event }: SeenEvent): string =>
    JSON.stringify({ revision, isDeletion, event: without(event as Fields, 'prev_kv') })
  return isLeftOut && withoutPrevKv(a) === withoutPrevKv(b)
}

/** Numbers of the sort orders and sort targets that exist. */
const sortMax = { order: 2, target: 4 } as const

/**
 * Whether a request must not be sent, because the servers would part for good:
 *
 * - a sort order out of range: 3.4 takes it for none, 3.6 refuses the request;
 * - a sort target out of range: 3.4 sorts with a comparer that is nil, and dies;
 * - a txn that deletes all keys from one on and puts one with a flag that needs it to exist: both versions
 *   take such a deletion for an empty range when they look for duplicate keys, and die of the missing key.
 */
export function partsServers(method: Method, request: Uint8Array): boolean {
  if (method !== 'Range' && method !== 'Txn') return false
  let message: string
  try {
    message = JSON.stringify(codecOf(`${methods[method].message}Request`).decode(request))
  } catch {
    return false
  }
  for (const [, option, value] of message.matchAll(/"sort_(order|target)":(-?\d+)/g)) {
    const max = option === 'order' ? sortMax.order : sortMax.target
    if (Number(value) < 0 || Number(value) > max) return true
  }
  const openEnd = `"range_end":"${Buffer.from('\0').toString('base64')}"`
  return method === 'Txn' && message.includes(openEnd) && /"ignore_(value|lease)":true/.test(message)
}
