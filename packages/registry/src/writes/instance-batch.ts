import { invariant } from '@orrery/environment'
import type { TxnOpResult, TxnResult } from '@orrery/mvcc'
import type { Compare, TxnOp, TxnRequest } from '@orrery/store'
import { encodeNamespace, encodeRemovals, encodeService } from '../codec.ts'
import { escapeName, unescapeName } from '../keys.ts'
import type { RemovalReason, ServiceKey } from '../model.ts'
import { toNamespace, toService } from '../validate.ts'

/** One change of one instance, decided on what it was at `expected`. */
export interface InstanceWrite {
  readonly key: ServiceKey
  /** `<namespace>/<service>`, escaped. */
  readonly servicePath: string
  /** Escaped. */
  readonly idPath: string
  /** The revision that it has to be at; 0: it must not exist; undefined: it must exist. */
  readonly expected: number | undefined
  /** What it becomes, or why it goes. Undefined: it stays; only `expected` is looked at. */
  readonly outcome:
    | { readonly type: 'put'; readonly value: string }
    | { readonly type: 'remove'; readonly reason: RemovalReason }
    | undefined
  /** It is a judgement: only who has the right to judge may write it. */
  readonly fenced: boolean
  /**
   * The revision at which its service was created, so that it does not land in another one of the name; 0: there is
   * none, create it too; undefined: any will do.
   */
  readonly serviceCreated: number | undefined
}

/**
 * - `done`: at this revision
 * - `differs`: the instance is not at `expected`
 * - `noService`: there is no such service, or it has come while it was to be created */
export type WriteResult =
  | { readonly type: 'done'; readonly revision: number }
  | { readonly type: 'differs'; readonly revision: number }
  | { readonly type: 'noService'; readonly revision: number }

/** Writes of one service. */
interface Group {
  readonly first: InstanceWrite
  readonly positions: number[]
}

/**
 * The txn of a batch: each write is decided by the store by itself, so that one that comes too late takes no other
 * with it.
 *
 * ```text
 * if <fence> then
 *   if <namespace does not exist> then put it             for each that is to be created
 *   if <service exists> then                              or does not, where it is to be created: then put it, too
 *     put its removals, when something goes
 *     if <instance at the expected revision> then put or delete it
 * ```
 */
export class InstanceBatch {
  readonly #prefix: string
  readonly #writes: readonly InstanceWrite[]
  readonly #groups: readonly Group[]
  readonly #namespaces: readonly string[]

  constructor(prefix: string, writes: readonly InstanceWrite[]) {
    this.#prefix = prefix
    this.#writes = writes
    const groups = new Map<string, Group>()
    const namespaces = new Set<string>()
    writes.forEach((write, position) => {
      const name = `${String(write.serviceCreated)} ${write.servicePath}`
      const group = groups.get(name)
      if (group === undefined) groups.set(name, { first: write, positions: [position] })
      else group.positions.push(position)
      if (write.serviceCreated === 0) namespaces.add(write.key.namespace)
    })
    this.#groups = [...groups.values()]
    this.#namespaces = [...namespaces]
  }

  /** @param fence what has to hold for any of it to happen */
  request(fence: readonly Compare[] = []): TxnRequest {
    return {
      compare: fence,
      success: [
        ...this.#namespaces.map((name) => this.#ensureNamespace(name)),
        ...this.#groups.map((group) => this.#groupTxn(group)),
      ],
    }
  }

  /** @returns the result of each write, in their order; undefined: the fence did not hold */
  results({ succeeded, responses, revision }: TxnResult): readonly WriteResult[] | undefined {
    if (!succeeded) return undefined
    const results = new Array<WriteResult>(this.#writes.length)
    this.#groups.forEach((group, index) => {
      const answer = answerOf(responses[this.#namespaces.length + index])
      // What comes before the instances of a service is not looked at.
      const skipped = answer.responses.length - group.positions.length
      group.positions.forEach((position, at) => {
        if (!answer.succeeded) results[position] = { type: 'noService', revision }
        else {
          const { succeeded: isDone } = answerOf(answer.responses[skipped + at])
          results[position] = { type: isDone ? 'done' : 'differs', revision }
        }
      })
    })
    return results
  }

  #ensureNamespace(name: string): TxnOp {
    const key = `${this.#prefix}namespaces/${escapeName(name)}`
    return {
      type: 'txn',
      compare: [{ key, target: 'createRevision', result: 'equal', value: 0 }],
      success: [{ type: 'put', key, value: encodeNamespace(toNamespace(name, {})) }],
    }
  }

  #groupTxn(group: Group): TxnOp {
    const { servicePath, serviceCreated } = group.first
    const key = `${this.#prefix}services/${servicePath}`
    const result = serviceCreated === undefined ? 'notEqual' : 'equal'
    return {
      type: 'txn',
      compare: [{ key, target: 'createRevision', result, value: serviceCreated ?? 0 }],
      success: [...this.#headOf(group), ...group.positions.map((position) => this.#instanceTxn(position))],
    }
  }

  /** What comes before the instances of a service. */
  #headOf({ first, positions }: Group): readonly TxnOp[] {
    const { key, servicePath, serviceCreated } = first
    const head: TxnOp[] = []
    if (serviceCreated === 0) {
      const value = encodeService(toService(key, {}))
      head.push({ type: 'put', key: `${this.#prefix}services/${servicePath}`, value })
    }
    const removals = new Map<string, RemovalReason>()
    for (const position of positions) {
      const { outcome, idPath } = this.#writeAt(position)
      if (outcome?.type === 'remove') removals.set(unescapeName(idPath), outcome.reason)
    }
    if (removals.size > 0) {
      head.push({
        type: 'put',
        key: `${this.#prefix}removals/${servicePath}`,
        value: encodeRemovals(removals),
      })
    }
    return head
  }

  #instanceTxn(position: number): TxnOp {
    const { servicePath, idPath, expected, outcome } = this.#writeAt(position)
    const key = `${this.#prefix}instances/${servicePath}/${idPath}`
    const condition: Compare =
      expected === undefined
        ? { key, target: 'createRevision', result: 'notEqual', value: 0 }
        : { key, target: 'modRevision', result: 'equal', value: expected }
    const op: readonly TxnOp[] =
      outcome === undefined
        ? []
        : outcome.type === 'put'
          ? [{ type: 'put', key, value: outcome.value }]
          : [{ type: 'deleteRange', key }]
    return { type: 'txn', compare: [condition], success: op }
  }

  #writeAt(position: number): InstanceWrite {
    const write = this.#writes[position]
    invariant(write !== undefined, 'a group is made of writes of the batch')
    return write
  }
}

function answerOf(response: TxnOpResult | undefined): TxnResult {
  invariant(response?.type === 'txn', 'a nested txn answers as a txn')
  return response
}
