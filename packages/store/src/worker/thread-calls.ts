import type { MessagePort } from 'node:worker_threads'
import type { Logger } from '@orrery/environment'
import type { TxnOp as CoreOp } from '@orrery/mvcc'
import { StoreError } from '../errors.ts'
import type { FieldReader } from '../field-reader.ts'
import { closedError, Lifecycle } from '../lifecycle.ts'
import type { Alarm, CallOptions, ReadOptions } from '../store.ts'
import { BatchedPort, type BatchReader } from './batched-port.ts'
import { writeLine } from './log-forwarder.ts'
import { OperationEncoder } from './operations.ts'
import type { PlainArgument, PlainCallName, PlainResult } from './plain-calls.ts'
import { resultReaders } from './results.ts'
import { callFlags, callsMax, hostItems, type ReaderCommand, threadItems } from './wire.ts'
import { fromWireError, type WireError } from './wire-errors.ts'

/** What the host's end of the wire needs. */
export interface ThreadCallsParts {
  readonly port: MessagePort
  readonly logger: Logger
}

type ResultReaders = typeof resultReaders
type OperationResult<Type extends CoreOp['type']> = ReturnType<ResultReaders[Type]>

/** A call that the thread has not answered. Its caller may have gone; the answer is read all the same. */
interface PendingCall {
  readonly settle: (batch: BatchReader) => void
  readonly reject: (error: Error) => void
}

/** The host's end of the wire to a store in another thread: sends calls, and settles them. */
export class ThreadCalls {
  readonly lifecycle = new Lifecycle()
  /** Resolves when the store is open. */
  readonly opened: Promise<void>
  readonly #port: BatchedPort
  readonly #logger: Logger
  readonly #encoder = new OperationEncoder()
  readonly #pending = new Map<number, PendingCall>()
  #lastId = 0
  #alarms: readonly Alarm[] = []
  #logged = 0
  #failure: StoreError | undefined
  #settleOpened: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined

  constructor({ port, logger }: ThreadCallsParts) {
    this.#logger = logger
    this.opened = new Promise((resolve, reject) => {
      this.#settleOpened = { resolve, reject }
    })
    this.#port = new BatchedPort(port)
    this.#port.listen((batch) => {
      while (!batch.done) this.#take(batch)
      this.#acknowledgeLog()
    })
  }

  /** As the thread told them last. */
  get alarms(): readonly Alarm[] {
    return this.#alarms
  }

  /** One of the calls that make up most of the traffic. */
  async operation<Op extends CoreOp>(
    operation: Op,
    options: ReadOptions = {},
  ): Promise<OperationResult<Op['type']>> {
    this.#require(options)
    const bytes = this.#encoder.encode(operation)
    const [id, to] = this.#begin(hostItems.operation)
    to.byte(toFlags(options))
    to.bytes(bytes)
    return await this.#wait(
      id,
      resultReaders[operation.type] as (from: FieldReader) => OperationResult<Op['type']>,
      options,
    )
  }

  /** Any other call. */
  async call<Name extends PlainCallName>(
    name: Name,
    argument: PlainArgument<Name>,
    options: ReadOptions = {},
  ): Promise<PlainResult<Name>> {
    this.#require(options)
    return (await this.#call(name, argument, options)) as PlainResult<Name>
  }

  /** Resolves when the cluster knows of the member. */
  async published(): Promise<void> {
    await this.#call('published', undefined)
  }

  /** Closes the store. Resolves when it is closed, or there is nothing left to close. */
  async close(): Promise<void> {
    this.lifecycle.close()
    try {
      if (this.#failure === undefined) await this.#call('close', undefined)
    } catch (error) {
      this.#logger.warn('the store did not close in good order', { error })
    }
    this.lifecycle.closed()
    this.#rejectAll(closedError())
    this.#port.close()
  }

  /** Changes what there is to {@link pull} from. */
  reader(command: ReaderCommand): void {
    const copy = structuredClone(command)
    this.#port.item(hostItems.reader)
    this.#port.value(copy)
  }

  /** The next part of a reader; undefined at its end. */
  async pull<T>(
    reader: number,
    read: (from: FieldReader) => T,
    options: CallOptions = {},
  ): Promise<T | undefined> {
    options.signal?.throwIfAborted()
    if (this.lifecycle.state === 'closed') throw closedError()
    this.lifecycle.requireNoFailure()
    const [id, to] = this.#begin(hostItems.pull)
    to.number(reader)
    return await this.#wait(id, (batch) => (batch.byte() === 1 ? read(batch) : undefined), options)
  }

  /** The thread has ended: nothing is answered any more. */
  fail(cause: unknown): void {
    if (this.lifecycle.state === 'closed') return
    const why = cause instanceof Error ? cause.message : String(cause)
    const failure = this.lifecycle.fail(
      new StoreError('STORE_FAILED', `the thread of the store has ended: ${why}`, { cause }),
    )
    if (failure === undefined) return
    this.#failure = failure
    this.#settleOpened?.reject(failure)
    this.#rejectAll(failure)
  }

  /** Why nothing is answered any more. */
  get failure(): StoreError | undefined {
    return this.#failure
  }

  /** @throws StoreError `STORE_CLOSED`, `STORE_FAILED` */
  requireServed(): void {
    this.lifecycle.requireOpen()
    this.lifecycle.requireNoFailure()
  }

  #require({ signal }: CallOptions): void {
    signal?.throwIfAborted()
    this.requireServed()
    if (this.#pending.size < callsMax) return
    throw new StoreError('STORE_TOO_MANY_REQUESTS', `${callsMax} calls wait for the thread of the store`)
  }

  #call(
    name: PlainCallName | 'published' | 'close',
    argument: unknown,
    options: ReadOptions = {},
  ): Promise<unknown> {
    // What cannot be copied is refused here, and not together with all that is sent in this turn.
    const copy: unknown = structuredClone(argument)
    const [id, to] = this.#begin(hostItems.call)
    to.byte(toFlags(options))
    this.#port.value([name, copy])
    return this.#wait(id, (batch) => batch.value(), options)
  }

  #begin(kind: number): readonly [id: number, to: ReturnType<BatchedPort['item']>] {
    const to = this.#port.item(kind)
    const id = ++this.#lastId
    to.number(id)
    return [id, to]
  }

  #wait<T>(id: number, read: (batch: BatchReader) => T, { signal }: CallOptions): Promise<T> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        reject(signal?.reason as Error)
        this.#port.item(hostItems.abort).number(id)
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#pending.set(id, {
        settle: (batch) => {
          signal?.removeEventListener('abort', onAbort)
          resolve(read(batch))
        },
        reject: (error) => {
          signal?.removeEventListener('abort', onAbort)
          reject(error)
        },
      })
    })
  }

  #take(batch: BatchReader): void {
    const kind = batch.byte()
    switch (kind) {
      case threadItems.answer:
        this.#takePending(batch.number())?.settle(batch)
        break
      case threadItems.refusal:
        this.#takePending(batch.number())?.reject(fromWireError(batch.value() as WireError))
        break
      case threadItems.alarms:
        this.#alarms = batch.value() as readonly Alarm[]
        break
      case threadItems.log:
        writeLine(this.#logger, batch.value())
        this.#logged++
        break
      case threadItems.opened:
        this.#settleOpened?.resolve()
        break
      case threadItems.failed:
        this.#settleOpened?.reject(fromWireError(batch.value() as WireError))
        break
    }
  }

  #takePending(id: number): PendingCall | undefined {
    const call = this.#pending.get(id)
    this.#pending.delete(id)
    return call
  }

  #acknowledgeLog(): void {
    if (this.#logged === 0) return
    this.#port.item(hostItems.logged).count(this.#logged)
    this.#logged = 0
  }

  #rejectAll(error: Error): void {
    // They stay: answers may be on their way still, before what a thread that ends has logged.
    for (const call of this.#pending.values()) call.reject(error)
  }
}

function toFlags({ signal, serializable }: ReadOptions): number {
  return (signal === undefined ? 0 : callFlags.signal) | (serializable === true ? callFlags.serializable : 0)
}
