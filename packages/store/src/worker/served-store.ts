import type { MessagePort } from 'node:worker_threads'
import type { Clock, Timer } from '@orrery/environment'
import type { FieldWriter } from '../field-writer.ts'
import type { Alarm, ReadOptions, Store } from '../store.ts'
import { BatchedPort, type BatchReader } from './batched-port.ts'
import { LogForwarder } from './log-forwarder.ts'
import { decodeOperation } from './operations.ts'
import { type PlainCallName, plainCalls } from './plain-calls.ts'
import { resultWriters } from './results.ts'
import { ServedReaders } from './served-readers.ts'
import { sharedStatusWriter } from './shared-status.ts'
import { callFlags, hostItems, type ReaderCommand, statusMaxAgeMs, threadItems } from './wire.ts'
import { toWireError } from './wire-errors.ts'

/** What a thread needs to serve a store. */
export interface ServedStoreParts {
  readonly port: MessagePort
  /** Where the host reads the status: see `allocateSharedStatus`. */
  readonly status: SharedArrayBuffer
  readonly clock: Clock
}

/** A store, and when the cluster knows of its member. */
export interface ServedStoreOpened {
  readonly store: Store
  readonly published: Promise<void>
}

/** A call of the host, as a plain call or one of those that only this end knows. */
type AnyCallName = PlainCallName | 'published' | 'close'

/** The end of the wire at the store. Nothing is served before it is open; log lines are forwarded from the beginning. */
export class ServedStore {
  readonly log: LogForwarder
  readonly #port: BatchedPort
  readonly #writeStatus: ReturnType<typeof sharedStatusWriter>
  readonly #clock: Clock
  /** Of calls whose callers may stop waiting. */
  readonly #controllers = new Map<number, AbortController>()
  #opened: (ServedStoreOpened & { readonly readers: ServedReaders }) | undefined
  #alarms: readonly Alarm[] | undefined
  #timer: Timer | undefined

  constructor({ port, status, clock }: ServedStoreParts) {
    this.#clock = clock
    this.#writeStatus = sharedStatusWriter(status)
    this.#port = new BatchedPort(port, () => this.#tellStatus())
    this.log = new LogForwarder(this.#port)
    this.#port.listen((batch) => {
      while (!batch.done) this.#take(batch)
    })
  }

  /** Begins to serve. */
  open(opened: ServedStoreOpened): void {
    this.#opened = { ...opened, readers: new ServedReaders(opened.store) }
    this.#tellStatus()
    this.#arm()
    this.#port.item(threadItems.opened)
    this.#port.post()
  }

  /** Tells that there is nothing to serve. */
  fail(error: unknown): void {
    this.#port.item(threadItems.failed)
    this.#port.value(toWireError(error))
    this.#port.post()
  }

  #take(batch: BatchReader): void {
    const kind = batch.byte()
    switch (kind) {
      case hostItems.operation:
        this.#operation(batch.number(), batch.byte(), batch.bytes())
        break
      case hostItems.call:
        this.#call(batch.number(), batch.byte(), batch.value() as [AnyCallName, unknown])
        break
      case hostItems.abort:
        this.#controllers.get(batch.number())?.abort()
        break
      case hostItems.pull:
        this.#pull(batch.number(), batch.number())
        break
      case hostItems.reader:
        this.#opened?.readers.perform(batch.value() as ReaderCommand)
        break
      case hostItems.logged:
        this.log.taken(batch.count())
        break
    }
  }

  #operation(id: number, flags: number, bytes: Uint8Array): void {
    const operation = decodeOperation(bytes)
    const options = this.#optionsOf(id, flags)
    const { store } = this.#require()
    switch (operation.type) {
      case 'put':
        this.#answer(id, store.put(operation, options), resultWriters.put)
        break
      case 'range':
        this.#answer(id, store.range(operation, options), resultWriters.range)
        break
      case 'deleteRange':
        this.#answer(id, store.deleteRange(operation, options), resultWriters.deleteRange)
        break
      case 'txn':
        this.#answer(id, store.txn(operation, options), resultWriters.txn)
        break
    }
  }

  #call(id: number, flags: number, [name, argument]: [AnyCallName, unknown]): void {
    const options = this.#optionsOf(id, flags)
    this.#answer(id, this.#perform(name, options, argument), (_to, result) => this.#port.value(result))
  }

  #perform(name: AnyCallName, options: ReadOptions, argument: unknown): Promise<unknown> {
    const { store, published } = this.#require()
    if (name === 'published') return published
    if (name === 'close') return this.#close(store)
    // The host's end gave an argument that fits the name.
    const call = plainCalls[name] as (
      store: Store,
      options: ReadOptions,
      argument: unknown,
    ) => Promise<unknown>
    return call(store, options, argument)
  }

  #pull(id: number, reader: number): void {
    this.#answer(id, this.#require().readers.pull(reader), (to, write) => {
      to.flag(write !== undefined)
      write?.(to)
    })
  }

  #answer<T>(id: number, result: Promise<T>, write: (to: FieldWriter, result: T) => void): void {
    result.then(
      (value) => {
        this.#controllers.delete(id)
        const to = this.#port.item(threadItems.answer)
        to.number(id)
        write(to, value)
      },
      (error: unknown) => {
        this.#controllers.delete(id)
        this.#port.item(threadItems.refusal).number(id)
        this.#port.value(toWireError(error))
      },
    )
  }

  #optionsOf(id: number, flags: number): ReadOptions {
    const serializable = (flags & callFlags.serializable) !== 0
    if ((flags & callFlags.signal) === 0) return { serializable }
    const controller = new AbortController()
    this.#controllers.set(id, controller)
    return { serializable, signal: controller.signal }
  }

  async #close(store: Store): Promise<void> {
    await store.close()
    this.#timer?.cancel()
  }

  #require(): ServedStoreOpened & { readonly readers: ServedReaders } {
    if (this.#opened === undefined) throw new Error('the host calls a store that is not open yet')
    return this.#opened
  }

  /** What changes by itself, such as who leads, is seen by the host without its asking. */
  #arm(): void {
    this.#timer = this.#clock.setTimer(statusMaxAgeMs, () => {
      this.#tellStatus()
      this.#arm()
    })
  }

  #tellStatus(): void {
    if (this.#opened === undefined) return
    const { store, readers } = this.#opened
    const { alarms, ...status } = store.status()
    this.#writeStatus({ ...status, hostWatchers: readers.watchers })
    if (alarms === this.#alarms) return
    this.#alarms = alarms
    this.#port.item(threadItems.alarms)
    this.#port.value(alarms)
  }
}
