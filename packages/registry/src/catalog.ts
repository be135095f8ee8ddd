import { hasCode } from '@orrery/environment'
import type { KeyValue } from '@orrery/mvcc'
import type { Compare, Store, TxnOp } from '@orrery/store'
import {
  createDecoder,
  type Decoder,
  encodeNamespace,
  encodeRemovals,
  encodeService,
  type StoredValue,
} from './codec.ts'
import { RegistryError } from './errors.ts'
import { objectOf } from './fields.ts'
import { matchesMetadata, matchesName, pageOf } from './filters.ts'
import { endOf, escapeName, servicePath, unescapeName } from './keys.ts'
import { registryLimits } from './limits.ts'
import type { Namespace, NamespaceSpec, RemovalReason, Service, ServiceKey, ServiceSpec } from './model.ts'
import type {
  CallOptions,
  Namespaces,
  Page,
  ServiceQuery,
  Services,
  ServiceSummary,
  WriteOptions,
} from './registry.ts'
import { checkNamespaceName, checkServiceKey, toNamespace, toService } from './validate.ts'

/** What the catalog shows: this member's view of the store. */
export interface CatalogView {
  namespace(name: string): Namespace | undefined
  namespaces(): Iterable<Namespace>
  service(key: ServiceKey): Service | undefined
  /** In no particular order. */
  summaries(): Iterable<ServiceSummary>
  reached(revision: number, options: CallOptions): Promise<void>
  /** @throws RegistryError when the registry does not serve */
  ensureOpen(): void
}

/** What the catalog works with. */
export interface CatalogDeps {
  readonly store: Pick<Store, 'get' | 'range' | 'txn'>
  /** Under which all keys stand. */
  readonly prefix: string
  /** Creates namespaces with their first service. */
  readonly autoCreate: boolean
  readonly view: CatalogView
}

/** Of a service of which only the value matters. */
const unnamed: ServiceKey = { namespace: '', service: '' }

/** How often a write is decided anew because somebody else was faster. */
const attemptsMax = 64

/** Instances that are removed in one txn, beside the record that says why. */
const sliceMaxInstances = 99

/** Namespaces in the store. Every write is one txn, which decides by what the store has, not by what is shown here. */
export function createNamespaces(deps: CatalogDeps): Namespaces {
  return new StoreNamespaces(deps)
}

/** Services in the store. Every write is one txn, which decides by what the store has, not by what is shown here. */
export function createServices(deps: CatalogDeps): Services {
  return new StoreServices(deps)
}

class StoreNamespaces implements Namespaces {
  readonly #deps: CatalogDeps
  readonly #decoder: Decoder = createDecoder()

  constructor(deps: CatalogDeps) {
    this.#deps = deps
  }

  async create(name: string, spec: NamespaceSpec = {}, options: CallOptions = {}): Promise<Namespace> {
    const { store, view } = this.#deps
    view.ensureOpen()
    const draft = toNamespace(name, spec)
    const key = this.#keyOf(name)
    const { succeeded, revision } = await store.txn(
      { compare: [isAbsent(key)], success: [{ type: 'put', key, value: encodeNamespace(draft) }] },
      options,
    )
    if (!succeeded)
      throw new RegistryError('REGISTRY_NAMESPACE_EXISTS', `there is a namespace ${name} already`)
    await view.reached(revision, options)
    return { ...draft, revision, createdRevision: revision }
  }

  async update(name: string, changes: NamespaceSpec, options: WriteOptions = {}): Promise<Namespace> {
    const { view } = this.#deps
    view.ensureOpen()
    checkNamespaceName(name)
    const key = this.#keyOf(name)
    const read = (kv: KeyValue): Namespace => this.#decoder.namespace(name, kv)
    const change = (current: Namespace): Change<Namespace> => {
      const draft = toNamespace(name, changes, current)
      return { value: encodeNamespace(draft), result: (revision) => ({ ...current, ...draft, revision }) }
    }
    const missing = (): RegistryError => noNamespace(name)
    return await rewrite(this.#deps, { key, read, change, missing }, options)
  }

  async delete(name: string, options: WriteOptions = {}): Promise<void> {
    const { store, prefix, view } = this.#deps
    view.ensureOpen()
    checkNamespaceName(name)
    const key = this.#keyOf(name)
    const services = `${prefix}services/${escapeName(name)}/`
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const kv = await store.get(key, options)
      if (kv === undefined) throw noNamespace(name)
      requireRevision(options, kv)
      const { succeeded, revision, responses } = await store.txn(
        {
          compare: [isAt(key, kv), isAbsent(services, endOf(services))],
          success: [{ type: 'deleteRange', key }],
          failure: [{ type: 'range', key: services, rangeEnd: endOf(services), countOnly: true }],
        },
        options,
      )
      if (succeeded) {
        await view.reached(revision, options)
        return
      }
      const [inUse] = responses
      if (inUse?.type === 'range' && inUse.count > 0) {
        throw new RegistryError('REGISTRY_NAMESPACE_IN_USE', `${name} still has ${inUse.count} services`)
      }
    }
    throw tooBusy()
  }

  get(name: string): Namespace | undefined {
    return this.#deps.view.namespace(name)
  }

  list(): readonly Namespace[] {
    return [...this.#deps.view.namespaces()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  #keyOf(name: string): string {
    return `${this.#deps.prefix}namespaces/${escapeName(name)}`
  }
}

class StoreServices implements Services {
  readonly #deps: CatalogDeps
  readonly #decoder: Decoder = createDecoder()

  constructor(deps: CatalogDeps) {
    this.#deps = deps
  }

  async create(key: ServiceKey, spec: ServiceSpec = {}, options: CallOptions = {}): Promise<Service> {
    const { view } = this.#deps
    view.ensureOpen()
    const draft = toService(key, spec)
    const { aliasOf } = draft
    const put = { type: 'put', key: this.#keyOf(key), value: encodeService(draft) } as const
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const target = aliasOf === undefined ? undefined : await this.#targetOf(key, aliasOf, options)
      const result = await this.#createOnce(put, { key, target }, options)
      if (result === undefined) continue
      await view.reached(result, options)
      return { ...draft, revision: result, createdRevision: result }
    }
    throw tooBusy()
  }

  async update(key: ServiceKey, changes: ServiceSpec, options: WriteOptions = {}): Promise<Service> {
    this.#deps.view.ensureOpen()
    checkServiceKey(key)
    if (objectOf(changes, 'service')['aliasOf'] !== undefined) {
      throw new RegistryError('REGISTRY_ALIAS_INVALID', 'what a service is an alias of does not change')
    }
    const read = (kv: KeyValue): Service => this.#decoder.service(key, kv)
    const change = (current: Service): Change<Service> => {
      const draft = toService(key, changes, current)
      return { value: encodeService(draft), result: (revision) => ({ ...current, ...draft, revision }) }
    }
    const missing = (): RegistryError => noService(key)
    return await rewrite(this.#deps, { key: this.#keyOf(key), read, change, missing }, options)
  }

  async delete(
    key: ServiceKey,
    options: WriteOptions & { readonly withInstances?: boolean | undefined } = {},
  ): Promise<void> {
    const { store, view } = this.#deps
    view.ensureOpen()
    checkServiceKey(key)
    let removed = 0
    for (let attempt = 0; attempt < attemptsMax; attempt++) {
      const kv = await store.get(this.#keyOf(key), options)
      if (kv === undefined) throw noService(key)
      requireRevision(options, kv)
      const seen = await this.#requireNoAlias(key, options)
      if (options.withInstances === true)
        removed += await this.#removeInstances(key, { kv, removed }, options)
      const revision = await this.#deleteOnce(key, { kv, seen }, options)
      if (revision === undefined) continue
      await view.reached(revision, options)
      return
    }
    throw tooBusy()
  }

  get(key: ServiceKey): Service | undefined {
    return this.#deps.view.service(key)
  }

  list(query: ServiceQuery = {}): Page<ServiceSummary> {
    const { namespace, name, business, department, metadata, withHealthyInstance } = query
    const matching = [...this.#deps.view.summaries()].filter(
      ({ service, healthy }) =>
        (namespace === undefined || service.namespace === namespace) &&
        (name === undefined || matchesName(service.name, name)) &&
        (business === undefined || service.business === business) &&
        (department === undefined || service.department === department) &&
        (metadata === undefined || matchesMetadata(service.metadata, metadata)) &&
        (withHealthyInstance !== true || healthy > 0),
    )
    return pageOf(matching.sort(byPlace), query)
  }

  /** @returns the revision of the creation; undefined: the target of the alias changed meanwhile */
  async #createOnce(
    put: Extract<TxnOp, { type: 'put' }>,
    { key, target }: { readonly key: ServiceKey; readonly target: KeyValue | undefined },
    options: CallOptions,
  ): Promise<number | undefined> {
    const { store, prefix, autoCreate } = this.#deps
    const space = `${prefix}namespaces/${escapeName(key.namespace)}`
    const aliasOf = target === undefined ? [] : [isAt(keyString(target), target)]
    const ensure: readonly TxnOp[] = autoCreate ? [ensureNamespace(space, key.namespace)] : []
    const { succeeded, revision, responses } = await store.txn(
      {
        compare: [isAbsent(put.key), ...(autoCreate ? [] : [isPresent(space)]), ...aliasOf],
        success: [...ensure, put],
        failure: [
          { type: 'range', key: put.key, countOnly: true },
          { type: 'range', key: space, countOnly: true },
        ],
      },
      options,
    )
    if (succeeded) return revision
    const [existing, parent] = responses
    if (existing?.type === 'range' && existing.count > 0) {
      throw new RegistryError('REGISTRY_SERVICE_EXISTS', `there is a service ${key.service} already`)
    }
    if (!autoCreate && parent?.type === 'range' && parent.count === 0) throw noNamespace(key.namespace)
    return undefined
  }

  /** What an alias is to stand for: a service that is none itself. */
  async #targetOf(key: ServiceKey, aliasOf: ServiceKey, options: CallOptions): Promise<KeyValue> {
    if (servicePath(key) === servicePath(aliasOf)) throw badAlias('a service is no alias of itself')
    const kv = await this.#deps.store.get(this.#keyOf(aliasOf), options)
    if (kv === undefined) throw noService(aliasOf)
    if (this.#decoder.service(aliasOf, kv).aliasOf !== undefined) {
      throw badAlias(`${aliasOf.service} is an alias itself`)
    }
    return kv
  }

  /**
   * Looks through all services for an alias of this one.
   *
   * @returns the revision at which there was none: a service that is created after it has a later one
   */
  async #requireNoAlias(key: ServiceKey, options: CallOptions): Promise<number> {
    const { store, prefix } = this.#deps
    const area = `${prefix}services/`
    let from = area
    let revision = 0
    for (;;) {
      const page = await store.range({ key: from, rangeEnd: endOf(area), limit: 1_000, revision }, options)
      if (revision === 0) revision = page.revision
      for (const kv of page.kvs) this.#requireIsNoAlias(kv, key, area)
      const last = page.kvs.at(-1)
      if (!page.more || last === undefined) return revision
      from = `${last.keyString}\0`
    }
  }

  #requireIsNoAlias(kv: KeyValue, key: ServiceKey, area: string): void {
    const aliasOf = this.#aliasOf(kv)
    if (aliasOf === undefined || servicePath(aliasOf) !== servicePath(key)) return
    const alias = kv.keyString.slice(area.length)
    throw new RegistryError('REGISTRY_SERVICE_IN_USE', `${alias} is an alias of ${key.service}`)
  }

  /** What cannot be read is a service for nobody, and so no alias either. */
  #aliasOf(kv: KeyValue): ServiceKey | undefined {
    try {
      return this.#decoder.service(unnamed, kv).aliasOf
    } catch (error) {
      if (hasCode(error, 'REGISTRY_INVALID')) return undefined
      throw error
    }
  }

  /** @returns the revision of the deletion; undefined: something came in between */
  async #deleteOnce(
    key: ServiceKey,
    { kv, seen }: { readonly kv: StoredValue; readonly seen: number },
    options: WriteOptions & { readonly withInstances?: boolean | undefined },
  ): Promise<number | undefined> {
    const { store, prefix } = this.#deps
    const area = `${prefix}services/`
    const instances = `${prefix}instances/${servicePath(key)}/`
    const { succeeded, revision, responses } = await store.txn(
      {
        compare: [
          isAt(this.#keyOf(key), kv),
          isAbsent(instances, endOf(instances)),
          // No service, and so no alias, is younger than when there was none.
          { key: area, rangeEnd: endOf(area), target: 'createRevision', result: 'less', value: seen + 1 },
        ],
        success: [
          { type: 'deleteRange', key: this.#keyOf(key) },
          { type: 'deleteRange', key: `${prefix}removals/${servicePath(key)}` },
        ],
        failure: [{ type: 'range', key: instances, rangeEnd: endOf(instances), countOnly: true }],
      },
      options,
    )
    if (succeeded) return revision
    const [inUse] = responses
    if (inUse?.type === 'range' && inUse.count > 0 && options.withInstances !== true) {
      throw new RegistryError('REGISTRY_SERVICE_IN_USE', `${key.service} still has ${inUse.count} instances`)
    }
    return undefined
  }

  /**
   * Removes all instances, a slice at a time, as long as the service is the same.
   *
   * @param before how many were removed already
   * @returns how many it removed
   */
  async #removeInstances(
    key: ServiceKey,
    { kv, removed: before }: { readonly kv: StoredValue; readonly removed: number },
    options: CallOptions,
  ): Promise<number> {
    const { store, prefix } = this.#deps
    const { deleteMaxInstances } = registryLimits
    const area = `${prefix}instances/${servicePath(key)}/`
    for (let removed = 0; ; ) {
      const { kvs, count } = await store.range(
        { key: area, rangeEnd: endOf(area), limit: sliceMaxInstances, keysOnly: true },
        options,
      )
      if (kvs.length === 0) return removed
      if (before + removed + count > deleteMaxInstances) {
        const tooMany = `${key.service} has ${count} instances, more than are removed with it`
        throw new RegistryError('REGISTRY_SERVICE_IN_USE', tooMany)
      }
      const keys = kvs.map(({ keyString }) => keyString)
      const reason: RemovalReason = 'serviceDeleted'
      const reasons = new Map(keys.map((one) => [unescapeName(one.slice(area.length)), reason]))
      const { succeeded } = await store.txn(
        {
          compare: [isAt(this.#keyOf(key), kv)],
          success: [
            { type: 'put', key: `${prefix}removals/${servicePath(key)}`, value: encodeRemovals(reasons) },
            ...keys.map((one): TxnOp => ({ type: 'deleteRange', key: one })),
          ],
        },
        options,
      )
      if (!succeeded) return removed
      removed += kvs.length
    }
  }

  #keyOf(key: ServiceKey): string {
    return `${this.#deps.prefix}services/${servicePath(key)}`
  }
}

/** What is to be written, and what the caller gets when it has been. */
interface Change<T> {
  readonly value: string
  readonly result: (revision: number) => T
}

interface Rewrite<T> {
  readonly key: string
  readonly read: (kv: KeyValue) => T
  readonly change: (current: T) => Change<T>
  readonly missing: () => RegistryError
}

/** Reads, changes and writes a key, until nobody is faster. */
async function rewrite<T>(
  { store, view }: CatalogDeps,
  { key, read, change, missing }: Rewrite<T>,
  options: WriteOptions,
): Promise<T> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const kv = await store.get(key, options)
    if (kv === undefined) throw missing()
    requireRevision(options, kv)
    const { value, result } = change(read(kv))
    const { succeeded, revision } = await store.txn(
      { compare: [isAt(key, kv)], success: [{ type: 'put', key, value }] },
      options,
    )
    if (!succeeded) continue
    await view.reached(revision, options)
    return result(revision)
  }
  throw tooBusy()
}

function ensureNamespace(key: string, name: string): TxnOp {
  const value = encodeNamespace(toNamespace(name, {}))
  return { type: 'txn', compare: [isAbsent(key)], success: [{ type: 'put', key, value }] }
}

function isAbsent(key: string | Uint8Array, rangeEnd?: string): Compare {
  return { key, rangeEnd, target: 'createRevision', result: 'equal', value: 0 }
}

function isPresent(key: string): Compare {
  return { key, target: 'createRevision', result: 'notEqual', value: 0 }
}

function isAt(key: string, { modRevision }: StoredValue): Compare {
  return { key, target: 'modRevision', result: 'equal', value: modRevision }
}

function keyString(kv: KeyValue): string {
  return kv.keyString
}

/** @throws RegistryError `REGISTRY_CONFLICT` */
function requireRevision({ ifRevision }: WriteOptions, { modRevision }: StoredValue): void {
  if (ifRevision === undefined || ifRevision === modRevision) return
  throw new RegistryError('REGISTRY_CONFLICT', `it is at revision ${modRevision}, not at ${ifRevision}`)
}

function byPlace({ service: a }: ServiceSummary, { service: b }: ServiceSummary): number {
  if (a.namespace !== b.namespace) return a.namespace < b.namespace ? -1 : 1
  return a.name < b.name ? -1 : 1
}

function badAlias(reason: string): RegistryError {
  return new RegistryError('REGISTRY_ALIAS_INVALID', reason)
}

function noNamespace(name: string): RegistryError {
  return new RegistryError('REGISTRY_NAMESPACE_NOT_FOUND', `there is no namespace ${name}`)
}

function noService({ namespace, service }: ServiceKey): RegistryError {
  return new RegistryError('REGISTRY_SERVICE_NOT_FOUND', `there is no service ${service} in ${namespace}`)
}

function tooBusy(): RegistryError {
  return new RegistryError('REGISTRY_OVERLOADED', `others changed it ${attemptsMax} times meanwhile`)
}
