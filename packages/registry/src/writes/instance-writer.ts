import { encodeInstance } from '../codec.ts'
import { RegistryError } from '../errors.ts'
import { createInstance } from '../instance-record.ts'
import { escapeName, instancePath, servicePath } from '../keys.ts'
import type { Instance, InstanceChanges, InstanceKey, InstanceSpec, ServiceKey } from '../model.ts'
import type { CallOptions, WriteOptions } from '../registry.ts'
import {
  changeInstance,
  checkInstanceKey,
  type InstanceDraft,
  sameInstance,
  toInstance,
} from '../validate.ts'
import type { View } from '../view/view.ts'
import type { InstanceWrite } from './instance-batch.ts'
import type { WriteQueue } from './write-queue.ts'

/** What an instance writer works with. */
export interface InstanceWriterParts {
  readonly queue: WriteQueue
  readonly view: View
  readonly autoCreate: boolean
  readonly evictAfterMs: number
  /** The time of day. Unit: ms. */
  readonly wallMs: () => number
  readonly reached: (revision: number, options: CallOptions) => Promise<void>
  /** The instance as the store has it now, everywhere. */
  readonly read: (key: InstanceKey, options: CallOptions) => Promise<Instance | undefined>
  /** Whether the store has the service now. */
  readonly hasService: (key: ServiceKey, options: CallOptions) => Promise<boolean>
}

/** How often a write is decided anew because somebody else was faster. */
const attemptsMax = 64

/** Writes of instances that users ask for. */
export class InstanceWriter {
  readonly #parts: InstanceWriterParts

  constructor(parts: InstanceWriterParts) {
    this.#parts = parts
  }

  async register(spec: InstanceSpec, options: WriteOptions): Promise<Instance> {
    requireRevision(options)
    const { evictAfterMs, wallMs } = this.#parts
    const decide = (current: Instance | undefined): InstanceDraft =>
      toInstance(spec, { current, evictAfterMs, wallMs: wallMs() })
    // What is wrong with it is said before it waits.
    const first = decide(undefined)
    const { namespace, service, id } = first
    return await this.#change(
      { namespace, service, id },
      { mustExist: false, decide: (current) => (current === undefined ? first : decide(current)) },
      options,
    )
  }

  async update(
    key: InstanceKey,
    changes: InstanceChanges | ((current: Instance) => InstanceChanges | undefined),
    options: WriteOptions,
  ): Promise<Instance> {
    requireRevision(options)
    checkInstanceKey(key)
    const decide = (current: Instance | undefined): InstanceDraft => {
      if (current === undefined) throw notFound(key)
      const wanted = typeof changes === 'function' ? changes(current) : changes
      return wanted === undefined ? current : changeInstance(current, wanted, this.#parts.wallMs())
    }
    return await this.#change(key, { mustExist: true, decide }, options)
  }

  async deregister(key: InstanceKey, options: WriteOptions): Promise<{ readonly revision: number }> {
    requireRevision(options)
    checkInstanceKey(key)
    const { queue, view, reached } = this.#parts
    const { ifRevision } = options
    const revision = await queue.inOrder(instancePath(key), async () => {
      // Who deregisters what does not exist shall not make the store write.
      const known = view.entry(key)?.instance ?? (await this.#parts.read(key, options))
      if (known === undefined) throw notFound(key)
      const write = {
        ...placeOf(key),
        expected: ifRevision,
        outcome: { type: 'remove', reason: 'deregistered' },
        fenced: false,
        serviceCreated: undefined,
      } as const
      const result = await queue.submit('deregister', write, options)
      if (result.type === 'done') return result.revision
      const current = await this.#parts.read(key, options)
      if (current === undefined) throw notFound(key)
      throw conflict(ifRevision, current.revision)
    })
    await reached(revision, options)
    return { revision }
  }

  /** Writes what is decided on what there is, until nobody is faster. */
  async #change(key: InstanceKey, decision: Decision, options: WriteOptions): Promise<Instance> {
    const { queue, view, reached, read } = this.#parts
    const instance = await queue.inOrder(instancePath(key), async () => {
      let current = view.entry(key)?.instance
      // This member may only not have heard of it yet.
      if (current === undefined && decision.mustExist) current = await read(key, options)
      for (let attempt = 0; attempt < attemptsMax; attempt++) {
        options.signal?.throwIfAborted()
        const outcome = await this.#try(key, { current, decision }, options)
        if (outcome.done) return outcome.instance
        current = outcome.current
      }
      throw new RegistryError('REGISTRY_OVERLOADED', `others changed it ${attemptsMax} times meanwhile`)
    })
    await reached(instance.revision, options)
    return instance
  }

  async #try(
    key: InstanceKey,
    { current, decision }: { readonly current: Instance | undefined; readonly decision: Decision },
    options: WriteOptions,
  ): Promise<Outcome> {
    const { queue, view, reached, read } = this.#parts
    const { ifRevision } = options
    if (ifRevision !== undefined && ifRevision !== (current?.revision ?? 0)) {
      const newest = await read(key, options)
      if ((newest?.revision ?? 0) !== ifRevision) throw conflict(ifRevision, newest?.revision ?? 0)
      return { done: false, current: newest }
    }
    const draft = decision.decide(current)
    const write = await this.#writeOf(key, { current, draft }, options)
    const result = await queue.submit('register', write, options)
    if (result.type === 'differs') return { done: false, current: await read(key, options) }
    const { revision } = result
    if (result.type === 'noService') {
      await reached(revision, options)
      return { done: false, current: view.entry(key)?.instance }
    }
    if (current !== undefined && write.outcome === undefined) return { done: true, instance: current }
    const createdRevision = current?.createdRevision ?? revision
    return { done: true, instance: createInstance(draft, { revision, createdRevision }) }
  }

  async #writeOf(
    key: InstanceKey,
    { current, draft }: { readonly current: Instance | undefined; readonly draft: InstanceDraft },
    options: CallOptions,
  ): Promise<InstanceWrite> {
    const view = this.#parts.view.service(key)
    const record = view?.record
    if (record?.aliasOf !== undefined) {
      throw new RegistryError(
        'REGISTRY_ALIAS_INVALID',
        `${key.service} is an alias: it has no instances of its own`,
      )
    }
    const serviceCreated = record?.createdRevision ?? ((await this.#mayCreate(key, options)) ? 0 : undefined)
    const isSame = current !== undefined && sameInstance(current, draft)
    return {
      key,
      servicePath: view?.path ?? servicePath(key),
      idPath: escapeName(key.id),
      expected: current?.revision ?? 0,
      outcome: isSame ? undefined : { type: 'put', value: encodeInstance(draft) },
      fenced: false,
      serviceCreated,
    }
  }

  /** @returns whether the service has to be created; false: it is there, though this member has not heard of it */
  async #mayCreate(key: ServiceKey, options: CallOptions): Promise<boolean> {
    if (this.#parts.autoCreate) return true
    if (await this.#parts.hasService(key, options)) return false
    if (this.#parts.view.namespace(key.namespace) === undefined) {
      throw new RegistryError('REGISTRY_NAMESPACE_NOT_FOUND', `there is no namespace ${key.namespace}`)
    }
    throw new RegistryError(
      'REGISTRY_SERVICE_NOT_FOUND',
      `there is no service ${key.service} in ${key.namespace}`,
    )
  }
}

interface Decision {
  /** Nothing is decided on what does not exist. */
  readonly mustExist: boolean
  readonly decide: (current: Instance | undefined) => InstanceDraft
}

/** Of one attempt. Not done: somebody was faster, and it is `current` now. */
type Outcome =
  | { readonly done: true; readonly instance: Instance }
  | { readonly done: false; readonly current: Instance | undefined }

/** Where an instance stands. */
function placeOf(key: InstanceKey): Pick<InstanceWrite, 'key' | 'servicePath' | 'idPath'> {
  return { key, servicePath: servicePath(key), idPath: escapeName(key.id) }
}

function requireRevision({ ifRevision, signal }: WriteOptions): void {
  signal?.throwIfAborted()
  if (ifRevision === undefined || (Number.isSafeInteger(ifRevision) && ifRevision >= 0)) return
  throw new RegistryError('REGISTRY_INVALID', `ifRevision: expected an integer from 0 on, got ${ifRevision}`)
}

function notFound({ namespace, service, id }: InstanceKey): RegistryError {
  return new RegistryError(
    'REGISTRY_INSTANCE_NOT_FOUND',
    `there is no instance ${id} of ${service} in ${namespace}`,
  )
}

function conflict(ifRevision: number | undefined, revision: number): RegistryError {
  return new RegistryError('REGISTRY_CONFLICT', `it is at revision ${revision}, not at ${String(ifRevision)}`)
}
