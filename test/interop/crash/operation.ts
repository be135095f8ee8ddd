import { CodedError } from '@orrery/environment'
import type { Store, TxnOp } from '@orrery/store'

/**
 * A write, as JSON. Each is one entry of the store's log, so that the index of the last entry tells which of a
 * list of operations a store holds.
 */
export type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: Value; readonly lease?: string }
  | { readonly type: 'delete'; readonly key: string; readonly rangeEnd?: string }
  /** Writes and deletes several keys, others when `guard` does not exist. */
  | {
      readonly type: 'txn'
      readonly guard: string
      readonly puts: readonly string[]
      readonly deletes: readonly string[]
      readonly value: Value
    }
  | { readonly type: 'grant'; readonly lease: string }
  | { readonly type: 'revoke'; readonly lease: string }
  | { readonly type: 'compact'; readonly revision: number; readonly physical: boolean }
  | { readonly type: 'alarm'; readonly action: 'activate' | 'deactivate' }

/** A text that is unlike any other, repeated up to a length. */
interface Value {
  readonly text: string
  readonly bytes: number
}

/** No lease ends by itself in a test. Below the interval of checkpoints, which are entries of the log, too. */
const leaseTtlMs = 250_000
/** Of no store: alarms must not depend on who raises them. */
const alarmMember = 7n

/**
 * Performs an operation. The entry has its place in the log when this returns, before it is awaited.
 *
 * @returns the answer as far as the order of the log determines it, or the code of the refusal
 */
export async function perform(store: Store, operation: Operation): Promise<string> {
  try {
    return await answerOf(store, operation)
  } catch (error) {
    if (!(error instanceof CodedError) || error.code === 'STORE_FAILED') throw error
    return String(error.code)
  }
}

async function answerOf(store: Store, operation: Operation): Promise<string> {
  switch (operation.type) {
    case 'put': {
      const { key, value, lease = '0' } = operation
      const { revision } = await store.put({ key, value: bytesOf(value), lease: BigInt(lease) })
      return `revision ${revision}`
    }
    case 'delete': {
      const { revision, deleted } = await store.deleteRange(operation)
      return `revision ${revision}, ${deleted} deleted`
    }
    case 'txn': {
      const { revision, succeeded } = await store.txn(toTxn(operation))
      return `revision ${revision}, ${succeeded ? 'success' : 'failure'}`
    }
    case 'grant': {
      const { id } = await store.leases.grant({ id: BigInt(operation.lease), ttlMs: leaseTtlMs })
      return `lease ${id}`
    }
    case 'revoke':
      await store.leases.revoke(BigInt(operation.lease))
      return 'revoked'
    case 'compact':
      await store.compact(operation)
      return 'compacted'
    case 'alarm': {
      const alarms = await store.alarms[operation.action]({ memberId: alarmMember, type: 'noSpace' })
      return `${alarms.length} alarms`
    }
  }
}

function toTxn({ guard, puts, deletes, value }: Extract<Operation, { type: 'txn' }>) {
  const write = (key: string): TxnOp => ({ type: 'put', key, value: bytesOf(value) })
  const remove = (key: string): TxnOp => ({ type: 'deleteRange', key })
  return {
    compare: [{ target: 'version', key: guard, result: 'greater', value: 0 }] as const,
    success: [...puts.map(write), ...deletes.map(remove)],
    failure: [...deletes.map(write), ...puts.map(remove)],
  }
}

function bytesOf({ text, bytes }: Value): Uint8Array {
  return Buffer.alloc(bytes, text)
}
