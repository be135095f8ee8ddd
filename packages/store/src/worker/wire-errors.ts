import { InvariantError } from '@orrery/environment'
import { LeaseError, type LeaseErrorCode } from '@orrery/lease'
import { MvccError, type MvccErrorCode } from '@orrery/mvcc'
import { NodeError, type NodeErrorCode, TransportError, type TransportErrorCode } from '@orrery/raft-node'
import { WalError, type WalErrorCode } from '@orrery/wal'
import { StoreError, type StoreErrorCode } from '../errors.ts'

/** An error on its way to another thread. */
export interface WireError {
  readonly name: string
  readonly message: string
  readonly stack: string | undefined
  /** What else it has that can travel, such as its code. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly cause: WireError | undefined
}

/** Causes of causes beyond so many are left out. */
const depthMax = 8

/** What is thrown, for another thread. */
export function toWireError(error: unknown, depth = 0): WireError {
  if (!(error instanceof Error)) {
    return { name: 'Error', message: String(error), stack: undefined, fields: {}, cause: undefined }
  }
  const fields = Object.entries(error).flatMap(([key, value]: [string, unknown]) =>
    key === 'name' || key === 'cause' ? [] : [[key, toCloneable(value)] as const],
  )
  return {
    name: error.name,
    message: error.message,
    stack: error.stack,
    fields: Object.fromEntries(fields),
    cause: error.cause === undefined || depth === depthMax ? undefined : toWireError(error.cause, depth + 1),
  }
}

/** The error again, of its class where the class is known here. Its stack is that of the thread it comes from. */
export function fromWireError({ name, message, stack, fields, cause }: WireError): Error {
  const options = cause === undefined ? {} : { cause: fromWireError(cause) }
  const code = typeof fields['code'] === 'string' ? fields['code'] : ''
  const revive = classes.get(name) ?? ((_code, text, more) => Object.assign(new Error(text, more), { name }))
  const error = revive(code, message.replace(`${code}: `, ''), options)
  error.message = message
  if (stack !== undefined) error.stack = stack
  return Object.assign(error, fields)
}

/** What can be copied to another thread, else what it looks like. */
export function toCloneable(value: unknown): unknown {
  if (value instanceof Error) return value.message
  try {
    return structuredClone(value)
  } catch {
    return String(value)
  }
}

type Revive = (code: string, message: string, options: ErrorOptions) => Error

// A code comes from an instance of the same class in the other thread.
const classes: ReadonlyMap<string, Revive> = new Map<string, Revive>([
  ['StoreError', (code, message, options) => new StoreError(code as StoreErrorCode, message, options)],
  ['MvccError', (code, message, options) => new MvccError(code as MvccErrorCode, message, options)],
  ['LeaseError', (code, message, options) => new LeaseError(code as LeaseErrorCode, message, options)],
  ['NodeError', (code, message, options) => new NodeError(code as NodeErrorCode, message, options)],
  [
    'TransportError',
    (code, message, options) => new TransportError(code as TransportErrorCode, message, options),
  ],
  ['WalError', (code, message, options) => new WalError(code as WalErrorCode, message, options)],
  ['InvariantError', (_code, message, options) => new InvariantError(message, options)],
  ['RangeError', (_code, message, options) => new RangeError(message, options)],
  ['TypeError', (_code, message, options) => new TypeError(message, options)],
])
